"""``vosswitch limits``: lines in use."""

from __future__ import annotations

import click

from vosswitch.cli.output import show
from vosswitch.cli.state import State, common
from vosswitch.control.operations import LIMITS

_COLUMNS = tuple(field.name for field in LIMITS.result)


@click.command()
@click.option("--kind", help="Only these, such as account or routing_group.")
@common
@click.pass_obj
def limits(state: State, kind: str | None) -> None:
    """Lines in use and limits: of the system, accounts, gateways, groups, phones and called numbers."""
    rows = state.client().call(LIMITS.name, **({} if kind is None else {"kind": kind}))
    show(state, rows, LIMITS.result, _COLUMNS, "no limits")
