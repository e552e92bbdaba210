"""``vosswitch rates``: price lists."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from vosswitch.cli.output import show_one
from vosswitch.cli.state import Failed, State, common, note, who
from vosswitch.control.operations import Field

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.store.rate_reading import Report

_SHOWN = 20

_REPORT = (
    Field("group", "text", "rate group"),
    Field("file", "text", "the price list"),
    Field("imported", "whole", "rows of the file that are in force now"),
    Field("total", "whole", "rates that the group has now"),
)


class _Rates(click.Group):
    """The commands of sheets are in a module of their own, which is imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted({*super().list_commands(ctx), *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        from vosswitch.cli import impacts, sheets  # noqa: PLC0415 - which need this module

        command: click.Command = getattr(impacts if cmd_name == "adjust" else sheets, cmd_name)
        return command


_ELSEWHERE = ("adjust", "export", "sheet")


@click.group(cls=_Rates)
def rates() -> None:
    """Price lists."""


@rates.command("import")
@click.argument("group")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option(
    "--replace", is_flag=True, help="The file is the whole list; otherwise it merges by prefix and effective."
)
@common
@click.pass_obj
def import_(state: State, group: str, file: str, *, replace: bool) -> None:
    """Import the CSV or XLSX FILE into the rate group GROUP, all of it or nothing.

    Columns by heading: prefix, per_minute and any of name, first, next, connect_fee, tax, level, effective, until,
    attempt_fee, minimum, sections, periods.
    """
    from vosswitch.store.rate_import import import_rates  # noqa: PLC0415 - SQLAlchemy takes its time

    report = import_rates(
        state.database, group, file, state.deployment, who=who(), replace=replace, progress=progress_bar("rates")
    )
    if report.refused_count:
        complain(report, file)
    if state.format == "json":
        row = {"group": group, "file": file, "imported": report.imported, "total": report.total}
        show_one(state, row, _REPORT)
    else:
        click.echo(f"{group}: {report.imported} rates imported, {report.total} in force")
    state.make_live(report.seq)


def complain(report: Report, file: str) -> None:
    """Tell which lines do not fit.

    :raises Failed: always.
    """
    for line in report.refused[:_SHOWN]:
        note(f"{file}: {line}")
    if report.refused_count > _SHOWN:
        note(f"... and {report.refused_count - _SHOWN} more lines")
    what = "line does" if report.refused_count == 1 else "lines do"
    raise Failed(f"{file}: {report.refused_count} {what} not fit; nothing was imported")


def progress_bar(noun: str) -> Callable[[int, int], None]:
    """A bar on a terminal's stderr, nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda done, total: None
    width = 40

    def draw(done: int, total: int) -> None:
        filled = width * done // max(total, 1)
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (width - filled)}] {done}/{total} {noun}")
        if done >= total:
            sys.stderr.write("\n")
        sys.stderr.flush()

    return draw
