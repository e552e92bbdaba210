"""What was provisioned at a moment of the past: what is there now, with the changes since undone, newest first.

Secrets and balances are not part of it.  Rates of a price list that was imported over since are there as long as the
rows of the former one are kept (VS_RATE_HISTORY_DAYS).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from vosswitch.store import entities, rates
from vosswitch.store.entities import Stored
from vosswitch.store.provision_schema import ACCOUNTS, RATE_GROUPS, TABLES
from vosswitch.store.schema import changes, rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from vosswitch.store.rates import Group
    from vosswitch.store.table import Table

_SLICE = 2000
_HIDDEN = ("hidden",)

RateKey = tuple[str, int]


class Lost(LookupError):
    """A price list of that time, or what was changed since, is not kept any more.

    Its text is one line for the operator.
    """


@dataclass(slots=True)
class RatesThen:
    """The rates of one group.

    :ivar group: with the generation of then.
    :ivar undone: by prefix and effective: the rate as it was, None = it was not there.
    :ivar total: how many rows that generation had when it was replaced; None = not known.
    :ivar lost: why they are not known; "" = they are.
    """

    group: Group | None
    undone: dict[RateKey, dict[str, Any] | None] = field(default_factory=dict)
    total: int | None = None
    lost: str = ""

    def rows(self, connection: Connection) -> Iterator[dict[str, Any]]:
        """Every rate as it was, by prefix and effective.

        :raises Lost: they are not kept.
        """
        if self.lost or self.group is None:
            raise Lost(self.lost)
        undone = dict(self.undone)
        added = sorted(key for key, values in undone.items() if values is not None)
        for values in rates.stream(connection, self.group):
            key = values["prefix"], values["effective"]
            while added and added[0] < key:
                yield undone.pop(added.pop(0)) or {}
            if added and added[0] == key:
                added.pop(0)
            now = undone.pop(key, values)
            if now is not None:
                yield now
        yield from (undone[key] or {} for key in added)


@dataclass(slots=True)
class Then:
    """Everything at one moment.

    :ivar state: entries by table and key, as `vosswitch.store.resolve.State`.
    :ivar rates: by group.
    """

    state: dict[str, dict[str, Stored]]
    rates: dict[str, RatesThen]


def as_it_was(connection: Connection, at: int) -> Then:
    """What was provisioned at *at* (epoch ms).

    :raises Lost: the changes since are not kept any more.
    """
    _check_log(connection, at)
    state = {name: dict(entities.read_all(connection, table)) for name, table in TABLES.items()}
    then = Then(state, {name: RatesThen(rates.find_group(connection, name)) for name in state[RATE_GROUPS.name]})
    tables = {table.stored: table for table in TABLES.values()}
    for change in _backwards(connection, at):
        table = tables.get(change.table)
        if change.table == "rate":
            _undo_rate(then, change)
        elif table is RATE_GROUPS:
            _undo_group(then, change)
        elif table is not None:
            _undo(then.state[table.name], table, change)
    for name, found in then.rates.items():
        _check(connection, name, found)
    return then


def _check_log(connection: Connection, at: int) -> None:
    """Whether the log of changes reaches back to *at*: its beginning may have been cleaned away."""
    oldest = connection.execute(select(changes.c.seq, changes.c.at).order_by(changes.c.seq).limit(1)).first()
    if oldest is not None and oldest.seq > 1 and at < oldest.at:
        raise Lost("changes of that time are not kept any more (VS_CLEAN_CHANGES_DAYS)")


def _backwards(connection: Connection, at: int) -> Iterator[Any]:
    """The changes after *at*, newest first."""
    query = select(changes.c.seq, changes.c.at, changes.c.table, changes.c.key, changes.c.before)
    query = query.where(changes.c.at > at).order_by(changes.c.seq.desc()).limit(_SLICE)
    last: int | None = None
    while True:
        rows = connection.execute(query if last is None else query.where(changes.c.seq < last)).all()
        yield from rows
        if len(rows) < _SLICE:
            return
        last = rows[-1].seq


def _undo(entries: dict[str, Stored], table: Table, change: Any) -> None:
    before = change.before
    if before is None:
        entries.pop(change.key, None)
    elif table is ACCOUNTS and "number" not in before:  # a payment, which may have lifted a lock
        found = entries.get(change.key)
        if found is not None:
            reason = before["lock_reason"]
            lock = {"locked": bool(reason), "lock_reason": reason}
            expiry = {"expires": before["expires"]} if "expires" in before else {}
            entries[change.key] = Stored(found.values | lock | expiry, found.secret)
    else:
        entries[change.key] = _stored(table, before)


def _stored(table: Table, document: Mapping[str, Any]) -> Stored:
    """An entry of the log; what this version has not is left out, what that version had not has its default."""
    defaults = {name: value for name, value in table.defaults().items() if name not in ("balance", "password", "ha1")}
    values = defaults | {name: value for name, value in document.items() if name in defaults}
    return Stored(values, _HIDDEN if document.get("password") else ())


def _undo_group(then: Then, change: Any) -> None:
    entries, before = then.state[RATE_GROUPS.name], change.before
    if before is None:
        entries.pop(change.key, None)
        then.rates.pop(change.key, None)
    elif "name" in before:
        entries[change.key] = _stored(RATE_GROUPS, before)
        if change.key not in then.rates:
            why = f'rate_groups "{change.key}": it was deleted since, and its rates with it'
            then.rates[change.key] = RatesThen(None, lost=why)
    elif change.key in then.rates:  # an import
        found = then.rates[change.key]
        if found.group is not None:
            found.group = dataclasses.replace(found.group, generation=before["generation"])
            found.total = before.get("total")
        found.undone.clear()


def _undo_rate(then: Then, change: Any) -> None:
    name, prefix, effective = rates.split_key(change.key)
    found = then.rates.get(name)
    if found is not None:
        found.undone[prefix, effective] = change.before


def _check(connection: Connection, name: str, found: RatesThen) -> None:
    """Whether the rows of an older generation are all there."""
    group = found.group
    if group is None or group.generation == rates.find_group(connection, name).generation:
        return
    own = (rate.c.group_id == group.id) & (rate.c.generation == group.generation)
    count = connection.scalar(select(func.count()).select_from(rate).where(own))
    if count != found.total:
        found.lost = (
            f'rate_groups "{name}": another price list was imported since, and the former one is not kept any more'
            " (VS_RATE_HISTORY_DAYS)"
        )
