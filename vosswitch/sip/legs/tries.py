"""One attempt, several addresses: what an outgoing leg does when its gateway is a name, or its request is large.

RFC 3263 4.3: after a transport failure, a 503, or no response at all, the next address is tried, as another
transaction.  All of them share SS_SIP_TIMEOUT_INVITE.  RFC 3261 18.1.1: a request too long for a datagram goes over
TCP, and by datagram after all when TCP is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.model.places import is_literal
from vosswitch.sip.destinations.names import ASIDE
from vosswitch.sip.legs.states import State

if TYPE_CHECKING:
    from vosswitch.model.call import Placement
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.values import Address
    from vosswitch.sip.grammar.message import Response
    from vosswitch.sip.legs.outgoing import OutgoingLeg
    from vosswitch.sip.transactions.flow import Flow
    from vosswitch.sip.transactions.layer import ClientTransaction

COLD = 3.0
"""Longest wait for a name service, seconds."""
LEAST = 1.0
"""Seconds that each address is given at least."""
NO_TCP = 600.0
"""Seconds for which a peer that has no TCP is not asked for it again."""
_PATIENCE = 32.0


def proof_name(placement: Placement) -> str | None:
    """Whom a gateway's certificate has to prove (TLS); None for what has registered, over its connection."""
    if placement.request_uri is not None or placement.contact:
        return None
    return tls_name_of(placement.profile, placement.target)


def tls_name_of(profile: PeerProfile, target: Address) -> str:
    """The name that a gateway's certificate has to bear."""
    return profile.tls_name or target.host


class Tries:
    """The addresses of one attempt that are left.

    :ivar _ends: when SS_SIP_TIMEOUT_INVITE is over, monotonic seconds.
    :ivar _stream: where the request goes by TCP only because it is large.
    """

    __slots__ = ("_ends", "_left", "_leg", "_stream")

    def __init__(self, leg: OutgoingLeg) -> None:
        self._leg = leg
        self._stream: Address | None = None
        self._left: list[Address] = []
        self._ends = leg.stack.timers.now() + leg._placement.timers.invite

    def begin(self) -> None:
        """Find the addresses of the target, and send to the first one."""
        leg = self._leg
        target = leg._placement.target
        if not is_literal(target.host):
            found = leg.stack.names.find(target)
            if found is not None:
                self._left = list(found)
                if self.next():
                    return
            elif leg.stack.names.wait(target, self._resolved):
                leg._await(min(leg._placement.timers.invite, COLD), leg._give_up, "connection_timeout")
                return
        leg._await(0.0, leg._give_up, "connection_timeout")

    def _resolved(self, found: tuple[Address, ...]) -> None:
        leg = self._leg
        if leg.flow is not None or leg.listener is None:
            return  # given up meanwhile
        self._left = list(found)
        if not self.next():
            leg._give_up("connection_timeout")

    def next(self) -> bool:
        """Send to the next address; False when none is left, or no time."""
        leg = self._leg
        while self._left:
            address = self._left.pop(0)
            left = self._ends - leg.stack.timers.now()
            if left <= 0:
                return False
            placement = leg._placement
            flow = None
            if self._suits(address):
                flow = leg.stack.way(address, placement.local_address, proof_name(placement))
            if flow is not None:
                self._send(flow, max(left / (len(self._left) + 1), LEAST))
                return True
        return False

    def _suits(self, address: Address) -> bool:
        """What our offer names as our address has to be of the same family as the way."""
        session = self._leg._placement.session
        told = "" if session is None else session.host or (session.media[0].host if session.media else "")
        return not told or (":" in told) == (":" in address.host)

    def _send(self, flow: Flow, seconds: float) -> None:
        leg = self._leg
        left, old_flow, number = leg._invite, leg.flow, leg._seq
        leg.flow, leg.remote = flow, flow.remote
        leg.state, leg._phase = State.CALLING, 0
        leg._introduce()
        leg._await(seconds, self._expired)
        if left is not None:
            leg._seq += 1
        leg._call(())
        if left is not None and old_flow is not None:
            left.rest()
            left.user = Deserted(leg, old_flow, number)

    def _expired(self) -> None:
        self._note()
        if not self.next():
            self._leg._give_up("connection_timeout")

    def _note(self) -> None:
        """The present address did not answer, or with 503."""
        flow = self._leg.flow
        if flow is not None:
            self._leg.stack.names.put_aside(flow.remote, NO_TCP if flow.remote == self._stream else ASIDE)

    def again(self) -> bool:
        """The present address has failed or refused with 503: whether another one is tried."""
        self._note()
        return self.next()

    def enlarge(self, flow: Flow) -> Flow | None:
        """The way for a request that is too long for *flow*, a datagram; None = send it by datagram all the same."""
        leg = self._leg
        stream = flow.remote._replace(transport="tcp")
        if leg._placement.profile.large != "tcp" or leg.stack.names.is_aside(stream):
            return None
        found = leg.stack.way(stream, leg._placement.local_address)
        if found is not None:
            left = self._ends - leg.stack.timers.now()
            self._stream = found.remote
            self._left.insert(0, flow.remote)
            leg._await(max(left / (len(self._left) + 1), LEAST), self._expired)
        return found


class Deserted:
    """The INVITE at an address that did not answer in time: taken back if it does after all."""

    __slots__ = ("_cancelled", "_flow", "_leg", "_number")

    def __init__(self, leg: OutgoingLeg, flow: Flow, number: int) -> None:
        self._leg = leg
        self._flow = flow
        self._number = number
        self._cancelled = False

    def answered(self, transaction: ClientTransaction, response: Response) -> None:
        """A late response."""
        if response.status < 200 and not self._cancelled:
            self._cancelled = True
            transaction.cancel()
            self._leg.stack.timers.add(_PATIENCE, transaction.forget)
        elif 200 <= response.status < 300:
            self._leg.end_stray(self._flow, self._number, response)

    def failed(self, transaction: ClientTransaction) -> None:
        """Nothing came at all."""
