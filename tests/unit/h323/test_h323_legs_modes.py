"""An outgoing leg joined with an incoming one, in every mode: both calls learn of the media, and of the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.h323.legs_world import Call, answering, codec, confirming, peer, session, where
from tests.unit.h323.played_world import PlayedCallee
from vosswitch.h323 import h225
from vosswitch.model.causes import cause, switches
from vosswitch.model.signals import Accept, Answer, Confirm, Digit, Offer, Progress, Refuse, Release, Ring

A = session("192.0.2.10", 4000)
B = session("192.0.2.20", 5000, "8 101")
MODES = st.fixed_dictionaries(
    {
        "fast_start": st.booleans(),
        "tunnelling": st.booleans(),
        "h245_in_setup": st.booleans(),
        "auto_call_proceeding": st.booleans(),
        "alerting_from_progress": st.booleans(),
    }
)
WAYS = [
    ("fast", {}, {}),
    ("fast, separate", {"tunnelling": False}, {"tunnelling": False}),
    ("fast, refused", {}, {"fast_start": False}),
    ("fast, refused, separate", {"tunnelling": False}, {"fast_start": False}),
    ("slow, tunnelled", {"fast_start": False}, {}),
    ("slow, separate", {"fast_start": False, "tunnelling": False}, {"tunnelling": False}),
    ("slow, tunnel refused", {"fast_start": False}, {"tunnelling": False}),
    ("slow, tunnel not offered", {"fast_start": False, "tunnelling": False}, {}),
    ("H.245 in Setup", {"fast_start": False, "h245_in_setup": True}, {}),
    ("H.245 in Setup, tunnel refused", {"fast_start": False, "h245_in_setup": True}, {"tunnelling": False}),
]
EACH_WAY = pytest.mark.parametrize(("calling", "called"), [way[1:] for way in WAYS], ids=[way[0] for way in WAYS])


def stands(call: Call, ours: Any = A, theirs: Any = B) -> None:
    """Both calls know where the other one's media is, and that it is A-law."""
    assert where(call.caller.described()) == where(theirs)
    assert codec(call.caller.described()) == "8"
    assert where(call.callee.described()) == where(ours)
    assert "8" in call.callee.described().media[0].formats  # type: ignore[union-attr]
    assert len(call.caller.all(Answer)) == 1
    assert not call.caller.all(Release)
    assert not call.callee.all(Release)


def ends(call: Call, caller: bool = True) -> None:
    """Each side ends once, and nothing is left."""
    call.hang_up(caller=caller)
    gone, other = (call.caller, call.callee) if caller else (call.callee, call.caller)
    assert gone.all(Release) == []
    (release,) = other.all(Release)
    assert release.cause.reason == "normal"
    for wire, leg in ((call.here, call.outgoing), (call.there, call.incoming)):
        assert not wire.open
        assert leg is not None
        assert not leg.alarms
    assert call.world.waiting == 0
    assert call.world.listeners == {}


@EACH_WAY
def test_a_call_with_an_offer(calling: Any, called: Any) -> None:
    call = Call(A, peer(**calling), peer(**called), answering(B)).run(2)
    stands(call)
    assert call.outgoing.status == 200
    assert call.incoming is not None
    assert call.incoming.status == 200
    ends(call)


@EACH_WAY
def test_a_call_without_an_offer(calling: Any, called: Any) -> None:
    call = Call(None, peer(**calling), peer(**called), answering(B), confirming(replace(A))).run(2)
    stands(call)
    ends(call, caller=False)


