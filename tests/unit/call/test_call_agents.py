"""Agents above an account: each pays by its own rates, all of them or nobody, and the record tells all levels."""

from __future__ import annotations

from dataclasses import asdict

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.call.call_world import START, World, account, by_name, group, mapping, offer, rate
from vosswitch.app.restart import pricer
from vosswitch.call.deciding.explain import explain
from vosswitch.cdr.recovery import ended
from vosswitch.model.values import UNITS, money

RATES = by_name(
    group("retail", rate("43", "0.6"), rate("44", "0.6"), rate("45", "0.6")),
    group("reseller", rate("43", "0.5", first=60, next=60, tax="20"), rate("45", "0.5")),
    group("master", rate("43", "0.4", connect_fee="0.01"), rate("44", "0.4"), rate("45", "0.2"),
          rate("45", "0.4", effective=START + 60_000)),
    group("wholesale", rate("4", "0.3")),
)  # fmt: skip


def accounts(c=None, near=None, top=None):
    return by_name(
        account("c", agent="near", **(c or {})),
        account("near", kind="agent", agent="top", rate_group="reseller", name="Near", **(near or {})),
        account("top", kind="agent", rate_group="master", name="Top", **(top or {})),
        account("v", kind="clearing", rate_group="wholesale", overdraft_limit=None),
    )


def world_of(*, c=None, near=None, top=None, **more):
    more.setdefault("money", {"c": 100 * UNITS, "near": 100 * UNITS, "top": 100 * UNITS, "v": 0})
    return World(rate_groups=RATES, mapping_gateways=by_name(mapping("m")), accounts=accounts(c, near, top), **more)


PREPAID = {"c": {"anti_overdraft": True}, "near": {"anti_overdraft": True}, "top": {"anti_overdraft": True}}
LEVELS = [
    {"account": "near", "name": "Near", "fee": "1.2", "tax": "0.2", "billed_seconds": 120, "income": "-0.3"},
    {"account": "top", "name": "Top", "fee": "0.61", "tax": "0", "billed_seconds": 90, "income": "0.59"},
]


@pytest.mark.parametrize("bounded", [True, False])
def test_each_level_pays_by_its_own_rates(bounded):
    world = world_of(**(PREPAID if bounded else {}))
    caller, _ = world.talk()
    world.clock.advance(90)
    caller.hangs_up()
    cdr = world.cdr
    assert [(one.account, one.amount, one.kind) for one in cdr.charges] == [
        ("c", money("0.9"), "call"), ("near", money("1.2"), "agent"), ("top", money("0.61"), "agent"),
        ("v", money("0.45"), "cost"),
    ]  # fmt: skip
    assert (cdr.fee, cdr.agent_account, cdr.agent_name, cdr.agent_fee, cdr.agent_tax, cdr.agent_billed_seconds) == (
        money("0.9"), "near", "Near", money("1.2"), money("0.2"), 120
    )  # fmt: skip
    assert cdr.agents == LEVELS
    assert world.balances.state("near").undrained == money("1.2")
    world.check_idle()


def test_a_call_that_nobody_answers_costs_no_level_anything_and_names_its_agents():
    world = world_of(**PREPAID)
    caller = world.call()
    assert world.balances.state("top").reserved > 0
    caller.gives_up()
    assert (world.cdr.charges, world.cdr.agent_account, world.cdr.agent_fee) == ([], "near", 0)
    assert [level["income"] for level in world.cdr.agents] == ["0", "0"]
    world.check_idle()


def test_nothing_changes_for_an_account_without_an_agent():
    world = World()
    caller, _ = world.talk()
    world.clock.advance(10)
    caller.hangs_up()
    assert (world.cdr.agents, world.cdr.agent_account, world.cdr.agent_fee) == (None, "", 0)
    start, answer = world.journal.of("start")[0], world.journal.of("answer")[0]
    assert "agents" not in start
    assert [row["kind"] for row in answer["charges_terms"]] == ["call", "cost"]


