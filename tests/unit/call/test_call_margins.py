"""The margin rule on calls: which gateways are left out for their price, and what says so."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.call.call_world import (
    CUSTOMER,
    HERE,
    START,
    World,
    account,
    by_name,
    group,
    mapping,
    phone,
    plugins,
    rate,
    routing,
    unexpected,
)
from tests.unit.call.test_review_explain import explained
from vosswitch.call.deciding import profit
from vosswitch.call.deciding.keeping import told
from vosswitch.model.call import Contact
from vosswitch.model.margins import read_least, read_most
from vosswitch.model.values import UNITS


def world(sell="0.6", dear="0.7", cheap="0.3", gateway=None, customer=None, more=(), **parameters):
    """The first vendor is dear, the second one cheap; each is either a price or a row of rates."""
    rows = [
        one
        if isinstance(one, list) and isinstance(one[0], list)
        else [one if isinstance(one, list) else rate("43", one)]
        for one in (sell, dear, cheap)
    ]
    return World(
        accounts=by_name(
            account("c", **(customer or {})), account("v", kind="clearing", rate_group="dear"),
            account("w", kind="clearing", rate_group="cheap"), *more,
        ),
        rate_groups=by_name(group("retail", *rows[0]), group("dear", *rows[1]), group("cheap", *rows[2])),
        mapping_gateways=by_name(mapping("m", **(gateway or {}))),
        routing_gateways=by_name(routing("r1"), routing("r2", account="w", priority=1, address="192.0.2.101")),
        parameters=parameters,
    )  # fmt: skip


def tried(node):
    """The gateways that a call is offered to, which none of them takes; and how it ends."""
    node.call()
    while not node.ended_cdrs:
        node.out.fails(503)
    return [one.gateway for one in node.cdr.attempts], node.cdr.end_reason


def test_a_gateway_that_would_lose_money_is_not_used():
    node = world()
    assert tried(node) == (["r2"], "service_unavailable")
    note = ("r1", "profit_restricted: 60 s bring 0.6, cost 0.7, 0 a minute is wanted")
    assert note in node.cdr.decision["notes"]
    looks = {row["gateway"]: row for row in told(node.cdr.decision)["plan"]["gateways"]}
    assert (looks["r1"]["kept"], looks["r1"]["why"]) == (False, note[1])
    assert looks["r2"]["kept"]
    node.check_idle()


def test_when_nothing_pays_the_call_is_refused():
    node = world(sell="0.1")
    caller = node.call()
    assert (caller.released.reason, node.cdr.end_reason, node.cdr.code) == ("profit_restricted",) * 2 + (-22,)
    assert (node.cdr.attempts, node.cdr.end_direction, caller.status) == ([], 2, 503)
    node.check_idle()


def test_the_same_price_is_enough():
    assert tried(world(dear="0.6"))[0] == ["r1", "r2"]


@pytest.mark.parametrize(
    ("of_gateway", "of_account", "system", "expected"),
    [
        ("", "", "0", ["r2"]),
        ("", "", "none", ["r1", "r2"]),
        ("", "", "-15%", ["r1", "r2"]),
        ("", "", "-0.1", ["r1", "r2"]),
        ("", "", "-0.09", ["r2"]),
        ("", "", "100%", ["r2"]),
        ("", "", "100.1%", []),
        ("", "", "0.3", ["r2"]),
        ("", "", "0.3000001", []),
        ("", "none", "0", ["r1", "r2"]),
        ("0", "none", "none", ["r2"]),
        ("none", "200%", "0", ["r1", "r2"]),
        ("", "200%", "none", []),
    ],
)
def test_whose_word_counts(of_gateway, of_account, system, expected):
    """The gateway's before the account's before the parameter's; percent is of the cost."""
    node = world(gateway={"least_profit": of_gateway}, customer={"least_profit": of_account}, VS_LEAST_PROFIT=system)
    assert tried(node)[0] == expected


@pytest.mark.parametrize(
    ("of_gateway", "of_account", "system", "expected"),
    [
        ("", "", "0.7", ["r1", "r2"]),
        ("", "", "0.69999999999", ["r2"]),
        ("0.2", "", "none", []),
        ("none", "0.2", "0.2", ["r1", "r2"]),
        ("", "0.5", "none", ["r2"]),
    ],
)
def test_the_most_that_a_vendor_may_ask(of_gateway, of_account, system, expected):
    node = world(
        gateway={"most_rate": of_gateway}, customer={"most_rate": of_account}, VS_MOST_RATE=system,
        VS_LEAST_PROFIT="none",
    )  # fmt: skip
    assert tried(node)[0] == expected


