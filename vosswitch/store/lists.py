"""Single changes to black and white lists, and areas read from a file; each is a load of a small document."""

from __future__ import annotations

import csv
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
    summarize_address_range,
)
from typing import TYPE_CHECKING, Any

from vosswitch.accounts.areas import MOST
from vosswitch.store import entities
from vosswitch.store.provision import apply_load, shown
from vosswitch.store.screening_fields import GEOFENCES, NUMBER_LISTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from vosswitch.store.fields import Deployment
    from vosswitch.store.provision import Loaded

_NETWORK = ("network", "cidr", "prefix")
_FIRST = ("first", "start", "ip_from", "start_ip", "begin")
_LAST = ("last", "end", "ip_to", "end_ip")
_AREA = ("area", "country", "country_code", "country_iso_code", "code", "name")


class NoSuchList(ValueError):
    """There is no number list of that name."""


class BadAreas(ValueError):
    """A file of areas that cannot be read; says where and what was expected."""


def change(
    connection: Connection, deployment: Deployment, name: str, add: Iterable[str], remove: Iterable[str], who: str
) -> Loaded:
    """Add entries to a list and remove some, in the caller's transaction; what is there, or is not, stays so.

    :raises NoSuchList: there is no such list.
    :raises vosswitch.store.document.BadDocument: an entry that cannot be one.
    """
    stored = entities.read_some(connection, NUMBER_LISTS, [name]).get(name)
    if stored is None:
        raise NoSuchList(f'no number list "{name}"')
    row = shown(NUMBER_LISTS, stored)
    gone = set(remove)
    row["entries"] = [entry for entry in dict.fromkeys([*row.get("entries", ()), *add]) if entry not in gone]
    return apply_load(connection, {NUMBER_LISTS.name: [row]}, deployment, f"list {name}", who)


def import_areas(
    connection: Connection, deployment: Deployment, rows: Iterable[tuple[str, list[str]]], source: str, who: str
) -> Loaded:
    """Give areas these networks and no others, in the caller's transaction.

    :param rows: area and its networks.
    """
    wanted = dict(rows)
    known = entities.read_some(connection, GEOFENCES, wanted)
    document = []
    for name, networks in wanted.items():
        row = shown(GEOFENCES, known[name]) if name in known else {"name": name}
        document.append(row | {"networks": networks})
    return apply_load(connection, {GEOFENCES.name: document}, deployment, source, who)


def read_areas(lines: Iterable[str], source: str, only: Iterable[str] = ()) -> Iterator[tuple[str, list[str]]]:
    """Areas and their networks, joined where they lie side by side, in the order of names.

    :param lines: of a CSV file whose first one names the columns: ``network`` and ``area``, or ``first``, ``last`` and
        ``area``; addresses may be whole numbers.
    :param only: these areas; none = all.
    :raises BadAreas: a line that cannot be read, or an area with too many networks.
    """
    wanted = frozenset(only)
    found: dict[str, list[IPv4Network | IPv6Network]] = {}
    for area, networks in _rows(lines, source):
        if not wanted or area in wanted:
            found.setdefault(area, []).extend(networks)
    missing = sorted(wanted - found.keys())
    if missing:
        raise BadAreas(f'{source}: no networks of area "{missing[0]}"')
    for area, networks in sorted(found.items()):
        texts = [str(network) for network in _joined(networks)]
        if len(texts) > MOST:
            more = "more go into a number table (table import NAME FILE --kind networks)"
            raise BadAreas(f'{source}: area "{area}" has {len(texts)} networks, expected at most {MOST}; {more}')
        yield area, texts


def _rows(lines: Iterable[str], source: str) -> Iterator[tuple[str, list[IPv4Network | IPv6Network]]]:
    reader = csv.DictReader(lines)
    headings = {(heading or "").strip().lower(): heading for heading in reader.fieldnames or ()}
    area, network = _column(headings, _AREA), _column(headings, _NETWORK)
    first, last = _column(headings, _FIRST), _column(headings, _LAST)
    if area is None or (network is None and (first is None or last is None)):
        raise BadAreas(f"{source}: line 1: expected columns network and area, or first, last and area")
    for row in reader:
        try:
            spans = [ip_network(row[network].strip())] if network is not None else _span(row[first], row[last])
            name = row[area].strip()
        except (AttributeError, TypeError, ValueError) as error:
            raise BadAreas(f"{source}: line {reader.line_num}: expected networks: {error}") from None
        if name:
            yield name, spans


def _column(headings: dict[str, str], names: Iterable[str]) -> Any:
    return next((headings[name] for name in names if name in headings), None)


def _span(first: str, last: str) -> list[IPv4Network | IPv6Network]:
    begin, end = _address(first), _address(last)
    return list(summarize_address_range(begin, end))


def _address(text: str) -> IPv4Address | IPv6Address:
    text = text.strip()
    return ip_address(int(text) if text.isdecimal() else text)


def _joined(networks: list[IPv4Network | IPv6Network]) -> Iterator[IPv4Network | IPv6Network]:
    yield from collapse_addresses(one for one in networks if isinstance(one, IPv4Network))
    yield from collapse_addresses(one for one in networks if isinstance(one, IPv6Network))
