"""Periods of gateways, as they are provisioned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.calendar import ADMITTING, Calendar
from vosswitch.store import fields
from vosswitch.store.fields import Refused
from vosswitch.store.inline import table, table_list
from vosswitch.store.table import Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vosswitch.store.fields import Deployment, Reader

MOST_PERIODS = 100

BINDING: dict[str, Reader] = {
    "calendar": fields.name,
    "when": fields.choice(*ADMITTING),
    "valid_from": fields.moment,
    "valid_to": fields.moment,
}
"""What binds something to times: a calendar, and from when on until when."""
_CAPACITY: dict[str, Reader] = {"lines": fields.limit, "cps": fields.limit}
_PLANS: dict[str, Reader] = {"callee_dial_plan": fields.dial_plan, "caller_dial_plan": fields.dial_plan}
_RANK: dict[str, Reader] = {"priority": fields.whole(0, 1_000_000), "weight": fields.whole(0, 1_000_000)}


def check_binding(found: Mapping[str, Any]) -> None:
    """What its parts have to be together.

    :raises Refused: they do not fit.
    """
    if "when" in found and "calendar" not in found:
        raise Refused("when: expected a calendar beside it")
    if "valid_to" in found and found["valid_to"] <= found.get("valid_from", 0):
        raise Refused("valid_to: expected a moment after valid_from")


def _period(extra: dict[str, Reader]) -> Reader:
    reader = table({**BINDING, **extra})

    def read(value: Any, deployment: Deployment) -> Any:
        found = reader(value, deployment)
        check_binding(found)
        return found

    return read


def written(value: Any) -> Any:
    """Bindings as files have them: moments as dates, no limit as "unlimited"."""
    if not isinstance(value, list):
        return value
    return [_written(item) if isinstance(item, dict) else item for item in value]


def _written(item: dict[str, Any]) -> dict[str, Any]:
    moments: dict[str, Any] = {
        name: fields.moment_text(item[name]) for name in ("valid_from", "valid_to") if item.get(name)
    }
    none: dict[str, Any] = {name: "unlimited" for name in ("lines", "cps") if name in item and item[name] is None}
    return {**item, **moments, **none}


def calendars_of(value: Any) -> Iterable[str]:
    """The calendars that a list of bindings names."""
    return dict.fromkeys(item["calendar"] for item in value or () if isinstance(item, dict) and item.get("calendar"))


def _periods(extra: dict[str, Reader], text: str) -> Field:
    return Field(
        "periods",
        table_list(_period(extra), MOST_PERIODS, "periods"),
        (),
        written,
        text,
        refers="calendars",
        named=calendars_of,
    )


OF_MAPPING_GATEWAYS = (_periods(_CAPACITY | _PLANS, "When it may call, with its own lines, cps and dial plans then"),)
OF_ROUTING_GATEWAYS = (
    _periods(_RANK | _CAPACITY | _PLANS, "When it may be used, with its own priority, weight, lines, cps, dial plans"),
)

_BOUND = (("routing_gateways", "periods"), ("mapping_gateways", "periods"), ("routing_gateways", "prefixes"))


def idle_bindings(entries: Mapping[str, Mapping[str, Any]], state: Mapping[str, Any], now_ms: int) -> Iterator[str]:
    """One line for each binding that can never be in force, of gateways or calendars that a document has.

    :param entries: those of the document by table and key; *state*: what shall be stored, likewise.
    """
    calendars = {key: Calendar.from_body(stored.values) for key, stored in state["calendars"].items()}
    for name, field in _BOUND:
        for key, stored in state[name].items():
            for place, item in enumerate(stored.values.get(field) or (), 1):
                if not isinstance(item, dict) or not _concerned(entries, name, key, item):
                    continue
                why = _idle(item, calendars, now_ms)
                if why:
                    yield f'{name} "{key}": {field}: entry {place}: never in force: {why}'


def _concerned(entries: Mapping[str, Mapping[str, Any]], name: str, key: str, item: Mapping[str, Any]) -> bool:
    return key in entries[name] or item.get("calendar") in entries["calendars"]


def _idle(item: Mapping[str, Any], calendars: Mapping[str, Calendar], now_ms: int) -> str:
    end = item.get("valid_to")
    if end is not None and end <= now_ms:
        return "its valid_to is over"
    calendar = calendars.get(item.get("calendar") or "")
    when = item.get("when", "working")
    if calendar is None or calendar.ever(when, max(now_ms, item.get("valid_from") or 0)):
        return ""
    return f"calendar {calendar.name} has no such times ({when})"
