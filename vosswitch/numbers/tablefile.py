"""A compiled number table: millions of numbers that are opened at once and searched in place.

Sections, integers in the byte order of the machine that wrote them:

* ``keys``: one unsigned 64-bit integer a row, ascending: 15 digits in four bits each, filled up with zeros, and their
  number in the last four bits.
* ``parents``: unsigned 32 bits: the row of the longest shorter number that leads this row's number, or `NONE`.
* ``places``: unsigned 32 bits: where in ``texts`` the row's value stands.
* ``texts``: values, each a length byte and UTF-8; equal ones mostly once.
* ``slots``: pairs of unsigned 64 bits, so that one look at memory gets both: the key again and the place of its value,
  each key at its rest by the number of slots, a prime, or the next free one; `FREE` = none.
* ``odd``: JSON object of what is not of 0 to 15 digits.

An exact number is found by its slot; a prefix is the nearest row at or before the number's own key, or a parent of
that row.
"""

from __future__ import annotations

import json
import zlib
from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from vosswitch.numbers.sections import BadFile, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NONE = 0xFFFFFFFF
FREE = 0xFFFFFFFFFFFFFFFF
DIGITS = 15
"""Digits of the longest number that has a key."""

ODD_LIMIT = 10_000
LONGEST_VALUE = 255
"""Bytes."""

_SHIFTS = tuple(range(64, 0, -4))
"""By the number of digits how far left they stand."""

_SHARED = 65_536
_FULL = 0.6
_LONG_WAY = 64
_ROWS_BETWEEN = 20_000
_PIECE = 131_072


class BadTableFile(BadFile):
    """A compiled number table that cannot be used; the text says why in one line."""


LAYOUT = Layout(b"vostable", 2, ("keys", "parents", "places", "texts", "slots", "odd"), "number table", BadTableFile)


def plain(number: str) -> bool:
    """Whether *number* is of ASCII digits alone, or empty."""
    return not number or (number.isascii() and number.isdecimal())


def has_key(number: str) -> bool:
    """Whether the compiled part can hold it."""
    return len(number) <= DIGITS and plain(number)


def key_of(digits: str) -> int:
    """The key of up to 15 ASCII digits."""
    return int(digits or "0", 16) << _SHIFTS[len(digits)] | len(digits)


def _leading_digits(number: str) -> str:
    head = number[:DIGITS]
    if plain(head):
        return head
    for place, character in enumerate(head):
        if not plain(character):
            return head[:place]
    return head


def _up(row: int, parent: int) -> int:
    """The parent of a row; one that comes not before it would be damage, and perhaps a loop."""
    if row <= parent < NONE:
        raise IndexError(parent)
    return parent


