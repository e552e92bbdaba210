"""Settings that are legal and do nothing as the configuration stands: what they are looked up in is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.numbers.groups import NumberEntries
from vosswitch.store.order_fields import idle_strategies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

AREAS, MOBILES = "VS_AREA_TABLE", "VS_MOBILE_TABLE"
_CHECKS = ("caller_check", "callee_check", "forward_check")
_NEEDED = {"city": AREAS, "mobile": MOBILES}


def idle_settings(entries: Mapping[str, Mapping[str, Any]], state: Mapping[str, Any]) -> Iterator[str]:
    """One line for each setting of a document's entries that cannot do what it says.

    :param entries: those of the document by table and key; *state*: what shall be stored, likewise.
    """
    for parameter in (AREAS, MOBILES):
        if parameter in entries["parameters"]:
            yield from _parameter(parameter, state)
    missing = {parameter for parameter in (AREAS, MOBILES) if not _table(parameter, state)}
    for name, of in _KINDS.items():
        for key in entries[name]:
            stored = state[name].get(key)
            if stored is not None:
                yield from (f'{name} "{key}": {why}' for why in of(stored.values, missing, state))
    yield from idle_strategies(entries, state)


def _table(parameter: str, state: Mapping[str, Any]) -> str:
    stored = state["parameters"].get(parameter)
    return str(stored.values["value"]) if stored is not None else ""


def _parameter(parameter: str, state: Mapping[str, Any]) -> Iterator[str]:
    name = _table(parameter, state)
    if name and name not in state["number_tables"]:
        yield f'parameters "{parameter}": there is no number table "{name}": until there is one no area is known by it'
    elif name and state["number_tables"][name].values["kind"] != "area":
        yield f'parameters "{parameter}": number table "{name}" is not of kind area'


def _gateway(values: Mapping[str, Any], missing: set[str], _state: Mapping[str, Any]) -> Iterator[str]:
    if values.get("mobile_area") and MOBILES in missing:
        yield f"mobile_area: it changes nothing: {MOBILES} names no table"
    for name in _CHECKS:
        check = values.get(name) or {}
        for kind in check.get("kinds", ()):
            if _NEEDED.get(kind) in missing:
                yield f"{name}: kinds: no number is known as {kind}: {_NEEDED[kind]} names no table"
        if check.get("other_area") and missing == {AREAS, MOBILES}:
            yield f"{name}: other_area: it is not asked: {AREAS} and {MOBILES} name no table"


def _calendar(values: Mapping[str, Any], missing: set[str], _state: Mapping[str, Any]) -> Iterator[str]:
    if values["destination_time"] and AREAS in missing:
        yield f"destination_time: its own time zone counts: {AREAS} names no table"


def _pool(values: Mapping[str, Any], _missing: set[str], state: Mapping[str, Any]) -> Iterator[str]:
    group = state["number_groups"].get(values["group"] or "")
    if not values["numbers"] and (group is None or not NumberEntries(group.values["numbers"]).countable):
        yield "it has no numbers: a number group's prefixes, patterns and table give none"


_KINDS = {
    "mapping_gateways": _gateway,
    "routing_gateways": _gateway,
    "phones": _gateway,
    "calendars": _calendar,
    "number_pools": _pool,
}
