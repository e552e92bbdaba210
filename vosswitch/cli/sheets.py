"""``vosswitch rates sheet`` and ``rates export``: vendors' price lists, looked at, applied, taken back, written."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.csvfile import safe
from vosswitch.cli.moments import HELP, moment
from vosswitch.cli.output import show, show_one
from vosswitch.cli.rates import complain, progress_bar
from vosswitch.cli.state import State, common, note, who
from vosswitch.control.operations import Field

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO

    from vosswitch.store.sheet_plan import Difference, Totals
    from vosswitch.store.sheet_reading import Sheet
    from vosswitch.store.sheets import Order

MODES = ("full", "merge", "increase-only", "decrease-only")
_SHOWN = 50

DIFFERENCE = (
    Field("kind", "text", "new, gone, dearer, cheaper, changed, cancelled, skipped or unchanged"),
    Field("prefix", "text", "the code"),
    Field("name", "text", "its destination"),
    Field("old", "text", "price of a minute before"),
    Field("new", "text", "and after"),
    Field("percent", "right", "by how much it changes"),
    Field("effective", "time", "from when on"),
    Field("warnings", "list", "what to look at"),
)
_APPLIED = (
    Field("id", "whole", "names the application"),
    Field("at", "time", "when"),
    Field("who", "text", "by whom"),
    Field("group", "text", "rate group"),
    Field("kind", "text", "sheet, import, adjust or undo"),
    Field("mode", "text", "how the sheet was taken"),
    Field("file", "text", "its name"),
    Field("sha256", "text", "of its content"),
    Field("sheet_format", "text", "by which format it was read"),
    Field("undoes", "whole", "the application that was taken back"),
    Field("total", "whole", "rates afterwards"),
    Field("total_before", "whole", "rates before"),
    *(Field(name, "whole", "rates") for name in ("new", "gone", "dearer", "cheaper", "changed")),
)
_LISTED = ("id", "at", "who", "group", "kind", "mode", "file", "total", "dearer", "cheaper", "new", "gone")
_DONE = (
    Field("id", "whole", "names the application; null = nothing to change"),
    Field("group", "text", "rate group"),
    Field("total", "whole", "rates afterwards"),
    *(Field(name, "whole", "rates") for name in ("new", "gone", "dearer", "cheaper", "changed", "unchanged")),
    Field("cancelled", "whole", "prices that were to come and are not"),
    Field("skipped", "whole", "rates that this mode does not take"),
    Field("warnings", "whole", "rates with something to look at"),
)
_UNDONE = (
    Field("id", "whole", "the change's number"),
    Field("group", "text", "rate group"),
    Field("total", "whole", "rates afterwards"),
)


class _Sheets(click.Group):
    """`impact` is in a module of its own, which is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted({*super().list_commands(ctx), "impact"})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name != "impact":
            return super().get_command(ctx, cmd_name)
        from vosswitch.cli.impacts import impact  # noqa: PLC0415 - which needs this module

        return impact


@click.group(cls=_Sheets)
def sheet() -> None:
    """Rate sheets of vendors: CSV and XLSX."""


def of_sheets(command: Callable[..., Any]) -> Callable[..., Any]:
    """The arguments of everything that reads a sheet."""
    for option in (
        click.argument("file", type=click.Path(dir_okay=False, exists=True)),
        click.argument("group"),
        click.option("--sheet-format", metavar="NAME", help="Read it by this format; left out = the rate group's own."),
        click.option(
            "--mode", type=click.Choice(MODES), default="full", show_default=True, help="How the sheet is taken."
        ),
        click.option("--effective", metavar="TIME", help=f"Of rates without a date, and of codes that end: {HELP}."),
    ):
        command = option(command)
    return command


@sheet.command("check")
@of_sheets
@click.option("--all", "everything", is_flag=True, help="What does not change, too.")
@click.option("--csv", "target", type=click.Path(dir_okay=False), help="Write every difference to this CSV file.")
@common
@click.pass_obj
def check(state: State, /, group: str, file: str, target: str | None, *, everything: bool, **options: Any) -> None:
    """Show what the sheet FILE would change in the rate group GROUP; nothing is written."""
    from vosswitch.store.sheets import compare  # noqa: PLC0415 - SQLAlchemy takes its time

    order = ordered(state, group, file, **options)
    rows: list[dict[str, Any]] = []

    def keep(one: Difference) -> None:
        if everything or one.kind != "unchanged":
            rows.append(difference_row(one))

    totals = compare(state.database, order, keep)
    if target is not None:
        with Path(target).open("w", encoding="utf-8", newline="") as out:
            _write(out, rows)
    tell_differences(state, rows, totals, DIFFERENCE)


def tell_differences(state: State, rows: list[dict[str, Any]], totals: Totals, fields: Sequence[Field]) -> None:
    """Warnings first, then the largest changes."""
    if state.format == "json":
        show(state, rows, fields)
        return
    rows.sort(key=lambda row: (not row["warnings"], -abs(row["percent"] or 0), row["prefix"]))
    shown = [{**row, "percent": None if row["percent"] is None else f"{row['percent']:+}"} for row in rows[:_SHOWN]]
    show(state, shown, fields, empty="nothing would change")
    if len(rows) > _SHOWN:
        click.echo(f"and {len(rows) - _SHOWN} more (--csv FILE has all)")
    click.echo(", ".join(f"{count} {kind}" for kind, count in sorted(totals.kinds.items())) or "no rates")


