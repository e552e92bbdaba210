"""The first use of a phone card: from its first answered call on it is valid for so many days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from vosswitch.store import changes, entities
from vosswitch.store.provision_schema import ACCOUNTS
from vosswitch.store.schema import account

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

_DAY_MS = 86_400_000
_OWN = 2
"""Billing modes from here on are those of cards and bound numbers."""


def first_uses(connection: Connection, ends: Iterable[Mapping[str, Any]]) -> None:
    """Set the expiry of cards whose first call is among finished ones; in the transaction that books these.

    :param ends: records as dicts.
    """
    used: dict[str, int] = {}
    for record in ends:
        if record["billing_mode"] >= _OWN and record["answer"] is not None:
            number = record["account"]
            used[number] = min(record["answer"], used.get(number, record["answer"]))
    fresh = _fresh(connection, sorted(used)) if used else {}
    if not fresh:
        return
    changes.lock(connection)  # before any account's row, as payments do
    rows = []
    for number, values in _fresh(connection, sorted(fresh)).items():
        expires = used[number] + values["valid_days"] * _DAY_MS
        connection.execute(update(account).where(account.c.number == number).values(expires=expires))
        rows.append(changes.Change("account", number, values, values | {"expires": expires}))
    if rows:
        changes.record(connection, "recorder", rows)


def _fresh(connection: Connection, numbers: list[str]) -> dict[str, dict[str, Any]]:
    """The fields of those cards that were not used yet and are valid for some days only."""
    found = entities.read_some(connection, ACCOUNTS, numbers)
    return {
        number: stored.values
        for number, stored in found.items()
        if stored.values["expires"] is None and stored.values["valid_days"] and stored.values["kind"] == "phone_card"
    }
