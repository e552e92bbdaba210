"""The ledger as operators read it: bookings one by one, and what the books hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, func, select

from vosswitch.store.books import BOOKS, KINDS, contra_of
from vosswitch.store.schema import ledger
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

    :ivar amount: units that it gained; what accounts gained of it is negative here.
    :ivar rows: how many bookings that were.
    """

    book: str
    amount: int
    rows: int
    help: str


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
    """What each book has gained, and what all accounts together have, as book ``accounts``: the sum of all is zero."""
    total = func.sum(ledger.c.amount, type_=Money)
    query = select(ledger.c.contra, ledger.c.kind, total.label("amount"), func.count().label("rows"))
    sums: dict[str, tuple[int, int]] = {}
    gained = count = 0
    for row in connection.execute(query.where(wanted.condition()).group_by(ledger.c.contra, ledger.c.kind)):
        book = contra_of(row.kind, row.contra)
        amount, rows = sums.get(book, (0, 0))
        sums[book] = amount - row.amount, rows + row.rows
        gained, count = gained + row.amount, count + row.rows
    names = [*BOOKS, *sorted(set(sums) - set(BOOKS))]
    found = [Held(name, *sums[name], BOOKS.get(name, "")) for name in names if name in sums]
    return [Held("accounts", gained, count, "what all accounts together have gained"), *found] if found else []


def _value(row: Row[Any]) -> LedgerRow:
    cells = row._mapping
    return LedgerRow(**{**cells, "contra": contra_of(cells["kind"], cells["contra"])})
