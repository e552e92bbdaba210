"""The numbers that callers of an account may show: ranges, prefixes and single numbers."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from vosswitch.accounts.ranges import apart

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 1000

_SECTION = re.compile(r"(\d{1,32})(\*|-(\d{1,32}))?", re.ASCII)


class BadSection(ValueError):
    """A section that cannot be read; its text follows the word "expected"."""


def read_section(text: str) -> str:
    """A section in its normal form: ``43120000-43129999``, ``4312*`` or one number.

    :raises BadSection: it is none of these.
    """
    found = _SECTION.fullmatch(text)
    if found is None or (found[3] and not (len(found[1]) == len(found[3]) and found[1] <= found[3])):
        raise BadSection('a range of numbers of one length such as "43120000-43129999", a prefix "4312*" or a number')
    return text


class Sections:
    """Sections that `read_section` has passed; immutable."""

    __slots__ = ("_by_length", "_starts", "entries")

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self.entries = tuple(entries)
        self._starts = tuple([entry[:-1] for entry in self.entries if entry.endswith("*")])
        ranges: dict[int, list[tuple[str, str]]] = {}
        for entry in self.entries:
            if not entry.endswith("*"):
                begin, _, end = entry.partition("-")
                ranges.setdefault(len(begin), []).append((begin, end or begin))
        self._by_length = {length: apart(found) for length, found in ranges.items()}

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __contains__(self, number: str) -> bool:
        if number.startswith(self._starts):
            return True
        found = self._by_length.get(len(number))
        if found is None or not (number.isascii() and number.isdigit()):
            return False
        begins, ends = found
        place = bisect_right(begins, number)
        return place > 0 and number <= ends[place - 1]
