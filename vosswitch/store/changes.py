"""The log of changes to what is provisioned: audit trail, and what a running switch follows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from vosswitch.store.schema import change_seq, changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

_SLICE = 5000


@dataclass(frozen=True, slots=True)
class Change:
    """One changed row.

    :ivar table: name of a table of `vosswitch.store.schema`.
    :ivar key: its name or number; ``GROUP/PREFIX/EFFECTIVE`` of a rate.
    :ivar before: the row as a document without secrets; None = it did not exist.
    :ivar after: likewise; None = it is gone.
    """

    table: str
    key: str
    before: Any
    after: Any


def now_ms() -> int:
    """The wall clock in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def last_seq(connection: Connection) -> int:
    """The number of the newest change; 0 = there was none yet."""
    return int(connection.execute(select(change_seq.c.seq).where(change_seq.c.id == 1)).scalar_one())


def lock(connection: Connection) -> None:
    """Wait until no other transaction is changing what is provisioned, and keep others waiting until the commit.

    Called before what a change depends on is read.  SQLite's write transactions do that by themselves.
    """
    connection.execute(select(change_seq.c.seq).where(change_seq.c.id == 1).with_for_update()).scalar_one()


def record(connection: Connection, who: str, rows: Sequence[Change]) -> int:
    """Add *rows* to the log in the caller's transaction; returns the newest number.

    :param who: the person or program, cut to the width of its column.
    """
    connection.execute(change_seq.update().where(change_seq.c.id == 1).values(seq=change_seq.c.seq + len(rows)))
    newest = last_seq(connection)
    first, at = newest - len(rows) + 1, now_ms()
    for start in range(0, len(rows), _SLICE):
        connection.execute(
            changes.insert(),
            [
                {
                    "seq": first + start + offset,
                    "at": at,
                    "who": who[:64],
                    "table": row.table,
                    "key": row.key,
                    "before": row.before,
                    "after": row.after,
                }
                for offset, row in enumerate(rows[start : start + _SLICE])
            ],
        )
    return newest