class TableCompiler:
    """Turns rows, sorted by number, into the sections of a file.

    What stays in memory are the keys and places (12 bytes a row); `flush` gives the rest out.

    :ivar count: rows with a key so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._keys: array[int] = array("Q")
        self._flushed = 0
        self._parents: array[int] = array("I")
        self._places: array[int] = array("I")
        self._texts = bytearray()
        self._texts_before = 0
        self._values: dict[str, int] = {}
        self._odd: dict[str, str] = {}
        self._leading: list[tuple[str, int]] = []
        self._last = ""

    @property
    def pending(self) -> int:
        """Rows that `flush` would give out."""
        return self.count - self._flushed

    def add(self, number: str, value: str) -> None:
        """Take the next row.

        :raises ValueError: out of order, a duplicate, too long a value, or more than 10,000 numbers without a key.
        """
        if len(value) > LONGEST_VALUE or len(value.encode()) > LONGEST_VALUE:
            raise ValueError(f"number {number!r}: its value is longer than {LONGEST_VALUE} bytes")
        if not has_key(number):
            if len(self._odd) >= ODD_LIMIT:
                raise ValueError(f"more than {ODD_LIMIT} numbers that are not up to {DIGITS} digits, at {number!r}")
            self._odd[number] = value
            return
        if self.count and number <= self._last:
            raise ValueError(f"number {number!r}: not ascending, comes after {self._last!r}")
        self._last = number
        leading = self._leading
        while leading and not number.startswith(leading[-1][0]):
            leading.pop()
        self._keys.append(key_of(number))
        self._parents.append(leading[-1][1] if leading else NONE)
        self._places.append(self._place(value))
        leading.append((number, self.count))
        self.count += 1

    def _place(self, value: str) -> int:
        place = self._values.get(value)
        if place is None:
            if len(self._values) >= _SHARED:
                self._values.clear()
            text = value.encode()
            place = self._texts_before + len(self._texts)
            if len(text) > LONGEST_VALUE or place >= NONE:
                raise ValueError(
                    f"number {self._last!r}: its value is longer than {LONGEST_VALUE} bytes, or all too long"
                )
            self._values[value] = place
            self._texts += bytes((len(text),)) + text
        return place

    def flush(self) -> dict[str, bytes]:
        """Give out, by section, the bytes that were added since the last time."""
        out = {
            "keys": self._keys[self._flushed :].tobytes(),
            "places": self._places[self._flushed :].tobytes(),
            "parents": self._parents.tobytes(),
            "texts": bytes(self._texts),
        }
        self._flushed = self.count
        del self._parents[:]
        self._texts_before += len(self._texts)
        self._texts.clear()
        return out

    def finish(self) -> Iterator[dict[str, bytes]]:
        """The rest of every section; several steps, so that other work can go on between them."""
        yield self.flush()
        slots = array("Q")
        size = max(3, int(self.count / _FULL))
        far = True
        while far:
            size = _prime_from(size)
            slots = array("Q", [FREE]) * (2 * size)
            far = False
            for farthest in self._fill(slots, size):
                yield {}
                far = farthest > _LONG_WAY and size < 4 * self.count
            size += size // 7
        for start in range(0, len(slots), _PIECE):
            yield {"slots": slots[start : start + _PIECE].tobytes()}
        yield {"odd": json.dumps(self._odd).encode() if self._odd else b""}

    def _fill(self, slots: array[int], size: int) -> Iterator[int]:
        """Put every row into its slot; gives the longest way so far, now and then and at the end."""
        farthest, places, end = 0, self._places, 2 * size
        for row, key in enumerate(self._keys):
            slot = first = key % size * 2
            while slots[slot] != FREE:
                slot = slot + 2 if slot + 2 < end else 0
            slots[slot], slots[slot + 1] = key, places[row]
            if slot != first:
                farthest = max(farthest, (slot - first) % end // 2)
            if row % _ROWS_BETWEEN == 0:
                yield farthest
        yield farthest


def _prime_from(number: int) -> int:
    number |= 1
    while any(number % divisor == 0 for divisor in range(3, int(number**0.5) + 1, 2)):
        number += 2
    return number


class TableFile:
    """A compiled number table in a buffer (mapped memory, mostly).

    Opening takes the same time for one row and for a million; `verify` reads everything.

    :ivar count: numbers that have a key.
    :ivar odd: the others, with their values.
    :param name: shown in errors.
    :raises BadTableFile: no number table, of another version, damaged head, or cut off.
    """

    __slots__ = (
        "_buffer",
        "_keys",
        "_name",
        "_parents",
        "_places",
        "_sections",
        "_size",
        "_slots",
        "_texts",
        "count",
        "odd",
    )

    def __init__(self, buffer: Any, name: str) -> None:
        self._name, self._buffer = name, buffer
        view = memoryview(buffer)
        self.count, self._sections = LAYOUT.read(view, name)
        parts = [view[offset : offset + length] for offset, length, _ in self._sections]
        self._keys, self._slots = parts[0].cast("Q"), parts[4].cast("Q")
        self._parents, self._places = parts[1].cast("I"), parts[2].cast("I")
        self._texts = self._sections[3][0]
        self._size = len(self._slots) // 2
        self.odd: Mapping[str, str] = self._read_odd(bytes(parts[5]))

    def _read_odd(self, data: bytes) -> dict[str, str]:
        if data and zlib.crc32(data) != self._sections[5][2]:
            raise BadTableFile(f"{self._name}: section odd is damaged")
        found: dict[str, str] = json.loads(data) if data else {}
        return found

    def verify(self) -> Iterator[None]:
        """Read everything against its checksums, in pieces of 1 MB: iterate at whatever pace fits.

        :raises BadTableFile: a section is damaged.
        """
        return LAYOUT.verify(memoryview(self._buffer), self._sections, self._name)

    def get(self, number: str) -> str | None:
        """The value of exactly this number.

        :raises BadTableFile: came upon damage.
        """
        length = len(number)
        try:
            key = int(number, 16) << _SHIFTS[length] | length
        except (ValueError, IndexError):  # no digits, or too many
            key = 0 if not number else -1
        slots, size = self._slots, self._size
        slot = first = key % size * 2
        try:
            found = slots[slot]
            while found != key:
                if found == FREE:
                    return None
                slot = slot + 2 if slot + 2 < 2 * size else 0
                if slot == first:  # damaged: no free slot at all
                    raise IndexError(slot)
                found = slots[slot]
            # Also "+1" and "1_0" can be read as a key; they are no digits, and so not in here.
            if not number.isascii() or (key and not number.isdecimal()):
                return None
            buffer, place = self._buffer, slots[slot + 1] + self._texts
            size = buffer[place]
            return buffer[place + 1 : place + 1 + size].decode() if size else ""
        except (IndexError, ValueError):
            raise BadTableFile(f"{self._name}: damaged at {number!r}") from None

    def longest(self, number: str) -> tuple[str, str] | None:
        """The longest entry that *number* begins with, and its value.

        :raises BadTableFile: came upon damage.
        """
        head = number[:DIGITS]
        if not (head.isdecimal() and head.isascii()):
            head = _leading_digits(number)
        key = key_of(head)
        keys, parents = self._keys, self._parents
        row = bisect_right(keys, key) - 1
        try:
            while 0 <= row < NONE:
                own = keys[row]
                length = own & 15
                below = _SHIFTS[length]
                if own >> below == key >> below:
                    return number[:length], self._value(self._places[row])
                row = _up(row, parents[row])
        except (IndexError, ValueError):
            raise BadTableFile(f"{self._name}: damaged at the prefixes of {head!r}") from None
        return None

    def prefixes(self, number: str) -> Iterator[tuple[str, str]]:
        """Every entry that *number* begins with, longest first, and its value.

        :raises BadTableFile: came upon damage.
        """
        digits = _leading_digits(number)
        key = key_of(digits)
        keys, parents = self._keys, self._parents
        row = bisect_right(keys, key) - 1
        try:
            while 0 <= row < NONE:
                own = keys[row]
                length = own & 15
                below = _SHIFTS[length]
                if own >> below == key >> below:
                    yield number[:length], self._value(self._places[row])
                row = _up(row, parents[row])
        except (IndexError, ValueError):
            raise BadTableFile(f"{self._name}: damaged at the prefixes of {digits!r}") from None

    def _value(self, place: int) -> str:
        buffer = self._buffer
        place += self._texts
        length = buffer[place]
        if not length:
            return ""
        value: str = buffer[place + 1 : place + 1 + length].decode()
        return value
