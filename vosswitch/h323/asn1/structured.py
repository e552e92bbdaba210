"""Structured types of ASN.1 in aligned PER (X.691): SEQUENCE, CHOICE, SEQUENCE OF and SET OF.

Values are ``pycrate``'s: CHOICE = ``(name, value)``, SEQUENCE = dict of the components that are there.

An extension addition that cannot be read is kept as its octets, named ``_ext_N`` as an unknown one is: some stacks send
one of zero octets, or of a proprietary kind, and that costs no call.
"""

from __future__ import annotations

from typing import Any

from vosswitch.h323.asn1.bits import Reader, TooMuch, Writer
from vosswitch.h323.asn1.simple import UNKNOWN, Coder, Number, Size, place_of

MOST_PARTS = 2000
"""SEQUENCEs and other items of lists in one message; captured ones have up to 150."""
_MOST_ADDITIONS = 64


def decode(coder: Coder, data: bytes) -> Any:
    """The value that a message holds; what follows it is passed over."""
    return coder.read(Reader(data, [MOST_PARTS]))


def encode(coder: Coder, value: Any) -> bytes:
    """A value as a message."""
    bits = Writer()
    coder.write(bits, value)
    return bits.done()


class ListOf:
    """SEQUENCE OF and SET OF: a list."""

    __slots__ = ("_item", "_size")

    def __init__(self, size: Size) -> None:
        self._size = size

    def fill(self, item: Coder) -> None:
        """What it is a list of."""
        self._item = item

    def read(self, bits: Reader) -> list[Any]:
        """A list, of which every item counts."""
        count = self._size.read(bits)
        if count > bits.end - bits.at:
            raise ValueError("it ends before its list")
        if not isinstance(self._item, Sequence):  # which counts itself
            bits.spend(count)
        read = self._item.read
        return [read(bits) for _ in range(count)]

    def write(self, bits: Writer, value: list[Any]) -> None:
        """A list."""
        self._size.write(bits, len(value))
        write = self._item.write
        for item in value:
            write(bits, item)


class Choice:
    """CHOICE (X.691 clause 23)."""

    __slots__ = ("_added", "_all", "_index", "_names", "_places", "extended")

    def __init__(self) -> None:
        self._all: dict[str, Coder] = {}

    def fill(self, root: dict[str, Coder], added: dict[str, Coder] | None) -> None:
        """Its alternatives, *added* ones of the extension; None = it can have none."""
        self._all.update(root)
        self._all.update(added or {})
        self._names, self._added = list(root), list(added or ())
        self._places = {name: place for place, name in enumerate(root)}
        self._index = Number(0, len(root) - 1)
        self.extended = added is not None

    def read(self, bits: Reader) -> tuple[str, Any]:
        """A name and a value; ``_ext_N`` and octets for an alternative of a later version."""
        if self.extended and bits.bit():
            place, content = bits.small(), bits.content()
            if place >= len(self._added):
                return f"{UNKNOWN}{place}", content
            name = self._added[place]
            return name, self._all[name].read(Reader(content, bits.budget))
        name = self._names[self._index.read(bits)]
        return name, self._all[name].read(bits)

    def write(self, bits: Writer, value: tuple[str, Any]) -> None:
        """A name and a value."""
        name, body = value
        place = self._places.get(name)
        if self.extended:
            bits.bits(1 if place is None else 0, 1)
        if place is not None:
            self._index.write(bits, place)
            self._all[name].write(bits, body)
            return
        if not self.extended:
            raise ValueError(f"expected one of {', '.join(self._names)[:80]}, got {name!a}")
        bits.small(place_of(name, self._added))
        bits.content(encode(self._all[name], body) if name in self._all else body)


class Sequence:
    """SEQUENCE (X.691 clause 19).

    :ivar _root: its components: name, coder, and the bit that says that an optional one is there, 0 = it has to be.
    :ivar _bits: those bits by name.
    """

    __slots__ = ("_added", "_bits", "_options", "_places", "_root", "extended")

    def fill(self, root: list[tuple[str, Coder]], options: list[str], added: list[tuple[str, Coder]] | None) -> None:
        """Its components: those of the *root*, which of them are *options*, and those of the extension."""
        weights = {name: 1 << len(options) - 1 - place for place, name in enumerate(options)}
        self._root = [(name, coder, weights.get(name, 0)) for name, coder in root]
        self._bits = {name: weight for name, _, weight in self._root}
        self._options = len(options)
        self._added = added or []
        self._places = {name: place for place, (name, _) in enumerate(self._added)}
        self.extended = added is not None

    def read(self, bits: Reader) -> dict[str, Any]:
        """The components that are there."""
        bits.spend(1)
        more = self.extended and bits.bit()
        there = bits.bits(self._options) if self._options else 0
        found = {name: coder.read(bits) for name, coder, weight in self._root if not weight or there & weight}
        if more:
            self._read_additions(bits, found)
        return found

    def _read_additions(self, bits: Reader, found: dict[str, Any]) -> None:
        if bits.bit():
            raise ValueError(f"expected at most {_MOST_ADDITIONS} extension additions")
        count = bits.bits(6) + 1
        there = bits.bits(count)
        for place in range(count):
            if there >> count - 1 - place & 1:
                name, value = self._addition(place, bits.content(), bits.budget)
                found[name] = value

    def _addition(self, place: int, content: bytes, budget: list[int]) -> tuple[str, Any]:
        if place < len(self._added):
            name, coder = self._added[place]
            try:
                return name, coder.read(Reader(content, budget))
            except TooMuch:
                raise
            except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
                pass  # the message goes on without it
        return f"{UNKNOWN}{place}", content

    def write(self, bits: Writer, value: dict[str, Any]) -> None:
        """Components; each that has to be there is."""
        there, additions = self._look(value)
        if self.extended:
            bits.bits(1 if additions else 0, 1)
        if self._options:
            bits.bits(there, self._options)
        for name, coder, weight in self._root:
            if name in value:
                coder.write(bits, value[name])
            elif not weight:
                raise ValueError(f"{name} is missing")
        if additions:
            self._write_additions(bits, additions, value)

    def _look(self, value: dict[str, Any]) -> tuple[int, dict[int, str]]:
        """Which optional components are there, as bits; place in the bitmap -> name of the additions that are."""
        there, additions, known = 0, {}, self._bits
        for name in value:
            if name in known:
                there |= known[name]
            else:
                additions[self._place(name)] = name
        return there, additions

    def _place(self, name: str) -> int:
        """Of an addition in the bitmap."""
        place = self._places.get(name)
        if place is not None:
            return place
        if not self.extended or not name.startswith(UNKNOWN):
            raise ValueError(f"expected components that the type has, got {name!a}")
        return int(name[len(UNKNOWN) :])

    def _write_additions(self, bits: Writer, additions: dict[int, str], value: dict[str, Any]) -> None:
        count = max(len(self._added), max(additions) + 1)
        if count > _MOST_ADDITIONS:
            raise ValueError(f"expected at most {_MOST_ADDITIONS} extension additions, got {count}")
        bits.bits(count - 1, 7)
        bits.bits(sum([1 << count - 1 - place for place in additions]), count)
        for place in sorted(additions):
            name = additions[place]
            content = value[name] if name.startswith(UNKNOWN) else encode(self._added[place][1], value[name])
            bits.content(content)
