"""The SIP room's Twisted shell: opens the sockets, sorts what comes in, places calls."""

from __future__ import annotations

import os
import random
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import MessageLengthError
from zope.interface import implementer

from vosswitch.model.causes import cause
from vosswitch.model.interfaces import ILegFactory, IRegistrations
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.places import is_literal
from vosswitch.model.values import Address
from vosswitch.params.listeners import NO_TLS
from vosswitch.sip.destinations.names import Names
from vosswitch.sip.destinations.ways import Ways, abilities
from vosswitch.sip.gate.admission import Admission
from vosswitch.sip.gate.authentication import Authentication
from vosswitch.sip.gate.authevents import AuthEvents
from vosswitch.sip.gate.entrance import Entrance
from vosswitch.sip.gate.intake import Intake
from vosswitch.sip.gate.notices import Notices
from vosswitch.sip.gate.provenance import is_same, may_speak
from vosswitch.sip.grammar.message import BadMessage, Request, Response
from vosswitch.sip.grammar.parse import parse
from vosswitch.sip.identity.addressing import Replies
from vosswitch.sip.identity.carried import server_line
from vosswitch.sip.legs.orphan import orphan
from vosswitch.sip.legs.outgoing import OutgoingLeg
from vosswitch.sip.legs.refer import leg_of
from vosswitch.sip.legs.refusal import Refused
from vosswitch.sip.legs.session import policy_of
from vosswitch.sip.legs.stack import Stack
from vosswitch.sip.reception import Reception
from vosswitch.sip.registrations.registrar import GATEWAY, Registrar
from vosswitch.sip.registrations.trunks import Trunks
from vosswitch.sip.transactions.flow import Statistics, Tokens
from vosswitch.sip.transactions.layer import Layer
from vosswitch.sip.transactions.pace import Pace
from vosswitch.sip.transactions.stateless import Stateless
from vosswitch.sip.transactions.timers import Timers
from vosswitch.sip.transactions.transaction import State as TransactionState
from vosswitch.sip.transport import NameService, Sockets, UdpSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from vosswitch.model.call import Contact, Placement
    from vosswitch.model.signals import Replaces
    from vosswitch.model.trunk import Trunk
    from vosswitch.params.boot import Listener
    from vosswitch.params.listeners import ClientTls
    from vosswitch.sip.destinations.resolution import Answer, Question
    from vosswitch.sip.grammar.headers import Via
    from vosswitch.sip.legs.stack import DialogUser
    from vosswitch.sip.legs.states import Listener as LegListener
    from vosswitch.sip.transactions.flow import Flow
    from vosswitch.sip.transactions.layer import ServerTransaction
    from vosswitch.sip.transactions.timers import Timer
    from vosswitch.sip.transport import Watcher


