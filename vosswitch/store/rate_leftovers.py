"""Former generations of price lists: how long they are kept, and their removal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import select

from vosswitch.params.system import Parameters
from vosswitch.store import changes, generations
from vosswitch.store.schema import changes as change_log
from vosswitch.store.schema import parameter, rate, rate_group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from vosswitch.store.database import Database

BULK = generations.Bulk(rate_group, rate, "group_id", "prefix", "rates_seq", "rate_groups", "rates")
_DAY_MS = 86_400_000


def remove_leftovers(database: Database, *, pause: Callable[[float], None] = time.sleep) -> int:
    """Delete rates that are not in force; their number.

    Former generations stay for VS_RATE_HISTORY_DAYS after they were replaced.
    """
    return sum(leftovers(database, pause))


def leftovers(database: Database, pause: Callable[[float], None]) -> Iterator[int]:
    """The same, a short transaction at each step, which gives its number of rows."""
    with database.read() as connection:
        remembered = _remembered(connection)
    yield from generations.leftovers(database, BULK, pause, remembered)


def _remembered(connection: Connection) -> set[tuple[int, int]]:
    """The generations that were replaced not long ago, for the configuration as it was then."""
    set_ = connection.scalar(select(parameter.c.value).where(parameter.c.name == "VS_RATE_HISTORY_DAYS"))
    days = int(set_) if set_ is not None else int(Parameters()["VS_RATE_HISTORY_DAYS"])
    since = changes.now_ms() - days * _DAY_MS
    query = select(rate_group.c.id, change_log.c.before).join(change_log, change_log.c.key == rate_group.c.name)
    query = query.where(change_log.c.table == "rate_group", change_log.c.at > since)
    rows = connection.execute(query).all()
    return {(row.id, row.before["generation"]) for row in rows if row.before and "generation" in row.before}
