"""Calls of two parties compared: who has which, one to one, and where they differ.

Both sides come in the order of time.  Calls of the same numbers whose times are no more than the tolerance apart are
candidates for each other; of those as many as possible are paired, and of all ways to do so the one with the least
differences of length and time is taken.  Only what lies within the tolerance is in memory.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

MOST = 40
"""Calls of the same numbers, one behind the other within the tolerance, that are looked at together on each side."""
MATCHED, DIFFERENT = "matched", "different"
MISSING_OURS, MISSING_THEIRS = "missing_ours", "missing_theirs"
DUPLICATE_OURS, DUPLICATE_THEIRS = "duplicate_ours", "duplicate_theirs"
KINDS = (MATCHED, DIFFERENT, MISSING_OURS, MISSING_THEIRS, DUPLICATE_OURS, DUPLICATE_THEIRS)


class Call(NamedTuple):
    """One side's call.

    :ivar at: epoch ms; *ms* its length.
    :ivar caller: both numbers as they are compared.
    :ivar fee: units of 10^-7; None = that side does not say.
    :ivar ref: our call id, or the line of their file.
    :ivar optional: nothing is missing when the other side does not have it: it was not answered, and is free.
    """

    at: int
    caller: str
    callee: str
    ms: int
    fee: int | None
    ref: int
    optional: bool = False


class Tolerance(NamedTuple):
    """What is the same.

    :ivar time: ms between the times of a call; *length* between its lengths.
    :ivar fee: units between its fees; *percent* of ours, whichever is more.
    :ivar callers: calling numbers have to be the same, too.
    """

    time: int = 5_000
    length: int = 1_000
    fee: int = 0
    percent: int = 0
    callers: bool = True


class Found(NamedTuple):
    """One line of the comparison; see `KINDS`.

    :ivar length: theirs less ours, ms, where it is beyond the tolerance, else 0; *fee* likewise, units.
    """

    kind: str
    ours: Call | None
    theirs: Call | None
    length: int = 0
    fee: int = 0


class _Cluster:
    """Calls of the same numbers, each no further from the one before than the tolerance."""

    __slots__ = ("last", "sides")

    def __init__(self) -> None:
        self.sides: tuple[list[Call], list[Call]] = ([], [])
        self.last: int | None = None

    @property
    def crowded(self) -> bool:
        """It is time to be rid of some."""
        return max(map(len, self.sides)) >= MOST


def compare(ours: Iterable[Call], theirs: Iterable[Call], tolerance: Tolerance) -> Iterator[Found]:
    """Compare both sides, each in the order of time."""
    clusters: dict[tuple[str, str], _Cluster] = {}
    ends: deque[tuple[int, tuple[str, str]]] = deque()
    for at, side, call in heapq.merge(_tagged(ours, 0), _tagged(theirs, 1), key=_order):
        while ends and at - ends[0][0] > tolerance.time:
            ended, key = ends.popleft()
            cluster = clusters.get(key)
            if cluster is not None and cluster.last == ended:
                del clusters[key]
                yield from _told(cluster, tolerance)
        key = call.callee, call.caller if tolerance.callers else ""
        cluster = clusters.setdefault(key, _Cluster())
        if cluster.crowded:
            yield from _relieved(cluster, tolerance, at - tolerance.time)
        cluster.sides[side].append(call)
        if cluster.last != at:
            cluster.last = at
            ends.append((at, key))
    for cluster in clusters.values():
        yield from _told(cluster, tolerance)


def _tagged(calls: Iterable[Call], side: int) -> Iterator[tuple[int, int, Call]]:
    for call in calls:
        yield call.at, side, call


def _order(item: tuple[int, int, Call]) -> tuple[int, int]:
    return item[0], item[1]


def _relieved(cluster: _Cluster, tolerance: Tolerance, before: int) -> Iterator[Found]:
    """Take out what a crowded cluster can do without best: what is over, then pairs, then everything."""
    yield from _told(cluster, tolerance, before)
    if cluster.crowded:
        yield from _told(cluster, tolerance, before, pairs_stay=False)
    if cluster.crowded:
        yield from _told(cluster, tolerance)


def _told(
    cluster: _Cluster, tolerance: Tolerance, before: int | None = None, *, pairs_stay: bool = True
) -> Iterator[Found]:
    """Tell what came of the calls, and take them out.

    :param before: only those of before that moment, which nothing that comes can be paired with; None = all.
    :param pairs_stay: pairs of which one is younger may still become others; otherwise they are told, too.
    """
    ours, theirs = cluster.sides
    pairs = pair(ours, theirs, tolerance.time) if ours and theirs else {}
    for mine, other in pairs.items():
        if before is None or not pairs_stay or max(ours[mine].at, theirs[other].at) < before:
            yield _both(ours[mine], theirs[other], tolerance)
    owners = {other: mine for mine, other in pairs.items()}
    yield from _left(ours, pairs.keys(), tolerance, before, ours=True)
    yield from _left(theirs, owners.keys(), tolerance, before, ours=False)
    if before is None:
        cluster.sides = [], []
        return
    mates = ({mine: theirs[other].at for mine, other in pairs.items()}, {o: ours[m].at for o, m in owners.items()})
    kept = [
        [
            call
            for at, call in enumerate(calls)
            if (max(call.at, mate[at]) >= before and pairs_stay if at in mate else call.at >= before)
        ]
        for calls, mate in zip((ours, theirs), mates, strict=True)
    ]
    cluster.sides = kept[0], kept[1]


def _both(ours: Call, theirs: Call, tolerance: Tolerance) -> Found:
    length = theirs.ms - ours.ms
    fee = 0 if ours.fee is None or theirs.fee is None else theirs.fee - ours.fee
    if abs(length) <= tolerance.length:
        length = 0
    if abs(fee) * 100 <= max(tolerance.fee * 100, tolerance.percent * abs(ours.fee or 0)):
        fee = 0
    return Found(DIFFERENT if length or fee else MATCHED, ours, theirs, length, fee)


def _left(
    calls: Sequence[Call], paired: Collection[int], tolerance: Tolerance, before: int | None, *, ours: bool
) -> Iterator[Found]:
    """What has no partner: a duplicate of one that has, or missing on the other side."""
    twins = [calls[at] for at in paired]
    for at, call in enumerate(calls):
        if at in paired or call.optional or (before is not None and call.at >= before):
            continue
        twice = any(
            abs(call.at - one.at) <= tolerance.time and abs(call.ms - one.ms) <= tolerance.length for one in twins
        )
        if ours:
            yield Found(DUPLICATE_OURS if twice else MISSING_THEIRS, call, None)
        else:
            yield Found(DUPLICATE_THEIRS if twice else MISSING_OURS, None, call)


# Pairing.


def pair(ours: Sequence[Call], theirs: Sequence[Call], tolerance: int) -> dict[int, int]:
    """The most pairs of calls no further apart than *tolerance* ms, and of those ways the one that differs least.

    Successive shortest paths: each round adds the pair whose addition costs least, moving others where that helps.
    Calls with something to pay come before those without.
    """
    costs = [
        [_cost(mine, other) if abs(mine.at - other.at) <= tolerance else None for other in theirs] for mine in ours
    ]
    found: dict[int, int] = {}
    while True:
        path = _cheapest(costs, found)
        if path is None:
            return found
        found |= dict(path)


_UNPAID = 10**12
"""More than all differences of a cluster: a call that was not answered is paired last."""


def _cost(mine: Call, other: Call) -> int:
    unpaid = _UNPAID if mine.optional != other.optional else 0
    return abs(mine.ms - other.ms) + abs(mine.at - other.at) + unpaid


def _cheapest(costs: Sequence[Sequence[int | None]], found: dict[int, int]) -> list[tuple[int, int]] | None:
    """The cheapest way to pair one more of ours: the pairs that it sets; None = there is none.

    Bellman-Ford over theirs: to reach one costs what leads to it, less what the pair that it leaves did.
    """
    owners = {other: mine for mine, other in found.items()}
    best: dict[int, tuple[int, int, int | None]] = {}  # theirs: cost, ours that reaches it, theirs before
    for mine, row in enumerate(costs):
        if mine not in found:
            _improve(best, mine, row, 0, None)
    for _ in range(len(costs)):
        changed = False
        for other, (cost, _, _) in list(best.items()):
            mine = owners.get(other, -1)
            if mine >= 0:
                left = costs[mine][other]
                assert left is not None
                changed |= _improve(best, mine, costs[mine], cost - left, other)
        if not changed:
            break
    ends = [(cost, other) for other, (cost, _, _) in best.items() if other not in owners]
    return None if not ends else _way(best, min(ends)[1])


def _improve(
    best: dict[int, tuple[int, int, int | None]], mine: int, row: Sequence[int | None], base: int, before: int | None
) -> bool:
    changed = False
    for other, cost in enumerate(row):
        if cost is not None and other != before and (other not in best or base + cost < best[other][0]):
            best[other] = base + cost, mine, before
            changed = True
    return changed


def _way(best: dict[int, tuple[int, int, int | None]], end: int) -> list[tuple[int, int]]:
    way, at = [], end
    while True:
        _, mine, before = best[at]
        way.append((mine, at))
        if before is None:
            return way
        at = before
