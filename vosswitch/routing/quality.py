"""Rolling windows of counts, cut into segments (SS_GATEWAY_ASR_RESERVE_TIME and _SEPARATE, likewise ACD)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Window:
    """Rows of counts over the last *seconds*, in *segments* pieces that fall out one by one.

    The running segment counts.  All rows have the same length.
    """

    __slots__ = ("_length", "_pieces", "_segments")

    def __init__(self, seconds: float, segments: int) -> None:
        self._length = seconds / segments
        self._segments = segments
        self._pieces: dict[int, list[int]] = {}

    def add(self, now: float, *counts: int) -> None:
        """Add to the running segment; *now* is monotonic seconds."""
        running = int(now // self._length)
        piece = self._pieces.get(running)
        if piece is None:
            self._drop(running)
            self._pieces[running] = list(counts)
            return
        for place, count in enumerate(counts):
            piece[place] += count

    def put(self, at: float, counts: Sequence[int]) -> None:
        """Add to the segment of *at*, which may be over; what no longer counts falls out by itself."""
        number = int(at // self._length)
        piece = self._pieces.get(number)
        if piece is None:
            self._pieces[number] = list(counts)
            return
        for place, count in enumerate(counts):
            piece[place] += count

    def segments(self, now: float) -> list[tuple[int, ...]]:
        """The segments that still count and had anything."""
        self._drop(int(now // self._length))
        return [tuple(piece) for piece in self._pieces.values()]

    def running(self, now: float, width: int) -> tuple[list[int], list[list[int]]]:
        """The running segment, to be added to until `ends`, and the others that count.

        :param width: how many counts a row has.
        """
        running = int(now // self._length)
        self._drop(running)
        found = self._pieces.setdefault(running, [0] * width)
        return found, [piece for piece in self._pieces.values() if piece is not found]

    def ends(self, now: float) -> float:
        """When the running segment is over."""
        return (now // self._length + 1) * self._length

    def fit(self, seconds: float, segments: int) -> None:
        """Go on with another length or number of segments; what is there counts in the segment of its middle."""
        length = seconds / segments
        if length == self._length and segments == self._segments:
            return
        old, self._pieces = self._pieces, {}
        for number in sorted(old):
            place = int((number + 0.5) * self._length // length)
            found = self._pieces.get(place)
            self._pieces[place] = (
                old[number] if found is None else [sum(pair) for pair in zip(found, old[number], strict=True)]
            )
        self._length, self._segments = length, segments

    def _drop(self, running: int) -> None:
        last = running - self._segments
        for old in [number for number in self._pieces if number <= last]:
            del self._pieces[old]
