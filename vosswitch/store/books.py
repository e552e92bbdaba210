"""Double entry: every row of the ledger is a whole posting, and this is the one place that knows the books.

A row adds its amount to the balance of an account and takes it from a book, its ``contra``; the balances of all
accounts and all books are therefore zero together, always.  `book` writes every row outside of calls; the rows of calls
are `vosswitch.store.charges`'s, which asks `contra_of_call`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, bindparam, insert, select, update

from vosswitch.store.changes import now_ms
from vosswitch.store.fields import MONEY_LIMIT
from vosswitch.store.schema import account, ledger
from vosswitch.store.types import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

BOOKS: Mapping[str, str] = {
    "cash": "what customers and agents have paid",
    "vendors": "what vendors were paid: payments to clearing accounts",
    "credits": "money that was given without a payment",
    "corrections": "corrections by operators, and of calls that were rated again",
    "revenue": "what calls have earned: fees of customers, of the highest agents where there are some",
    "cost": "what vendors charge for calls",
    "agents": "what agents' customers, and agents below others, have paid for calls to those above them",
    "gifts": "what packages give, and what calls use of it",
    "limits": "spending limits of phones, and what calls use of them",
    "rent": "rents of packages",
    "minimum": "what was missing to the minimum consumption of packages",
    "opening": "balances that accounts were created with",
    "closing": "what was left of accounts that were deleted",
}
"""Every book, and what is in it, for operators."""

KINDS: Mapping[str, str] = {
    "opening": "opening",
    "closing": "closing",
    "payment": "cash",
    "credit": "credits",
    "correction": "corrections",
    "reversal": "corrections",
    "call": "revenue",
    "agent": "revenue",
    "cost": "cost",
    "gift": "gifts",
    "limit": "limits",
    "rent": "rent",
    "minimum": "minimum",
}
"""Every kind of booking, and the book on its other side unless something else is said of it.

