"""``vosswitch gateway``: the gateways, from the running switch or the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.output import show, show_one
from vosswitch.cli.state import State, common, note
from vosswitch.control.client import NotRunning
from vosswitch.control.operations import GATEWAY, GATEWAYS, NAMES, QUALITY
from vosswitch.routing.gateways import trunk_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = (
    *("name", "kind", "protocol", "account", "address", "locked", "calls", "lines", "cps", "groups", "calls_today"),
    *("asr", "acd", "state", "reason"),
)
_FIGURES = ("protocol", "groups", "asr", "acd")
"""Shown in a table where they are kept, the protocol where there is another one than SIP."""


@click.group()
def gateway() -> None:
    """Mapping gateways (customers) and routing gateways (vendors)."""


@gateway.command("list")
@click.option("--kind", type=click.Choice(["mapping", "routing"]), help="Only these.")
@common
@click.pass_obj
def list_(state: State, kind: str | None) -> None:
    """The gateways with their present load."""
    try:
        rows = state.client().call(GATEWAYS.name, **({} if kind is None else {"kind": kind}))
    except NotRunning:
        note("switch not running: no load to show")
        rows = [row for row in _stored(state) if kind in (None, row["kind"])]
    rows = list(rows)
    kept = {name for name in _FIGURES for row in rows if row.get(name) not in (None, [])}
    if not any(row.get("protocol") == "h323" for row in rows):
        kept.discard("protocol")
    columns = [name for name in _COLUMNS if name in kept or name not in _FIGURES]
    show(state, rows, GATEWAYS.result, columns, "no gateways")


@gateway.command("quality")
@click.argument("name", required=False)
@click.option("--prefixes", is_flag=True, help="Each destination, too.")
@common
@click.pass_obj
def quality(state: State, name: str | None, prefixes: bool) -> None:
    """How good the routing gateways are on the running switch: ASR, NER, PDD, ACD, what they miss, why they rest."""
    asked = {"destinations": prefixes} | ({"name": name} if name else {})
    rows = sorted(state.client().call(QUALITY.name, **asked), key=lambda row: (row["name"], row["destination"] or ""))
    told = [field.name for field in QUALITY.result]
    if not prefixes:
        told.remove("destination")
    show(state, rows, QUALITY.result, told, "no routing gateways")
    if any(row["attempts"] is None for row in rows):
        note("- instead of attempts: not counted; see SS_GATEWAY_ASR_CALCULATE, asr_calculate and thresholds")


@gateway.command("names")
@common
@click.pass_obj
def names(state: State) -> None:
    """What host names of gateways and peers lead to now."""
    rows = state.client().call(NAMES.name)
    show(state, rows, NAMES.result, tuple(field.name for field in NAMES.result), "no names")


@gateway.command("disable")
@click.argument("name")
@common
@click.pass_obj
def disable(state: State, name: str) -> None:
    """Put a routing gateway aside on the running switch, until it is enabled or the switch restarts."""
    show_one(state, state.client().call(GATEWAY.name, name=name, off=True), GATEWAY.result)


@gateway.command("enable")
@click.argument("name")
@common
@click.pass_obj
def enable(state: State, name: str) -> None:
    """Take a routing gateway back at once: disabled, away or held."""
    show_one(state, state.client().call(GATEWAY.name, name=name), GATEWAY.result)


def _stored(state: State) -> Iterator[dict[str, Any]]:
    """What the database knows of them."""
    from vosswitch.store.listings import list_mapping_gateways, list_routing_gateways  # noqa: PLC0415 - takes its time

    with state.database.read() as connection:
        for kind, rows in (
            ("mapping", list_mapping_gateways(connection)),
            ("routing", list_routing_gateways(connection)),
        ):
            for row in rows:
                kept = {name: row[name] for name in ("name", "account", "locked", "lines", "cps", "groups")}
                yield {**kept, "kind": kind, "protocol": row["protocol"], "address": _address(row)}


def _address(values: dict[str, Any]) -> str:
    if "addresses" in values:
        return ", ".join(values["addresses"])
    transport = "h323" if values["protocol"] == "h323" else values["transport"]
    return trunk_text(transport, values["address"], values["port"])
