"""The switch's side of the journal."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from vosswitch.cdr.journal import Position
from vosswitch.cdr.record import Cdr
from vosswitch.cdr.service import JournalService


class Writer:
    """A journal in memory, whose disk can be full."""

    def __init__(self):
        self.records = []
        self.synced = 0
        self.full = self.closed = self.wants_spare = False
        self.next_fits = True
        self.room = 1000
        self.prepared = 0

    @property
    def position(self):
        return Position(1, len(self.records))

    def append(self, kind, payload):
        if self.full:
            raise OSError(28, "No space left on device")
        self.records.append((kind, payload))
        return self.position

    def room_for(self, records):
        return records <= self.room

    def measure(self):
        return 0

    def prepare(self):
        self.prepared += 1

    def sync(self):
        self.synced = len(self.records)

    def close(self):
        self.closed = True


class Bench:
    """The service with its fakes; threads finish when told."""

    def __init__(self):
        self.clock = Clock()
        self.writer = Writer()
        self.threads = []
        self.troubles = []
        self.service = JournalService(self.clock, self.writer, self.thread, lambda: 99, self.troubles.append)
        self.ends = []
        self.service.on_end = lambda position, cdr: self.ends.append((position, cdr.flowno))

    def thread(self, function):
        done = Deferred()
        self.threads.append((function, done))
        return done

    def finish(self, error=None):
        """Let every thread do its work."""
        while self.threads:
            function, done = self.threads.pop(0)
            if error is not None:
                done.errback(error)
                continue
            function()
            done.callback(None)

    def kinds(self):
        return [kind for kind, _ in self.writer.records if kind != "tick"]


@pytest.fixture
def bench():
    made = Bench()
    made.service.startService()
    made.finish()
    yield made
    if not made.writer.closed:
        made.service.stopService()
        made.finish()
    assert made.writer.closed
    assert not made.clock.getDelayedCalls()


def cdr(flowno):
    return Cdr(flowno, "20261120", 0, 0)


def test_writes_a_proof_of_life_every_second(bench):
    bench.clock.pump([0.5] * 6)
    bench.finish()
    ticks = [payload for kind, payload in bench.writer.records if kind == "tick"]
    assert ticks == [{"at": 99, "up": up} for up in (0, 1000, 2000, 3000)]


def test_syncs_in_a_thread_and_not_more_often_than_every_50_ms(bench):
    bench.clock.advance(0.2)
    bench.finish()
    bench.clock.advance(0.2)
    synced = []
    bench.service.start({"flowno": 1})
    bench.service.synced(lambda: synced.append(1))
    bench.clock.advance(0)
    assert len(bench.threads) == 1
    bench.service.start({"flowno": 2})
    bench.service.synced(lambda: synced.append(2))
    bench.clock.advance(0.01)
    assert len(bench.threads) == 1
    bench.finish()
    assert synced == [1]
    bench.clock.advance(0.03)
    assert not bench.threads
    bench.clock.advance(0.02)
    bench.finish()
    assert synced == [1, 2]
    bench.clock.advance(0.3)
    assert not bench.threads


def test_a_failed_sync_is_told_and_tried_again_with_its_listeners(bench):
    bench.clock.advance(0.2)
    bench.finish()
    bench.clock.advance(0.2)
    synced = []
    bench.service.start({"flowno": 1})
    bench.service.synced(lambda: synced.append(1))
    bench.clock.advance(0)
    bench.finish(OSError(5, "Input/output error"))
    assert synced == []
    assert "cannot sync" in bench.troubles[0]
    bench.clock.advance(1)
    bench.finish()
    assert synced == [1]


def test_a_full_disk_refuses_new_calls_and_keeps_ends_for_later(bench):
    assert bench.service.start({"flowno": 1})
    bench.writer.full = True
    assert not bench.service.answer({"flowno": 1})
    bench.service.end(cdr(1))
    bench.service.end(cdr(2))
    assert not bench.service.admits()
    assert len(bench.troubles) == 1
    bench.writer.full = False
    bench.service.end(cdr(3))
    assert bench.kinds() == ["start"]
    bench.clock.advance(1)
    assert [payload.flowno for kind, payload in bench.writer.records if kind == "end"] == [1, 2, 3]
    assert [flowno for _, flowno in bench.ends] == [1, 2, 3]
    assert bench.service.admits()
    bench.finish()
    assert bench.troubles[1:] == [""]


def test_room_is_kept_for_what_running_calls_still_owe(bench):
    bench.writer.room = 7
    assert bench.service.admits()
    for flowno in (1, 2, 3):
        bench.service.start({"flowno": flowno})
    assert not bench.service.admits()
    bench.service.end(cdr(2))
    assert bench.service.admits()
    bench.service.end(cdr(99))
    bench.service.start({"flowno": 4})
    assert not bench.service.admits()


def test_prepares_the_next_segment_in_a_thread(bench):
    bench.writer.wants_spare = True
    bench.clock.advance(1)
    bench.finish()
    assert bench.writer.prepared == 1


def test_closes_only_when_no_thread_works_on_the_spool(bench):
    bench.service.start({"flowno": 1})
    bench.clock.advance(0.2)
    assert bench.threads
    closed = []
    bench.service.stopService().addCallback(closed.append)
    assert not bench.writer.closed
    bench.finish()
    assert bench.writer.closed
    assert closed == [None]


def test_the_end_of_a_former_runs_call_is_no_charge_of_this_run(bench):
    bench.service.recovered(cdr(5))
    assert bench.kinds() == ["end"]
    assert bench.ends == []


def test_a_disk_without_room_is_an_alarm_before_any_write_fails(bench):
    bench.writer.room = 2
    bench.clock.advance(1)
    bench.finish()
    assert bench.troubles == ["journal: the disk of the spool has no room, new calls are refused"]
    bench.clock.advance(1)
    bench.finish()
    assert len(bench.troubles) == 1
    bench.writer.room = 3
    bench.clock.advance(1)
    bench.finish()
    assert bench.troubles[1:] == [""]


def test_the_alarm_of_a_full_disk_stays_while_the_room_is_only_what_ended_calls_left(bench):
    bench.writer.room, bench.writer.next_fits = 2, False
    bench.clock.advance(1)
    bench.finish()
    bench.writer.room = 3
    assert bench.service.admits()
    bench.clock.advance(1)
    bench.finish()
    assert len(bench.troubles) == 1
    bench.writer.next_fits = True
    bench.clock.advance(1)
    bench.finish()
    assert bench.troubles[1:] == [""]


def test_a_disk_that_does_not_sync_is_no_better_for_its_ticks(bench):
    bench.service.start({"flowno": 1})
    bench.clock.advance(0.1)
    bench.finish(OSError(5, "Input/output error"))
    assert len(bench.troubles) == 1
    bench.clock.advance(0.95)
    for function, done in bench.threads:
        if function == bench.service._housekeep:
            done.callback(None)
    bench.threads.clear()
    assert len(bench.troubles) == 1
