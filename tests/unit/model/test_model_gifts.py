"""Given seconds and given money: who pays what of a call, to the unit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.billing.modes import BUILT_IN
from vosswitch.model.gifts import longest_billed, split, worth
from vosswitch.model.rating import Terms
from vosswitch.model.values import UNITS

MODES = {mode.name: mode for mode in BUILT_IN}
TERMS = st.builds(
    Terms,
    st.sampled_from(["0", "0.6", "0.0151", "7.123456789"]),
    st.sampled_from([1, 30, 60]),
    st.sampled_from([1, 6, 60]),
    st.sampled_from(["0", "0.05"]),
    st.sampled_from(["0", "7.7"]),
    st.sampled_from([0, 5]),
    attempt_fee=st.sampled_from(["0", "0.02"]),
    minimum=st.sampled_from(["0", "0.3"]),
    sections=st.sampled_from(["", "60:0.5,120:0.3"]),
)
PURSES = st.lists(st.integers(0, 400), max_size=3)


def pricing(mode="increment", **terms):
    found = Terms(**{"per_minute": "0.6", **terms})
    return lambda ms: MODES[mode].fee(ms, found)


@given(st.sampled_from(sorted(MODES)), TERMS, st.integers(0, 500_000), PURSES, PURSES)
def test_nothing_is_lost_and_nothing_is_taken_that_is_not_there(mode, terms, ms, seconds, money):
    def priced(at):
        return MODES[mode].fee(at, terms)

    whole = priced(ms)
    found = split(priced, ms, seconds, money, terms.step)
    assert found.own.fee + found.worth == whole.fee
    assert all(0 <= used <= most for used, most in zip(found.seconds, seconds, strict=True))
    assert all(0 <= used <= most for used, most in zip(found.money, money, strict=True))
    assert sum(found.seconds) == min(whole.billed_seconds, sum(seconds))
    assert 0 <= found.own.tax <= found.own.fee
    assert found.own.net == found.own.fee - found.own.tax
    if not any(seconds) and not any(money):
        assert found.own == whole


@given(st.sampled_from(sorted(MODES)), TERMS, st.integers(0, 400), st.lists(st.integers(0, 500_000), min_size=2))
def test_what_the_account_pays_grows_with_the_call(mode, terms, seconds, lengths):
    def own(ms):
        return split(lambda at: MODES[mode].fee(at, terms), ms, [seconds], (), terms.step).own.fee

    paid = [own(ms) for ms in sorted(lengths)]
    assert paid == sorted(paid)


@given(st.sampled_from(sorted(MODES)), TERMS, st.integers(0, 400), st.integers(0, 20 * UNITS))
def test_what_is_funded_is_what_can_be_paid(mode, terms, seconds, money):
    def priced(at):
        return MODES[mode].fee(at, terms)

    given_ = worth(priced, seconds, terms.step)
    if given_ is None or money < priced(0).fee:
        return
    funded = MODES[mode].funded_until(given_ + money, terms)
    if funded is None:
        return
    assert split(priced, funded, [seconds], (), terms.step).own.fee <= money
    assert split(priced, funded + 1, [seconds], (), terms.step).own.fee > money


@pytest.mark.parametrize(
    ("terms", "ms", "seconds", "own"),
    [
        ({}, 100_000, 60, "0.4"),  # 40 s of money
        ({}, 60_000, 60, "0"),
        ({"connect_fee": "0.05"}, 100_000, 60, "0.4"),  # the connection fee is given with the first second
        ({"connect_fee": "0.05"}, 100_000, 0, "1.05"),
        ({"first": 60, "next": 60}, 61_000, 60, "0.6"),
        ({"first": 60, "next": 60}, 50_000, 45, "0.15"),  # of an increment that is given in part, the other part
        ({"first": 60, "next": 60}, 61_000, 75, "0.45"),
        ({"tax": "20"}, 100_000, 60, "0.48"),
        ({"free_time": 10}, 100_000, 60, "0.3"),
        ({"attempt_fee": "0.02"}, 60_000, 60, "0.02"),  # is no second's
        ({"minimum": "0.3"}, 100_000, 60, "0.4"),
        ({"minimum": "0.3"}, 10_000, 60, "0"),
        ({"sections": "60:0.3"}, 100_000, 60, "0.2"),
    ],
)
def test_the_first_seconds_are_given(terms, ms, seconds, own):
    found = split(pricing(**terms), ms, [seconds], (), 1000)
    assert found.own.fee == round(float(own) * UNITS)


def test_purses_are_emptied_in_their_order():
    found = split(pricing(), 100_000, [10, 20, 0, 5], [UNITS // 10, UNITS], 1000)
    assert found.seconds == (10, 20, 0, 5)
    assert found.money == (UNITS // 10, UNITS * 55 // 100)
    assert found.own.fee == 0


def test_a_given_flat_call_is_given_as_a_whole():
    assert split(pricing("flat", connect_fee="0.5"), 90_000, [1], ()).own.fee == 0


def test_how_long_a_call_lasts_on_seconds():
    assert longest_billed(pricing(), 60) == 60_049  # 50 ms make the next second
    assert longest_billed(pricing(first=60, next=60), 59) == 49
    assert longest_billed(pricing("free"), 60) is None
