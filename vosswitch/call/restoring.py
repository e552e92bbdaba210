"""A side that has taken, or still may take, another session for a transfer that failed gets its old one back.

Who is asked for a change may answer at any time behind the failure, and then sends its media where nobody listens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.call.media import NoCodec
from vosswitch.model.signals import Accept, Offer, Refuse, Transfer, Transferred

if TYPE_CHECKING:
    from vosswitch.call.bridge import Call
    from vosswitch.model.signals import Signal
    from vosswitch.model.values import Side

PAUSE, TRIES = 2.5, 4
"""Seconds behind a 491 after which a change is asked for again (RFC 3261 14.1), and how often it is asked for."""


class Restoring:
    """One side of a call being told again what the other one has said.

    :param side: whose session it is; the other side is told.
    :param asked: the other side has not answered the change of the transfer yet.
    """

    __slots__ = ("_asked", "_call", "_side", "_timer", "_tries")

    def __init__(self, call: Call, side: Side, *, asked: bool) -> None:
        self._call = call
        self._side = side
        self._asked = asked
        self._tries = 0
        self._timer: Any = None

    def begin(self) -> None:
        """Ask now, or when the side has answered what it was asked before."""
        self._call.handover = self
        if not self._asked:
            self._offer()

    def _offer(self) -> None:
        call, side = self._call, self._side
        session = call.media.said(side)
        self._timer = None
        self._tries += 1
        try:
            offer = None if session is None else call.media.fit(side, Offer(session))
        except NoCodec as none:
            call.decision.note("transfer", str(none))
            offer = None
        if offer is None:
            self.stopped(call)
        else:
            call.leg(side.other).send(call.media.forward(side, offer))

    def takes(self, call: Call, side: Side, signal: Signal) -> bool:
        """Whether a word within the call is about the change."""
        if isinstance(signal, Transfer):
            call.leg(side).send(Transferred(491))
        elif isinstance(signal, Offer):
            call.leg(side).send(Refuse(491))
        elif side is self._side or not isinstance(signal, (Accept, Refuse)):
            return False
        else:
            call.media.forward(side, signal)
            self._answered(signal)
        return True

    def _answered(self, signal: Accept | Refuse) -> None:
        refused = isinstance(signal, Refuse)
        asked, self._asked = self._asked, False
        if asked and not refused:
            self._offer()
        elif not asked and isinstance(signal, Refuse) and signal.status == 491 and self._tries < TRIES:
            self._timer = self._call.board.clock.callLater(PAUSE, self._call._guard, self._offer)
        else:
            if refused and not asked:
                self._call.decision.note("transfer", "a side did not take its old session back")
            self.stopped(self._call)

    def stopped(self, call: Call) -> None:
        """It is done, or the call has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        call.handover = None
