"""Redirections by a vendor (RFC 3261 8.1.3.4 and 21.3), by the policy of its gateway (`PeerProfile.redirects`).

``follow``: the contacts are tried within the same attempt, by q, each once, so many in all.  Only sip and sips URIs
to the gateway's own hosts, or to those of `redirect_hosts`, and never back to where we listen: a vendor that could
name any host could have us call expensive numbers elsewhere, on our account there.  The number is that of the
contact's user; the caller goes on paying for the one that it dialled.  Credentials are for the gateway's own host only.

``pass``: the caller gets the 3xx with the contacts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from vosswitch.model.causes import Cause, from_sip
from vosswitch.model.places import is_literal, settled
from vosswitch.model.signals import Redirected
from vosswitch.sip.grammar.message import BadMessage
from vosswitch.sip.grammar.uri import host_text
from vosswitch.sip.grammar.wire import user_text
from vosswitch.sip.identity.addressing import unicast
from vosswitch.sip.legs.states import State
from vosswitch.sip.legs.tries import Deserted, Tries, proof_name

if TYPE_CHECKING:
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.signals import Headers
    from vosswitch.model.values import Address
    from vosswitch.sip.grammar.headers import NameAddr
    from vosswitch.sip.grammar.message import Response
    from vosswitch.sip.legs.outgoing import OutgoingLeg

MOST = 8
"""Contacts that are tried in one attempt, and that are taken from one response."""
ANY = "*"
_TRANSPORTS = frozenset({"udp", "tcp", "tls", "ws", "wss"})


class Place(NamedTuple):
    """A contact that may be called.

    :ivar uri: as we ask for it: without headers, and without parameters that are not ours to send.
    """

    address: Address
    user: str
    uri: str


def contacts_of(response: Response) -> list[NameAddr]:
    """The contacts that can be called at all, the preferred first; none when they cannot be read."""
    try:
        found = [item for item in response.contacts if not item.is_wildcard and item.uri.scheme in {"sip", "sips"}]
    except BadMessage:
        return []
    return sorted(found, key=_preference)[:MOST]


def _preference(contact: NameAddr) -> float:
    try:
        q = float(contact.params.get("q") or 1)
    except ValueError:
        return 0.0
    return -q if 0 <= q <= 1 else 0.0


def place_of(contact: NameAddr, callee: str) -> Place | None:
    """Where a contact leads; None for a transport that we do not know.

    :param callee: the number when it names none.
    """
    uri = contact.uri
    transport = (uri.params.get("transport") or "auto").lower()
    if uri.scheme == "sips":
        transport = {"auto": "tls", "tcp": "tls", "ws": "wss"}.get(transport, transport)
    if transport != "auto" and transport not in _TRANSPORTS:
        return None
    host, user = uri.host.lower(), uri.user or callee
    parameter = "" if transport == "auto" else f";transport={transport}"
    text = f"{uri.scheme}:{user_text(user)}@{host_text(host, uri.port)}{parameter}"
    return Place(settled(host, uri.port or 0, transport), user, text)


def passed_on(response: Response) -> Headers:
    """The contacts for a caller that is to follow them itself, as header values."""
    return tuple([("contact", f"<{item.uri.text}>{_q(item)}") for item in contacts_of(response)])


def _q(contact: NameAddr) -> str:
    q = contact.params.get("q")
    return f";q={q}" if q and q.replace(".", "", 1).isascii() and q.replace(".", "", 1).isdigit() else ""


def cause_of(status: int, response: Response, profile: PeerProfile) -> Cause:
    """The cause of a refusal; a redirection that is not followed counts as the peer's refusal."""
    if status < 400:
        told = status if profile.redirects == "pass" and contacts_of(response) else 480
        return Cause("client_error", status, told, 127, response.reason)
    return from_sip(status, response.reason)


class Redirects:
    """The contacts of one attempt.

    :ivar _tried: where it was before, as URIs; *_left* what is to be tried, next first.
    """

    __slots__ = ("_left", "_leg", "_own", "_tried")

    def __init__(self, leg: OutgoingLeg) -> None:
        self._leg = leg
        self._own = leg._placement.target.host.lower()
        self._tried = {leg._asked.lower()}
        self._left: list[Place] = []

    def follow(self, response: Response) -> bool:
        """Whether another contact is tried after a 3xx: its own before those that were left."""
        places = [place_of(item, self._leg._placement.callee) for item in contacts_of(response)]
        self._left[:0] = [place for place in places if place is not None and self._may(place)]
        return self.next()

    def _may(self, place: Place) -> bool:
        hosts = self._leg.profile.redirect_hosts
        address = place.address
        flow = self._leg.flow
        seen = flow.remote.host if flow is not None else ""
        told = flow.host.strip("[]") if flow is not None else ""
        own = self._leg.stack.own
        if (address.host, address.port) in own or (address.host == told and address.port in {port for _, port in own}):
            return False
        if address.host in {self._own, seen} or address.host in hosts:
            return True
        literal = is_literal(address.host)
        return ANY in hosts and (not literal or unicast(address.host, address.port, seen or address.host))

    def next(self) -> bool:
        """Call the next contact that was not called before; False when there is none."""
        while self._left and len(self._tried) <= MOST:
            place = self._left.pop(0)
            if place.uri.lower() in self._tried:
                continue
            self._tried.add(place.uri.lower())
            if self._send(place):
                return True
        return False

    def _send(self, place: Place) -> bool:
        leg = self._leg
        address = place.address
        placement = replace(leg._placement, target=address, callee=place.user, request_uri=None, contact="", route=())
        named = not is_literal(address.host)
        flow = None if named else leg.stack.way(address, placement.local_address, proof_name(placement))
        if flow is None and not named:
            return False
        if address.host != self._own:
            leg._proof = None
        left, was, number = leg._invite, leg.flow, leg._seq
        leg._placement, leg._asked = placement, place.uri
        leg.state, leg._phase, leg._branches = State.CALLING, 0, None
        leg._seq += 1
        leg.report(Redirected(address, place.user, place.uri))
        leg._invite, leg.flow = None, flow
        if flow is None:
            leg._tries = Tries(leg)
            leg._tries.begin()
        else:
            leg._tries, leg.remote = None, flow.remote
            leg._introduce()
            leg._await(placement.timers.invite, self._expired)
            leg._call(())
        if left is not None and was is not None:
            left.rest()
            left.user = Deserted(leg, was, number)
        return True

    def _expired(self) -> None:
        """Nothing came back from there."""
        if not self.next():
            self._leg._give_up("connection_timeout")
