"""Where peers and we ourselves are, as operators write it: hosts, default ports, local addresses."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Protocol

from vosswitch.model.values import Address

PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}
"""Where a transport listens when nothing else is said (RFC 3261 19.1.2, RFC 7118)."""

WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound

_LOCAL = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})")


class Place(Protocol):
    """Where a listener of ours is: an `Address`, or what the configuration says of it."""

    @property
    def transport(self) -> str:
        """Of `PORTS`."""

    @property
    def host(self) -> str:
        """An IP address, perhaps the unspecified one."""

    @property
    def port(self) -> int:
        """Its port."""


@lru_cache(maxsize=8192)
def is_literal(host: str) -> bool:
    """Whether it is an IP address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=8192)
def settled(host: str, port: int, transport: str) -> Address:
    """A peer's address with the defaults of RFC 3263 filled in; a name keeps what the name service shall say.

    :param port: 0 = by default; *transport* ``auto`` = by default.
    """
    if not is_literal(host):
        return Address(host, port, transport)
    transport = "udp" if transport == "auto" else transport
    return Address(host, port or PORTS.get(transport, 5060), transport)


@lru_cache(maxsize=1024)
def local_parts(text: str) -> tuple[str, int]:
    """The IP and the port (0 = any) of a local address: ``192.0.2.1``, ``192.0.2.1:5070``, ``[2001:db8::1]:5070``.

    :raises ValueError: anything else.
    """
    found = _LOCAL.fullmatch(text)
    if found is None:
        return str(ip_address(text)), 0
    port = int(found[3])
    if not 0 < port < 65536:
        raise ValueError(text)
    return str(ip_address(found[1] or found[2])), port


@lru_cache(maxsize=1024)
def local_text(host: str, port: int) -> str:
    """What `local_parts` reads."""
    if not port:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@lru_cache(maxsize=8192)
def _loopback(host: str) -> bool:
    return ip_address(host).is_loopback


def reaches(own: Place, target: Address, local: str | None) -> bool:
    """Whether our listener *own* reaches an IP address.

    :param local: the IP (with a port or not) that it has to be left from; None = any.
    """
    if own.transport != target.transport or (":" in own.host) != (":" in target.host):
        return False
    if local is not None:
        host, port = local_parts(local)
        return (own.host == host or own.host in WILDCARDS) and port in (0, own.port)
    return own.host in WILDCARDS or _loopback(own.host) == _loopback(target.host)
