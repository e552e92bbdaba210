"""``vosswitch params``: the system parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.output import show, show_one
from vosswitch.cli.state import State, common, note, who
from vosswitch.control.operations import Field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.params.kinds import Parameter

FIELDS = (
    Field("name", "text", "name of the parameter"),
    Field("value", "text", "value in force"),
    Field("default", "text", "its default"),
    Field("set", "flag", "somebody set it"),
    Field("type", "text", "kind of value"),
    Field("range", "text", "what it may be"),
    Field("unit", "text", "of its value"),
    Field("scope", "text", "server, ss, ivr or vs"),
    Field("group", "text", "place in listings"),
    Field("aliases", "list", "other names that are accepted"),
    Field("wired", "flag", "something obeys it; otherwise it is only kept"),
    Field("help", "text", "what it is for"),
)


@click.group()
def params() -> None:
    """The system parameters (SS_*, SERVER_*, IVR_*, VS_*)."""


@params.command("list")
@click.argument("pattern", required=False)
@click.option("--set", "only_set", is_flag=True, help="Only those that somebody set.")
@common
@click.pass_obj
def list_(state: State, pattern: str | None, *, only_set: bool) -> None:
    """The parameters with their values; PATTERN = a part of the name or of the help."""
    held = _held(state)
    registry = state.deployment.parameters
    rows = [_row(row, held) for row in registry]
    rows = [row for row in rows if (row["set"] or not only_set) and _matches(row, pattern)]
    if state.format == "table":
        rows = [{**row, "help": row["help"] if row["wired"] else f"(not in use yet) {row['help']}"} for row in rows]
    columns = ("range", "help") if pattern else ("wired",)
    show(state, rows, FIELDS, ("name", "value", "unit", "set", *columns), _nothing(pattern, only_set=only_set))
    if state.format == "table" and rows and not pattern:
        note("wired no = nothing in this version obeys it; `vosswitch params list WORD` shows ranges and explains")
    for name in sorted(set(held) - {row.name for row in registry}):
        note(f"{name}: set, but nothing declares it (a plugin that is gone?)")


@params.command("set")
@click.argument("name")
@click.argument("value", required=False)
@click.option("--default", is_flag=True, help="Back to the default.")
@common
@click.pass_obj
def set_(state: State, name: str, value: str | None, *, default: bool) -> None:
    """Set the parameter NAME to VALUE; in force for new calls when the command returns."""
    if (value is None) != default:
        raise click.UsageError("expected either VALUE or --default")
    from vosswitch.store.listings import set_parameter  # noqa: PLC0415 - SQLAlchemy takes its time

    registry = state.deployment.parameters
    declared = registry.find(name)
    with state.database.write() as connection:
        seq = set_parameter(connection, declared.name, value, who(), registry)
    row = _row(declared, _held(state))
    if state.format == "json":
        show_one(state, row, FIELDS)
    else:
        click.echo(f"{row['name']} = {row['value']}{'' if row['set'] else ' (default)'}")
        if not row["wired"]:
            note(f"{row['name']}: kept, but nothing in this version uses it yet")
    state.make_live(seq)


def _nothing(pattern: str | None, *, only_set: bool) -> str:
    """What is said when no parameter is left."""
    if pattern is None:
        return "no parameter is set: all have their defaults"
    return f'no parameter{" that is set" if only_set else ""} has "{pattern}" in its name or help'


def _held(state: State) -> dict[str, str]:
    """What is set in the database."""
    from vosswitch.store.listings import parameter_texts  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        return parameter_texts(connection)


def _row(row: Parameter, held: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": row.name,
        "value": held.get(row.name, row.default),
        "default": row.default,
        "set": row.name in held,
        "type": row.kind.type,
        "range": row.kind.range_text or None,
        "unit": row.unit or None,
        "scope": row.scope,
        "group": row.group,
        "aliases": list(row.aliases),
        "wired": row.wired,
        "help": row.help,
    }


def _matches(row: Mapping[str, Any], pattern: str | None) -> bool:
    wanted = (pattern or "").lower()
    return any(wanted in text.lower() for text in (row["name"], row["help"], *row["aliases"]))
