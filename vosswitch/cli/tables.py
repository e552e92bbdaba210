"""``vosswitch table``: bulk data by number."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.output import show, show_one
from vosswitch.cli.rates import complain, progress_bar
from vosswitch.cli.state import Failed, State, common, who
from vosswitch.control.operations import Field
from vosswitch.store.number_fields import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROW = (
    Field("table", "text", "number table"),
    Field("number", "text", "the number asked for"),
    Field("found", "flag", "there is a row of exactly this number"),
    Field("value", "text", "its value"),
    Field("prefix", "text", "the longest entry that it begins with"),
    Field("prefix_value", "text", "value of that"),
)
_VALUED = ("area", "nanp")
"""Kinds whose rows say nothing without a value; a routing number may be empty: not ported."""
_TABLE = (
    Field("name", "text", "number table"),
    Field("kind", "text", "what its values are"),
    Field("rows", "whole", "rows in force"),
    Field("help", "text", "what it is"),
)
_REPORT = (
    Field("table", "text", "number table"),
    Field("file", "text", "the file"),
    Field("imported", "whole", "rows of the file that are in force now"),
    Field("total", "whole", "rows that the table has now"),
)


@click.group()
def table() -> None:
    """Number tables: lists, areas, ported numbers."""


def _columns(_ctx: click.Context, _param: click.Parameter, given: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, given.split(",")):
        name, equals, heading = part.partition("=")
        if name.strip() not in ("number", "value") or not equals:
            raise click.BadParameter(f"expected number=HEADING,value=HEADING, got {part!r}")
        found[name.strip()] = heading.strip()
    return found


@table.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--kind", type=click.Choice(KINDS), help="Makes the table when there is none.")
@click.option("--map", "columns", default="", callback=_columns, metavar="MAP", help="number=HEADING,value=HEADING.")
@click.option("--replace", is_flag=True, help="The file is the whole table; otherwise it merges by number.")
@common
@click.pass_obj
def import_(state: State, name: str, file: str, kind: str | None, columns: dict[str, str], *, replace: bool) -> None:
    """Import the CSV FILE into the number table NAME, all of it or nothing.

    Columns by heading: number (or prefix, npanxx, network ...) and value (or lrn, area ...); a list needs no value.
    """
    from vosswitch.store.number_import import import_table  # noqa: PLC0415 - SQLAlchemy takes its time

    if kind is not None:
        _make(state, name, kind)
    report = import_table(
        state.database, name, file, columns=columns, who=who(), replace=replace, progress=progress_bar("steps")
    )
    if report.refused_count:
        complain(report, file)
    if state.format == "json":
        row = {"table": name, "file": file, "imported": report.imported, "total": report.total}
        show_one(state, row, _REPORT)
    else:
        click.echo(f"{name}: {report.imported} rows imported, {report.total} in force")
    state.make_live(report.seq)


def _make(state: State, name: str, kind: str) -> None:
    from vosswitch.store import number_rows, provision  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.write() as connection:
        try:
            found = number_rows.find(connection, name)
        except number_rows.NoSuchTable:
            raw = {"number_tables": [{"name": name, "kind": kind}]}
            provision.apply_load(connection, raw, state.deployment, "--kind", who())
            return
    if found.kind != kind:
        raise Failed(f'number_tables "{name}": kind: it is {found.kind}, not {kind}')


@table.command("list")
@common
@click.pass_obj
def list_(state: State) -> None:
    """Every number table and how many rows it has."""
    from vosswitch.store import number_rows  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        rows = [
            {"name": head.name, "kind": head.kind, "rows": number_rows.count(connection, head), "help": head.help}
            for head in list(number_rows.heads(connection))
        ]
    show(state, rows, _TABLE, empty="no number tables")


@table.command("show")
@click.argument("name")
@click.argument("number")
@common
@click.pass_obj
def show_(state: State, name: str, number: str) -> None:
    """What the table NAME has for NUMBER, exactly and by prefix."""
    from vosswitch.store import number_rows  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        head = number_rows.find(connection, name)
        try:
            candidates = number_rows.around(head, number)
        except number_rows.BadRow as error:
            raise Failed(f'number_tables "{name}": {error.field}: {error}') from None
        found = number_rows.some(connection, head, candidates)
    longest = next((one for one in candidates if one in found), None)
    exact = {"found": number in found, "value": found.get(number)}
    row: dict[str, Any] = {"table": name, "number": number, **exact, "prefix": longest}
    show_one(state, row | {"prefix_value": None if longest is None else found[longest]}, _ROW)


@table.command("set")
@click.argument("name")
@click.argument("number")
@click.argument("value", default="")
@common
@click.pass_obj
def set_(state: State, name: str, number: str, value: str) -> None:
    """Set one row of the table NAME; a list needs no VALUE."""
    _put(state, name, number, value)


@table.command("remove")
@click.argument("name")
@click.argument("number")
@common
@click.pass_obj
def remove(state: State, name: str, number: str) -> None:
    """Take one row out of the table NAME."""
    _put(state, name, number, None)


def _put(state: State, name: str, number: str, value: str | None) -> None:
    from vosswitch.store import number_rows  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        kind = number_rows.find(connection, name).kind
    try:
        number = number_rows.checked_number(number, kind)
        if value is not None:
            value = number_rows.checked_value(value, kind)
            with state.database.read() as connection:
                number_rows.check_room(connection, name, number)
    except number_rows.BadRow as error:
        raise Failed(f'number_tables "{name}": {error.field}: {error}') from None
    with state.database.write() as connection:
        kind = number_rows.find(connection, name).kind
        if value == "" and kind in _VALUED:
            raise Failed(f'number_tables "{name}": expected a value for {number}: its kind is {kind}')
        seq = number_rows.put(connection, name, number, value, who())
    click.echo(f"{name}: {number}: {'nothing to change' if seq is None else 'changed'}", err=seq is None)
    state.make_live(seq)


@table.command("export")
@click.argument("name")
@common
@click.pass_obj
def export(state: State, name: str) -> None:
    """Write the table NAME as CSV to standard output."""
    from vosswitch.store import number_rows  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        head = number_rows.find(connection, name)
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(("number", "value"))
        rows: Iterator[tuple[str, str]] = number_rows.stream(connection, head)
        out.writerows(rows)
