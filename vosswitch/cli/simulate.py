"""``vosswitch simulate``: what another configuration would have made of the calls of a period."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.moments import HELP, moment
from vosswitch.cli.state import Failed, State, common, note
from vosswitch.model.values import counted

if TYPE_CHECKING:
    from vosswitch.simulation.configuration import Wanted
    from vosswitch.simulation.replay import Replay
    from vosswitch.simulation.report import Report
    from vosswitch.simulation.run import Period

NICE = 10
"""How far behind the switch the simulation stands."""
_BY = ("gateway", "prefix", "customer")


@click.command()
@click.option("--from", "since", required=True, metavar="TIME", help=f"Calls that began then or later: {HELP}.")
@click.option("--to", "until", metavar="TIME", help="Calls that began before then (now); a day alone is contained.")
@click.option("--account", metavar="NUMBER", help="Only calls that this account paid for.")
@click.option("--draft", type=click.Path(dir_okay=False, exists=True), help="With this document (TOML) loaded.")
@click.option("--config-at", metavar="TIME", help="With the configuration as it was then.")
@click.option(
    "--rates", multiple=True, metavar="GROUP=FILE", help="With this price list (CSV) in place of the group's."
)
@click.option("--by", multiple=True, metavar="WHAT", help="gateway, prefix, customer, or several: gateway,prefix.")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Rows of each table; JSON has all.")
@click.option("--calls", type=click.Path(dir_okay=False), help="Write every changed call to this CSV file.")
@click.option("--csv", "folder", type=click.Path(file_okay=False), help="Write the tables to this folder as CSV files.")
@common
@click.pass_obj
def simulate(state: State, /, since: str, until: str | None, account: str | None, **options: Any) -> None:
    """Decide the finished calls of a period again, and tell what would have changed.

    Without --draft, --rates or --config-at: by the configuration in force.  Nothing is changed.
    """
    from vosswitch.simulation.run import Period  # noqa: PLC0415 - loads nearly everything
    from vosswitch.store.changes import now_ms  # noqa: PLC0415 - SQLAlchemy takes its time

    by = _dimensions(options["by"])
    period = Period(
        moment("--from", since, state.zone),
        moment("--to", until, state.zone, end=True) if until is not None else now_ms(),
        account,
    )
    if options["calls"] is not None and not Path(options["calls"]).absolute().parent.is_dir():
        raise click.UsageError(f"--calls: there is no folder for {options['calls']}")
    if period.until <= period.since:
        raise click.UsageError(f"expected --from before --to, got --from {since} --to {until or 'now'}")
    wanted = wanted_configuration(state, options)
    os.nice(NICE)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left behind
    with ExitStack() as stack:
        report = _run(state, period, wanted, by, options["calls"], stack)
    from vosswitch.cli.simulated import tell, write_tables  # noqa: PLC0415 - only what a command needs is imported

    if options["folder"] is not None:
        write_tables(report, Path(options["folder"]))
    tell(state, report, options["top"])


def _dimensions(given: tuple[str, ...]) -> list[tuple[str, ...]]:
    wanted = [tuple(one.split(",")) for one in given] or [(name,) for name in _BY]
    for names in wanted:
        for name in names:
            if name not in _BY:
                raise click.UsageError(f"--by: expected {', '.join(_BY)}, got {name!r}")
        if len(set(names)) < len(names):
            raise click.UsageError(f"--by: expected each once, got {','.join(names)!r}")
    return list(dict.fromkeys(wanted))


def wanted_configuration(state: State, options: dict[str, Any]) -> Wanted:
    """The configuration that --draft, --config-at and --rates ask for."""
    from vosswitch.simulation.configuration import Wanted  # noqa: PLC0415 - loads nearly everything
    from vosswitch.store.document import parse_toml  # noqa: PLC0415

    draft, at = options["draft"], options["config_at"]
    if draft is not None and at is not None:
        raise click.UsageError("expected --draft or --config-at, not both")
    lists = {}
    for one in options["rates"]:
        group, equals, path = one.partition("=")
        if not (group and equals and path):
            raise click.UsageError(f"--rates: expected GROUP=FILE, got {one!r}")
        lists[group] = path
    raw = None
    if draft is not None:
        try:
            raw = parse_toml(Path(draft).read_text(encoding="utf-8"), draft)
        except UnicodeDecodeError:
            raise Failed(f"{draft}: expected UTF-8 text") from None
    return Wanted(raw, draft or "", None if at is None else moment("--config-at", at, state.zone), lists)


def _run(
    state: State, period: Period, wanted: Wanted, by: list[tuple[str, ...]], calls: str | None, stack: ExitStack
) -> Report:
    from vosswitch.cli.progress import bar  # noqa: PLC0415 - only what a command needs is imported
    from vosswitch.cli.simulated import ChangedCalls  # noqa: PLC0415
    from vosswitch.simulation.report import Report  # noqa: PLC0415
    from vosswitch.simulation.run import simulate as run  # noqa: PLC0415
    from vosswitch.store.pastcalls import count_calls  # noqa: PLC0415

    replay = replay_of(state, wanted, stack)
    with state.database.read() as connection:
        total = count_calls(connection, period.since, period.until, period.account)
    report = Report(by)
    changed = None if calls is None else stack.enter_context(ChangedCalls(Path(calls)))
    seconds = run(
        state.database,
        period,
        replay,
        report,
        (lambda _past, _old, _new: None) if changed is None else changed.add,
        bar(total, "calls"),
    )
    done = report.total.old[0]
    calls = counted(done, "call")
    note(f"{calls} in {seconds:.1f} s ({done / max(seconds, 1e-9):.0f}/s), {report.total.changed} would change")
    tell_unconverted(replay)
    return report


def tell_unconverted(replay: Replay) -> None:
    """Which sums are not what they seem."""
    for currency, count in sorted(replay.unconverted.items()):
        note(f"no exchange rate for {currency}: {counted(count, 'amount')} added up without being converted")


def replay_of(state: State, wanted: Wanted, stack: ExitStack) -> Replay:
    """The configuration, read once, and what decides by it."""
    from vosswitch.call.records import Days  # noqa: PLC0415 - loads nearly everything
    from vosswitch.hooks.frozen import Failures  # noqa: PLC0415
    from vosswitch.simulation.configuration import Configuration  # noqa: PLC0415
    from vosswitch.simulation.replay import Replay  # noqa: PLC0415

    scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="vosswitch-simulate-"))
    with state.database.read() as connection:
        shared = str(state.boot.run_directory)
        snapshot = Configuration(connection, state.deployment, scratch, shared).snapshot(wanted)
    gc.collect()
    gc.freeze()
    told: set[str] = set()

    def on_failure(error: Exception) -> None:
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        if text not in told and len(told) < 20:
            told.add(text)
            sys.stderr.write(f"a decision failed, its call counts as refused: {text}\n")

    return Replay(snapshot, state.plugins.freeze(Failures()), Days(state.zone).of, on_failure)
