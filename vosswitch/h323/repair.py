"""What of ``pycrate`` (0.8.1) is repaired: first of all SEQUENCEs with extension additions (X.691 clauses 19 and 11.2).

* It encodes the additions before it has counted the bitmap that goes in front of them, so that it pads once too often.
* It gives a whole message up for one addition that it cannot read, such as one of zero octets (another library writes
  NULL so) or of a proprietary kind.  Here the addition is kept as its octets, named ``_ext_N`` as an unknown one is.
* It reads an OBJECT IDENTIFIER without arcs, which one terminal sends, and refuses to write it.
* Its time is bounded by nothing but the message: lists of elements of a few bits.  Here a message has at most
  `MOST_PARTS` of them.
* Objects know their parents while they are used, for constraints by table, which none of these types has: that is left
  out, and with it the walk over parents for the words of an error, which a recursive type could make endless.

Importing the module repairs the library.
"""

from __future__ import annotations

from typing import Any

from pycrate_asn1rt.asnobj import ASN1Obj
from pycrate_asn1rt.asnobj_basic import OID
from pycrate_asn1rt.asnobj_construct import _CONSTRUCT
from pycrate_asn1rt.codecs import ASN1CodecPER
from pycrate_core.charpy import Charpy
from pycrate_core.utils import TYPE_UINT as T_UINT

MOST_PARTS = 2000
"""SEQUENCEs of one message; captured ones have up to 150."""
_LONG_FORM = 16_384
"""From here on a length is in fragments, which no message that we take is long enough for."""


class TooMuch(Exception):
    """The message has too many parts."""


class _Budget:
    """How many parts the message that is being read may still have; one thread, one message at a time."""

    left = MOST_PARTS


def begin() -> None:
    """A new message is going to be read."""
    _Budget.left = MOST_PARTS
    ASN1CodecPER._off.clear()  # the library leaves an entry there after every failure


def _to_per(self: Any) -> list[Any]:
    """What the library writes for a SEQUENCE, with the extension bitmap counted before the additions."""
    values = self._val
    if self._ext is None:
        return _root(self) if self._cont else []
    additions = _additions(self, values)
    ASN1CodecPER._off[-1] += 1
    written = [(T_UINT, 1 if additions else 0, 1), *_root(self)]
    if not additions:
        return written
    count = max(len(self._ext_nest), max(additions) + 1)
    written += _bitmap(count, additions)
    for place in sorted(additions):
        written += _open_type(additions[place])
    return written


def _root(self: Any) -> list[Any]:
    """The optional bits and the components of the extension root (X.691 clauses 19.2-19.5)."""
    values, written = self._val, []
    if self._root_opt:
        bits = 0
        for name in self._root_opt:
            bits = bits << 1 | (name in values)
        written.append((T_UINT, bits, len(self._root_opt)))
        ASN1CodecPER._off[-1] += len(self._root_opt)
    for name in self._root:
        if name in values:
            component = self._cont[name]
            component._val = values[name]
            written += component._to_per()
    return written


def _additions(self: Any, values: dict[str, Any]) -> dict[int, tuple[Any, Any]]:
    """Place in the bitmap -> (component, value) of the additions that are there; an unknown one has no component."""
    found: dict[int, tuple[Any, Any]] = {}
    for place, names in enumerate(self._ext_nest):
        if isinstance(names, list):
            group = {name: values[name] for name in names if name in values}
            if group:
                found[place] = self._ext_group_obj[self._ext_ident[names[0]]], group
        elif names in values:
            found[place] = self._cont[names], values[names]
    for name, value in values.items():
        if name.startswith("_ext_") and int(name[5:]) not in found:
            found[int(name[5:])] = None, value
    return found


def _bitmap(count: int, additions: dict[int, Any]) -> list[Any]:
    """How many additions there may be, and which are there."""
    if count > 64:
        raise ValueError(f"expected at most 64 extension additions, got {count}")
    bits = sum(1 << (count - 1 - place) for place in additions)
    ASN1CodecPER._off[-1] += 7 + count
    written = [(T_UINT, count - 1, 7), (T_UINT, bits, count)]
    if ASN1CodecPER._off[-1] % 8:
        written += ASN1CodecPER.encode_pad()
    return written


def _open_type(addition: tuple[Any, Any]) -> list[Any]:
    component, value = addition
    if component is None:
        return ASN1CodecPER.encode_unconst_buf(value)  # type: ignore[no-any-return]
    component._val = value
    return ASN1CodecPER.encode_unconst_open(component)  # type: ignore[no-any-return]


