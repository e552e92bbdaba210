"""What ``vosswitch cdr explain`` tells people: one call from its record, in a terminal of 110 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.output import cell, harmless, show
from vosswitch.control.operations import Field
from vosswitch.model.causes import END_REASONS
from vosswitch.model.values import money, money_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vosswitch.cli.state import State

LOOKS = (
    Field("gateway", "text", "routing gateway"),
    Field("prefix", "text", "its prefix that matched"),
    Field("priority", "whole", "the smallest first"),
    Field("weight", "whole", "share among equals"),
    Field("price", "money", "what the vendor takes a minute"),
    Field("margin", "money", "what is left of the account's price"),
    Field("asr", "number", "answer-seizure ratio, percent"),
    Field("acd", "number", "average call duration, seconds"),
    Field("lines", "whole", "calls on it then"),
    Field("line_limit", "whole", "its lines"),
    Field("calls_today", "whole", "its calls of the day"),
    Field("why", "text", "why it was kept or dropped"),
)
"""The values that the order of gateways is made of."""

_ALWAYS = ("gateway", "prefix", "priority", "why")
_TRIES = (
    Field("name", "text", "routing gateway"),
    Field("status", "whole", "final SIP status"),
    Field("reason", "text", "why it ended"),
    Field("duration_ms", "whole", "how long it took"),
    Field("pdd_ms", "whole", "until its first sign"),
    Field("caller_out", "text", "calling number as sent"),
    Field("callee_out", "text", "called number as sent"),
    Field("prefix", "text", "the gateway's prefix that matched"),
    Field("cost_prefix", "text", "prefix of the vendor's rate"),
    Field("price", "text", "the vendor's, per minute"),
    Field("protocol", "text", "what it was spoken to with"),
)
_RATED = ("prefix", "cost_prefix", "price")
_USUAL = "sip"
_BY = {"h323": " by H.323"}


def tell(state: State, cdr: Mapping[str, Any]) -> None:
    """Print one call."""
    for title, text in _head(state, cdr):
        click.echo(harmless(f"{title:<8} {text}"))
    decision = cdr["decision"]
    if decision is None:
        click.echo("\nThe record has no decision: VS_DECISION_RECORD left it out, or another version wrote it.")
    else:
        _decision(state, decision)
    if cdr["attempts"]:
        _title("attempts")
        told = [field.name for field in _TRIES if _is_shown(cdr["attempts"], field.name)]
        show(state, cdr["attempts"], _TRIES, told)
    click.echo()


def _head(state: State, cdr: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    start = cell(cdr["start"], Field("start", "time", ""), state.zone)
    yield "call", f"{cdr['call_id']}, {start}, node {cdr['node'] or '-'}"
    by = _BY.get((cdr["decision"] or {}).get("protocol", ""), "")
    yield "from", f"{_one(cdr, 'mapping_gateway', 'phone')} at {cdr['caller_ip'] or '-'}{by}, account {_account(cdr)}"
    by = _BY.get(cdr["attempts"][-1]["protocol"], "") if cdr["attempts"] else ""
    yield "to", _one(cdr, "routing_gateway", "callee_phone") + by
    yield "caller", _way(cdr, "caller")
    yield "callee", _way(cdr, "callee")
    rate = (cdr["decision"] or {}).get("rate")
    if rate:
        prefix = rate["prefix"] or "(all)"
        yield "rate", f"{rate['per_minute']} per minute ({rate['mode']}), prefix {prefix} of {rate['group']}"
    yield from _asked(cdr["decision"] or {})
    for agent in cdr.get("agents") or ():
        whose = " ".join(filter(None, (agent["account"], agent["name"])))
        yield "agent", f"{whose}: pays {agent['fee']}, keeps {agent['income']}"
    given = gifts(cdr)
    if given:
        yield "package", given
    left = earned(cdr) - cdr["cost"]
    held = f"{(cdr['hold_time_ms'] or 0) / 1000:.1f} s, " if cdr["answer"] is not None else "not answered, "
    yield "end", f"{held}{cdr['end_reason']} ({cdr['code']}): {_words(cdr['end_reason'])}"
    yield "money", f"fee {money_text(cdr['fee'])}, cost {money_text(cdr['cost'])}, margin {money_text(left)}"


def _is_shown(attempts: list[Mapping[str, Any]], name: str) -> bool:
    """Whether people are told of a part of attempts: not where it is empty, or what is usual, for all of them."""
    if name == "protocol":
        return any(attempt[name] != _USUAL for attempt in attempts)
    return name not in _RATED or _told(attempts, name)


def gifts(cdr: Mapping[str, Any]) -> str:
    """What the account's packages paid of the call, in words; "" = nothing."""
    if not cdr.get("package"):
        return ""
    seconds = f"{cdr['package_seconds']} s, " if cdr["package_seconds"] else ""
    return f"{cdr['package']}: {seconds}worth {money_text(cdr['package_fee'])}"


def earned(cdr: Mapping[str, Any]) -> int:
    """What the carrier gets of the call: what the topmost agent pays, else the account's fee."""
    agents = cdr.get("agents")
    return money(agents[-1]["fee"]) if agents else int(cdr["fee"])


def _asked(decision: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What was found out about the called number."""
    ported = decision.get("ported")
    if ported:
        yield "ported", f"{ported['lrn'] or 'not ported'} ({ported['source']}, {ported['ms']} ms)"
    if decision.get("jurisdiction"):
        yield "judged", decision["jurisdiction"]


def _words(reason: str | None) -> str:
    return END_REASONS[reason].text if reason in END_REASONS else "unknown"


def _one(cdr: Mapping[str, Any], *names: str) -> str:
    return next((str(cdr[name]) for name in names if cdr[name]), "nobody")


def _account(cdr: Mapping[str, Any]) -> str:
    return " ".join(str(cdr[name]) for name in ("account", "account_name") if cdr[name]) or "-"


def _way(cdr: Mapping[str, Any], side: str) -> str:
    """A number on its way: as received, as billed, as sent."""
    words = (("_in", "received"), ("", "billed"), ("_out", "sent"))
    return ", ".join(f"{cdr[side + suffix] or '-'} {word}" for suffix, word in words)


def _decision(state: State, decision: Mapping[str, Any]) -> None:
    notes = decision.get("notes") or ()
    if notes:
        _title("steps")
        for what, why in notes:
            click.echo(harmless(f"  {what}: {why}"))
    plan = decision.get("plan")
    if not plan:
        return
    looks(state, [row for row in plan["gateways"] if row["kept"]], "candidates, in order")
    if plan.get("more"):
        click.echo(f"and {plan['more']} more")
    looks(state, [row for row in plan["gateways"] if not row["kept"]], "dropped")
    for why, count in (plan.get("left_out") or {}).items():
        click.echo(f"and {count} more: {why}")
    if plan["missing"]:
        click.echo(f"strategies that are not loaded: {', '.join(plan['missing'])}")


def looks(state: State, rows: list[Mapping[str, Any]], title: str) -> None:
    """Print gateways with every value that one of them has."""
    if not rows:
        return
    _title(title)
    columns = [field.name for field in LOOKS if field.name in _ALWAYS or _told(rows, field.name)]
    show(state, rows, LOOKS, columns)


def _told(rows: list[Mapping[str, Any]], name: str) -> bool:
    """Whether a value tells anything: not when no row has one, and not when none is in use."""
    return any(row.get(name) not in (None, 0, "") for row in rows)


def _title(text: str) -> None:
    click.echo(f"\n{text}")
