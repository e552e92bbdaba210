"""The switch's side of the journal: appends, syncs in a thread, ticks, and knows when there is no room for more."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from vosswitch.cdr.journal import FIRST, OversizedRecord, Position, carried

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.cdr.files import JournalWriter
    from vosswitch.cdr.record import Cdr

SYNC_INTERVAL = 0.05
"""Seconds; a power cut loses at most this much."""

KEPT_FOR_CALLS = 8192
"""Records (64 MB of the disk) that strangers' calls leave to those of customers."""
CARRY_AFTER = 4
"""Segments behind the present one that a call may keep from being removed; then its records are written anew."""

_CARRIED_AT_ONCE = 100
_RECORDS_PER_CALL = 3
_RECORDS_OWED = 2


class JournalService(Service):
    """Keeps the journal of this run.

    :param writer: the open spool.
    :param in_thread: ``in_thread(function) -> Deferred``, such as ``partial(deferToThreadPool, reactor, pool)``.
    :param wall_ms: wall clock, epoch milliseconds.
    :param on_trouble: told one line when the disk refuses, and ``""`` when it works again.
    :ivar sync_interval: seconds; may be changed while it runs.
    :ivar on_end: called with the position behind every end record of this run; the recorder's service takes it.
    """

    name = "journal"

    def __init__(
        self,
        reactor: Any,
        writer: JournalWriter,
        in_thread: Callable[[Callable[[], None]], Deferred[None]],
        wall_ms: Callable[[], int],
        on_trouble: Callable[[str], None],
        sync_interval: float = SYNC_INTERVAL,
    ) -> None:
        self._reactor = reactor
        self._writer = writer
        self._in_thread = in_thread
        self._wall_ms = wall_ms
        self._on_trouble = on_trouble
        self.sync_interval = sync_interval
        self._ticker = LoopingCall(self._tick)
        self._ticker.clock = reactor
        self._waiting: list[Callable[[], None]] = []
        self._late: deque[Cdr] = deque()
        self._timer: Any = None
        self._syncing = self._dirty = self._failing = self._ticked = self._carrying = False
        self._on_disk = True
        self._next_sync = 0.0
        # Where the records of each open call begin: start or carry, answer, last extend; the oldest call first.
        self._open: dict[int, list[Position | None]] = {}
        self._threads = 0
        self._closed: Deferred[None] | None = None
        self.on_end: Callable[[Position, Cdr], None] = lambda position, cdr: None
        self.log = Logger()

    def startService(self) -> None:
        """Write the first proof of life, and one a second from now on."""
        Service.startService(self)  # type: ignore[no-untyped-call]
        self._ticker.start(1.0, now=True)

    def stopService(self) -> Deferred[None]:
        """Stop ticking and close the spool, once no thread works on it; calls must have ended before."""
        Service.stopService(self)  # type: ignore[no-untyped-call]
        if self._ticker.running:
            self._ticker.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._closed = Deferred()
        self._close_when_idle()
        return self._closed

    def _close_when_idle(self) -> None:
        if self._closed is not None and not self._threads:
            self._flush_late()
            self._writer.close()
            waiting, self._waiting = self._waiting, []
            for callback in waiting:
                callback()
            self._closed.callback(None)

    def admits(self) -> bool:
        """Whether there is room for all records of one more call, beside those that the present calls still owe."""
        return not self._late and self._writer.room_for(len(self._open) * _RECORDS_OWED + _RECORDS_PER_CALL)

    def admits_strangers(self) -> bool:
        """Whether calls of strangers may be written down: the last share of the disk is not for them."""
        return not self._late and self._writer.room_for(len(self._open) * _RECORDS_OWED + KEPT_FOR_CALLS)

    def start(self, payload: Mapping[str, Any]) -> bool:
        """Note a new call; False when the disk refused it: the call must not go on."""
        place = self._append("start", payload)
        if place is None:
            return False
        self._open[payload["flowno"]] = [place, None, None]
        return True

    def answer(self, payload: Mapping[str, Any]) -> bool:
        """Note the answer, before it is passed to the caller; False: the call must be released."""
        return self._noted("answer", 1, payload)

    def extend(self, payload: Mapping[str, Any]) -> bool:
        """Note that a call is funded for longer; without it a restart would bill only until the old moment."""
        return self._noted("extend", 2, payload)

    def _noted(self, kind: str, which: int, payload: Mapping[str, Any]) -> bool:
        place = self._append(kind, payload)
        if place is None:
            return False
        places = self._open.get(payload["flowno"])
        if places is not None:
            places[which] = place
        return True

    def end(self, cdr: Cdr) -> None:
        """Note the end of a call: kept and tried again for as long as the disk refuses it."""
        self._open.pop(cdr.flowno, None)
        if self._late or not self._append_end(cdr):
            self._late.append(cdr)

    def recovered(self, cdr: Cdr) -> None:
        """Note the end of a call of a former run.

        :raises OSError: the disk refuses; the call is still open then, for the next start.
        """
        self._writer.append("end", cdr)

    def synced(self, callback: Callable[[], None]) -> None:
        """Call *callback* once all that was appended so far is on the disk."""
        self._waiting.append(callback)
        self._want_sync()

    def _append_end(self, cdr: Cdr) -> bool:
        try:
            written = self._append("end", cdr) is not None
        except OversizedRecord:  # the bill goes before the reasons
            cdr.decision = {"left_out": "too long"}
            written = self._append("end", cdr) is not None
        if not written:
            return False
        self.on_end(self._writer.position, cdr)
        return True

    def _append(self, kind: str, payload: Any) -> Position | None:
        """Write a record; where it begins, None when the disk refused."""
        before = self._writer.position
        try:
            after = self._writer.append(kind, payload)
        except OSError as error:
            self._trouble(f"journal: {error}")
            return None
        self._dirty = True
        self._want_sync()
        return before if after.segment == before.segment else Position(after.segment, FIRST)

    def _want_sync(self) -> None:
        if self._timer is None and not self._syncing and self._closed is None:
            self._timer = self._reactor.callLater(max(0.0, self._next_sync - self._reactor.seconds()), self._sync)

    def _sync(self) -> None:
        self._timer = None
        self._next_sync = self._reactor.seconds() + self.sync_interval
        self._syncing, self._dirty = True, False
        waiting, self._waiting = self._waiting, []
        done = self._threaded(self._writer.sync)
        done.addCallbacks(self._sync_done, self._sync_failed, callbackArgs=(waiting,), errbackArgs=(waiting,))
        done.addErrback(lambda failure: self.log.failure("journal: a listener failed", failure))

    def _sync_done(self, _: None, waiting: list[Callable[[], None]]) -> None:
        self._syncing, self._on_disk = False, True
        if self._dirty or self._waiting:
            self._want_sync()
        for callback in waiting:
            callback()

    def _sync_failed(self, failure: Any, waiting: list[Callable[[], None]]) -> None:
        self._syncing = self._on_disk = False
        self._waiting = waiting + self._waiting
        self._trouble(f"journal: cannot sync: {failure.value}")
        self._next_sync = self._reactor.seconds() + 1.0
        self._want_sync()

    def _tick(self) -> None:
        self._flush_late()
        tick = {"at": self._wall_ms(), "up": int(self._reactor.seconds() * 1000)}
        self._ticked = self._append("tick", tick) is not None
        kept = self._threaded(self._housekeep)
        kept.addCallbacks(self._look, lambda failure: self._trouble(f"journal: {failure.value}"))
        self._carry()

    def _look(self, _: None) -> None:
        """Whether all is well, with the disk as it is now.

        Room for a call that others left at their end is no end of the alarm: that needs room for a whole segment.
        """
        if not self.admits():
            self._trouble("journal: the disk of the spool has no room, new calls are refused")
        elif self._failing and self._ticked and self._on_disk and self._writer.next_fits:
            self._failing = False
            self._on_trouble("")

    # Calls that last longer than their segments should.

    def _carry(self) -> None:
        """Write the oldest calls anew, so that the segments that they began in can go."""
        oldest = self._writer.position.segment - CARRY_AFTER
        due: list[tuple[int, list[Position | None]]] = []
        for flowno, places in self._open.items():
            if places[0] is None or places[0].segment >= oldest or len(due) == _CARRIED_AT_ONCE:
                break
            due.append((flowno, places.copy()))
        if not due or self._carrying or self._closed is not None or not self.admits():
            return
        self._carrying = True
        found: list[tuple[int, list[Position | None], dict[str, Any] | None]] = []
        done = self._threaded(lambda: found.extend((*one, self._reread(*one)) for one in due))
        done.addBoth(self._carried, found)
        done.addErrback(lambda failure: self.log.failure("journal: open calls cannot be carried on", failure))

    def _reread(self, flowno: int, places: list[Position | None]) -> dict[str, Any] | None:
        """What stands in the journal of a call, in a thread; None when it cannot be read."""
        try:
            return carried(flowno, [self._writer.read(place) for place in places if place is not None])
        except (OSError, ValueError) as error:
            self.log.warn("journal: call {call_id} keeps its segment: {error}", call_id=str(flowno), error=str(error))
            return None

    def _carried(self, _: object, found: list[tuple[int, list[Position | None], dict[str, Any] | None]]) -> None:
        self._carrying = False
        for flowno, places, payload in found:
            if self._open.get(flowno) != places:  # it has ended, or something was added: the next time
                continue
            place = self._append("carry", payload) if payload is not None else places[0]
            if place is None:
                return
            del self._open[flowno]
            self._open[flowno] = [place, None, None] if payload is not None else places
        if len(found) == _CARRIED_AT_ONCE and self._closed is None:
            self._reactor.callLater(0, self._carry)

    def _threaded(self, function: Callable[[], None]) -> Deferred[None]:
        self._threads += 1
        return self._in_thread(function).addBoth(self._thread_done)

    def _thread_done(self, result: Any) -> Any:
        self._threads -= 1
        self._close_when_idle()
        return result

    def _housekeep(self) -> None:
        self._writer.measure()
        if self._writer.wants_spare:
            self._writer.prepare()

    def _flush_late(self) -> None:
        while self._late and self._append_end(self._late[0]):
            self._late.popleft()

    def _trouble(self, text: str) -> None:
        if not self._failing:
            self._failing = True
            self._on_trouble(text)
