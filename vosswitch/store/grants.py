"""The money that nodes hold of accounts: granted out of balance and limit, lowered by charges, given back.

``account.granted`` is always the sum of the account's ``account_grant`` rows, and charges of an account with
anti-overdraft come only out of grants.  A grant is never taken away from a node that runs: only its switch knows what
of it calls hold, so it gives back itself what it is asked for.

A node that lacks money writes a row into ``grant_recall``; whoever holds some of that account sees it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, delete, func, select, update

from vosswitch.store.rows import derived, run
from vosswitch.store.schema import account, account_grant, grant_recall, node
from vosswitch.store.types import Money

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Connection

UNBOUNDED = 10**17
"""Units of 10^-7: what an account without a limit may overdraw."""

ALIVE_MS = 15_000
"""A node that was not seen for this long gets no new grants (those it has stay its own)."""

_SLICE = 500

_FIRST_PART = 10
"""Of several nodes each takes at first its share of an account divided by this: what a node that dies can block."""


class Holding(NamedTuple):
    """What an account has, and what this node holds of it (units of 10^-7)."""

    balance: int
    grant: int


def holdings(connection: Connection, node_id: int, numbers: Collection[str] | None = None) -> dict[str, Holding]:
    """Balance and this node's grant of accounts; None = of all."""
    mine = account_grant.c.node == node_id
    query = select(account.c.number, account.c.balance, account_grant.c.amount).outerjoin_from(
        account, account_grant, (account_grant.c.account == account.c.number) & mine
    )
    if numbers is None:
        return {row[0]: Holding(row[1], row[2] or 0) for row in connection.execute(query)}
    found: dict[str, Holding] = {}
    for some in _slices(sorted(numbers)):
        for row in connection.execute(query.where(account.c.number.in_(some))):
            found[row[0]] = Holding(row[1], row[2] or 0)
    return found


def take(connection: Connection, node_id: int, number: str, amount: int) -> bool:
    """Grant *amount* more of an account to a node in one atomic step; False when that much is not free."""
    free = account.c.balance + func.coalesce(account.c.overdraft_limit, _money(UNBOUNDED)) - account.c.granted
    step = update(account).where(account.c.number == number, free >= _money(amount))
    if not connection.execute(step.values(granted=account.c.granted + _money(amount))).rowcount:
        return False
    _add(connection, node_id, number, amount)
    return True


def give_back(connection: Connection, node_id: int, number: str, amount: int) -> None:
    """Take *amount* of a node's grant away from it; it has to hold that much."""
    step = update(account).where(account.c.number == number)
    connection.execute(step.values(granted=account.c.granted - _money(amount)))
    _add(connection, node_id, number, -amount)


def refresh(connection: Connection, node_id: int, now: int, numbers: Collection[str] | None = None) -> dict[str, int]:
    """Grant a node what it may have of its accounts, at its start and after payments and changes of limits.

    A node that is alone takes all that is free; of several each takes a first part of what it has nothing of, and asks
    for more with `top_up`.

    :param now: epoch milliseconds.
    :param numbers: None = all accounts.
    :returns: what the node should give back as far as no call holds it: more is granted than balance and limit have,
        or anti-overdraft is off.
    """
    nodes = max(1, alive(connection, node_id, now))
    over: dict[str, int] = {}
    for row in _accounts(connection, node_id, numbers):
        free = _free(row)
        if not row.anti_overdraft:
            excess = row.mine
        else:
            excess = min(row.mine, -free)
            wanted = free if nodes == 1 else 0 if row.mine else free // nodes // _FIRST_PART
            if wanted > 0:
                take(connection, node_id, row.number, wanted)
        if excess > 0:
            over[row.number] = excess
    return over


def top_up(connection: Connection, node_id: int, number: str, amount: int, now: int) -> int:
    """Take *amount* more of an account, or whatever is free; a node that is alone takes all of it.

    :returns: what is missing, when other nodes that are alive hold some of the account.
    """
    for row in _accounts(connection, node_id, [number]):
        free = max(_free(row), 0)
        wanted = free if alive(connection, node_id, now) <= 1 else min(free, amount)
        if not row.anti_overdraft:
            break
        if wanted:
            take(connection, node_id, number, wanted)
        return min(amount - wanted, others(connection, node_id, now, [number]).get(number, 0)) if wanted < amount else 0
    return 0


