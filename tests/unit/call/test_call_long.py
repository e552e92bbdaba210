"""How long a call may be, and what a refused change leaves: the least bound counts, the session stays as it was."""

from __future__ import annotations

import pytest

from tests.unit.call.call_world import PREPAID, World, offer, routing
from vosswitch.call.deciding.routes import timers
from vosswitch.call.media import CallMedia
from vosswitch.model.causes import cause
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.signals import Accept, Answer, Offer, Refuse, Release
from vosswitch.model.values import UNITS, Side


@pytest.mark.parametrize(
    ("unwatched", "longest", "timer", "reason", "held"),
    [
        ("120", "None", False, "no_timer_limit", 120_000),
        ("120", "None", True, None, None),
        ("0", "None", False, None, None),
        ("120", "90", False, "max_duration", 90_000),
        ("90", "120", False, "no_timer_limit", 90_000),
        ("90", "90", False, "max_duration", 90_000),
        ("90", "120", True, "max_duration", 120_000),
    ],
)
def test_the_least_bound_counts(unwatched, longest, timer, reason, held):
    world = World(parameters={"SS_SIP_NO_TIMER_REINVITE_INTERVAL": unwatched, "SS_MAX_CALL_DURATION": longest})
    caller, callee = world.talk(timer=timer)
    world.clock.pump([0.5] * 300)
    if reason is None:
        assert world.cdrs == []
        callee.hangs_up()
    else:
        assert (world.cdr.end_reason, world.cdr.hold_time_ms) == (reason, held)
        assert (caller.released.reason, callee.released.reason) == (reason, reason)
    world.check_idle()


@pytest.mark.parametrize(
    ("unwatched", "longest", "reason"), [("90", "None", "no_timer_limit"), ("0", "90", "max_duration")]
)
def test_a_cut_that_comes_late_costs_no_second_more(unwatched, longest, reason):
    world = World(parameters={"SS_SIP_NO_TIMER_REINVITE_INTERVAL": unwatched, "SS_MAX_CALL_DURATION": longest})
    world.talk()
    world.clock.advance(90.4)
    assert (world.cdr.end_reason, world.cdr.hold_time_ms, world.cdr.hold_time) == (reason, 90_000, 90)
    assert world.cdr.stop - world.cdr.answer == 90_000
    world.check_idle()


def test_a_caller_without_session_timer_has_two_hours_by_default():
    world = World()
    world.talk()
    world.clock.pump([10.0] * 719)
    assert world.cdrs == []
    world.clock.pump([10.0] * 2)
    assert (world.cdr.end_reason, world.cdr.hold_time_ms) == ("no_timer_limit", 7_200_000)
    world.check_idle()


def test_money_that_ends_before_the_bound_of_an_unwatched_caller():
    world = World(parameters={"SS_SIP_NO_TIMER_REINVITE_INTERVAL": "90"}, money={"p": UNITS // 2})
    world.talk(source=PREPAID)
    world.clock.pump([0.5] * 200)
    assert (world.cdr.end_reason, world.cdr.hold_time_ms) == ("balance_exhausted", 50_049)
    world.check_idle()


def test_a_lost_session_releases_both_sides():
    world = World()
    caller, callee = world.talk(timer=True)
    world.clock.advance(30)
    callee.say(Release(cause("session_timeout")))
    assert caller.released.reason == "session_timeout"
    assert (world.cdr.end_reason, world.cdr.code, world.cdr.hold_time_ms) == ("session_timeout", -27, 30_000)
    world.check_idle()


# -- timeouts of a gateway


def test_a_gateways_own_timeouts_stand_over_the_systems():
    system = World().snapshot.parameters
    profile = PeerProfile(timeout_invite=3.0, timeout_ringing=33.5, timeout_progress_session=0.5)
    found = timers(system, profile)
    assert (found.invite, found.ringing, found.progress_session) == (3.0, 33.5, 0.5)
    assert (found.trying, found.progress) == (20, 20)
    assert timers(system, PLAIN) == timers(system, PeerProfile(trusted=True))


def test_the_timeouts_of_a_provisioned_gateway_reach_its_attempt():
    world = World(routing_gateways={"r1": routing("r1", timeout_invite=2.5, timeout_trying=4, timeout_progress=5)})
    world.call()
    found = world.out.placement.timers
    assert (found.invite, found.trying, found.progress, found.ringing) == (2.5, 4, 5, 120)
    world.out.fails(486)
    world.check_idle()


# -- a refused change


class Session:
    """An `IMediaSession` that notes what it is told."""

    def __init__(self):
        self.told = []

    def forward(self, side, session):
        self.told.append((side, session))
        return session


class Engine:
    def __init__(self):
        self.session = Session()

    def open(self, *_):
        return self.session


def relayed():
    engine = Engine()
    media = CallMedia(engine, "1", offer(4000), None, "on")
    media.offer_to("auto", "auto", None, None)
    media.forward(Side.CALLEE, Answer(offer(5000)))
    del engine.session.told[:]
    return media, engine.session.told


@pytest.mark.parametrize(("side", "port"), [(Side.CALLER, 4000), (Side.CALLEE, 5000)])
def test_relayed_media_is_as_it_was_when_a_change_is_refused(side, port):
    media, told = relayed()
    media.forward(side, Offer(offer(6000)))
    assert media.forward(side.other, Refuse(488)) == Refuse(488)
    assert told == [(side, offer(6000)), (side, offer(port))]
    media.forward(side.other, Refuse(488))
    assert len(told) == 2


def test_a_change_that_was_taken_stays():
    media, told = relayed()
    media.forward(Side.CALLER, Offer(offer(6000)))
    media.forward(Side.CALLEE, Accept(offer(5000)))
    media.forward(Side.CALLER, Offer(offer(7000)))
    media.forward(Side.CALLEE, Refuse(491))
    assert told[-1] == (Side.CALLER, offer(6000))
