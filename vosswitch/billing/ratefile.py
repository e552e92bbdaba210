"""A compiled price list: one million rates that are opened at once and searched in place.

Sections (`vosswitch.numbers.sections`), integers in the byte order of the machine that wrote them:

* ``keys``: one unsigned 64-bit integer a row, ascending: the digits of the prefix in four bits each, digit + 1, filled
  up with zeros. Rows of one prefix stand together, ascending by ``effective``.
* ``effective``: signed 64 bits, epoch ms.
* ``parents``: unsigned 32 bits: the newest row of the longest shorter prefix that leads this row's prefix, or `NONE`.
* ``places``: unsigned 64 bits: where in ``texts`` the row's price stands.
* ``texts``: prices, each a length byte and ``per_minute|first|next|connect_fee|tax|level``; equal ones mostly once.
  Rates with something further have ``|until|attempt_fee|minimum|sections|periods`` behind it; a text of more than 255
  bytes has a zero byte and its length in two bytes before it, the smaller one first.
* ``odd``: JSON rows whose prefix is not of 0 to 16 digits; they go into the overlay.

A prefix of the searched number is the nearest row at or before the number's own key, or a parent of that row: one
bisection and a short walk.
"""

from __future__ import annotations

import json
import zlib
from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from vosswitch.billing.extra import Extra
from vosswitch.billing.rates import Rate
from vosswitch.numbers.sections import BadFile, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NONE = 0xFFFFFFFF
SECTIONS = ("keys", "effective", "parents", "places", "texts", "odd")
_FORMATS = {"keys": "Q", "effective": "q", "parents": "I", "places": "Q"}
_DIGITS = 16
_ONES = tuple(int("1" * size or "0", 16) for size in range(_DIGITS + 1))
_SHIFTS = tuple(range(4 * _DIGITS, -1, -4))
"""By the number of digits: what makes each one more, and how far left they stand."""
_ODD_LIMIT = 10_000
_SHARED_PRICES = 65_536
_tuple = tuple.__new__
_PLAIN = 8
_LONGEST_TEXT = 4096
_KNOWN = 1024
"""Prices that are kept as they were read."""


class BadRateFile(BadFile):
    """A compiled price list that cannot be used; the text says why in one line."""


LAYOUT = Layout(b"vosrates", 1, SECTIONS, "rate file", BadRateFile)


def key_of(digits: str) -> int:
    """The key of a prefix or of a number's leading 16 digits (ASCII digits only)."""
    size = len(digits)
    return (int(digits, 16) + _ONES[size]) << _SHIFTS[size] if size else 0


def _size(key: int) -> int:
    """The digits of a key: the bits below the last one are zero, so the lowest set nibble ends it."""
    return _DIGITS - ((key & -key).bit_length() - 1 >> 2) if key else 0


def _plain(text: str) -> bool:
    return not text or (text.isascii() and text.isdecimal())


def _leading_digits(number: str) -> str:
    head = number[:_DIGITS]
    if _plain(head):
        return head
    for place, character in enumerate(head):
        if not _plain(character):
            return head[:place]
    return head


def _further_text(extra: Sequence[Any]) -> str:
    until, *rest = extra
    return "|".join(("" if until is None else str(until), *rest))


_Price = tuple[str, int, int, str, str, str, "Extra | None"]