class Bits(Charpy):  # type: ignore[misc]
    """The bits of a message; the library's own take twice as long to read a number, and a message has a hundred."""

    def get_uint(self, bitlen: int | None = None) -> Any:
        """The next so many bits as a number; None for none of them."""
        begin: int = self._cur
        end = self._len_bit if bitlen is None else begin + bitlen
        if not begin < end <= self._len_bit:
            return super().get_uint(bitlen)  # none, or an error that it words
        self._cur: int = end
        return int.from_bytes(self._buf[begin >> 3 : end + 7 >> 3], "big") >> (-end & 7) & (1 << end - begin) - 1


def _from_per(self: Any, char: Charpy) -> None:
    """Read a SEQUENCE; what it says is in its ``_val`` afterwards."""
    _Budget.left -= 1
    if _Budget.left < 0:
        raise TooMuch(f"expected at most {MOST_PARTS} parts")
    values: dict[str, Any] = {}
    is_extended = self._ext is not None and _bits(char, 1)
    absent: list[str] = []
    if self._root_opt:
        count = len(self._root_opt)
        there = _bits(char, count)
        absent = [name for place, name in enumerate(self._root_opt) if not there >> (count - 1 - place) & 1]
    for name in self._root:
        if name not in absent:
            component = self._cont[name]
            component._from_per(char)
            values[name] = component._val
    if is_extended:
        _read_additions(self, char, values)
    self._val = values


def _bits(char: Charpy, count: int) -> int:
    ASN1CodecPER._off[-1] += count
    return char.get_uint(count)  # type: ignore[no-any-return]


def _read_additions(self: Any, char: Charpy, values: dict[str, Any]) -> None:
    if _bits(char, 1):
        raise ValueError("expected at most 64 extension additions")
    count = 1 + _bits(char, 6)
    there = _bits(char, count)
    for place in range(count):
        if there >> (count - 1 - place) & 1:
            content = _octets(char)
            known = self._ext_nest[place] if place < len(self._ext_nest) else None
            if isinstance(known, list):
                values.update(_group(self, known, place, content))
            elif known is None:
                values[f"_ext_{place}"] = content
            else:
                name, value = _addition(self._cont[known], known, place, content)
                values[name] = value


def _addition(component: Any, name: str, place: int, content: bytes) -> tuple[str, Any]:
    try:
        return name, _inside(component, content)
    except TooMuch:
        raise
    except Exception:  # noqa: BLE001 - whatever the library lets out: the message goes on without it
        return f"_ext_{place}", content


def _group(self: Any, names: list[str], place: int, content: bytes) -> dict[str, Any]:
    name, value = _addition(self._ext_group_obj[self._ext_ident[names[0]]], "", place, content)
    return {name: value} if name else value


def _octets(char: Charpy) -> bytes:
    """The content of an open type."""
    if ASN1CodecPER._off[-1] % 8:
        ASN1CodecPER.decode_pad(char)
    size = ASN1CodecPER.decode_count(char)
    if size >= _LONG_FORM:
        raise ValueError(f"expected at most {_LONG_FORM} octets")
    ASN1CodecPER._off[-1] += 8 * size
    return char.get_bytes(8 * size)  # type: ignore[no-any-return]


def _inside(component: Any, content: bytes) -> Any:
    """The value of an open type; what it has beyond that is passed over, as X.691 11.2.3 allows for."""
    depth = len(ASN1CodecPER._off)
    ASN1CodecPER._off.append(0)
    try:
        component._from_per(Bits(content))
    finally:
        del ASN1CodecPER._off[depth:]
    return component._val


def _open_value(_codec: type, char: Charpy, wrapped: Any = None) -> Any:
    """An alternative that a CHOICE has been extended by."""
    content = _octets(char)
    return content if wrapped is None else _inside(wrapped, content)


_arcs: Any = OID._encode_cont


def _identifier(self: Any) -> bytes:
    """The content of an OBJECT IDENTIFIER; one without arcs, which X.690 8.19 does not know, has none."""
    return _arcs(self) if self._val else b""


def _check_bounds(self: Any, values: dict[str, Any]) -> None:
    """Check the components that are there, not all that could be."""
    components = self._cont._dict
    for name, value in values.items():
        component = components.get(name)
        if component is not None:
            component._val = value
            component._safechk_bnd(value)


def _name(self: Any) -> str:
    return str(self._name)


_CONSTRUCT._to_per = _to_per
_CONSTRUCT._from_per = _from_per
_CONSTRUCT._safechk_bnd = _check_bounds
OID._encode_cont = _identifier
ASN1CodecPER.decode_unconst_open = classmethod(_open_value)
ASN1Obj.fullname = _name
