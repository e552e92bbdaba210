"""``vosswitch sinks``: where else finished calls go, how far each sink is, and calls given to one again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.moments import HELP, moment
from vosswitch.cli.output import moment_text, show
from vosswitch.cli.state import Failed, State, common, note
from vosswitch.control.operations import Field

if TYPE_CHECKING:
    from vosswitch.delivery.files import SinkState

FIELDS = (
    Field("name", "text", "the sink"),
    Field("state", "text", "well, failing, or new: it has had nothing yet"),
    Field("waiting", "whole", "finished calls of the journal that it has not had"),
    Field("delivered", "whole", "calls that it has had"),
    Field("dropped", "whole", "calls that it has not taken, of a sink that promises nothing"),
    Field("refused", "whole", "calls that it refuses for good, kept in a file until somebody takes that away"),
    Field("aside", "text", "the file, null = there is none"),
    Field("last", "time", "when it took the last ones"),
    Field("failing", "time", "since when it fails"),
    Field("error", "text", "of the last failure"),
    Field("again", "list", "what it gets out of the database: from and to"),
)
_COLUMNS = ("name", "state", "waiting", "delivered", "refused", "last", "failing", "error", "again")


def sink_row(state: SinkState, waiting: int, aside: str | None) -> dict[str, Any]:
    """A sink for programs and tables.

    :param aside: the file of what it refuses for good, None when there is none.
    """
    word = "failing" if state.failing else "well" if state.last else "new"
    again = [f"{moment_text(since)} to {moment_text(until)}" for since, until, _, _ in state.ranges]
    return {
        "name": state.name,
        "state": word,
        "waiting": waiting,
        "delivered": state.delivered,
        "dropped": state.dropped,
        "refused": state.refused if aside else 0,
        "aside": aside,
        "last": state.last or None,
        "failing": state.failing or None,
        "error": state.error or None,
        "again": again,
    }


@click.group()
def sinks() -> None:
    """CDR sinks of this node: text files, HTTP servers, Redis streams, plugins."""


@sinks.command("list")
@common
@click.pass_obj
def list_(state: State) -> None:
    """How far each sink is; also while the switch is stopped."""
    from vosswitch.delivery import files  # noqa: PLC0415 - only what a command needs is imported

    spool = state.boot.spool_directory
    rows = []
    for found in files.states(spool):
        aside = files.aside(spool, found.name)
        rows.append(sink_row(found, files.waiting(spool, found), str(aside) if aside.exists() else None))
    show(state, rows, FIELDS, _COLUMNS, "no sinks")


@sinks.command("replay")
@click.argument("name")
@click.option("--since", required=True, metavar="TIME", help=f"Calls that ended then or later: {HELP}.")
@click.option("--to", "until", metavar="TIME", help="Calls that ended before then; left out = until now.")
@common
@click.pass_obj
def replay(state: State, name: str, since: str, until: str | None) -> None:
    """Give the sink NAME the calls of this node again that ended from a moment on, out of the database.

    They go before what waits in the journal.  The sink sees them twice: by their call ids.
    """
    from vosswitch.delivery import files  # noqa: PLC0415 - only what a command needs is imported
    from vosswitch.store.changes import now_ms  # noqa: PLC0415

    spool = state.boot.spool_directory
    if files.read_state(spool, name) is None:
        known = ", ".join(found.name for found in files.states(spool)) or "none"
        raise Failed(f"no sink {name} on this node; there are: {known}")
    first = moment("--since", since, state.zone)
    last = now_ms() if until is None else moment("--to", until, state.zone, end=True) - 1
    if last < first:
        raise Failed("--to: expected a moment after --since")
    files.ask(spool, name, first, last)
    note(f"{name}: asked for the calls that ended from {since} on")
