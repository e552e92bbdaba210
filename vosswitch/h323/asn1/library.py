"""Coders made of ``pycrate``'s types.

The library brings what H.225.0 and H.245 say of every type.  Its own coding asks a type for its constraints again with
every value, keeps the value in the type, writes extension additions wrongly and gives a whole message up for one that
it cannot read: so each type becomes a `Coder`, once, which has what it needs at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.h323.asn1 import simple
from vosswitch.h323.asn1.structured import Choice, ListOf, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.asn1.simple import Coder

_ALPHABETS = {
    "NumericString": " 0123456789",
    "PrintableString": "0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'()+,-./:=?",
}
_BYTE = 8


class Coders:
    """Makes the coders of types, each once."""

    def __init__(self) -> None:
        self._made: dict[int, Coder] = {}
        self._simple: dict[Any, Coder] = {}

    def of(self, kind: Any) -> Coder:
        """The coder of one of the library's types.

        :raises NotImplementedError: none of the types of H.225.0 and H.245.
        """
        made = self._made.get(id(kind))
        if made is None:
            make = _MAKERS.get(kind.TYPE)
            if make is None:
                raise NotImplementedError(f"{kind._name}: {kind.TYPE}")
            made = make(self, kind)
        return made

    def _sequence(self, kind: Any) -> Coder:
        made = self._made[id(kind)] = Sequence()
        if getattr(kind, "_ext_group", None):
            raise NotImplementedError(f"{kind._name}: groups of extension additions")
        parts = kind._cont
        added = None if kind._ext is None else [(name, self.of(parts[name])) for name in kind._ext]
        made.fill([(name, self.of(parts[name])) for name in kind._root], list(kind._root_opt), added)
        return made

    def _choice(self, kind: Any) -> Coder:
        made = self._made[id(kind)] = Choice()
        parts = kind._cont
        added = None if kind._ext is None else {name: self.of(parts[name]) for name in kind._ext}
        made.fill({name: self.of(parts[name]) for name in kind._root}, added)
        return made

    def _list(self, kind: Any) -> Coder:
        made = self._made[id(kind)] = ListOf(_size(kind))
        made.fill(self.of(kind._cont))
        return made

    def _shared(self, key: Any, make: Callable[[], Coder]) -> Coder:
        """One for all types that are alike."""
        made = self._simple.get(key)
        if made is None:
            made = self._simple[key] = make()
        return made

    def _integer(self, kind: Any) -> Coder:
        bounds = kind._const_val
        low, high = (None, None) if bounds is None else (bounds.lb, bounds.ub)
        extensible = bounds is not None and bounds.ext is not None
        return self._shared(("INTEGER", low, high, extensible), lambda: _integer(low, high, extensible=extensible))

    def _enumerated(self, kind: Any) -> Coder:
        return simple.Enumerated(list(kind._root), None if kind._ext is None else list(kind._ext))

    def _octets(self, kind: Any) -> Coder:
        return self._shared(("OCTET STRING", *_bounds(kind)), lambda: simple.Octets(_size(kind)))

    def _bit_string(self, kind: Any) -> Coder:
        return self._shared(("BIT STRING", *_bounds(kind)), lambda: simple.BitString(_size(kind)))

    def _text(self, kind: Any) -> Coder:
        return self._shared((kind.TYPE, *_bounds(kind), _alphabet(kind)), lambda: _text(kind))

    def _plain(self, kind: Any) -> Coder:
        return self._shared(kind.TYPE, _PLAIN[kind.TYPE])


_PLAIN: dict[str, Callable[[], Coder]] = {
    "NULL": simple.Null,
    "BOOLEAN": simple.Boolean,
    "OBJECT IDENTIFIER": simple.Identifier,
    "OPEN_TYPE": simple.Open,
}
_MAKERS: dict[str, Callable[[Coders, Any], Coder]] = {
    "SEQUENCE": Coders._sequence,
    "CHOICE": Coders._choice,
    "SEQUENCE OF": Coders._list,
    "SET OF": Coders._list,
    "INTEGER": Coders._integer,
    "ENUMERATED": Coders._enumerated,
    "OCTET STRING": Coders._octets,
    "BIT STRING": Coders._bit_string,
    **dict.fromkeys(("IA5String", "NumericString", "PrintableString", "BMPString", "GeneralString"), Coders._text),
    **dict.fromkeys(_PLAIN, Coders._plain),
}


def _integer(low: int | None, high: int | None, *, extensible: bool) -> Coder:
    if low is None or high is None:
        return simple.Endless(low)
    root = simple.Number(low, high)
    return simple.Extensible(root) if extensible else root


def _bounds(kind: Any) -> tuple[int, int | None]:
    """Fewest and most of what *kind* consists of; no type here has an extensible size."""
    size = kind._const_sz
    if size is None:
        return 0, None
    if size.ext is not None:
        raise NotImplementedError(f"{kind._name}: extensible size")
    return size.lb, size.ub


def _size(kind: Any) -> simple.Size:
    return simple.Size(*_bounds(kind))


def _alphabet(kind: Any) -> str:
    """Sorted, as X.691 30.5.2 counts its characters; "" = that of the type's codec."""
    allowed = kind._const_alpha
    return _ALPHABETS.get(kind.TYPE, "") if allowed is None else "".join(sorted(allowed.root))


def _text(kind: Any) -> Coder:
    """Strings: a character has 1, 2, 4 or 8 bits, or 16 (X.691 30.5.2); what has no known width is octets (30.6)."""
    low, high = _bounds(kind)
    alphabet, codec = _alphabet(kind), str(kind._codec)
    if kind.TYPE == "GeneralString":
        return simple.Text(simple.Size(), _BYTE, codec, "", aligned=True)
    width = 16 if kind.TYPE == "BMPString" else _BYTE
    if alphabet:
        needed = (len(alphabet) - 1).bit_length()
        width = next(bits for bits in (1, 2, 4, _BYTE) if bits >= needed)
    short = high is not None and (high * width <= 16 if low == high else high * width < 16)
    return simple.Text(simple.Size(low, high), width, codec, alphabet, aligned=not short)
