"""``vosswitch list`` and ``vosswitch geofence``: black and white lists, and areas that calls come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.output import show
from vosswitch.cli.state import Failed, State, common, note, who
from vosswitch.control.operations import Field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from vosswitch.call.snapshot import Snapshot

_LIST = (
    Field("name", "text", "number list"),
    Field("action", "text", "deny, allow or only"),
    Field("of", "text", "caller, callee or both"),
    Field("system", "flag", "asked for every call"),
    Field("entries", "whole", "entries of its own"),
    Field("more", "list", "its groups and tables"),
    Field("named_by", "list", "who names it"),
    Field("help", "text", "what it is"),
)
_ENTRY = (
    Field("kind", "text", "entry, or what stands for many: group, table or prefix table"),
    Field("entry", "text", "as it is written there, or the name"),
)
_HIT = (
    Field("list", "text", "number list"),
    Field("action", "text", "deny, allow or only"),
    Field("of", "text", "caller, callee or both"),
    Field("on", "flag", "the number is on it"),
    Field("entry", "text", "what of it covers the number"),
    Field("named_by", "list", "who names it, system = every call"),
)
_AREA = (Field("area", "text", "geofence"), Field("networks", "whole", "its networks"))
_NAMING = ("accounts", "mapping_gateways", "routing_gateways", "phones")


@click.group("list")
def list_() -> None:
    """Black and white lists of numbers."""


@list_.command("show")
@click.argument("name", required=False)
@common
@click.pass_obj
def show_(state: State, name: str | None) -> None:
    """Every number list, or the entries of the list NAME."""
    from vosswitch.store import entities  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.screening_fields import NUMBER_LISTS  # noqa: PLC0415

    if name is not None:
        _entries(state, name)
        return
    with state.database.read() as connection:
        naming = _naming(connection)
        rows = [
            {name: stored.values[name] for name in ("name", "action", "of", "system", "help")}
            | {"entries": len(stored.values["entries"]), "named_by": naming.get(key, [])}
            | {"more": [*stored.values["groups"], *stored.values["tables"], *stored.values["prefix_tables"]]}
            for key, stored in entities.read_all(connection, NUMBER_LISTS)
        ]
    show(state, rows, _LIST, empty="no number lists")


def _entries(state: State, name: str) -> None:
    from vosswitch.store import entities  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.screening_fields import NUMBER_LISTS  # noqa: PLC0415

    with state.database.read() as connection:
        stored = entities.read_some(connection, NUMBER_LISTS, [name]).get(name)
    if stored is None:
        raise Failed(f'no number list "{name}"')
    kinds = {"entries": "entry", "groups": "group", "tables": "table", "prefix_tables": "prefix table"}
    rows = [{"entry": entry, "kind": kind} for part, kind in kinds.items() for entry in stored.values[part]]
    show(state, rows, _ENTRY, empty=f"{name}: no entries")


@list_.command("check")
@click.argument("number")
@click.option("--account", metavar="NUMBER", help="Only lists that this account names, and those of the system.")
@common
@click.pass_obj
def check(state: State, number: str, account: str | None) -> None:
    """Which lists NUMBER (as billed) is on."""
    from vosswitch.cli.offline import stored_snapshot  # noqa: PLC0415 - loads nearly everything

    with state.database.read() as connection:
        snapshot = stored_snapshot(state, connection)
        if account is not None and account not in snapshot.accounts:
            raise Failed(f"no account {account}")
        rows = list(_hits(snapshot, number, account, _naming(connection)))
    shown = rows if state.format == "json" else [row for row in rows if row["on"]]
    show(state, shown, _HIT, ("list", "action", "of", "entry", "named_by"), f"{number}: on none of {len(rows)} lists")


def _hits(
    snapshot: Snapshot, number: str, account: str | None, naming: dict[str, list[str]]
) -> Iterator[dict[str, Any]]:
    from vosswitch.numbers.lists import Known  # noqa: PLC0415 - only what a command needs is imported

    known = Known.of(snapshot, {})
    for name, one in sorted(snapshot.number_lists.items()):
        if account is None or one.system or name in snapshot.accounts[account].screening.lists:
            entry = one.match(number, known)
            of = one.sides[0] if len(one.sides) == 1 else "both"
            named = [*(["system"] if one.system else []), *naming.get(name, [])]
            yield {
                "list": name,
                "action": one.action,
                "of": of,
                "on": entry is not None,
                "entry": entry,
                "named_by": named,
            }


def _naming(connection: Connection) -> dict[str, list[str]]:
    """Who names which list."""
    from vosswitch.store import entities  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.provision_schema import TABLES  # noqa: PLC0415

    found: dict[str, list[str]] = {}
    for table in _NAMING:
        for key, stored in entities.read_all(connection, TABLES[table]):
            for name in stored.values["lists"]:
                found.setdefault(name, []).append(f"{TABLES[table].stored}:{key}")
    return found


@list_.command("add")
@click.argument("name")
@click.argument("entries", nargs=-1, required=True)
@common
@click.pass_obj
def add(state: State, name: str, entries: tuple[str, ...]) -> None:
    """Put numbers, prefixes, patterns or lengths on the list NAME."""
    _change(state, name, add=entries)


@list_.command("remove")
@click.argument("name")
@click.argument("entries", nargs=-1, required=True)
@common
@click.pass_obj
def remove(state: State, name: str, entries: tuple[str, ...]) -> None:
    """Take entries off the list NAME; each as it is written there."""
    _change(state, name, remove=entries)


def _change(state: State, name: str, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> None:
    from vosswitch.store import lists  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.write() as connection:
        done = lists.change(connection, state.deployment, name, add, remove, who())
    for item in done.differences if state.format != "json" else ():
        before = (item.before or {}).get("entries") or []
        after = (item.after or {}).get("entries") or []
        click.echo(f"{name}: {len(after)} entries, {len(before)} before")
    if not done.differences:
        note(f"{name}: nothing to change")
    state.make_live(done.seq)


@click.group()
def geofence() -> None:
    """Areas that calls come from."""


@geofence.command("import")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--area", "areas", multiple=True, metavar="NAME", help="Only this area of the file; may be repeated.")
@common
@click.pass_obj
def import_(state: State, file: str, areas: tuple[str, ...]) -> None:
    """Make areas of the CSV FILE, with columns network (or first, last) and area; each gets these networks alone."""
    from vosswitch.store import lists  # noqa: PLC0415 - SQLAlchemy takes its time

    with Path(file).open(encoding="utf-8-sig", newline="") as lines:
        rows = list(lists.read_areas(lines, file, areas))
    with state.database.write() as connection:
        done = lists.import_areas(connection, state.deployment, rows, file, who())
    show(state, [{"area": name, "networks": len(networks)} for name, networks in rows], _AREA, empty="no areas")
    state.make_live(done.seq)


@geofence.command("list")
@common
@click.pass_obj
def list_areas(state: State) -> None:
    """Every area and how many networks it has."""
    from vosswitch.store import entities  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.screening_fields import GEOFENCES  # noqa: PLC0415

    with state.database.read() as connection:
        rows = [
            {"area": name, "networks": len(stored.values["networks"])}
            for name, stored in entities.read_all(connection, GEOFENCES)
        ]
    show(state, rows, _AREA, empty="no areas")


@geofence.command("check")
@click.argument("address")
@common
@click.pass_obj
def check_address(state: State, address: str) -> None:
    """Which areas an IP ADDRESS is in."""
    from vosswitch.accounts.areas import Area, address_of  # noqa: PLC0415 - only what a command needs is imported
    from vosswitch.store import entities  # noqa: PLC0415
    from vosswitch.store.number_rows import stored_tables  # noqa: PLC0415
    from vosswitch.store.screening_fields import GEOFENCES  # noqa: PLC0415

    number = address_of(address)
    if number is None:
        raise Failed(f"expected an IP address, got {address!r}")
    with state.database.read() as connection:
        tables = stored_tables(connection)
        rows = [
            {"area": name, "networks": len(stored.values["networks"])}
            for name, stored in entities.read_all(connection, GEOFENCES)
            if number in Area.from_body(stored.values).with_table(tables.get(stored.values["table"]))
        ]
    show(state, rows, _AREA, empty=f"{address}: in no area")
