"""Source addresses: what a gateway's ``addresses`` say, and how the address of a socket is compared with them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

SIP_PORT = 5060
_MAPPED_BITS = 96


@dataclass(frozen=True, slots=True)
class SourceMatch:
    """One source: a network (one host is a network of full length), with a port where one was written."""

    network: IPv4Network | IPv6Network
    port: int | None = None

    def __str__(self) -> str:
        network = self.network
        host = str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
        if self.port is None:
            return host
        return f"[{host}]:{self.port}" if network.version == 6 else f"{host}:{self.port}"


def read_source(text: str) -> SourceMatch:
    """Read an IP, a network in CIDR, ``ip:port`` or ``[v6]:port``; IPv4-mapped IPv6 becomes IPv4.

    :raises ValueError: anything else.
    """
    host, port = text.strip(), None
    if "/" not in host and (host.startswith("[") or host.count(":") == 1):
        host, port = _split_port(host)
    try:
        network = ip_network(host, strict=False)
    except ValueError:
        raise ValueError(
            f"expected an address such as 192.0.2.1, 192.0.2.0/24, 192.0.2.1:5060 or [2001:db8::1]:5060, got {text!r}"
        ) from None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is not None and network.prefixlen >= _MAPPED_BITS:
        network = IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return SourceMatch(network, port)


def _split_port(text: str) -> tuple[str, int | None]:
    host, _, port = text.rpartition(":")
    if text.endswith("]"):
        host, port = text, ""
    if (port and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535)) or (not port and ":" not in host):
        raise ValueError(f"expected a port from 1 to 65535 in {text!r}")
    return (host[1:-1] if host.startswith("[") and host.endswith("]") else host), int(port) if port else None


def source_ip(host: str) -> IPv4Address | IPv6Address | None:
    """The address of a socket's peer: IPv4-mapped IPv6 becomes IPv4, a zone is dropped; None when it is no address."""
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
