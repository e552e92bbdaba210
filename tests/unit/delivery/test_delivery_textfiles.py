"""CDR text files: by the hour, by the interval, and after a crash."""

from __future__ import annotations

from dataclasses import asdict
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosswitch.cdr.record import Cdr
from vosswitch.delivery.textfiles import HourFiles, IntervalFiles

VIENNA = ZoneInfo("Europe/Vienna")
NOON = 1_795_345_200.0  # 2026-11-22 12:00 in Vienna


class Clock:
    """A wall clock."""

    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


def call(number, answer=5):
    return asdict(Cdr(number, "20261122", 1, 2, answer=answer))


def numbers(path):
    text = path.read_text()
    assert text.endswith("\n") or not text
    return [int(row.rpartition("|")[2]) for row in text.splitlines()]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hourly(tmp_path, clock):
    made = HourFiles(tmp_path / "cdr", VIENNA, clock, unconnected=False)
    made.resume({})
    return made


def test_a_file_of_the_hour_with_answered_calls_alone(hourly, tmp_path, clock):
    hourly.write([call(1), call(2, answer=None)])
    clock.now += 3600
    hourly.write([call(3)])
    found = {path.name: numbers(path) for path in (tmp_path / "cdr").iterdir()}
    assert found == {"2026112212.txt": [1], "2026112213.txt": [3]}


def test_unconnected_calls_on_wish(tmp_path, clock):
    made = HourFiles(tmp_path, VIENNA, clock, unconnected=True)
    made.resume({})
    made.write([call(1), call(2, answer=None)])
    assert numbers(tmp_path / "2026112212.txt") == [1, 2]


def test_a_clock_that_was_set_back_opens_no_former_file(hourly, tmp_path, clock):
    hourly.write([call(1)])
    clock.now -= 7200
    hourly.write([call(2)])
    assert [numbers(path) for path in (tmp_path / "cdr").iterdir()] == [[1, 2]]


def test_what_was_not_noted_is_cut_off(hourly, tmp_path, clock):
    hourly.write([call(1)])
    kept = hourly.keep()
    hourly.write([call(2)])
    with (tmp_path / "cdr" / "2026112212.txt").open("a") as file:
        file.write("half a li")
    again = HourFiles(tmp_path / "cdr", VIENNA, clock, unconnected=False)
    again.resume(kept)
    again.write([call(2)])
    assert numbers(tmp_path / "cdr" / "2026112212.txt") == [1, 2]


def test_a_file_that_was_begun_and_not_noted_begins_anew(hourly, tmp_path, clock):
    hourly.write([call(1)])
    kept = hourly.keep()
    clock.now += 3600
    hourly.write([call(2)])
    again = HourFiles(tmp_path / "cdr", VIENNA, clock, unconnected=False)
    again.resume(kept)
    again.write([call(2), call(3)])
    assert numbers(tmp_path / "cdr" / "2026112213.txt") == [2, 3]


def interval(folder, clock, kept=None, most=100):
    made = IntervalFiles(folder, VIENNA, clock, 60, most)
    made.resume(kept or {})
    return made


def test_files_are_closed_when_it_is_time(tmp_path, clock):
    made = interval(tmp_path, clock)
    made.write([call(1)])
    clock.now += 59
    made.write([call(2)])
    assert [path.name for path in tmp_path.iterdir()] == ["20261122120000.txt.part"]
    clock.now += 1
    assert made.tick()
    assert not made.tick()
    assert [path.name for path in tmp_path.iterdir()] == ["20261122120000.txt"]
    made.write([call(3)])
    assert {path.name: numbers(path) for path in tmp_path.iterdir()} == {
        "20261122120000.txt": [1, 2],
        "20261122120100.txt.part": [3],
    }


def test_only_so_many_files_are_kept(tmp_path, clock):
    made = interval(tmp_path, clock, most=2)
    for number in range(5):
        made.write([call(number)])
        clock.now += 60
    made.tick()
    assert [numbers(path) for path in sorted(tmp_path.glob("*.txt"))] == [[3], [4]]


def test_a_file_that_was_open_when_the_sink_was_off_is_closed(tmp_path, clock):
    interval(tmp_path, clock).write([call(1)])
    interval(tmp_path, clock)
    assert [numbers(path) for path in tmp_path.glob("*.txt")] == [[1]]


STEPS = st.lists(st.sampled_from(["write", "note", "crash", "later", "tick"]), max_size=40)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.sampled_from(["hour", "interval"]))
def test_no_line_is_lost_or_doubled_by_a_crash_at_any_moment(tmp_path_factory, steps, kind):
    folder, clock = tmp_path_factory.mktemp("cdr"), Clock()

    def made(kept):
        one = (
            HourFiles(folder, VIENNA, clock, unconnected=True)
            if kind == "hour"
            else IntervalFiles(folder, VIENNA, clock, 60, 1000)
        )
        one.resume(kept)
        return one

    sink = made({})
    kept, noted, written = sink.keep(), 0, 0
    for step in steps:
        match step:
            case "write" if noted == written:
                sink.write([call(written + 1), call(written + 2)])
                written += 2
            case "note":
                kept, noted = sink.keep(), written
            case "crash":
                sink, written = made(kept), noted
            case "later":
                clock.now += 1801
            case "tick" if kind == "interval" and noted == written and sink.tick():
                kept = sink.keep()
    sink = made(kept)
    found = sorted(path for path in folder.iterdir())
    names = [path for path in found if kind == "interval" or path.name <= sink._name]
    lines = [number for path in names for number in numbers(path)]
    assert lines == list(range(1, noted + 1))
