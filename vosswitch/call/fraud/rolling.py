"""Sums over the last so many seconds, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict

_LOOKS = 8
"""Numbers that are looked at for one that can go."""


class Rolling:
    """A sum over the last *seconds*, in *segments* pieces that fall out one by one; times are monotonic seconds."""

    __slots__ = ("_length", "_pieces", "_segments", "_total")

    def __init__(self, seconds: float, segments: int) -> None:
        self._length = seconds / segments
        self._segments = segments
        self._pieces: list[list[int]] = []
        self._total = 0

    @property
    def seconds(self) -> float:
        """The length of the whole."""
        return self._length * self._segments

    def add(self, now: float, amount: int = 1) -> int:
        """Add to the running segment; the new total."""
        running = int(now // self._length)
        pieces = self._pieces
        if pieces and pieces[-1][0] >= running:
            pieces[-1][1] += amount
        else:
            self._drop(running)
            pieces.append([running, amount])
        self._total += amount
        return self._total

    def total(self, now: float) -> int:
        """The sum."""
        pieces = self._pieces
        if pieces:
            running = int(now // self._length)
            if pieces[0][0] <= running - self._segments:
                self._drop(running)
        return self._total

    def clear(self) -> None:
        """Begin anew."""
        self._pieces.clear()
        self._total = 0

    def _drop(self, running: int) -> None:
        pieces, last = self._pieces, running - self._segments
        gone = 0
        for number, amount in pieces:
            if number > last:
                break
            gone += 1
            self._total -= amount
        del pieces[:gone]


class Recent:
    """How often each number was seen within the last *seconds*, of *most* numbers.

    Who varies numbers cannot push out one that comes again and again: when there is no room, numbers that were seen
    once go first, the oldest of them before the others.
    """

    __slots__ = ("_rows", "_segments", "most", "seconds")

    def __init__(self, seconds: float, segments: int = 10, most: int = 50_000) -> None:
        self.seconds = seconds
        self.most = most
        self._segments = segments
        self._rows: OrderedDict[str, Rolling] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    def count(self, number: str, now: float) -> int:
        """How often it was seen."""
        row = self._rows.get(number)
        return 0 if row is None else row.total(now)

    def add(self, number: str, now: float) -> int:
        """It was seen; how often by now."""
        row = self._rows.get(number)
        if row is None:
            if len(self._rows) >= self.most:
                self._make_room(now)
            row = self._rows[number] = Rolling(self.seconds, self._segments)
        return row.add(now)

    def forget(self, number: str) -> None:
        """Count it from zero."""
        self._rows.pop(number, None)

    def _make_room(self, now: float) -> None:
        rows = self._rows
        seen: list[tuple[int, str]] = []
        for _ in range(min(_LOOKS, len(rows))):
            number, row = rows.popitem(last=False)
            count = row.total(now)
            if count <= 1:
                return
            rows[number] = row
            seen.append((count, number))
        del rows[min(seen)[1]]
