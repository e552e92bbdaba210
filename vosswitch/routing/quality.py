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
    """Pairs of counts over the last *seconds*, in *segments* pieces that fall out one by one.

    For `asr` a pair is (answered, attempts), for `acd` (talk seconds, answered calls).
    """

    __slots__ = ("_length", "_pieces", "_segments")

    def __init__(self, seconds: float, segments: int) -> None:
        self._length = seconds / segments
        self._segments = segments
        self._pieces: dict[int, list[int]] = {}

    def add(self, now: float, first: int, second: int) -> None:
        """Add to the running segment; *now* is monotonic seconds."""
        piece = self._pieces.setdefault(self._advance(now), [0, 0])
        piece[0] += first
        piece[1] += second

    def segments(self, now: float) -> list[tuple[int, int]]:
        """The segments that still count and had anything."""
        self._advance(now)
        return [(first, second) for first, second in self._pieces.values()]

    def _advance(self, now: float) -> int:
        running = int(now // self._length)
        for old in [number for number in self._pieces if number <= running - self._segments]:
            del self._pieces[old]
        return running
