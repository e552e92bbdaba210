"""The calls to emergency numbers of a node: counted, and each told in the log for people and machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.cdr.record import Cdr
    from vosswitch.model.causes import Cause

MOST = 20
"""Log lines in one second; calls beyond them are counted in the next line."""


class Emergencies:
    """What was called.

    :param log: a Twisted ``Logger``.
    :ivar count: calls since the start, refused ones too.
    """

    __slots__ = ("_log", "_second", "_told", "_unsaid", "count")

    def __init__(self, log: Any) -> None:
        self._log = log
        self._second = self._told = self._unsaid = 0
        self.count = 0

    def called(self, cdr: Cdr, decision: Decision, refusal: Cause | None) -> None:
        """A call to an emergency number was admitted, or refused for *refusal* all the same."""
        self.count += 1
        second = decision.wall_ms // 1000
        if second != self._second:
            self._second, self._told = second, 0
        if self._told >= MOST:
            self._unsaid += 1
            return
        self._told += 1
        unsaid, self._unsaid = self._unsaid, 0
        self._log.warn(
            "emergency call {call_id}: {caller} calls {callee}, number group {group}, account {account}: {outcome}"
            "{more}",
            event="emergency_call",
            call_id=str(cdr.flowno),
            caller=decision.caller,
            callee=decision.callee,
            group=decision.emergency,
            account=cdr.account,
            source=cdr.caller_ip,
            outcome="admitted" if refusal is None else refusal.reason,
            more=f", and {unsaid} more before" if unsaid else "",
        )
