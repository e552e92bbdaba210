"""Vendors whose account may not be overdrawn: their part is reserved, too; and what happens when money ends."""

import pytest

from tests.unit.call.call_world import PREPAID, World, account, by_name, group, rate, routing
from vosswitch.model.values import UNITS

CENT = UNITS // 100
HALF = CENT // 2
"""What a second costs at the vendors."""


def world(vendor=100 * CENT, *, parameters=None, groups=None, gateways=None, **customer):
    accounts = by_name(
        account("c"),
        account("p", anti_overdraft=True, **customer),
        account("v", kind="clearing", rate_group="wholesale", anti_overdraft=True),
        account("w", kind="clearing", rate_group="wholesale"),
    )
    more = {"rate_groups": groups} if groups else {}
    return World(
        accounts=accounts,
        money={"c": UNITS, "p": 100 * CENT, "v": vendor, "w": 0},
        routing_gateways=by_name(*(gateways or [routing("r1"), routing("r2", account="w", priority=1)])),
        parameters=parameters,
        **more,
    )


def talk(node, seconds=0, **call):
    leg = node.call(**call)
    node.legs.placed[-1].answers()
    node.clock.advance(seconds)
    return leg


def idle(node, **left):
    assert not node.calls.calls
    for number, units in left.items():
        purse = node.balances.state(number)
        assert purse.reserved == 0
        assert purse.free == units
    assert node.limits.view() == {}


def test_the_vendors_part_is_reserved_and_booked_once():
    node = world()
    leg = talk(node, 10)
    assert node.balances.state("v").reserved > 0
    (answer,) = node.journal.of("answer")
    assert [row["kind"] for row in answer["charges_terms"]] == ["call", "cost"]
    assert answer["reserved"][0] is None
    assert answer["reserved"][1] >= 30 * CENT
    leg.hangs_up()
    (cdr,) = node.journal.of("end")
    assert (cdr.fee, cdr.cost) == (10 * CENT, 10 * HALF)
    assert [(one.account, one.amount, one.kind) for one in cdr.charges] == [
        ("c", 10 * CENT, "call"),
        ("v", 10 * HALF, "cost"),
    ]
    idle(node, v=100 * CENT - 10 * HALF)


def test_the_call_is_cut_when_the_vendors_money_ends():
    node = world(vendor=20 * HALF)
    leg = talk(node, 25)
    assert leg.released.reason == "balance_exhausted"
    (cdr,) = node.journal.of("end")
    assert cdr.cost == 20 * HALF
    idle(node, v=0)


def test_a_vendor_without_money_is_left_out():
    node = world(vendor=0)
    node.call()
    assert [leg.placement.target.host for leg in node.legs.placed] == ["192.0.2.100"]
    assert node.wanted == ["v"]
    (call,) = node.calls.calls.values()
    assert any(what == "r1" and "vendor" in why for what, why in call.decision.notes)
    alone = world(vendor=0, gateways=[routing("r1")])
    assert alone.call().released.reason == "clearing_restricted"
    idle(alone, v=0)


def test_what_is_held_of_a_vendor_goes_back_when_the_attempt_fails():
    node = world()
    leg = node.call()
    assert node.balances.state("v").reserved == HALF
    node.legs.placed[0].fails()
    assert node.balances.state("v").reserved == 0
    node.legs.placed[1].answers()
    leg.hangs_up()
    idle(node, v=100 * CENT)
    left = node.call()
    left.gives_up()
    idle(node, v=100 * CENT)


def test_a_dearer_rate_at_the_answer_that_the_vendors_account_does_not_have():
    groups = by_name(
        group("retail", rate("43", "0.6")),
        group("wholesale", rate("43", "0.3"), rate("43", "3.6", effective=1_793_000_005_000)),
    )
    node = world(vendor=HALF, groups=groups)
    leg = node.call()
    node.clock.advance(6)
    node.legs.placed[0].answers()
    assert leg.released.reason == "clearing_restricted"
    idle(node, v=HALF, c=UNITS)


def test_one_account_on_both_sides_pays_both_out_of_one_purse():
    gateways = [routing("r1", account="p")]
    node = world(gateways=gateways)
    leg = talk(node, 200, source=PREPAID)
    assert leg.released.reason == "balance_exhausted"
    (cdr,) = node.journal.of("end")
    assert sum(one.amount for one in cdr.charges) == cdr.fee + cdr.cost <= 100 * CENT
    assert cdr.hold_time == 50  # a cent a second on either side
    idle(node, p=0)


@pytest.mark.parametrize("own", ["", "refuse"])
def test_calls_go_on_and_new_ones_are_refused_where_that_is_wished(own):
    node = world(
        parameters={"VS_WHEN_MONEY_ENDS": "cut" if own else "refuse"},
        when_money_ends=own,
        gateways=[routing("r1", account="w")],
    )
    leg = talk(node, 150, source=PREPAID)
    assert leg.released is None
    assert node.call(source=PREPAID).released.reason == "insufficient_balance"
    (extended,) = [one for one in node.journal.of("extend") if one["funded_until_ms"] is None]
    assert extended["reserved"] == [None]
    leg.hangs_up()
    cdr = node.journal.of("end")[-1]
    assert cdr.fee == 150 * CENT
    assert node.balances.state("p").reserved == 0
    assert node.balances.free("p") == -50 * CENT


def test_one_accounts_wish_does_not_bind_another():
    node = world(vendor=20 * HALF, when_money_ends="refuse")
    leg = talk(node, 25, source=PREPAID)
    assert leg.released.reason == "balance_exhausted"  # the vendor's


def test_a_payment_during_the_call_extends_it():
    node = world()
    leg = talk(node, 98, source=PREPAID)
    node.balances.told({"p": {"balance": 130 * CENT, "grant": 130 * CENT}})
    node.clock.advance(20)
    assert leg.released is None
    node.clock.advance(20)
    assert leg.released.reason == "balance_exhausted"
    (cdr,) = node.journal.of("end")
    assert cdr.fee == 130 * CENT
    assert cdr.hold_time == 130


@pytest.mark.parametrize(("have", "placed"), [(29, False), (30, True)])
def test_a_new_call_has_to_afford_the_seconds_of_the_parameter(have, placed):
    node = world(parameters={"SERVER_BILLING_PREVENT_OVERDRAFT_ADVANCE_TIME": "30"})
    node.balances.money("p", have * CENT, have * CENT)
    leg = node.call(source=PREPAID)
    assert (leg.released is None) == placed
    if placed:
        node.legs.placed[-1].answers()
        node.clock.advance(40)
        assert node.journal.of("end")[-1].fee == 30 * CENT