@given(
    calling=MODES,
    called=MODES,
    late=st.booleans(),
    ring=st.booleans(),
    early=st.booleans(),
    progress=st.booleans(),
    placed_early=st.booleans(),
    caller_ends=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_media_stands_in_every_mode(
    calling: dict[str, Any],
    called: dict[str, Any],
    late: bool,
    ring: bool,
    early: bool,
    progress: bool,
    placed_early: bool,
    caller_ends: bool,
) -> None:
    answers = answering(B, ring, early, progress)
    offer = None if late else A
    call = Call(offer, peer(**calling), peer(**called), answers, confirming(A), early=placed_early)
    call.run(3)
    stands(call)
    ends(call, caller=caller_ends)


def test_fast_start_needs_no_h245_at_all() -> None:
    call = Call(A, peer(), peer(), answering(B)).run(2)
    assert call.here.kinds() == ["Setup"]
    assert call.there.kinds() == ["CallProceeding", "Alerting", "Connect"]
    assert all(not message.control for message in call.here.said + call.there.said)
    assert call.there.last(h225.Connect).fast_start
    assert call.there.last(h225.Alerting).fast_start is None
    ends(call)


def test_fast_start_is_answered_once_with_the_first_media() -> None:
    call = Call(A, peer(), peer(), answering(B, early=True)).run(2)
    assert call.there.last(h225.Alerting).fast_start
    assert call.there.last(h225.Alerting).in_band
    assert call.there.last(h225.Connect).fast_start is None
    ring, answer = call.caller.last(Ring), call.caller.last(Answer)
    assert where(ring.session) == where(B)
    assert answer.session is None


def test_progress_with_media_is_progress_with_media() -> None:
    call = Call(A, peer(), peer(), answering(B, ring=False, early=True, progress=True)).run(2)
    (progress,) = call.caller.all(Progress)
    assert where(progress.session) == where(B)
    assert call.there.last(h225.Progress).in_band


def test_a_peer_that_knows_no_progress_gets_alerting() -> None:
    call = Call(A, peer(), peer(alerting_from_progress=True), answering(B, ring=False, early=True, progress=True))
    call.run(2)
    assert call.there.kinds() == ["CallProceeding", "Alerting", "Connect"]
    assert where(call.caller.last(Ring).session) == where(B)


def test_h245_in_setup_saves_a_round_trip() -> None:
    call = Call(A, peer(fast_start=False, h245_in_setup=True), peer(), answering(B)).run(2)
    assert len(call.here.said[0].control) == 2
    assert call.there.said[0].control
    stands(call)


@EACH_WAY
def test_digits_go_both_ways_once(calling: Any, called: Any) -> None:
    call = Call(A, peer(**calling), peer(**called), answering(B)).run(2)
    assert call.incoming is not None
    for key in "1*#":
        call.outgoing.send(Digit(key))
        call.incoming.send(Digit(key))
        call.run(0.1)
    call.run(2)
    assert [item.digit for item in call.callee.all(Digit)] == ["1", "*", "#"]
    assert [item.digit for item in call.caller.all(Digit)] == ["1", "*", "#"]
    stands(call)
    ends(call)


@pytest.mark.parametrize("dtmf", ["auto", "alphanumeric", "signal", "keypad"])
def test_each_way_of_telling_digits(dtmf: str) -> None:
    call = Call(A, peer(fast_start=False, dtmf=dtmf), peer(), answering(B)).run(2)
    for key in "55":
        call.outgoing.send(Digit(key))
        call.run(1)
    assert [item.digit for item in call.callee.all(Digit)] == ["5", "5"]
    assert ("Information" in call.here.kinds()) is (dtmf == "keypad")


@pytest.mark.parametrize("dtmf", ["rfc2833", "off"])
def test_digits_that_are_not_signalled(dtmf: str) -> None:
    call = Call(A, peer(dtmf=dtmf), peer(), answering(B)).run(2)
    call.outgoing.send(Digit("5"))
    call.run()
    assert call.callee.all(Digit) == []


def hold(described: Any) -> Any:
    """The same side on hold."""
    media = described.media[0]
    return replace(described, media=(replace(media, lines=(*media.lines, "a=inactive")),))


@EACH_WAY
def test_a_held_call_and_back(calling: Any, called: Any) -> None:
    call = Call(A, peer(**calling), peer(**called), answering(B), confirming(A)).run(2)
    call.outgoing.send(Offer(hold(A)))
    call.run(5)
    assert len(call.caller.all(Accept)) == 1
    (offer,) = call.callee.all(Offer)
    assert "a=inactive" in offer.session.media[0].lines
    call.outgoing.send(Offer(A))
    call.run(5)
    assert len(call.caller.all(Accept)) == 2
    assert where(call.caller.last(Accept).session) == where(B)
    assert len(call.callee.all(Offer)) == 2
    stands(call)
    ends(call)


@EACH_WAY
def test_media_that_moves(calling: Any, called: Any) -> None:
    moved = session("192.0.2.11", 4100)
    call = Call(A, peer(**calling), peer(**called), answering(B), confirming(A)).run(2)
    call.outgoing.send(Offer(moved))
    call.run(5)
    assert len(call.caller.all(Accept)) == 1
    assert where(call.callee.described()) == where(moved)
    ends(call)


def test_a_change_that_changes_nothing_is_taken_at_once() -> None:
    call = Call(A, peer(), peer(), answering(B)).run(2)
    call.outgoing.send(Offer(replace(A, origin=replace(A.origin, version="2"))))
    assert where(call.caller.last(Accept).session) == where(B)
    assert call.here.kinds() == ["Setup"]


def test_a_change_to_what_the_peer_has_not_is_refused() -> None:
    call = Call(A, peer(), peer(), answering(B)).run(2)
    call.outgoing.send(Offer(session("192.0.2.10", 4000, "4")))
    call.run(20)
    assert call.caller.last(Refuse).status == 488
    stands(call)


def test_an_offer_is_asked_for_and_answered() -> None:
    call = Call(A, peer(), peer(), answering(B)).run(2)
    call.outgoing.send(Offer(None))
    assert where(call.caller.last(Accept).session) == where(B)
    call.outgoing.send(Confirm(A))
    call.run()
    stands(call)


@pytest.mark.parametrize("caller", [True, False])
@EACH_WAY
def test_a_release_at_every_step_ends_both_sides_once(calling: Any, called: Any, caller: bool) -> None:
    for step in range(0, 40, 2):
        call = Call(A, peer(**calling), peer(**called), answering(B))
        call.world.run(step * 0.001)
        leg = call.outgoing if caller else call.incoming
        if leg is None:
            continue
        leg.send(Release(cause("normal" if call.caller.all(Answer) else "caller_abandoned")))
        call.run(60)
        gone, other = (call.caller, call.callee) if caller else (call.callee, call.caller)
        assert gone.all(Release) == []
        assert len(other.all(Release)) == (1 if call.incoming is not None else 0)
        assert call.world.waiting == 0
        assert not call.here.open
        assert not call.there.open or call.incoming is None


@EACH_WAY
def test_connections_that_are_cut_at_every_step_end_both_sides_once(calling: Any, called: Any) -> None:
    for step in range(1, 40, 5):
        call = Call(A, peer(**calling), peer(**called), answering(B))
        call.world.run(step * 0.001)
        call.here.gone()
        call.there.gone()
        call.run(60)
        assert len(call.caller.all(Release)) == 1
        assert len(call.callee.all(Release)) == (1 if call.incoming is not None else 0)
        assert call.world.waiting == 0


def test_without_a_port_for_h245_the_call_ends() -> None:
    call = Call(A, peer(fast_start=False, tunnelling=False), peer(), answering(B))
    call.world.full = True
    call.run(60)
    assert call.caller.all(Answer) == []
    assert len(call.caller.all(Release)) == 1
    assert call.try_ is None
    assert call.there.last(h225.ReleaseComplete).cause == 42
    assert call.world.waiting == 0


def test_without_a_port_for_h245_the_next_vendor_is_tried() -> None:
    """One that answers and does not say where to connect."""
    played = PlayedCallee(peer(fast_start=False, tunnelling=False))
    played.world.full = True
    played.hear(h225.Connect, tunnelling=False)
    assert (played.cause().reason, switches(played.cause())) == ("rtp_timeout", True)
    played.over()


@pytest.mark.parametrize("caller", [True, False])
def test_without_a_port_for_h245_a_call_with_media_goes_on(caller: bool) -> None:
    """What needed H.245 is refused; later, with a port, it can be had."""
    call = Call(A, peer(tunnelling=False), peer(tunnelling=False), answering(B), confirming(A))
    call.world.full = True
    call.run(2)
    leg, side = (call.outgoing, call.caller) if caller else (call.incoming, call.callee)
    assert leg is not None
    moved = session("192.0.2.21", 5100, "8 101")
    leg.send(Offer(moved))
    call.run(20)
    assert [signal.status for signal in side.all(Refuse)] == [488]
    stands(call)
    call.world.full = False
    leg.send(Offer(moved))
    call.run(20)
    assert len(side.all(Accept)) == 1
    ends(call)


def test_an_h245_connection_that_never_comes_ends_the_call() -> None:
    call = Call(A, peer(fast_start=False, tunnelling=False), peer(), answering(B))
    call.world.unreachable = True
    call.run(60)
    assert call.caller.all(Answer) == []
    assert call.caller.last(Release).cause.reason == "rtp_timeout"
    assert len(call.callee.all(Release)) == 1
    assert call.world.waiting == 0
