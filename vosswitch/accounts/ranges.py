"""Ranges of anything that has an order: numbers, addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

Bound = TypeVar("Bound", int, str)


def apart(ranges: Iterable[tuple[Bound, Bound]]) -> tuple[list[Bound], list[Bound]]:
    """Begins and ends of the same ranges, sorted, none of them overlapping."""
    begins: list[Bound] = []
    ends: list[Bound] = []
    for begin, end in sorted(ranges):
        if ends and begin <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            begins.append(begin)
            ends.append(end)
    return begins, ends
