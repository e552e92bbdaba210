"""The port pairs of one local address that a worker has bound ahead, and whether they run short."""

from __future__ import annotations

from vosswitch.media.ports import port_of

LOW_WATER = 512
"""Leased pairs below which more are asked for, while fewer than that are used in a second."""

MOST_LEASED = 4096
"""Leased pairs that are kept ahead at the most: a second's use, so that a burst of calls finds its ports."""

_LITTLE = 8
"""Pairs run short when less than this part of the range is left, until half of the usual store is there again."""


class Leased:
    """The free pairs that calls are given.

    :ivar taken: pairs that calls took since the last look; it decides how many are leased ahead.
    :ivar asked: a question is on the way; the worker has not given yet all that it can.
    :ivar short: why there are too few, as operators are told; "" = there are enough.
    """

    __slots__ = ("_ahead", "_high", "_low", "_size", "asked", "free", "short", "taken")

    def __init__(self) -> None:
        self.free: list[int] = []
        self.taken = 0
        self.asked = False
        self.short = ""
        self._ahead = LOW_WATER
        self._low, self._high, self._size = 0, -1, 0

    @property
    def ahead(self) -> int:
        """How many there should be: no more than the range has."""
        return min(self._ahead, self._size)

    def use_range(self, low: int, high: int) -> None:
        """The worker's part of the range is another one."""
        self._low, self._high = low, high
        self._size = max(0, high - low + 1) // 2

    def take(self) -> int:
        """A pair; there has to be one."""
        self.taken += 1
        return self.free.pop()

    def look_after(self) -> None:
        """Once a second: as many are kept ahead as were taken."""
        self._ahead = min(max(LOW_WATER, self.taken, self._ahead * 3 // 4), MOST_LEASED)
        self.taken = 0

    def add(self, pairs: list[int]) -> list[int]:
        """The worker has bound these; gives those of another range, which serve no longer than they have to."""
        self.free.extend(pairs)
        inside = self._inside()
        if not inside or len(inside) == len(self.free):
            return []
        outside = [pair for pair in self.free if not self._low <= port_of(pair) < self._high]
        self.free = inside
        return outside

    def drop(self, pairs: list[int]) -> None:
        """The worker has lost these to others."""
        lost = set(pairs)
        self.free = [pair for pair in self.free if pair not in lost]

    def _inside(self) -> list[int]:
        return [pair for pair in self.free if self._low <= port_of(pair) < self._high]

    def answered(self, held: int, tried: int, why: str) -> bool:
        """The worker gives no more now: whether that is news to operators.

        Some ports in other hands cost those ports alone; what is told is that most of the range is, or nearly all of
        it is used.

        :param held: pairs that others had when the worker tried them last, of *tried* ones; *why* it could not bind.
        """
        self.asked = False
        left = len(self._inside())
        if self._size and ((left < self.ahead and left * _LITTLE < self._size) or held * 2 > tried):
            before, self.short = self.short, self._told(left, held, tried, why)
            return not before
        if self.short and left * 2 >= self.ahead:
            self.short = ""
            return True
        return False

    def _told(self, left: int, held: int, tried: int, why: str) -> str:
        told = f"{left or 'none'} of {self._size} port pairs in {self._low}-{self._high} left for new calls"
        if held:
            told += f", {held} of {tried} tried ones cannot be had"
        return f"{told} ({why})" if why else told
