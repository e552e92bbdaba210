"""The ledger as operators read it: bookings one by one, and what the books hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, func, select

from vosswitch.billing.packages import is_purse
from vosswitch.params.system import Parameters
from vosswitch.store.books import BOOKS, KINDS, NoSuchAccount, contra_of
from vosswitch.store.schema import account, ledger, parameter
from vosswitch.store.types import Money

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection, Row

_PAGE = 1000


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


class Wanted(NamedTuple):
    """Which bookings are meant; None = all.

    :ivar since: epoch milliseconds of the earliest; *until* is the first that is too late.
    """

    account: str | None = None
    since: int | None = None
    until: int | None = None
    kind: str | None = None
    book: str | None = None
    reference: str | None = None
    call_id: int | None = None

    def condition(self) -> ColumnElement[bool]:
        """In SQL."""
        columns = ledger.c
        found = [
            columns[name] == value
            for name in ("account", "kind", "reference", "call_id")
            if (value := getattr(self, name)) is not None
        ]
        if self.since is not None:
            found.append(columns.at >= self.since)
        if self.until is not None:
            found.append(columns.at < self.until)
        if self.book is not None:
            former = [kind for kind, contra in KINDS.items() if contra == self.book]
            found.append((columns.contra == self.book) | ((columns.contra == "") & columns.kind.in_(former)))
        return and_(True, *found)


class Held(NamedTuple):
    """One book over a time.

    :ivar currency: what it is counted in: that of the accounts, or ``purses`` (gift seconds, gift money, limits).
    :ivar amount: units that it gained; what accounts gained of it is negative here.
    :ivar rows: how many bookings that were.
    """

    currency: str
    book: str
    amount: int
    rows: int
    help: str


def expect(connection: Connection, number: str | None) -> None:
    """There is, or was, an account of that number.

    :raises NoSuchAccount: neither an account nor a booking has it.
    """
    if number is None:
        return
    now, once = account.c.number == number, ledger.c.account == number
    queries = select(account.c.number).where(now), select(ledger.c.account).where(once)
    if all(connection.execute(query.limit(1)).first() is None for query in queries):
        raise NoSuchAccount(number)


def bookings(connection: Connection, wanted: Wanted, limit: int = 100) -> Iterator[LedgerRow]:
    """Bookings, the newest first, read in pages; *limit* 0 = all."""
    query = select(ledger).where(wanted.condition()).order_by(ledger.c.id.desc())
    last, left = None, limit
    while True:
        size = min(left, _PAGE) if limit else _PAGE
        page = connection.execute((query if last is None else query.where(ledger.c.id < last)).limit(size)).all()
        yield from map(_value, page)
        left -= len(page)
        if len(page) < size or (limit and not left):
            return
        last = page[-1].id


def held(connection: Connection, wanted: Wanted = Wanted()) -> list[Held]:  # noqa: B008 - immutable
    """What each book has gained, and what all accounts together have, as book ``accounts``.

    The sum of all books of a currency is zero.
    """
    total = func.sum(ledger.c.amount, type_=Money)
    columns = ledger.c.account, ledger.c.contra, ledger.c.kind
    query = select(*columns, total.label("amount"), func.count().label("rows")).where(wanted.condition())
    usual, others = _currencies(connection)
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for row in connection.execute(query.group_by(*columns)):
        currency = PURSES if is_purse(row.account) else others.get(row.account, usual)
        for book, amount in ((_ACCOUNTS, row.amount), (contra_of(row.kind, row.contra), -row.amount)):
            before, rows = sums.get((currency, book), (0, 0))
            sums[currency, book] = before + amount, rows + row.rows
    places = {name: place for place, name in enumerate((_ACCOUNTS, *BOOKS))}
    order = sorted(sums, key=lambda one: (one[0] == PURSES, one[0] != usual, one[0], places.get(one[1], 99), one[1]))
    return [Held(*one, *sums[one], _ALL if one[1] == _ACCOUNTS else BOOKS.get(one[1], "")) for one in order]


PURSES = "purses"
_ACCOUNTS = "accounts"
_ALL = "what all accounts together have gained"


def _currencies(connection: Connection) -> tuple[str, dict[str, str]]:
    """The deployment's currency, and those of accounts that have one of their own."""
    name = "VS_CURRENCY"
    text = connection.scalar(select(parameter.c.value).where(parameter.c.name == name))
    own = select(account.c.number, account.c.settings).where(account.c.settings.is_not(None))
    found = {row.number: row.settings.get("currency") for row in connection.execute(own)}
    usual = str(Parameters({} if text is None else {name: text})[name])
    return usual, {number: currency for number, currency in found.items() if currency}


def _value(row: Row[Any]) -> LedgerRow:
    cells = row._mapping
    return LedgerRow(**{**cells, "contra": contra_of(cells["kind"], cells["contra"])})
