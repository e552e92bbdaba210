"""The nodes of a database: which spool belongs to which number, and what becomes of the money of a node that is gone.

The journal of a node that died may hold charges that the database does not have.  So its grants stay its own until that
journal is replayed, or until somebody says in so many words that it is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, delete, func, select, update

from vosswitch.model.values import money_text
from vosswitch.store import changes, grants
from vosswitch.store.schema import account_grant, grant_recall, journal_position, node
from vosswitch.store.types import Money

if TYPE_CHECKING:
    from sqlalchemy import Connection


_NOTHING = bindparam(None, 0, type_=Money)


class BadNode(ValueError):
    """What was asked for cannot be done with this node; the text is one line for the operator."""


class NodeRow(NamedTuple):
    """A node as operators see it.

    :ivar seen: when it was last alive, epoch ms; 0 = it has ended in good order.
    :ivar granted: what it holds of all accounts, units; *accounts* of how many.
    :ivar spool: the identity of its spool, "" = not known.
    """

    id: int
    name: str
    seen: int
    alive: bool
    granted: int
    accounts: int
    spool: str

    @property
    def state(self) -> str:
        """``alive``, ``stopped`` (in good order) or ``dead``."""
        if self.alive:
            return "alive"
        return "dead" if self.seen or self.granted else "stopped"


def list_nodes(connection: Connection, now: int) -> list[NodeRow]:
    """All nodes that the database knows, by number."""
    held = account_grant.c
    query = select(held.node, func.sum(held.amount, type_=Money), func.count()).where(
        held.amount > bindparam(None, 0, type_=Money)
    )
    granted = {row[0]: (int(row[1]), row[2]) for row in connection.execute(query.group_by(held.node))}
    rows = {row.id: row for row in connection.execute(select(node))}
    found = []
    for number in sorted(rows.keys() | granted.keys()):
        row = rows.get(number)
        name, seen, spool = (row.name, row.seen, row.spool) if row is not None else ("", 0, "")
        found.append(
            NodeRow(
                number, name, seen, bool(seen) and seen > now - grants.ALIVE_MS, *granted.get(number, (0, 0)), spool
            )
        )
    return found


def claim(connection: Connection, node_id: int, name: str, spool: str) -> str | None:
    """Let the switch with this spool be the node of that number.

    :returns: why it may not, in one line; None when it is that node now.
    """
    row = connection.execute(select(node).where(node.c.id == node_id).with_for_update()).first()
    if row is None:
        connection.execute(node.insert().values(id=node_id, name=name, seen=0, spool=spool))
        return None
    owes = row.seen != 0 or bool(_granted(connection, node_id))
    if row.spool not in ("", spool) and owes:
        return (
            f"database: node {node_id} is {row.name or 'another one'} with another spool, whose journal may hold calls"
            f' that are not paid yet: choose another [node] id, or see "vosswitch node recover {node_id}"'
        )
    connection.execute(update(node).where(node.c.id == node_id).values(spool=spool))
    return None


def gone(connection: Connection, node_id: int, now: int) -> NodeRow:
    """A node that may be recovered or written off.

    :raises BadNode: there is none of that number, or it is alive.
    """
    found = next((row for row in list_nodes(connection, now) if row.id == node_id), None)
    if found is None:
        raise BadNode(f"node {node_id}: the database knows no such node")
    if found.alive:
        raise BadNode(f"node {node_id}: it is alive, stop it first")
    return found


def release(connection: Connection, node_id: int) -> None:
    """Give the grants of a node back whose journal is in the database; another spool may take its number then."""
    grants.release(connection, node_id)
    grants.gone(connection, node_id)
    connection.execute(update(node).where(node.c.id == node_id).values(spool=""))


def write_off(connection: Connection, node_id: int, who: str, now: int) -> NodeRow:
    """Give the grants of a dead node back without its journal: what its calls owe is lost.

    :raises BadNode: see `gone`.
    """
    changes.lock(connection)
    found = gone(connection, node_id, now)
    release(connection, node_id)
    connection.execute(delete(journal_position).where(journal_position.c.node == node_id))
    connection.execute(delete(grant_recall).where(grant_recall.c.node == node_id))
    before: dict[str, Any] = {"granted": money_text(found.granted), "accounts": found.accounts, "spool": found.spool}
    changes.record(connection, who, [changes.Change("node", str(node_id), before, None)])
    return found


def _granted(connection: Connection, node_id: int) -> int:
    query = select(func.count()).where(
        account_grant.c.node == node_id, account_grant.c.amount > bindparam(None, 0, type_=Money)
    )
    return int(connection.scalar(query) or 0)
