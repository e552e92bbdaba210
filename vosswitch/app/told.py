"""What the log is told of a configuration: once, and not too much in one turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 20
"""Lines in one turn: five hundred would hold calls up for 20 ms."""


class Told:
    """Remembers what there was to say about the configuration before, so that a change is not followed by all of it."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before: frozenset[str] = frozenset()

    def new(self, lines: Iterable[str]) -> list[str]:
        """Those of all *lines* that the last ones did not hold; of many the first ones, and how many more there are."""
        now = dict.fromkeys(lines)
        found = [line for line in now if line not in self._before]
        self._before = frozenset(now)
        if len(found) > MOST:
            found[MOST:] = [f"{len(found) - MOST} more lines like these"]
        return found
