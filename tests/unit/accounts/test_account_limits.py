"""Lines and calls per second never drift: a state machine against a naive list of admissions."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vosswitch.accounts.limits import Limit, Limits

KEYS = ("system", "account:1", "mapping:a", "routing:b")
_SOME = st.none() | st.integers(0, 3)


class Counting(RuleBasedStateMachine):
    """Takes and frees at random; the model is every call and every admission ever made."""

    def __init__(self):
        super().__init__()
        self.limits = Limits()
        self.now = 0.0
        self.calls = []
        self.spent = []

    @rule(wanted=st.lists(st.builds(Limit, st.sampled_from(KEYS), _SOME, _SOME), max_size=5))
    def take(self, wanted):
        lines = {key: sum(call.count(key) for call in self.calls) for key in KEYS}
        recent = {key: sum(k == key and t > self.now - 1.0 for k, t in self.spent) for key in KEYS}
        expected = None
        for key, most, cps, _share in wanted:
            if most is not None and lines[key] >= most:
                expected = f"lines {key}"
            elif cps is not None and recent[key] >= cps:
                expected = f"cps {key}"
            if expected:
                break
            lines[key] += 1
            recent[key] += cps is not None
        assert self.limits.take(wanted, self.now) == expected
        if expected is None:
            self.calls.append([limit.key for limit in wanted])
            self.spent += [(limit.key, self.now) for limit in wanted if limit.cps is not None]

    @rule(index=st.integers(0, 50))
    def free(self, index):
        if self.calls:
            self.limits.free(self.calls.pop(index % len(self.calls)))

    @rule(step=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    def pass_time(self, step):
        self.now += step

    @rule()
    def free_too_often(self):
        with pytest.raises(LookupError):
            self.limits.free(["never taken"])

    @invariant()
    def counts_agree(self):
        held = {key: sum(call.count(key) for call in self.calls) for key in KEYS}
        assert self.limits.view() == {key: count for key, count in held.items() if count}
        assert {key: self.limits.in_use(key) for key in KEYS} == held


Counting.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestCounting = Counting.TestCase


def test_failure_takes_nothing_and_says_what_is_full():
    limits = Limits()
    assert limits.take([Limit("a", 1, 5)], 0.0) is None
    assert limits.take([Limit("b", None, 1), Limit("a", 1, 5)], 0.0) == "lines a"
    assert limits.view() == {"a": 1}
    assert limits.take([Limit("b", None, 1)], 0.0) is None  # its admission had been given back
    assert limits.take([Limit("b", None, 1)], 0.5) == "cps b"


def test_window_slides():
    limits, limit = Limits(), [Limit("a", None, 2)]
    assert [limits.take(limit, t) for t in (0.0, 0.6, 0.9, 1.0, 1.5, 1.6)] == [
        None, None, "cps a", None, "cps a", None,
    ]  # fmt: skip


def test_freeing_a_line_does_not_give_an_admission_back():
    limits = Limits()
    limits.take([Limit("a", 1, 1)], 0.0)
    limits.free(["a"])
    assert limits.take([Limit("a", 1, 1)], 0.1) == "cps a"


def test_what_was_not_taken_is_named_and_the_rest_is_given_back():
    limits = Limits()
    limits.take([Limit("a"), Limit("c")], 0.0)
    with pytest.raises(LookupError, match="b"):
        limits.free(["a", "b", "c"])
    assert limits.view() == {}