class RateCompiler:
    """Turns rows, sorted by prefix and then effective, into the sections of a file; keeps only unflushed rows.

    :ivar count: rows compiled so far, odd ones not counted.
    """

    def __init__(self) -> None:
        self.count = 0
        self._columns: dict[str, array[int]] = {name: array(code) for name, code in _FORMATS.items()}
        self._texts = bytearray()
        self._texts_before = 0
        self._prices: dict[str, int] = {}
        self._odd: list[list[Any]] = []
        self._leading: list[tuple[str, int]] = []
        self._last = ("", -1)

    @property
    def pending(self) -> int:
        """Rows that `flush` would give out."""
        return len(self._columns["keys"])

    def add(self, row: Sequence[Any]) -> None:
        """Take the next row (the fields of `Rate`).

        :raises ValueError: out of order, a duplicate, or more than 10,000 prefixes that are not 0 to 16 digits.
        """
        prefix, effective = row[0], row[1]
        if len(prefix) > _DIGITS or not _plain(prefix):
            if len(self._odd) >= _ODD_LIMIT:
                raise ValueError(f"more than {_ODD_LIMIT} prefixes that are not up to {_DIGITS} digits, at {prefix!r}")
            self._odd.append(list(row))
            return
        last_prefix, last_effective = self._last
        if prefix == last_prefix and self.count:
            if effective <= last_effective:
                raise ValueError(f"rate {prefix!r}: not ascending by effective time, or twice the same")
        elif self.count and prefix < last_prefix:
            raise ValueError(f"rate {prefix!r}: not ascending by prefix, comes after {last_prefix!r}")
        self._last = (prefix, effective)
        self._put(prefix, effective, row)

    def _put(self, prefix: str, effective: int, row: Sequence[Any]) -> None:
        leading = self._leading
        while leading and (leading[-1][0] == prefix or not prefix.startswith(leading[-1][0])):
            leading.pop()
        columns = self._columns
        columns["keys"].append(key_of(prefix))
        columns["effective"].append(effective)
        columns["parents"].append(leading[-1][1] if leading else NONE)
        price = f"{row[2]}|{row[3]}|{row[4]}|{row[5]}|{row[6]}|{row[7]}"
        if len(row) > _PLAIN and row[_PLAIN] is not None:
            price = f"{price}|{_further_text(row[_PLAIN])}"
        columns["places"].append(self._place(price))
        leading.append((prefix, self.count))
        self.count += 1

    def _place(self, price: str) -> int:
        place = self._prices.get(price)
        if place is None:
            if len(self._prices) >= _SHARED_PRICES:
                self._prices.clear()
            text = price.encode()
            if len(text) > _LONGEST_TEXT:
                raise ValueError(f"rate {self._last[0]!r}: its terms are longer than {_LONGEST_TEXT} bytes together")
            place = self._prices[price] = self._texts_before + len(self._texts)
            self._texts += (bytes((len(text),)) if len(text) < 256 else b"\0" + len(text).to_bytes(2, "little")) + text
        return place

    def flush(self) -> dict[str, bytes]:
        """Give out, by section, the bytes that were added since the last time."""
        out = {name: column.tobytes() for name, column in self._columns.items()}
        for column in self._columns.values():
            del column[:]
        out["texts"] = bytes(self._texts)
        self._texts_before += len(self._texts)
        self._texts.clear()
        return out

    def finish(self) -> dict[str, bytes]:
        """The rest of every section, the last call."""
        return self.flush() | {"odd": json.dumps(self._odd).encode() if self._odd else b""}


