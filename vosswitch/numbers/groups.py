"""Number groups: named sets of numbers that gateways, lists, limits and pools refer to."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from vosswitch.numbers.e164 import LONGEST
from vosswitch.numbers.pattern import BadPattern, read_pattern
from vosswitch.numbers.patternset import PatternSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vosswitch.numbers.table import NumberTable

_NUMBER = re.compile(r"[0-9A-Za-z+#*_.-]{1,64}", re.ASCII)
_RANGE = re.compile(r"([0-9]{1,32})-([0-9]{1,32})", re.ASCII)


class BadNumberEntry(ValueError):
    """An entry of a group that cannot be read; its text follows the word "expected"."""


def number_entry(text: str) -> str:
    """Check one entry: a number, ``123*``, ``100-199`` or ``/pattern/``; as it is kept.

    :raises BadNumberEntry: what was expected.
    """
    if len(text) > 1 and text.startswith("/") and text.endswith("/"):
        try:
            read_pattern(text[1:-1])
        except BadPattern as error:
            raise BadNumberEntry(str(error)) from None
        return text
    span = _RANGE.fullmatch(text)
    if span is not None:
        low, high = span.groups()
        if len(low) != len(high) or high < low:
            raise BadNumberEntry("a range of numbers of one length, the smaller one first, such as 4312300-4312399")
    elif not (text == "*" or _NUMBER.fullmatch(text)) or "*" in text[:-1]:
        raise BadNumberEntry("a number, 123*, a range 100-199 or a /pattern/")
    return text


class NumberEntries:
    """Numbers, prefixes, ranges and patterns, immutable; false when there are none."""

    __slots__ = ("_exact", "_lengths", "_patterns", "_prefixes", "_spans", "entries")

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self.entries = tuple(dict.fromkeys(entries))
        self._patterns = PatternSet([text[1:-1] for text in self.entries if text.startswith("/")])
        plain = [text for text in self.entries if not text.startswith("/")]
        spans = [match.groups() for match in map(_RANGE.fullmatch, [text for text in plain if "-" in text]) if match]
        self._spans = _merged(spans)
        self._prefixes = frozenset(text[:-1] for text in plain if text.endswith("*"))
        self._exact = frozenset(
            text for text in plain if text[-1] != "*" and ("-" not in text or not _RANGE.fullmatch(text))
        )
        self._lengths = tuple(sorted({len(start) for start in self._prefixes}, reverse=True))

    def __bool__(self) -> bool:
        return bool(self.entries)

    @property
    def countable(self) -> tuple[str, ...]:
        """The numbers and ranges, without prefixes and patterns: what a number can be taken from."""
        spans = [f"{low}-{high}" for lows, highs in self._spans.values() for low, high in zip(lows, highs, strict=True)]
        return (*sorted(self._exact), *spans)

    def match(self, number: str) -> str | None:
        """What covers *number*: the number itself, else a range, the longest prefix, the first pattern."""
        if number in self._exact:
            return number
        found = self._in_range(number) if self._spans else None
        if found is not None:
            return found
        for length in self._lengths:
            if length <= len(number) and number[:length] in self._prefixes:
                return number[:length] + "*"
        return self._by_pattern(number) if self._patterns else None

    def _in_range(self, number: str) -> str | None:
        spans = self._spans.get(len(number))
        if spans is None or not (number.isascii() and number.isdigit()):
            return None
        lows, highs = spans
        place = bisect_right(lows, number) - 1
        return f"{lows[place]}-{highs[place]}" if place >= 0 and number <= highs[place] else None

    def _by_pattern(self, number: str) -> str | None:
        found = self._patterns.match(number) if len(number) <= LONGEST else None
        return None if found is None else f"/{found}/"


def _merged(spans: Iterable[tuple[str, ...]]) -> dict[int, tuple[list[str], list[str]]]:
    """The ranges by length of number, in order, those that overlap as one."""
    found: dict[int, tuple[list[str], list[str]]] = {}
    for low, high in sorted(spans):
        lows, highs = found.setdefault(len(low), ([], []))
        if highs and low <= highs[-1]:
            highs[-1] = max(highs[-1], high)
        else:
            lows.append(low)
            highs.append(high)
    return found


class NumberGroup:
    """A named set of numbers, immutable.

    :ivar emergency: its numbers pass what would refuse them (balance, limits, lists, overload).
    :ivar table: name of the number table whose numbers and prefixes belong to it too, "" = none.
    :param bulk: that table.
    """

    __slots__ = ("_bulk", "emergency", "name", "numbers", "table")

    def __init__(
        self,
        name: str,
        numbers: NumberEntries,
        emergency: bool = False,
        table: str = "",
        bulk: NumberTable | None = None,
    ) -> None:
        self.name = name
        self.numbers = numbers
        self.emergency = emergency
        self.table = table
        self._bulk = bulk

    @classmethod
    def of(cls, name: str, *entries: str, emergency: bool = False) -> NumberGroup:
        """A group of these entries."""
        return cls(name, NumberEntries(entries), emergency)

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> NumberGroup:
        """Read a configuration body with every key present.

        :raises ValueError: an entry that cannot be read (provisioning refuses those).
        """
        return cls(body["name"], NumberEntries(body["numbers"]), body["emergency"], body.get("table") or "")

    def with_table(self, bulk: NumberTable | None) -> NumberGroup:
        """The same group with its number table as it is now."""
        if bulk is self._bulk:
            return self
        return NumberGroup(self.name, self.numbers, self.emergency, self.table, bulk)

    def match(self, number: str) -> str | None:
        """The entry that covers *number*, a prefix of the table with a ``*`` behind it; None when none does.

        A table of kind ``list`` holds whole numbers, any other one prefixes; those of an emergency group are whole.
        """
        found = self.numbers.match(number)
        bulk = self._bulk
        if found is not None or bulk is None:
            return found
        if bulk.kind == "list" or self.emergency:
            return None if bulk.get(number) is None else number
        longest = bulk.longest(number)
        return None if longest is None else longest[0] + "*"


def with_tables(groups: Mapping[str, NumberGroup], tables: Mapping[str, NumberTable]) -> Mapping[str, NumberGroup]:
    """The groups with their tables as they are now; the same mapping when nothing differs."""
    changed = {
        name: group.with_table(tables.get(group.table))
        for name, group in groups.items()
        if group.table and group.with_table(tables.get(group.table)) is not group
    }
    return {**groups, **changed} if changed else groups
