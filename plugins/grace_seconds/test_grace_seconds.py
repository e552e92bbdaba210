"""The grace mode keeps its contract: monotone fees, exact funding."""

from plugins.grace_seconds.plugin import Grace
from vosswitch.hooks import kit
from vosswitch.model.rating import Terms
from vosswitch.model.values import money

TERMS = Terms("0.60", 6, 6)


def test_keeps_the_contract():
    kit.check_billing_mode(Grace())


def test_a_call_within_the_grace_is_free():
    assert Grace().fee(3_000, TERMS).fee == 0


def test_a_longer_call_is_charged_from_its_first_second():
    assert Grace().fee(4_000, TERMS).fee == money("0.06")
    assert Grace().fee(7_000, TERMS).fee == money("0.12")
