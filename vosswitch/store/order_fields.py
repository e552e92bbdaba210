"""The provisioned fields of the order of gateways: prefixes with settings, prefix mode, protection, own orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.params.system import Parameters
from vosswitch.store import fields
from vosswitch.store.fields import Deployment, Expected, Reader
from vosswitch.store.table import Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_WHEN = fields.choice("working", "non_working", "any")
_SETTINGS: dict[str, Reader] = {
    "prefix": fields.prefix,
    "priority": fields.whole(0, 1_000_000),
    "calendar": fields.optional(fields.name, ""),
    "when": _WHEN,
    "valid_from": fields.moment,
    "valid_to": fields.moment,
}
_DEFAULTS = {"priority": 0, "calendar": "", "when": "working", "valid_from": 0, "valid_to": 0}


def prefix_entries(value: Any, deployment: Deployment) -> list[Any]:
    """A list of prefixes, each a text or a table with settings; each once, in order."""
    if not isinstance(value, list):
        raise Expected("a list of prefixes")
    found: list[Any] = []
    plain: set[str] = set()
    for item in value:
        entry = _entry(item, deployment)
        if isinstance(entry, str):
            if entry in plain:
                continue
            plain.add(entry)
        elif entry in found:
            continue
        found.append(entry)
    return found


def _entry(item: Any, deployment: Deployment) -> str | dict[str, Any]:
    if not isinstance(item, dict):
        return fields.prefix(item, deployment)
    if not item.keys() <= _SETTINGS.keys() or "prefix" not in item:
        raise Expected(f"a prefix, or a table with prefix and perhaps {', '.join(list(_SETTINGS)[1:])}")
    read: dict[str, Any] = {}
    for name, value in item.items():
        try:
            read[name] = _SETTINGS[name](value, deployment)
        except Expected as error:
            raise Expected(f"{error} as {name} of a prefix") from None
    if read.get("valid_to") and read["valid_to"] <= read.get("valid_from", 0):
        raise Expected("valid_to of a prefix after its valid_from")
    if "when" in read and not read.get("calendar"):
        raise Expected("a calendar beside when of a prefix")
    kept = {name: read[name] for name in _SETTINGS if name in read and read[name] != _DEFAULTS.get(name)}
    return kept if len(kept) > 1 else str(kept["prefix"])


def prefix_entries_written(entries: Iterable[Any]) -> list[Any]:
    """What `prefix_entries` reads."""
    return [item if isinstance(item, str) else _written(item) for item in entries]


def _written(entry: dict[str, Any]) -> dict[str, Any]:
    moments = ("valid_from", "valid_to")
    return {name: fields.moment_text(value) if name in moments else value for name, value in entry.items()}


def calendars_named(entries: Iterable[Any]) -> Iterable[str]:
    """The calendars that prefix entries name."""
    return [item["calendar"] for item in entries if isinstance(item, dict) and item.get("calendar")]


PREFIXES = Field(
    "prefixes",
    prefix_entries,
    (),
    prefix_entries_written,
    "Called numbers it takes, each a prefix or {prefix, priority, calendar, when, valid_from, valid_to}; empty = all",
    refers="calendars",
    named=calendars_named,
)
ROUTING_ORDER = Field(
    "routing_order",
    fields.names("routing_strategies"),
    (),
    help="What decides on the vendors after its routing_strategies; empty = the default order",
)
ORDER_OF_ROUTING_GATEWAYS = (
    Field(
        "prefix_mode",
        fields.choice("continue", "terminal"),
        "continue",
        help="terminal = where it takes a number, gateways with shorter prefixes are not tried",
    ),
    Field("protect", fields.flag, False, help="Tried only when all others have failed or are full"),
)

_CALCULATED = {
    "asr": ("SS_GATEWAY_ASR_CALCULATE", "asr_calculate"),
    "acd": ("SS_GATEWAY_ACD_CALCULATE", "acd_calculate"),
}
"""Strategies that go by figures, and what has the figures kept."""


def idle_strategies(entries: Mapping[str, Mapping[str, Any]], state: Mapping[str, Any]) -> Iterator[str]:
    """One line for each strategy of the mapping gateways of a document that decides nothing, for want of figures.

    :param entries: those of the document by table and key; *state*: what shall be stored, likewise.
    """
    for strategy, (parameter, field) in _CALCULATED.items():
        stored = state["parameters"].get(parameter)
        if Parameters({parameter: stored.values["value"]} if stored is not None else {})[parameter]:
            continue
        if any(one.values.get(field) == "on" for one in state["routing_gateways"].values()):
            continue
        for key in entries["mapping_gateways"]:
            values = state["mapping_gateways"][key].values if key in state["mapping_gateways"] else {}
            for name in ("routing_strategies", "routing_order"):
                if strategy in values.get(name, ()):
                    where = f'mapping_gateways "{key}": {name}'
                    yield f"{where}: {strategy} decides nothing while {parameter} is off"