def difference_row(one: Difference) -> dict[str, Any]:
    """A difference as it is shown."""
    known = one.new or one.old
    return {
        "kind": one.kind,
        "prefix": one.prefix,
        "name": known[2] if known else "",
        "old": one.old[3] if one.old else None,
        "new": one.new[3] if one.new else None,
        "percent": None if one.percent is None else float(one.percent),
        "effective": one.effective or None,
        "warnings": list(one.warnings),
    }


def _write(out: IO[str], rows: list[dict[str, Any]]) -> None:
    from vosswitch.store.rate_export import moment_cell  # noqa: PLC0415 - SQLAlchemy takes its time

    writer = csv.writer(out)
    names = [field.name for field in DIFFERENCE]
    writer.writerow(names)
    for row in rows:
        texts = {name: safe(str(row[name] or "")) for name in ("kind", "prefix", "name", "old", "new")}
        cells = {**row, **texts, "effective": moment_cell(row["effective"]), "warnings": "; ".join(row["warnings"])}
        writer.writerow(["" if cells[name] is None else cells[name] for name in names])


def ordered(state: State, group: str, file: str, sheet_format: str | None, mode: str, effective: str | None) -> Order:
    """Read the sheet.

    :raises Failed: lines do not fit.
    """
    from vosswitch.store.changes import now_ms  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.sheet_reading import read_sheet  # noqa: PLC0415
    from vosswitch.store.sheets import Order, format_of  # noqa: PLC0415

    at = 0 if effective is None else moment("--effective", effective, state.zone)
    with state.database.read() as connection:
        form = format_of(connection, group, sheet_format)
    found = read_sheet(file, form, state.deployment, at)
    if found.report.refused_count:
        complain(found.report, file)
    _say(found)
    return Order.of(group, found, mode, now_ms(), at)


def _say(found: Sheet) -> None:
    """Which columns were taken, and how much was read."""
    how = f"format {found.format}" if found.format else "guessed"
    columns = ", ".join(f"{name} = {heading}" for name, heading in found.columns.items())
    note(f"columns ({how}): {columns}")
    closed = f", {len(found.closed)} codes closed" if found.closed else ""
    left = f", {found.left} closed lines left" if found.left else ""
    note(f"{found.file}: {len(found.rows)} rates{closed}{left}")


@sheet.command("apply")
@of_sheets
@common
@click.pass_obj
def apply_(state: State, /, group: str, file: str, **options: Any) -> None:
    """Apply the sheet FILE to the rate group GROUP, all of it or nothing."""
    run(state, ordered(state, group, file, **options))


def run(state: State, order: Order) -> None:
    """Write what is ordered, and tell."""
    from vosswitch.store.sheets import apply  # noqa: PLC0415 - SQLAlchemy takes its time

    done = apply(state.database, order, who(), progress=progress_bar("rates"))
    totals = done.totals
    if state.format == "json":
        row = {name: totals.kinds[name] for name in ("new", "gone", "dearer", "cheaper", "changed", "unchanged")}
        row |= {"cancelled": totals.kinds["cancelled"], "skipped": totals.kinds["skipped"]}
        head = {"id": done.seq, "group": order.group, "total": totals.rows, "warnings": totals.warnings}
        show_one(state, {**head, **row}, _DONE)
    elif done.seq is None:
        note(f"{order.group}: nothing to change")
    else:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(totals.kinds.items()))
        click.echo(f"{order.group}: {kinds}; {totals.rows} rates; undo: vosswitch rates sheet undo {done.seq}")
    state.make_live(done.seq)


@sheet.command("list")
@click.argument("group", required=False)
@common
@click.pass_obj
def list_(state: State, group: str | None) -> None:
    """Applications, imports and what was taken back, newest first; of GROUP alone, or of all rate groups."""
    from vosswitch.store.sheets import applied  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        rows = list(applied(connection, group))
    show(state, rows, _APPLIED, _LISTED, empty="nothing was applied")


@sheet.command("undo")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@click.option("--force", is_flag=True, help="Although the rates have changed since: those changes are lost.")
@common
@click.pass_obj
def undo_(state: State, number: int, *, force: bool) -> None:
    """Bring back exactly the rates that the application or import ID has replaced."""
    from vosswitch.store.sheets import undo  # noqa: PLC0415 - SQLAlchemy takes its time

    group, total, seq = undo(state.database, number, who(), force=force, progress=progress_bar("rates"))
    if state.format == "json":
        show_one(state, {"id": seq, "group": group, "total": total}, _UNDONE)
    else:
        click.echo(f"{group}: {number} is undone, {total} rates; undo: vosswitch rates sheet undo {seq}")
    state.make_live(seq)


@click.command("export")
@click.argument("group")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--at", metavar="TIME", help=f"Only rates in force then: {HELP}; left out = all, those to come too.")
@common
@click.pass_obj
def export(state: State, group: str, file: str, at: str | None) -> None:
    """Write the rates of GROUP to FILE: CSV, XLSX when its name ends in .xlsx, CSV to standard output for -."""
    from vosswitch.store import rate_export  # noqa: PLC0415 - SQLAlchemy takes its time

    rows = rate_export.stored(state.database, group, None if at is None else moment("--at", at, state.zone))
    if file == "-":
        rate_export.write_csv(rows, sys.stdout)
        return
    note(f"{file}: {rate_export.write(rows, file)} rates")
