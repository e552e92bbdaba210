"""``vosswitch route``: what would become of a call, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vosswitch.accounts.areas import address_of
from vosswitch.cli.moments import HELP, moment
from vosswitch.cli.output import harmless, plain, show, show_one
from vosswitch.cli.state import State, common, note
from vosswitch.control.client import NotRunning
from vosswitch.control.operations import ROUTE, Field
from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    Field("seconds", "whole", "average length of a call there, for which income, cost and profit are reckoned"),
    Field("income", "money", "what such a call brings, without tax"),
    Field("cost", "money", "what the vendor takes for it, without tax"),
    Field("profit", "money", "the difference"),
    Field("values", "object", "what each criterion of the order saw, by its name"),
)

_CRITERIA = 7
"""Criteria side by side; more go below."""
_MONEY = ("lowest_rate",)


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
    if source is not None and address_of(source) is None:
        raise click.BadParameter(f"expected an IP address, got {source!r}", param_hint="--source")
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
    values = _shown(row.get("values") or {})
    return {field.name: plain(row.get(field.name), field.kind) for field in CANDIDATE} | {"values": values}


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
            click.echo(harmless(f"  {step}"))
    candidates = answer.get("candidates") or ()
    click.echo()
    if not candidates:
        note("no gateway was looked at")
        return
    _kept(state, [row for row in candidates if row["kept"]])
    _dropped(state, [row for row in candidates if not row["kept"]])


def _kept(state: State, rows: Sequence[Mapping[str, Any]]) -> None:
    """The candidates: numbers and money of each, then the value of each criterion, the first one first."""
    if not rows:
        click.echo("no gateway would be tried")
        return
    click.echo("candidates, in order")
    show(state, rows, CANDIDATE, ("gateway", "why", "caller_out", "callee_out", "price", "margin", "profit"))
    criteria = list(rows[0].get("values") or ())
    if criteria:
        click.echo("\nordered by, from the left")
        values = [{"gateway": row["gateway"], **_shown(row.get("values") or {})} for row in rows]
        told = [name for name in criteria if name != "gateway_id"]
        for start in range(0, len(told), _CRITERIA):
            some = told[start : start + _CRITERIA]
            show(state, values, (Field("gateway", "text", ""), *(Field(name, "right", "") for name in some)))


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: money_text(value) if name in _MONEY and isinstance(value, int) else value
        for name, value in values.items()
    }


def _dropped(state: State, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        click.echo("\ndropped")
        show(state, rows, CANDIDATE, ("gateway", "prefix", "priority", "price", "why"))
