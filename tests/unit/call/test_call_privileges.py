"""Who may use whom, own price lists, the longest call, groups and limits of destinations, in decisions and calls."""

import pytest

from tests.unit.call.call_world import (
    CUSTOMER,
    PREPAID,
    World,
    account,
    by_name,
    group,
    mapping,
    offer,
    phone,
    rate,
    routing,
)  # fmt: skip
from vosswitch.call.deciding.explain import explain
from vosswitch.model.call import Contact
from vosswitch.model.values import UNITS, Address
from vosswitch.routing.eligibility import checks_of


def gateways(**changes):
    return by_name(
        routing("r1", **changes.get("r1", {})),
        routing("r2", **{"priority": 1, "address": "192.0.2.101"} | changes.get("r2", {})),
    )


def customers(m=None, mp=None):
    return by_name(mapping("m", **m or {}), mapping("mp", **{"account": "p", "addresses": [PREPAID.host]} | (mp or {})))


def groups(*bodies):
    return {body["name"]: {"lines": None, "cps": None, "reserved": 0} | body for body in bodies}


def destinations(*bodies):
    usual = {
        "lines": None, "cps": None, "scope": "system", "accounts": [], "mapping_gateways": [], "routing_gateways": [],
    }  # fmt: skip
    return {body["name"]: usual | body for body in bodies}


def names(world, **more):
    return [route.name for route in world.decide(**more).routes]


@pytest.mark.parametrize(
    ("m", "vendors", "expected"),
    [
        ({"routing_allowed": ["r2"]}, {}, ["r2"]),
        ({"routing_forbidden": ["r1"]}, {}, ["r2"]),
        ({"groups_allowed": ["eu"]}, {"r2": {"groups": ["eu"]}}, ["r2"]),
        ({"groups_forbidden": ["eu"]}, {"r2": {"groups": ["eu"]}}, ["r1"]),
        ({}, {"r1": {"mapping_forbidden": ["m"]}}, ["r2"]),
        ({}, {"r1": {"mapping_allowed": ["mp"]}}, ["r2"]),
        ({}, {"r1": {"mapping_allowed": ["m"]}}, ["r1", "r2"]),
    ],
)
def test_who_may_use_whom(m, vendors, expected):
    world = World(mapping_gateways=customers(m), routing_gateways=gateways(**vendors))
    assert names(world) == expected


def test_why_a_gateway_is_left_out():
    world = World(
        mapping_gateways=customers({"routing_forbidden": ["r1"]}),
        routing_gateways=gateways(r2={"mapping_allowed": ["mp"]}),
    )
    decision = world.decide()
    assert decision.cause.reason == "no_route"
    assert [(look.gateway, look.why) for look in decision.plan.looks] == [
        ("r1", "mapping gateway m forbids it"),
        ("r2", "it does not allow mapping gateway m"),
    ]


def test_a_gateway_that_names_mapping_gateways_takes_no_calls_of_phones():
    world = World(phones={"1001": phone("1001")}, routing_gateways=gateways(r1={"mapping_allowed": ["m"]}))
    decision = world.decide(source=Address("192.0.2.77", 5060), user="1001")
    assert [route.name for route in decision.routes] == ["r2"]
    assert decision.plan.looks[-1].why == "it takes no calls of phones"


RATES = by_name(
    group("retail", rate("43", "0.6")), group("wholesale", rate("43", "0.3")), group("own", rate("43", "1.2")),
    group("cheap", rate("43", "0.06")),
)  # fmt: skip


