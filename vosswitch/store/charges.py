"""One batch of finished calls in one transaction: ledger rows, balances and grants, CDRs, the journal's position."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select, update

from vosswitch.model.values import money_text
from vosswitch.store import cdrs, changes, grants, locks
from vosswitch.store.books import contra_of_call
from vosswitch.store.card_uses import first_uses
from vosswitch.store.rows import insert_rows
from vosswitch.store.schema import journal_position, ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy import Connection

_SLICE = 500


class StalePosition(Exception):
    """The journal's position moved under us: another recorder works for this node."""


class LimitReached(Exception):
    """The batch takes the last of an account: it has to be written with the log of changes locked first."""


class Spent(NamedTuple):
    """An account after a batch (units of 10^-7).

    :ivar drained: what the batch charged.
    """

    balance: int
    grant: int
    drained: int


class Batch(NamedTuple):
    """What is written at once.

    :ivar ends: records as dicts with every field of `vosswitch.cdr.record.Cdr`.
    :ivar before: segment and offset that the stored position must have; *after* those it gets.
    :ivar at: epoch milliseconds.
    """

    ends: Sequence[Mapping[str, Any]]
    before: tuple[int, int]
    after: tuple[int, int]
    at: int


def write_batch(
    connection: Connection, node_id: int, node_name: str, batch: Batch, *, locking: bool = False
) -> dict[str, Spent]:
    """Write a batch; the transaction around it makes it all or nothing.

    Accounts whose calls take the last of their money are locked in it.

    :param locking: lock the log of changes first, as everybody does who changes accounts: for a batch that raised
        `LimitReached`.
    :returns: the accounts that it touched.
    :raises sqlalchemy.exc.IntegrityError: a call of it is there already: leave it out (`known_calls`) and try again.
    :raises StalePosition: see there.
    :raises LimitReached: see there; only without *locking*.
    """
    if locking:
        changes.lock(connection)
    first_uses(connection, batch.ends)
    move_position(connection, node_id, batch.before, batch.after)
    spent = _charge(connection, node_id, batch)
    _lock_empty(connection, node_id, batch, spent, locking=locking)
    days: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in batch.ends:
        if not record["hidden"]:
            days[record["day"]].append(record)
    for day, records in days.items():
        cdrs.insert_cdrs(connection, day, records, node_name)
    return spent


def known_calls(connection: Connection, ends: Sequence[Mapping[str, Any]]) -> set[int]:
    """Which of these calls have a ledger row or a CDR already."""
    days: dict[str, list[int]] = defaultdict(list)
    for record in ends:
        days[record["day"]].append(record["flowno"])
    known: set[int] = set()
    for day, flownos in days.items():
        for at in range(0, len(flownos), _SLICE):
            some = flownos[at : at + _SLICE]
            known |= cdrs.known_cdrs(connection, day, some)
            known |= set(connection.scalars(select(ledger.c.call_id).where(ledger.c.call_id.in_(some))))
    return known


def position(connection: Connection, node_id: int) -> tuple[int, int]:
    """How far a node's journal is in the database: segment and offset; (0, 0) at first."""
    query = select(journal_position.c.segment, journal_position.c.offset).where(journal_position.c.node == node_id)
    row = connection.execute(query).first()
    return (0, 0) if row is None else (row[0], row[1])


def move_position(connection: Connection, node_id: int, before: tuple[int, int], after: tuple[int, int]) -> None:
    """Advance a node's journal position.

    :raises StalePosition: it was not at *before*.
    """
    table = journal_position
    if before == after:
        return
    if before == (0, 0):
        connection.execute(table.insert().values(node=node_id, segment=after[0], offset=after[1]))
        return
    step = update(table).where(table.c.node == node_id, table.c.segment == before[0], table.c.offset == before[1])
    if not connection.execute(step.values(segment=after[0], offset=after[1])).rowcount:
        raise StalePosition(f"node {node_id}: the journal's position is not {before} any more")


def _charge(connection: Connection, node_id: int, batch: Batch) -> dict[str, Spent]:
    charged: dict[str, int] = defaultdict(int)
    for record in batch.ends:
        for item in record["charges"]:
            charged[item["account"]] += item["amount"]
    if not charged:
        return {}
    before = grants.spend(connection, node_id, charged)
    rows = _ledger_rows(connection, batch, {number: held.balance for number, held in before.items()})
    insert_rows(connection, "ledger", _COLUMNS, rows)
    return {
        number: Spent(held.balance - sum_, held.grant - min(held.grant, max(sum_, 0)), sum_)
        for number, held in before.items()
        for sum_ in (charged[number],)
    }


def _lock_empty(
    connection: Connection, node_id: int, batch: Batch, spent: Mapping[str, Spent], *, locking: bool
) -> None:
    """Lock who has reached the limit by calls that it pays for; what a vendor charges locks nobody."""
    low = [number for number, row in spent.items() if row.balance <= 0]  # no limit is above zero
    if not low:
        return
    paying = {item["account"] for record in batch.ends for item in record["charges"] if item["kind"] in _PAYING}
    reached = locks.reached(connection, paying.intersection(low))
    if reached and not locking:
        raise LimitReached
    if reached:
        locks.lock_for_balance(connection, reached, f"node {node_id}")


_PAYING = ("call", "agent")

_COLUMNS = "account, call_id, kind, contra, amount, balance_after, at, who, why"


def _ledger_rows(connection: Connection, batch: Batch, balances: dict[str, int]) -> list[tuple[Any, ...]]:
    """A row for each charge; what an account that is gone should have paid is closed at once: it stays at zero."""
    amount_of: Callable[[int], Any] = int if connection.dialect.name == "sqlite" else money_text
    tail = (batch.at, "recorder", "")
    rows: list[tuple[Any, ...]] = []
    for record in batch.ends:
        charges = record["charges"]
        if not charges:
            continue
        highest = record["agents"][-1]["account"] if record["agents"] else ""
        for (number, kind), amount in _bookings(charges).items():
            there = number in balances
            left = balances[number] - amount if there else -amount
            contra = contra_of_call(kind, number, highest)
            rows.append((number, record["flowno"], kind, contra, amount_of(-amount), amount_of(left), *tail))
            if there:
                balances[number] = left
            else:
                rows.append((number, None, "closing", "closing", amount_of(amount), amount_of(0), *tail))
    return rows


def _bookings(charges: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """Amounts by account and kind: one row each."""
    found: dict[tuple[str, str], int] = {}
    for item in charges:
        if item["amount"]:
            key = item["account"], item["kind"]
            found[key] = found.get(key, 0) + item["amount"]
    return found


def without(batch: Batch, known: Collection[int]) -> Batch:
    """The batch without calls that are in the database, and with every other call once."""
    seen = set(known)
    fresh = []
    for record in batch.ends:
        if record["flowno"] not in seen:
            seen.add(record["flowno"])
            fresh.append(record)
    return batch._replace(ends=fresh)
