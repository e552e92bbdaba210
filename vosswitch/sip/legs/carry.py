"""Requests that a leg hands through to the far side's peer, and their answers: INFO, MESSAGE, unknown methods, REFER.

Only a body with its type, the few headers named by whoever hands it over, and those of both gateways' pass lists go
along.  Each waits for the far side's
answer, bounded in number, size and time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.model.signals import Carried, Carry
from vosswitch.sip.identity.carried import taken

if TYPE_CHECKING:
    from vosswitch.sip.grammar.message import Request, Response
    from vosswitch.sip.legs.leg import Leg
    from vosswitch.sip.transactions.layer import ClientTransaction, ServerTransaction
    from vosswitch.sip.transactions.timers import Timer

MOST = 8
"""Requests of one peer that wait for the far side at once."""
LARGEST = 16_384
"""Bytes of a body that is handed through."""
PATIENCE = 32.0
"""Seconds that the far side has: a request other than INVITE waits no longer (RFC 3261 17.1.2.2)."""
HERE = "{here}"
"""Stands in a header value for the address that the far side's peer knows us by; no URI of a peer can hold it."""


class Carrier:
    """What one leg hands through, both ways."""

    __slots__ = ("_leg", "_ours", "_serial", "_theirs")

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._serial = 0
        self._theirs: dict[int, tuple[ServerTransaction, Timer]] = {}
        self._ours: dict[ClientTransaction, int] = {}

    def requested(
        self, request: Request, transaction: ServerTransaction, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Hand a request of the peer to the call."""
        if len(request.body) > LARGEST:
            transaction.respond(413)
            return
        if len(self._theirs) >= MOST:
            transaction.respond(500, "Retry-After: 1\r\n")
            return
        self._serial += 1
        timer = self._leg.stack.timers.add(PATIENCE, self.answer, Carried(self._serial, 408))
        self._theirs[self._serial] = transaction, timer
        kind = request.get("content-type") or ""
        names = self._leg.profile.headers_in
        passed = taken(request, names) if names else ()
        self._leg.report(Carry(self._serial, request.method, request.body, kind[:200], headers, passed))

    def answer(self, carried: Carried) -> None:
        """The far side has answered."""
        waiting = self._theirs.pop(carried.number, None)
        if waiting is not None:
            self._leg.stack.timers.cancel(waiting[1])
            waiting[0].respond(carried.status if 200 <= carried.status < 700 else 500)

    def send(self, carry: Carry) -> None:
        """Send the far side's request to our peer."""
        leg = self._leg
        assert leg.flow is not None
        here = leg.flow.hostport
        extra = tuple([f"{name}: {value.replace(HERE, here)}" for name, value in carry.headers])
        if carry.method in {"REFER", "NOTIFY"}:
            extra += (leg.contact_line(),)
        extra += tuple(leg.passed(carry.passed))
        self._ours[leg.ask(carry.method, extra, carry.body, carry.kind)] = carry.number

    def owns(self, transaction: ClientTransaction) -> bool:
        """Whether a request of ours was handed through."""
        return transaction in self._ours

    def answered(self, transaction: ClientTransaction, response: Response) -> None:
        """The final response to one of them; a challenge is answered by the leg's own credentials, never passed on."""
        number = self._ours.pop(transaction)
        again = self._leg.proven(transaction, response)
        if again is not None:
            self._ours[again] = number
            return
        status = 403 if response.status in {401, 407} else response.status
        self._leg.report(Carried(number, status))

    def failed(self, transaction: ClientTransaction) -> None:
        """It got no final response."""
        self._leg.report(Carried(self._ours.pop(transaction), 408))

    def stop(self) -> None:
        """The leg has ended."""
        for number in list(self._theirs):
            self.answer(Carried(number, 481))
