"""Master/slave determination: the rule of H.245 C.2, and its machine."""

from __future__ import annotations

import pytest
from h245_desk import FakeDesk
from hypothesis import given
from hypothesis import strategies as st

from tests.support.h323.script import calls
from tests.unit.h323.test_h323_h245_replay import bodies, spoken
from vosswitch.h323.h245.desk import Settings
from vosswitch.h323.h245.determination import Determination, Input, State, decide

numbers = st.integers(0, (1 << 24) - 1)


@given(st.integers(0, 255), numbers, st.integers(0, 255), numbers)
def test_both_sides_come_to_opposite_decisions(one, first, two, second):
    """Or both to none."""
    ours, theirs = decide(one, first, two, second), decide(two, second, one, first)
    assert (ours, theirs) in {(True, False), (False, True), (None, None)}
    assert (ours is None) == (one == two and (first - second) % (1 << 24) in (0, 1 << 23))


@given(numbers, numbers, numbers)
def test_only_the_difference_counts(one, two, shift):
    """Both numbers may be turned by the same on the circle."""
    circle = 1 << 24
    assert decide(60, one, 60, two) == decide(60, (one + shift) % circle, 60, (two + shift) % circle)


def test_the_higher_type_is_master():
    """A gateway without MC (60) is above a terminal (50), whatever they draw."""
    assert decide(60, 1, 50, 2) is True
    assert decide(50, 2, 60, 1) is False


def recorded():
    """(what one side drew, what the other one drew, what the other one told it)."""
    for call in calls().values():
        caller, called = spoken(call, "caller"), spoken(call, "called")
        for ours, theirs in ((caller, called), (called, caller)):
            asked, told = bodies(ours, "masterSlaveDetermination"), bodies(theirs, "masterSlaveDeterminationAck")
            other = bodies(theirs, "masterSlaveDetermination")
            if asked and other and told:
                yield call.name, asked[0], other[0], told[0]["decision"][0]


@pytest.mark.parametrize(("name", "ours", "theirs", "told"), list(recorded()))
def test_recorded_stacks_decide_as_we_do(name, ours, theirs, told):
    """Terminals and gateways, equal types too."""
    verdict = decide(*[body[key] for body in (ours, theirs) for key in ("terminalType", "statusDeterminationNumber")])
    assert verdict is (told == "master"), name


def test_the_recordings_have_equal_types():
    """So that the rule for numbers is proved by somebody else's decision."""
    assert any(ours["terminalType"] == theirs["terminalType"] for _, ours, theirs, _ in recorded())


class Machine:
    """One machine with what it says."""

    def __init__(self, *chances):
        self.desk = FakeDesk(chances=chances)
        self.done, self.failures = [], []
        self.it = Determination(self.desk, Settings(), self._settled, self.failures.append)

    def _settled(self):
        self.done.append(self.it.master)

    def asked(self, number):
        self.it.requested({"terminalType": 60, "statusDeterminationNumber": number})


def ack(decision):
    return {"decision": (decision, 0)}


def test_who_is_asked_decides_and_waits_for_the_last_word():
    machine = Machine(100)
    machine.asked(300)
    assert machine.it.state is State.INCOMING
    assert machine.desk.sent[-1] == ("response", ("masterSlaveDeterminationAck", ack("slave")))
    assert not machine.done
    machine.it.acknowledged(ack("master"))
    assert machine.done == [True]
    assert not machine.desk.clock.timers


def test_who_asks_takes_the_decision_and_says_the_opposite():
    machine = Machine(100)
    machine.it.start()
    machine.it.acknowledged(ack("slave"))
    assert machine.desk.sent[-1] == ("response", ("masterSlaveDeterminationAck", ack("master")))
    assert machine.done == [False]


def test_a_contradiction_is_no_decision():
    """C.2 error E: both would be master."""
    machine = Machine(100)
    machine.asked(300)
    machine.it.acknowledged(ack("slave"))
    assert not machine.done
    assert machine.failures


def test_identical_numbers_are_refused_by_who_has_not_asked():
    machine = Machine(100)
    machine.asked(100)
    assert machine.desk.said() == ["masterSlaveDeterminationReject"]
    assert machine.it.state is State.IDLE


def test_no_answer_ends_it_and_says_so():
    machine = Machine(100)
    machine.it.start()
    machine.desk.clock.advance(30)
    assert machine.desk.said() == ["masterSlaveDetermination", "masterSlaveDeterminationRelease"]
    assert machine.failures
    assert not machine.desk.clock.timers


def test_what_is_settled_stays_when_another_one_comes_to_nothing():
    machine = Machine(100, 200)
    machine.it.start()
    machine.it.acknowledged(ack("master"))
    machine.it.start()
    machine.desk.clock.advance(30)
    assert machine.it.master is True
    assert not machine.failures


def test_every_state_has_its_row_and_every_way_leads_home():
    """Each input of a waiting state either keeps waiting with a timer, or goes back to idle."""
    assert set(Determination.TABLE) == set(State)
    for state in (State.OUTGOING, State.INCOMING):
        assert Determination.TABLE[state][Input.TIMEOUT][0] is State.IDLE
        assert Determination.TABLE[state][Input.RELEASE][0] is State.IDLE
