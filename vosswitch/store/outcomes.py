"""What the attempts of one node's recent calls came to, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from vosswitch.store.cdrs import day_table, days_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Table

    from vosswitch.store.database import Database

PAGE = 1000
_COLUMNS = ("starttime", "answertime", "stoptime", "calleee164", "holdtimems", "attempts", "id")


class Outcome(NamedTuple):
    """One call that was tried somewhere; times are epoch milliseconds.

    :ivar callee: as billed.
    :ivar attempts: JSON text (`vosswitch.cdr.record.Attempt`).
    """

    start: int
    answer: int | None
    stop: int
    callee: str
    hold_ms: int
    attempts: str
    id: int


def recent_outcomes(
    database: Database, node: str, since: int, until: int, ended: int, page: int = PAGE
) -> Iterator[list[Outcome]]:
    """Pages of the calls of a node that began from *since* on and before *until*, and ended at *ended* or later.

    Each page is a transaction of its own.

    :param node: its name, as the records have it.
    """
    with database.read() as connection:
        days = days_between(connection, since, until)
    for day in reversed(days):
        yield from _of_day(database, day_table(day), node, (since, until, ended), page)


def outcomes_of_day(database: Database, node: str, day: str, until: int, page: int = PAGE) -> Iterator[list[Outcome]]:
    """Pages of the calls of a node that began on a day and before *until*, likewise."""
    with database.read() as connection:
        days = days_between(connection, None, None)
    if day in days:
        yield from _of_day(database, day_table(day), node, (0, until, 0), page)


def _of_day(
    database: Database, table: Table, node: str, times: tuple[int, int, int], page: int
) -> Iterator[list[Outcome]]:
    at, until, ended = times
    last, start = 0, table.c.starttime
    query = select(*(table.c[name] for name in _COLUMNS)).order_by(start, table.c.id).limit(page)
    query = query.where(start < until, table.c.stoptime >= ended, table.c.softswitchname == node)
    while True:
        with database.read() as connection:
            beyond = (start > at) | ((start == at) & (table.c.id > last))
            rows = connection.execute(query.where(start >= at, beyond)).all()
        if rows:
            yield list(map(Outcome._make, rows))
            at, last = rows[-1].starttime, rows[-1].id
        if len(rows) < page:
            return
