"""``vosswitch rerate``: finished calls rated again, and the corrections that follow."""

from __future__ import annotations

import os
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.moments import HELP, moment
from vosswitch.cli.output import show, show_one
from vosswitch.cli.rerated import BY_ACCOUNT, LEFT_OUT, RESULT, ChangedFees, told
from vosswitch.cli.simulate import NICE, wanted_configuration
from vosswitch.cli.state import State, common, note, who
from vosswitch.control.operations import Field
from vosswitch.model.values import counted, money_text

if TYPE_CHECKING:
    from vosswitch.simulation.corrections import Corrections
    from vosswitch.store.rerates import Filter, Run

RUNS = (
    Field("id", "whole", "number of the run"),
    Field("at", "time", "when it began"),
    Field("who", "text", "who ran it"),
    Field("state", "text", "applying, applied, undoing or undone"),
    Field("since", "time", "calls that began then or later"),
    Field("until", "time", "and before then"),
    Field("corrected", "whole", "corrections that it has booked, null = it was interrupted"),
    Field("amount", "money", "by how much balances have grown by it"),
    Field("why", "text", "the reason"),
)
ROWS = (
    Field("id", "whole", "row of the ledger"),
    Field("at", "time", "when it was booked"),
    Field("account", "text", "whose"),
    Field("amount", "money", "what was added to the balance"),
    Field("reference", "text", "rerate:RUN:CALL:KIND"),
    Field("why", "text", "remark"),
)
_NEEDED = (
    "since", "until", "account", "vendor", "gateway", "prefix", "side", "draft", "config_at", "rates", "calls",
    "apply", "why",
)  # fmt: skip


@click.group(invoke_without_command=True)
@click.option("--from", "since", metavar="TIME", help=f"Calls that began then or later: {HELP}.")
@click.option("--to", "until", metavar="TIME", help="Calls that began before then (now); a day alone is contained.")
@click.option("--account", metavar="NUMBER", help="Only calls that this account paid for.")
@click.option("--vendor", metavar="NUMBER", help="Only calls that this clearing account was paid for.")
@click.option("--gateway", metavar="NAME", help="Only calls of this mapping or routing gateway.")
@click.option("--prefix", metavar="DIGITS", help="Only calls to numbers (as billed) that begin so.")
@click.option(
    "--side",
    type=click.Choice(("both", "customer", "vendor")),
    default="both",
    show_default=True,
    help="Whose part is rated again; agents are on the customer's side.",
)
@click.option("--draft", type=click.Path(dir_okay=False, exists=True), help="With this document (TOML) loaded.")
@click.option("--config-at", metavar="TIME", help="With the configuration as it was then.")
@click.option(
    "--rates", multiple=True, metavar="GROUP=FILE", help="With this price list (CSV) in place of the group's."
)
@click.option("--calls", type=click.Path(dir_okay=False), help="Write every changed call to this CSV file.")
@click.option("--apply", is_flag=True, help="Book the differences as corrections.")
@click.option("--why", default="", metavar="TEXT", help="The reason, for the ledger.")
@common
@click.pass_context
def rerate(context: click.Context, /, **options: Any) -> None:
    """Rate the answered calls of a period again, and tell the difference of each account.

    Without --rates, --draft or --config-at: by the rates in force now.  Nothing is booked without --apply; records and
    former bookings never change.  ``rerate list``, ``show`` and ``undo`` are about what was booked.
    """
    if context.invoked_subcommand is None:
        _rerate(context.ensure_object(State), options)


def _rerate(state: State, options: dict[str, Any]) -> None:
    from vosswitch.simulation.corrections import Corrections  # noqa: PLC0415 - loads nearly everything

    if options["since"] is None:
        raise click.UsageError("expected --from TIME")
    if options["calls"] is not None and not Path(options["calls"]).absolute().parent.is_dir():
        raise click.UsageError(f"--calls: there is no folder for {options['calls']}")
    wanted = _filter(state, options)
    os.nice(NICE)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left behind
    with ExitStack() as stack:
        rating = _rating(state, options, stack)
        changed = None if options["calls"] is None else stack.enter_context(ChangedFees(Path(options["calls"])))
        run = _begun(state, wanted, options) if options["apply"] else None
        done = Corrections(state.database, rating, changed.add if changed is not None else None, run, options["why"])
        _walk(state, wanted, done, run)
    _tell(state, done, run)
    if run is not None and done.seq is not None:
        state.make_live(done.seq)


def _filter(state: State, options: dict[str, Any]) -> Filter:
    from vosswitch.store.changes import now_ms  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.rerates import Filter  # noqa: PLC0415

    until = options["until"]
    found = Filter(
        moment("--from", options["since"], state.zone),
        moment("--to", until, state.zone, end=True) if until is not None else now_ms(),
        options["account"],
        options["vendor"],
        options["gateway"],
        options["prefix"],
    )
    if found.until <= found.since:
        raise click.UsageError(f"expected --from before --to, got --from {options['since']} --to {until or 'now'}")
    return found