def others(connection: Connection, node_id: int, now: int, numbers: Collection[str] | None = None) -> dict[str, int]:
    """What other nodes that are alive hold, by account; accounts of which they hold nothing are left out."""
    held = account_grant.c
    total = func.sum(held.amount, type_=Money)
    query = (
        select(held.account, total)
        .join_from(account_grant, node, node.c.id == held.node)
        .where(held.node != node_id, held.amount > _money(0), node.c.seen > now - ALIVE_MS)
        .group_by(held.account)
    )
    if numbers is None:
        return {number: int(amount) for number, amount in connection.execute(query)}
    found: dict[str, int] = {}
    for some in _slices(sorted(numbers)):
        found |= {number: int(amount) for number, amount in connection.execute(query.where(held.account.in_(some)))}
    return found


def left_over(connection: Connection, numbers: Collection[str] | None = None) -> dict[str, int]:
    """What of accounts with anti-overdraft is not granted to anybody, where that is more than nothing."""
    free = account.c.balance + func.coalesce(account.c.overdraft_limit, _money(UNBOUNDED)) - account.c.granted
    query = select(account.c.number, account.c.balance, account.c.overdraft_limit, account.c.granted)
    query = query.where(account.c.anti_overdraft.is_(True), free > _money(0))
    if numbers is None:
        return {row.number: _free(row) for row in connection.execute(query)}
    found: dict[str, int] = {}
    for some in _slices(sorted(numbers)):
        found |= {row.number: _free(row) for row in connection.execute(query.where(account.c.number.in_(some)))}
    return found


def beyond(connection: Connection) -> dict[str, int]:
    """By how much more of accounts with anti-overdraft is granted than they have: the calls that run may use it."""
    spare = account.c.balance + func.coalesce(account.c.overdraft_limit, _money(UNBOUNDED)) - account.c.granted
    query = select(account.c.number, account.c.balance, account.c.overdraft_limit, account.c.granted)
    query = query.where(account.c.anti_overdraft.is_(True), account.c.granted > _money(0), spare < _money(0))
    return {row.number: -_free(row) for row in connection.execute(query.order_by(account.c.number))}


def held_by(connection: Connection, number: str) -> dict[int, int]:
    """Which nodes hold how much of an account."""
    query = select(account_grant.c.node, account_grant.c.amount).where(account_grant.c.account == number)
    return {row.node: row.amount for row in connection.execute(query.order_by(account_grant.c.node)) if row.amount}


# Recalls: a node asks the others for what they do not need.


def ask_others(connection: Connection, node_id: int, number: str, amount: int, now: int) -> None:
    """Note that a node lacks *amount* of an account; 0 = not any more."""
    table = grant_recall
    mine = (table.c.node == node_id) & (table.c.account == number)
    if not amount:
        connection.execute(delete(table).where(mine))
    elif not connection.execute(update(table).where(mine).values(amount=amount, at=now)).rowcount:
        connection.execute(table.insert().values(node=node_id, account=number, amount=amount, at=now))


def asked(connection: Connection, node_id: int) -> dict[str, int]:
    """What other nodes lack, by account, of accounts that this node holds something of."""
    held, table = account_grant.c, grant_recall.c
    query = (
        select(table.account, table.amount)
        .join_from(grant_recall, account_grant, (held.account == table.account) & (held.node == node_id))
        .where(table.node != node_id, held.amount > _money(0))
    )
    found: dict[str, int] = {}
    for number, amount in connection.execute(query):
        found[number] = found.get(number, 0) + amount
    return found


def forget_questions(connection: Connection, node_id: int) -> None:
    """What a node asked for is not asked any more."""
    connection.execute(delete(grant_recall).where(grant_recall.c.node == node_id))


def release(connection: Connection, node_id: int) -> None:
    """Give all grants of a node back: it has stopped, and its journal is replayed to the end."""
    query = select(account_grant.c.account, account_grant.c.amount).where(account_grant.c.node == node_id)
    for number, amount in connection.execute(query.order_by(account_grant.c.account)).all():
        if amount:
            give_back(connection, node_id, number, amount)
    forget_questions(connection, node_id)


def alive(connection: Connection, node_id: int, now: int) -> int:
    """How many nodes are alive, this one included."""
    others = select(func.count()).where(node.c.id != node_id, node.c.seen > now - ALIVE_MS)
    return 1 + int(connection.scalar(others) or 0)


def seen(connection: Connection, node_id: int, name: str, now: int) -> None:
    """Note that a node is alive."""
    if not connection.execute(update(node).where(node.c.id == node_id).values(name=name, seen=now)).rowcount:
        known = connection.scalar(select(node.c.id).where(node.c.id == node_id))
        if known is None:
            connection.execute(node.insert().values(id=node_id, name=name, seen=now))


