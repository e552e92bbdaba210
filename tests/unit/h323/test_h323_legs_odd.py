"""Peers that do things twice, too early, both at once, too often, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.h323.legs_world import Call, Ear, answering, confirming, peer, session, where
from tests.unit.h323.played_world import OURS, PlayedCallee, PlayedCaller, fast
from tests.unit.h323.test_h323_legs_modes import A, B, ends, hold, stands
from vosswitch.h323 import h225, per
from vosswitch.h323.h245 import faststart
from vosswitch.model.causes import cause
from vosswitch.model.signals import Accept, Answer, Digit, Located, Offer, Proceed, Progress, Refuse, Release, Ring
from vosswitch.model.values import Address
from vosswitch.sdp.events import event_payload

SLOW = peer(fast_start=False)
SEPARATE = peer(fast_start=False, tunnelling=False)


@pytest.mark.parametrize(
    ("kind", "signal"),
    [(h225.CallProceeding, Progress), (h225.Alerting, Ring), (h225.Progress, Progress), (h225.Connect, Answer)],
)
def test_fast_start_may_be_answered_in_any_message_up_to_connect(kind: Any, signal: Any) -> None:
    played = PlayedCallee(peer()).hear(kind, fast_start=None)
    played = PlayedCallee(peer())
    played.hear(kind, fast_start=fast(played))
    assert where(played.call.last(signal).session) == where(B)
    if kind is not h225.Connect:
        played.hear(h225.Connect)
    assert len(played.call.all(Answer)) == 1
    assert played.leg.media.session is None
    played.leg.send(Release(cause("normal")))
    played.over()


def test_only_the_first_answer_to_fast_start_counts() -> None:
    played = PlayedCallee(peer())
    answers = fast(played)
    played.hear(h225.Alerting, fast_start=answers)
    played.hear(h225.Progress, fast_start=fast(played, session("192.0.2.66", 6666)))
    played.hear(h225.Connect, fast_start=fast(played, session("192.0.2.66", 6666)))
    assert where(played.call.described()) == where(B)
    assert played.call.last(Answer).session is None


def test_an_answer_that_cannot_be_used_is_a_refusal_of_fast_start() -> None:
    played = PlayedCallee(peer())
    played.hear(h225.Connect, fast_start=fast(played)[:0], tunnelling=True)
    assert played.call.all(Answer) == []
    assert [item[1][0] for item in played.wire.said[-1].control] == [
        "terminalCapabilitySet",
        "masterSlaveDetermination",
    ]


def test_open_channels_have_a_timer_of_their_own() -> None:
    played = PlayedCallee(peer(timeout_call_proceeding_olc=60.0))
    played.hear(h225.CallProceeding, fast_start=fast(played))
    played.world.run(59)
    assert played.call.all(Release) == []
    played.world.run(2)
    assert played.cause().reason == "no_answer"
    played.over()


def test_connect_may_be_the_first_word_and_comes_but_once() -> None:
    played = PlayedCallee(peer())
    answers = fast(played)
    for _ in range(10):
        played.hear(h225.Connect, fast_start=answers)
    assert [type(item) for item in played.call.heard_signals] == [Answer]


def test_call_proceeding_and_alerting_again_change_nothing() -> None:
    played = PlayedCallee(SLOW)
    for kind in (h225.CallProceeding, h225.CallProceeding, h225.Alerting, h225.Alerting, h225.CallProceeding):
        played.hear(kind)
    assert [type(item) for item in played.call.heard_signals] == [Proceed, Ring]
    assert played.leg.status == 180


def test_an_answered_call_that_never_has_media_is_given_up() -> None:
    played = PlayedCallee(SLOW).hear(h225.Connect, tunnelling=True)
    played.world.run(60)
    assert played.call.all(Answer) == []
    assert (played.cause().reason, played.leg.status) == ("rtp_timeout", 200)
    played.over()


def test_a_caller_that_never_opens_media_is_given_up() -> None:
    played = PlayedCaller()
    played.leg.send(Ring())
    played.leg.send(Answer(OURS))
    played.world.run(60)
    (release,) = played.call.all(Release)
    assert (release.cause.reason, played.leg.status) == ("rtp_timeout", 200)
    played.over()


@pytest.mark.parametrize("empty", [True, False])
def test_both_styles_of_facility_carry_h245(empty: bool) -> None:
    call = Call(A, SLOW, peer(), answering(B)).run(0.0025)
    assert call.incoming is not None
    call.outgoing.media.empty_bodies = call.incoming.media.empty_bodies = empty
    call.run(2)
    stands(call)
    bodies = [item.empty_body for item in call.here.said + call.there.said if isinstance(item, h225.Facility)]
    assert set(bodies) == {empty}
    ends(call)


def test_a_tunnel_that_ends_on_the_way_is_followed_by_a_connection() -> None:
    for step in range(30):
        call = Call(A, SLOW, peer(), answering(B))
        call.run(step * 0.0005)
        if call.incoming is None:
            continue
        call.incoming.media.channel.peer_tunnels(False)
        call.incoming.step(lambda: None)
        call.run(3)
        if call.here.said[0].tunnelling and any(not item.tunnelling for item in call.there.said):
            stands(call)
        ends(call)


def test_both_sides_ask_for_h245_at_once() -> None:
    call = Call(A, peer(tunnelling=False), peer(tunnelling=False), answering(B), confirming(A))
    call.world.full = True  # so that Connect names no address
    call.run(2)
    call.world.full = False
    assert call.incoming is not None
    call.outgoing.send(Offer(hold(A)))
    call.incoming.send(Offer(hold(B)))
    call.run(20)
    facilities = [item for item in call.here.said + call.there.said if isinstance(item, h225.Facility)]
    assert [item.reason for item in facilities] == ["startH245", "startH245"]
    for side in (call.caller, call.callee):
        assert len(side.all(Accept)) + len(side.all(Refuse)) == 1
    assert call.world.listeners == {} or len(call.world.listeners) == 1
    ends(call)


UNTUNNELLED = peer(tunnelling=False)


def proposing(**fields: Any) -> PlayedCaller:
    """A caller with fast start and without tunnelling, answered."""
    fast_start = tuple(faststart.proposals(A))
    played = PlayedCaller(peer(), fast_start=fast_start, tunnelling=False, **fields)
    played.leg.send(Ring())
    played.leg.send(Answer(B))
    return played


def test_connect_says_where_h245_may_begin_after_fast_start() -> None:
    """The caller begins it; media stays as it is, and the relay hears of RFC 2833."""
    call = Call(A, UNTUNNELLED, UNTUNNELLED, answering(B)).run(2)
    stands(call)
    answers = [message for message in call.there.said if message.h245_address is not None]
    assert [type(message) for message in answers] == [h225.Connect]
    assert call.outgoing.media.session is not None
    assert {item[1][0] for item in call.here.said_h245} >= {"terminalCapabilitySet", "masterSlaveDetermination"}
    assert "openLogicalChannel" not in {item[1][0] for item in call.here.said_h245 + call.there.said_h245}
    for side, payload in ((call.caller, 101), (call.callee, 101)):
        assert [event_payload(item.session) for item in side.all(Located)] == [payload]
    ends(call)


def test_events_that_only_the_peer_takes_are_not_told() -> None:
    plain = session("192.0.2.10", 4000, "8")
    call = Call(plain, UNTUNNELLED, UNTUNNELLED, answering(B)).run(2)
    assert call.outgoing.media.session is not None
    assert call.caller.all(Located) == []
    ends(call)


def test_a_caller_that_does_not_come_for_h245_is_asked_to_when_it_is_needed() -> None:
    """By Facility, once, with the address of Connect."""
    played = proposing()
    told = played.wire.last(h225.Connect).h245_address
    assert told is not None
    played.leg.send(Offer(hold(B)))
    played.leg.send(Digit("1"))
    (facility,) = [message for message in played.wire.said if isinstance(message, h225.Facility)]
    assert (facility.reason, facility.h245_address) == ("startH245", told)
    played.leg.send(Release(cause("normal")))
    played.over()


def test_without_a_port_for_h245_a_call_with_media_goes_on() -> None:
    """Only what needs H.245 cannot be had."""
    call = Call(A, UNTUNNELLED, UNTUNNELLED, answering(B))
    call.world.full = True
    call.run(2)
    call.outgoing.send(Offer(hold(A)))
    call.run(1)
    assert call.caller.last(Refuse).status == 488
    assert call.caller.all(Release) == call.callee.all(Release) == []
    stands(call)
    ends(call)


def test_h245_addresses_again_and_again_are_one_connection() -> None:
    call = Call(A, peer(tunnelling=False), peer(tunnelling=False), answering(B)).run(2)
    for number in range(200):
        message = h225.Facility(
            reference=call.outgoing.reference,
            reason="startH245",
            h245_address=Address("192.0.2.99", 1024 + number, "h323"),
        )
        call.outgoing.received(h225.write(message, True))
    call.run(5)
    stands(call)
    ends(call)


def test_an_h245_connection_that_is_cut_leaves_the_call_as_it_is() -> None:
    call = Call(A, SEPARATE, peer(tunnelling=False), answering(B)).run(2)
    control = call.outgoing.media.channel._control
    assert isinstance(control, Ear)
    control.gone()
    control.other.gone()
    call.run()
    stands(call)
    call.outgoing.send(Digit("7"))
    call.run()
    assert [item.digit for item in call.callee.all(Digit)] == ["7"]
    assert call.here.last(h225.Information).keypad == "7"
    ends(call)


def test_a_peer_that_ends_h245_ends_the_call() -> None:
    call = Call(A, SLOW, peer(), answering(B)).run(2)
    assert call.incoming is not None
    call.incoming.step(call.incoming.media.part)
    call.run()
    assert call.caller.last(Release).cause.reason == "normal"
    assert call.callee.last(Release).cause.reason == "normal"
    assert call.world.waiting == 0


def test_digits_that_come_in_two_ways_count_once() -> None:
    call = Call(A, SLOW, peer(), answering(B)).run(2)
    for key in "1122":
        call.outgoing.send(Digit(key))
        call.outgoing.step(call.outgoing.say, h225.Information(**call.outgoing.marks(), keypad=key))
        call.run(0.1)
    call.run()
    assert "".join(item.digit for item in call.callee.all(Digit)) == "1122"


def test_the_same_digit_twice_in_one_way_counts_twice() -> None:
    played = PlayedCaller()
    played.leg.send(Answer(OURS))
    played.hear(h225.Information, keypad="11")
    played.hear(h225.Information, keypad="1x")
    assert [item.digit for item in played.call.all(Digit)] == ["1", "1", "1"]


def test_a_flood_of_digits_is_bounded() -> None:
    played = PlayedCaller()
    for _ in range(500):
        played.hear(h225.Information, keypad="1" * 32)
    assert len(played.leg.alarms) <= 40


def test_tunnelled_messages_by_the_thousand_are_bounded() -> None:
    played = PlayedCallee(SLOW).hear(h225.CallProceeding, tunnelling=True)
    request = ("request", ("roundTripDelayRequest", {"sequenceNumber": 1}))
    assert per.encode_h245(request)
    for _ in range(300):
        played.hear(h225.Facility, reason="transportedInformation", tunnelling=True, control=(request,) * 8)
    assert len(played.leg.alarms) < 20
    assert len(played.leg.media.channel._waiting) <= 64


def test_a_peer_that_tunnels_unasked_is_not_heard() -> None:
    played = PlayedCallee(SEPARATE).hear(h225.CallProceeding)
    request = ("request", ("roundTripDelayRequest", {"sequenceNumber": 1}))
    for _ in range(20):
        played.hear(h225.Facility, reason="transportedInformation", tunnelling=True, control=(request,))
    assert played.wire.kinds() == ["Setup"]
    assert played.leg.media.session is None


@pytest.mark.parametrize("mode", [SLOW, SEPARATE, peer()])
def test_the_peer_moves_its_media_by_itself(mode: Any) -> None:
    moved = session("192.0.2.21", 5100, "8 101")
    call = Call(A, mode, peer(), answering(B), confirming(A)).run(2)
    assert call.incoming is not None
    call.incoming.send(Offer(moved))
    call.run(10)
    assert len(call.callee.all(Accept)) == 1
    assert where(call.caller.described()) == where(moved)
    ends(call)


def changing(call: Call, statuses: list[int]) -> None:
    """The callee's call refuses changes with these statuses, then takes them."""

    def script(side: Any, leg: Any, signal: Any) -> None:
        if isinstance(signal, Offer):
            leg.send(Refuse(statuses.pop(0)) if statuses else Accept(B))

    call.callee.script = script


