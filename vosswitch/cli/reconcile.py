"""``vosswitch reconcile``: a partner's call records against ours."""

from __future__ import annotations

import csv
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from vosswitch.cli.moments import HELP, moment
from vosswitch.cli.output import show, show_one
from vosswitch.cli.reconciled import RESULT, SUMS, Differences, Totals, told
from vosswitch.cli.state import Failed, State, common, note
from vosswitch.model.values import counted, money

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vosswitch.cdr.matching import Call, Found, Tolerance
    from vosswitch.cdr.partner import Format, Numbers
    from vosswitch.store.ourcalls import Partner

_DELIMITERS = ",;\t|"
_SAMPLE = 16_384
_LONGEST_CELL = 4096
_BAD_SHOWN = 5


def _money(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    try:
        return money(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, exists=True))
@click.option("--side", type=click.Choice(("customer", "vendor")), required=True, help="What the partner is to us.")
@click.option("--account", metavar="NUMBER", help="His account.")
@click.option("--gateway", metavar="NAME", help="Or only his calls over this gateway.")
@click.option("--from", "since", metavar="TIME", help=f"The period; by default that of the file: {HELP}.")
@click.option("--to", "until", metavar="TIME", help="Its end; a day alone is contained.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=HEADING",
    help="Where caller, callee, start, answer, duration and fee stand, by heading or number; A+B joins two.",
)
@click.option("--zone", metavar="NAME", help="Time zone of his times; by default the deployment's.")
@click.option("--offset", type=float, default=0.0, metavar="SECONDS", help="Added to his times: his clock is behind.")
@click.option("--time-format", default="", metavar="PATTERN", help="Of his times, such as %d.%m.%Y %H:%M:%S.")
@click.option("--unit", type=click.Choice(("s", "ms", "min")), default="s", show_default=True, help="Of his durations.")
@click.option("--decimal-comma", is_flag=True, help="His numbers have a comma before the decimals.")
@click.option("--strip", multiple=True, metavar="PREFIX", help="Taken off his numbers; the first that fits.")
@click.option("--add", default="", metavar="PREFIX", help="Put before his numbers, after --strip.")
@click.option("--last", type=click.IntRange(0), default=0, metavar="N", help="Only the last N digits count; 0 = all.")
@click.option("--numbers", type=click.Choice(("billed", "received", "sent")), help="Which of our numbers he knows.")
@click.option("--any-caller", is_flag=True, help="Calling numbers need not be the same.")
@click.option("--tolerance", type=click.FloatRange(0, 3600), default=5.0, show_default=True, help="Seconds of time.")
@click.option(
    "--duration-tolerance", type=click.FloatRange(0, 3600), default=1.0, show_default=True, help="Seconds of length."
)
@click.option("--fee-tolerance", default="0.0001", show_default=True, callback=_money, help="Of each fee, an amount.")
@click.option("--fee-percent", type=click.IntRange(0, 100), default=0, help="Or percent of ours, if that is more.")
@click.option("--csv", "target", type=click.Path(dir_okay=False), help="Write every difference to this CSV file.")
@common
@click.pass_obj
def reconcile(state: State, /, file: str, **options: Any) -> None:
    """Compare the calls in FILE, a partner's records as CSV with a heading, with ours.

    Calls are paired one to one by called and calling number and by time.  Tells what is missing on either side, what
    is there twice, and where lengths and fees differ beyond the tolerances, with totals.
    """
    _check(options)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vosswitch-reconcile-"))
        theirs = _Theirs(state, Path(file), options, folder)
        period = _period(state, options, theirs)
        target = options["target"]
        differences = None if target is None else stack.enter_context(Differences(Path(target)))
        totals = Totals()
        for found in _compared(state, options, theirs, period, folder):
            totals.add(found)
            if differences is not None:
                differences.add(found)
    _tell(state, totals, theirs, period)


def _check(options: dict[str, Any]) -> None:
    if (options["account"] is None) == (options["gateway"] is None):
        raise click.UsageError("expected --account NUMBER or --gateway NAME")
    if options["target"] is not None and not Path(options["target"]).absolute().parent.is_dir():
        raise click.UsageError(f"--csv: there is no folder for {options['target']}")
    if options["zone"] is not None:
        try:
            ZoneInfo(options["zone"])
        except (KeyError, ValueError, OSError):
            raise click.UsageError(
                f"--zone: expected a time zone such as Europe/Vienna, got {options['zone']!r}"
            ) from None


