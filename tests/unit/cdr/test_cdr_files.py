"""The spool: one writer, readers that follow it, repair after a crash."""

from __future__ import annotations

import os

import pytest

from vosswitch.cdr.files import JournalReader, JournalWriter, SpoolBusy, scan_open_calls, segment_path, segments
from vosswitch.cdr.journal import FIRST, Position

SMALL = 4096


@pytest.fixture
def spool(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def writer(spool):
    writer = JournalWriter(str(spool), SMALL)
    yield writer
    crash(writer)


def crash(writer):
    """Let go of everything like a killed process does."""
    for name in ("_lock", "_fd"):
        item = getattr(writer, name)
        try:
            if name == "_lock":
                item.release()
            else:
                os.close(item)
        except OSError:
            pass


class Follower(JournalReader):
    """A reader that remembers its problems."""

    def __init__(self, spool, start):
        self.problems = []
        super().__init__(spool, start, self.problems.append)


def reader(spool, start=None):
    return Follower(str(spool), start or Position(0, 0))


def drain(made, limit=3):
    found = []
    while batch := made.read(limit):
        found += batch
    return [(item.kind, item.flowno) for item in found]


def call(writer, flowno, *kinds, size=100):
    for kind in kinds:
        writer.append(kind, {"flowno": flowno, "fill": "x" * size})


def test_a_second_switch_is_refused_in_one_line(writer, spool):
    with pytest.raises(SpoolBusy, match="in use by another running switch"):
        JournalWriter(str(spool))


def test_a_reader_follows_the_writer_over_segments(writer, spool):
    follower = reader(spool)
    assert drain(follower) == []
    seen = []
    for flowno in range(1, 60):
        call(writer, flowno, "start", "end")
        if flowno % 7 == 0:
            seen += drain(follower)
    seen += drain(follower)
    assert seen == [(kind, flowno) for flowno in range(1, 60) for kind in ("start", "end")]
    assert len(segments(spool)) > 2
    assert follower.position == writer.position
    assert not follower.problems
    follower.close()


def test_a_reader_goes_on_from_its_position(writer, spool):
    call(writer, 1, "start", "end")
    first = reader(spool)
    first.read(1)
    first.close()
    again = reader(spool, first.position)
    assert drain(again) == [("end", 1)]
    again.close()


def test_a_reader_waits_for_a_record_that_is_being_written(writer, spool):
    follower = reader(spool)
    call(writer, 1, "start")
    path = segment_path(spool, writer.position.segment)
    begin = writer.position.offset
    call(writer, 2, "start")
    whole = path.read_bytes()
    path.write_bytes(whole[: begin + 30] + bytes(SMALL - begin - 30))
    assert drain(follower) == [("start", 1)]
    path.write_bytes(whole)
    assert drain(follower) == [("start", 2)]
    assert not follower.problems
    follower.close()


def test_damage_in_the_middle_is_put_aside_and_reported(writer, spool):
    call(writer, 1, "start", "end")
    begin = writer.position.offset
    call(writer, 2, "start")
    end = writer.position.offset
    call(writer, 3, "start", "end")
    path = segment_path(spool, writer.position.segment)
    data = bytearray(path.read_bytes())
    data[begin + 40] ^= 1
    path.write_bytes(data)
    follower = reader(spool)
    assert drain(follower) == [("start", 1), ("end", 1), ("start", 3), ("end", 3)]
    assert len(follower.problems) == 1
    assert [item.read_bytes() for item in spool.glob("*.damaged")] == [bytes(data[begin:end])]
    follower.close()


def test_a_position_of_a_spool_that_is_gone_begins_at_the_oldest_segment(writer, spool):
    call(writer, 1, "start")
    follower = reader(spool, Position(writer.position.segment + 9, 5000))
    assert drain(follower) == [("start", 1)]
    follower.close()


def test_numbers_never_repeat_even_when_the_spool_was_thrown_away(writer, spool):
    old = writer.position.segment
    for path in spool.iterdir():
        path.unlink()
    crash(writer)
    os.utime(spool)
    assert JournalWriter(str(spool)).position.segment >= old


def test_open_calls_are_those_without_an_end(writer, spool):
    call(writer, 1, "start", "answer", "end")
    call(writer, 2, "start", "answer")
    writer.append("tick", {"at": 1000})
    call(writer, 3, "start")
    writer.append("tick", {"at": 2000})
    crash(writer)
    calls, problems = scan_open_calls(str(spool))
    assert [(item.flowno, item.answer is not None, item.last_tick) for item in calls] == [
        (2, True, 2000),
        (3, False, 2000),
    ]
    assert problems == []


def test_a_call_ends_with_its_own_runs_last_tick(writer, spool):
    call(writer, 1, "start", "answer")
    writer.append("tick", {"at": 1000})
    crash(writer)
    second = JournalWriter(str(spool), SMALL)
    second.append("tick", {"at": 9000})
    call(second, 2, "start", "answer")
    crash(second)
    calls, _ = scan_open_calls(str(spool))
    assert [(item.flowno, item.last_tick) for item in calls] == [(1, 1000), (2, 9000)]


@pytest.mark.parametrize("keep", [1, 19, 20, 21, 60])
def test_a_torn_tail_is_cut_and_the_next_run_goes_on(writer, spool, keep):
    call(writer, 1, "start")
    begin = writer.position.offset
    call(writer, 1, "end")
    path = segment_path(spool, writer.position.segment)
    data = path.read_bytes()
    path.write_bytes(data[: begin + keep] + bytes(len(data) - begin - keep))
    crash(writer)
    calls, problems = scan_open_calls(str(spool))
    assert [item.flowno for item in calls] == [1]
    assert len(problems) == 1
    assert path.stat().st_size == begin
    second = JournalWriter(str(spool), SMALL)
    call(second, 1, "end")
    follower = reader(spool)
    assert drain(follower) == [("start", 1), ("end", 1)]
    assert not follower.problems
    follower.close()
    second.close()


def test_room_counts_the_disk(writer):
    assert writer.room_for(10)
    assert not writer.room_for(1 << 50)


def test_a_full_disk_leaves_the_journal_readable(writer, spool, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    while writer.position.offset < SMALL - 150:
        call(writer, 1, "start")
    with pytest.raises(OSError, match="No space"):
        call(writer, 9, "start")
    monkeypatch.undo()
    call(writer, 2, "start")
    follower = reader(spool)
    seen = drain(follower)
    assert seen[-1] == ("start", 2)
    assert set(seen[:-1]) == {("start", 1)}
    follower.close()


def test_a_stopped_writer_leaves_no_spare_room(spool):
    made = JournalWriter(str(spool), SMALL)
    made.close()
    assert [path.name for path in spool.glob("spare*")] == []
    assert segment_path(spool, segments(spool)[0]).stat().st_size == FIRST
