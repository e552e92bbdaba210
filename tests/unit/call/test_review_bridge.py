"""What a call leaves behind when something breaks in the middle of it."""

from __future__ import annotations

import pytest
from twisted.logger import Logger

from tests.unit.call.call_world import PREPAID, World, offer
from vosswitch.model.signals import Answer
from vosswitch.model.values import UNITS


def test_a_caller_that_is_gone_while_it_is_told_the_answer_holds_nothing_any_more():
    world = World()
    caller = world.call(source=PREPAID)
    told = caller.send

    def send(signal):
        told(signal)
        if isinstance(signal, Answer):
            caller.times_out("connection_timeout")

    caller.send = send
    world.out.answers(offer(5000))
    assert world.cdr.end_reason == "connection_timeout"
    world.clock.advance(200)
    assert len(world.cdrs) == 1
    world.check_idle()


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_an_answer_that_was_never_passed_on_costs_nothing(who):
    world = World(parameters={"VS_JOURNAL_SYNC_ANSWER": "On"})
    caller, callee = world.talk(source=PREPAID)
    world.clock.advance(2)
    (caller.gives_up if who == "caller" else callee.hangs_up)()
    world.journal.sync()
    cdr = world.cdr
    assert (cdr.answer, cdr.hold_time_ms, cdr.fee, cdr.cost, cdr.charges) == (None, 0, 0, 0, [])
    assert cdr.stop == cdr.start + 2000
    world.check_idle()


class Broken(Exception):
    """A fault of a leg, an engine, a plugin or of ours."""


def broken(*_arguments, **_more):
    raise Broken


def quiet(world):
    """Take the log instead of showing it; the failures are in the list."""
    failures = []
    world.calls.log = Logger(observer=failures.append)
    return failures


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_a_leg_that_breaks_at_the_end_leaves_nothing_behind(side):
    world = World()
    failures = quiet(world)
    caller, callee = world.talk(source=PREPAID)
    leg = caller if side == "caller" else callee
    leg.send = broken
    world.clock.advance(10)
    world.calls.release(world.running().cdr.flowno)
    leg.gone = True
    assert len(failures) == 1
    assert (world.cdr.end_reason, world.cdr.fee) == ("operator_release", UNITS // 10)
    assert (callee if side == "caller" else caller).released.reason == "operator_release"
    world.check_idle()


def test_media_that_cannot_be_closed_does_not_cost_the_record():
    world = World()
    failures = quiet(world)
    _, callee = world.talk(source=PREPAID)
    session = world.media.sessions[0]
    session.close = broken
    world.clock.advance(10)
    callee.hangs_up()
    assert (len(failures), world.cdr.fee, len(world.ended_cdrs)) == (1, UNITS // 10, 1)
    world.media.used = 0
    world.check_idle()


def test_media_that_reports_twice_makes_one_record():
    world = World()
    _, callee = world.talk(source=PREPAID)
    callee.hangs_up()
    world.media.sessions[0].report()
    assert len(world.cdrs) == len(world.ended_cdrs) == 1


def test_an_outgoing_leg_that_cannot_be_made_ends_the_call():
    world = World()
    failures = quiet(world)
    world.legs.place = broken
    caller = world.call(source=PREPAID)
    assert (len(failures), caller.released.reason) == (1, "degraded")
    assert [(row.gateway, row.reason) for row in world.cdr.attempts] == [("r1", "degraded")]
    world.check_idle()


def test_media_that_breaks_at_the_answer_ends_both_sides_without_a_fee():
    world = World()
    failures = quiet(world)
    caller = world.call(source=PREPAID)
    world.media.sessions[0].forward = broken
    world.out.answers(offer(5000))
    assert (len(failures), caller.released.reason, world.out.released.reason) == (1, "degraded", "degraded")
    assert (world.cdr.answer, world.cdr.fee, world.cdr.cost) == (None, 0, 0)
    world.check_idle()


def test_a_timer_that_breaks_ends_the_call_instead_of_letting_it_run_for_nothing():
    world = World(money={"p": UNITS // 4, "v": 0})
    failures = quiet(world)
    caller, _ = world.talk(source=PREPAID)
    world.board.want = broken
    world.clock.advance(600)
    assert (len(failures), caller.released.reason) == (1, "degraded")
    assert (world.cdr.hold_time_ms, world.cdr.fee) == (25_049, 25 * UNITS // 100)
    world.check_idle()
