"""H.225.0 and H.245 messages to and from bytes: aligned PER (X.691), by ``pycrate`` with its encoder repaired.

Values are pycrate's Python values: CHOICE = ``(name, value)``, SEQUENCE = dict, NULL = 0, OCTET STRING = bytes,
BIT STRING = ``(int, bits)``, OBJECT IDENTIFIER = tuple of ints, BMPString, IA5String and GeneralString = str.

The library has class-wide state: everything here runs in one thread.  Importing this module loads the library; only
the H.323 process does that.
"""

from __future__ import annotations

from typing import Any

from pycrate_asn1dir import H225
from pycrate_asn1rt.asnobj_construct import _CONSTRUCT
from pycrate_asn1rt.codecs import ASN1CodecPER
from pycrate_core.utils import TYPE_UINT as T_UINT

LONGEST = 16_384
"""Bytes of one message that we decode; real ones have less than 4,000."""


class BadPdu(Exception):
    """A message that cannot be decoded, or a value that cannot be encoded; one line says what and why."""


_UUIE = H225.H323_MESSAGES.H323_UserInformation
_RAS = H225.H323_MESSAGES.RasMessage
_H245 = H225.MULTIMEDIA_SYSTEM_CONTROL.MultimediaSystemControlMessage
_OLC = H225.MULTIMEDIA_SYSTEM_CONTROL.OpenLogicalChannel


def decode_uuie(data: bytes) -> dict[str, Any]:
    """The ``H323-UserInformation`` of a Q.931 User-User element (without its protocol discriminator).

    :raises BadPdu: it cannot be read.
    """
    return _decode(_UUIE, data, "H323-UserInformation")  # type: ignore[no-any-return]


def encode_uuie(value: dict[str, Any]) -> bytes:
    """:raises BadPdu: *value* does not fit the type."""
    return _encode(_UUIE, value, "H323-UserInformation")


def decode_ras(data: bytes) -> tuple[str, Any]:
    """A ``RasMessage``, such as ``("gatekeeperRequest", {...})``.

    :raises BadPdu: it cannot be read.
    """
    return _decode(_RAS, data, "RasMessage")  # type: ignore[no-any-return]


def encode_ras(value: tuple[str, Any]) -> bytes:
    """:raises BadPdu: *value* does not fit the type."""
    return _encode(_RAS, value, "RasMessage")


def decode_h245(data: bytes) -> tuple[str, Any]:
    """A ``MultimediaSystemControlMessage``, such as ``("request", ("masterSlaveDetermination", {...}))``.

    :raises BadPdu: it cannot be read.
    """
    return _decode(_H245, data, "H.245 message")  # type: ignore[no-any-return]


def encode_h245(value: tuple[str, Any]) -> bytes:
    """:raises BadPdu: *value* does not fit the type."""
    return _encode(_H245, value, "H.245 message")


def decode_olc(data: bytes) -> dict[str, Any]:
    """An ``OpenLogicalChannel`` of a ``fastStart`` element.

    :raises BadPdu: it cannot be read.
    """
    return _decode(_OLC, data, "OpenLogicalChannel")  # type: ignore[no-any-return]


def encode_olc(value: dict[str, Any]) -> bytes:
    """:raises BadPdu: *value* does not fit the type."""
    return _encode(_OLC, value, "OpenLogicalChannel")


def _decode(kind: Any, data: bytes, name: str) -> Any:
    if not data or len(data) > LONGEST:
        raise BadPdu(f"{name}: expected 1-{LONGEST} bytes, got {len(data)}")
    try:
        kind.from_aper(data)
        return kind._val
    except Exception as error:  # noqa: BLE001 - the library lets five kinds of errors out, NameError among them
        ASN1CodecPER._off.clear()  # it leaves an entry there after every failure
        raise BadPdu(f"{name}: {type(error).__name__}: {str(error)[:120]!a}") from None


def _encode(kind: Any, value: Any, name: str) -> bytes:
    try:
        kind.set_val(value)
        return kind.to_aper()  # type: ignore[no-any-return]
    except Exception as error:  # noqa: BLE001 - as above
        ASN1CodecPER._off.clear()
        raise BadPdu(f"{name}: {type(error).__name__}: {str(error)[:120]!a}") from None


# The repair: the library (0.8.1) encodes the additions of an extensible SEQUENCE before it has counted the bitmap
# that goes in front of them (X.691 clauses 19.7-19.9), so that it pads once too often.


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
        written += _open_type(self, additions[place])
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
            with_parent = self._cont[name]
            with_parent._val = values[name]
            written += _component(self, with_parent, with_parent._to_per)
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


def _open_type(self: Any, addition: tuple[Any, Any]) -> list[Any]:
    component, value = addition
    if component is None:
        return ASN1CodecPER.encode_unconst_buf(value)  # type: ignore[no-any-return]
    component._val = value
    return _component(self, component, lambda: ASN1CodecPER.encode_unconst_open(component))


def _component(self: Any, component: Any, encode: Any) -> list[Any]:
    """Encode a component while it knows whose it is: values are looked up through that."""
    parent, component._parent = component._parent, self
    try:
        return encode()  # type: ignore[no-any-return]
    finally:
        component._parent = parent


_CONSTRUCT._to_per = _to_per
