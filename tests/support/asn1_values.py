"""Random values of the ASN.1 types of H.225.0 and H.245, from what the types themselves say they may hold."""

from __future__ import annotations

from random import Random
from typing import Any

DEPTH = 7
"""From here on only what has to be there, and the plainest alternative of a choice."""
MOST_ITEMS = 3
_PLAIN = ("NULL", "BOOLEAN", "INTEGER", "ENUMERATED", "OCTET STRING", "IA5String", "BMPString", "GeneralString")


def value(kind: Any, chance: Random, above: tuple[int, ...] = ()) -> Any:
    """A value of a type, which holds no other one of the same type: the library encodes such ones wrongly.

    :raises LookupError: of a type that cannot be made up: such a one, or an open type.
    """
    if id(kind) in above:
        raise LookupError(kind._name)
    return _MAKERS[kind.TYPE](kind, chance, (*above, id(kind)))


def _integer(kind: Any, chance: Random, _above: tuple[int, ...]) -> int:
    bounds = kind._const_val.root[0] if kind._const_val else None
    low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "ub") else (0, 2**31)
    low, high = (0 if low is None else low), (2**31 if high is None else high)
    return chance.choice((low, high, chance.randint(low, high)))


def _size(kind: Any, chance: Random, most: int) -> int:
    if not kind._const_sz:
        return chance.randint(0, most)
    bounds = kind._const_sz.root[0]
    low, high = (bounds, bounds) if isinstance(bounds, int) else (bounds.lb or 0, bounds.ub)
    return chance.randint(low, max(low, min(most, low + most if high is None else high)))


def _octets(kind: Any, chance: Random, _above: tuple[int, ...]) -> bytes:
    return chance.randbytes(_size(kind, chance, 20))


def _bit_string(kind: Any, chance: Random, _above: tuple[int, ...]) -> tuple[int, int]:
    bits = _size(kind, chance, 40)
    return chance.getrandbits(bits) if bits else 0, bits


def _text(kind: Any, chance: Random, _above: tuple[int, ...]) -> str:
    alphabet: Any = "0123456789" if kind.TYPE == "NumericString" else "abcXYZ 0189.-"
    if getattr(kind, "_const_alpha", None):
        alphabet = [sign for sign in kind._const_alpha.root if isinstance(sign, str)]
    elif kind.TYPE == "BMPString":
        alphabet = "aZ0\x00é世"
    return "".join(chance.choice(alphabet) for _ in range(_size(kind, chance, 20)))


def _sequence(kind: Any, chance: Random, above: tuple[int, ...]) -> dict[str, Any]:
    found = {}
    for name in (*kind._root, *(kind._ext or ())):
        must = name in kind._root_mand
        if not must and (len(above) >= DEPTH or chance.random() > 0.9 / (1 + len(above) / 2)):
            continue
        try:
            found[name] = value(kind._cont[name], chance, above)
        except LookupError:
            if must:
                raise
    return found


def _choice(kind: Any, chance: Random, above: tuple[int, ...]) -> tuple[str, Any]:
    names = [*kind._root, *(kind._ext or ())]
    chance.shuffle(names)
    if len(above) >= DEPTH:
        names.sort(key=lambda name: _PLAIN.index(kind._cont[name].TYPE) if kind._cont[name].TYPE in _PLAIN else 99)
    for name in names:
        try:
            return name, value(kind._cont[name], chance, above)
        except LookupError:
            continue
    raise LookupError(kind._name)


def _list(kind: Any, chance: Random, above: tuple[int, ...]) -> list[Any]:
    return [value(kind._cont, chance, above) for _ in range(_size(kind, chance, MOST_ITEMS))]


_MAKERS = {
    "NULL": lambda _kind, _chance, _above: 0,
    "BOOLEAN": lambda _kind, chance, _above: chance.random() < 0.5,
    "ENUMERATED": lambda kind, chance, _above: chance.choice(kind._root),
    "OBJECT IDENTIFIER": lambda _kind, chance, _above: (0, 0, 8, chance.choice((245, 2250)), 0, chance.randint(0, 300)),
    "INTEGER": _integer,
    "OCTET STRING": _octets,
    "BIT STRING": _bit_string,
    "SEQUENCE": _sequence,
    "CHOICE": _choice,
    "SEQUENCE OF": _list,
    "SET OF": _list,
    **dict.fromkeys(("IA5String", "BMPString", "GeneralString", "NumericString", "PrintableString"), _text),
}
