"""The recorded scenarios: each of them is a call, or two legs of one, with two sides and an end."""

from __future__ import annotations

import pytest

from tests.support.h323.script import RESPONSES, calls
from vosswitch.h323 import q931


@pytest.mark.parametrize("name", calls())
def test_a_recording_is_a_call(name):
    """It begins with the caller's Setup, has one call reference, and the side that answers has the flag set."""
    call = calls()[name]
    signal = [(step, q931.decode(step.data)) for step in call.steps if step.channel == "signal"]
    assert (call.steps[0].side, call.steps[0].kind) == ("caller", "Setup")
    assert len({message.reference for _, message in signal}) == 1
    assert all(message.from_destination == (step.side == "called") for step, message in signal)
    assert signal[-1][0].kind == "ReleaseComplete"
    assert call.cause is not None


@pytest.mark.parametrize("name", calls())
def test_nobody_answers_what_was_not_asked(name):
    """Each H.245 response follows a request of the other side; a determination may be acknowledged back."""
    asked = {"caller": [], "called": []}
    for step in calls()[name].steps:
        other = "called" if step.side == "caller" else "caller"
        for what in step.controls:
            if what in RESPONSES:
                allowed = {RESPONSES[what]} | ({what} if what == "masterSlaveDeterminationAck" else set())
                assert allowed & set(asked[other]), (step, asked)
            asked[step.side].append(what)


def test_the_recordings_have_every_way_to_begin():
    """Fast start taken and refused, slow start tunnelled, separate and in the Setup."""
    ways = {(call.fast_start, call.fast_start_answered, call.tunnelled, call.in_setup) for call in calls().values()}
    assert ways == {
        (True, True, True, False),
        (True, True, False, False),
        (True, False, True, False),
        (False, False, True, False),
        (False, False, True, True),
        (False, False, False, False),
    }
