"""``vosswitch rates sheet impact`` and ``rates adjust``."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.moments import HELP, moment
from vosswitch.cli.sheets import DIFFERENCE, difference_row, of_sheets, ordered, run, tell_differences
from vosswitch.cli.state import State, common, note

if TYPE_CHECKING:
    from vosswitch.simulation.report import Report
    from vosswitch.simulation.run import Period
    from vosswitch.store.rate_reading import Row
    from vosswitch.store.sheets import Order


@click.command("impact")
@of_sheets
@click.option("--since", metavar="TIME", help=f"Calls that began then or later (yesterday): {HELP}.")
@click.option("--until", metavar="TIME", help="And before then; a day alone is contained.")
@click.option("--account", metavar="NUMBER", help="Only calls that this account paid for.")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Rows of each table; JSON has all.")
@common
@click.pass_obj
def impact(state: State, /, group: str, file: str, **options: Any) -> None:
    """What the sheet FILE would have made of yesterday's calls: cost and margin by vendor's gateway and customer.

    Calls are decided twice: by the rates in force now, and by those when all of the sheet is in force.
    """
    from vosswitch.cli.simulated import tell  # noqa: PLC0415 - only what a command needs is imported

    period = _period(state, options["since"], options["until"], options["account"])
    order = ordered(state, group, file, *(options[name] for name in ("sheet_format", "mode", "effective")))
    with ExitStack() as stack:
        report = _report(state, order, period, stack)
    tell(state, report, options["top"])


def _period(state: State, since: str | None, until: str | None, account: str | None) -> Period:
    from vosswitch.simulation.run import Period  # noqa: PLC0415 - loads nearly everything

    today = datetime.now(state.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = moment("--since", since or f"{today - timedelta(days=1):%Y-%m-%d}", state.zone)
    end = moment("--until", until or f"{today:%Y-%m-%d}", state.zone, end=until is not None)
    if end <= begin:
        raise click.UsageError("expected --since before --until")
    return Period(begin, end, account)


def _report(state: State, order: Order, period: Period, stack: ExitStack) -> Report:
    from vosswitch.cli.progress import bar  # noqa: PLC0415 - loads nearly everything
    from vosswitch.cli.simulate import replay_of, tell_unconverted  # noqa: PLC0415
    from vosswitch.simulation.configuration import Wanted  # noqa: PLC0415
    from vosswitch.simulation.impact import impact as compare  # noqa: PLC0415
    from vosswitch.simulation.report import Report  # noqa: PLC0415
    from vosswitch.store.pastcalls import count_calls  # noqa: PLC0415

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vosswitch-impact-")))
    before, after = (
        replay_of(state, Wanted(lists={order.group: path}), stack) for path in _lists(state, order, folder)
    )
    with state.database.read() as connection:
        total = count_calls(connection, period.since, period.until, period.account)
    report = Report((("gateway",), ("customer",), ("prefix",)))
    seconds = compare(state.database, period, before, after, report, bar(total, "calls"))
    note(f"{total} calls in {seconds:.1f} s, {report.total.changed} would change")
    tell_unconverted(before)
    return report


def _lists(state: State, order: Order, folder: Path) -> tuple[str, str]:
    """The rates in force now, and those when everything of the sheet is; both for calls of any time."""
    from vosswitch.store.rate_export import always, stored, write  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.sheet_plan import Totals  # noqa: PLC0415
    from vosswitch.store.sheets import draft  # noqa: PLC0415

    at = max([order.now, order.effective, *(row[1] for row in order.rows), *(cut for _, cut in order.closed)])
    before, after = str(folder / "before.csv"), str(folder / "after.csv")
    write(always(stored(state.database, order.group), order.now), before)
    write(always(draft(state.database, order, Totals()), at), after)
    return before, after


def _decimal(option: str, text: str) -> Decimal:
    try:
        found = Decimal(text)
        if not found.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        raise click.BadParameter(f"expected a number, got {text!r}", param_hint=option) from None
    return found


@click.command("adjust")
@click.argument("group")
@click.option("--percent", required=True, metavar="NUMBER", help="What is put on prices of a minute: +5, -2.5.")
@click.option("--prefix", "prefixes", multiple=True, metavar="CODE", help="43* or 43; may be repeated (all).")
@click.option("--effective", metavar="TIME", help=f"From then on (now): {HELP}.")
@click.option("--round", "step", metavar="NUMBER", help="To multiples of this, half up: 0.0001.")
@click.option("--dry-run", is_flag=True, help="Show what would change.")
@common
@click.pass_obj
def adjust(state: State, /, group: str, percent: str, step: str | None, *, dry_run: bool, **options: Any) -> None:
    """Make the rates of GROUP dearer or cheaper; can be undone like a sheet."""
    from vosswitch.store.adjusting import Adjustment  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.sheets import compare  # noqa: PLC0415

    rounding = None if step is None else _decimal("--round", step)
    how = Adjustment(_decimal("--percent", percent), rounding, options["prefixes"])
    if not -100 <= how.percent <= 1000:
        raise click.BadParameter(f"expected -100 to 1000, got {percent}", param_hint="--percent")
    if rounding is not None and not Decimal("1E-18") <= rounding <= 1000:
        raise click.BadParameter(f"expected 0.000000000000000001 to 1000, got {step}", param_hint="--round")
    order = _adjusted(state, group, how, options["effective"])
    if not dry_run:
        run(state, order)
        return
    rows: list[dict[str, Any]] = []
    totals = compare(state.database, order, lambda one: rows.append(difference_row(one)))
    tell_differences(state, [row for row in rows if row["kind"] != "unchanged"], totals, DIFFERENCE)


def _adjusted(state: State, group: str, how: Any, effective: str | None) -> Order:
    from vosswitch.store.adjusting import adjusted  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.changes import now_ms  # noqa: PLC0415
    from vosswitch.store.rate_export import stored  # noqa: PLC0415
    from vosswitch.store.sheets import Order  # noqa: PLC0415

    now = now_ms()
    at = 0 if effective is None else moment("--effective", effective, state.zone)
    rows: list[Row] = list(adjusted(stored(state.database, group), how, now, at))
    about = {"kind": "adjust", "percent": str(how.percent), "prefixes": list(how.prefixes)}
    about["round"] = "" if how.step is None else str(how.step)
    return Order(group, "merge", now, rows, (), at, about)
