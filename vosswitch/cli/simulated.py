"""What ``vosswitch simulate`` tells: sums before and after, as tables, CSV and JSON; the changed calls as CSV."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.csvfile import CsvFile, safe
from vosswitch.cli.output import moment_text, plain, show, show_one
from vosswitch.cli.state import note
from vosswitch.control.operations import Field
from vosswitch.model.causes import END_REASONS
from vosswitch.model.values import money_text
from vosswitch.simulation.report import figures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from vosswitch.cli.state import State
    from vosswitch.simulation.past import Past
    from vosswitch.simulation.replay import Result
    from vosswitch.simulation.report import Key, Report

_PAIRS = (
    ("calls", "whole", "calls"),
    ("answered", "whole", "calls that were answered"),
    ("minutes", "number", "their length"),
    ("fee", "money", "what customers pay"),
    ("cost", "money", "what vendors get"),
    ("agents", "money", "what agents keep of the fees"),
    ("margin", "money", "what is left"),
    ("refused", "whole", "calls that were refused"),
)
FIGURES = (
    *[Field(f"{name}_{when}", kind, what) for name, kind, what in _PAIRS for when in ("old", "new")],
    Field("gain", "money", "by how much the margin would grow"),
    Field("changed", "whole", "calls that something would change for"),
)
RESULT = (
    Field("total", "object", "figures of all calls"),
    Field("by", "object", "rows by dimension"),
    Field("refusals", "list", "reason, old and new calls"),
)
_GAIN = Field("gain", "money", "by how much the margin would grow")
_SHOWN = ("calls", "minutes", "fee", "cost", "margin", "refused")
_WORDS = ("account", "gateway", "prefix", "refused")


def tell(state: State, report: Report, top: int) -> None:
    """Print everything.

    :param top: rows of each table.
    """
    if state.format == "json":
        show_json(state, report)
        return
    if not report.total.old[0]:
        note("no calls of this period")
        return
    click.echo("all calls, before -> after")
    _table(state, (), [figures(report.total)])
    for by in report.tables:
        rows = list(report.rows(by))
        click.echo(f"\nby {' and '.join(by)}")
        _table(state, by, rows[:top])
        if len(rows) > top:
            click.echo(f"and {len(rows) - top} more")
    reasons = [row for row in report.reasons() if row["old"] != row["new"]]
    if reasons:
        click.echo("\nrefusals")
        kinds = {"reason": "text", "old": "whole", "new": "whole", "means": "text"}
        fields = [Field(name, kind, "") for name, kind in kinds.items()]
        show(state, ({**row, "means": END_REASONS[row["reason"]].text} for row in reasons), fields)


def _table(state: State, by: Key, rows: Sequence[Mapping[str, Any]]) -> None:
    """One column a figure: ``old -> new``, or the one value where nothing changes."""
    fields = [Field(name, "text", "") for name in by]
    fields += [Field(name, "right", "") for name in _SHOWN] + [_GAIN]
    kinds = {name: kind for name, kind, _ in _PAIRS}
    show(
        state,
        ({**row, **{name: _pair(row, name, kinds[name]) for name in _SHOWN}} for row in rows),
        fields,
        empty="no calls",
    )


def _pair(row: Mapping[str, Any], name: str, kind: str) -> str:
    old, new = (_text(row[f"{name}_{when}"], kind) for when in ("old", "new"))
    return old if old == new else f"{old} -> {new}"


def _text(value: Any, kind: str) -> str:
    """Money to the hundredth, which is what a tired eye can compare; programs get all of it."""
    if kind == "money":
        return f"{value / 10_000_000:.2f}"
    return f"{value:.1f}" if kind == "number" else str(value)


def show_json(state: State, report: Report) -> None:
    """One object with all rows."""
    by = {",".join(key): [_plain(row) for row in report.rows(key)] for key in report.tables}
    row = {"total": _plain(figures(report.total)), "by": by, "refusals": list(report.reasons())}
    show_one(state, row, RESULT)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {field.name: field.kind for field in FIGURES}
    return {name: plain(value, kinds.get(name, "text")) for name, value in row.items()}


def write_tables(report: Report, folder: Path) -> None:
    """One CSV file for each table; ``by-gateway.csv`` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [field.name for field in FIGURES]
    for by in report.tables:
        path = folder / f"by-{'-'.join(by)}.csv"
        rows = (_plain(row) for row in report.rows(by))
        cells = ([*[safe(row[name]) for name in by], *[row[name] for name in names]] for row in rows)
        _write(path, [*by, *names], cells)


def _write(path: Path, heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(heading)
        out.writerows(rows)


class ChangedCalls(CsvFile):
    """A CSV file of calls that something would change for; it appears when the simulation is done, or not at all."""

    HEADING = (
        *("call_id", "start", "caller_in", "callee_in"),
        *[f"{name}_{when}" for name in _WORDS for when in ("old", "new")],
        *[f"{name}_{when}" for name in ("answered", "fee", "cost", "margin") for when in ("old", "new")],
    )

    def add(self, past: Past, old: Result, new: Result) -> None:
        """Write one call."""
        row = past.row
        head = (str(row.flowno), moment_text(row.start), safe(row.caller_in), safe(row.callee_in))
        self.write([*head, *_both(old, new)])


def _left(one: Result) -> int:
    return one.fee - one.agents - one.cost


def _both(old: Result, new: Result) -> Iterator[Any]:
    for one in _WORDS:
        yield from (safe(str(getattr(each, one))) for each in (old, new))
    yield from (int(each.answered) for each in (old, new))
    for values in ((old.fee, new.fee), (old.cost, new.cost), (_left(old), _left(new))):
        yield from map(money_text, values)
