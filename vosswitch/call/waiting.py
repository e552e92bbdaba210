"""A new call whose decision waits for the answer to a question (`vosswitch.call.dips`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from vosswitch.model.interfaces import ILegListener
from vosswitch.model.signals import Release

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.porting import Reply
    from vosswitch.call.dips import Dips
    from vosswitch.cdr.record import Cdr
    from vosswitch.model.causes import Cause


@implementer(ILegListener)
class Waiting:
    """The caller's leg until the decision is complete.

    :ivar leg: the caller's.
    :param resume: goes on with the reply.
    :param given_up: the caller is gone, for this cause.
    """

    __slots__ = ("_dip", "_given_up", "_resume", "cdr", "decision", "leg", "over")

    def __init__(
        self,
        leg: Any,
        cdr: Cdr,
        decision: Decision,
        resume: Callable[[Waiting, Reply], None],
        given_up: Callable[[Waiting, Cause], None],
    ) -> None:
        self.leg, self.cdr, self.decision = leg, cdr, decision
        self._resume, self._given_up = resume, given_up
        self._dip: Any = None
        self.over = False

    def begin(self, dips: Dips) -> None:
        """Ask, and listen to the caller meanwhile."""
        assert self.decision.pending is not None
        self.leg.listen(self)
        self._dip = dips.ask(self.decision.pending, self._replied)

    def _replied(self, reply: Reply) -> None:
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
        if self._dip is not None:
            self._dip.drop()
