"""What ``vosswitch testcall`` tells people: ladder, media, record, decision, money, in a terminal of 100 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vosswitch.cli.callreport import Report, balance_rows, lost
from vosswitch.cli.cdrs import FIELDS as CDR_FIELDS
from vosswitch.cli.explained import earned, gifts
from vosswitch.cli.output import cell, show
from vosswitch.control.operations import Field
from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vosswitch.cli.state import State
    from vosswitch.cli.useragent import Step

_LANE = 44
"""Columns between two lines of the ladder."""
_TIME = 9

_RECORD = (  # two columns: what the call was, and what it cost
    ("call_id", "end_reason"),
    ("caller", "sip_status"),
    ("callee", "code"),
    ("mapping_gateway", "pdd_ms"),
    ("routing_gateway", "hold_time_ms"),
    ("account", "billed_seconds"),
    ("start", "rate_prefix"),
    ("answer", "fee"),
    ("stop", "cost"),
    ("codec", "media_proxied"),
)
_ATTEMPTS = (
    Field("name", "text", "routing gateway"),
    Field("status", "whole", "final SIP status"),
    Field("reason", "text", "why it ended"),
    Field("duration_ms", "whole", "how long it took"),
    Field("callee_out", "text", "called number as sent"),
)
_LOOKS = (
    Field("gateway", "text", "routing gateway"),
    Field("kept", "flag", "it could be tried"),
    Field("why", "text", "why it was kept or dropped"),
    Field("priority", "whole", "the smallest first"),
    Field("price", "money", "per minute"),
    Field("margin", "money", "per minute"),
)
_MEDIA = (
    Field("side", "text", "who"),
    Field("codec", "text", "how it was spoken"),
    Field("sends", "text", "its tone"),
    Field("sent", "whole", "packets"),
    Field("received", "whole", "packets"),
    Field("lost", "whole", "packets of the other side that did not arrive"),
    Field("hears", "text", "the other side's tone"),
)
_MONEY = (
    Field("account", "text", "number"),
    Field("name", "text", "its name"),
    Field("before", "money", "balance"),
    Field("after", "money", "balance"),
    Field("change", "money", "difference"),
)


def tell(state: State, report: Report) -> None:
    """Print everything."""
    _title("SIP messages")
    for line in ladder(report):
        click.echo(line)
    if any(audio.codec for audio in report.outcome.audio.values()):
        _title("Media")
        show(state, _media(report), _MEDIA)
    if report.cdr is not None:
        _title("Record (CDR)")
        _record(state, report.cdr)
        _decision(state, report.cdr)
    _title("Balances")
    first, *others = balance_rows(report)
    show(state, [first, *(row for row in others if row["change"])], _MONEY)
    click.echo()
    if not report.reason and report.cdr is not None:
        click.echo(f"{click.style('completed', fg='green', bold=True)}: {_verdict(report.cdr)}")


def _title(text: str) -> None:
    click.echo(f"\n{click.style(text, bold=True)}")


# The ladder.


def ladder(report: Report) -> list[str]:
    """The messages as arrows between the sides and the switch, in the order of time."""
    setting, addresses = report.setting, report.outcome.addresses
    both = "vendor" in addresses
    lanes = [(f"{setting.gateway} (customer)", addresses["customer"]), ("vosswitch", str(setting.plan.switch))]
    if both:
        lanes.append((f"{setting.vendor} (vendor)", addresses["vendor"]))
    lines = [_heads([name for name, _ in lanes], "ms"), _heads([address for _, address in lanes], "")]
    return [*lines, *(_row(step, both) for step in report.outcome.ladder)]


def _heads(texts: Sequence[str], left: str) -> str:
    """Texts over the lines of the ladder: the first begins at its line, the last ends there, others are centred."""
    line = f"{left:>{_TIME - 2}}  {texts[0]}"
    at = _TIME + _LANE + 1
    middle, *rest = texts[1:]
    if not rest:
        return f"{line:<{at + 1 - len(middle)}}{middle}"
    line = f"{line:<{at - len(middle) // 2}}{middle}"
    return f"{line:<{at + _LANE + 2 - len(rest[0])}}{rest[0]}"


def _row(step: Step, both: bool) -> str:
    inward = step.sent == (step.side == "customer")
    arrow = _arrow(step.line, to_the_right=inward)
    blank = " " * _LANE
    lanes = (arrow, blank) if step.side == "customer" else (blank, arrow)
    drawn = f"|{lanes[0]}|{lanes[1]}|" if both else f"|{arrow}|"
    return f"{step.at * 1000:{_TIME - 2}.0f}  {drawn}"


def _arrow(line: str, *, to_the_right: bool) -> str:
    text = line.removeprefix("SIP/2.0 ").removesuffix(" SIP/2.0")
    if len(text) > _LANE - 8:
        text = f"{text[: _LANE - 11]}..."
    drawn = f" {text} ".center(_LANE - 1, "-")
    return f"{drawn}>" if to_the_right else f"<{drawn}"


# The tables.


def _media(report: Report) -> list[dict[str, Any]]:
    outcome = report.outcome
    rows = []
    for side, audio in outcome.audio.items():
        hears = {None: "nothing", True: "the other's tone", False: "something else"}[audio.heard]
        rows.append(
            {
                "side": side,
                "codec": audio.codec,
                "sends": f"{audio.tone} Hz",
                "sent": audio.sent,
                "received": audio.received,
                "lost": lost(outcome, side),
                "hears": hears,
            }
        )
    return rows


def _record(state: State, cdr: Mapping[str, Any]) -> None:
    fields = {field.name: field for field in CDR_FIELDS}
    for pair in _RECORD:
        shown = [(name.replace("_", " "), cell(cdr.get(name), fields[name], state.zone)) for name in pair]
        (left, value), (right, other) = shown
        click.echo(f"{left:<17}{value:<34}{right:<17}{other}".rstrip())
    if cdr["attempts"]:
        _title("Attempts")
        show(state, cdr["attempts"], _ATTEMPTS)


def _decision(state: State, cdr: Mapping[str, Any]) -> None:
    decision = cdr["decision"] or {}
    _title("Decision")
    rate = decision.get("rate")
    if rate:
        click.echo(f"rate: {rate['per_minute']} per minute by prefix {rate['prefix'] or '(all)'} of {rate['group']}")
    for what, why in decision.get("notes", ()):
        click.echo(f"{what}: {why}")
    looks = (decision.get("plan") or {}).get("gateways")
    if looks:
        priced = any(look["price"] is not None for look in looks)
        show(state, looks, _LOOKS if priced else _LOOKS[:-2])


def _verdict(cdr: Mapping[str, Any]) -> str:
    held = cdr["hold_time_ms"] / 1000
    given = gifts(cdr)
    parts = [
        f"{held:.1f} s talked, {cdr['billed_seconds']} s billed; customer pays {money_text(cdr['fee'])}",
        *([f"package {given}"] if given else ()),
        *(f"agent {agent['account']} pays {agent['fee']}" for agent in cdr.get("agents") or ()),
        f"vendor gets {money_text(cdr['cost'])}",
        f"{money_text(earned(cdr) - cdr['cost'])} is left",
    ]
    return ", ".join(parts)
