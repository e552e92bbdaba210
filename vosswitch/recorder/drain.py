"""Brings the journal into the database: reads a batch, writes it in one transaction, lets consumed segments go."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import MISSING, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from vosswitch.cdr.aside import append_line
from vosswitch.cdr.files import JournalReader, segment_path, segments, sync_segment
from vosswitch.cdr.journal import Position, Record
from vosswitch.cdr.record import Cdr
from vosswitch.recorder.aside import REFUSED
from vosswitch.store import cdrs, charges, grants
from vosswitch.store.charges import Batch, LimitReached, Spent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from vosswitch.store.database import Database

_READ = 4000
_AHEAD = 400
"""Records that are read in one go: with too few of them the same disk blocks are read again and again."""

_DEFAULTS: dict[str, Any] = {field.name: field.default if field.default is not MISSING else [] for field in fields(Cdr)}


class Drain:
    """One node's journal on its way into the database.

    :ivar committed: how far the database has it.
    :ivar floor: which segment is the oldest that has to stay, given the oldest that the database needs.
    :ivar locked: accounts were locked by what was written, and nobody has been told yet.
    :param on_trouble: told one line for damage and for records that the database refuses for good.
    """

    def __init__(
        self,
        database: Database,
        spool: Path,
        node: tuple[int, str],
        zone: ZoneInfo,
        wall_ms: Callable[[], int],
        on_trouble: Callable[[str], None],
    ) -> None:
        self._database = database
        self._spool = spool
        self._node_id, self._node_name = node
        self._zone = zone
        self._wall_ms = wall_ms
        self._on_trouble = on_trouble
        self._open: dict[int, int] = {}
        self._days: set[str] = set()
        self._pending: tuple[list[dict[str, Any]], Position] | None = None
        self._reader = JournalReader(str(spool), Position(0, 0), on_trouble)
        self._doubtful = False
        self.locked = False
        self.committed = Position(0, 0)
        self.sync = sync_segment
        self.floor: Callable[[int], int] = lambda keep: keep

    def begin(self) -> None:
        """Find out how far the database is, and which calls of the older part of the spool have not ended."""
        with self._database.read() as connection:
            self.committed = Position(*charges.position(connection, self._node_id))
        self._open.clear()
        self._pending, self._doubtful = None, False
        self._reader.close()
        self._reader = JournalReader(str(self._spool), Position(0, 0), self._on_trouble)
        while self._reader.position < self.committed and (records := self._reader.read(_READ)):
            self._note([item for item in records if (self._reader.position.segment, item.end) <= self.committed])
        self._reader.close()
        self._reader = JournalReader(str(self._spool), self.committed, self._on_trouble)
        self.prepare_days()

    def prepare_days(self) -> None:
        """Make the tables of today and tomorrow; older ones may have been cleaned away meanwhile."""
        self._days.clear()
        now = datetime.fromtimestamp(self._wall_ms() / 1000, self._zone)
        self._ensure({f"{now + timedelta(days=ahead):%Y%m%d}" for ahead in (0, 1)})

    def step(self, limit: int) -> dict[str, Spent] | None:
        """Write the next batch of at most *limit* calls.

        :returns: the accounts it touched; None when the journal holds nothing new.
        :raises sqlalchemy.exc.DBAPIError: the database is away; the same batch is tried at the next call.
        :raises vosswitch.store.charges.StalePosition: another recorder works for this node.
        """
        if self._pending is None:
            self._pending = self._collect(limit)
        ends, after = self._pending
        if not ends and after.segment == self.committed.segment:
            self._pending = None  # starts and ticks alone are not worth a commit
            return None
        spent = self._write_once(ends, after)
        self._pending = None
        self.committed = after
        with suppress(OSError):  # of the disk; the next sweep tells it, and the switch has to hear of this batch
            self.remove_consumed()
        return spent

    def close(self) -> None:
        """Let the journal go."""
        self._reader.close()

    def _collect(self, limit: int) -> tuple[list[dict[str, Any]], Position]:
        ends: list[dict[str, Any]] = []
        while len(ends) < limit and (records := self._reader.read(_AHEAD)):
            taken = self._up_to(limit - len(ends), records)
            self._note(taken)
            ends += [self._end(item) for item in taken if item.kind == "end"]
        return ends, self._reader.position

    def _up_to(self, limit: int, records: list[Record]) -> list[Record]:
        """Records with at most *limit* ends among them; the reader goes back to behind the last of these."""
        ends = [number for number, item in enumerate(records) if item.kind == "end"]
        if len(ends) <= limit:
            return records
        taken = records[: ends[limit - 1] + 1]
        self._reader.position = Position(self._reader.position.segment, taken[-1].end)
        return taken

    def _note(self, records: list[Record]) -> None:
        segment = self._reader.position.segment
        for item in records:
            if item.kind == "end":
                self._open.pop(item.flowno, None)
            elif item.kind == "carry":
                self._open[item.flowno] = segment
            elif item.kind != "tick":
                self._open.setdefault(item.flowno, segment)

    def _end(self, item: Record) -> dict[str, Any]:
        record = item.value()
        if len(record) < len(_DEFAULTS):
            record = _DEFAULTS | record
        if not record["day"]:
            record["day"] = f"{datetime.fromtimestamp(record['start'] / 1000, self._zone):%Y%m%d}"
        return record

    def _ensure(self, days: set[str]) -> None:
        if not days <= self._days:
            cdrs.ensure_days(self._database, sorted(days))
            self._days |= days

    def _write_once(self, ends: list[dict[str, Any]], after: Position) -> dict[str, Spent]:
        """Write a batch; one whose commit was not confirmed is only written again when it is not there."""
        if self._doubtful:
            with self._database.read() as connection:
                if charges.position(connection, self._node_id) == after:
                    self._doubtful = False
                    return self._after(ends)
        self._doubtful = True
        spent = self._write(Batch(ends, self.committed, after, self._wall_ms()))
        self._doubtful = False
        return spent

    def _write(self, batch: Batch) -> dict[str, Spent]:
        try:
            self._ensure({item["day"] for item in batch.ends})
            return self._commit(batch)
        except DBAPIError as error:
            if self._is_away(error):
                raise
        except _UNUSABLE:
            pass
        self._one_by_one(batch)
        return self._after(batch.ends)

    def _after(self, ends: Sequence[Mapping[str, Any]]) -> dict[str, Spent]:
        """The accounts of a batch as they are now; what the calls charged is off the switch's hands in any case."""
        drained: dict[str, int] = defaultdict(int)
        for record in ends:
            for item in record["charges"]:
                drained[item["account"]] += item["amount"]
        with self._database.read() as connection:
            held = grants.holdings(connection, self._node_id, drained)
        return {number: Spent(row.balance, row.grant, drained[number]) for number, row in held.items()}

    def _commit(self, batch: Batch) -> dict[str, Spent]:
        try:
            with self._database.write() as connection:
                return charges.write_batch(connection, self._node_id, self._node_name, batch)
        except LimitReached:
            with self._database.write() as connection:
                spent = charges.write_batch(connection, self._node_id, self._node_name, batch, locking=True)
        self.locked = True
        return spent

    def _is_away(self, error: DBAPIError) -> bool:
        """Whether it may work later, as against a record that never fits."""
        if isinstance(error, InterfaceError):
            return not self._database.is_sqlite  # there it is a value that cannot be bound
        return isinstance(error, OperationalError) or error.connection_invalidated

    def _one_by_one(self, batch: Batch) -> None:
        """Leave out calls that are in the database, put aside records that it refuses, write the rest."""
        here = batch._replace(after=batch.before)
        for record in batch.ends:
            try:
                self._ensure({record["day"]})
                self._one(here._replace(ends=[record]))
            except DBAPIError as error:
                if self._is_away(error):
                    raise
                self._refuse(record, error)
            except _UNUSABLE as error:
                self._refuse(record, error)
        self._commit(batch._replace(ends=[]))

    def _one(self, batch: Batch) -> None:
        with self._database.read() as connection:
            fresh = charges.without(batch, charges.known_calls(connection, batch.ends))
        if fresh.ends:
            self._commit(fresh)

    def _refuse(self, record: Mapping[str, Any], error: Exception) -> None:
        path = self._spool / REFUSED
        append_line(path, record)
        reason = " ".join(str(getattr(error, "orig", error)).split())[:200]
        self._on_trouble(f"call {record.get('flowno')}: the database refuses its record, kept in {path}: {reason}")

    def remove_consumed(self) -> None:
        """Delete segments from the oldest on, as long as they are written and every call begun in them has ended."""
        if self._pending is not None:  # it counts as ended what was read: the database does not have that yet
            return
        oldest = min(self._open.values(), default=self.committed.segment)
        keep = min(oldest, self.committed.segment)
        known = segments(self._spool)
        consumed = [number for number in known[:-1] if number < keep]
        if consumed:
            floor = self.floor(keep)
            consumed = [number for number in consumed if number < floor]
        if consumed:
            for number in known:
                if keep <= number <= self.committed.segment:
                    self.sync(self._spool, number)  # what was carried into it stands nowhere else then
        for number in consumed:
            segment_path(self._spool, number).unlink(missing_ok=True)


_UNUSABLE = (KeyError, TypeError, ValueError, ArithmeticError)