@pytest.mark.parametrize(
    ("broke", "reason"),
    [
        ({"near": {"locked": True, "lock_reason": "operator"}}, "account_locked"),
        ({"top": {"locked": True, "lock_reason": "balance"}}, "account_locked"),
        ({"top": {"locked": True, "lock_reason": "expiry"}}, "account_expired"),
        ({"near": {"expires": START}}, "account_expired"),
    ],
)
def test_an_agent_that_may_not_call_keeps_its_customers_from_calling(broke, reason):
    world = world_of(**broke)
    (number,) = broke
    world.call()
    assert world.cdr.end_reason == reason
    assert any(what == "agent" and why.startswith(f"{number}: ") for what, why in world.cdr.decision["notes"])
    assert world.cdr.agent_account == "near"
    world.check_idle()


@pytest.mark.parametrize("poor", ["c", "near", "top"])
@pytest.mark.parametrize("bounded", [True, False])
def test_an_agent_out_of_money_refuses_and_holds_nothing(poor, bounded):
    money_of = {"c": UNITS, "near": UNITS, "top": UNITS} | {poor: 0}
    world = world_of(**(PREPAID if bounded else {}), money=money_of)
    world.call()
    assert world.cdr.end_reason == "insufficient_balance"
    assert any(f"account {poor}" in why for _, why in world.cdr.decision["notes"])
    world.check_idle()


def test_an_agent_without_a_rate_refuses_and_the_note_names_it():
    world = world_of()
    world.call(callee="4412345")
    assert world.cdr.end_reason == "no_rate"
    assert ("rate", "agent near Near: no rate for 4412345 in group reseller") in world.cdr.decision["notes"]


def test_a_free_number_costs_agents_nothing_and_needs_no_rate_of_theirs():
    world = world_of(parameters={"SERVER_BILLING_FREE_E164S": "4412345"})
    caller, _ = world.talk(callee="4412345")
    world.clock.advance(60)
    caller.hangs_up()
    assert [one.kind for one in world.cdr.charges] == ["cost"]
    assert [level["fee"] for level in world.cdr.agents] == ["0", "0"]


def test_an_agent_that_is_missing_or_a_circle_refuses():
    for agent in ("nobody", "c", "v"):
        world = World(accounts=by_name(account("c", agent=agent, kind="agent" if agent == "c" else "ordinary"),
                                       account("v", kind="clearing")))  # fmt: skip
        world.call()
        assert world.cdr.end_reason == "account_locked"
        assert any(what == "agent" for what, _ in world.cdr.decision["notes"])


def test_the_rate_of_each_agent_is_that_of_the_answer():
    world = world_of(parameters={"VS_LEAST_PROFIT": "none"})
    caller = world.call(callee="4512345")
    world.clock.advance(60)
    world.out.answers(offer(5000))
    world.clock.advance(60)
    caller.hangs_up()
    assert [level["fee"] for level in world.cdr.agents] == ["0.5", "0.4"]
    assert world.cdr.fee == money("0.6")


