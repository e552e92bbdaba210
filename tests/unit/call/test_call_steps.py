"""An explanation tells every step; a live call's record does not carry what its other fields have."""

from __future__ import annotations

from tests.unit.call.call_world import World, by_name, group, mapping, rate, routing
from vosswitch.call.deciding.explain import explain


def explained(world, **question):
    asked = {"caller": "1000", "callee": "884312345", "mapping_gateway": "m"} | question
    return explain(world.decider, world.snapshot, asked, world.now())


def world():
    return World(
        mapping_gateways=by_name(mapping("m", tech_prefix="88", callee_dial_plan="43:0043", account="p")),
        rate_groups=by_name(
            group("retail", rate("0043", "0.6", tax="20", connect_fee="0.1", effective=1_790_000_000_000)),
            group("wholesale", rate("0043", "0.3")),
        ),
    )


def test_the_steps_of_a_decision():
    steps = explained(world())["steps"]
    assert steps[:3] == [
        "caller: mapping gateway m, tech prefix 88 taken off",
        "received: 1000 calls 884312345",
        "account: p Account p, rate group retail, pays out of reservations",
    ]
    assert "billed: 1000 calls 004312345" in steps
    assert (
        "rate: prefix 0043 of retail: 0.6 per minute (increment, 1/1 s, connection fee 0.1, tax 20 %), level domestic,"
        " in force since 2026-09-21T14:13:20Z"
    ) in steps


def test_candidates_have_the_value_of_each_criterion():
    found = explained(
        World(routing_gateways=by_name(routing("r1", priority=3), routing("r2", locked=True))), callee="4312345"
    )
    values = {row["gateway"]: row["values"] for row in found["candidates"]}
    assert (values["r1"]["priority"], values["r1"]["line_usage"]) == (3, "0")
    assert values["r2"] == {}


def test_a_live_call_keeps_no_such_steps():
    live = World()
    live.call().gives_up()
    assert live.cdr.decision["notes"] == []


def test_what_is_lacking_is_told():
    told = explained(World(money={"p": 0}), mapping_gateway="mp", callee="4312345")
    assert told["outcome"] == "insufficient_balance"
    assert told["steps"][-1].startswith("money: the call reserves ")
    assert told["steps"][-1].endswith(", 0 of account p is free")
    told = explained(World(money={"c": 0}), callee="4312345")
    assert told["steps"][-1] == "money: account c has 0 above its limit, something has to be there"
