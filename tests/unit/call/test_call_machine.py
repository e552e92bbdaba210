"""The table of a call against its picture, and the rule that nothing comes out of an ended call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.call.machine import CallMachine, Connect, Finish, HandOver, Input, Relay, State, TryNext, input_of
from vosswitch.model.causes import cause, from_sip
from vosswitch.model.signals import (
    Accept,
    Answer,
    Confirm,
    Digit,
    Offer,
    Proceed,
    Progress,
    Refuse,
    Release,
    Ring,
    Transfer,
)
from vosswitch.model.values import Side

P, E, T, X = State.PLACING, State.EARLY, State.TALKING, State.ENDED

TABLE = {
    (P, Input.PROCEED): (P, Relay),
    (P, Input.RING): (E, Relay),
    (P, Input.PROGRESS): (E, Relay),
    (P, Input.ANSWER): (T, Connect),
    (P, Input.CHANGE): (P, Relay),
    (P, Input.CALLEE_FAILED): (P, TryNext),
    (P, Input.CALLER_LEFT): (X, Finish),
    (P, Input.STOP): (X, Finish),
    (E, Input.RING): (E, Relay),
    (E, Input.PROGRESS): (E, Relay),
    (E, Input.ANSWER): (T, Connect),
    (E, Input.CHANGE): (E, Relay),
    (E, Input.CALLEE_FAILED): (P, TryNext),
    (E, Input.CALLER_LEFT): (X, Finish),
    (E, Input.STOP): (X, Finish),
    (T, Input.CHANGE): (T, Relay),
    (T, Input.TRANSFER): (T, HandOver),
    (T, Input.CALLER_LEFT): (X, Finish),
    (T, Input.CALLEE_LEFT): (X, Finish),
    (T, Input.STOP): (X, Finish),
}
"""The picture in the module's docstring, line by line; what is not listed is ignored."""

SIGNALS = {
    Input.PROCEED: Proceed(),
    Input.RING: Ring(),
    Input.PROGRESS: Progress(),
    Input.ANSWER: Answer(),
    Input.CALLEE_FAILED: Release(from_sip(503)),
    Input.CALLER_LEFT: Release(cause("caller_abandoned")),
    Input.CALLEE_LEFT: Release(cause("normal")),
    Input.CHANGE: Offer(),
    Input.TRANSFER: Transfer("43"),
    Input.STOP: Release(cause("operator_release")),
}
SIDES = dict.fromkeys(Input, Side.CALLEE) | {Input.CALLER_LEFT: Side.CALLER, Input.STOP: Side.SERVER}


def feed(machine, what):
    return machine.feed(what, SIDES[what], SIGNALS[what])


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("what", Input)
def test_every_transition_is_that_of_the_picture(state, what):
    machine = CallMachine()
    machine.state = state
    effects = feed(machine, what)
    after, effect = TABLE.get((state, what), (state, None))
    assert machine.state is after
    assert [type(one) for one in effects] == ([] if effect is None else [effect])


def test_the_table_lists_every_state_and_nothing_else():
    listed = {(state, what) for state, row in CallMachine.TABLE.items() for what in row}
    assert listed == set(TABLE)
    assert set(CallMachine.TABLE) == set(State)


@given(st.lists(st.sampled_from(list(Input))))
def test_nothing_is_emitted_after_the_end(inputs):
    machine = CallMachine()
    ended = False
    for what in inputs:
        effects = feed(machine, what)
        assert not (ended and effects)
        finished = any(isinstance(one, Finish) for one in effects)
        assert finished == (not ended and machine.state is X)
        ended = machine.state is X


def test_who_leaves_is_not_released_again():
    machine = CallMachine()
    machine.state = T
    (finish,) = machine.feed(Input.CALLER_LEFT, Side.CALLER, SIGNALS[Input.CALLER_LEFT])
    assert finish == Finish(cause("caller_abandoned"), Side.CALLER, (Side.CALLEE,))
    machine.state = T
    (finish,) = machine.feed(Input.STOP, Side.SERVER, SIGNALS[Input.STOP])
    assert finish.release == (Side.CALLER, Side.CALLEE)


def test_what_a_side_says_goes_to_the_other_one():
    machine = CallMachine()
    machine.state = T
    for side in (Side.CALLER, Side.CALLEE):
        assert machine.feed(Input.CHANGE, side, Digit("5")) == (Relay(side.other, Digit("5")),)


@pytest.mark.parametrize("state", State)
def test_a_release_means_what_the_state_and_the_side_say(state):
    left = Input.CALLEE_LEFT if state is T else Input.CALLEE_FAILED
    assert input_of(Side.CALLER, Release(cause("normal")), state) is Input.CALLER_LEFT
    assert input_of(Side.CALLEE, Release(cause("normal")), state) is left


@pytest.mark.parametrize("signal", [Proceed(), Ring(), Progress(), Answer()])
def test_a_caller_cannot_say_what_only_a_callee_says(signal):
    assert input_of(Side.CALLER, signal, P) is None
    assert input_of(Side.CALLEE, signal, P) is not None


@pytest.mark.parametrize("signal", [Confirm(), Offer(), Accept(), Refuse(488), Digit("1")])
@pytest.mark.parametrize("side", [Side.CALLER, Side.CALLEE])
def test_both_sides_may_change_an_answered_call(signal, side):
    assert input_of(side, signal, T) is Input.CHANGE
