"""``vosswitch limits``: lines in use."""

from __future__ import annotations

import click

from vosswitch.cli.output import show
from vosswitch.cli.state import State, common
from vosswitch.control.operations import LIMITS

KINDS = (
    *("system", "emergency", "account", "phone", "mapping", "routing", "mapping_group", "routing_group"),
    "destination",
)
_COLUMNS = tuple(field.name for field in LIMITS.result)


@click.command()
@click.option("--kind", type=click.Choice(KINDS), metavar="KIND", help=f"Only these: {', '.join(KINDS)}.")
@common
@click.pass_obj
def limits(state: State, kind: str | None) -> None:
    """Lines in use and limits: of the system, accounts, gateways, groups, phones and called numbers.

    Accounts, phones, and called numbers of accounts and gateways are shown while they have calls.
    """
    rows = state.client().call(LIMITS.name, **({} if kind is None else {"kind": kind}))
    show(state, rows, LIMITS.result, _COLUMNS, f"no lines in use: {kind}")
