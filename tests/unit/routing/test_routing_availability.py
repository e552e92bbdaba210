"""Gateways that are put aside and come back, and when they are asked by OPTIONS."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.model.peer import PeerProfile
from vosswitch.routing.availability import DOUBLINGS, Availability, Input, Standing, State
from vosswitch.routing.probing import ProbePlan

TWO = PeerProfile()
PROBED = PeerProfile(probe="always", probe_failures=3, probe_successes=2)


class Told(Availability):
    """Notes what is told."""

    __slots__ = ("flips",)

    def __init__(self):
        super().__init__()
        self.flips = []
        self.told = lambda name, standing: self.flips.append((name, standing.state.value))


def fail(table, times=1, profile=TWO, now=0.0, back_off=30.0):
    return [table.failed("g", profile, back_off, now, "no answer to a call") for _ in range(times)]


def test_failures_in_a_row_put_a_gateway_aside():
    table = Told()
    assert table.aside("g", False, 0) is None
    assert fail(table) == [False]
    assert table.aside("g", False, 0) is None
    table.answered("g", 0)
    assert len(table) == 0
    assert fail(table, 2) == [False, True]
    aside = table.aside("g", False, 0)
    assert "no answer to a call, 2 times in a row" in aside.why
    assert not aside.absolute
    assert table.flips == [("g", "away")]
    assert table.counts == {"away": 1}


def test_one_call_tries_it_when_the_back_off_is_over():
    table = Told()
    fail(table, 2)
    assert table.aside("g", False, 29.9)
    assert table.aside("g", False, 30) is None
    table.tried("g", 30.0, 30)
    assert table.aside("g", False, 31)  # the others wait for the outcome of that one
    table.answered("g", 40)
    assert table.aside("g", False, 40) is None
    assert table.flips == [("g", "away"), ("g", "up")]


def test_the_back_off_doubles_up_to_a_bound():
    table = Told()
    fail(table, 2)
    now, waits = 0.0, []
    for _ in range(8):
        until = table.get("g").until
        waits.append(until - now)
        now = until
        table.tried("g", 30.0, now)
        fail(table, 3, now=now + 1)  # calls that were out already end later: they count once
    assert waits == [30, 60, 120, 240, 480, 480, 480, 480]
    assert waits[-1] == 30 * 2**DOUBLINGS


def test_probes_bring_it_back_and_no_call_has_to_try():
    table = Told()
    assert fail(table, 3, PROBED) == [False, False, True]
    assert table.aside("g", True, 10_000)
    table.probed("g", PROBED, 1)
    assert table.aside("g", True, 1)
    fail(table, 1, PROBED)
    table.probed("g", PROBED, 2)
    table.probed("g", PROBED, 3)
    assert table.aside("g", True, 3) is None
    assert table.flips == [("g", "away"), ("g", "up")]


def test_retry_after_holds_it_for_its_time():
    table = Told()
    table.retry_after("g", 20, 0)
    table.retry_after("g", 5, 1)
    table.answered("g", 2)
    assert "its Retry-After; tried again in 10 s" in table.aside("g", True, 10).why
    table.sweep(10)
    assert table.aside("g", False, 20) is None
    table.sweep(20)
    assert len(table) == 0
    assert table.flips == [("g", "held"), ("g", "up")]


def test_what_it_was_put_aside_for_may_be_over_before_its_time():
    table = Told()
    table.rest("g", 100, 0, "tired")
    table.relieved("g", "ill", 1)
    assert table.aside("g", False, 1)
    table.relieved("g", "tired", 2)
    table.relieved("other", "tired", 2)
    assert len(table) == 0
    assert table.flips == [("g", "held"), ("g", "up")]


def test_an_operator_stands_above_all():
    table = Told()
    table.disable("g", 0)
    fail(table, 9)
    table.answered("g", 1)
    table.retry_after("g", 10, 1)
    table.probed("g", PROBED, 1)
    assert table.aside("g", False, 10_000).absolute
    table.enable("g", 2)
    assert len(table) == 0
    fail(table, 2)
    table.enable("g", 3)
    assert table.aside("g", False, 3) is None
    assert table.flips == [("g", "disabled"), ("g", "up"), ("g", "away"), ("g", "up")]


def test_gateways_that_are_gone_are_forgotten():
    table = Told()
    fail(table, 2)
    table.keep({"g"})
    assert len(table) == 1
    table.keep({"other"})
    assert len(table) == 0


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_row(state):
    assert state in Standing.TABLE
    assert all(what in Input for what in Standing.TABLE[state])


STEPS = {
    "fail": lambda table, now: fail(table, now=now),
    "answer": lambda table, now: table.answered("g", now),
    "probe": lambda table, now: table.probed("g", TWO, now),
    "hold": lambda table, now: table.retry_after("g", 10, now),
    "off": lambda table, now: table.disable("g", now),
    "on": lambda table, now: table.enable("g", now),
    "sweep": lambda table, now: table.sweep(now),
}


@given(st.lists(st.tuples(st.sampled_from([*STEPS]), st.floats(0, 60))))
def test_whatever_happens_it_is_either_usable_or_says_why(steps):
    table, now = Told(), 0.0
    for what, later in steps:
        now += later
        STEPS[what](table, now)
        aside = table.aside("g", True, now)
        standing = table.get("g")
        assert (aside is None) == (
            standing is None
            or standing.state in (State.UP, State.FAILING)
            or (standing.state is State.HELD and standing.until <= now)
        )
        assert aside is None or aside.why
    table.disable("g", now)
    table.enable("g", now)
    assert len(table) == 0
    flips = [state for _, state in table.flips]
    assert all(one != other for one, other in itertools.pairwise(flips))


# ---- the plan of probes


def test_probes_are_spread_over_the_period_and_keep_it_with_jitter():
    chances = iter([0.0, 0.5, 1.0, *[0.5] * 100])
    plan = ProbePlan(lambda: next(chances))
    plan.wanted({"a": 60.0, "b": 60.0, "c": 60.0}, 0.0)
    assert [plan.next_at(name) for name in "abc"] == [0, 30, 60]
    assert plan.due(31, 10) == ["a", "b"]
    assert plan.next_at("a") == 91
    assert plan.due(31, 10) == []


def test_so_many_at_once_and_no_more():
    plan = ProbePlan(lambda: 0.0)
    plan.wanted({f"g{number}": 60.0 for number in range(5000)}, 0.0)
    seen = Counter()
    for step in range(210):
        found = plan.due(step / 4, 25)
        assert len(found) <= 25
        seen.update(found)
    assert set(seen.values()) == {1}
    assert len(seen) == 5000


def test_a_change_of_configuration_keeps_what_is_planned():
    plan = ProbePlan(lambda: 0.5)
    plan.wanted({"a": 60.0, "b": 60.0}, 0.0)
    plan.wanted({"a": 60.0, "c": 10.0}, 5.0)
    assert (plan.next_at("a"), plan.next_at("b"), plan.next_at("c")) == (30, None, 10)
    assert len(plan) == 2
    plan.soon("a", 6.0)
    assert plan.due(7.0, 9) == ["a"]
    plan.soon("b", 6.0)
    assert plan.due(100.0, 9) == ["c", "a"]
