"""Accounts as operators see them, and payments."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from vosswitch.billing.packages import is_purse
from vosswitch.model.values import money_text
from vosswitch.store import changes
from vosswitch.store.fields import MONEY_LIMIT
from vosswitch.store.schema import PURSE, account, ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Row


class NoSuchAccount(LookupError):
    """There is no account of that number; its text is one line for the operator."""

    def __init__(self, number: str) -> None:
        super().__init__(f'accounts: there is no "{number}"')


@dataclass(frozen=True, slots=True)
class Account:
    """An account with its money in units; unlimited is None, times are epoch ms.

    :ivar granted: what nodes hold of it for prepaid calls, a part of *balance*.
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

    @property
    def available(self) -> int | None:
        """What may still be spent or granted; None = without a bound."""
        return None if self.overdraft_limit is None else self.balance + self.overdraft_limit - self.granted


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One booking; *amount* is what was added to the balance, units.

    :ivar contra: the book on the other side.
    :ivar reference: what makes it happen once; None = nothing.
    :ivar reverses: the booking that it takes back.
    """

    id: int
    account: str
    call_id: int | None
    kind: str
    amount: int
    balance_after: int
    at: int
    who: str
    why: str
    contra: str
    reference: str | None
    reverses: int | None


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment that was booked.

    :ivar unlocked: whether it lifted a lock for lack of balance.
    :ivar seq: the change's number.
    """

    balance: int
    unlocked: bool
    seq: int


def show(connection: Connection, number: str) -> Account:
    """The account of that number.

    :raises NoSuchAccount: there is none.
    """
    row = connection.execute(select(account).where(account.c.number == number)).first()
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
    query = select(ledger).where(ledger.c.account == number).order_by(ledger.c.id.desc())
    rows = connection.execute(query.limit(limit) if limit else query)
    return [LedgerRow(**row._mapping) for row in rows]


def pay(connection: Connection, number: str, amount: int, who: str, why: str = "") -> Payment:
    """Book a payment (a negative amount takes money away) in the caller's transaction.

    A payment that makes the balance with the overdraft limit positive lifts a lock of reason ``balance``, and no other.

    :param amount: units, not zero.
    :raises NoSuchAccount: there is none of that number.
    :raises ValueError: the amount is zero or beyond what an account can hold.
    """
    changes.lock(connection)
    if is_purse(number):
        raise ValueError(f"{number}: expected an account, this is a purse: nobody pays into it")
    if not 0 < abs(amount) <= MONEY_LIMIT:
        raise ValueError("amount: expected an amount other than zero, not beyond 100000000000")
    connection.execute(update(account).where(account.c.number == number).values(balance=account.c.balance + amount))
    after = show(connection, number)
    if abs(after.balance) > MONEY_LIMIT:
        raise ValueError("amount: expected a balance not beyond 100000000000")
    unlocked = _unlock(connection, after)
    connection.execute(
        insert(ledger).values(
            account=number,
            kind="payment",
            amount=amount,
            balance_after=after.balance,
            at=changes.now_ms(),
            who=who[:64],
            why=why[:255],
        )
    )
    reason = "" if unlocked else after.lock_reason
    row = changes.Change(
        "account",
        number,
        _logged(after.balance - amount, after.lock_reason),
        _logged(after.balance, reason) | {"payment": money_text(amount), "why": why[:255]},
    )
    return Payment(after.balance, unlocked, changes.record(connection, who, [row]))


def lock(connection: Connection, number: str, reason: str, who: str) -> int | None:
    """Lock an account in the caller's transaction; one that is locked keeps its reason, and None is returned.

    :returns: the number of the change; None = nothing changed, or there is no such account.
    """
    changes.lock(connection)
    found = account.c.number == number
    done = connection.execute(
        update(account).where(found, account.c.locked.is_(False)).values(locked=True, lock_reason=reason)
    )
    if not done.rowcount:
        return None
    balance = show(connection, number).balance
    row = changes.Change("account", number, _logged(balance, ""), _logged(balance, reason))
    return changes.record(connection, who, [row])


def _unlock(connection: Connection, found: Account) -> bool:
    enough = found.overdraft_limit is None or found.balance + found.overdraft_limit > 0
    if not (found.locked and found.lock_reason == "balance" and enough):
        return False
    connection.execute(update(account).where(account.c.number == found.number).values(locked=False, lock_reason=""))
    return True


def _logged(balance: int, lock_reason: str) -> dict[str, Any]:
    return {"balance": money_text(balance), "lock_reason": lock_reason}


_COLUMNS = tuple(item.name for item in dataclass_fields(Account))


def _value(row: Row[Any]) -> Account:
    cells = row._mapping
    return Account(*[cells[name] for name in _COLUMNS])