@pytest.mark.parametrize(
    ("sell", "dear", "seconds", "used"),
    [
        (rate("43", "0.6"), rate("43", "0.3", connect_fee="0.2"), 60, True),
        (rate("43", "0.6"), rate("43", "0.3", connect_fee="0.2"), 30, False),
        (rate("43", "0.6"), rate("43", "0.5", first=60, next=60), 60, True),
        (rate("43", "0.6"), rate("43", "0.5", first=60, next=60), 61, False),
        (rate("43", "0.6", first=60, next=60), rate("43", "0.9"), 61, True),
        (rate("43", "0.6"), rate("43", "0.6", tax="20"), 60, True),
        (rate("43", "0.6", tax="20"), rate("43", "0.61"), 60, False),
    ],
)
def test_what_a_call_of_that_length_brings_and_costs(sell, dear, seconds, used):
    """Connection fees and increments weigh as they do at that length; both sides count without tax."""
    node = world(sell=sell, dear=dear, VS_PROFIT_DURATION=str(seconds))
    assert tried(node)[0] == (["r1", "r2"] if used else ["r2"])


def test_the_length_is_the_average_of_the_destination():
    node = world(dear=rate("43", "0.3", connect_fee="1"), SS_GATEWAY_ACD_CALCULATE="On", VS_PROFIT_DURATION="300")
    assert tried(node)[0] == ["r1", "r2"]
    conduct = node.snapshot.gateways.gateways["r1"].conduct
    for _ in range(9):
        node.board.gauges.call("r1", conduct, "", 0.0, 30_000)
    assert explained(node)["candidates"][0]["seconds"] == 300
    node.board.gauges.call("r1", conduct, "", 0.0, 30_400)
    row = next(row for row in explained(node)["candidates"] if row["gateway"] == "r1")
    assert (row["kept"], row["seconds"], row["income"], row["cost"]) == (False, 30, 3_000_000, 11_500_000)


def test_rates_are_those_in_force_when_the_gateway_is_tried():
    """The second vendor becomes too dear while the first one lets the call ring out."""
    node = world(dear="0.2", cheap=[rate("43", "0.3"), rate("43", "0.9", effective=START + 5000)])
    node.call()
    node.clock.advance(4)
    node.out.fails(503)
    assert node.out.placement.target.host == "192.0.2.101"
    node.out.fails(503)
    node = world(dear="0.2", cheap=[rate("43", "0.3"), rate("43", "0.9", effective=START + 5000)])
    node.call()
    node.clock.advance(6)
    node.out.fails(503)
    assert (node.cdr.end_reason, len(node.cdr.attempts)) == ("service_unavailable", 1)
    assert ("r2", "profit_restricted: 60 s bring 0.6, cost 0.9, 0 a minute is wanted") in node.cdr.decision["notes"]


def test_so_is_the_customers_rate():
    node = world(sell=[rate("43", "0.6"), rate("43", "0.1", effective=START + 5000)], dear="0.2")
    node.call()
    node.clock.advance(6)
    node.out.fails(503)
    assert (node.cdr.end_reason, len(node.cdr.attempts)) == ("service_unavailable", 1)


def test_a_full_gateway_that_pays_is_what_keeps_the_call_waiting():
    node = world()
    node.snapshot = node.snapshot.applied(
        {"seq": 2, "routing_gateways": by_name(routing("r2", account="w", lines=0, address="192.0.2.101"))}
    )
    assert tried(node) == ([], "all_gateways_busy")


def test_a_vendor_without_a_rate_costs_nothing():
    node = world(dear=rate("44", "9"))
    assert tried(node)[0] == ["r1", "r2"]
    assert "the vendor has no rate" in next(step for step in explained(node)["steps"] if step.startswith("r1: "))


def test_on_net_calls_are_exempt():
    node = World(phones=by_name(phone("4312345")), parameters={"VS_LEAST_PROFIT": "100"})
    node.registrations.online["4312345"] = (Contact("sip:4312345@192.0.2.50", CUSTOMER, HERE, 60.0),)
    assert [route.name for route in node.decide().routes] == ["phone:4312345"]


