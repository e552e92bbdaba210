"""What is provisioned of fraud rules: read, refused in one line, and made a value."""

import pytest

from vosswitch.call.fraud.rules import Bound, FraudRule
from vosswitch.model.values import UNITS
from vosswitch.store.fields import Deployment, Expected
from vosswitch.store.fraud_fields import FRAUD_RULES
from vosswitch.store.secrets import Secrets


def read(**written):
    """The canonical values of an entry."""
    values = FRAUD_RULES.defaults() | {"name": "x"}
    for name, value in written.items():
        field = FRAUD_RULES.field(name)
        values[name] = field.read(value, Deployment("test", Secrets("/nonexistent/key")))
    FRAUD_RULES.check(values)
    return values


def test_levels_are_calls_milliseconds_and_units():
    values = read(minutes={"warn": 1, "block": 2}, money_per_hour={"block": "2.5"}, concurrent={"warn": 0})
    rule = FraudRule.from_body(values)
    assert dict(rule.bounds) == {
        "concurrent": Bound(0, None),
        "minutes": Bound(60_000, 120_000),
        "money_per_hour": Bound(None, 25 * UNITS // 10),
    }
    assert rule.talk
    assert not FraudRule.from_body(read(concurrent={"block": 1})).talk


def test_money_is_written_as_it_is_read():
    field = FRAUD_RULES.field("money_per_hour")
    levels = read(money_per_hour={"warn": "0.01", "block": "2.5"})["money_per_hour"]
    assert read(money_per_hour=field.write(levels))["money_per_hour"] == levels
    assert field.write(None) is None


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({}, "calls_per_minute: expected levels for at least one of"),
        ({"concurrent": {"warn": 3, "block": 2}}, "warn: expected at most the block level"),
        ({"concurrent": 3}, "a table with warn and block"),
        ({"concurrent": {"most": 3}}, "most: unknown"),
        ({"concurrent": {"block": -1}}, "block: expected a whole number"),
        ({"minutes": {"block": 0}}, "expected levels above zero"),
        ({"money_per_hour": {"block": "-1"}}, "block: expected an amount not below zero"),
        ({"concurrent": {"warn": 1}, "cut": True}, "cut: expected a block level beside it"),
        ({"concurrent": {"warn": 1}, "lock_account": True}, "lock_account: expected a block level beside it"),
        ({"concurrent": {"warn": 1}, "prefixes": ["1"], "number_group": "g"}, "number_group: expected none beside"),
        ({"concurrent": {"warn": 1}, "block_what": "all"}, "destination, account or call"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(written, message):
    with pytest.raises((Expected, ValueError), match=message):
        read(**written)