class RateFile:
    """A compiled price list in a buffer (mapped memory, mostly).

    Only the header is checked here, so that opening takes the same time for one row and for a million; `verify` reads
    everything.

    :ivar count: rows in it.
    :ivar odd_rows: rows for the overlay.
    :param name: shown in errors.
    :raises BadRateFile: no price list, of another version, damaged head, or cut off.
    """

    __slots__ = (
        "_buffer",
        "_effective",
        "_keys",
        "_known",
        "_name",
        "_parents",
        "_places",
        "_sections",
        "_texts",
        "count",
        "odd_rows",
    )

    def __init__(self, buffer: Any, name: str) -> None:
        self._name = name
        self._buffer = view = memoryview(buffer)
        self.count, self._sections = LAYOUT.read(view, name)
        parts = [view[offset : offset + length] for offset, length, _ in self._sections]
        self._keys = parts[0].cast("Q")
        self._effective = parts[1].cast("q")
        self._parents = parts[2].cast("I")
        self._places = parts[3].cast("Q")
        self._texts = parts[4]
        self._known: dict[int, _Price] = {}
        self.odd_rows: list[list[Any]] = self._read_odd(bytes(parts[5]))

    def _read_odd(self, data: bytes) -> list[list[Any]]:
        if not data:
            return []
        if zlib.crc32(data) != self._sections[5][2]:
            raise BadRateFile(f"{self._name}: section odd is damaged")
        rows: list[list[Any]] = json.loads(data)
        return rows

    def verify(self) -> Iterator[None]:
        """Read everything against its checksums, in pieces of 1 MB: iterate at whatever pace fits.

        :raises BadRateFile: a section is damaged.
        """
        return LAYOUT.verify(self._buffer, self._sections, self._name)

    def lookup(self, number: str, at_ms: int) -> Rate | None:
        """The rate of *number* in force at *at_ms*: longest prefix that has one, of that the newest.

        :raises BadRateFile: came upon damage.
        """
        digits = _leading_digits(number)
        effective = self._effective
        try:
            row = self._nearest(digits)
            while row != NONE:
                if effective[row] <= at_ms:
                    rate = self._rate(row, digits)
                    if rate.extra is None or rate.extra.holds(at_ms):
                        return rate
                row = self._older(row)
            return None
        except (IndexError, ValueError):
            raise BadRateFile(f"{self._name}: damaged at the rate of {digits!r}") from None

    def groups(self, number: str) -> dict[str, list[Rate]]:
        """Every rate of every prefix of *number*, newest first, longest prefix first.

        :raises BadRateFile: came upon damage.
        """
        digits = _leading_digits(number)
        found: dict[str, list[Rate]] = {}
        try:
            row = self._nearest(digits)
            while row != NONE:
                rate = self._rate(row, digits)
                found.setdefault(rate.prefix, []).append(rate)
                row = self._older(row)
        except (IndexError, ValueError):
            raise BadRateFile(f"{self._name}: damaged at the rate of {digits!r}") from None
        return found

    def _nearest(self, digits: str) -> int:
        """The newest row of the longest prefix of *digits*, whatever its effective time; `NONE` = no prefix."""
        keys, parents = self._keys, self._parents
        key = key_of(digits)
        row = bisect_right(keys, key) - 1
        if row < 0:
            return NONE
        while row != NONE:
            own = keys[row]
            below = _SHIFTS[_size(own)]
            if own >> below == key >> below:
                return row
            row = self._up(row, parents[row])
        return NONE

    def _older(self, row: int) -> int:
        """The next row to try: the same prefix earlier, else the newest of the next shorter prefix."""
        keys = self._keys
        if row and keys[row - 1] == keys[row]:
            return row - 1
        return self._up(row, self._parents[row])

    @staticmethod
    def _up(row: int, parent: int) -> int:
        if parent >= row and parent != NONE:
            raise IndexError(parent)
        return parent

    def _rate(self, row: int, digits: str) -> Rate:
        """The rate of a row whose prefix leads *digits*."""
        own, place = self._keys[row], self._places[row]
        price = self._known.get(place) or self._price(place)
        return _tuple(Rate, (digits[: _size(own)], self._effective[row], *price))

    def _price(self, place: int) -> _Price:
        """What stands there; few prices are those of most rows."""
        texts = self._texts
        begin, size = place + 1, texts[place]
        if not size:
            begin, size = place + 3, int.from_bytes(texts[place + 1 : place + 3], "little")
        parts = str(texts[begin : begin + size], "utf-8").split("|", _MOST_PARTS - 1)
        per_minute, first, step, connect_fee, tax, level = parts[:6]
        extra = None
        if len(parts) == _MOST_PARTS:
            extra = Extra(int(parts[6]) if parts[6] else None, *parts[7:])
        elif len(parts) > 6:
            raise ValueError(parts)
        if len(self._known) >= _KNOWN:
            self._known.clear()
        found = self._known[place] = per_minute, int(first), int(step), connect_fee, tax, level, extra
        return found


_MOST_PARTS = 11