def stamps(connection: Connection) -> dict[int, int]:
    """When each node was last noted as alive, epoch milliseconds of its own clock."""
    return {row.id: row.seen for row in connection.execute(select(node.c.id, node.c.seen))}


def gone(connection: Connection, node_id: int) -> None:
    """Note that a node has ended."""
    connection.execute(update(node).where(node.c.id == node_id).values(seen=0))


def spend(connection: Connection, node_id: int, charged: dict[str, int]) -> dict[str, Holding]:
    """Lower balances by what calls cost, and this node's grants with them.

    :param charged: account -> units of 10^-7; an account that is gone is left out of the result.
    :returns: what the accounts had *before*.
    """
    before: dict[str, Holding] = {}
    for some in _slices(sorted(charged)):
        locked = select(account.c.number).where(account.c.number.in_(some)).order_by(account.c.number)
        connection.execute(locked.with_for_update()).all()
        before |= holdings(connection, node_id, some)
    used = {number: min(held.grant, max(charged[number], 0)) for number, held in before.items()}
    if connection.dialect.name == "sqlite":
        _lower_each(connection, node_id, charged, used)
    else:
        _lower_at_once(connection, node_id, charged, used)
    return before


def _lower_each(connection: Connection, node_id: int, charged: dict[str, int], used: dict[str, int]) -> None:
    if used:
        connection.execute(_SPEND, [{"n": key, "x": charged[key], "g": amount} for key, amount in used.items()])
    lowered = [{"n": key, "g": amount, "node_id": node_id} for key, amount in used.items() if amount]
    if lowered:
        connection.execute(_LOWER, lowered)


def _lower_at_once(connection: Connection, node_id: int, charged: dict[str, int], used: dict[str, int]) -> None:
    """The same in one statement for many accounts: each of its own would be a way to the server and back."""
    for some in _slices(list(used)):
        sums = derived(("x", "g"), [(number, charged[number], used[number]) for number in some])
        run(connection, f"UPDATE account AS a JOIN ({sums}) AS t {_LOWERED.format(node=node_id)}")


_LOWERED = """ON a.number = t.name COLLATE utf8mb4_bin
LEFT JOIN account_grant AS h ON h.account = a.number AND h.node = {node}
SET a.balance = a.balance - t.x, a.granted = a.granted - t.g, h.amount = h.amount - t.g
"""
_SPEND = (
    update(account)
    .where(account.c.number == bindparam("n"))
    .values(
        balance=account.c.balance - bindparam("x", type_=Money),
        granted=account.c.granted - bindparam("g", type_=Money),
    )
)
_LOWER = (
    update(account_grant)
    .where(account_grant.c.node == bindparam("node_id"), account_grant.c.account == bindparam("n"))
    .values(amount=account_grant.c.amount - bindparam("g", type_=Money))
)


def _accounts(connection: Connection, node_id: int, numbers: Collection[str] | None) -> Iterable[Any]:
    """Accounts that have or need a grant, locked where rows can be, in one order."""
    mine = (account_grant.c.account == account.c.number) & (account_grant.c.node == node_id)
    query = (
        select(
            account.c.number,
            account.c.balance,
            account.c.overdraft_limit,
            account.c.granted,
            account.c.anti_overdraft,
            func.coalesce(account_grant.c.amount, _money(0), type_=Money).label("mine"),
        )
        .outerjoin_from(account, account_grant, mine)
        .where(account.c.anti_overdraft.is_(True) | (account_grant.c.amount > _money(0)))
        .order_by(account.c.number)
        .with_for_update(of=account)
    )
    if numbers is None:
        return connection.execute(query).all()
    return [
        row
        for some in _slices(sorted(numbers))
        for row in connection.execute(query.where(account.c.number.in_(some))).all()
    ]


def _free(row: Any) -> int:
    limit = UNBOUNDED if row.overdraft_limit is None else row.overdraft_limit
    return int(row.balance + limit - row.granted)


def _add(connection: Connection, node_id: int, number: str, amount: int) -> None:
    table = account_grant
    step = update(table).where(table.c.node == node_id, table.c.account == number)
    if not connection.execute(step.values(amount=table.c.amount + _money(amount))).rowcount:
        connection.execute(table.insert().values(node=node_id, account=number, amount=amount))


def _money(units: int) -> Any:
    return bindparam(None, units, type_=Money)


def _slices(numbers: list[str]) -> Iterable[list[str]]:
    for at in range(0, len(numbers), _SLICE):
        yield numbers[at : at + _SLICE]
