"""An immutable index from number prefixes to anything, longest match first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

T = TypeVar("T")


class PrefixIndex(Generic[T]):
    """Finds what is stored for the prefixes of a number; the empty prefix matches every number.

    :param values: prefix to value.
    """

    __slots__ = ("_lengths", "_values")

    def __init__(self, values: Mapping[str, T]) -> None:
        self._values = dict(values)
        self._lengths = tuple(sorted({len(prefix) for prefix in self._values}, reverse=True))

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def longest(self, number: str) -> tuple[str, T] | None:
        """The longest stored prefix of *number* with its value; None when none matches."""
        values, size = self._values, len(number)
        for length in self._lengths:
            if length <= size:
                prefix = number[:length]
                if prefix in values:
                    return prefix, values[prefix]
        return None

    def matches(self, number: str) -> list[tuple[str, T]]:
        """Every stored prefix of *number* with its value, the longest first."""
        values, size = self._values, len(number)
        prefixes = [number[:length] for length in self._lengths if length <= size]
        return [(prefix, values[prefix]) for prefix in prefixes if prefix in values]
