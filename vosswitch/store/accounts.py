"""Accounts as operators see them, and payments."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

from vosswitch.billing.packages import is_purse
from vosswitch.model.values import money_text
from vosswitch.params.system import Parameters
from vosswitch.store import changes, locks
from vosswitch.store.books import Booked, Booking, CannotBook, NoSuchAccount, book, reversal_of
from vosswitch.store.ledger import LedgerRow, Wanted, bookings
from vosswitch.store.locks import Standing
from vosswitch.store.schema import PURSE, account, parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Row


@dataclass(frozen=True, slots=True)
class Account:
    """An account with its money in units; unlimited is None, times are epoch ms.

    :ivar granted: what nodes hold of it for prepaid calls, a part of *balance*.
    :ivar currency: of its money, "" = the deployment's.
    """

    number: str
    name: str
    kind: str
    balance: int
    overdraft_limit: int | None
    granted: int
    anti_overdraft: bool
    rate_group: str | None
    lines: int | None
    cps: int | None
    locked: bool
    lock_reason: str
    expires: int | None
    created: int
    agent: str | None
    currency: str = ""

    @property
    def available(self) -> int | None:
        """What may still be spent or granted; None = without a bound."""
        return None if self.overdraft_limit is None else self.balance + self.overdraft_limit - self.granted


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment, or another booking by hand.

    :ivar unlocked: whether it lifted a lock.
    :ivar seq: the change's number; None = its reference was there already, nothing was booked.
    :ivar booked: the row of the ledger, the earlier one then.
    :ivar before: how the account stood; *after* how it stands, with its expiry.
    """

    balance: int
    unlocked: bool
    seq: int | None
    booked: Booked
    before: Standing
    after: Standing


class Posted(NamedTuple):
    """Bookings that were made together.

    :ivar seq: the change's number; None = nothing was booked that was not there.
    :ivar standings: by account how it stood and how it stands, of those to which something was booked.
    """

    booked: list[Booked]
    seq: int | None
    standings: dict[str, tuple[Standing, Standing]]


def show(connection: Connection, number: str, *, locked: bool = False) -> Account:
    """The account of that number.

    :param locked: nobody else changes it until the caller's transaction ends.
    :raises NoSuchAccount: there is none.
    """
    query = select(account).where(account.c.number == number)
    row = connection.execute(query.with_for_update() if locked else query).first()
    if row is None:
        raise NoSuchAccount(number)
    return _value(row)


def list_accounts(connection: Connection, *, purses: bool = False) -> Iterator[Account]:
    """All accounts, in the order of numbers.

    :param purses: those, too, that hold what packages give and phones may spend.
    """
    query = select(account) if purses else select(account).where(account.c.kind != PURSE)
    yield from map(_value, connection.execute(query.order_by(account.c.number)))


def history(connection: Connection, number: str, limit: int = 100) -> list[LedgerRow]:
    """The newest bookings of an account, the newest first; 0 = all."""
    return list(bookings(connection, Wanted(account=number), limit))


def post(connection: Connection, entries: Sequence[Booking], who: str, at: int | None = None) -> Posted:
    """Book in the caller's transaction, bring locks and expiries in line, and have it logged for the switches.

    A payment extends the expiry of its account by SERVER_PAY_DELAY_CUSTOMER_EXPIRE_DAY.  Money lifts a lock of reason
    ``balance`` when something is there above the limit then, and sets one when it takes the last of it.

    :param who: for the log of changes; a booking names its own.
    :raises NoSuchAccount: one of the accounts is not there.
    :raises vosswitch.store.books.CannotBook: one of the bookings cannot be.
    """
    changes.lock(connection)
    now = changes.now_ms() if at is None else at
    booked = [book(connection, entry, now) for entry in entries]
    fresh = [(entry, done) for entry, done in zip(entries, booked, strict=True) if done.fresh]
    days = _days(connection) if any(entry.kind == "payment" for entry, _ in fresh) else 0
    standings: dict[str, tuple[Standing, Standing]] = {}
    rows = []
    for number in dict.fromkeys(entry.account for entry, _ in fresh):
        own = [(entry, done) for entry, done in fresh if entry.account == number]
        gained = sum(entry.amount for entry, _ in own)
        paid = sum(entry.amount for entry, _ in own if entry.kind == "payment")
        standings[number] = locks.settle(connection, number, gained, paid, days, now)
        rows.append(_change(own, gained, *standings[number]))
    return Posted(booked, changes.record(connection, who, rows) if rows else None, standings)


def pay(
    connection: Connection, number: str, amount: int, who: str, why: str = "", reference: str | None = None
) -> Payment:
    """Book a payment (a negative amount takes money away) in the caller's transaction.

    A payment that makes the balance with the overdraft limit positive lifts a lock of reason ``balance``, and no other;
    one of reason ``expiry`` goes when the payment extends the expiry far enough.

    :param amount: units, not zero.
    :param reference: the payer's; the same one twice is booked once.
    :raises NoSuchAccount: there is none of that number.
    :raises vosswitch.store.books.CannotBook: the amount is zero or beyond what an account can hold, or the reference
        was used for something else.
    """
    return book_one(connection, Booking(number, "payment", amount, who, why, reference))


def reverse(connection: Connection, row_id: int, who: str, why: str) -> Payment:
    """Take a row of the ledger back, a call's too, once.

    :raises vosswitch.store.books.CannotBook: there is no such row, or it cannot be taken back.
    """
    changes.lock(connection)
    return book_one(connection, reversal_of(connection, row_id, who, why))


def book_one(connection: Connection, entry: Booking) -> Payment:
    """As `post`, of one booking by hand.

    :raises vosswitch.store.books.CannotBook: as `post`, and anything but a correction of a purse.
    """
    if entry.kind != "correction" and entry.reverses is None and is_purse(entry.account):
        raise CannotBook(f"{entry.account}: is a purse: expected a correction")
    done = post(connection, [entry], entry.who)
    booked = done.booked[0]
    nothing = Standing("", None)
    before, after = done.standings.get(entry.account, (nothing, nothing))
    return Payment(booked.balance, bool(before.reason and not after.reason), done.seq, booked, before, after)


def _days(connection: Connection) -> int:
    """By how much a payment extends an expiry."""
    name = "SERVER_PAY_DELAY_CUSTOMER_EXPIRE_DAY"
    text = connection.scalar(select(parameter.c.value).where(parameter.c.name == name))
    return int(Parameters({} if text is None else {name: text})[name])


def _change(own: Sequence[tuple[Booking, Booked]], gained: int, before: Standing, after: Standing) -> changes.Change:
    """What the log of changes says of an account's bookings."""
    balance = own[-1][1].balance
    was, told = locks.logged(balance - gained, before.reason), locks.logged(balance, after.reason)
    if before.expires != after.expires:
        was |= {"expires": before.expires}
        told |= {"expires": after.expires}
    for entry, _ in own[:_TOLD]:
        told |= {entry.kind: money_text(entry.amount), "why": entry.why[:255]}
        if entry.reference is not None:
            told["reference"] = entry.reference
    return changes.Change("account", own[0][0].account, was, told)


_TOLD = 1
"""Bookings that the log of changes tells of one account; the ledger has them all."""


_COLUMNS = tuple(item.name for item in dataclass_fields(Account) if item.name != "currency")


def _value(row: Row[Any]) -> Account:
    cells = row._mapping
    values = {name: cells[name] for name in _COLUMNS}
    return Account(**values, currency=(cells["settings"] or {}).get("currency") or "")
