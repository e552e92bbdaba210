"""Illegal calls: one record per source and minute with a count, and none from the last share of the disk."""

from __future__ import annotations

import itertools

import pytest

from tests.unit.call.call_world import STRANGER, World
from vosswitch.call import illegal
from vosswitch.call.illegal import MINUTE, IllegalCalls
from vosswitch.model.values import Address


def knock(world, call_id, source=STRANGER):
    world.calls.refused(world.tried(source=source).__class__("1", "2", source, source, call_id), "unauthorized")


def counts(world):
    return [cdr.decision["count"] for cdr in world.cdrs]


def test_the_first_is_written_at_once_and_the_others_once_a_minute():
    world = World()
    for number in range(50):
        knock(world, f"c{number}")
    assert counts(world) == [1]
    world.clock.advance(MINUTE)
    assert counts(world) == [1, 49]
    assert world.cdrs[-1].caller_sip_call_id == "c49"
    world.clock.advance(MINUTE)
    assert counts(world) == [1, 49]
    world.check_idle()


def test_the_same_request_again_is_the_same_call():
    world = World()
    for _ in range(11):
        knock(world, "c")
    world.clock.advance(MINUTE)
    assert counts(world) == [1]
    world.check_idle()


def test_two_records_of_a_source_are_a_minute_apart():
    world = World()
    for second in range(600):
        knock(world, f"c{second}")
        world.clock.advance(1)
    starts = [cdr.start for cdr in world.cdrs]
    assert all(later - sooner >= MINUTE * 1000 for sooner, later in itertools.pairwise(starts))
    world.calls.stop_all()
    assert sum(counts(world)) == 600
    world.check_idle()


def test_an_ipv6_customer_is_one_source():
    world = World()
    for number in range(9):
        knock(world, f"c{number}", Address(f"2001:db8::{number}", 5060))
    assert counts(world) == [1]
    world.calls.stop_all()
    assert counts(world) == [1, 8]


def test_the_last_share_of_the_disk_is_not_for_strangers():
    world = World()
    world.journal.scarce = True
    knock(world, "c")
    world.call(source=STRANGER)
    assert world.cdrs == []
    assert world.calls.illegal.left_out == 2
    world.talk()
    world.calls.stop_all()
    assert len(world.cdrs) == 1


def test_forged_sources_are_bounded(monkeypatch):
    monkeypatch.setattr(illegal, "SOURCES", 5)
    table = IllegalCalls()
    assert [table.heard(f"s{number}", "c", None, 0.0) for number in range(8)] == [1] * 5 + [0] * 3
    assert table.left_out == 3
    assert table.heard("s9", "c", None, MINUTE) == 1
    assert len(table._sources) == 5


@pytest.mark.parametrize("reason", ["unauthorized", "authentication_failed"])
def test_the_record_says_why(reason):
    world = World()
    world.calls.refused(world.tried(source=STRANGER), reason)
    assert world.cdr.end_reason == reason
