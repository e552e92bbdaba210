"""Finished calls in the order of their start, a page at a time: any number of them in constant memory.

Each page is a transaction of its own, so that no reader stands in a writer's way for long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from vosswitch.store.cdrs import day_table, days_between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection, Select, Table

    from vosswitch.store.database import Database

PAGE = 2000
_COLUMNS = {
    "flowno": "flowno", "start": "starttime", "answer": "answertime", "stop": "stoptime",
    "mapping_gateway": "callergatewayid", "phone": "callerphone", "caller_ip": "callerip",
    "caller_in": "calleraccesse164", "callee_in": "calleeaccesse164", "account": "customeraccount",
    "routing_gateway": "calleegatewayid", "callee_phone": "calleephone", "rate_prefix": "rateprefix",
    "fee": "fee", "cost": "incomefee", "hold_ms": "holdtimems", "end_reason": "endreasonname",
    "end_direction": "enddirection", "attempts": "attempts", "decision": "decision",
    "agents": "agents", "currency": "currency", "cost_currency": "costcurrency", "id": "id",
}  # fmt: skip


class PastRow(NamedTuple):
    """One finished call as stored.

    :ivar fee: units of 10^-7, likewise *cost*; times are epoch milliseconds.
    :ivar attempts: JSON text; *decision* as it was kept, None = it was not; *agents* as in `Cdr`;
        *currency* of the fee, *cost_currency* of the cost, empty = the deployment's.
    """

    flowno: int
    start: int
    answer: int | None
    stop: int
    mapping_gateway: str
    phone: str
    caller_ip: str
    caller_in: str
    callee_in: str
    account: str
    routing_gateway: str
    callee_phone: str
    rate_prefix: str
    fee: int
    cost: int
    hold_ms: int
    end_reason: str
    end_direction: int
    attempts: str
    decision: Any
    agents: Any
    currency: str | None
    cost_currency: str | None
    id: int


def count_calls(connection: Connection, since: int, until: int, account: str | None = None) -> int:
    """How many there are that began from *since* on and before *until* (epoch ms)."""
    return sum(
        connection.scalar(_within(select(func.count()).select_from(table), table, since, until, account)) or 0
        for table in map(day_table, reversed(days_between(connection, since, until)))
    )


def past_calls(
    database: Database, since: int, until: int, account: str | None = None, page: int = PAGE
) -> Iterator[PastRow]:
    """Those calls, oldest start first within each day.

    :param account: only calls that it pays for.
    """
    with database.read() as connection:
        days = days_between(connection, since, until)
    columns = tuple(_COLUMNS.values())
    for day in reversed(days):
        table = day_table(day)

        def within(query: Select[Any], at: int, table: Table = table) -> Select[Any]:
            return _within(query, table, at, until, account)

        for rows in pages_of_day(database, table, columns, within, since, page):
            yield from map(PastRow._make, rows)


def pages_of_day(
    database: Database,
    table: Table,
    columns: Sequence[str],
    within: Callable[[Select[Any], int], Select[Any]],
    since: int,
    page: int,
) -> Iterator[Sequence[Any]]:
    """The rows of a day in the order of their start, a page at a time.

    :param columns: the second is ``starttime``, the last ``id``.
    :param within: narrows a query to the calls that are wanted, from a moment on.
    """
    query = select(*(table.c[name] for name in columns)).order_by(table.c.starttime, table.c.id).limit(page)
    at, last = since, 0
    while True:
        beyond = (table.c.starttime > at) | ((table.c.starttime == at) & (table.c.id > last))
        # The first condition alone is what the index is good for.
        some = within(query, at).where(beyond)
        with database.read() as connection:
            rows = connection.execute(some).all()
        yield rows
        if len(rows) < page:
            return
        at, last = rows[-1][1], rows[-1][-1]


def _within(query: Select[Any], table: Table, since: int, until: int, account: str | None) -> Select[Any]:
    query = query.where(table.c.starttime >= since, table.c.starttime < until)
    return query if account is None else query.where(table.c.customeraccount == account)
