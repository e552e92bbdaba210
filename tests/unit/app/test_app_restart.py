"""After a crash: every open call is ended and billed once, and its legs are told, whatever crashes in between."""

from __future__ import annotations

import dataclasses

import orjson
import pytest

from tests.unit.call.call_world import PREPAID, START, World, plugins
from vosswitch.app.restart import Orphans, pricer, settle
from vosswitch.cdr.files import JournalReader, JournalWriter
from vosswitch.cdr.journal import Position
from vosswitch.cdr.record import Cdr
from vosswitch.model.values import UNITS

SIZE = 64 << 10
MODES = plugins().billing_modes


def records(spool, kind):
    reader = JournalReader(str(spool), Position(0, 0), pytest.fail)
    found = []
    while batch := reader.read(1000):
        found += [item.value() for item in batch if item.kind == kind]
    reader.close()
    return found


def crashed(spool, *, answered=2, ringing=1, seconds=10, **world):
    """A run that wrote its calls and then was killed."""
    writer = JournalWriter(str(spool), SIZE)
    made = World(**world)
    for _ in range(answered):
        made.talk(source=PREPAID)
    for _ in range(ringing):
        made.call()
    for kind, payload in made.journal.records:
        writer.append(kind, payload)
    writer.append("tick", {"at": START + round(seconds * 1000)})
    writer._lock.release()
    return made


class Killed(BaseException):
    """The process is gone."""


class Failing:
    """A writer whose process dies after so many appends."""

    def __init__(self, writer, left):
        self.writer = writer
        self.left = left

    def append(self, kind, payload):
        if not self.left:
            raise Killed
        self.left -= 1
        return self.writer.append(kind, payload)


def settled(spool, left=99):
    writer = JournalWriter(str(spool), SIZE)
    try:
        return settle(str(spool), Failing(writer, left), MODES)
    finally:
        writer._lock.release()


def test_open_calls_are_ended_and_billed_until_the_last_proof_of_life(tmp_path):
    crashed(tmp_path)
    orphans, problems = settled(tmp_path)
    ends = records(tmp_path, "end")
    assert [(end["end_reason"], end["hold_time_ms"], end["fee"], end["cost"]) for end in ends] == [
        ("switch_restart", 10_000, UNITS // 10, UNITS // 20),
        ("switch_restart", 10_000, UNITS // 10, UNITS // 20),
        ("switch_restart", 0, 0, 0),
    ]
    assert [end["clearing_account"] for end in ends] == ["v", "v", ""]
    assert [leg["leg"] for leg in orphans.legs] == ["in1", "out1", "in2", "out2"]
    assert problems == ["3 calls of the last run were ended and billed as switch_restart"]


def test_nobody_pays_for_more_than_was_funded(tmp_path):
    crashed(tmp_path, seconds=3600, money={"p": UNITS // 2, "v": 0}, answered=1, ringing=0)
    settled(tmp_path)
    (end,) = records(tmp_path, "end")
    assert (end["hold_time_ms"], end["fee"]) == (50_049, UNITS // 2)


@pytest.mark.parametrize(("ms", "whole"), [(10_049, 10), (10_050, 11), (10_999, 11)])
def test_the_length_is_rounded_as_that_of_any_other_call(tmp_path, ms, whole):
    crashed(tmp_path, seconds=ms / 1000, answered=1, ringing=0)
    settled(tmp_path)
    (end,) = records(tmp_path, "end")
    assert (end["hold_time_ms"], end["hold_time"], end["billed_seconds"]) == (ms, whole, whole)


def test_a_clean_spool_has_nothing_to_settle(tmp_path):
    orphans, problems = settled(tmp_path)
    assert (orphans.legs, problems) == ([], [])
    assert not (tmp_path / "orphans.json").exists()


@pytest.mark.parametrize("left", [0, 1, 2, 3])
def test_a_crash_while_settling_loses_neither_bills_nor_farewells(tmp_path, left):
    crashed(tmp_path)
    if left < 3:
        with pytest.raises(Killed):
            settled(tmp_path, left)
    else:
        settled(tmp_path, left)
    orphans, _ = settled(tmp_path)
    ends = records(tmp_path, "end")
    assert len({end["flowno"] for end in ends}) == len(ends) == 3
    assert sum(end["fee"] for end in ends) == 2 * UNITS // 10
    assert [leg["leg"] for leg in orphans.legs] == ["in1", "out1", "in2", "out2"]


def test_farewells_wait_until_they_were_said(tmp_path):
    crashed(tmp_path)
    settled(tmp_path)
    orphans = Orphans(str(tmp_path))
    assert len(orphans.legs) == 4
    orphans.told()
    assert Orphans(str(tmp_path)).legs == []
    orphans.told()


def test_a_half_written_list_of_farewells_is_not_taken_for_one(tmp_path):
    crashed(tmp_path)
    (tmp_path / "orphans.tmp").write_bytes(b'[{"leg"')
    orphans, _ = settled(tmp_path)
    assert len(orphans.legs) == 4
    assert orjson.loads((tmp_path / "orphans.json").read_bytes()) == orphans.legs
    assert (tmp_path / "orphans.json").stat().st_mode & 0o777 == 0o600


def test_a_list_of_farewells_that_cannot_be_read_does_not_keep_the_switch_down(tmp_path):
    crashed(tmp_path)
    (tmp_path / "orphans.json").write_bytes(b"\0\0\0\0")
    orphans, problems = settled(tmp_path)
    assert len(orphans.legs) == 4
    assert len(problems) == 2
    assert "orphans.json" in problems[0]


def test_an_ended_call_keeps_all_that_its_answer_record_knew(tmp_path):
    world = crashed(tmp_path, answered=1, ringing=0)
    settled(tmp_path)
    (end,) = records(tmp_path, "end")
    live = dataclasses.asdict(world.running().cdr)
    same = set(live) - {"stop", "hold_time_ms", "hold_time", "billed_seconds", "fee", "tax", "cost", "cost_tax"}
    same -= {"end_reason", "code", "end_direction", "sip_reason", "charges", "decision"}
    assert {name: end[name] for name in same} == {name: live[name] for name in same}
    assert end["charges"] == [
        {"account": "p", "amount": UNITS // 10, "kind": "call"},
        {"account": "v", "amount": UNITS // 20, "kind": "cost"},
    ]
    assert set(end) == {field.name for field in dataclasses.fields(Cdr)}


def test_a_mode_that_is_gone_charges_by_increments():
    price = pricer(MODES)
    terms = {"per_minute": "0.6", "first": 60, "next": 60}
    assert price("of a plugin that was removed", terms, 1000) == price("increment", terms, 1000) == (6_000_000, 0, 60)
    assert price("per_second", terms, 1000) == (100_000, 0, 1)
