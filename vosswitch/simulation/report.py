"""What another configuration would have changed: sums by gateway, prefix and customer, before and after.

Memory is bounded: beyond `MOST_CELLS` keys of one dimension the others are summed as one.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from vosswitch.simulation.replay import Result

MOST_CELLS = 100_000
OTHER = "(others)"
NOBODY = "(none)"
FIGURES = ("calls", "answered", "ms", "fee", "cost", "refused", "agents")

Key = tuple[str, ...]

DIMENSIONS: dict[str, Callable[[Result], str]] = {
    "gateway": lambda result: result.gateway or NOBODY,
    "prefix": lambda result: result.prefix or NOBODY,
    "customer": lambda result: result.account or NOBODY,
}


class Sums:
    """One cell: `FIGURES` as they were, and as they would be.

    :ivar changed: calls that something would change for.
    """

    __slots__ = ("changed", "new", "old")

    def __init__(self) -> None:
        self.old = [0] * len(FIGURES)
        self.new = [0] * len(FIGURES)
        self.changed = 0

    @property
    def gain(self) -> int:
        """By how much the margin would grow, units of 10^-7."""
        return margin(self.new) - margin(self.old)


def margin(sums: Sequence[int]) -> int:
    """What is left of `FIGURES` when agents have kept their part and vendors are paid, units of 10^-7."""
    return sums[3] - sums[4] - sums[6]


def _add(to: list[int], one: Result) -> None:
    to[0] += 1
    to[2] += one.ms
    to[3] += one.fee
    to[4] += one.cost
    if one.answered:
        to[1] += 1
    if one.refused:
        to[5] += 1
    to[6] += one.agents


class Report:
    """Adds up calls.

    :param by: the tables wanted, each named by its dimensions.
    :ivar total: everything.
    :ivar refusals: calls by end reason: those that were refused, and those that would be.
    """

    def __init__(self, by: Sequence[Key] = (("gateway",), ("prefix",), ("customer",))) -> None:
        self.total = Sums()
        self.refusals: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._tables: dict[Key, dict[Key, Sums]] = {key: {} for key in by}
        self._of = {key: [DIMENSIONS[name] for name in key] for key in by}

    def add(self, old: Result, new: Result) -> bool:
        """Count one call; whether something would change for it."""
        changed = old != new
        _add(self.total.old, old)
        _add(self.total.new, new)
        self.total.changed += changed
        if old.refused:
            self.refusals[0][old.refused] += 1
        if new.refused:
            self.refusals[1][new.refused] += 1
        for key, table in self._tables.items():
            before = self._cell(table, self._key(key, old))
            after = self._cell(table, self._key(key, new)) if changed else before
            _add(before.old, old)
            _add(after.new, new)
            before.changed += changed
            if after is not before:
                after.changed += 1
        return changed

    def _key(self, by: Key, result: Result) -> Key:
        return tuple([value(result) for value in self._of[by]])

    @staticmethod
    def _cell(table: dict[Key, Sums], key: Key) -> Sums:
        found = table.get(key)
        if found is None:
            if len(table) >= MOST_CELLS:
                key = (OTHER,) * len(key)
            found = table.setdefault(key, Sums())
        return found

    def rows(self, by: Key) -> Iterator[dict[str, Any]]:
        """A table: the largest change of the margin first, then the most changed calls."""
        table = self._tables[by]
        for key in sorted(table, key=lambda key: (-abs(table[key].gain), -table[key].changed, key)):
            yield {**dict(zip(by, key, strict=True)), **figures(table[key])}

    def reasons(self) -> Iterator[dict[str, Any]]:
        """Refusals by end reason, the largest change first."""
        old, new = self.refusals
        for reason in sorted({*old, *new}, key=lambda name: (-abs(new[name] - old[name]), name)):
            yield {"reason": reason, "old": old[reason], "new": new[reason]}

    @property
    def tables(self) -> Iterable[Key]:
        """What was asked for."""
        return self._tables


def figures(sums: Sums) -> dict[str, Any]:
    """A cell as programs read it: every figure ``_old`` and ``_new``, money in units of 10^-7."""
    found: dict[str, Any] = {}
    for name, old, new in zip(FIGURES, sums.old, sums.new, strict=True):
        if name == "ms":
            found |= {"minutes_old": round(old / 60_000, 2), "minutes_new": round(new / 60_000, 2)}
        else:
            found |= {f"{name}_old": old, f"{name}_new": new}
    found |= {"margin_old": margin(sums.old), "margin_new": margin(sums.new)}
    return {**found, "gain": sums.gain, "changed": sums.changed}
