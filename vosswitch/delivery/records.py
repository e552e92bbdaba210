"""What sinks are given: which calls, and a call in words for other programs."""

from __future__ import annotations

from dataclasses import MISSING, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vosswitch.cdr.record import Cdr
from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from vosswitch.cdr.journal import Record

_DEFAULTS: dict[str, Any] = {field.name: field.default if field.default is not MISSING else [] for field in fields(Cdr)}
_MONEY = ("fee", "tax", "cost", "cost_tax", "package_fee", "agent_fee", "agent_tax")
_MOVES = ("charges", "fee", "cost", "agent_fee", "package_fee", "package_seconds")
_INSIDE = ("flowno", "hidden", "charges", "decision")


def complete(record: Record, zone: ZoneInfo) -> dict[str, Any]:
    """The finished call of an ``end`` record, with every field of `vosswitch.cdr.record.Cdr`."""
    values = _DEFAULTS | record.value()
    if not values["day"]:
        values["day"] = f"{datetime.fromtimestamp(values['start'] / 1000, zone):%Y%m%d}"
    return values


def is_for_sinks(record: Mapping[str, Any]) -> bool:
    """Whether sinks get this call: one that is kept out of the day tables only when it moved money."""
    return not record["hidden"] or any(record[name] for name in _MOVES)


def told(record: Mapping[str, Any], node: str) -> dict[str, Any]:
    """A call as other programs are told it: the call id as text, money as decimal text, times as epoch milliseconds.

    :param node: the name of the node that carried it.
    """
    values = {name: value for name, value in record.items() if name not in _INSIDE}
    values.update({name: money_text(record[name]) for name in _MONEY})
    return {"call_id": str(record["flowno"]), "node": node, **values}
