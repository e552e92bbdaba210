"""Our calls with one partner, as they are compared with his records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.cdr.matching import Call
from vosswitch.store.cdrs import day_table, days_between
from vosswitch.store.pastcalls import PAGE, pages_of_day

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Select, Table

    from vosswitch.cdr.partner import Numbers
    from vosswitch.store.database import Database

LONGEST_SETUP_MS = 600_000
"""A call that is answered within a period began no earlier before it."""
NUMBERS = {
    "billed": ("callere164", "calleee164"),
    "received": ("calleraccesse164", "calleeaccesse164"),
    "sent": ("callertogatewaye164", "calleetogatewaye164"),
}


class Partner(NamedTuple):
    """Whose calls.

    :ivar vendor: he is paid by us; otherwise he pays.
    :ivar account: his account; *gateway* his gateway; one of them is there.
    :ivar numbers: which of our numbers he knows, see `NUMBERS`.
    :ivar answer: the answer's time is compared; otherwise the start's.
    """

    vendor: bool
    account: str | None
    gateway: str | None
    numbers: str
    answer: bool


def our_calls(
    database: Database, partner: Partner, since: int, until: int, numbers: Numbers, page: int = PAGE
) -> Iterator[Call]:
    """Those whose time is from *since* on and before *until* (epoch ms), in the order of their start."""
    early = since - LONGEST_SETUP_MS if partner.answer else since
    caller, callee = NUMBERS[partner.numbers]
    fee = "incomefee" if partner.vendor else "fee"
    columns = ("flowno", "starttime", "answertime", "holdtimems", caller, callee, fee, "id")
    with database.read() as connection:
        days = days_between(connection, early, until)
    for day in reversed(days):
        table = day_table(day)

        def within(query: Select[Any], at: int, table: Table = table) -> Select[Any]:
            return _within(query, table, partner, at, until)

        for rows in pages_of_day(database, table, columns, within, early, page):
            for flowno, start, answer, ms, a, b, units, _ in rows:
                at = answer if partner.answer else start
                if since <= at < until:
                    length = ms if answer is not None else 0
                    free = answer is None and not units
                    yield Call(at, numbers.of(a), numbers.of(b), length, units, flowno, optional=free)


def _within(query: Select[Any], table: Table, partner: Partner, since: int, until: int) -> Select[Any]:
    query = query.where(table.c.starttime >= since, table.c.starttime < until)
    if partner.answer:
        query = query.where(table.c.answertime.is_not(None))
    if partner.account is not None:
        query = query.where((table.c.clearingaccount if partner.vendor else table.c.customeraccount) == partner.account)
    if partner.gateway is not None:
        query = query.where((table.c.calleegatewayid if partner.vendor else table.c.callergatewayid) == partner.gateway)
    return query