class _Theirs:
    """The partner's file, read once and put in order.

    :ivar first: earliest time, epoch ms; *last* the latest; *rows* how many calls; *bad* how many that are none.
    """

    def __init__(self, state: State, path: Path, options: dict[str, Any], folder: str) -> None:
        from vosswitch.cdr.partner import Numbers  # noqa: PLC0415 - only what a command needs is imported
        from vosswitch.cli.sorting import in_order  # noqa: PLC0415

        self.path = path
        self.rows = self.bad = 0
        self.first, self.last = 1 << 62, 0
        self.why: list[str] = []
        self._numbers: Numbers = Numbers(options["strip"], options["add"], options["last"])
        self.form: Format | None = None
        self._options = options
        self._zone = ZoneInfo(options["zone"]) if options["zone"] else state.zone
        self.calls = in_order(self._read(), folder, "theirs")
        if not self.rows:
            raise Failed(f"{path}: no calls{': ' if self.why else ''}{'; '.join(self.why[:1])}")

    def _read(self) -> Iterator[Call]:
        from vosswitch.cdr.partner import BadRow, call_of  # noqa: PLC0415 - only what a command needs is imported

        csv.field_size_limit(_LONGEST_CELL)
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                sample = file.read(_SAMPLE)
                file.seek(0)
                reader = csv.reader(file, delimiter=_delimiter(sample))
                form = self.form = self._format(next(reader, []))
                for row in reader:
                    if not any(row):
                        continue
                    try:
                        call = call_of(row, reader.line_num, form, self._numbers)
                    except BadRow as error:
                        self.bad += 1
                        if len(self.why) < _BAD_SHOWN:
                            self.why.append(f"line {reader.line_num}: {error}")
                        continue
                    self.rows += 1
                    self.first, self.last = min(self.first, call.at), max(self.last, call.at)
                    yield call
        except UnicodeDecodeError:
            raise Failed(f"{self.path}: expected UTF-8 text") from None
        except csv.Error as error:
            raise Failed(f"{self.path}: {error}") from None

    def _format(self, heading: Sequence[str]) -> Format:
        from vosswitch.cdr.partner import Format, columns_of  # noqa: PLC0415 - only what a command needs is imported

        given = {}
        for one in self._options["columns"]:
            field, equals, name = one.partition("=")
            if not equals:
                raise click.UsageError(f"--column: expected FIELD=HEADING, got {one!r}")
            given[field] = name
        columns = columns_of(heading, given)
        options = self._options
        return Format(
            columns,
            self._zone,
            round(options["offset"] * 1000),
            options["time_format"],
            options["unit"],
            options["decimal_comma"],
            "start" if "start" in columns else "answer",
        )

    @property
    def guessed(self) -> str:
        """Which columns are read, for people."""
        assert self.form is not None
        return ", ".join(
            f"{field} {'+'.join(str(at + 1) for at in places)}" for field, places in self.form.columns.items()
        )


def _delimiter(sample: str) -> str:
    head = sample.partition("\n")[0]
    return max(_DELIMITERS, key=head.count)


def _period(state: State, options: dict[str, Any], theirs: _Theirs) -> tuple[int, int]:
    since = theirs.first if options["since"] is None else moment("--from", options["since"], state.zone)
    until = options["until"]
    return since, theirs.last + 1 if until is None else moment("--to", until, state.zone, end=True)


def _compared(
    state: State, options: dict[str, Any], theirs: _Theirs, period: tuple[int, int], folder: str
) -> Iterator[Found]:
    """Every pair and everything without one; beyond the period's ends nothing is missing."""
    from vosswitch.cdr.matching import Tolerance, compare  # noqa: PLC0415 - only what a command needs is imported
    from vosswitch.cdr.partner import Numbers  # noqa: PLC0415
    from vosswitch.cli.sorting import in_order  # noqa: PLC0415
    from vosswitch.store.ourcalls import our_calls  # noqa: PLC0415

    assert theirs.form is not None
    callers = "caller" in theirs.form.columns and not options["any_caller"]
    tolerance: Tolerance = Tolerance(
        round(options["tolerance"] * 1000),
        round(options["duration_tolerance"] * 1000),
        options["fee_tolerance"],
        options["fee_percent"],
        callers,
    )
    partner = _partner(options, answer=theirs.form.by == "answer")
    since, until = period[0] - tolerance.time, period[1] + tolerance.time
    numbers: Numbers = Numbers(last=options["last"])
    ours = in_order(our_calls(state.database, partner, since, until, numbers), folder, "ours")
    near = (call for call in theirs.calls if since <= call.at < until)
    for found in compare(ours, near, tolerance):
        if any(call is not None and period[0] <= call.at < period[1] for call in (found.ours, found.theirs)):
            yield found


def _partner(options: dict[str, Any], *, answer: bool) -> Partner:
    from vosswitch.store.ourcalls import Partner  # noqa: PLC0415 - SQLAlchemy takes its time

    vendor = options["side"] == "vendor"
    numbers = options["numbers"] or ("sent" if vendor else "received")
    return Partner(vendor, options["account"], options["gateway"], numbers, answer)


def _tell(state: State, totals: Totals, theirs: _Theirs, period: tuple[int, int]) -> None:
    if state.format == "json":
        show_one(state, told(totals, theirs, period), RESULT)
        return
    note(f"{theirs.path}: {counted(theirs.rows, 'call')}; columns: {theirs.guessed}")
    if theirs.bad:
        note(f"{theirs.bad} rows are no calls: {'; '.join(theirs.why)}")
    show(state, totals.rows(), SUMS)
