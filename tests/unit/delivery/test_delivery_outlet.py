"""One sink on its way through a journal on disk: at least once, in order, across failures, crashes and gaps."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosswitch.cdr.files import JournalWriter, segment_path, segments
from vosswitch.cdr.record import Cdr
from vosswitch.delivery import files
from vosswitch.delivery.files import SinkState
from vosswitch.delivery.outlet import Outlet
from vosswitch.hooks.refusals import CallsRefused

UTC = ZoneInfo("UTC")


class Sink:
    """Takes calls, or fails as often as it is told to."""

    def __init__(self, name="s", batch=3):
        self.name, self.batch = name, batch
        self.taken = []
        self.failures = 0
        self.poison = set()
        self.tries = 0

    def write(self, records):
        self.tries += 1
        if self.failures:
            self.failures -= 1
            raise OSError("nobody\nthere")
        if self.poison.intersection(record["flowno"] for record in records):
            raise CallsRefused("answered 400: 'caller name'")
        self.taken += [record["flowno"] for record in records]


class World:
    """A spool with a journal, and an outlet."""

    def __init__(self, folder, segment_size=4096):
        self.spool = folder
        self.writer = JournalWriter(str(folder), segment_size)
        self.serial = 0
        self.rows = []
        self.said = []
        self.asked = []
        files.write_state(folder, SinkState("s", *self.writer.position))
        self.sink = Sink()
        self.start()

    def start(self):
        self.outlet = Outlet(
            self.sink, files.read_state(self.spool, "s"), self.spool, UTC, self.past, lambda: 77, self.said.append
        )

    def call(self, count=1, **values):
        for _ in range(count):
            self.serial += 1
            record = Cdr(self.serial, "20261121", self.serial, self.serial * 10, **values)
            self.writer.append("start", {"flowno": self.serial})
            self.writer.append("end", record)
            self.rows.append(self.serial)

    def past(self, since, until, day, row, limit):
        self.asked.append((since, until))
        found = [number for number in self.rows if since <= number * 10 <= until and number > row][:limit]
        return ([{"flowno": number} for number in found], "20261121", found[-1]) if found else ([], "", 0)

    def run(self, steps=200):
        """Until it waits."""
        for _ in range(steps):
            wait = self.outlet.step()
            if wait:
                return wait
        raise AssertionError("no end")

    def close(self):
        self.outlet.close()
        self.writer.close()


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


def test_calls_come_in_order_and_in_batches(world):
    world.call(8)
    world.run()
    assert world.sink.taken == list(range(1, 9))
    state = files.read_state(world.spool, "s")
    assert (state.delivered, state.last, state.error) == (8, 77, "")
    assert files.waiting(world.spool, state) == 0


def test_a_failing_sink_is_tried_again_with_the_same_calls(world):
    world.call(4)
    world.sink.failures = 3
    waits = [world.run() for _ in range(3)]
    assert waits == [0.5, 1.0, 2.0]
    state = files.read_state(world.spool, "s")
    assert (state.failing, state.error) == (77, "OSError: nobody there")
    assert files.waiting(world.spool, state) == 4
    world.run()
    assert world.sink.taken == [1, 2, 3, 4]
    assert files.read_state(world.spool, "s").failing == 0
    assert world.said == ["CDR sink s: OSError: nobody there", "CDR sink s: works again"]


def test_a_sink_that_promises_nothing_loses_the_batch(world):
    world.outlet.state.promises = False
    world.call(4)
    world.sink.failures = 1
    world.run()
    world.run()
    assert world.sink.taken == [4]
    assert files.read_state(world.spool, "s").dropped == 3


def put_aside(world):
    path = files.aside(world.spool, "s")
    return [json.loads(text) for text in path.read_text().splitlines()] if path.exists() else []


def test_a_call_that_is_refused_while_others_are_taken_is_put_aside(world):
    world.sink.poison = {2, 7}
    world.call(8)
    world.run()
    assert world.sink.taken == [1, 3, 4, 5, 6, 8]
    assert [(row["call_id"], row["at"], row["record"]["flowno"]) for row in put_aside(world)] == [
        ("2", 77, 2),
        ("7", 77, 7),
    ]
    state = files.read_state(world.spool, "s")
    assert (state.delivered, state.refused, state.failing) == (6, 2, 0)
    assert state.refusal == "call 7: CallsRefused: answered 400: 'caller name'"
    assert f"kept in {files.aside(world.spool, 's')}" in world.said[0]
    files.aside(world.spool, "s").unlink()  # an operator has seen to them
    world.call(20)
    world.sink.poison = {9}
    world.run()
    assert len(world.sink.taken) == len(set(world.sink.taken)) == 25
    assert files.read_state(world.spool, "s").refused == 1
    assert world.sink.tries < 60, "it goes on one by one"


def test_a_sink_that_takes_nothing_at_all_is_waited_for(world):
    """What it refuses may be its own trouble: nothing goes aside before it takes others."""
    world.sink.poison = set(range(1000))
    world.call()
    assert world.run() == 0.5
    world.call(5)
    assert world.run() == 1.0
    assert files.read_state(world.spool, "s").failing == 77
    assert not put_aside(world)
    world.sink.poison = {1}
    world.run()
    assert world.sink.taken == [2, 3, 4, 5, 6]
    assert [row["call_id"] for row in put_aside(world)] == ["1"]
    assert files.read_state(world.spool, "s").failing == 0


def test_one_refused_call_alone_waits_for_the_next(world):
    world.sink.batch = 1
    world.outlet.close()
    world.start()
    world.sink.poison = {1}
    world.call()
    world.run()
    assert not put_aside(world)
    assert files.read_state(world.spool, "s").failing
    world.call()
    world.run()
    assert (world.sink.taken, len(put_aside(world))) == ([2], 1)


def test_a_connection_that_breaks_among_single_calls_repeats_none_of_them(world):
    world.sink.poison = {3}
    world.call(3)
    world.outlet.step()  # refused
    write = world.sink.write

    def breaks(records):
        if records[0]["flowno"] == 2 and not world.sink.failures:
            world.sink.failures = 1
        write(records)

    world.sink.write = breaks
    assert world.run() == 0.5
    world.sink.write = write
    world.run()
    assert world.sink.taken == [1, 2]
    assert [row["call_id"] for row in put_aside(world)] == ["3"]


def test_what_comes_out_of_the_database_is_put_aside_likewise(world):
    world.call(6)
    world.run()
    world.sink.taken.clear()
    world.sink.poison = {4}
    files.ask(world.spool, "s", 0, 10_000)
    world.run()
    assert world.sink.taken == [1, 2, 3, 5, 6]
    assert [row["call_id"] for row in put_aside(world)] == ["4"]


def test_the_disk_refuses_what_goes_aside(world, monkeypatch):
    world.sink.poison = {2}
    world.call(3)
    with monkeypatch.context() as patch:
        patch.setattr(files, "append_line", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
        assert world.run() == 0.5
    assert files.waiting(world.spool, files.read_state(world.spool, "s")) == 3
    world.run()
    assert sorted(world.sink.taken) == [1, 3]
    assert [row["call_id"] for row in put_aside(world)] == ["2"]


def test_a_sink_that_keeps_something_with_its_place_is_waited_for(world):
    """It goes back to what was noted after a failure: that is between batches only."""
    world.sink.resume = lambda kept: None
    world.outlet.close()
    world.start()
    world.sink.poison = {1}
    world.call(3)
    assert world.run() == 0.5
    assert not world.sink.taken
    assert not put_aside(world)


def test_hidden_calls_are_left_out(world):
    world.call(hidden=True)
    world.call()
    world.run()
    assert world.sink.taken == [2]


def test_it_goes_on_where_it_was(world):
    world.call(5)
    world.run()
    world.outlet.close()
    world.call(2)
    world.start()
    world.run()
    assert world.sink.taken == list(range(1, 8))


def test_the_lowest_segment_of_promising_sinks_counts():
    found = [SinkState("a", 5, 0), SinkState("b", 3, 0, promises=False), SinkState("c", 7, 9)]
    assert files.lowest(found) == 5
    assert files.lowest([]) is None


def let_go(world, count):
    gone = segments(world.spool)[:count]
    for number in gone:
        files.note_let_go(world.spool, number)
        segment_path(world.spool, number).unlink()


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("had", [0, 4])
def test_what_the_journal_has_let_go_comes_out_of_the_database(world, restart, had):
    world.call(had)
    world.run()
    world.call(30)
    known = segments(world.spool)
    assert len(known) > 4
    let_go(world, 3)
    if restart:
        world.outlet.close()
        world.start()
    world.run()
    assert set(world.sink.taken) == set(range(1, 31 + had))
    fresh = list(dict.fromkeys(world.sink.taken))
    assert fresh == sorted(fresh)
    assert world.asked


def test_let_go_in_the_middle_of_a_batch(world):
    world.sink.batch = world.outlet._batch = 100
    world.call(4)
    world.sink.failures = 1
    world.run()
    world.call(40)
    let_go(world, 3)
    world.run()
    assert set(world.sink.taken) == set(range(1, 45))


def test_what_operators_ask_for_goes_first(world):
    world.call(5)
    world.run()
    world.call(1)
    files.ask(world.spool, "s", 20, 40)
    world.run()
    assert world.sink.taken == [1, 2, 3, 4, 5, 2, 3, 4, 6]
    assert files.read_state(world.spool, "s").ranges == []
    assert files.asked(world.spool, "s") == []


def test_names_of_sinks_are_no_paths(tmp_path):
    for name in ("../../etc/x", "a/b", "ä" * 64, "x.1"):
        files.write_state(tmp_path, SinkState(name, 1, 2))
        assert files.read_state(tmp_path, name).name == name
        files.ask(tmp_path, name, 1, 2)
        assert [found for _, found in files.asked(tmp_path, name)] == [[1, 2]]
    files.ask(tmp_path, "x", 5, 6)
    assert [found for _, found in files.asked(tmp_path, "x.1")] == [[1, 2]]
    assert len(files.states(tmp_path)) == 4
    assert [path.parent.name for path in tmp_path.rglob("*.json")] == ["sinks"] * 4


STEPS = st.lists(st.sampled_from(["call", "step", "fail", "crash", "roll", "ask"]), max_size=60)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_every_call_arrives_whatever_happens(tmp_path_factory, steps):
    world = World(tmp_path_factory.mktemp("spool"), 1024)
    for step in steps:
        match step:
            case "call":
                world.call(3)
            case "step":
                world.outlet.step()
            case "fail":
                world.sink.failures += 1
            case "crash":
                world.outlet.close()
                world.start()
            case "roll":
                if len(segments(world.spool)) > 1:
                    let_go(world, 1)
            case "ask":
                files.ask(world.spool, "s", 1, 20)
    world.sink.failures = 0
    for _ in range(10):
        world.run()
    assert list(dict.fromkeys(world.sink.taken)) == list(range(1, world.serial + 1))
    world.close()
