"""H.225.0 and H.245 messages to and from bytes: aligned PER (X.691) of ``pycrate``'s types.

Values are pycrate's Python values: CHOICE = ``(name, value)``, SEQUENCE = dict, NULL = 0, OCTET STRING = bytes,
BIT STRING = ``(int, bits)``, OBJECT IDENTIFIER = tuple of ints, BMPString, IA5String and GeneralString = str.

Importing this module loads the library; only the H.323 process does that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycrate_asn1dir import H225

from vosswitch.h323.asn1.library import Coders
from vosswitch.h323.asn1.structured import decode, encode

if TYPE_CHECKING:
    from vosswitch.h323.asn1.simple import Coder

LONGEST = 8192
"""Bytes of one message that we decode; real ones have less than 4,000."""


class BadPdu(Exception):
    """A message that cannot be decoded, or a value that cannot be encoded; one line says what and why."""


CODERS = Coders()
_UUIE = CODERS.of(H225.H323_MESSAGES.H323_UserInformation)
_RAS = CODERS.of(H225.H323_MESSAGES.RasMessage)
_H245 = CODERS.of(H225.MULTIMEDIA_SYSTEM_CONTROL.MultimediaSystemControlMessage)
_OLC = CODERS.of(H225.MULTIMEDIA_SYSTEM_CONTROL.OpenLogicalChannel)


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


def _decode(coder: Coder, data: bytes, name: str) -> Any:
    if not data or len(data) > LONGEST:
        raise BadPdu(f"{name}: expected 1-{LONGEST} bytes, got {len(data)}")
    try:
        return decode(coder, data)
    except Exception as error:  # noqa: BLE001 - whatever a hostile message leads to
        raise BadPdu(_why(name, error)) from None


def _encode(coder: Coder, value: Any, name: str) -> bytes:
    try:
        return encode(coder, value)
    except Exception as error:  # noqa: BLE001 - whatever does not fit
        raise BadPdu(_why(name, error)) from None


def _why(name: str, error: Exception) -> str:
    return f"{name}: {type(error).__name__}: {str(error)[:120]!a}"