def test_free_numbers_and_emergency_calls_are_exempt():
    assert tried(world(SERVER_BILLING_FREE_E164S="43*"))[0] == ["r1", "r2"]
    node = world()
    groups = {"emergency": {"name": "emergency", "numbers": ["4312345"], "emergency": True, "table": ""}}
    node.snapshot = node.snapshot.applied({"seq": 2, "number_groups": groups})
    assert tried(node)[0] == ["r1", "r2"]


def test_a_question_tells_both_sides_of_every_candidate():
    rows = {row["gateway"]: row for row in explained(world())["candidates"]}
    figures = ("kept", "seconds", "income", "cost", "profit")
    assert [rows["r1"][name] for name in figures] == [False, 60, 6_000_000, 7_000_000, -1_000_000]
    assert [rows["r2"][name] for name in figures] == [True, 60, 6_000_000, 3_000_000, 3_000_000]
    steps = explained(world())["steps"]
    assert "r2: 60 s: income 0.6, cost 0.3, profit 0.3 (100.0 %)" in steps


def test_what_the_topmost_agent_pays_is_what_comes_in():
    more = (account("a", kind="agent", rate_group="agents"),)
    node = world(dear="0.5", customer={"agent": "a"}, more=more)
    node.tell(rate_groups=by_name(group("agents", rate("43", "0.4"))))
    assert [route.name for route in node.decide().routes] == ["r2"]
    node.tell(rate_groups=by_name(group("agents", rate("43", "0.5"))))
    assert [route.name for route in node.decide().routes] == ["r1", "r2"]


PRICES = st.decimals(0, 2, places=4).map(str)
KINDS = st.tuples(PRICES, st.sampled_from([1, 6, 30, 60]), st.sampled_from([1, 6, 60]), PRICES)
LEAST = st.sampled_from(["0", "5%", "-20%", "0.01", "-0.3", "-200%", "none"])


@given(
    sell=KINDS, buy=st.lists(KINDS, min_size=1, max_size=3), seconds=st.integers(1, 400), least=LEAST,
    most=st.sampled_from(["none", "0.5", "1"]), mode=st.sampled_from(["increment", "per_minute", "block", "flat"]),
)  # fmt: skip
def test_the_short_way_says_nothing_else_than_the_long_one(sell, buy, seconds, least, most, mode):
    """Whoever is let through by the dearest that his list could be is let through by the rate that he has."""

    def row(prefix, kind):
        return rate(prefix, kind[0], first=kind[1], next=kind[2], connect_fee=kind[3])

    vendors = [row(f"43{at or ''}", kind) for at, kind in enumerate(buy)]
    parameters = {"VS_LEAST_PROFIT": least, "VS_MOST_RATE": most, "VS_PROFIT_DURATION": str(seconds)}
    groups = by_name(group("retail", row("43", sell)), group("wholesale", *vendors, mode=mode))
    node = World(rate_groups=groups, routing_gateways=by_name(routing("r1")), parameters=parameters)
    decision = node.decide()
    rule = profit.rule_of(decision)
    gateway = node.snapshot.gateways.gateways["r1"]
    modes = plugins().freeze(unexpected).billing_modes
    price = decision.vendor_price(gateway, node.now())
    exact = profit.reckon(decision, price, modes, seconds * 1000)
    wanted = rule is None or not profit._objection(rule, exact)
    if rule is not None and profit._clearly(decision, rule, gateway, price.per_minute, seconds * 1000, modes):
        assert wanted
    assert bool(list(decision.routes)) == wanted


@given(st.decimals(-10_000, 10_000, places=3), st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 10**7))
def test_least_profits_are_exact(amount, income, cost, ms):
    percent = read_least(f"{amount:f}%")
    assert percent.met(income, cost, ms) == (income - cost >= cost * Fraction(amount) / 100)
    absolute = read_least(f"{amount:f}")
    assert absolute.met(income, cost, ms) == (income - cost >= Fraction(amount) * UNITS * ms / 60_000)


@pytest.mark.parametrize("text", ["", "5 %", "1e3", "10001%", "-10001%", "%", "nan", "0.1.2", "five", "1/2"])
def test_texts_that_are_no_least_profit(text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        read_least(text)


@pytest.mark.parametrize("text", ["", "-1", "5%", "1e3", "nan", "0.1.2", "1/2"])
def test_texts_that_are_no_highest_rate(text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        read_most(text)
