"""Looks at the running calls again and again, some at a time: what they have talked and cost by now counts at once.

Running calls that a rule cuts, or whose account was locked, are released some at a time, too.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from vosswitch.model.causes import cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vosswitch.call.bridge import Call
    from vosswitch.call.fraud.counters import Counter
    from vosswitch.call.fraud.guard import Guard

LAP = 1.0
"""Seconds between two looks at a call, while there are no more of them than fit."""
STEP = 0.02
SLICE = 250
"""Calls looked at in one step."""
_FRAUD = "fraud_blocked"
CUTS = 25
"""Calls released in one step."""


class Patrol:
    """The rounds of one node; they go while there is somebody to look at.

    :param clock: monotonic `IReactorTime`.
    :param calls: the running calls by flowno.
    """

    __slots__ = ("_calls", "_clock", "_cuts", "_guard", "_lap", "_left", "_ring", "_timer")

    def __init__(self, clock: Any, guard: Guard, calls: Mapping[int, Call]) -> None:
        self._clock = clock
        self._guard = guard
        self._calls = calls
        self._ring: deque[int] = deque()
        self._cuts: deque[tuple[Iterator[int], str | Counter, str]] = deque()
        self._left = 0
        self._lap = 0.0
        self._timer: Any = None
        guard.cut = self.cut

    def __len__(self) -> int:
        return len(self._ring)

    def began(self, flowno: int) -> None:
        """A call that has to be looked at is being set up."""
        self._ring.append(flowno)
        self._await(LAP)

    def idle(self) -> None:
        """No call runs: nothing is left to do."""
        self._ring.clear()
        self._cuts.clear()
        self._left = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def cut(self, what: str | Counter, reason: str = _FRAUD) -> None:
        """Release the running calls of an account, or those that count in a counter.

        :param reason: the end reason; with another than that of fraud rules those of an agent's customers end, too.
        """
        self._cuts.append((iter(list(self._calls)), what, reason))
        self._await(STEP, sooner=True)

    def _is_meant(self, call: Call, what: str | Counter, reason: str) -> bool:
        decision = call.decision
        if isinstance(what, str):
            paying = (decision.account,) if reason == _FRAUD else (decision.account, *decision.agents)
            return decision.emergency is None and any(one is not None and one.number == what for one in paying)
        return decision.watched is not None and what in decision.watched.counters

    # The rounds.

    def _await(self, seconds: float, *, sooner: bool = False) -> None:
        if self._timer is None:
            self._timer = self._clock.callLater(seconds, self._step)
        elif sooner and self._timer.getTime() - self._clock.seconds() > seconds:
            self._timer.reset(seconds)

    def _step(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        if not self._left and now - self._lap >= LAP:
            self._left, self._lap = len(self._ring), now
        try:
            self._look(min(self._left, SLICE))
            self._release()
        finally:
            if self._left or self._cuts:
                self._await(STEP)
            elif self._ring:
                self._await(max(self._lap + LAP - now, STEP))

    def _look(self, some: int) -> None:
        self._left -= some
        for _ in range(some):
            flowno = self._ring.popleft()
            call = self._calls.get(flowno)
            if call is not None:
                self._ring.append(flowno)
                watched = call.decision.watched
                if watched is not None and call.answered is not None:
                    self._guard.post(watched, *call.spent())

    def _release(self) -> None:
        """Look at some calls for those that have to end; not at many of these at once."""
        if not self._cuts:
            return
        flownos, what, reason = self._cuts[0]
        ended = 0
        for looked, flowno in enumerate(flownos, 1):
            call = self._calls.get(flowno)
            if call is not None and self._is_meant(call, what, reason):
                call.stop(cause(reason))
                ended += 1
            if ended >= CUTS or looked >= SLICE:
                return
        if self._cuts:  # the end of the last call ends all rounds
            self._cuts.popleft()
