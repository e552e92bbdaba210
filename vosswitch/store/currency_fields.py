"""Currencies and their exchange rates, as they are provisioned."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from vosswitch.store import fields
from vosswitch.store.fields import Expected, Refused
from vosswitch.store.inline import table, table_list
from vosswitch.store.rate_fields import currency
from vosswitch.store.schema import account
from vosswitch.store.table import Field, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy import Connection

    from vosswitch.store.document import Document
    from vosswitch.store.fields import Deployment
    from vosswitch.store.resolve import State, Step

MOST_VALUES = 5000
PARAMETER = "VS_CURRENCY"
_PAIR = re.compile(r"([A-Z][A-Z0-9]{1,7})/([A-Z][A-Z0-9]{1,7})", re.ASCII)


def pair(value: Any, _deployment: Deployment) -> str:
    """Two different currencies."""
    found = _PAIR.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[1] == found[2]:
        raise Expected("two currencies such as EUR/USD")
    return str(value)


def _value(value: Any, deployment: Deployment) -> str:
    text: str = fields.rate(value, deployment)
    if not Decimal(text):
        raise Expected('a decimal above zero such as "1.0845"')
    return text


_values = table_list(table({"from": fields.moment, "rate": _value}, "from", "rate"), MOST_VALUES, "values")


def values(value: Any, deployment: Deployment) -> list[dict[str, Any]]:
    """Dated values, the earliest first."""
    found: list[dict[str, Any]] = sorted(_values(value, deployment), key=lambda item: int(item["from"]))
    if not found:
        raise Expected('at least one value, such as { from = 2026-01-01, rate = "1.0845" }')
    if len({item["from"] for item in found}) < len(found):
        raise Refused("expected each moment once")
    return found


def _written(found: Any) -> Any:
    return [{**item, "from": fields.moment_text(item["from"])} for item in found] if isinstance(found, list) else found


EXCHANGE_RATES = Table(
    "exchange_rates",
    "exchange_rate",
    "name",
    (
        Field("name", pair, required=True, help="EUR/USD: how many USD one EUR is"),
        Field("values", values, (), _written, "Each from a moment on until the next one", required=True),
    ),
)

CURRENCY = Field("currency", fields.optional(currency, ""), "", help="Left out = the deployment's (VS_CURRENCY)")


def currency_problems(connection: Connection, document: Document, steps: Iterable[Step]) -> Iterator[str]:
    """One line for each account that has money and would be in another currency, its own or the deployment's."""
    for step in steps:
        if step.table.name == "accounts" and step.old is not None and step.new is not None:
            before, after = step.old.values["currency"], step.new.values["currency"]
            if before != after and _has_money(connection, step.key):
                where = document.entries["accounts"][step.key].where
                yield f'{where}: currency: expected "{before}" as before: its balance or a grant is not zero'
        elif step.table.name == "parameters" and step.key == PARAMETER:
            old = step.old.values["value"] if step.old is not None else ""
            problem = renaming(connection, old, step.new.values["value"] if step.new is not None else "")
            if problem:
                yield f"{document.entries['parameters'][step.key].where}: {problem}"


def renaming(connection: Connection, before: str, after: str) -> str:
    """Why VS_CURRENCY cannot become another one, "" = it can: money of accounts without an own currency is in it."""
    if not before or before == after:
        return ""
    query = select(account.c.number, account.c.settings).where((account.c.balance != 0) | (account.c.granted != 0))
    for number, settings in connection.execute(query):
        if not (settings or {}).get("currency"):
            return f'{PARAMETER}: expected "{before}" as before: account {number} has money and no currency of its own'
    return ""


def _has_money(connection: Connection, number: str) -> bool:
    row = connection.execute(select(account.c.balance, account.c.granted).where(account.c.number == number)).first()
    return row is not None and (row.balance != 0 or row.granted != 0)


def currency_warnings(entries: Mapping[str, Mapping[str, Any]], state: State) -> Iterator[str]:
    """One line for each currency of a document that can be converted into nothing, as no exchange rate names it."""
    stored = state["parameters"].get(PARAMETER)
    own = stored.values["value"] if stored is not None else ""
    known = {own, "", *(name for key in state["exchange_rates"] for name in key.split("/"))}
    for name in ("accounts", "rate_groups"):
        for key in entries[name]:
            found = state[name].get(key)
            if found is not None and found.values["currency"] not in known:
                yield f'{name} "{key}": currency: no exchange rate names {found.values["currency"]}'
