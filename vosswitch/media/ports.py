"""Port pairs: an even port for RTP and the next one for RTCP (RFC 3550 section 11)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, MutableSequence

QUARANTINE = 5.0
"""Seconds for which a released pair is not used again, so that late packets of one call do not reach the next; and one
that somebody else holds, which may be a worker of a killed switch (`vosswitch.media.transport.GRACE`)."""


def numbered(place: int, port: int) -> int:
    """The number of a pair on the local address number *place*: its even port alone on the first one."""
    return place << 16 | port


def place_of(pair: int) -> int:
    """Which local address a pair is on."""
    return pair >> 16


def port_of(pair: int) -> int:
    """The even port of a pair."""
    return pair & 0xFFFF


def pairs(low: int, high: int) -> list[int]:
    """The even ports of all pairs that lie within *low* to *high*, both included."""
    return list(range(low + low % 2, high, 2))


def part(low: int, high: int, number: int, count: int) -> tuple[int, int]:
    """The range of worker *number* of *count*: disjoint parts whose sizes differ by at most one pair.

    An empty part (more workers than pairs) is a range whose end lies below its start.
    """
    all_pairs = pairs(low, high)
    first = len(all_pairs) * number // count
    after = len(all_pairs) * (number + 1) // count
    if first == after:
        return low, low - 1
    return all_pairs[first], all_pairs[after - 1] + 1


class PortPool:
    """The pairs of one worker that nobody uses, oldest release first.

    :param shuffle: mixes the first order, so that the next port of a call cannot be guessed.
    :ivar held: pairs that somebody else had when they were tried last.
    """

    __slots__ = ("_free", "_high", "_low", "_size", "_takes", "_used", "_waiting", "held")

    def __init__(self, low: int, high: int, shuffle: Callable[[MutableSequence[int]], None]) -> None:
        self._used: set[int] = set()
        self._waiting: deque[tuple[float, int]] = deque()
        self._set(low, high, shuffle)

    def _set(self, low: int, high: int, shuffle: Callable[[MutableSequence[int]], None]) -> None:
        self._low, self._high = low, high
        resting = {pair for _, pair in self._waiting}
        fresh = [pair for pair in pairs(low, high) if pair not in self._used and pair not in resting]
        shuffle(fresh)
        self._free = deque(fresh)
        self._size, self._takes = len(fresh) + len(self._waiting), 0
        self.held: set[int] = set()

    def change(self, low: int, high: int, shuffle: Callable[[MutableSequence[int]], None]) -> None:
        """Use another range from now on; pairs in use stay so until they are given back."""
        self._set(low, high, shuffle)

    def take(self, now: float) -> int | None:
        """The next pair to try to bind; None when there is none now."""
        while self._waiting and self._waiting[0][0] <= now:
            _, pair = self._waiting.popleft()
            if self._low <= pair < self._high and pair not in self._used:
                self._free.append(pair)
        if not self._free:
            return None
        pair = self._free.popleft()
        self._used.add(pair)
        self._takes += 1
        self.held.discard(pair)
        return pair

    def claim(self, pair: int) -> None:
        """A pair of a former life of this worker is used again, wherever it lies."""
        self._used.add(pair)
        if pair in self._free:
            self._free.remove(pair)

    def give_back(self, pair: int, now: float) -> None:
        """A pair is not used any more; it comes back when it has rested."""
        self._used.discard(pair)
        self._waiting.append((now + QUARANTINE, pair))

    def refuse(self, pair: int, now: float) -> None:
        """A pair that was taken is in other hands."""
        self.give_back(pair, now)
        self.held.add(pair)

    @property
    def tried(self) -> int:
        """How many different pairs have been taken so far: none comes twice before all others have come."""
        return min(self._takes, self._size)

    @property
    def used(self) -> int:
        """How many pairs are out."""
        return len(self._used)
