"""Simple types of ASN.1 in aligned PER (X.691): what has no components.

Values are ``pycrate``'s: NULL = 0, BIT STRING = ``(int, bits)``, OBJECT IDENTIFIER = tuple of ints, open type =
``("_unk_004", octets)``.  A value that does not fit raises ValueError, TypeError or the like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from vosswitch.h323.asn1.bits import Reader, Writer

UNKNOWN = "_ext_"
"""What something of a later version is called, before its place in the extension."""


class Coder(Protocol):
    """Reads and writes the values of one type."""

    def read(self, bits: Reader) -> Any:
        """The next value."""

    def write(self, bits: Writer, value: Any) -> None:
        """Put a value."""


class Null:
    """NULL."""

    def read(self, _bits: Reader) -> int:
        """Nothing is there to read."""
        return 0

    def write(self, bits: Writer, value: Any) -> None:
        """Nor to write."""


class Boolean:
    """BOOLEAN."""

    def read(self, bits: Reader) -> bool:
        """One bit."""
        return bits.bit() == 1

    def write(self, bits: Writer, value: bool) -> None:
        """One bit."""
        bits.bits(1 if value else 0, 1)


class Number:
    """A number from *low* to *high* (X.691 11.5.7): in bits, in one or two octets, or in as many octets as it needs.

    :ivar low: the first.
    :ivar high: the last.
    """

    __slots__ = ("_counted", "_octets", "_width", "high", "low")

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high
        span = high - low
        self._width = span.bit_length()
        self._octets = 0 if span < 255 else 1 if span == 255 else 2 if span < 65_536 else 0
        self._counted = ((self._width + 7) // 8 - 1).bit_length() if span >= 65_536 else 0

    def read(self, bits: Reader) -> int:
        """A number in its bounds."""
        if self._octets:
            found = int.from_bytes(bits.octets(self._octets))
        elif self._counted:
            found = int.from_bytes(bits.octets(bits.bits(self._counted) + 1))
        else:
            found = bits.bits(self._width)
        found += self.low
        if found > self.high:
            raise ValueError(f"expected {self.low} to {self.high}, got {found}")
        return found

    def write(self, bits: Writer, value: int) -> None:
        """A number in its bounds."""
        if not self.low <= value <= self.high:
            raise ValueError(f"expected {self.low} to {self.high}, got {value!r}")
        value -= self.low
        if self._octets:
            bits.octets(value.to_bytes(self._octets))
        elif self._counted:
            size = max((value.bit_length() + 7) // 8, 1)
            bits.bits(size - 1, self._counted)
            bits.octets(value.to_bytes(size))
        else:
            bits.bits(value, self._width)


class Endless:
    """A number without an upper bound (X.691 13.2.5, 13.2.6): octets behind their count, signed if it has no *low*."""

    __slots__ = ("_low", "_signed")

    def __init__(self, low: int | None) -> None:
        self._low, self._signed = low or 0, low is None

    def read(self, bits: Reader) -> int:
        """Any."""
        return int.from_bytes(bits.content(), signed=self._signed) + self._low

    def write(self, bits: Writer, value: int) -> None:
        """Any from *low* on."""
        value -= self._low
        if value < 0 and not self._signed:
            raise ValueError(f"expected {self._low} or more, got {value + self._low}")
        size = (value.bit_length() if value >= 0 else (~value).bit_length()) + self._signed + 7 >> 3
        bits.content(value.to_bytes(max(size, 1), signed=self._signed))


class Extensible:
    """A number that later versions may take beyond its bounds."""

    __slots__ = ("_beyond", "_root")

    def __init__(self, root: Number) -> None:
        self._root, self._beyond = root, Endless(None)

    def read(self, bits: Reader) -> int:
        """A number."""
        return self._beyond.read(bits) if bits.bit() else self._root.read(bits)

    def write(self, bits: Writer, value: int) -> None:
        """A number."""
        inside = self._root.low <= value <= self._root.high
        bits.bits(0 if inside else 1, 1)
        (self._root if inside else self._beyond).write(bits, value)


class Enumerated:
    """ENUMERATED: a name."""

    __slots__ = ("_extended", "_index", "_names")

    def __init__(self, names: list[str], extended: list[str] | None) -> None:
        self._names, self._extended = names, extended
        self._index = Number(0, len(names) - 1)

    def read(self, bits: Reader) -> str:
        """A name; ``_ext_N`` for one of a later version."""
        if self._extended is not None and bits.bit():
            place = bits.small()
            return self._extended[place] if place < len(self._extended) else f"{UNKNOWN}{place}"
        return self._names[self._index.read(bits)]

    def write(self, bits: Writer, value: str) -> None:
        """A name."""
        known = value in self._names
        if self._extended is not None:
            bits.bits(0 if known else 1, 1)
            if not known:
                bits.small(place_of(value, self._extended))
                return
        self._index.write(bits, self._names.index(value))


def place_of(name: str, extended: list[str]) -> int:
    """Of something of the extension; *extended* is what we know of it."""
    if name in extended:
        return extended.index(name)
    if not name.startswith(UNKNOWN):
        raise ValueError(f"expected a name that the type has, got {name!a}")
    return int(name[len(UNKNOWN) :])


class Size:
    """How long a string or a list is (X.691 11.9): between bounds, or any.

    :ivar fixed: the only length there is; None = it is told.
    """

    __slots__ = ("_number", "fixed")

    def __init__(self, low: int = 0, high: int | None = None) -> None:
        self._number = Number(low, high) if high is not None and high < 65_536 else None
        self.fixed = low if low == high else None

    def read(self, bits: Reader) -> int:
        """A length."""
        if self.fixed is not None:
            return self.fixed
        return bits.length() if self._number is None else self._number.read(bits)

    def write(self, bits: Writer, size: int) -> None:
        """A length, checked."""
        if self._number is None:
            bits.length(size)
        else:
            self._number.write(bits, size)  # no bits if it is fixed


class Octets:
    """OCTET STRING (X.691 clause 17): two octets and less of a fixed size need no whole octets of the message."""

    __slots__ = ("_short", "_size")

    def __init__(self, size: Size) -> None:
        self._size = size
        self._short = size.fixed is not None and size.fixed <= 2

    def read(self, bits: Reader) -> bytes:
        """Octets."""
        size = self._size.read(bits)
        return bits.bits(8 * size).to_bytes(size) if self._short else bits.octets(size)

    def write(self, bits: Writer, value: bytes) -> None:
        """Octets."""
        self._size.write(bits, len(value))
        if self._short:
            bits.bits(int.from_bytes(value), 8 * len(value))
        else:
            bits.octets(value)


class BitString:
    """BIT STRING (X.691 clause 16)."""

    __slots__ = ("_short", "_size")

    def __init__(self, size: Size) -> None:
        self._size = size
        self._short = size.fixed is not None and size.fixed <= 16

    def read(self, bits: Reader) -> tuple[int, int]:
        """Bits as a number, and how many they are."""
        size = self._size.read(bits)
        if not self._short:
            bits.align()
        return bits.bits(size), size

    def write(self, bits: Writer, value: tuple[int, int]) -> None:
        """Bits as a number, and how many they are."""
        number, size = value
        if number >> size:
            raise ValueError(f"expected {size} bits, got {number.bit_length()}")
        self._size.write(bits, size)
        if not self._short:
            bits.align()
        bits.bits(number, size)


class Text:
    """Strings of characters of one width each (X.691 clause 30).

    :param width: bits of a character.
    :param alphabet: the characters that there may be, "" = all that *codec* has.
    :param aligned: whether its characters begin with a whole octet.
    """

    __slots__ = ("_aligned", "_alphabet", "_codec", "_indexed", "_size", "_width")

    def __init__(self, size: Size, width: int, codec: str, alphabet: str, *, aligned: bool) -> None:
        self._size, self._width, self._codec = size, width, codec
        self._aligned, self._alphabet = aligned, alphabet
        self._indexed = width < 8

    def read(self, bits: Reader) -> str:
        """A string."""
        size = self._size.read(bits)
        if self._aligned:
            bits.align()
        if self._indexed:
            width, alphabet = self._width, self._alphabet
            return "".join([alphabet[bits.bits(width)] for _ in range(size)])
        number = bits.bits(size * self._width)
        found = number.to_bytes(size * self._width >> 3).decode(self._codec)
        self._check(found)
        return found

    def write(self, bits: Writer, value: str) -> None:
        """A string."""
        self._check(value)
        if self._indexed:
            self._size.write(bits, len(value))
            if self._aligned:
                bits.align()
            for letter in value:
                bits.bits(self._alphabet.index(letter), self._width)
            return
        octets = value.encode(self._codec)
        self._size.write(bits, len(octets) * 8 // self._width)
        if self._aligned:
            bits.align()
        bits.bits(int.from_bytes(octets), 8 * len(octets))

    def _check(self, value: str) -> None:
        if self._alphabet and not set(value) <= set(self._alphabet):
            raise ValueError(f"expected characters of {self._alphabet!a}, got {value[:40]!a}")


class Identifier:
    """OBJECT IDENTIFIER (X.690 8.19); one of no octets, which a terminal in the field sends, has no arcs."""

    def read(self, bits: Reader) -> tuple[int, ...]:
        """Arcs."""
        found, arc = [], 0
        content = bits.content()
        for octet in content:
            arc = arc << 7 | octet & 0x7F
            if not octet & 0x80:
                found.append(arc)
                arc = 0
        if not found and not content:
            return ()
        if content[-1] & 0x80:
            raise ValueError("expected an end of the last arc")
        first = min(found[0] // 40, 2)
        return first, found[0] - 40 * first, *found[1:]

    def write(self, bits: Writer, value: tuple[int, ...]) -> None:
        """Arcs."""
        written = bytearray()
        if value:
            first, second, *others = value
            if not 0 <= first <= 2 or (first < 2 and second > 39):
                raise ValueError(f"expected an object identifier, got {value[:8]!r}")
            for arc in (40 * first + second, *others):
                written += _arc(arc)
        bits.content(bytes(written))


def _arc(arc: int) -> bytes:
    if arc < 0:
        raise ValueError(f"expected an arc from 0 on, got {arc}")
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.append(arc & 0x7F | 0x80)
    return bytes(reversed(octets))


class Open:
    """An open type whose content nothing here has to know."""

    def read(self, bits: Reader) -> tuple[str, bytes]:
        """Its octets, under the library's name for them."""
        return "_unk_004", bits.content()

    def write(self, bits: Writer, value: tuple[str, bytes]) -> None:
        """Its octets."""
        name, content = value
        if not name.startswith("_unk_"):
            raise ValueError(f"expected octets of an open type, got {name!a}")
        bits.content(content)
