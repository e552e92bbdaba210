"""The proof that the money is right, from the database alone.

The ledger is read once, in the order of its rows, and the records of calls once; what is kept meanwhile is a sum and a
balance for each account, and pages.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, func, or_, select

from vosswitch.model.values import counted, money, money_text
from vosswitch.store.books import BOOKS, contra_of
from vosswitch.store.cdrs import day_table
from vosswitch.store.schema import account, account_grant, cdr_table, ledger, parameter
from vosswitch.store.types import Money

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from sqlalchemy import Connection

PAGE = 2000
_OF_CALLS = ("call", "agent", "cost")
_TIME = 21
"""Bits of a call's number behind its milliseconds (`vosswitch.model.values.CallIds`)."""

_Key = tuple[int, str, str]
"""Call, account, kind."""


class Finding(NamedTuple):
    """Something that does not add up; *what* names it, *text* says how."""

    what: str
    text: str


class Proof:
    """One check of everything.

    :param connection: sees one moment (`vosswitch.store.database.Database.snapshot`).
    :param zone: the deployment's, of the days of the records.
    :ivar count: findings so far.
    """

    def __init__(self, connection: Connection, zone: tzinfo, page: int = PAGE) -> None:
        self._connection = connection
        self._zone = zone
        self._page = page
        self._sums: dict[str, tuple[int, int]] = {}  # of each account: its bookings, the balance after the last one
        self._books: dict[str, int] = {}
        self._days = set(connection.scalars(select(cdr_table.c.day)))
        self._bookings = self._records = self._unchecked = 0
        self._total = self._numbers = 0
        self._currency: str | None = None
        self.count = 0

    @property
    def seen(self) -> str:
        """What was looked at, for people."""
        what = counted(self._bookings, "booking"), counted(self._numbers, "account"), counted(self._records, "record")
        return "{} of {}, {} of calls".format(*what)

    def remarks(self) -> Iterator[str]:
        """What could not be checked."""
        if self._unchecked:
            yield f"{self._unchecked} bookings are of calls of days whose records are not kept any more"

    def findings(self, *, calls: bool = True) -> Iterator[Finding]:
        """Everything that does not add up, while it is found; may be asked for once.

        :param calls: compare bookings with the records of calls, too.
        """
        parts = [self._ledger(calls=calls), self._accounts(), self._gone(), self._zero(), self._reversals()]
        if calls:
            parts += [self._day(day) for day in sorted(self._days)]
        for part in parts:
            for found in part:
                self.count += 1
                yield found

    # The ledger, row by row.

    def _ledger(self, *, calls: bool) -> Iterator[Finding]:
        last = 0
        while True:
            query = select(ledger).where(ledger.c.id > last).order_by(ledger.c.id).limit(self._page)
            page = self._connection.execute(query).all()
            for row in page:
                yield from self._booking(row)
            if calls:
                yield from self._recorded([row for row in page if row.call_id is not None and row.kind in _OF_CALLS])
            if len(page) < self._page:
                return
            last = page[-1].id

    def _booking(self, row: Any) -> Iterator[Finding]:
        """One row goes on from the one before it, and has a book."""
        self._bookings += 1
        self._numbers += row.account not in self._sums
        total, before = self._sums.get(row.account, (0, 0))
        self._sums[row.account] = total + row.amount, row.balance_after
        if before + row.amount != row.balance_after:
            yield Finding(
                f"booking {row.id}",
                f"account {row.account}: {money_text(before)} before it and {money_text(row.amount)} of its own "
                f"are not the balance of {money_text(row.balance_after)} that it names",
            )
        book = contra_of(row.kind, row.contra)
        if book not in BOOKS and book not in self._books:
            yield Finding(f"booking {row.id}", f"there is no book {book!a}, that of its kind {row.kind!a}")
        self._books[book] = self._books.get(book, 0) - row.amount

    def _accounts(self) -> Iterator[Finding]:
        """Balances are sums of bookings; what is granted is the sum of what nodes hold."""
        held = func.coalesce(func.sum(account_grant.c.amount, type_=Money), 0, type_=Money).label("held")
        columns = account.c.number, account.c.balance, account.c.granted
        query = select(*columns, held).outerjoin_from(account, account_grant).group_by(*columns)
        total = 0
        for row in self._connection.execute(query.order_by(account.c.number)):
            booked, _ = self._sums.pop(row.number, (0, 0))
            total += row.balance
            if booked != row.balance:
                told = f"balance {money_text(row.balance)}, but its bookings add up to {money_text(booked)}"
                yield Finding(f"account {row.number}", told)
            if row.held != row.granted:
                told = f"{money_text(row.granted)} is granted, but nodes hold {money_text(row.held)}"
                yield Finding(f"account {row.number}", told)
        self._total = total

    def _gone(self) -> Iterator[Finding]:
        for number, (booked, _) in sorted(self._sums.items()):
            if booked:
                told = f"there is none, but bookings of it add up to {money_text(booked)}"
                yield Finding(f"account {number}", told)

    def _zero(self) -> Iterator[Finding]:
        rest = self._total + sum(self._books.values())
        if rest:
            yield Finding("books", f"all balances and books together are {money_text(rest)}, not 0")

    def _reversals(self) -> Iterator[Finding]:
        taken = ledger.alias("taken")
        same = and_(taken.c.account == ledger.c.account, taken.c.amount == -ledger.c.amount)
        query = select(ledger.c.id, ledger.c.reverses).outerjoin_from(ledger, taken, taken.c.id == ledger.c.reverses)
        query = query.where(ledger.c.reverses.is_not(None), or_(taken.c.id.is_(None), ~same)).order_by(ledger.c.id)
        for row in self._connection.execute(query):
            yield Finding(f"booking {row.id}", f"it does not take back what booking {row.reverses} has booked")

    # Calls: what was booked has a record, what was recorded is booked.

    def _recorded(self, rows: Sequence[Any]) -> Iterator[Finding]:
        """Every booking of a call has its record."""
        by_day: dict[str, set[int]] = {}
        for row in rows:
            by_day.setdefault(self._day_of(row.call_id), set()).add(row.call_id)
        known = {day: self._known(day, calls) for day, calls in by_day.items()}
        for row in rows:
            day = self._day_of(row.call_id)
            if row.call_id in known[day]:
                continue
            if day not in self._days:
                self._unchecked += 1
            elif not self._known(self._beside(day, row.call_id), {row.call_id}):
                told = (
                    f"{row.kind} of {money_text(row.amount)} on account {row.account} is booked, but there is no record"
                )
                yield Finding(f"call {row.call_id}", told)

    def _day_of(self, call_id: int, apart: timedelta = timedelta(0)) -> str:
        return f"{datetime.fromtimestamp((call_id >> _TIME) / 1000, self._zone) + apart:%Y%m%d}"

    def _beside(self, day: str, call_id: int) -> str:
        """The other day that a call at midnight may be of."""
        near = timedelta(hours=1)
        before = self._day_of(call_id, -near)
        return before if before != day else self._day_of(call_id, near)

    def _known(self, day: str, calls: set[int]) -> set[int]:
        if day not in self._days:
            return set()
        flowno = day_table(day).c.flowno
        return set(self._connection.scalars(select(flowno).where(flowno.in_(sorted(calls)))))

    def _day(self, day: str) -> Iterator[Finding]:
        """Every record of a day has its bookings, and they are of the same amounts."""
        table = day_table(day)
        columns = (table.c.flowno, table.c.fee, table.c.incomefee, table.c.customeraccount, table.c.clearingaccount)
        last = -1
        while True:
            query = (
                select(*columns, table.c.costcurrency, table.c.agents)
                .where(table.c.flowno > last)
                .order_by(table.c.flowno)
            )
            page = self._connection.execute(query.limit(self._page)).all()
            self._records += len(page)
            if page:
                yield from self._compared(page)
            if len(page) < self._page:
                return
            last = page[-1].flowno

    def _compared(self, page: Sequence[Any]) -> Iterator[Finding]:
        told: dict[_Key, int] = {}
        for row in page:
            told.update(_charges(row))
        rows = select(ledger.c.call_id, ledger.c.account, ledger.c.kind, ledger.c.amount).where(
            ledger.c.call_id.in_([row.flowno for row in page]), ledger.c.kind.in_(_OF_CALLS)
        )
        booked = {(row.call_id, row.account, row.kind): -row.amount for row in self._connection.execute(rows)}
        self._with_attempts(page, booked)
        for key in sorted(told.keys() | booked.keys()):
            if told.get(key, 0) != booked.get(key, 0):
                call_id, number, kind = key
                text = f"{kind} of account {number}: {money_text(told.get(key, 0))} in its record, "
                yield Finding(f"call {call_id}", f"{text}{money_text(booked.get(key, 0))} in the ledger")

    def _with_attempts(self, page: Sequence[Any], booked: dict[_Key, int]) -> None:
        """Take what other vendors got for attempts as the last one's: a record has one cost, of one currency."""
        last = {row.flowno: row for row in page}
        others = [key for key in booked if key[2] == "cost" and key[1] != last[key[0]].clearingaccount]
        if not others:
            return
        known = self._currencies({number for _, number, _ in others})
        for key in sorted(others, key=lambda key: key[1] not in known):
            row = last[key[0]]
            if not row.clearingaccount:  # a record without any cost
                continue
            amount, whole = booked.pop(key), (row.flowno, row.clearingaccount, "cost")
            own = booked.get(whole, 0)
            fits = own + amount <= row.incomefee  # of an account that is gone nobody knows the currency
            if known[key[1]] == self._common(row.costcurrency) if key[1] in known else fits:
                booked[whole] = own + amount

    def _currencies(self, numbers: set[str]) -> dict[str, str]:
        """The currencies of accounts that are there."""
        query = select(account.c.number, account.c.settings).where(account.c.number.in_(sorted(numbers)))
        return {
            number: self._common((settings or {}).get("currency"))
            for number, settings in self._connection.execute(query)
        }

    def _common(self, currency: str | None) -> str:
        """A currency; the deployment's has its name since it was given one."""
        if self._currency is None:
            query = select(parameter.c.value).where(parameter.c.name == "VS_CURRENCY")
            self._currency = self._connection.scalar(query) or ""
        return currency or self._currency


def _charges(row: Any) -> Iterator[tuple[_Key, int]]:
    """What a record says that accounts have paid."""
    if row.fee:
        yield (row.flowno, row.customeraccount, "call"), row.fee
    if row.incomefee:
        yield (row.flowno, row.clearingaccount, "cost"), row.incomefee
    for agent in row.agents or ():
        if fee := money(agent["fee"]):
            yield (row.flowno, agent["account"], "agent"), fee