def test_a_far_side_that_is_busy_is_asked_again() -> None:
    call = Call(A, SLOW, peer(), answering(B)).run(2)
    changing(call, [491])
    call.outgoing.send(Offer(hold(A)))
    call.run(5)
    assert len(call.callee.all(Offer)) == 2
    call.outgoing.send(Offer(A))
    call.run(5)
    assert where(call.callee.described()) == where(A)
    assert "a=inactive" not in call.callee.last(Offer).session.media[0].lines
    ends(call)


def test_a_far_side_that_is_always_busy_is_not_asked_for_ever() -> None:
    call = Call(A, SLOW, peer(), answering(B)).run(2)
    changing(call, [491] * 50)
    call.outgoing.send(Offer(hold(A)))
    call.run(14)
    assert len(call.callee.all(Offer)) == 4
    ends(call)


def test_changes_that_come_while_the_far_side_thinks_wait() -> None:
    call = Call(A, SLOW, peer(), answering(B)).run(2)
    call.callee.script = None
    call.outgoing.send(Offer(hold(A)))
    call.run(1)
    call.outgoing.send(Offer(A))
    call.run(1)
    call.outgoing.send(Offer(hold(A)))
    call.run(1)
    assert len(call.callee.all(Offer)) == 1
    assert call.incoming is not None
    changing(call, [])
    call.incoming.send(Accept(B))
    call.run(5)
    inactive = ["a=inactive" in item.session.media[0].lines for item in call.callee.all(Offer)]
    assert inactive[0] is True
    assert len(inactive) >= 1
    ends(call)


