"""What has to be left on vendors' accounts, and which locks end running calls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.accounts.clearing import UNCHECKED, Clearing
from vosswitch.accounts.locking import newly_locked
from vosswitch.accounts.values import Account
from vosswitch.params.system import Parameters

LIMIT = "SERVER_VERIFY_CLEARING_CUSTOMER_REMAIN_MONEY_LIMIT"
OFF = Parameters({})


def test_nothing_is_checked_unless_somebody_wants_it():
    assert UNCHECKED.changed({"v": {"least_balance": None}, "w": {}, "x": None}, OFF) is UNCHECKED
    some = UNCHECKED.changed({"v": {"least_balance": 5}}, OFF)
    assert (some.least("v"), some.least("w")) == (5, None)
    assert some.changed({"w": {"least_balance": None}, "v": {"least_balance": 5}}, OFF) is some
    assert some.changed({"v": None}, OFF) is UNCHECKED


def test_the_parameter_is_for_accounts_without_their_own():
    found = UNCHECKED.changed({"v": {"least_balance": -5}}, Parameters({LIMIT: "-1.5"}))
    assert (found.least("v"), found.least("w")) == (-5, -15_000_000)
    assert found.changed(None, OFF) == Clearing({"v": -5}, None)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(-5, 5), max_size=3), max_size=8))
def test_changes_come_to_what_the_last_of_each_says(changes):
    found, model = UNCHECKED, {}
    for change in changes:
        before, kept = found, dict(found.own)
        found = found.changed({number: {"least_balance": least} for number, least in change.items()}, OFF)
        assert before.own == kept  # running calls have the former one
        model |= change
    assert found.own == {number: least for number, least in model.items() if least is not None}


@pytest.mark.parametrize(
    ("policy", "reason", "before", "expected"),
    [
        ("none", "operator", False, []), ("operator", "operator", False, ["c"]), ("operator", "fraud", False, ["c"]),
        ("operator", "balance", False, []), ("operator", "expiry", False, []), ("all", "balance", False, ["c"]),
        ("all", "operator", True, []), ("all", "", False, []),
    ],
)  # fmt: skip
def test_whose_running_calls_end(policy, reason, before, expected):
    accounts = {"c": Account("c", locked=before), "gone": Account("gone")}
    bodies = {"c": {"locked": bool(reason), "lock_reason": reason}, "gone": None, "new": {"locked": True} | {
        "lock_reason": "operator"
    }}  # fmt: skip
    assert newly_locked(accounts, bodies, policy) == expected
    assert newly_locked(accounts, None, policy) == []
