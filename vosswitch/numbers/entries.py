"""Entries of black and white lists: those of number groups, and lengths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vosswitch.numbers.groups import BadNumberEntry, NumberEntries, number_entry

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 10_000
"""Entries of one list: what the switch reads in one go."""

MOST_PATTERNS = 500

_LENGTH = re.compile(r"length (\d{1,2})(?:-(\d{1,2}))?", re.ASCII)
_LONGEST = 64


def is_pattern(entry: str) -> bool:
    """Whether it stands between slashes."""
    return entry.startswith("/")


def read_entry(text: str) -> str:
    """One entry in its normal form: what `number_entry` takes, or ``length 7-15``.

    :raises BadNumberEntry: it is none of these.
    """
    if not text.startswith("length "):
        return number_entry(text)
    if not _lengths(text):
        raise BadNumberEntry(f'lengths of 1-{_LONGEST} characters such as "length 7-15" or "length 3"')
    return text


def _lengths(text: str) -> range:
    found = _LENGTH.fullmatch(text)
    if found is None:
        return range(0)
    first, last = int(found[1]), int(found[2] or found[1])
    return range(first, last + 1) if 0 < first <= last <= _LONGEST else range(0)


class NumberSet:
    """Entries that `read_entry` has passed; immutable.

    Asked in this order: the number itself, ranges, the longest prefix, patterns, the length.
    """

    __slots__ = ("_lengths", "_numbers", "count")

    def __init__(self, entries: Iterable[str] = ()) -> None:
        given = list(entries)
        self.count = len(given)
        lengths = [(entry, _lengths(entry)) for entry in given if entry.startswith("length ")]
        self._lengths = {size: entry for entry, sizes in reversed(lengths) for size in sizes}
        self._numbers = NumberEntries(entry for entry in given if not entry.startswith("length "))

    def __bool__(self) -> bool:
        return bool(self.count)

    def match(self, number: str) -> str | None:
        """The entry that covers *number*; None = there is none."""
        return self._numbers.match(number) or self._lengths.get(len(number))
