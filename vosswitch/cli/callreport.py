"""What became of a test call, as values: why it failed, what was lost, the balances; and all of it for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.cli.cdrs import FIELDS as CDR_FIELDS
from vosswitch.cli.cdrs import decision_in_text
from vosswitch.cli.output import plain
from vosswitch.control.operations import Field
from vosswitch.model.causes import END_REASONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.cli.testends import Setting
    from vosswitch.cli.useragent import Outcome

RECORD_WITHIN = 5.0
"""Seconds until a record has to be visible."""

RESULT = (
    Field("outcome", "text", "completed or failed"),
    Field("reason", "text", "why it failed, in words"),
    Field("mapping_gateway", "text", "whom the calling end plays"),
    Field("routing_gateway", "text", "whom the called end plays, null when it is not played"),
    Field("ladder", "list", "at_ms, side, direction (sent or received by that side), line"),
    Field("media", "list", "side, codec, tone_hz, sent, received, lost, tone_heard"),
    Field("cdr", "object", "the record as in cdr list, null when none came"),
    Field("decision", "object", "how it was decided, as in the record"),
    Field("balances", "list", "account, name, before, after, change"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """What is told about the call; money in units, times epoch ms.

    :ivar before: accounts by number; *after* likewise.
    :ivar reason: why it failed; "" when it was completed.
    """

    setting: Setting
    outcome: Outcome
    cdr: Mapping[str, Any] | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    reason: str


def why_failed(outcome: Outcome, cdr: Mapping[str, Any] | None) -> str:
    """Why the call was not completed, in words; "" when it was."""
    if outcome.interrupted:
        return "interrupted, and hung up"
    reason = cdr["end_reason"] if cdr is not None else ""
    words = END_REASONS[reason].text if reason in END_REASONS else "see its record"
    ended = f"{reason}: {words}" if reason else f"no record of it within {RECORD_WITHIN:g} s"
    if not outcome.answered:
        return f"{outcome.status or 'nobody answered'} ({ended})"
    if reason != "normal":
        return ended
    return _deaf(outcome)


def _deaf(outcome: Outcome) -> str:
    """What is wrong with the sound of a call of which both ends were played."""
    if len(outcome.audio) < 2:
        return ""
    for side, audio in outcome.audio.items():
        if not audio.heard:
            what = "other side's tone" if audio.received else "other side at all"
            return f"the {side} did not hear the {what}"
    return ""


def lost(outcome: Outcome, side: str) -> int | None:
    """Packets of the other side that did not arrive; None when the other side was not played."""
    others = [audio.sent for name, audio in outcome.audio.items() if name != side]
    return max(others[0] - outcome.audio[side].received, 0) if others else None


def as_json(report: Report) -> dict[str, Any]:
    """The report as programs read it."""
    outcome, cdr = report.outcome, report.cdr
    record = None if cdr is None else {field.name: plain(cdr.get(field.name), field.kind) for field in CDR_FIELDS}
    decision = None if cdr is None else decision_in_text(cdr["decision"])
    if record is not None:
        record["decision"] = decision
    return {
        "outcome": "failed" if report.reason else "completed",
        "reason": report.reason or None,
        "mapping_gateway": report.setting.gateway,
        "routing_gateway": report.setting.vendor,
        "ladder": [
            {
                "at_ms": round(step.at * 1000, 1),
                "side": step.side,
                "direction": "sent" if step.sent else "received",
                "line": step.line,
            }
            for step in outcome.ladder
        ],
        "media": [_media_row(outcome, side) for side in outcome.audio],
        "cdr": record,
        "decision": decision,
        "balances": [
            {name: plain(value, "money" if isinstance(value, int) else "text") for name, value in row.items()}
            for row in balance_rows(report)
        ],
    }


def _media_row(outcome: Outcome, side: str) -> dict[str, Any]:
    audio = outcome.audio[side]
    return {
        "side": side,
        "codec": audio.codec,
        "tone_hz": audio.tone,
        "sent": audio.sent,
        "received": audio.received,
        "lost": lost(outcome, side),
        "tone_heard": audio.heard,
    }


def balance_rows(report: Report) -> list[dict[str, Any]]:
    """Whose balance stood where before and after the call, units."""
    rows = []
    for number, old in report.before.items():
        new = report.after[number]
        rows.append(
            {
                "account": number,
                "name": new.name or None,
                "before": old.balance,
                "after": new.balance,
                "change": new.balance - old.balance,
            }
        )
    return rows
