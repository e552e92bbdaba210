"""Lists of numbers: exact ones and ``prefix*`` wildcards, as parameters and blacklists write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SEPARATORS = re.compile(r"[,;\s]+")


class NumberList:
    """A set of numbers, immutable: ``"911" in NumberList(["911", "0800*"])``; false when it is empty.

    :param entries: numbers; one that ends in ``*`` stands for all that begin so, ``*`` alone for every number.
    """

    __slots__ = ("_exact", "_lengths", "_wild", "entries")

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self.entries = tuple(dict.fromkeys(entries))
        self._exact = frozenset(entry for entry in self.entries if not entry.endswith("*"))
        self._wild = frozenset(entry[:-1] for entry in self.entries if entry.endswith("*"))
        self._lengths = tuple(sorted({len(start) for start in self._wild}, reverse=True))

    @classmethod
    def from_text(cls, text: str) -> NumberList:
        """A list whose entries are separated by commas, semicolons or white space."""
        return cls(entry for entry in _SEPARATORS.split(text) if entry)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, number: str) -> bool:
        return bool(self.entries) and self.match(number) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NumberList) and self.entries == other.entries

    def __hash__(self) -> int:
        return hash(self.entries)

    def __repr__(self) -> str:
        return f"NumberList({list(self.entries)!r})"

    def match(self, number: str) -> str | None:
        """The entry that covers *number*: the number itself, else the longest wildcard; None when none does."""
        if number in self._exact:
            return number
        for length in self._lengths:
            if length <= len(number) and number[:length] in self._wild:
                return number[:length] + "*"
        return None
