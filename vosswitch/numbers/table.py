"""Bulk data by number: a list of a million numbers, areas by prefix, ported numbers.

`NumberTable` is what calls ask: short tables and single changes are a dict, long ones a compiled file that is searched
in place (`vosswitch.numbers.tablefile`), with the changes since on top of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class Base(Protocol):
    """The compiled part of a table: only numbers of 0 to 15 digits."""

    @property
    def count(self) -> int:
        """How many numbers it has."""

    @property
    def odd(self) -> Mapping[str, str]:
        """What it cannot hold, by number."""

    def get(self, number: str) -> str | None:
        """The value of exactly this number."""

    def longest(self, number: str) -> tuple[str, str] | None:
        """The longest prefix, and its value."""

    def prefixes(self, number: str) -> Iterator[tuple[str, str]]:
        """Every prefix that it has, longest first, and its value."""


class NumberTable:
    """Texts by number or prefix; immutable.

    :ivar kind: what the texts are: ``list``, ``area``, ``lrn``, ``nanp`` or ``other``.
    :param base: its compiled part.
    :param changes: what goes on top of it: a value, or None where a number is taken away.
    """

    __slots__ = ("_base", "_entries", "_lengths", "kind")

    def __init__(
        self, base: Base | None = None, changes: Iterable[tuple[str, str | None]] = (), kind: str = "other"
    ) -> None:
        self._base = base
        self.kind = kind
        entries: dict[str, str | None] = {} if base is None else dict(base.odd)
        entries.update(changes)
        if base is None:
            entries = {number: value for number, value in entries.items() if value is not None}
        self._entries = entries
        self._lengths = tuple(sorted({len(number) for number in entries}, reverse=True))

    @classmethod
    def of(cls, entries: Mapping[str, str], kind: str = "other") -> NumberTable:
        """A table in memory alone."""
        return cls(None, entries.items(), kind)

    def __len__(self) -> int:
        base = self._base
        if base is None:
            return len(self._entries)
        own = self._entries.items()
        return base.count + sum((value is not None) - (base.get(number) is not None) for number, value in own)

    def __contains__(self, number: str) -> bool:
        return self.get(number) is not None

    def get(self, number: str) -> str | None:
        """The value of exactly this number; None = it is not there."""
        entries = self._entries
        if entries and number in entries:
            return entries[number]
        base = self._base
        return None if base is None else base.get(number)

    def longest(self, number: str) -> tuple[str, str] | None:
        """The longest entry that *number* begins with, and its value; None = there is none."""
        base = self._base
        if not self._lengths:
            return None if base is None else base.longest(number)
        own = self._longest_change(number)
        if base is None:
            return own
        shortest = -1 if own is None else len(own[0])
        for found in base.prefixes(number):
            if len(found[0]) <= shortest:
                break
            if found[0] not in self._entries:
                return found
        return own

    def _longest_change(self, number: str) -> tuple[str, str] | None:
        entries, size = self._entries, len(number)
        for length in self._lengths:
            if length <= size:
                prefix = number[:length]
                value = entries.get(prefix)
                if value is not None:
                    return prefix, value
        return None
