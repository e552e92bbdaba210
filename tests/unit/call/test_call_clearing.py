"""Vendors with too little left: in the plan, at failover, in explanations; calls of accounts that are locked."""

from __future__ import annotations

import pytest

from tests.unit.call.call_world import World, account, by_name, mapping, routing
from vosswitch.call.deciding.explain import explain
from vosswitch.model.values import UNITS

PARAMETER = "SERVER_VERIFY_CLEARING_CUSTOMER_REMAIN_MONEY_LIMIT"


def world_of(v=None, w=None, money=None, **more):
    vendors = by_name(routing("r1"), routing("r2", priority=1, address="192.0.2.101", account="w"))
    accounts = by_name(
        account("c", overdraft_limit=None),
        account("v", kind="clearing", rate_group="wholesale", least_balance=v),
        account("w", kind="clearing", rate_group="wholesale", least_balance=w),
    )
    return World(accounts=accounts, routing_gateways=vendors, money={"v": 10, "w": 10} | (money or {}), **more)


def names(world):
    return [route.name for route in world.decide().routes]


@pytest.mark.parametrize(
    ("v", "w", "parameter", "expected"),
    [
        (None, None, "None", ["r1", "r2"]), (10, None, "None", ["r2"]), (9, None, "None", ["r1", "r2"]),
        (10, 11, "None", []), (None, 9, "0.000001", ["r2"]), (-5, None, "0.000001", ["r1"]),
    ],
)  # fmt: skip
def test_only_gateways_whose_vendor_has_more_left(v, w, parameter, expected):
    world = world_of(v, w, parameters={PARAMETER: parameter})
    assert names(world) == expected


def test_without_any_left_the_call_is_refused_and_told_why():
    world = world_of(10, 20)
    decision = world.decide()
    assert decision.cause.reason == "no_route"
    assert [(look.gateway, look.why) for look in decision.plan.looks] == [
        ("r1", "clearing account v: 0.000001 left, least 0.000001"),
        ("r2", "clearing account w: 0.000001 left, least 0.000002"),
    ]
    question = {"caller": "1000", "callee": "4312345", "mapping_gateway": "m"}
    shown = explain(world.decider, world.snapshot, question, world.now())
    assert shown["candidates"][0]["why"] == "clearing account v: 0.000001 left, least 0.000001"


def test_it_is_asked_again_when_the_turn_comes():
    world = world_of(1, 1)
    caller = world.call()
    world.balances.charge("w", 0, 9)  # a call of another customer has ended meanwhile
    world.out.fails(503)
    assert caller.released
    world.clock.advance(1)
    (cdr,) = world.cdrs
    assert [attempt.gateway for attempt in cdr.attempts] == ["r1"]
    assert "clearing account w: 0.0000001 left, least 0.0000001" in str(cdr.decision)


def test_a_payment_opens_the_way_again():
    world = world_of(10, 10)
    assert names(world) == []
    world.balances.money("w", UNITS, 0)
    assert names(world) == ["r2"]


def test_off_it_costs_no_question(monkeypatch):
    world = world_of()
    monkeypatch.setattr("vosswitch.call.deciding.view.NodeView.short", None)
    assert names(world) == ["r1", "r2"]


@pytest.mark.parametrize("locked", ["c", "a"])
def test_calls_of_an_account_and_of_an_agents_customers_end(locked):
    """With the reason of a lock; a fraud rule's cut is of the account alone."""
    accounts = by_name(
        account("c", agent="a"), account("a", kind="agent"), account("v", kind="clearing", rate_group="wholesale"),
    )  # fmt: skip
    world = World(accounts=accounts, money={"c": UNITS, "a": UNITS}, mapping_gateways=by_name(mapping("m")))
    caller, _ = world.talk()
    world.calls.patrol.cut("v", "account_locked")
    world.calls.patrol.cut("a")
    world.clock.pump([0.05] * 10)
    assert not caller.released
    world.calls.patrol.cut(locked, "account_locked")
    world.clock.pump([0.05] * 10)
    assert world.cdr.end_reason == "account_locked"