A reversal has the book of what it takes back.
"""

_WIDTH = 64


class NoSuchAccount(LookupError):
    """There is no account of that number; its text is one line for the operator."""

    def __init__(self, number: str) -> None:
        super().__init__(f'accounts: there is no "{number}"')


class CannotBook(ValueError):
    """A booking that cannot be; its text is one line for the operator."""


class Booking(NamedTuple):
    """What is to be booked.

    :ivar amount: units of 10^-7, added to the balance.
    :ivar reference: makes it happen once: a second booking of the same reference on the account does nothing; None =
        it is booked in any case.
    :ivar contra: the other book, "" = that of the kind (`KINDS`).
    :ivar reverses: the row that is taken back.
    """

    account: str
    kind: str
    amount: int
    who: str
    why: str = ""
    reference: str | None = None
    contra: str = ""
    reverses: int | None = None


class Booked(NamedTuple):
    """A booking in the ledger.

    :ivar balance: the account's after it.
    :ivar fresh: it was booked now; False = its reference was there already, and nothing was changed.
    :ivar at: epoch milliseconds.
    """

    id: int
    account: str
    amount: int
    balance: int
    fresh: bool
    at: int


def contra_of(kind: str, stored: str = "") -> str:
    """The other book of a row.

    :param stored: as the row has it; "" in those of versions without books, where the kind says it.
    """
    return stored or KINDS.get(kind, kind)


def contra_of_call(kind: str, number: str, highest: str) -> str:
    """The other book of a call's row: what is paid to an agent above is no revenue of the platform's.

    :param number: who pays; *highest*: the highest agent above the caller's account, "" = there is none.
    """
    if highest and (kind == "call" or (kind == "agent" and number != highest)):
        return "agents"
    return KINDS.get(kind, kind)


def contra_of_payment(kind_of_account: str) -> str:
    """The other book of a payment: money that comes in, or money that went to a vendor."""
    return "vendors" if kind_of_account == "clearing" else "cash"


def book(connection: Connection, entry: Booking, at: int | None = None) -> Booked:
    """Book in the caller's transaction: the ledger's row and the balance.

    The account's row is locked from then on.  Whoever wants the running switch to know records a change beside it, as
    `vosswitch.store.accounts.post` does.

    :raises NoSuchAccount: there is none of that number.
    :raises CannotBook: the amount is zero or beyond what an account can hold, or the reference was used for another
        amount or kind.
    """
    held = connection.execute(_HELD, {"n": entry.account}).first()
    if held is None:
        raise NoSuchAccount(entry.account)
    known = _known(connection, entry)
    if known is not None:
        return Booked(known.id, entry.account, known.amount, held.balance, fresh=False, at=known.at)
    after = _checked(held.balance, entry.amount)
    contra = entry.contra
    if not contra:
        contra = contra_of_payment(held.kind) if entry.kind == "payment" else KINDS[entry.kind]
    connection.execute(_ADD, {"n": entry.account, "x": entry.amount})
    moment = now_ms() if at is None else at
    return Booked(_row(connection, entry, contra, after, moment), entry.account, entry.amount, after, True, moment)


def reversal_of(connection: Connection, row_id: int, who: str, why: str) -> Booking:
    """What takes a row of the ledger back.

    :raises CannotBook: there is no such row, or it cannot be taken back.
    """
    row = connection.execute(select(ledger).where(ledger.c.id == row_id)).first()
    if row is None:
        raise CannotBook(f"ledger: there is no row {row_id}")
    where = f"ledger row {row_id}"
    if row.kind in ("opening", "closing", "reversal"):
        raise CannotBook(f"{where}: a row of kind {row.kind} is not reversed: expected a correction of the account")
    done = connection.scalar(select(ledger.c.id).where(ledger.c.reverses == row_id))
    if done is not None:
        raise CannotBook(f"{where}: row {done} reverses it already")
    own = ledger.c.account == row.account
    closed = connection.scalar(
        select(ledger.c.id).where(own, ledger.c.kind == "closing", ledger.c.id > row_id).limit(1)
    )
    if closed is not None:
        raise CannotBook(f"{where}: it is of a former account {row.account}, closed by row {closed}")
    return Booking(row.account, "reversal", -row.amount, who, why, None, contra_of(row.kind, row.contra), row_id)


def close(connection: Connection, number: str, left: int, who: str) -> None:
    """Book out what is *left* of an account that is gone, or about to be."""
    _row(connection, Booking(number, "closing", -left, who), "closing", 0, now_ms())


def _row(connection: Connection, entry: Booking, contra: str, after: int, at: int) -> int:
    values = {
        "account": entry.account,
        "kind": entry.kind,
        "contra": contra,
        "reference": entry.reference,
        "reverses": entry.reverses,
        "amount": entry.amount,
        "balance_after": after,
        "at": at,
        "who": entry.who[:_WIDTH],
        "why": entry.why[:255],
    }
    done = connection.execute(insert(ledger).values(**values))
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0])


def _known(connection: Connection, entry: Booking) -> Row[Any] | None:
    """The row that has the reference already."""
    if entry.reference is None:
        return None
    if not entry.reference or len(entry.reference) > _WIDTH or not entry.reference.isprintable():
        raise CannotBook(f"reference: expected at most {_WIDTH} printable characters")
    same = and_(ledger.c.reference == entry.reference, ledger.c.account == entry.account)
    found = connection.execute(select(ledger).where(same)).first()
    if found is not None and (found.kind, found.amount) != (entry.kind, entry.amount):
        raise CannotBook(
            f'reference: expected a new one, "{entry.reference}" is that of row {found.id}, a {found.kind} of another'
            " amount or kind"
        )
    return found


def _checked(before: int, amount: int) -> int:
    if not 0 < abs(amount) <= MONEY_LIMIT:
        raise CannotBook("amount: expected an amount other than zero, not beyond 100000000000")
    after = before + amount
    if abs(after) > MONEY_LIMIT and abs(after) > abs(before):
        raise CannotBook("amount: expected a balance not beyond 100000000000")
    return after


_HELD = select(account.c.balance, account.c.kind).where(account.c.number == bindparam("n")).with_for_update()
_ADD = (
    update(account)
    .where(account.c.number == bindparam("n"))
    .values(balance=account.c.balance + bindparam("x", type_=Money))
)
