"""Transport addresses of H.245 (media and its control) to and from host and port."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Any

Endpoint = tuple[str, int]
"""Host as an IP literal, and port."""
_BROADCAST = b"\xff\xff\xff\xff"


def read(value: tuple[str, Any] | None) -> Endpoint | None:
    """A ``TransportAddress``; None when there is none, for another network than IP, multicast, or an impossible one."""
    if value is None or value[0] != "unicastAddress":
        return None
    kind, body = value[1]
    if kind not in ("iPAddress", "iP6Address"):
        return None
    packed, port = body["network"], body["tsapIdentifier"]
    if len(packed) != (4 if kind == "iPAddress" else 16) or not 0 < port < 65536:
        return None
    host = _host(packed)
    return None if host is None else (host, port)


@lru_cache(1024)
def _host(packed: bytes) -> str | None:
    """A literal; None for what no single host has.  Few hosts have the media of many calls."""
    host = ipaddress.ip_address(packed)
    return None if not any(packed) or host.is_multicast or packed == _BROADCAST else str(host)


def write(host: str, port: int) -> tuple[str, Any]:
    """A ``TransportAddress``.

    :raises ValueError: *host* is no IP literal.
    """
    kind, packed = _packed(host)
    return "unicastAddress", (kind, {"network": packed, "tsapIdentifier": port})


@lru_cache(1024)
def _packed(host: str) -> tuple[str, bytes]:
    literal = ipaddress.ip_address(host)
    return "iPAddress" if literal.version == 4 else "iP6Address", literal.packed