def test_a_dearer_rate_at_the_answer_that_an_agent_cannot_pay_ends_the_call():
    rates = by_name(group("retail", rate("43", "0.6")), group("reseller", rate("43", "0.5")),
                    group("master", rate("43", "0.4"), rate("43", "60", effective=START + 1000)))  # fmt: skip
    world = World(rate_groups=rates, mapping_gateways=by_name(mapping("m")), accounts=accounts(top=PREPAID["top"]),
                  money={"c": UNITS, "near": UNITS, "top": UNITS // 2})  # fmt: skip
    caller = world.call()
    world.clock.advance(2)
    world.out.answers(offer(5000))
    assert caller.released.reason == "insufficient_balance"
    assert world.cdr.charges == []
    world.check_idle()


def test_the_call_lasts_as_long_as_the_poorest_level():
    world = world_of(**PREPAID, money={"c": 100 * UNITS, "near": 100 * UNITS, "top": money("0.41")})
    caller, _ = world.talk()
    world.clock.advance(59)
    assert caller.released is None
    world.clock.advance(2)
    assert caller.released.reason == "balance_exhausted"
    assert world.cdr.agents[1]["fee"] == "0.41"
    assert world.cdr.fee == money("0.6")
    world.check_idle()


def test_lines_and_cps_of_an_agent_bound_its_whole_tree():
    world = world_of(near={"lines": 1})
    first = world.call()
    world.call()
    assert world.cdr.end_reason == "line_limit"
    assert ("limits", "lines account:near") in world.cdr.decision["notes"]
    assert world.limits.in_use("account:top") == 1
    first.gives_up()
    world.check_idle()
    world = world_of(top={"cps": 1})
    world.call().gives_up()
    world.call()
    assert world.cdrs[-1].end_reason == "cps_limit"


@settings(max_examples=30)
@given(st.integers(min_value=0, max_value=500))
def test_a_crash_bills_the_same_chain(seconds):
    """What recovery makes of the journal is what the call itself would have charged."""
    world = world_of(**PREPAID)
    caller, _ = world.talk()
    for _ in range(seconds):
        world.clock.advance(1)
    start, answer = (orjson.loads(orjson.dumps(world.journal.of(kind)[0])) for kind in ("start", "answer"))
    for change in world.journal.of("extend"):
        answer |= change
    caller.hangs_up()
    lived = world.cdr
    modes = world.decider._means.modes
    died = ended(start, answer, lived.stop, pricer(modes))
    for name in ("fee", "agents", "agent_fee", "agent_tax", "agent_billed_seconds", "agent_account", "charges"):
        assert getattr(died, name) == getattr(lived, name)
    assert orjson.loads(orjson.dumps(died)) == asdict(died)


def test_a_crash_before_the_answer_knows_the_agents():
    world = world_of()
    world.call()
    start = orjson.loads(orjson.dumps(world.journal.of("start")[0]))
    died = ended(start, None, START + 1000, lambda *_: (0, 0, 0))
    assert (died.agent_account, [level["account"] for level in died.agents]) == ("near", ["near", "top"])


def test_an_explanation_tells_what_each_level_pays():
    world = world_of()
    found = explain(world.decider, world.snapshot, {"caller": "1", "callee": "4312345"}, START)
    assert found["outcome"] == "route"
    assert (
        "agent: near Near: prefix 43 of reseller: 0.5 per minute (increment, 60/60 s), keeps 0.1 a minute"
        in (found["steps"])
    )
    assert found["candidates"][0]["margin"] == money("0.1")  # what the topmost agent pays, less the vendor's price


def test_an_emergency_call_passes_an_agent_in_debt():
    groups = {"sos": {"name": "sos", "numbers": ["112"], "table": "", "emergency": True}}
    world = world_of(top={"locked": True, "lock_reason": "balance"}, number_groups=groups,
                     money={"c": 0, "near": 0, "top": 0, "v": 0})  # fmt: skip
    caller, _ = world.talk(callee="112")
    caller.hangs_up()
    assert world.cdr.end_reason == "normal"
    world.call()
    assert world.cdrs[-1].end_reason == "account_locked"


@pytest.mark.parametrize(
    ("own", "system", "cut"), [("refuse", "cut", False), ("", "refuse", False), ("cut", "refuse", True)]
)
def test_a_call_goes_on_where_its_agent_wishes_it(own, system, cut):
    """The agent has money for 30 seconds of its increment, the others for more."""
    world = world_of(
        near={"anti_overdraft": True, "when_money_ends": own},
        parameters={"VS_WHEN_MONEY_ENDS": system},
        money={"c": 100 * UNITS, "near": UNITS, "top": 100 * UNITS, "v": 0},
    )
    caller, _ = world.talk()
    world.clock.advance(150)
    assert (caller.released is not None) is cut
    if cut:
        assert (caller.released.reason, world.cdr.agent_fee) == ("balance_exhausted", money("0.6"))
        return
    again = world.call()
    assert again.released.reason == "insufficient_balance"
    caller.hangs_up()
    cdr = next(cdr for cdr in world.cdrs if cdr.answer is not None)
    assert (cdr.agent_fee, cdr.agent_billed_seconds) == (money("1.8"), 180)
    assert world.balances.state("near").reserved == 0
