"""Calls that outlast their segments: their records are written anew, and a crash finds them as they were."""

from __future__ import annotations

import pytest
from twisted.internet.defer import succeed
from twisted.internet.task import Clock

from vosswitch.cdr import journal
from vosswitch.cdr.files import JournalReader, JournalWriter, scan_open_calls, segment_path, segments
from vosswitch.cdr.journal import Position, Record
from vosswitch.cdr.record import Cdr
from vosswitch.cdr.service import CARRY_AFTER, JournalService

SIZE = 4 << 10


class Bench:
    """The service on a real spool with small segments; threads are done at once."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = Clock()
        self.troubles = []
        self.writer = JournalWriter(str(folder), SIZE)
        self.service = JournalService(self.clock, self.writer, self.thread, lambda: 99, self.troubles.append)
        self.service.startService()

    def thread(self, function):
        function()
        return succeed(None)

    def roll(self, count=CARRY_AFTER + 2, flowno=1000):
        """Other calls fill *count* segments, a tick after each of them."""
        last = self.writer.position.segment + count
        while self.writer.position.segment < last:
            self.service.start({"flowno": flowno, "x": "x" * 300})
            self.service.end(Cdr(flowno, "20261120", 0, 0))
            self.clock.advance(1)

    def records(self, *kinds):
        reader = JournalReader(str(self.folder), Position(0, 0), self.troubles.append)
        found = []
        while more := reader.read(100):
            found += [item for item in more if item.kind in kinds]
        reader.close()
        return found

    def drop(self, before):
        """As the recorder does with what nobody needs."""
        for number in segments(self.folder):
            if number < before:
                segment_path(self.folder, number).unlink()


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path / "spool")
    yield made
    made.service.stopService()
    assert not made.clock.getDelayedCalls()
    assert not made.troubles


def test_a_long_call_is_carried_into_the_present_segment(bench):
    bench.service.start({"flowno": 1, "day": "d"})
    bench.service.answer({"flowno": 1, "answer": 5, "legs": []})
    bench.service.extend({"flowno": 1, "reserved": [1]})
    bench.service.extend({"flowno": 1, "reserved": [2]})
    began = bench.writer.position.segment
    bench.roll()
    [found] = bench.records("carry")
    assert found.value() == {
        "flowno": 1,
        "start": {"flowno": 1, "day": "d"},
        "answer": {"flowno": 1, "answer": 5, "legs": []},
        "extend": {"flowno": 1, "reserved": [2]},
    }
    bench.drop(began + 1)
    [call], problems = scan_open_calls(str(bench.folder), repair=False)
    assert not [line for line in problems if "cannot be read" in line]
    assert (call.flowno, call.start) == (1, {"flowno": 1, "day": "d"})
    assert call.answer == {"flowno": 1, "answer": 5, "legs": [], "reserved": [2]}
    assert call.last_tick == 99


def test_what_comes_after_it_counts_and_is_carried_again(bench):
    bench.service.start({"flowno": 1})
    bench.roll()
    bench.service.answer({"flowno": 1, "answer": 5})
    bench.roll()
    bench.service.extend({"flowno": 1, "reserved": [3]})
    bench.roll()
    bench.drop(bench.writer.position.segment - CARRY_AFTER - 1)
    [call], _ = scan_open_calls(str(bench.folder), repair=False)
    assert call.start == {"flowno": 1}
    assert call.answer == {"flowno": 1, "answer": 5, "reserved": [3]}
    assert len(bench.records("carry")) < 4


def test_an_ended_call_is_not_carried(bench):
    bench.service.start({"flowno": 1})
    bench.service.end(Cdr(1, "20261120", 0, 0))
    bench.roll()
    assert not bench.records("carry")


def test_more_long_calls_than_are_carried_at_once(bench):
    for flowno in range(1, 251):
        bench.service.start({"flowno": flowno})
    bench.roll()
    bench.clock.advance(0)
    bench.clock.advance(0)
    carried = [item.flowno for item in bench.records("carry")]
    assert sorted(set(carried)) == list(range(1, 251))


def test_a_call_whose_records_are_damaged_holds_up_nobody(bench):
    bench.service.start({"flowno": 1})
    bench.service.start({"flowno": 2})
    first = segments(bench.folder)[-1]
    with segment_path(bench.folder, first).open("r+b") as file:
        data = file.read()
        place = next(
            item.end for item in journal.walk(data) if isinstance(item, Record) and item.flowno == 1
        ) - 3  # fmt: skip
        file.seek(place)
        file.write(b"zzz")
    bench.roll()
    assert [item.flowno for item in bench.records("carry")] == [2]
    bench.troubles.clear()
