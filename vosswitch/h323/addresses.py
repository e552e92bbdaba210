"""Transport addresses and aliases of H.225.0 (call signalling and RAS) to and from our plain values."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from vosswitch.model.h323 import TRANSPORT
from vosswitch.model.values import Address

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_ALIASES = 16
"""Aliases of one list that we read."""

_ASCII = {"dialledDigits": 128, "email-ID": 512, "url-ID": 512}
_IDENTIFIER = 256
"""Characters of an h323-ID."""
_PARTY_DIGITS = 128


def read_address(value: tuple[str, Any] | None, transport: str = TRANSPORT) -> Address | None:
    """A ``TransportAddress``; None when there is none, or one of another network than IP.

    :param transport: `vosswitch.model.h323.TRANSPORT` or ``RAS``.
    """
    if value is None:
        return None
    kind, body = value
    if kind == "ipAddress":
        return Address(str(ipaddress.IPv4Address(body["ip"])), body["port"], transport)
    if kind == "ip6Address":
        return Address(str(ipaddress.IPv6Address(body["ip"])), body["port"], transport)
    return None


def write_address(address: Address) -> tuple[str, Any]:
    """A ``TransportAddress``.

    :raises ValueError: its host is a name: only literals can be told.
    """
    host = ipaddress.ip_address(address.host)
    return "ipAddress" if host.version == 4 else "ip6Address", {"ip": host.packed, "port": address.port}


def read_aliases(values: Iterable[tuple[str, Any]] | None) -> tuple[tuple[str, str], ...]:
    """``AliasAddress`` values as (kind, text); kinds that are no text (transportID, mobileUIM, isupNumber) left out.

    NUL and other control characters at their place are left out: the text goes into records.
    """
    found = []
    for kind, body in list(values or ())[:MOST_ALIASES]:
        if kind == "partyNumber":
            text = _party_digits(body)
        elif kind in _ASCII or kind == "h323-ID":
            text = body
        else:
            continue
        found.append((kind, "".join(sign for sign in text if sign.isprintable())))
    return tuple(found)


def _party_digits(value: tuple[str, Any]) -> str:
    kind, body = value
    if kind == "e164Number":
        return str(body["publicNumberDigits"])
    if kind == "privateNumber":
        return str(body["privateNumberDigits"])
    return str(body)


def write_aliases(aliases: Iterable[tuple[str, str]]) -> list[tuple[str, Any]]:
    """``AliasAddress`` values of (kind, text); an empty text is left out, one that is too long is cut.

    Signs that the kind cannot hold are left out: ``dialledDigits`` has ``0123456789#*,``, a ``partyNumber`` as well,
    which is written as an E.164 number of unknown type.
    """
    found: list[tuple[str, Any]] = []
    for kind, text in aliases:
        if kind == "h323-ID":
            fit = "".join(sign for sign in text if ord(sign) < 0x10000)[:_IDENTIFIER]  # BMPString
        elif kind in ("dialledDigits", "partyNumber"):
            fit = "".join(sign for sign in text if sign in "0123456789#*,")[:_PARTY_DIGITS]
        else:
            fit = "".join(sign for sign in text if " " <= sign < "\x7f")[: _ASCII[kind]]
        if fit:
            found.append((kind, _e164(fit) if kind == "partyNumber" else fit))
    return found


def _e164(number: str) -> tuple[str, Any]:
    return "e164Number", {"publicTypeOfNumber": ("unknown", 0), "publicNumberDigits": number}