def deaf_call(**called: Any) -> Call:
    """A call that stands by fast start, with a peer that says that it tunnels, and passes over all H.245."""
    call = Call(A, peer(), peer(**called), answering(B)).run(2)
    wire = call.there
    heard = wire.hear

    def hear(data: bytes) -> None:
        message = replace(h225.read(data), control=())
        if not isinstance(message, h225.Facility):
            heard(h225.write(message, from_destination=False))

    wire.hear = hear  # type: ignore[method-assign]
    return call


def test_digits_go_as_keypad_to_a_peer_that_says_nothing_in_h245() -> None:
    """They wait until that is known, and the call goes on."""
    call = deaf_call()
    for key in "15":
        call.outgoing.send(Digit(key))
    call.run(30)
    call.outgoing.send(Digit("9"))
    call.run(1)
    assert [item.digit for item in call.callee.all(Digit)] == ["1", "5", "9"]
    stands(call)
    ends(call)


def test_a_peer_that_says_nothing_in_h245_is_not_held() -> None:
    """488, at once the second time; its media stays as it is."""
    call = deaf_call()
    held = session("192.0.2.10", 4000, "8 0 18 101", "a=inactive")
    for seconds in (30, 0.1):
        call.outgoing.send(Offer(held))
        call.run(seconds)
    assert [item.status for item in call.caller.all(Refuse)] == [488, 488]
    stands(call)
    ends(call)
