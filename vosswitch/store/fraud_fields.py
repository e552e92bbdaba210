"""The provisioned fields of dynamic blacklists and fraud rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.call.fraud.rules import BLOCKS, MEASURES
from vosswitch.model.calendar import ADMITTING
from vosswitch.model.values import money_text
from vosswitch.store import fields
from vosswitch.store.fields import Deployment, Expected, Reader, Refused
from vosswitch.store.inline import table
from vosswitch.store.limit_fields import references
from vosswitch.store.table import Field, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 1_000_000
_count = fields.whole(0, _MOST)


def _money(value: Any, deployment: Deployment) -> int:
    units = fields.amount(value, deployment)
    if units < 0:
        raise Expected("an amount not below zero")
    return units


def _levels(one: Reader, of_talk: bool = False) -> Reader:
    """``{warn, block}``, or none of them; both have to be above zero for what only grows."""
    read_table = table({"warn": one, "block": one})

    def read(value: Any, deployment: Deployment) -> dict[str, Any] | None:
        if value in ("", {}):
            return None
        if not isinstance(value, dict):
            raise Expected("a table with warn and block, such as {warn = 20, block = 30}")
        found: dict[str, Any] = read_table(value, deployment)
        if of_talk and 0 in found.values():
            raise Refused("expected levels above zero")
        if len(found) == 2 and found["warn"] > found["block"]:
            raise Refused("warn: expected at most the block level")
        return found

    return read


def _money_texts(levels: Mapping[str, int] | None) -> dict[str, str] | None:
    return None if levels is None else {name: money_text(units) for name, units in levels.items()}


def _check(values: Mapping[str, Any]) -> None:
    if values["prefixes"] and values["number_group"]:
        raise ValueError("number_group: expected none beside prefixes")
    blocking = any("block" in (values[name] or ()) for name in MEASURES)
    if not any(values[name] for name in MEASURES):
        raise ValueError(f"calls_per_minute: expected levels for at least one of {', '.join(MEASURES)}")
    for name in ("cut", "lock_account"):
        if values[name] and not blocking:
            raise ValueError(f"{name}: expected a block level beside it")


_accounts = references(fields.number, "account numbers")

FRAUD_RULES = Table(
    "fraud_rules",
    "fraud_rule",
    "name",
    (
        Field("name", fields.name, required=True),
        Field("accounts", _accounts, (), help="Only their calls; none = each account for itself", refers="accounts"),
        Field("prefixes", fields.prefixes, (), help="Beginnings of called numbers as billed, each by itself"),
        Field(
            "number_group",
            fields.optional(fields.name, ""),
            "",
            help="Or a number group, as one destination",
            refers="number_groups",
        ),
        Field("calls_per_minute", _levels(_count), None, help="{warn, block}: new calls in any 60 s"),
        Field("concurrent", _levels(_count), None, help="{warn, block}: calls at once"),
        Field("sequential", _levels(_count), None, help="{warn, block}: calls in a row to numbers that begin alike"),
        Field("minutes", _levels(_count, of_talk=True), None, help="{warn, block}: talk within the window"),
        Field(
            "money_per_hour",
            _levels(_money, of_talk=True),
            None,
            _money_texts,
            help="{warn, block}: fees of the last 3600 s",
        ),
        Field("window", fields.whole(60, 86_400 * 7), 3600, help="Seconds of minutes, and of a sequence"),
        Field("sequential_digits", fields.whole(1, 32), 7, help="By which numbers of a sequence are alike"),
        Field("block_what", fields.choice(*BLOCKS), "destination", help="What the block level holds off"),
        Field("block_for", fields.whole(1, 86_400 * 30), 3600, help="For how long, seconds"),
        Field("cut", fields.flag, False, help="The running calls are released, too"),
        Field("lock_account", fields.flag, False, help="The account is locked, with the reason fraud"),
        Field("calendar", fields.optional(fields.name, ""), "", help="Only at its times", refers="calendars"),
        Field("when", fields.choice(*ADMITTING), "working", help="Which of them"),
    ),
    check=_check,
)

OF_MAPPING_GATEWAYS = (
    Field("dynamic_lists", fields.flag, True, help="Its calls count for dynamic blacklists, and are refused by them"),
)
