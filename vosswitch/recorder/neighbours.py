"""Which nodes of the database are alive: those whose row in ``node`` keeps changing.

A node is gone when its row has not changed for `ALIVE_MS` while we looked, by our own clock: a clock that is wrong, or
a database that was away for all, makes nobody dead.  An orderly end sets the row to 0, which counts at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.store.grants import ALIVE_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALIVE_SECONDS = ALIVE_MS / 1000
_BLIND_SECONDS = 3.0
"""A pause between two looks that is longer than this counts only so far: nobody could be seen meanwhile."""


class Neighbours:
    """What one node knows of the others."""

    __slots__ = ("_known", "_looked", "_own")

    def __init__(self, own: int) -> None:
        self._own = own
        self._known: dict[int, tuple[int, float]] = {}
        self._looked: float | None = None

    def alive(self, stamps: Mapping[int, int], now: float, wall_ms: int) -> list[int]:
        """The numbers of all nodes that are alive, this one included.

        :param stamps: what each node has written last, epoch ms of its own clock.
        :param now: monotonic seconds.
        :param wall_ms: epoch ms: at the first look there is nothing else to go by.
        """
        first = self._looked is None
        blind = 0.0 if self._looked is None else max(0.0, now - self._looked - _BLIND_SECONDS)
        self._looked = now
        known: dict[int, tuple[int, float]] = {}
        for node, stamp in stamps.items():
            before, at = self._known.get(node, (0, now))
            if stamp != before:
                at = now - max(0, wall_ms - stamp) / 1000 if first else now
            else:
                at += blind
            known[node] = stamp, at
        self._known = known
        others = {node for node, (stamp, at) in known.items() if stamp and now - at < _ALIVE_SECONDS}
        return sorted(others | {self._own})
