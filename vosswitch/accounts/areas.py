"""Areas that calls come from: networks by country or by site."""

from __future__ import annotations

from bisect import bisect_right
from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING, Any

from vosswitch.accounts.ranges import apart
from vosswitch.numbers.networks import KIND, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST = 5_000
"""Networks of one area: what the switch reads in one go."""


_FOUR, _MAPPED = 0xFFFFFFFF, 0xFFFF


class Area:
    """The networks of one area, IPv4 and IPv6; immutable.

    :ivar table: number table of kind networks whose areas belong to it too, "" = none.
    :param networks: in CIDR or single addresses, in normal form, in any order; they may overlap.
    :param areas: those of the table, none = all that it has.
    :param bulk: the table.
    """

    __slots__ = ("_areas", "_bulk", "_ranges", "name", "table")

    def __init__(
        self, name: str, networks: Iterable[str] = (), table: str = "", areas: Iterable[str] = (), bulk: Any = None
    ) -> None:
        self.name, self.table = name, table
        self._areas = frozenset(areas)
        self._bulk = bulk
        found: dict[int, list[tuple[int, int]]] = {}
        for text in networks:
            version, begin, end = span(text)
            found.setdefault(version, []).append((begin, end))
        self._ranges = {version: apart(ranges) for version, ranges in found.items()}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Area:
        """Read a configuration body."""
        return cls(body["name"], body.get("networks", ()), body.get("table") or "", body.get("areas", ()))

    def with_table(self, bulk: Any) -> Area:
        """The area with its table as it is now; itself when that is the one it has."""
        if bulk is self._bulk:
            return self
        found = Area(self.name, (), self.table, self._areas, bulk)
        found._ranges = self._ranges
        return found

    def __contains__(self, address: tuple[int, int]) -> bool:
        """Whether an address, as `address_of` gives it, lies in it."""
        version, number = address
        found = self._ranges.get(version)
        if found is not None:
            begins, ends = found
            place = bisect_right(begins, number)
            if place > 0 and number <= ends[place - 1]:
                return True
        if self._bulk is None:
            return False
        area = self._bulk.value_of(address)
        return area is not None and (not self._areas or area in self._areas)


def with_tables(areas: Mapping[str, Area], tables: Mapping[str, Any]) -> Mapping[str, Area]:
    """The areas with their tables as they are now; the same mapping when nothing differs."""
    found = {name: area.with_table(_networks(tables, area.table)) for name, area in areas.items() if area.table}
    changed = {name: area for name, area in found.items() if area is not areas[name]}
    return {**areas, **changed} if changed else areas


def _networks(tables: Mapping[str, Any], name: str) -> Any:
    """The table of that name when it is one of networks."""
    found = tables.get(name)
    return found if found is not None and found.kind == KIND else None


def address_of(host: str) -> tuple[int, int] | None:
    """IP version and number of a source, IPv4-mapped IPv6 as IPv4; None when it is no address."""
    host = host.partition("%")[0]
    try:
        if ":" not in host:
            return 4, int.from_bytes(inet_pton(AF_INET, host), "big")
        number = int.from_bytes(inet_pton(AF_INET6, host), "big")
    except (OSError, ValueError):
        return None
    return (4, number & _FOUR) if number >> 32 == _MAPPED else (6, number)
