"""``vosswitch route``: what would become of a call, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.moments import HELP, moment
from vosswitch.cli.output import plain, show, show_one
from vosswitch.cli.state import State, common, note
from vosswitch.control.client import NotRunning
from vosswitch.control.operations import ROUTE, Field

if TYPE_CHECKING:
    from collections.abc import Mapping

CANDIDATE = (
    Field("gateway", "text", "routing gateway, or the called phone"),
    Field("kept", "flag", "it would be tried"),
    Field("why", "text", "why it was kept or dropped"),
    Field("prefix", "text", "its prefix that matched"),
    Field("priority", "whole", "the smallest is tried first"),
    Field("weight", "whole", "share among equal priorities"),
    Field("caller_out", "text", "calling number as sent"),
    Field("callee_out", "text", "called number as sent"),
    Field("price", "money", "what the vendor takes a minute"),
    Field("margin", "money", "what is left of the account's price"),
)


@click.command()
@click.argument("caller")
@click.argument("callee")
@click.option("--mapping-gateway", "-g", metavar="NAME", help="The gateway that the call comes from.")
@click.option("--phone", "-p", metavar="NUMBER", help="Or the phone that it comes from.")
@click.option("--at", metavar="TIME", help=f"The moment; now when left out: {HELP}.")
@click.option("--source", metavar="ADDRESS", help="The IP address that it comes from; areas are asked only with it.")
@common
@click.pass_obj
def route(
    state: State,
    caller: str,
    callee: str,
    mapping_gateway: str | None,
    phone: str | None,
    at: str | None,
    source: str | None,
) -> None:
    """Explain a call from CALLER to CALLEE (as received) without placing it."""
    if mapping_gateway is not None and phone is not None:
        raise click.UsageError("expected --mapping-gateway or --phone, not both")
    given = {"caller": caller, "callee": callee, "mapping_gateway": mapping_gateway, "phone": phone, "source": source}
    question: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if at is not None:
        question["at"] = moment("--at", at, state.zone)
    answer = _ask(state, question)
    if state.format == "json":
        candidates = [_candidate(row) for row in answer.get("candidates") or ()]
        show_one(state, {**answer, "candidates": candidates}, ROUTE.result)
    else:
        _tell(state, answer)


def _ask(state: State, question: dict[str, Any]) -> Mapping[str, Any]:
    try:
        answer: Mapping[str, Any] = state.client().call(ROUTE.name, **question)
    except NotRunning:
        from vosswitch.cli.offline import explain_without_switch  # noqa: PLC0415 - loads nearly everything

        note("switch not running: explained from the database, with no calls up and no phone registered")
        answer = explain_without_switch(state, question)
    return answer


def _candidate(row: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: plain(row.get(field.name), field.kind) for field in CANDIDATE}


def _tell(state: State, answer: Mapping[str, Any]) -> None:
    detail = f" ({answer['detail']})" if answer.get("detail") else ""
    show_one(
        state,
        {**answer, "outcome": f"{answer['outcome']}{detail}"},
        [field for field in ROUTE.result if field.name not in ("detail", "candidates", "steps")],
    )
    if answer.get("steps"):
        click.echo("\nsteps")
        for step in answer["steps"]:
            click.echo(f"  {step}")
    click.echo()
    show(state, answer.get("candidates") or (), CANDIDATE, (), "no gateway was looked at")
