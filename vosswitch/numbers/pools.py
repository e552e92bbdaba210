"""Pools of calling numbers: which number of many a call shows, and how many calls may show the same one."""

from __future__ import annotations

from bisect import bisect_right
from math import gcd
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from random import Random

    from vosswitch.numbers.groups import NumberGroup

MOST_LOOKS = 1000
"""Numbers that one call looks at to find a free one; of a large pool at random all over it, so that one in which one
number of a hundred is free is hardly ever taken for full.
"""


class NumberPool:
    """Numbers to take one from, immutable.

    :ivar size: how many there are.
    :ivar in_turn: one after the other, else at random.
    :ivar reuse: calls at the same time with one number, None = unlimited.
    :ivar when_full: when all are in use: ``keep`` (the caller's own number goes out), ``refuse`` (this gateway is not
        used) or ``reuse`` (a number is used all the same).
    :ivar group: name of the number group whose numbers and ranges belong to it too, "" = none.
    """

    __slots__ = ("_entries", "_of_group", "_runs", "_starts", "group", "in_turn", "name", "reuse", "size", "when_full")

    def __init__(
        self,
        name: str,
        entries: Iterable[str] = (),
        in_turn: bool = False,
        reuse: int | None = None,
        when_full: str = "keep",
        group: str = "",
        of_group: NumberGroup | None = None,
    ) -> None:
        self.name = name
        self.in_turn = in_turn
        self.reuse = reuse
        self.when_full = when_full
        self.group = group
        self._entries = tuple(entries)
        self._of_group = of_group
        self._runs: list[tuple[str, int]] = []  # the first number of each run, its size in digits with zeros
        self._starts: list[int] = []
        self.size = 0
        for entry in dict.fromkeys((*self._entries, *(of_group.numbers.countable if of_group is not None else ()))):
            low, _, high = entry.partition("-")
            self._runs.append((low, len(low)))
            self._starts.append(self.size)
            self.size += int(high) - int(low) + 1 if high else 1

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> NumberPool:
        """Read a configuration body with every key present."""
        return cls(
            body["name"],
            body["numbers"],
            body["choice"] == "turn",
            body["reuse"],
            body["when_full"],
            body["group"] or "",
        )

    def with_group(self, group: NumberGroup | None) -> NumberPool:
        """The same pool with its number group as it is now: its numbers and ranges."""
        if group is self._of_group:
            return self
        return NumberPool(self.name, self._entries, self.in_turn, self.reuse, self.when_full, self.group, group)

    def at(self, place: int) -> str:
        """The number at a place, 0 to *size* less one."""
        run = bisect_right(self._starts, place) - 1
        low, width = self._runs[run]
        ahead = place - self._starts[run]
        return f"{int(low) + ahead:0{width}d}" if ahead else low

    def key(self, number: str) -> str:
        """The name of the counter of calls that show *number*."""
        return f"pool:{self.name}:{number}"


def with_groups(pools: Mapping[str, NumberPool], groups: Mapping[str, NumberGroup]) -> Mapping[str, NumberPool]:
    """The pools with their groups as they are now; the same mapping when nothing differs."""
    changed = {}
    for name, pool in pools.items():
        if pool.group:
            found = pool.with_group(groups.get(pool.group))
            if found is not pool:
                changed[name] = found
    return {**pools, **changed} if changed else pools


class Picked(NamedTuple):
    """A number out of a pool.

    :ivar bounded: it counts against the pool's reuse limit.
    """

    number: str
    bounded: bool


def _step(size: int, source: Random) -> int:
    """From one look at random to the next: all numbers come before one comes again, and none is near the last."""
    if size <= MOST_LOOKS:
        return 1
    step = source.randrange(1, size)
    while gcd(step, size) != 1:
        step = source.randrange(1, size)
    return step


class Turns:
    """Where each pool goes on; of one node."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def pick(
        self, pool: NumberPool, in_use: Callable[[str], int], source: Random, *, keep_turn: bool = False
    ) -> Picked | None:
        """A number that is free, by the pool's choice; None when all are in use and the pool is not to reuse them.

        :param in_use: calls that a counter has now.
        :param keep_turn: a question: the next call takes the same number.
        """
        size = pool.size
        if not size:
            return None
        first = self._next.get(pool.name, 0) % size if pool.in_turn else source.randrange(size)
        place, free = first, pool.reuse is None
        step = 1 if free or pool.in_turn else _step(size, source)
        for ahead in range(min(size, MOST_LOOKS) if not free else 0):
            place = (first + ahead * step) % size
            if in_use(pool.key(pool.at(place))) < (pool.reuse or 0):
                free = True
                break
        if not free:
            if pool.when_full != "reuse":
                return None
            place = first
        if pool.in_turn and not keep_turn:
            self._next[pool.name] = (place + 1) % size
        return Picked(pool.at(place), free and pool.reuse is not None)
