"""The decision as a call's record keeps it, and as it is read back from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.h323 import protocol
from vosswitch.routing.packed import packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vosswitch.call.deciding.decision import Decision

MOST_NOTES = 16
"""Of more steps the first ones and the last `_LAST` are kept: peers decide how many there are."""
_LAST = 4
_LONGEST = 120
_RATE = ("group", "prefix", "per_minute", "mode")


def kept(decision: Decision, *, failed: bool) -> dict[str, Any] | None:
    """What the call's record keeps; VS_DECISION_RECORD says of which calls.

    :param failed: the call was refused or not answered.
    """
    which = decision.snapshot.parameters["VS_DECISION_RECORD"]
    if which == "none" or (which == "failed" and not failed):
        return None if decision.transfer is None else {"transfer": decision.transfer}
    found: dict[str, Any] = {"seq": decision.snapshot.seq, "notes": _bounded(decision.notes)}
    if spoken := protocol(decision.offered.source):
        found["protocol"] = spoken
    price = decision.price
    if price is not None:
        mode = "free" if decision.free else price.mode
        found["rate"] = (price.group, price.rate.prefix, price.rate.per_minute, mode)
    if decision.transfer is not None:
        found["transfer"] = decision.transfer
    _add_findings(found, decision)
    if decision.plan is not None:
        found["plan"] = packed(decision.plan)
    return found


def _add_findings(found: dict[str, Any], decision: Decision) -> None:
    """What was found out about the numbers."""
    if decision.areas != ("", ""):
        found["areas"] = decision.areas
    if decision.ported is not None:
        found["ported"] = decision.ported[:3]
    if decision.jurisdiction:
        found["jurisdiction"] = decision.jurisdiction


def _bounded(notes: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    if len(notes) > MOST_NOTES:
        first = MOST_NOTES - _LAST - 1
        gap = ("...", f"{len(notes) - first - _LAST} more")
        notes = [*notes[:first], gap, *notes[-_LAST:]]
    return [(what[:64], why if len(why) <= _LONGEST else f"{why[:_LONGEST]}...") for what, why in notes]


def told(record: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A kept decision as programs read it; what a former version wrote is left as it is."""
    if record is None:
        return None
    found = dict(record)
    rate, plan = found.get("rate"), found.get("plan")
    if isinstance(found.get("ported"), (list, tuple)):
        found["ported"] = dict(zip(("lrn", "source", "ms"), found["ported"], strict=False))
    if isinstance(rate, (list, tuple)):
        found["rate"] = dict(zip(_RATE, rate, strict=False))
    if plan is not None and "gateways" not in plan:
        found["plan"] = unpacked(plan)
    return found
