"""Quality windows: how many attempts a gateway answered (ASR) and how long its calls last (ACD), lately.

A window is cut into segments (SS_GATEWAY_ASR_RESERVE_TIME and _SEPARATE, likewise ACD); the running one counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def asr(segments: Iterable[tuple[int, int]]) -> float | None:
    """The mean of the ASRs in percent of all segments (answered, attempts) that had attempts; None without any."""
    ratios = [100 * answered / attempts for answered, attempts in segments if attempts]
    return sum(ratios) / len(ratios) if ratios else None


def acd(segments: Iterable[tuple[int, int]]) -> float | None:
    """All talk seconds by all answered calls of the segments (talk seconds, answered calls); None without any."""
    pairs = list(segments)
    answered = sum(calls for _, calls in pairs)
    return sum(seconds for seconds, _ in pairs) / answered if answered else None


class Window:
    """Rows of counts over the last *seconds*, in *segments* pieces that fall out one by one.

    For `asr` a row is (answered, attempts), for `acd` (talk seconds, answered calls); all rows have the same length.
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

    def segments(self, now: float) -> list[tuple[int, ...]]:
        """The segments that still count and had anything."""
        self._drop(int(now // self._length))
        return [tuple(piece) for piece in self._pieces.values()]

    def ends(self, now: float) -> float:
        """When the running segment is over: until then `segments` changes by `add` alone."""
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
