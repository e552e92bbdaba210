"""What an agent has earned in a period, by the accounts right below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from vosswitch.model.values import money
from vosswitch.store.cdrs import day_table, days_between
from vosswitch.store.schema import account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Row, Table

_COLUMNS = ("customeraccount", "customername", "answertime", "feetime", "fee", "agents")
_AT_ONCE = 2000


@dataclass(slots=True)
class Income:
    """Calls of one account right below an agent, and of all its tree.

    :ivar calls: answered ones.
    :ivar seconds: charged to the account.
    :ivar paid: what the account has paid, units of 10^-7; *fee* what the agent has paid for these calls.
    """

    account: str
    name: str
    calls: int = 0
    seconds: int = 0
    paid: int = 0
    fee: int = 0

    @property
    def income(self) -> int:
        """What the agent keeps."""
        return self.paid - self.fee

    @classmethod
    def total(cls, parts: list[Income]) -> Income:
        """The sum of several."""
        names = ("calls", "seconds", "paid", "fee")
        return cls("total", "", *[sum(getattr(one, name) for one in parts) for name in names])


def incomes(connection: Connection, agent: str, since: int | None, until: int | None) -> list[Income]:
    """Sums by account right below *agent*, the largest income first; of calls that began in the period (epoch ms).

    Calls stream: any number of them in constant memory.
    """
    found: dict[str, Income] = {}
    for day in reversed(days_between(connection, since, until)):
        for row in _of_day(connection, day_table(day), agent, since, until):
            levels = [{"account": row.customeraccount, "name": row.customername}, *row.agents]
            at = next((place for place, level in enumerate(levels) if place and level["account"] == agent), 0)
            if not at:
                continue
            below = levels[at - 1]
            one = found.get(below["account"])
            if one is None:
                one = found[below["account"]] = Income(below["account"], below["name"])
            one.calls += row.answertime is not None
            one.seconds += row.feetime if at == 1 else below["billed_seconds"]
            one.paid += row.fee if at == 1 else money(below["fee"])
            one.fee += money(levels[at]["fee"])
    return sorted(found.values(), key=lambda one: (-one.income, one.account))


def _of_day(connection: Connection, table: Table, agent: str, since: int | None, until: int | None) -> Iterator[Any]:
    query = select(*(table.c[name] for name in _COLUMNS)).where(table.c.cdrlevel > 0)
    if since is not None:
        query = query.where(table.c.starttime >= since)
    if until is not None:
        query = query.where(table.c.starttime < until)
    rows = connection.execution_options(stream_results=True, yield_per=_AT_ONCE).execute(query)
    for row in rows:
        if any(level["account"] == agent for level in row.agents or ()):
            yield row


def parents_of(connection: Connection) -> dict[str, Row[Any]]:
    """Every account that can be in a tree of agents, with its agent and what listings show."""
    names = ("number", "name", "kind", "agent", "balance", "rate_group", "locked")
    query = select(*(account.c[name] for name in names)).where(account.c.kind.not_in(("clearing", "purse")))
    return {row.number: row for row in connection.execute(query)}
