"""Calls that are rated again: what was booked for them, and the corrections.

A correction is a row of the ledger of its own (`reference` ``rerate:RUN:CALL:KIND``), so that the same run books no
call twice; records and former rows stay as they are.  What a call has cost in truth is its rows and all corrections
that were not taken back.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import func, insert, select, update

from vosswitch.store import accounts, changes
from vosswitch.store.books import Booking, CannotBook, reversal_of
from vosswitch.store.cdrs import day_table, days_between
from vosswitch.store.pastcalls import PAGE, pages_of_day
from vosswitch.store.schema import ledger, rerate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Select

    from vosswitch.store.database import Database

TOGETHER = 40
"""Bookings of one transaction: nobody waits for more."""
APPLYING, APPLIED, UNDOING, UNDONE = "applying", "applied", "undoing", "undone"
_KINDS = ("call", "agent", "cost")
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError)
_COLUMNS = {
    "flowno": "flowno", "start": "starttime", "answer": "answertime", "hold_ms": "holdtimems",
    "caller": "callere164", "callee": "calleee164", "mapping_gateway": "callergatewayid", "phone": "callerphone",
    "account": "customeraccount", "routing_gateway": "calleegatewayid", "clearing": "clearingaccount",
    "currency": "currency", "cost_currency": "costcurrency", "package": "package", "billing_mode": "billingmode",
    "agents": "agents", "decision": "decision", "tries": "attempts", "id": "id",
}  # fmt: skip


class Filter(NamedTuple):
    """Which calls: those that began from *since* on and before *until* (epoch ms).

    :ivar account: that paid; *vendor* that was paid; *gateway* on either side; *prefix* of the called number as billed.
    """

    since: int
    until: int
    account: str | None = None
    vendor: str | None = None
    gateway: str | None = None
    prefix: str | None = None


class Tried(NamedTuple):
    """One attempt of a call.

    :ivar status: the final one of its gateway, 0 = there was none.
    :ivar at: when it began, epoch ms.
    """

    gateway: str
    reason: str
    status: int
    prefix: str
    at: int


class Rated(NamedTuple):
    """One answered call as its record has it; times are epoch ms, texts "" where nothing applies.

    :ivar tries: the attempts as stored.
    """

    flowno: int
    start: int
    answer: int
    hold_ms: int
    caller: str
    callee: str
    mapping_gateway: str
    phone: str
    account: str
    routing_gateway: str
    clearing: str
    currency: str
    cost_currency: str
    package: str
    billing_mode: int
    agents: Any
    decision: Any
    tries: str | None
    id: int

    @property
    def attempts(self) -> list[Tried]:
        """Each of them, the first one first."""
        found, at = [], self.start
        try:
            for one in orjson.loads(self.tries or "[]"):
                found.append(Tried(one["gateway"], one["reason"], one["status"], one.get("prefix") or "", at))
                at += one.get("duration_ms") or 0
        except _DAMAGED:
            return []
        return found

    @property
    def prefix(self) -> str:
        """The prefix of the gateway that answered."""
        try:
            return str(orjson.loads(self.tries or "[]")[-1].get("prefix") or "")
        except (*_DAMAGED, IndexError):
            return ""

    @property
    def transferred(self) -> bool:
        """Somebody else may have taken the place of the called side."""
        return bool(self.decision and self.decision.get("transfer"))


class Run(NamedTuple):
    """One re-rating that was applied.

    :ivar what: filters, configuration, reason, the runs before it that count (``after``) and, when it is done, the
        sums; JSON-able.
    """

    id: int
    at: int
    who: str
    state: str
    what: dict[str, Any]


class Correction(NamedTuple):
    """What is to be booked.

    :ivar amount: units of 10^-7, added to the balance.
    """

    flowno: int
    account: str
    kind: str
    amount: int


class Unfinished(ValueError):
    """A run was interrupted; its text is one line for the operator."""


def count_rated(connection: Connection, wanted: Filter) -> int:
    """How many answered calls there are."""
    return sum(
        connection.scalar(_within(select(func.count()).select_from(table), table, wanted)) or 0
        for table in map(day_table, reversed(days_between(connection, wanted.since, wanted.until)))
    )


def rated_calls(database: Database, wanted: Filter, page: int = PAGE) -> Iterator[list[Rated]]:
    """Those calls in pages, oldest start first within each day."""
    with database.read() as connection:
        days = days_between(connection, wanted.since, wanted.until)
    for day in reversed(days):
        table = day_table(day)

        def within(query: Select[Any], since: int, table: Any = table) -> Select[Any]:
            return _within(query, table, wanted._replace(since=since))

        for rows in pages_of_day(database, table, tuple(_COLUMNS.values()), within, wanted.since, page):
            yield [Rated._make(row) for row in rows]


def _within(query: Select[Any], table: Any, wanted: Filter) -> Select[Any]:
    since, until, account, vendor, gateway, prefix = wanted
    query = query.where(table.c.starttime >= since, table.c.starttime < until, table.c.answertime.is_not(None))
    if account is not None:
        query = query.where(table.c.customeraccount == account)
    if vendor is not None:
        query = query.where(table.c.clearingaccount == vendor)
    if gateway is not None:
        query = query.where((table.c.callergatewayid == gateway) | (table.c.calleegatewayid == gateway))
    if prefix:
        query = query.where(table.c.calleee164.startswith(prefix, autoescape=True))
    return query


Paid = dict[tuple[int, str, str], int]
"""By call, account and kind: units that it has paid in all."""


def paid(connection: Connection, flownos: Sequence[int], runs: Iterable[int]) -> tuple[Paid, set[tuple[int, str, str]]]:
    """What was booked for calls, corrections of *runs* included, and what of it was taken back by hand."""
    found: Paid = defaultdict(int)
    rows: dict[int, tuple[int, str, str]] = {}
    query = select(ledger.c.id, ledger.c.call_id, ledger.c.account, ledger.c.kind, ledger.c.amount)
    for row in connection.execute(query.where(ledger.c.call_id.in_(flownos), ledger.c.kind.in_(_KINDS))):
        key = row.call_id, row.account, row.kind
        rows[row.id] = key
        found[key] -= row.amount
    back = _taken_back(connection, list(rows))
    for run in runs:
        _add_corrections(connection, run, flownos, found)
    return found, {rows[one] for one in back}


def _add_corrections(connection: Connection, run: int, flownos: Sequence[int], found: Paid) -> None:
    references = [_reference(run, flowno, kind) for flowno in flownos for kind in _KINDS]
    columns = ledger.c.id, ledger.c.reference, ledger.c.account, ledger.c.amount
    booked = connection.execute(select(*columns).where(ledger.c.reference.in_(references))).all()
    back = _taken_back(connection, [row.id for row in booked])
    for row in booked:
        if row.id not in back:
            _, _, flowno, kind = row.reference.split(":")
            found[int(flowno), row.account, kind] -= row.amount


def _taken_back(connection: Connection, ids: Sequence[int]) -> set[int]:
    if not ids:
        return set()
    return set(connection.scalars(select(ledger.c.reverses).where(ledger.c.reverses.in_(ids))))


def _reference(run: int, flowno: int, kind: str) -> str:
    return f"rerate:{run}:{flowno}:{kind}"


# Runs.


def all_runs(connection: Connection) -> list[Run]:
    """All, oldest first."""
    return [Run(**row._mapping) for row in connection.execute(select(rerate).order_by(rerate.c.id))]


def counted_runs(connection: Connection) -> list[int]:
    """Those whose corrections count.

    :raises Unfinished: one of them was interrupted.
    """
    found = []
    for run in all_runs(connection):
        if run.state in (APPLYING, UNDOING):
            raise Unfinished(f"rerate {run.id} was interrupted: expected vosswitch rerate undo {run.id} first")
        if run.state == APPLIED:
            found.append(run.id)
    return found


def begin(connection: Connection, who: str, what: Mapping[str, Any]) -> Run:
    """A new run.

    :raises Unfinished: a former one was interrupted, or runs at this moment.
    """
    changes.lock(connection)
    kept = {**what, "after": counted_runs(connection)}
    at = changes.now_ms()
    done = connection.execute(insert(rerate).values(at=at, who=who[:64], state=APPLYING, what=kept))
    assert done.inserted_primary_key is not None
    return Run(int(done.inserted_primary_key[0]), at, who, APPLYING, kept)


def move(connection: Connection, run: int, state: str, what: Mapping[str, Any] | None = None) -> None:
    """Bring a run to another state, with more to say of it or not."""
    values: dict[str, Any] = {"state": state} | ({} if what is None else {"what": dict(what)})
    connection.execute(update(rerate).where(rerate.c.id == run).values(**values))


def find_run(connection: Connection, run: int) -> Run:
    """The run of that number.

    :raises CannotBook: there is none.
    """
    row = connection.execute(select(rerate).where(rerate.c.id == run)).first()
    if row is None:
        raise CannotBook(f"rerate: there is no run {run}")
    return Run(**row._mapping)


# Bookings.


def correct(database: Database, run: Run, corrections: Sequence[Correction], why: str) -> int | None:
    """Book corrections, each once; gives the number of the last change."""
    seq = None
    for at in range(0, len(corrections), TOGETHER):
        entries = [
            Booking(
                one.account, "correction", one.amount, run.who,
                f"call {one.flowno} rated again ({one.kind}){': ' if why else ''}{why}",
                _reference(run.id, one.flowno, one.kind),
            )
            for one in corrections[at : at + TOGETHER]
        ]  # fmt: skip
        with database.write() as connection:
            seq = accounts.post(connection, entries, run.who).seq or seq
    return seq


def booked(connection: Connection, run: int, after: int, limit: int = TOGETHER) -> list[Any]:
    """The corrections of a run, in the order of their rows: id, account, amount, reference."""
    low, high = f"rerate:{run}:", f"rerate:{run};"
    columns = ledger.c.id, ledger.c.account, ledger.c.amount, ledger.c.reference, ledger.c.at, ledger.c.why
    query = select(*columns).where(ledger.c.reference >= low, ledger.c.reference < high, ledger.c.id > after)
    return list(connection.execute(query.order_by(ledger.c.id).limit(limit)).all())


def all_booked(connection: Connection, run: int) -> Iterator[Any]:
    """All of them."""
    last = 0
    while rows := booked(connection, run, last, PAGE):
        yield from rows
        last = rows[-1].id


def undo(
    database: Database, number: int, who: str, why: str, progress: Callable[[int], object] = lambda _done: None
) -> tuple[int, int, int | None]:
    """Take a run's corrections back by reversals; one that was interrupted goes on.

    :returns: how many were reversed, units that accounts got by that, the number of the last change.
    :raises CannotBook: there is no such run, or nothing of it to take back.
    """
    with database.write() as connection:
        changes.lock(connection)
        run = find_run(connection, number)
        if run.state == UNDONE:
            raise CannotBook(f"rerate {number}: it was taken back already")
        move(connection, number, UNDOING)
    done = units = last = 0
    seq = None
    while True:
        with database.write() as connection:
            rows = booked(connection, number, last)
            if not rows:
                move(connection, number, UNDONE, {**run.what, "undone_by": who, "undone_at": changes.now_ms()})
                return done, units, seq
            last = rows[-1].id
            back = _taken_back(connection, [row.id for row in rows])
            entries = [reversal_of(connection, row.id, who, why) for row in rows if row.id not in back]
            if entries:
                seq = accounts.post(connection, entries, who).seq or seq
        done, units = done + len(entries), units + sum(entry.amount for entry in entries)
        progress(done)
