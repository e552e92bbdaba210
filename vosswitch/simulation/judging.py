"""The quality of gateways in a simulation: what their past attempts came to, counted when it became known.

It is what the thresholds of the simulated configuration are compared with (`vosswitch.routing.thresholds`).
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from vosswitch.routing.gauges import Gauges, counts
from vosswitch.simulation.past import ANSWERED

if TYPE_CHECKING:
    from vosswitch.call.snapshot import Snapshot
    from vosswitch.simulation.past import Past, Tried


class _Outcome(NamedTuple):
    """What becomes known of a gateway; `at` is epoch ms, *talk_ms* of a call that is over."""

    at: int
    serial: int
    gateway: str
    destination: str
    tried: Tried | None
    talk_ms: int = 0


class Judging:
    """Feeds the gauges of a simulation; costs nothing while no gateway has thresholds.

    :ivar gauges: by the clock of the past, seconds.
    """

    __slots__ = ("_coming", "_gateways", "_serial", "gauges")

    def __init__(self, snapshot: Snapshot) -> None:
        gateways = snapshot.gateways.gateways
        self._gateways = {name: one for name, one in gateways.items() if one.conduct.thresholds is not None}
        self._coming: list[_Outcome] = []
        self._serial = 0
        self.gauges = Gauges()
        self.gauges.follow(snapshot.parameters)

    def heard(self, past: Past, callee: str) -> None:
        """Take note of a call's attempts, which count later.

        :param callee: as billed.
        """
        if not self._gateways:
            return
        row = past.row
        for name in past.tried.keys() & self._gateways.keys():
            for tried in past.tried[name]:
                destination = self.gauges.destination(tried.prefix, callee)
                answered = tried.reason == ANSWERED
                known = row.answer if answered and row.answer is not None else row.stop
                self._note(_Outcome(known, 0, name, destination, tried))
                if answered:
                    self._note(_Outcome(row.stop, 0, name, destination, None, row.hold_ms))

    def _note(self, outcome: _Outcome) -> None:
        self._serial += 1
        heappush(self._coming, outcome._replace(serial=self._serial))

    def pass_to(self, start: int) -> None:
        """Count what had become known by then, epoch ms."""
        coming = self._coming
        while coming and coming[0].at <= start:
            at, _, name, destination, tried, talk_ms = heappop(coming)
            conduct = self._gateways[name].conduct
            if tried is None:
                self.gauges.call(name, conduct, destination, at / 1000, talk_ms)
                continue
            reached = None if tried.reason == ANSWERED else tried.cause
            if reached is None or counts(reached):
                self.gauges.attempt(name, conduct, destination, at / 1000, reached, tried.pdd_ms)