def _rating(state: State, options: dict[str, Any], stack: ExitStack) -> Any:
    from vosswitch.hooks.frozen import Failures  # noqa: PLC0415 - loads nearly everything
    from vosswitch.simulation.configuration import Configuration  # noqa: PLC0415
    from vosswitch.simulation.rerating import Rerating  # noqa: PLC0415

    scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="vosswitch-rerate-"))
    with state.database.read() as connection:
        shared = str(state.boot.run_directory)
        configuration = Configuration(connection, state.deployment, scratch, shared)
        snapshot = configuration.snapshot(wanted_configuration(state, options))
    return Rerating(snapshot, state.plugins.freeze(Failures()).billing_modes, options["side"])


def _begun(state: State, wanted: Filter, options: dict[str, Any]) -> Run:
    from vosswitch.store import rerates  # noqa: PLC0415 - SQLAlchemy takes its time

    given = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
    what = {name: given[name] for name in _NEEDED if given[name]} | wanted._asdict()
    with state.database.write() as connection:
        return rerates.begin(connection, who(), what)


def _walk(state: State, wanted: Filter, done: Corrections, run: Run | None) -> None:
    from vosswitch.cli.progress import bar  # noqa: PLC0415 - only what a command needs is imported
    from vosswitch.store import rerates  # noqa: PLC0415

    with state.database.read() as connection:
        total = rerates.count_rated(connection, wanted)
    progress = bar(total, "calls")
    for page in rerates.rated_calls(state.database, wanted):
        done.page(page)
        progress(done.calls)
    progress(total)
    if run is not None:
        result = {"corrected": done.changed, "amount": money_text(done.amount), "calls": done.calls}
        with state.database.write() as connection:
            rerates.move(connection, run.id, rerates.APPLIED, run.what | result)


def _tell(state: State, done: Corrections, run: Run | None) -> None:
    if state.format == "json":
        show_one(state, told(done, run), RESULT)
        return
    show(state, done.rows(), BY_ACCOUNT, empty="no calls of this period")
    if done.left_out:
        click.echo("\nleft out")
        show(state, done.reasons(), LEFT_OUT)
    calls = counted(done.calls, "call")
    if run is None:
        note(f"{calls}, {counted(done.changed, 'difference')}; nothing is booked without --apply")
    else:
        note(f"rerate {run.id}: {calls}, {counted(done.changed, 'correction')}; taken back by: rerate undo {run.id}")


@rerate.command("list")
@common
@click.pass_obj
def list_(state: State) -> None:
    """What was rated again and booked, oldest first."""
    from vosswitch.store.rerates import all_runs  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        rows = [_row(run) for run in all_runs(connection)]
    show(state, rows, RUNS, empty="nothing was rated again")


def _row(run: Run) -> dict[str, Any]:
    from vosswitch.model.values import money  # noqa: PLC0415 - only what a command needs is imported

    what = run.what
    amount = what.get("amount")
    return {
        **run._asdict(),
        **{name: what.get(name) for name in ("since", "until", "corrected", "why")},
        "amount": None if amount is None else money(amount),
    }


@rerate.command("show")
@click.argument("number", type=int)
@common
@click.pass_obj
def show_(state: State, number: int) -> None:
    """The corrections of one run."""
    from vosswitch.store import rerates  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        rerates.find_run(connection, number)
        show(state, (row._asdict() for row in rerates.all_booked(connection, number)), ROWS, empty="no corrections")


@rerate.command()
@click.argument("number", type=int)
@click.option("--why", required=True, metavar="TEXT", help="The reason, for the ledger.")
@common
@click.pass_obj
def undo(state: State, number: int, why: str) -> None:
    """Take all corrections of a run back by reversals, each once; one that was interrupted as well."""
    from vosswitch.cli.progress import bar  # noqa: PLC0415 - only what a command needs is imported
    from vosswitch.store import rerates  # noqa: PLC0415

    with state.database.read() as connection:
        total = int(rerates.find_run(connection, number).what.get("corrected") or 0)
    done, units, seq = rerates.undo(state.database, number, who(), why, bar(total, "corrections"))
    if state.format == "json":
        fields = (Field("id", "whole", ""), Field("reversed", "whole", ""), Field("amount", "money", ""))
        show_one(state, {"id": number, "reversed": done, "amount": units}, fields)
    else:
        click.echo(f"rerate {number}: {done} corrections taken back, balances changed by {money_text(units)}")
    if seq is not None:
        state.make_live(seq)
