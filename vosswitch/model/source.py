"""What counts as one source: an IPv4 address, or the /64 that one IPv6 customer has to himself."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, ip_address


@lru_cache(maxsize=4096)
def plain_host(host: str) -> str:
    """A socket's host without zone, and an IPv4-mapped IPv6 address as IPv4; a name stays as it is."""
    if ":" not in host:
        return host
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    return str(found if isinstance(found, IPv4Address) else found.ipv4_mapped or found)


@lru_cache(maxsize=4096)
def source_key(host: str) -> str:
    """What failures, suspensions and records are counted by: the IPv4 address, or the IPv6 /64."""
    host = plain_host(host)
    if ":" not in host:
        return host
    packed = ip_address(host).packed
    return str(ip_address(packed[:8] + bytes(8))) + "/64"
