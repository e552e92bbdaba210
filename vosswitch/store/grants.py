"""The money that nodes hold of accounts: granted out of balance and limit, lowered by charges, given back.

``account.granted`` is always the sum of the account's ``account_grant`` rows, and charges of an account with
anti-overdraft come only out of grants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, func, select, update

from vosswitch.store.rows import derived, run
from vosswitch.store.schema import account, account_grant, node
from vosswitch.store.types import Money

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Connection

UNBOUNDED = 10**17
"""Units of 10^-7: what an account without a limit may overdraw."""

ALIVE_MS = 15_000
"""A node that was not seen for this long gets no new grants (those it has stay its own)."""

_SLICE = 500


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


def refresh(connection: Connection, node_id: int, now: int, numbers: Collection[str] | None = None) -> None:
    """Bring a node's grants in line with its accounts, after payments and changes of limits.

    A node that is alone takes all that is free; of several alive each takes its share and asks for more with
    `top_up`.  Where less is free than was granted, and where anti-overdraft is off, it gives back.

    :param now: epoch milliseconds.
    :param numbers: None = all accounts.
    """
    nodes = max(1, alive(connection, node_id, now))
    for row in _accounts(connection, node_id, numbers):
        _refresh_one(connection, node_id, row, nodes)


def top_up(connection: Connection, node_id: int, number: str, amount: int, now: int) -> None:
    """Take *amount* more of an account, or whatever is free; a node that is alone takes all of it."""
    for row in _accounts(connection, node_id, [number]):
        free = _free(row)
        wanted = free if alive(connection, node_id, now) <= 1 else min(free, amount)
        if row.anti_overdraft and wanted > 0:
            take(connection, node_id, number, wanted)


def release(connection: Connection, node_id: int) -> None:
    """Give all grants of a node back: it has stopped, and its journal is replayed to the end."""
    query = select(account_grant.c.account, account_grant.c.amount).where(account_grant.c.node == node_id)
    for number, amount in connection.execute(query.order_by(account_grant.c.account)).all():
        if amount:
            give_back(connection, node_id, number, amount)


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


def _refresh_one(connection: Connection, node_id: int, row: Any, nodes: int) -> None:
    free = _free(row)
    if not row.anti_overdraft:
        give_back(connection, node_id, row.number, row.mine)
    elif free < 0 and row.mine:
        give_back(connection, node_id, row.number, min(row.mine, -free))
    elif free > 0:
        wanted = free if nodes == 1 else (free + row.mine) // nodes - row.mine
        if wanted > 0:
            take(connection, node_id, row.number, wanted)


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
