"""What is kept for so many days and no longer: day tables of CDRs, their decisions, the log of changes.

Each step is a transaction of its own and short: one day table, or some thousand rows.  The ledger is never touched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, inspect, select, update

from vosswitch.store.cdrs import day_table
from vosswitch.store.schema import cdr_table, changes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from sqlalchemy import ColumnElement, Connection, Table

    from vosswitch.store.database import Database

ROWS = 2000
"""Rows of one step at most."""

_DAY_TABLE = re.compile(r"e_cdr_([0-9]{8})")
_NEAR_DAYS = 7


@dataclass(frozen=True, slots=True)
class Ages:
    """For how many days each kind is kept, 0 = for ever.

    :ivar records: day tables of CDRs (VS_CLEAN_CDR_DAYS).
    :ivar decisions: how calls were decided (VS_CLEAN_DECISION_DAYS).
    :ivar changes: the log of changes (VS_CLEAN_CHANGES_DAYS).
    """

    records: int
    decisions: int
    changes: int


@dataclass(frozen=True, slots=True)
class Doomed:
    """Something that is too old.

    :ivar kind: ``records``, ``decisions`` or ``changes``.
    :ivar what: the day of a table, or the day before which changes are.
    :ivar rows: how many it is about.
    """

    kind: str
    what: str
    rows: int


def cutoff(now_ms: int, days: int, zone: tzinfo) -> datetime:
    """The beginning of the oldest day that stays."""
    today = datetime.fromtimestamp(now_ms / 1000, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days)


class Cleaning:
    """One pass over what is too old.

    :param needed: the first day (``YYYYMMDD``) that somebody still has to get out of the database; "" = none.
    """

    def __init__(self, database: Database, ages: Ages, now_ms: int, zone: tzinfo, needed: str = "") -> None:
        self._database = database
        self._ages = ages
        self._now_ms = now_ms
        self._zone = zone
        self._needed = needed

    def doomed(self) -> list[Doomed]:
        """Everything that would go, without touching it."""
        found = []
        with self._database.read() as connection:
            gone = self._old_days(connection, self._ages.records)
            found += [Doomed("records", day, _count(connection, day_table(day))) for day in gone]
            for day in self._old_days(connection, self._ages.decisions):
                table = day_table(day)
                rows = 0 if day in gone else _count(connection, table, table.c.decision.is_not(None))
                if rows:
                    found.append(Doomed("decisions", day, rows))
            rows = connection.scalar(select(func.count()).select_from(changes).where(self._old_changes())) or 0
            if rows:
                found.append(Doomed("changes", self._day(self._ages.changes), rows))
        return found

    def steps(self, *, everywhere: bool = False) -> Iterator[Doomed]:
        """Remove it; yields what each short step has removed.

        :param everywhere: look for decisions in all days, not only in those that have become too old lately.
        """
        with self._database.read() as connection:
            gone = self._old_days(connection, self._ages.records)
            stripped = [day for day in self._old_days(connection, self._ages.decisions) if day not in gone]
        for day in gone:
            yield self._drop(day)
        for day in stripped if everywhere else stripped[-_NEAR_DAYS:]:
            yield from self._strip(day)
        yield from self._forget()

    def _drop(self, day: str) -> Doomed:
        with self._database.write() as connection:
            connection.execute(delete(cdr_table).where(cdr_table.c.day == day))
        with self._database.write() as connection:
            day_table(day).drop(connection, checkfirst=True)
        return Doomed("records", day, 0)

    def _strip(self, day: str) -> Iterator[Doomed]:
        table, last = day_table(day), 0
        while True:
            with self._database.write() as connection:
                query = select(table.c.id).where(table.c.id > last, table.c.decision.is_not(None))
                found = list(connection.scalars(query.order_by(table.c.id).limit(ROWS)))
                if found:
                    connection.execute(update(table).where(table.c.id.in_(found)).values(decision=None))
            if not found:
                return
            last = found[-1]
            yield Doomed("decisions", day, len(found))

    def _forget(self) -> Iterator[Doomed]:
        while self._ages.changes:
            with self._database.write() as connection:
                query = select(changes.c.seq).where(self._old_changes()).order_by(changes.c.seq).limit(ROWS)
                found = list(connection.scalars(query))
                if found:
                    connection.execute(delete(changes).where(changes.c.seq <= found[-1]))
            if not found:
                return
            yield Doomed("changes", self._day(self._ages.changes), len(found))

    def _old_changes(self) -> ColumnElement[bool]:
        """Those before the first one that is young enough: the log is cut in its order, whatever the clock did."""
        moment = cutoff(self._now_ms, self._ages.changes, self._zone).timestamp() * 1000 if self._ages.changes else 0
        young = select(func.min(changes.c.seq)).where(changes.c.at >= moment).scalar_subquery()
        newest = select(func.max(changes.c.seq)).scalar_subquery()  # one stays: it says that the log was cut
        return changes.c.seq < func.coalesce(young, newest)

    def _old_days(self, connection: Connection, days: int) -> list[str]:
        if not days:
            return []
        before = self._day(days)
        if self._needed:
            before = min(before, self._needed)
        names = inspect(connection).get_table_names()
        return sorted(found[1] for name in names if (found := _DAY_TABLE.fullmatch(name)) and found[1] < before)

    def _day(self, days: int) -> str:
        return f"{cutoff(self._now_ms, days, self._zone):%Y%m%d}"


def _count(connection: Connection, table: Table, which: ColumnElement[bool] | None = None) -> int:
    query = select(func.count()).select_from(table)
    return connection.scalar(query if which is None else query.where(which)) or 0
