"""Lists of numbers: exact ones and ``prefix*`` wildcards, as parameters and blacklists write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vosswitch.numbers.prefixes import PrefixIndex

if TYPE_CHECKING:
    from collections.abc import Iterable

_SEPARATORS = re.compile(r"[,;\s]+")


class NumberList:
    """A set of numbers, immutable: ``"911" in NumberList(["911", "0800*"])``.

    :param entries: numbers; one that ends in ``*`` stands for all that begin so, ``*`` alone for every number.
    """

    __slots__ = ("_exact", "_wild", "entries")

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self.entries = tuple(dict.fromkeys(entries))
        self._exact = frozenset(entry for entry in self.entries if not entry.endswith("*"))
        self._wild = PrefixIndex({entry[:-1]: entry for entry in self.entries if entry.endswith("*")})

    @classmethod
    def from_text(cls, text: str) -> NumberList:
        """A list whose entries are separated by commas, semicolons or white space."""
        return cls(entry for entry in _SEPARATORS.split(text) if entry)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, number: str) -> bool:
        return self.match(number) is not None

    def match(self, number: str) -> str | None:
        """The entry that covers *number*: the number itself, else the longest wildcard; None when none does."""
        if number in self._exact:
            return number
        found = self._wild.longest(number)
        return None if found is None else found[1]
