"""``vosswitch cdr``: the records of finished calls."""

from __future__ import annotations

from typing import Any

import click

from vosswitch.cli.moments import HELP, moment
from vosswitch.cli.output import ENDS, plain, show, with_ends
from vosswitch.cli.state import Failed, State, common
from vosswitch.control.operations import Field

FIELDS = (
    Field("call_id", "text", "the switch's own id of the call"),
    Field("node", "text", "the node that carried it"),
    Field("start", "time", "when it came"),
    Field("answer", "time", "when it was answered"),
    Field("stop", "time", "when it ended"),
    Field("caller", "text", "calling number as billed"),
    Field("callee", "text", "called number as billed"),
    Field("caller_in", "text", "as received"),
    Field("callee_in", "text", "as received"),
    Field("caller_out", "text", "as sent"),
    Field("callee_out", "text", "as sent"),
    Field("mapping_gateway", "text", "where it came from"),
    Field("phone", "text", "the phone that called"),
    Field("routing_gateway", "text", "where it went"),
    Field("callee_phone", "text", "the phone that was called"),
    Field("account", "text", "who pays"),
    Field("account_name", "text", "its name"),
    Field("clearing_account", "text", "the vendor's account"),
    Field("pdd_ms", "whole", "post dial delay, milliseconds"),
    Field("hold_time_ms", "whole", "raw length, milliseconds"),
    Field("hold_time", "whole", "length in seconds"),
    Field("billed_seconds", "whole", "charged seconds"),
    Field("rate_group", "text", "the account's rates"),
    Field("rate_prefix", "text", "the rate's prefix"),
    Field("fee", "money", "what the account pays, tax contained"),
    Field("tax", "money", "the tax in it"),
    Field("currency", "text", "of fee and tax, empty = the deployment's, which has no name"),
    Field("package", "text", "the account's packages that paid a part of it"),
    Field("package_fee", "money", "what that was worth, no part of the fee"),
    Field("package_seconds", "whole", "gift seconds that were used"),
    Field("agent_account", "text", "the agent right above the account"),
    Field("agent_name", "text", "its name"),
    Field("agent_fee", "money", "what that agent pays, tax contained"),
    Field("agent_tax", "money", "the tax in it"),
    Field("agent_billed_seconds", "whole", "its charged seconds"),
    Field("agents", "list", "all agents above, the nearest first: what each pays and keeps"),
    Field("cost", "money", "what the vendor gets, tax contained"),
    Field("cost_tax", "money", "the tax in it"),
    Field("cost_currency", "text", "of cost and its tax"),
    Field("cost_prefix", "text", "the vendor's rate's prefix"),
    Field("end_reason", "text", "why it ended"),
    Field("code", "whole", "the end reason's number"),
    Field("end_direction", "whole", "who ended it: 0 caller, 1 callee, 2 server"),
    Field("sip_status", "whole", "final SIP status"),
    Field("sip_reason", "text", "Reason header"),
    Field("caller_sip_call_id", "text", "Call-ID of the caller's side"),
    Field("callee_sip_call_id", "text", "Call-ID of the called side"),
    Field("caller_ip", "text", "signalling address"),
    Field("callee_ip", "text", "signalling address"),
    Field("caller_rtp", "text", "media address"),
    Field("callee_rtp", "text", "media address"),
    Field("caller_user_agent", "text", "as the device says"),
    Field("callee_user_agent", "text", "as the device says"),
    Field("caller_codec", "text", "codec of the caller's side"),
    Field("callee_codec", "text", "codec of the called side"),
    Field("codec", "text", "the codec"),
    Field("media_proxied", "flag", "media went through the switch"),
    Field("media", "object", "packets, octets and lost by side, when it did"),
    Field("attempts", "list", "one entry per gateway that was tried"),
    Field("decision", "object", "how it was decided"),
)

_COLUMNS = (
    *("start", "caller", "callee", "from", "to", "account"),
    *("hold_time", "billed_seconds", "fee", "end_reason", "call_id"),
)


def decision_in_text(decision: dict[str, Any] | None) -> dict[str, Any] | None:
    """A stored decision with its money as text, as programs get it."""
    plan = (decision or {}).get("plan")
    if decision is None or not plan:
        return decision
    looks = [
        {**look, **{name: plain(look.get(name), "money") for name in ("price", "margin")}} for look in plan["gateways"]
    ]
    return {**decision, "plan": {**plan, "gateways": looks}}


@click.group()
def cdr() -> None:
    """The records of finished calls."""


@cdr.command("list")
@click.option("--limit", type=click.IntRange(0), default=1000, show_default=True, help="The most records; 0 = all.")
@click.option("--from", "since", metavar="TIME", help=f"Calls that began then or later: {HELP}.")
@click.option("--to", "until", metavar="TIME", help="Calls that began before then; a day alone is contained.")
@click.option("--account", metavar="NUMBER", help="Only calls that this account pays for.")
@click.option("--call-id", metavar="ID", help="Our call id, or the caller's SIP Call-ID.")
@click.option("--agent", metavar="NUMBER", help="Only calls of this agent's tree.")
@common
@click.pass_obj
def list_(state: State, /, limit: int, since: str | None, until: str | None, **wanted: str | None) -> None:
    """Finished calls, newest first."""
    from vosswitch.store.cdrs import list_cdrs  # noqa: PLC0415 - SQLAlchemy takes its time
    from vosswitch.store.ledger import expect  # noqa: PLC0415 - likewise

    earliest = moment("--from", since, state.zone) if since is not None else None
    latest = moment("--to", until, state.zone, end=True) if until is not None else None
    with state.database.read() as connection:
        rows = list_cdrs(connection, limit, earliest, latest, **wanted)
        for number in (wanted["account"], wanted["agent"]) if not rows else ():
            expect(connection, number)
    if state.format == "json":
        show(state, ({**row, "decision": decision_in_text(row["decision"])} for row in rows), FIELDS)
    else:
        show(state, map(with_ends, rows), (*ENDS, *FIELDS), _COLUMNS, "no records")


@cdr.command("explain")
@click.argument("call_id")
@common
@click.pass_obj
def explain(state: State, call_id: str) -> None:
    """Why the call CALL_ID (ours, or the caller's SIP Call-ID) went where it went, from its record."""
    from vosswitch.cli.explained import tell  # noqa: PLC0415 - only what a command needs is imported
    from vosswitch.store.cdrs import list_cdrs  # noqa: PLC0415 - SQLAlchemy takes its time

    with state.database.read() as connection:
        rows = list_cdrs(connection, 20, call_id=call_id)
    if not rows:
        raise Failed(f"no record of a call {call_id}")
    if state.format == "json":
        show(state, ({**row, "decision": decision_in_text(row["decision"])} for row in rows), FIELDS)
        return
    for row in rows:
        tell(state, row)