@implementer(ILegFactory, IRegistrations)
class SipService(Service):
    """SIP over UDP, TCP, TLS and WebSocket on the given listeners.

    :param reactor: clock, sockets.
    :param parameters: gives the system parameters in force.
    :param credentials: an `ICredentials`; *calls*: an `IIncomingCalls`.
    :param realm: of our digest challenges; *user_agent*: our name in User-Agent and Server.
    :param log: a Twisted ``Logger``.
    :param entropy: gives unguessable bytes; *wall* epoch seconds.
    :param name_servers: IP and port of each, none = those of the system; *prefer* ``ipv4`` or ``ipv6`` addresses.
    :param tls: how we connect to others by TLS.
    :raises BadCertificate: a listener's certificate, or ours, cannot be used.
    :ivar statistics: plain counters.
    :ivar watcher: told every message that comes or goes, as `transport.Watcher`; None = nobody watches.
    """

    name = "sip"

    def __init__(
        self,
        reactor: Any,
        parameters: Callable[[], Mapping[str, Any]],
        credentials: Any,
        calls: Any,
        realm: str,
        user_agent: str,
        listeners: Sequence[Listener],
        log: Any,
        entropy: Callable[[int], bytes] = os.urandom,
        wall: Callable[[], float] = time.time,
        name_servers: Sequence[tuple[str, int]] = (),
        prefer: str = "ipv4",
        tls: ClientTls = NO_TLS,
    ) -> None:
        self._reactor = reactor
        self._parameters = parameters
        self._credentials = credentials
        self._log = log
        self._intervals: tuple[float, ...] = ()
        self._paces: dict[tuple[float, ...], Pace] = {}
        self.statistics = Statistics()
        self.watcher: Watcher | None = None
        self.timers = Timers(reactor, self._trouble)
        self._notices = Notices(log, self.timers.now)
        self._note = self._notices.tell
        self.sockets = Sockets(listeners, tls, self, self.timers, reactor, log)
        self._sockets = self.sockets.all
        tokens = Tokens(entropy)
        self._layer = Layer(self.timers, self.statistics, tokens.new)
        self._ways = Ways(self._sockets)
        self._name_service = NameService(reactor, name_servers, self._heard_name, self.timers)
        chance = random.Random(int.from_bytes(entropy(8), "big"))  # noqa: S311 - shares load, hides nothing
        self.names = Names(abilities(listeners, prefer), self._name_service.ask, self.timers.now, chance)
        self._warming: Timer | None = None
        self._stack = Stack(self._layer, self.timers, tokens, self._ways.way, user_agent, self.names, self._ways.live)
        self._replies = Replies(self.statistics)
        self._open_registrations(entropy, wall)
        self._open_gate(realm, calls, entropy(32))

    def _open_registrations(self, entropy: Callable[[int], bytes], wall: Callable[[], float]) -> None:
        """Who registers with us, and where we do."""
        credentials = self._credentials
        self.registrar = Registrar(self._parameters, self.timers.now, wall)
        self.registrar.proof = lambda name: credentials.credentials(name.removeprefix(GATEWAY))
        self.trunks = Trunks(self._stack, self._parameters, lambda: entropy(1)[0] / 255, self._log)

    def _open_gate(self, realm: str, calls: Any, secret: bytes) -> None:
        """Who gets in, in which order, and who serves that."""
        stack, parameters, credentials, now = self._stack, self._parameters, self._credentials, self.timers.now
        near = self.registrar.registered_from
        self.authentication = Authentication(realm, credentials, parameters, secret, now, near)
        turn = self.serve, self._back, self._turned_away
        admission = self._admission = Admission(stack, self.authentication, credentials, parameters, *turn)
        later = partial(self._reactor.callLater, 0)
        self._intake = admission.intake = Intake(admission, now, admission.delay, later, self.statistics)
        self.take, self.serve_taken = self._intake.put, self._intake.serve
        self._reception = Reception(stack, self.registrar, credentials, calls, parameters, self._replies)
        self._stateless = Stateless(secret, self._back, self.statistics)
        self.events = AuthEvents(self._log, now)
        found = self.registrar, self.trunks
        self._entrance = Entrance(
            self.authentication, self._reception, found, self._stateless, self.events, credentials, parameters
        )

    # -- service

    def startService(self) -> None:
        """Open the listeners.

        :raises OSError: one cannot be had; it is named.
        """
        self.sockets.open()
        self._replies.own = self._stack.own = frozenset((address.host, address.port) for address in self.addresses)
        super().startService()  # type: ignore[no-untyped-call]

    def stopService(self) -> Deferred[Any]:
        """Close sockets and connections; what waits for a response is given up."""
        super().stopService()  # type: ignore[no-untyped-call]
        closing = self.sockets.close()
        self._name_service.stop()
        self.timers.stop()
        return DeferredList(closing, consumeErrors=True)

    def pause(self) -> None:
        """Read nothing: what comes waits in the sockets' buffers."""
        self.sockets.pause()

    def resume(self) -> None:
        """Read on."""
        self.sockets.resume()

    @property
    def addresses(self) -> list[Address]:
        """Where we listen."""
        return [owner.address for owner in self._sockets]

    @property
    def draining(self) -> bool:
        """Whether OPTIONS and new INVITEs get 503."""
        return self._reception.draining

    @draining.setter
    def draining(self, value: bool) -> None:
        self._reception.draining = value

    def busy(self) -> int:
        """How many requests of ours wait for their final response: BYEs at a stop, say."""
        waiting = {TransactionState.CALLING, TransactionState.TRYING, TransactionState.PROCEEDING}
        return sum(1 for found in self._layer.clients.values() if found.state in waiting)

    def counted(self) -> dict[str, Any]:
        """What has been counted since the start, and how full the tables are."""
        events = self.events.counts
        return {
            **self.statistics.shown(),
            "waiting": len(self._intake),
            "server_transactions": len(self._layer.servers),
            "client_transactions": len(self._layer.clients),
            "dialogs": len(self._stack.dialogs),
            "security_events": {name: events[name] for name in sorted(events)},
            "suspended": len(self.authentication.suspensions),
        }

    # -- registrations

    def contacts(self, number: str) -> tuple[Contact, ...]:
        """The live contacts of a phone, newest first."""
        return self.registrar.contacts(number)

    def gateway(self, username: str) -> tuple[Contact, ...]:
        """The live contacts of the dynamic gateways of a user name."""
        return self.registrar.gateway(username)

    def trunk(self, name: str) -> Trunk | None:
        """Our registration with a routing gateway."""
        return self.trunks.trunk(name)

    def registered(self) -> dict[str, tuple[Contact, ...]]:
        """Every phone and dynamic gateway that is online."""
        return self.registrar.registered()

    def poke(self, local: Address | str | None, target: Address, data: bytes) -> None:
        """Send a datagram that asks for nothing: from that listener or local IP, else from whichever fits.

        A name gets it at its present first address; none while that is not known.
        """
        if not is_literal(target.host):
            found = [address for address in self.names.steady(target) or () if address.transport == "udp"]
            if not found:
                return
            target = found[0]
        for owner in self._sockets:
            exactly = isinstance(local, Address)
            if isinstance(owner, UdpSocket) and (owner.is_at(local) if exactly else owner.fits(target, local)):  # type: ignore[arg-type]
                source = owner.source(local.host if isinstance(local, Address) else local)
                with suppress(OSError, MessageLengthError):
                    owner.put_from(source, data, (target.host, target.port))
                return

    def listens(self, local: Address) -> bool:
        """Whether an address of ours, as a device has seen it, is that of a listener."""
        return any(owner.is_at(local) for owner in self._sockets)

    # -- outgoing

    def place(self, placement: Placement, listener: LegListener) -> OutgoingLeg:
        """Start an outgoing leg."""
        pace = self._paces.get(placement.timers.resend)
        if pace is None:
            if len(self._paces) > 16:
                self._paces.clear()
            pace = self._paces[placement.timers.resend] = Pace(placement.timers.resend)
        leg = OutgoingLeg(self._stack, placement, listener, pace)
        leg.policy = policy_of(self._parameters(), placement.profile)
        leg.start()
        return leg

    def leg_of(self, replaces: Replaces) -> tuple[Any, bool]:
        """The leg that a Replaces names, and whether that name was given away by us."""
        return leg_of(self._stack, replaces)

    def end_orphan(self, data: Mapping[str, Any], settled: Callable[[], None] = lambda: None) -> None:
        """Send BYE in a dialog of a former life of this switch."""
        if data.get("protocol") != "sip":
            settled()
            return
        try:
            leg = orphan(self._stack, data, settled)
        except ValueError as why:
            self._log.warn("a leg of a former life cannot be ended: {why}", why=str(why))
            settled()
        else:
            leg.hang_up(cause("switch_restart"))

    def local(self, target: Address, local: str | None) -> str | None:
        """The local IP that *target* is reached from, of a name its present first address; None when not known."""
        if is_literal(target.host):
            return self._ways.local(target, local)
        found = self.names.steady(target)
        return self._ways.local(found[0], local) if found else None

    # -- names

    def keep_names(self, targets: Iterable[Address]) -> None:
        """Resolve the names of the configuration now, and keep them warm."""
        self.names.keep(targets)
        if self._warming is None:
            self._keep_warm()

    def _keep_warm(self) -> None:
        self._warming = self.timers.add(1.0, self._keep_warm) if self.names.tick() else None

    def _heard_name(self, question: Question, answer: Answer) -> None:
        self.names.heard(question, answer)

    # -- incoming

    def receive(self, flow: Flow, data: bytes) -> None:
        """Take in one message; whatever it is, nothing escapes."""
        self.take(flow, data, self.timers.now())
        self.serve_taken()

    def serve(self, flow: Flow, data: bytes) -> None:
        """Serve one message; whatever it is, nothing escapes."""
        self.statistics.received += 1
        self._stateless.size = len(data)
        if self.watcher is not None:
            self.watcher(False, flow, data)
        try:
            message = parse(data)
        except BadMessage as bad:
            if data.strip(b"\r\n\0 ") and len(data) > 16:
                self.unusable(flow, bad, data)
            return
        try:
            if isinstance(message, Response):
                self._layer.response(message)
            else:
                self._request(message, flow)
        except BadMessage as bad:
            bad.message = bad.message or (message if isinstance(message, Request) else None)
            self.unusable(flow, bad, data)
        except Exception as error:  # noqa: BLE001 - no message of a peer may stop the switch
            self._trouble(error)
            if isinstance(message, Request):
                self._entrance.refuse(message, flow, Refused(500))

    def _turned_away(self, source: str, late: bool) -> None:
        if late:
            self._note(
                "overload: new requests wait too long, or too many are served: refused, the last one of {source}",
                kind="shed",
                source=source,
            )
        else:
            self._note(
                "{source} sends more new requests than VS_SOURCE_CPS: refused", kind=f"cap {source}", source=source
            )

    def lost(self, flow: Flow) -> None:
        """A connection is gone."""
        self._layer.lost(flow)

    def setting(self, name: str) -> Any:
        """The effective value of a system parameter."""
        return self._parameters()[name]

    def warn(self, text: str, kind: str, **fields: Any) -> None:
        """One line in the log, seldom enough for each kind."""
        self._note(text, kind, **fields)

    def unusable(self, flow: Flow, bad: BadMessage, data: bytes = b"") -> None:
        """Count, log and, where it can be, answer what cannot be used."""
        self.statistics.bad += 1
        self._note(
            "bad message from {source}: {reason}: {head}",
            kind=f"bad {flow.remote.host}",
            source=str(flow.remote),
            reason=bad.reason,
            head=ascii(data[:160]),
        )
        if bad.message is not None:
            self._entrance.refuse(bad.message, flow, Refused(bad.status, reason=bad.reason))

    def _back(self, via: Via, flow: Flow) -> Flow:
        """Where the responses to a request go of which nothing is known yet but where it came from."""
        return self._replies.way(via, flow, self._credentials.profile_at(flow.remote))

    def _request(self, request: Request, flow: Flow) -> None:
        request.stamp(flow.remote.host, flow.remote.port)
        transaction = self._layer.find(request)
        method = request.method
        if method == "ACK":
            self._acknowledged(request, transaction, flow)
        elif method == "CANCEL":
            self._cancelled(request, transaction, flow)
        elif transaction is not None:
            self._layer.repeated(transaction, request)
        elif request.to.tag:
            self._within(request, flow)
        else:
            self._begin(request, flow)

    def _acknowledged(self, request: Request, transaction: ServerTransaction | None, flow: Flow) -> None:
        if transaction is not None and transaction.state is not TransactionState.ACCEPTED:
            if is_same(transaction.source, flow.remote, self._credentials):
                self._layer.repeated(transaction, request)
            return
        user = self._stack.dialogs.get(request.to.tag)
        if user is not None and user.owns(request) and self._is_peer(user, request, flow):
            user.acknowledged(request)
        else:
            self.statistics.stray += 1

    def _cancelled(self, request: Request, transaction: ServerTransaction | None, flow: Flow) -> None:
        if transaction is None or not (
            is_same(transaction.source, flow.remote, self._credentials)
            or self._entrance.is_known_at(transaction.user, flow.remote.host)
        ):
            self._entrance.refuse(request, flow, Refused(481))
        else:
            self._stateless.answer(request, flow, 200, tag=transaction.tag)
            transaction.cancelled(request)

    def _is_peer(self, user: DialogUser, request: Request, flow: Flow) -> bool:
        """Whether the source of an ACK in a dialog may be the peer's; tells when not."""
        if may_speak(user, flow, self._credentials) or self._entrance.is_known_at(user, flow.remote.host):
            return True
        self.events.tell("dialog_refused", request, flow, "not_the_peer")
        return False

    def _serve(self, request: Request, flow: Flow, profile: PeerProfile) -> ServerTransaction:
        intervals = self._parameters()["SS_SIP_RESEND_INTERVAL"]
        if intervals is not self._intervals:
            self._intervals = intervals
            self._layer.pace = Pace(tuple(intervals))
        transaction = self._layer.serve(request, self._replies.way(request.via, flow, profile))
        if profile is not PLAIN:
            transaction.source = flow.remote
            transaction.server = server_line(profile.user_agent)
        return transaction

    def _within(self, request: Request, flow: Flow) -> None:
        user = self._stack.dialogs.get(request.to.tag)
        if user is None or not user.owns(request):
            self._layer.count(request)
            self._entrance.refuse(request, flow, Refused(481))
            return
        if not may_speak(user, flow, self._credentials) and not self._entrance.has_moved(user, request, flow):
            self._layer.count(request)
            return
        transaction = self._serve(request, flow, user.profile)
        try:
            self._reception.within(user, request, transaction)
        except Exception as error:  # noqa: BLE001 - the peer gets an answer whatever is wrong with us
            self._trouble(error)
            transaction.respond(500)

    def _begin(self, request: Request, flow: Flow) -> None:
        if self._layer.full and not (request.method == "INVITE" and self._admission.is_emergency(request.uri, flow)):
            self._entrance.refuse(request, flow, Refused(503))
            return
        guest = self._entrance.admit(request, flow)
        if guest is None:
            self._layer.count(request)
            return
        transaction = self._serve(request, flow, self._credentials.profile_at(flow.remote))
        try:
            if self.trunks.users and request.method == "INVITE":
                with suppress(BadMessage):  # which is answered in its turn
                    self.trunks.number(request)  # the Request-URI may be a part of the transaction's key
            self._reception.requested(request, transaction, flow, guest.user)
        except Exception as error:  # noqa: BLE001 - the peer gets an answer whatever is wrong with us
            self._trouble(error)
            transaction.respond(500)

    # -- log

    def _trouble(self, error: Exception) -> None:
        self._note(
            "a message or timer failed: {error}", kind=f"trouble {type(error).__name__}", error=error, fault=True
        )
