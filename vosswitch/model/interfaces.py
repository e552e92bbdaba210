"""Interfaces between rooms that do not know each other; `vosswitch.app` plugs the implementations together."""

from __future__ import annotations

from zope.interface import Attribute, Interface


class ILeg(Interface):
    """One side of a call, spoken in any protocol.

    A leg never calls back from within `send`'s caller's stack frame before `send` was entered; it may report further
    signals from inside `send` (a transport error), so the call has to be in a consistent state before it sends.
    After it has reported or been sent a `Release` a leg reports nothing more.
    """

    peer_call_id = Attribute("The protocol's own call id (SIP Call-ID) of this leg, text; empty until known.")
    remote = Attribute("Where the leg's peer is: an `Address`.")
    user_agent = Attribute("The peer's User-Agent or Server, text, may be empty.")
    status = Attribute("The last SIP status (or its nearest equivalent) that this side received or sent, 0 = none yet.")

    def listen(listener):
        """Report to *listener* (an `ILegListener`) from now on."""

    def send(signal):
        """Tell the peer; a signal that does not fit the leg's state is ignored."""

    def resume_data():
        """What ends this leg's dialog after a restart, as a JSON-able dict with a key ``protocol``; {} before there is a dialog."""


class ILegListener(Interface):
    """A call, as its legs see it."""

    def heard(leg, signal):
        """*leg*'s peer said *signal*."""


class ILegFactory(Interface):
    """A protocol that can place calls (the SIP service, the H.323 service)."""

    def place(placement, listener):
        """Start an outgoing leg for a `model.call.Placement` and return it (an `ILeg`).

        Never raises for what the network does: a transport failure is reported as `Release` (connection_timeout),
        at the earliest in the next turn of the reactor.
        """

    def leg_of(replaces):
        """The leg that a `Replaces` of a peer names, None when there is none, and whether that name was given away by us.

        :returns: a pair; the leg's ``listener`` is its call.
        """

    def local(target, local_address):
        """The local IP (text) from which an `Address` is reached, given `Placement.local_address`; None when not known."""

    def end_orphan(data, settled=None):
        """End the dialog of a leg of a former life of this switch: *data* is what `ILeg.resume_data` gave. Sends BYE once with retransmissions.

        :param settled: called once, when the peer has answered or is given up.
        """


class IIncomingCalls(Interface):
    """Where protocols deliver new calls (the call room's service)."""

    def incoming(leg, offered):
        """A new call: *offered* is a `Try` whose syntax and credentials are checked; the call answers through *leg*."""

    def refused(offered, reason):
        """A protocol itself refused a new call (an end reason name such as ``authentication_failed`` or ``unauthorized``) and has answered the peer; to be recorded."""


class ICredentials(Interface):
    """Who may speak to us: what protocols ask before a call or a registration goes further."""

    def trusts(source):
        """Whether the source `Address` proves its sender by itself (a mapping gateway with auth ip or ip_port)."""

    def credentials(username):
        """The `Credential` tuple of a user name (phones and password gateways); empty when there is none or it is locked."""

    def phone(username):
        """The phone number that this user name may register; None when it is no phone."""

    def dynamic(username, calling):
        """Whether this user name belongs to a gateway that registers with us (`PeerProfile.dynamic`) and is not locked.

        :param calling: it has to be one that may call us, a mapping gateway.
        """

    def profile(source, username, callee, read=None):
        """The `PeerProfile` of who calls *callee* (as received) from *source*, with the name proved by digest or None; the plain one for phones and strangers.

        :param callee: of the Request-URI.
        :param read: gives the called number of each `PeerProfile.callee_source`; None = *callee* stands for all.
        """

    def profile_at(source):
        """The `PeerProfile` of the gateway, calling or called, at a source `Address`, before anything is known of its request; the plain one for all others."""

    def challenges():
        """Whether an unknown source is asked for credentials whatever number it calls from: there is a phone, or a mapping gateway with auth ``password``."""

    def asked(source):
        """Whether a gateway that proves itself by password may call from the `Address` *source*."""

    def known(source):
        """Whether a gateway of either kind has the `Address` *source*: it is no stranger, though it may have to prove itself. Of a source that speaks H.323: whether a mapping gateway of it does."""

    def emergency(callee):
        """Whether the called number of an INVITE, as its Request-URI has it, is in a number group of emergency numbers."""

    def same_gateway(seen, source):
        """Whether the hosts of two `Address` values belong to one and the same gateway, as the operator entered it."""


class IRegistrations(Interface):
    """Where the registered phones are."""

    def contacts(number):
        """The live `Contact` tuple of a phone, the most preferred first, then the newest; empty = offline."""

    def gateway(username):
        """The live `Contact` tuple of the dynamic gateways of a user name, in the same order; empty = offline."""

    def trunk(name):
        """Our registration (a `model.trunk.Trunk`) with the routing gateway of that name; None = there is none."""


class IMediaEngine(Interface):
    """Something that can relay the media of a call."""

    def open(call_id, caller_local, callee_local, listener):
        """Take a session with one RTP/RTCP port pair per side; returns an `IMediaSession`, or None when no port is free.

        :param call_id: text, for logs and traces.
        :param caller_local: local IP towards the caller, or None for the engine's own choice; *callee_local* likewise.
            They may be of different families.
        :param listener: an `IMediaListener`.
        """


class IMediaSession(Interface):
    """The relayed media of one call."""

    def forward(side, session):
        """Take a description as *side* (`Side.CALLER` or `Side.CALLEE`) sent it; return it as the other side shall see it.

        Remembers where *side* wants its media and puts our own address, ports and origin in its place.  Streams beyond the
        first audio stream are refused with port 0 in what is forwarded (until more are carried).
        """

    def reset(side, local=None):
        """Forget what *side* told (its gateway failed; the next one answers anew).

        :param local: local IP that the side is reached from now; None = as before.
        :returns: False when there is no port for it there, and nothing has changed.
        """

    def events(side, payloads, *, taken, sent_as=None):
        """Look for telephone events (RFC 4733) in what *side* sends.

        :param payloads: their payload types; none = no longer.
        :param taken: they are told (`IMediaListener.media_digit`) and go no further; else they pass, unless the same
            digit has just been put in.
        :param sent_as: the payload type that those which pass go on with; None = their own.
        """

    def digit(side, digit, payload):
        """Put a `Digit` into what *side* hears, as telephone event of that payload type; not one that has just passed."""

    def close(done):
        """Release the ports; ``done(MediaReport)`` is called once, soon, whatever happens to the worker."""


class IMediaListener(Interface):
    """A call, as its media session sees it."""

    def media_started(side):
        """The first RTP packet of *side* came."""

    def media_digit(side, digit):
        """A `Digit` was taken out of what *side* sends; it has ended, and has its duration."""

    def media_timeout(side):
        """A side that should send has been silent for SS_MEDIA_CHECK_TIMEOUT (or both)."""
