"""``vosswitch calls``, ``release``, ``registrations`` and ``trunks``: what is going on in the running switch."""

from __future__ import annotations

from typing import Any

import click

from vosswitch.cli.output import ENDS, show, show_one, with_ends
from vosswitch.cli.state import State, common
from vosswitch.control.operations import CALLS, REGISTRATIONS, RELEASE, TRUNKS

_COLUMNS = ("call_id", "state", "caller", "callee", "from", "to", "account", "start", "answer")


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


@click.command()
@click.option("--account", metavar="NUMBER", help="Only calls that this account pays for.")
@click.option("--gateway", metavar="NAME", help="Only calls from or to this gateway.")
@common
@click.pass_obj
def calls(state: State, account: str | None, gateway: str | None) -> None:
    """The calls that are up or being set up, oldest first."""
    rows = state.client().stream(CALLS.name, **_given(account=account, gateway=gateway))
    if state.format == "json":
        show(state, rows, CALLS.result)
    else:
        show(state, map(with_ends, rows), (*ENDS, *CALLS.result), _COLUMNS, "no calls")


@click.command()
@click.argument("call_id")
@common
@click.pass_obj
def release(state: State, call_id: str) -> None:
    """Disconnect the call CALL_ID (the first column of calls)."""
    answer = state.client().call(RELEASE.name, call_id=call_id)
    if state.format == "json":
        show_one(state, answer, RELEASE.result)
    else:
        click.echo(f"released {answer['call_id']}")


@click.command()
@click.option("--number", metavar="PHONE", help="Only this phone (gateway:USER for dynamic gateways).")
@click.option("--after", metavar="PHONE", help="Only those behind this one: go on where a listing ended.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="So many at most.")
@common
@click.pass_obj
def registrations(state: State, number: str | None, after: str | None, limit: int | None) -> None:
    """The phones and dynamic gateways that are registered."""
    rows = state.client().stream(REGISTRATIONS.name, **_given(number=number, after=after, limit=limit))
    show(state, rows, REGISTRATIONS.result, (), "nothing is registered")


@click.command()
@common
@click.pass_obj
def trunks(state: State) -> None:
    """Our registrations with vendors and their state."""
    show(state, state.client().stream(TRUNKS.name), TRUNKS.result, (), "no gateway has register = true")
