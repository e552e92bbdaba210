"""One sink and its way through the journal: what it has had, what it has to get again, and when it is tried again.

At least once, in the order of the journal: the place behind a batch is written after the sink took the batch, so a
crash in between gives it the same calls again.  What is asked for out of the database goes before the journal goes on.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vosswitch.cdr.files import JournalReader, segments
from vosswitch.cdr.journal import FIRST, Position
from vosswitch.delivery import files
from vosswitch.delivery.giving import Giving
from vosswitch.delivery.records import complete, is_for_sinks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from vosswitch.delivery.files import SinkState

    PastPage = Callable[[int, int, str, int, int], tuple[list[dict[str, Any]], str, int]]

POLL_SECONDS = 0.25
_BACKOFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_BATCH = 500
_READ = 1000
_LONGEST_ERROR = 300


class Outlet:
    """One sink on its way.

    :param state: how far it is; written to disk here.
    :param past: a page out of the database: (since, until, day, id, limit) to (calls, day, id), the last two of the
        last row; no calls and ``""`` behind the last one.
    :param report: told one line of each first failure and of its end.
    """

    def __init__(
        self,
        sink: Any,
        state: SinkState,
        spool: Path,
        zone: ZoneInfo,
        past: PastPage,
        wall_ms: Callable[[], int],
        report: Callable[[str], None],
    ) -> None:
        self._sink = sink
        self.state = state
        self._spool = spool
        self._zone = zone
        self._past = past
        self._wall_ms = wall_ms
        self._report = report
        self._giving = Giving(sink, max(1, int(getattr(sink, "batch", _BATCH))), self._took, self._put_aside)
        self._pending: list[dict[str, Any]] | None = None
        self._after = state.position
        self._resumed = False
        self._failures = 0
        self._reader = JournalReader(str(spool), state.position, report)

    def step(self) -> float:
        """Deliver one batch; the seconds until the next step."""
        try:
            self._resume()
            self._hear()
            return self._deliver()
        except Exception as error:  # noqa: BLE001 - whatever a sink raises: it is tried again
            return self._failed(error)

    def close(self) -> None:
        """Let the journal and the sink go."""
        self._reader.close()
        closing = getattr(self._sink, "close", None)
        if closing is not None:
            closing()

    def _resume(self) -> None:
        if not self._resumed:
            resume = getattr(self._sink, "resume", None)
            if resume is not None:
                resume(dict(self.state.keep))
            self._resumed = True
            if resume is not None:
                self._save()

    def _hear(self) -> None:
        """Take over what operators have asked for."""
        found = files.asked(self._spool, self.state.name)
        if found:
            self.state.ranges += [[since, until, "", 0] for _, (since, until) in found]
            self._save()
            for path, _ in found:
                path.unlink(missing_ok=True)

    def _deliver(self) -> float:
        if self._pending is None and self._bridge():
            return 0.0
        if self._pending is None and self.state.ranges:
            return self._deliver_past()
        if self._pending is None:
            self._pending = self._collect()
        if self._after == self.state.position:
            self._pending = None
            return self._idle()
        if not self._give(self._pending):
            self._go_to(self.state.position)
            return 0.0
        self.state.segment, self.state.offset = self._after
        self._pending = None
        self._save()
        self._giving.noted()
        return 0.0

    def _give(self, records: list[dict[str, Any]]) -> bool:
        done = self._giving.give(records)
        if done:
            self._works()
        return done

    def _took(self, count: int) -> None:
        self._resumed = True
        self.state.delivered += count
        self.state.last = self._wall_ms()

    def _put_aside(self, record: Mapping[str, Any], why: str) -> None:
        why = ascii(why)[1:-1][:_LONGEST_ERROR]
        files.put_aside(self._spool, self.state, record, self._wall_ms(), why)
        path = files.aside(self._spool, self.state.name)
        self._report(f"CDR sink {self.state.name}: call {record['flowno']} is refused, kept in {path}: {why}")

    def _idle(self) -> float:
        tick = getattr(self._sink, "tick", None)
        if tick is not None and tick():
            self._save()
        return POLL_SECONDS

    def _collect(self) -> list[dict[str, Any]]:
        """The next calls of the journal; *after* is the place behind them."""
        found: list[dict[str, Any]] = []
        most = self._giving.most
        while len(found) < most and (records := self._reader.read(_READ)):
            here = self._reader.position.segment
            if here > self._after.segment + 1 and files.let_go(self._spool, self._after.segment + 1, here):
                self._reader.position = Position(here, FIRST)  # what is missing goes first: see `_bridge`
                return found
            for item in records:
                if item.kind == "end":
                    record = complete(item, self._zone)
                    if is_for_sinks(record):
                        found.append(record)
                self._after = Position(here, item.end)
                if len(found) == most:
                    self._reader.position = self._after
                    break
        return found

    def _bridge(self) -> bool:
        """When the journal has let go of the segment that it is in: note what has to come out of the database."""
        here = self.state.segment
        later = [number for number in segments(self._spool) if number >= here]
        missing = files.let_go(self._spool, here, later[0]) if later and later[0] != here else []
        if not missing:
            return False
        self.state.ranges += missing
        self._go_to(Position(later[0], FIRST))
        self._save()
        return True

    def _go_to(self, place: Position) -> None:
        self._pending = None
        self._reader.close()
        self._reader = JournalReader(str(self._spool), place, self._report)
        self.state.segment, self.state.offset = self._after = place

    def _deliver_past(self) -> float:
        since, until, day, row = self.state.ranges[0]
        records, day, row = self._past(since, until, day, row, self._giving.most)
        if day:
            if not self._give(records):
                return 0.0
            self.state.ranges[0] = [since, until, day, row]
        else:
            del self.state.ranges[0]
        self._save()
        self._giving.noted()
        return 0.0

    def _save(self) -> None:
        keeps = getattr(self._sink, "keep", None)
        if keeps is not None and self._resumed:
            self.state.keep = keeps()
        files.write_state(self._spool, self.state)

    def _works(self) -> None:
        if self._failures:
            self._report(f"CDR sink {self.state.name}: works again")
        self._failures = self.state.failing = 0
        self.state.error = ""

    def _failed(self, error: Exception) -> float:
        """Note it; what does not promise anything lets the batch go."""
        self._failures += 1
        self._resumed = False
        text = ascii(" ".join(f"{type(error).__name__}: {error}".split()))[1:-1][:_LONGEST_ERROR]
        if self._failures == 1:
            self._report(f"CDR sink {self.state.name}: {text}")
        if not self.state.failing:
            self.state.failing = self._wall_ms()
        self.state.error = text
        if not self.state.promises and self._pending is not None:
            self.state.dropped += len(self._pending)
            self.state.segment, self.state.offset = self._after
            self._pending = None
        elif self._giving.singly:
            self._go_to(self.state.position)  # more may have come, and show whether it takes any
        with suppress(OSError):  # the disk refuses: it is told when it works again
            files.write_state(self._spool, self.state)
        return _BACKOFF[min(self._failures, len(_BACKOFF)) - 1]
