"""A dead node's spool, brought into the database from where it is now: calls are billed, money is free again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from vosswitch.cdr.files import JournalWriter, Lock, scan_open_calls
from vosswitch.cdr.recovery import ended, pricer
from vosswitch.recorder.drain import Drain
from vosswitch.recorder.files import spool_identity
from vosswitch.store import nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.params.boot import Boot
    from vosswitch.store.database import Database

_AT_ONCE = 500


class Recovered(NamedTuple):
    """What came of it.

    :ivar ended: calls that were up when the node died.
    :ivar written: batches of records that the database did not have.
    :ivar granted: what the node held and is free again, units.
    """

    ended: int
    written: int
    granted: int


def recover(
    boot: Boot,
    database: Database,
    node_id: int,
    spool: str,
    modes: Mapping[str, Any],
    say: Callable[[str], None],
) -> Recovered:
    """Replay the spool of a dead node and give its grants back.

    :param say: told one line for each damage.
    :raises vosswitch.store.nodes.BadNode: the node is alive or not known, or the spool is another one's.
    :raises vosswitch.cdr.files.SpoolBusy: a switch works on it.
    """
    if not any(Path(spool).glob("journal-*.seg")):
        raise nodes.BadNode(f"node {node_id}: {spool}: no journal there")
    with database.read() as connection:
        found = nodes.gone(connection, node_id, _now())
    if found.spool and found.spool != spool_identity(spool):
        raise nodes.BadNode(f"node {node_id}: {spool} is not its spool")
    lock = Lock(Path(spool) / "recorder.lock")
    try:
        calls = _end_calls(spool, modes, say)
        drain = Drain(database, Path(spool), (node_id, found.name), ZoneInfo(boot.timezone), _now, say)
        drain.begin()
        written = 0
        while drain.step(_AT_ONCE) is not None:
            written += 1
        drain.close()
        with database.write() as connection:
            nodes.release(connection, node_id)
    finally:
        lock.release()
    return Recovered(calls, written, found.granted)


def _end_calls(spool: str, modes: Mapping[str, Any], say: Callable[[str], None]) -> int:
    """Write the ends of the calls that were up; how many they are."""
    writer = JournalWriter(spool)
    try:
        calls, problems = scan_open_calls(spool)
        for call in calls:
            writer.append("end", ended(call.start, call.answer, call.last_tick, pricer(modes)))
    finally:
        writer.close()
    for problem in problems:
        say(problem)
    return len(calls)


def _now() -> int:
    return time.time_ns() // 1_000_000
