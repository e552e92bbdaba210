"""Areas that calls come from: networks by country or by site."""

from __future__ import annotations

from bisect import bisect_right
from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING, Any

from vosswitch.accounts.sources import source_ip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST = 10_000
"""Networks of one area: what the switch reads in one go."""


class Area:
    """The networks of one area, IPv4 and IPv6; immutable.

    :param networks: in CIDR or single addresses, in normal form, in any order; they may overlap.
    """

    __slots__ = ("_ranges", "name")

    def __init__(self, name: str, networks: Iterable[str] = ()) -> None:
        self.name = name
        found: dict[int, list[tuple[int, int]]] = {}
        for text in networks:
            version, begin, end = _span(text)
            found.setdefault(version, []).append((begin, end))
        self._ranges = {version: _apart(ranges) for version, ranges in found.items()}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Area:
        """Read a configuration body."""
        return cls(body["name"], body.get("networks", ()))

    def __contains__(self, address: tuple[int, int]) -> bool:
        """Whether an address, as `address_of` gives it, lies in it."""
        version, number = address
        found = self._ranges.get(version)
        if found is None:
            return False
        begins, ends = found
        place = bisect_right(begins, number)
        return place > 0 and number <= ends[place - 1]


def address_of(host: str) -> tuple[int, int] | None:
    """IP version and number of a source; None when it is no address."""
    found = source_ip(host)
    return None if found is None else (found.version, int(found))


def _span(text: str) -> tuple[int, int, int]:
    """IP version, first and last address of a network; a tenth of the time that `ipaddress` takes."""
    host, _, bits = text.partition("/")
    version, family, width = (6, AF_INET6, 128) if ":" in host else (4, AF_INET, 32)
    number = int.from_bytes(inet_pton(family, host), "big")
    rest = (1 << width - int(bits or width)) - 1
    return version, number & ~rest, number | rest


def _apart(ranges: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Begins and ends of the same ranges, sorted, none of them overlapping."""
    begins: list[int] = []
    ends: list[int] = []
    for begin, end in sorted(ranges):
        if ends and begin <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            begins.append(begin)
            ends.append(end)
    return begins, ends
