"""Any message in any state, any signal in any state: a leg ends once, holds little, and says nothing behind its end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.h323.script import calls
from tests.unit.h323.legs_world import peer, session
from tests.unit.h323.played_world import PlayedCallee, PlayedCaller
from vosswitch.h323 import h225
from vosswitch.h323.h245 import faststart
from vosswitch.h323.legs.incoming import IncomingLeg
from vosswitch.h323.legs.outgoing import OutgoingLeg
from vosswitch.h323.legs.states import OFFERED, UNANSWERED, State
from vosswitch.model.causes import cause
from vosswitch.model.signals import (
    Accept,
    Answer,
    Carry,
    Confirm,
    Digit,
    Offer,
    Proceed,
    Progress,
    Refuse,
    Release,
    Ring,
    Transferred,
)
from vosswitch.model.values import Address

A = session("192.0.2.10", 4000)
HELD = session("192.0.2.10", 4000, "8", "a=inactive")
CONTROLS = [
    message
    for call in (calls()["h245setup"], calls()["a_slowtun"])
    for step in call.steps
    if step.channel == "signal"
    for message in h225.read(step.data).control
]
"""H.245 messages of real endpoints, out of their order."""
FIELDS = st.fixed_dictionaries(
    {
        "tunnelling": st.booleans(),
        "tells_tunnelling": st.booleans(),
        "control": st.lists(st.sampled_from(CONTROLS), max_size=3).map(tuple),
        "h245_address": st.sampled_from([None, Address("192.0.2.2", 5555, "h323")]),
        "fast_start": st.sampled_from([None, tuple(faststart.proposals(A)), ()]),
    }
)
KINDS = st.sampled_from(
    [
        (h225.CallProceeding, {}),
        (h225.Alerting, {"in_band": True}),
        (h225.Progress, {}),
        (h225.Connect, {}),
        (h225.Facility, {"reason": "startH245"}),
        (h225.Facility, {"reason": "", "empty_body": True}),
        (h225.Information, {"keypad": "5"}),
        (h225.Other, {"name": "StatusInquiry"}),
        (h225.Setup, {}),
    ]
)
SIGNALS = st.sampled_from(
    [
        Proceed(), Ring(), Ring(A), Progress(), Progress(A), Answer(A), Answer(), Confirm(A), Confirm(), Offer(A),
        Offer(HELD), Offer(), Accept(A), Accept(), Refuse(488), Digit("5"), Carry(1, "INFO"), Transferred(200),
    ]
)  # fmt: skip
STEPS = st.lists(st.one_of(st.tuples(KINDS, FIELDS), SIGNALS, st.floats(0.01, 12.0)), max_size=25)
PROFILES = st.builds(peer, fast_start=st.booleans(), tunnelling=st.booleans(), h245_in_setup=st.booleans())


def play(played: Any, steps: list[Any]) -> None:
    """Do them all, then end the leg if it goes on."""
    for step in steps:
        if isinstance(step, float):
            played.world.run(step)
        elif isinstance(step, tuple):
            (kind, about), fields = step
            if kind in (h225.Information, h225.Other):
                fields = {name: fields[name] for name in ("tunnelling", "tells_tunnelling", "control")}
            played.hear(kind, **(fields | about))
        else:
            played.leg.send(step)
        assert len(played.leg.alarms) < 40
    if played.leg.state is not State.RELEASED:
        played.leg.send(Release(cause("normal")))
        assert played.call.all(Release) == []
    ends = [message for message in played.wire.said if isinstance(message, h225.ReleaseComplete)]
    assert sum(message.reason != "newConnectionNeeded" for message in ends) <= 1  # else it refuses a call of the peer's
    assert len(played.call.all(Release)) <= 1
    assert len(played.call.all(Answer)) <= 1
    heard = len(played.call.heard_signals)
    said = len(played.wire.said)
    played.hear(h225.Alerting)
    played.leg.send(Ring())
    played.world.run(400)
    assert (len(played.call.heard_signals), len(played.wire.said)) == (heard, said)
    played.over()


@given(profile=PROFILES, steps=STEPS, late=st.booleans(), early=st.booleans())
@settings(max_examples=120, deadline=None)
def test_an_outgoing_leg_stands_any_order(profile: Any, steps: list[Any], late: bool, early: bool) -> None:
    play(PlayedCallee(profile, None if late else A, early=early), steps)


@given(profile=PROFILES, steps=STEPS, fields=FIELDS)
@settings(max_examples=120, deadline=None)
def test_an_incoming_leg_stands_any_order(profile: Any, steps: list[Any], fields: dict[str, Any]) -> None:
    play(PlayedCaller(profile, **fields), steps)


@pytest.mark.parametrize("leg", [IncomingLeg, OutgoingLeg])
def test_every_state_can_be_left_by_both_sides(leg: Any) -> None:
    states = [*(OFFERED if leg is IncomingLeg else (State.NULL, *UNANSWERED)), State.ACTIVE]
    for state in states:
        assert leg.TAKES[state][Release][0] is State.RELEASED
        if state is not State.NULL:
            assert leg.HEARS[state][h225.ReleaseComplete][0] is State.RELEASED
            assert h225.Other in leg.HEARS[state]  # StatusInquiry
            assert h225.Facility in leg.HEARS[state]
    assert leg.TAKES[State.RELEASED] == leg.HEARS[State.RELEASED] == {}
    assert set(leg.TAKES) == set(leg.HEARS) == {*states, State.RELEASED}


def test_the_states_are_numbered_as_in_q931() -> None:
    numbers = {state.name: state.number for state in State}
    assert numbers == {
        "NULL": 0, "INITIATED": 1, "PROCEEDING": 3, "DELIVERED": 4, "PRESENT": 6, "RECEIVED": 7, "ACCEPTED": 9,
        "ACTIVE": 10, "RELEASED": 0,
    }  # fmt: skip
