"""Counters of lines and of new calls per second, for this node, in memory."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WINDOW = 1.0
"""Seconds over which new calls are counted."""


class Limit(NamedTuple):
    """What a call takes one of.

    :ivar key: names the counter, such as ``"account:1000"``.
    :ivar lines: calls at the same time, None = unlimited; they are counted all the same.
    :ivar cps: admissions in any one second, None = unlimited and not counted.
    """

    key: str
    lines: int | None = None
    cps: int | None = None


class Limits:
    """Every counter of the node.  A line is held from `take` to `free`; an admission is spent for one second."""

    __slots__ = ("_admitted", "_lines")

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}
        self._admitted: dict[str, deque[float]] = {}

    def take(self, wanted: Sequence[Limit], now: float) -> str | None:
        """Take one line and one admission of every counter, or of none.

        :param now: monotonic seconds.
        :returns: None when taken, else what is full: ``"lines KEY"`` or ``"cps KEY"``.
        """
        lines = self._lines
        for done, (key, most, cps) in enumerate(wanted):
            used = lines.get(key, 0)
            if most is not None and used >= most:
                self._give_back(wanted[:done])
                return f"lines {key}"
            if cps is not None and not self._admit(key, cps, now):
                self._give_back(wanted[:done])
                return f"cps {key}"
            lines[key] = used + 1
        return None

    def _admit(self, key: str, cps: int, now: float) -> bool:
        times = self._admitted.get(key)
        if times is None:
            times = self._admitted[key] = deque()
        while times and times[0] <= now - WINDOW:
            times.popleft()
        if len(times) >= cps:
            return False
        times.append(now)
        return True

    def _give_back(self, taken: Sequence[Limit]) -> None:
        """Undo a `take` that failed half-way: its admissions are the newest of their counters."""
        for key, _, cps in taken:
            if cps is not None:
                self._admitted[key].pop()
        self.free([limit.key for limit in taken])

    def free(self, keys: Iterable[str]) -> None:
        """Give back one line of each of *keys*; what was admitted stays spent.

        :raises LookupError: a line that was not taken; the others are given back all the same.
        """
        lines, wrong = self._lines, []
        for key in keys:
            left = lines.get(key, 0) - 1
            if left > 0:
                lines[key] = left
            elif left == 0:
                del lines[key]
            else:
                wrong.append(key)
        if wrong:
            raise LookupError(f"lines given back that were not taken: {', '.join(wrong)}")

    def in_use(self, key: str) -> int:
        """Lines of *key* that are held now."""
        return self._lines.get(key, 0)

    def view(self) -> dict[str, int]:
        """Lines held now, by key; keys without any are left out."""
        return dict(self._lines)