def test_own_price_lists_of_both_sides():
    world = World(
        rate_groups=RATES,
        mapping_gateways=customers({"rate_group": "own"}),
        routing_gateways=gateways(r1={"rate_group": "cheap"}),
    )
    caller, _ = world.talk()
    world.clock.advance(60)
    caller.hangs_up()
    assert (world.cdr.fee, world.cdr.rate_group) == (12 * UNITS // 10, "own")
    assert world.cdr.cost == 6 * UNITS // 100
    assert world.cdr.clearing_account == "v"
    world.check_idle()


def test_the_answer_record_has_the_own_prices_of_who_answered():
    """What a crash bills by: after a failover, and with other lists loaded meanwhile."""
    world = World(
        rate_groups=RATES,
        mapping_gateways=customers({"rate_group": "own"}),
        routing_gateways=gateways(r1={"rate_group": "wholesale"}, r2={"rate_group": "cheap"}),
    )
    world.call()
    world.tell(mapping_gateways=customers(), routing_gateways=gateways())
    world.out.fails(503)
    world.out.answers(offer(5000))
    (record,) = world.journal.of("answer")
    assert [(row["kind"], row["terms"]["per_minute"]) for row in record["charges_terms"]] == [
        ("call", "1.2"),
        ("cost", "0.06"),
    ]
    world.clock.advance(60)
    world.out.hangs_up()
    assert [row.price for row in world.cdr.attempts] == ["0.3", "0.06"]
    assert (world.cdr.fee, world.cdr.cost) == (12 * UNITS // 10, 6 * UNITS // 100)
    world.check_idle()


def test_an_own_list_without_the_number_is_not_made_up_for_by_the_accounts():
    rates = RATES | by_name(group("narrow", rate("49", "0.01")))
    world = World(rate_groups=rates, mapping_gateways=customers({"rate_group": "narrow"}))
    decision = world.decide()
    assert decision.cause.reason == "no_rate"
    assert ("rate", "4312345: no rate in group narrow") in decision.notes


def test_the_lowest_rate_compares_own_price_lists():
    world = World(
        rate_groups=RATES,
        mapping_gateways=customers({"routing_strategies": ["lowest_rate"]}),
        routing_gateways=gateways(r2={"rate_group": "cheap"}),
    )
    assert names(world) == ["r2", "r1"]


def test_a_phone_with_its_own_price_list():
    world = World(rate_groups=RATES, phones={"1001": phone("1001", rate_group="own")})
    decision = world.decide(source=Address("192.0.2.77", 5060), user="1001")
    assert decision.price.group == "own"


@pytest.mark.parametrize(
    ("mine", "vendors", "system", "expected"),
    [(30, 40, "100", 30), (40, 30, "100", 30), (None, 30, "20", 20), (None, None, "50", 50), (25, None, "None", 25)],
)
def test_the_longest_call_is_the_least_of_all(mine, vendors, system, expected):
    world = World(
        mapping_gateways=customers({"longest_call": mine}),
        routing_gateways=gateways(r1={"longest_call": vendors}),
        parameters={"SS_MAX_CALL_DURATION": system},
    )
    world.talk(timer=True)
    world.clock.advance(expected - 1)
    assert not world.cdrs
    world.clock.advance(2)
    assert (world.cdr.end_reason, world.cdr.hold_time_ms) == ("max_duration", expected * 1000)


def test_the_longest_call_of_a_gateway_that_failed_does_not_count():
    world = World(routing_gateways=gateways(r1={"longest_call": 10}))
    caller = world.call(timer=True)
    world.out.fails(503)
    world.out.answers(offer(5000))
    world.clock.advance(60)
    assert not world.cdrs
    caller.hangs_up()
    world.check_idle()


# ---- limits


def test_a_group_of_routing_gateways_is_full():
    world = World(
        gateway_groups=groups({"name": "eu", "lines": 1}),
        routing_gateways=gateways(r1={"groups": ["eu"]}, r2={"groups": ["eu"]}),
    )
    first, _ = world.talk()
    second = world.call()
    assert second.released.reason == "all_gateways_busy"
    looks = world.decide().plan.looks
    assert {look.why for look in looks} == {"lines routing_group:eu"}
    assert explain(world.decider, world.snapshot, question(), world.now())["outcome"] == "all_gateways_busy"
    first.hangs_up()
    world.check_idle()


def test_a_member_keeps_its_reserved_line():
    world = World(
        gateway_groups=groups({"name": "eu", "lines": 3, "reserved": 1}),
        routing_gateways=gateways(r1={"groups": ["eu"]}, r2={"groups": ["eu"]}),
    )
    legs = [world.talk()[0] for _ in range(3)]
    assert [row["routing_gateway"] for row in world.calls.view()] == ["r1", "r1", "r2"]
    assert world.call().released.reason == "all_gateways_busy"
    for leg in legs:
        leg.hangs_up()
    world.check_idle()


def test_a_group_of_mapping_gateways():
    world = World(
        gateway_groups=groups({"name": "in", "lines": 2, "reserved": 1}),
        mapping_gateways=customers({"groups": ["in"]}, {"groups": ["in"]}),
    )
    first, _ = world.talk()
    assert world.call().released.reason == "line_limit"
    second, _ = world.talk(source=PREPAID)
    for leg in (first, second):
        leg.hangs_up()
    world.check_idle()


def test_calls_per_second_of_a_group():
    world = World(gateway_groups=groups({"name": "in", "cps": 1}), mapping_gateways=customers({"groups": ["in"]}))
    first = world.call()
    assert world.call().released.reason == "cps_limit"
    first.gives_up()
    world.clock.advance(1)
    third = world.call()
    assert third.released is None
    third.gives_up()
    world.check_idle()


@pytest.mark.parametrize(
    ("body", "other_source", "refused"),
    [
        ({"scope": "system"}, PREPAID, True),
        ({"scope": "account"}, PREPAID, False),
        ({"scope": "account"}, CUSTOMER, True),
        ({"scope": "account", "accounts": ["p"]}, CUSTOMER, False),
        ({"scope": "mapping_gateway"}, CUSTOMER, True),
        ({"scope": "mapping_gateway", "mapping_gateways": ["mp"]}, CUSTOMER, False),
    ],
)
def test_limits_of_destinations(body, other_source, refused):
    world = World(destination_limits=destinations({"name": "d", "prefixes": ["43"], "lines": 1} | body))
    first, _ = world.talk()
    second = world.call(source=other_source)
    assert (second.released is not None) == refused
    if refused:
        assert second.released.reason == "line_limit"
        assert any("destination:d" in why for _, why in world.cdr.decision["notes"])
    first.hangs_up()
    second.gives_up()
    world.check_idle()


def test_the_limit_of_a_destination_is_for_each_routing_gateway():
    limit = {"name": "d", "prefixes": ["43"], "lines": 1, "scope": "routing_gateway", "routing_gateways": ["r1"]}
    world = World(destination_limits=destinations(limit))
    first, _ = world.talk()
    second, _ = world.talk()
    third, _ = world.talk()
    assert [row["routing_gateway"] for row in world.calls.view()] == ["r1", "r2", "r2"]
    for leg in (first, second, third):
        leg.hangs_up()
    world.check_idle()


def question(**more):
    return {"caller": "1000", "callee": "4312345", "mapping_gateway": "m", "phone": None, "at": None} | more


def test_a_group_that_changes_while_calls_are_up_drifts_not():
    world = World(
        gateway_groups=groups({"name": "eu", "lines": 2, "reserved": 1}),
        routing_gateways=gateways(r1={"groups": ["eu"]}),
    )
    first, _ = world.talk()
    world.tell(gateway_groups={"eu": None})
    second, _ = world.talk()
    world.tell(gateway_groups=groups({"name": "eu", "lines": 1}))
    first.hangs_up()
    second.hangs_up()
    world.check_idle()


def test_an_explanation_finds_the_limit_that_the_call_would_find():
    world = World(gateway_groups=groups({"name": "in", "lines": 1}), mapping_gateways=customers({"groups": ["in"]}))
    assert explain(world.decider, world.snapshot, question(), world.now())["outcome"] == "route"
    first, _ = world.talk()
    answer = explain(world.decider, world.snapshot, question(), world.now())
    assert (answer["outcome"], answer["steps"][-1]) == ("line_limit", "limits: lines mapping_group:in")
    assert answer["candidates"]
    first.hangs_up()
    world.check_idle()


# ---- offline phones


@pytest.mark.parametrize(
    ("system", "own", "goes"),
    [("Off", "default", False), ("On", "default", True), ("Off", "on", True), ("On", "off", False)],
)
def test_an_offline_phone_may_be_called_at_the_gateways(system, own, goes):
    world = World(
        phones={"4312345": phone("4312345", offline_to_gateways=own)},
        parameters={"SS_REDIRECT_OFFLINE_PHONE_TO_GATEWAY": system},
    )
    caller = world.call()
    if not goes:
        assert caller.released.reason == "callee_offline"
        return
    world.out.answers(offer(5000))
    world.clock.advance(60)
    caller.hangs_up()
    cdr = world.cdr
    assert (cdr.routing_gateway, cdr.callee_phone, cdr.clearing_account) == ("r1", "", "v")
    assert (cdr.fee, cdr.cost) == (6 * UNITS // 10, 3 * UNITS // 10)
    world.check_idle()


def test_a_phone_that_is_online_is_called_itself():
    world = World(phones={"4312345": phone("4312345", offline_to_gateways="on")})
    there = Contact("sip:4312345@192.0.2.70", Address("192.0.2.70", 5060), Address("198.51.100.1", 5060), 60.0)
    world.registrations.online["4312345"] = (there,)
    assert names(world) == ["phone:4312345"]


def test_bodies_without_the_new_fields_are_ordinary():
    world = World(accounts=by_name(account("c"), account("p"), account("v")))
    gateway = world.snapshot.gateways.gateways["r1"]
    assert gateway.privileges is world.snapshot.mapping_gateways["m"].privileges
    assert checks_of(gateway) == ()
