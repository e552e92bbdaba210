"""A new call that waits for the answer to a question: about a number (`vosswitch.call.dips`) or for money
(`vosswitch.call.shortage`).

It is written down before it waits: a crash leaves its record, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from vosswitch.model.interfaces import ILegListener
from vosswitch.model.signals import Release

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.call.deciding.decision import Decision
    from vosswitch.cdr.record import Cdr
    from vosswitch.model.causes import Cause


@implementer(ILegListener)
class Waiting:
    """The caller's leg until the call goes on.

    :ivar leg: the caller's.
    :ivar what: what the question is about, for the decision record.
    :param resume: goes on with the reply.
    :param given_up: the caller is gone, for this cause.
    """

    __slots__ = ("_given_up", "_question", "_resume", "cdr", "decision", "leg", "over", "what")

    def __init__(
        self,
        leg: Any,
        cdr: Cdr,
        decision: Decision,
        what: str,
        resume: Callable[[Waiting, Any], None],
        given_up: Callable[[Waiting, Cause], None],
    ) -> None:
        self.leg, self.cdr, self.decision, self.what = leg, cdr, decision, what
        self._resume, self._given_up = resume, given_up
        self._question: Any = None
        self.over = False

    def begin(self, ask: Callable[[Callable[[Any], None]], Any]) -> None:
        """Ask, and listen to the caller meanwhile.

        :param ask: is told whom to tell the reply, once and perhaps at once; returns the question with its ``drop()``,
            or None.
        """
        self.leg.listen(self)
        self._question = ask(self._replied)

    def _replied(self, reply: Any) -> None:
        if not self.over:
            self.over = True
            self._resume(self, reply)

    def heard(self, _leg: Any, signal: Any) -> None:
        """`ILegListener`: the caller can only give up."""
        if type(signal) is Release and not self.over:
            self.stop()
            self._given_up(self, signal.cause)

    def stop(self) -> None:
        """Ask no more."""
        self.over = True
        if self._question is not None:
            self._question.drop()

    def view(self) -> dict[str, Any]:
        """The call as operators see it, as `Call.view` has it."""
        cdr = self.cdr
        return {
            "call_id": str(cdr.flowno),
            "state": "waiting",
            "caller": cdr.caller,
            "callee": cdr.callee,
            "caller_in": cdr.caller_in,
            "callee_in": cdr.callee_in,
            "mapping_gateway": cdr.mapping_gateway or None,
            "phone": cdr.phone or None,
            "routing_gateway": None,
            "account": cdr.account,
            "start": cdr.start,
            "answer": None,
            "media_proxied": False,
        }
