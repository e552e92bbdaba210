"""Signs of life: a peer that is silent is asked, and one that does not answer ends the call, in every mode."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.h323.legs_world import Call, answering, peer, session
from tests.unit.h323.played_world import OURS, PlayedCallee, PlayedCaller
from tests.unit.h323.test_h323_legs_modes import EACH_WAY, ends, stands
from vosswitch.h323 import h225
from vosswitch.h323.h225 import Other
from vosswitch.model.signals import Answer, Release

A = session("192.0.2.10", 4000)
B = session("192.0.2.20", 5000, "8 101")
INTERVAL, COUNT, REPLY, FIRST = 60, 3, 10, 10


def inquiries(wire: Any) -> int:
    """StatusInquiries that were sent."""
    return sum(isinstance(message, Other) and message.name == "StatusInquiry" for message in wire.said)


def round_trips(wire: Any) -> int:
    """RoundTripDelayRequests that were sent, tunnelled or not."""
    tunnelled = [item for message in wire.said for item in message.control]
    return sum(said[0] == "roundTripDelayRequest" for _, said in [*tunnelled, *wire.said_h245] if said)


def status(played: Any) -> None:
    """The peer answers."""
    played.hear(Other, name="Status", cause=30, state=10)


def answered(profile: Any = None) -> PlayedCaller:
    """An incoming call without H.245 that has been answered, as its peer has the first question."""
    played = PlayedCaller(profile or peer(keep_alive="strict"), fast_start=None, tunnelling=False)
    played.leg.media.heard = OURS  # media stands, however that came
    played.leg.send(Answer(OURS))
    assert played.leg.media.session is None
    played.world.run(FIRST)
    assert inquiries(played.wire) == 1
    status(played)
    played.wire.said.clear()
    return played


@EACH_WAY
def test_two_that_are_silent_ask_each_other_and_live(calling: Any, called: Any) -> None:
    call = Call(A, peer(**calling), peer(**called), answering(B)).run(1000)
    stands(call)
    asked = sum(inquiries(wire) + round_trips(wire) for wire in (call.here, call.there))
    assert 1000 / INTERVAL - 2 <= asked <= 2 * 1000 / INTERVAL + 4
    ends(call)


@EACH_WAY
@pytest.mark.parametrize("caller", [True, False])
def test_a_peer_that_hears_nothing_any_more_is_dead(calling: Any, called: Any, caller: bool) -> None:
    """Its connections stay open, and nothing comes of it: the call ends within a bounded time."""
    call = Call(A, peer(**calling), peer(**called), answering(B)).run(FIRST + 5)
    stands(call)
    side, leg = (call.caller, call.outgoing) if caller else (call.callee, call.incoming)
    wire = call.here if caller else call.there
    before = inquiries(wire)
    call.run(1)
    wire.deaf = True
    call.run(INTERVAL + COUNT * REPLY - 9)
    assert not side.all(Release)
    assert 0 < inquiries(wire) - before <= COUNT
    call.run(10)
    (release,) = side.all(Release)
    assert release.cause.reason == "session_timeout"
    last = wire.said[-1]
    assert isinstance(last, h225.ReleaseComplete)
    assert last.cause == 102
    assert leg is not None
    assert not leg.alarms


def test_any_message_is_a_sign_of_life() -> None:
    played = answered()
    for _ in range(20):
        played.world.run(INTERVAL - 1)
        played.hear(h225.Information, keypad="1")
    assert inquiries(played.wire) == 0
    played.world.run(2)
    assert inquiries(played.wire) == 0
    played.world.run(INTERVAL)
    assert inquiries(played.wire) == 1


def test_status_answers() -> None:
    """A Status, and even a message that cannot be read, ends the questions of that round."""
    played = answered()
    for _ in range(10):
        played.world.run(INTERVAL)
        status(played)
    assert inquiries(played.wire) == 10
    played.world.run(INTERVAL + REPLY)
    assert inquiries(played.wire) == 12
    played.leg.received(b"\x08\x02\x00\x4d\x7d\x7e\x00\x03\x05\xff\xff")
    played.world.run(INTERVAL - 1)
    assert inquiries(played.wire) == 12
    assert not played.call.all(Release)


def test_a_status_that_knows_no_call_ends_it() -> None:
    played = answered()
    played.world.run(INTERVAL)
    played.hear(Other, name="Status", cause=30, state=0)
    (release,) = played.call.all(Release)
    assert release.cause.reason == "session_timeout"
    played.over()


def test_nothing_is_asked_before_the_answer() -> None:
    """The timers of the attempt bound that."""
    played = PlayedCallee().hear(h225.Alerting)
    played.world.run(110)
    assert inquiries(played.wire) == 0
    caller = PlayedCaller()
    caller.world.run(500)
    assert inquiries(caller.wire) == 0


@pytest.mark.parametrize(
    ("profile", "parameters", "asked"),
    [
        (peer(keep_alive="off"), {}, False),
        (peer(), {"VS_H323_KEEPALIVE_INTERVAL": 0}, False),
        (peer(keep_alive="strict"), {"VS_H323_KEEPALIVE_COUNT": 0}, True),
        (peer(), {}, True),
    ],
    ids=["gateway", "off", "no number of them", "never answered"],
)
def test_who_is_not_taken_for_dead(profile: Any, parameters: dict[str, int], asked: bool) -> None:
    played = PlayedCaller(profile, tunnelling=False)
    played.leg.stack.parameters = {**played.leg.stack.parameters, **parameters}
    played.leg.media.heard = OURS
    played.leg.send(Answer(OURS))
    played.world.run(10 * (INTERVAL + REPLY))
    assert inquiries(played.wire) == (10 if asked else 0)
    assert not played.call.all(Release)


def test_each_call_finds_out_what_its_peer_answers() -> None:
    """The first question comes soon; who has answered it is dead when it answers no longer."""
    played = PlayedCaller(peer(), tunnelling=False)
    played.leg.media.heard = OURS
    played.leg.send(Answer(OURS))
    played.world.run(FIRST)
    assert inquiries(played.wire) == 1
    status(played)
    played.world.run(INTERVAL + COUNT * REPLY - 1)
    assert not played.call.all(Release)
    played.world.run(1)
    assert played.call.last(Release).cause.reason == "session_timeout"
    assert inquiries(played.wire) == 1 + COUNT
    played.over()


def test_a_peer_that_answers_round_trips_only() -> None:
    """It passes over StatusInquiry, as ooh323c does: only what it answers proves anything."""
    call = Call(A, peer(fast_start=False), peer(), answering(B))
    there, hear = call.there, call.there.hear

    def passes_over(data: bytes) -> None:
        if getattr(h225.read(data), "name", "") != "StatusInquiry":
            hear(data)

    there.hear = passes_over  # type: ignore[method-assign]
    call.run(10 * INTERVAL)
    stands(call)
    assert inquiries(call.here) == 1
    assert round_trips(call.here) >= 8
    there.deaf = True
    call.here.deaf = True
    call.run(INTERVAL + (COUNT + 1) * REPLY)
    assert call.caller.last(Release).cause.reason == "session_timeout"


def test_it_can_be_switched_off_while_a_call_runs() -> None:
    played = answered()
    parameters = dict(played.leg.stack.parameters)
    played.world.run(INTERVAL)
    played.leg.stack.parameters = parameters | {"VS_H323_KEEPALIVE_INTERVAL": 0}
    status(played)
    played.world.run(10 * INTERVAL)
    assert inquiries(played.wire) == 1
    assert not played.leg.alarms


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1, 95), max_size=12), st.integers(1, 120), st.integers(1, 5))
def test_dead_is_who_is_silent_for_that_long_and_nobody_else(pauses: list[float], interval: int, count: int) -> None:
    """The call ends the interval and *count* answers' time after the last sign of life, neither earlier nor later."""
    played = PlayedCaller(peer(keep_alive="strict"), tunnelling=False)
    more = {"VS_H323_KEEPALIVE_INTERVAL": interval, "VS_H323_KEEPALIVE_COUNT": count}
    played.leg.stack.parameters = {**played.leg.stack.parameters, **more}
    played.leg.media.heard = OURS
    played.leg.send(Answer(OURS))
    played.world.run(min(FIRST, interval))
    status(played)
    limit = interval + count * min(REPLY, interval)
    for pause in pauses:
        played.world.run(pause)
        assert bool(played.call.all(Release)) is (pause >= limit)
        if pause >= limit:
            return
        status(played)
    played.world.run(limit - 0.5)
    assert not played.call.all(Release)
    played.world.run(1)
    assert len(played.call.all(Release)) == 1
    played.over()
