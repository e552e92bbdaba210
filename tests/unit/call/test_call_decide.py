"""Who may call what: every refusal with its note, and what is decided for a call that may go on."""

from __future__ import annotations

import pytest

from tests.unit.call.call_world import (
    CUSTOMER,
    PREPAID,
    SECURE,
    START,
    STRANGER,
    World,
    account,
    by_name,
    group,
    mapping,
    phone,
    rate,
    routing,
)
from vosswitch.accounts.limits import Limit
from vosswitch.model.call import Contact, Reject
from vosswitch.model.values import UNITS, Address

WHOLE_SALE = group("wholesale", rate("43", "0.3"))


def refused(decision):
    return decision.cause.reason if decision.cause is not None else None


def notes(decision):
    return [f"{what}: {why}" for what, why in decision.notes]


class Named:
    """A blacklist or a number transform."""

    def __init__(self, name, answer):
        self.name = name
        self.answer = answer
        self.seen = []

    def screen(self, attempt):
        self.seen.append(attempt)
        return self.answer

    def transform(self, caller, callee, attempt):
        self.seen.append(attempt)
        return self.answer(caller, callee)


def test_a_call_that_may_go_on():
    decision = World().decide()
    assert decision.cause is None
    assert (decision.gateway.name, decision.account.number, decision.price.rate.prefix) == ("m", "c", "43")
    assert [route.name for route in decision.routes] == ["r1", "r2"]
    assert decision.limit_keys == ("system", "account:c", "mapping:m")


# ---- who


def test_an_unknown_source_is_unauthorized():
    decision = World().decide(source=STRANGER)
    assert refused(decision) == "unauthorized"
    assert notes(decision) == [
        "caller: no mapping gateway or phone fits udp:203.0.113.9:5060",
        "refused: unauthorized",
    ]


def test_a_locked_mapping_gateway():
    decision = World(mapping_gateways=by_name(mapping("m", locked=True))).decide()
    assert refused(decision) == "account_locked"
    assert notes(decision) == ["m: locked", "refused: account_locked"]


def test_a_locked_phone():
    decision = World(phones=by_name(phone("1001", locked=True))).decide(user="1001", source=STRANGER)
    assert refused(decision) == "account_locked"
    assert "1001: locked" in notes(decision)


def test_the_tech_prefix_is_gone_before_anything_looks_at_the_number():
    world = World(mapping_gateways=by_name(mapping("m", tech_prefix="99#")))
    assert world.decide("99#4312345").callee == "4312345"
    assert refused(world.decide("4312345")) == "unauthorized"


def test_a_phone_calls_as_itself():
    world = World(phones=by_name(phone("1001")))
    decision = world.decide(user="1001", source=STRANGER, caller="555")
    assert (decision.phone.number, decision.caller, decision.gateway) == ("1001", "1001", None)
    assert decision.limit_keys == ("system", "account:c", "phone:1001")


# ---- account


def test_an_account_that_does_not_exist():
    decision = World(mapping_gateways=by_name(mapping("m", account="nobody"))).decide()
    assert refused(decision) == "account_locked"
    assert "account: nobody does not exist" in notes(decision)


@pytest.mark.parametrize(
    ("changes", "reason", "note"),
    [
        ({"locked": True, "lock_reason": "operator"}, "account_locked", "account: c: operator"),
        ({"locked": True, "lock_reason": "balance"}, "account_locked", "account: c: balance"),
        ({"locked": True, "lock_reason": "expiry"}, "account_expired", "account: c: expiry"),
        ({"expires": START}, "account_expired", "account: c: account_expired"),
    ],
)
def test_an_account_that_may_not_call(changes, reason, note):
    decision = World(accounts=by_name(account("c", **changes))).decide()
    assert refused(decision) == reason
    assert note in notes(decision)


def test_an_account_may_call_until_the_moment_it_expires():
    assert World(accounts=by_name(account("c", expires=START + 1))).decide().cause is None


# ---- numbers


def test_both_dial_plans_of_the_incoming_side():
    world = World(mapping_gateways=by_name(mapping("m", callee_dial_plan="00:", caller_dial_plan="1:431")))
    decision = world.decide("004312345", caller="1234")
    assert (decision.callee, decision.caller) == ("4312345", "431234")
    assert (decision.offered.callee, decision.offered.caller) == ("004312345", "1234")


@pytest.mark.parametrize("callee", ["", "43 123", "4" * 65, "43\x00"])
def test_a_number_that_cannot_be_dialled(callee):
    decision = World().decide(callee)
    assert refused(decision) == "empty_callee"
    assert len(decision.notes) == 2
    assert callee not in notes(decision)[0] or not callee


def test_a_dial_plan_that_leaves_nothing():
    decision = World(mapping_gateways=by_name(mapping("m", callee_dial_plan="911:"))).decide("911")
    assert refused(decision) == "empty_callee"
    assert "callee: nothing that can be dialled is left of the called number" in notes(decision)


def test_a_transform_that_makes_a_number_nobody_can_dial():
    bad = Named("bad", lambda caller, callee: (caller, "43 1"))
    world = World(mapping_gateways=by_name(mapping("m", number_transforms=["bad"])), number_transforms=[bad])
    assert refused(world.decide()) == "empty_callee"


def test_transforms_run_in_order_after_the_dial_plans():
    first = Named("first", lambda caller, callee: (caller + "1", callee + "1"))
    second = Named("second", lambda caller, callee: (caller + "2", callee + "2"))
    gateway = mapping("m", callee_dial_plan="00:", number_transforms=["second", "first"])
    decision = World(mapping_gateways=by_name(gateway), number_transforms=[first, second]).decide("0043", caller="7")
    assert (decision.caller, decision.callee) == ("721", "4321")
    assert (first.seen[0].callee, first.seen[0].callee_in) == ("432", "0043")
    assert second.seen[0].account == "c"


def test_a_transform_or_blacklist_that_is_not_loaded_is_noted_and_passed_over():
    gateway = mapping("m", number_transforms=["gone"], blacklists=["away"])
    decision = World(mapping_gateways=by_name(gateway)).decide()
    assert decision.cause is None
    assert notes(decision) == ["number transform: gone is not loaded", "blacklist: away is not loaded"]


# ---- screen


def test_a_blacklist_refuses_with_its_reason_and_detail():
    bad = Named("bad", Reject("blacklisted", "known fraud"))
    world = World(mapping_gateways=by_name(mapping("m", blacklists=["bad"])), blacklists=[bad])
    decision = world.decide()
    assert refused(decision) == "blacklisted"
    assert "bad: blacklisted: known fraud" in notes(decision)
    assert bad.seen[0].subject == "mapping_gateway:m"


def test_a_blacklist_that_the_gateway_does_not_name_is_not_asked():
    bad = Named("bad", Reject("blacklisted"))
    assert World(blacklists=[bad]).decide().cause is None
    assert not bad.seen


@pytest.mark.parametrize(("hook", "reason"), [("screen_call", "callee_restricted"), ("approve_call", "fraud_blocked")])
def test_the_deciding_hooks_refuse(hook, reason):
    decision = World(**{hook: [lambda attempt: Reject(reason, "by rule 7")]}).decide()
    assert refused(decision) == reason
    assert f"{hook}: {reason}: by rule 7" in notes(decision)


def test_credit_rules_are_asked_after_everything_else_let_the_call_pass():
    asked = []
    hooks = {
        "screen_call": [lambda attempt: asked.append("screen")],
        "approve_call": [lambda attempt: asked.append("approve")],
    }
    World(**hooks).decide()
    assert asked == ["screen", "approve"]


# ---- rate


def test_no_rate_for_the_number():
    decision = World().decide("99123")
    assert refused(decision) == "no_rate"
    assert "rate: 99123: no rate in group retail" in notes(decision)


@pytest.mark.parametrize("name", [None, "gone"])
def test_an_account_without_a_price_list(name):
    decision = World(accounts=by_name(account("c", rate_group=name))).decide()
    assert refused(decision) == "no_rate"
    assert f"rate: 4312345: no rate in group {name or 'none'}" in notes(decision)


@pytest.mark.parametrize(
    ("level", "kind", "allowed"),
    [
        ("net", "net", True), ("net", "local", False), ("local", "local", True), ("local", "domestic", False),
        ("domestic", "local", True), ("domestic", "international", False), ("international", "international", True),
    ],
)  # fmt: skip
def test_a_phone_calls_up_to_its_level(level, kind, allowed):
    rates = by_name(group("retail", rate("43", "0.6", level=kind)), WHOLE_SALE)
    decision = World(rate_groups=rates, phones=by_name(phone("1001", level=level))).decide(user="1001")
    assert refused(decision) == (None if allowed else "level_not_allowed")
    if not allowed:
        assert f"level: {level} may not call {kind}" in notes(decision)


def test_a_gateway_has_no_level():
    rates = by_name(group("retail", rate("43", "0.6", level="international")), WHOLE_SALE)
    assert World(rate_groups=rates).decide().cause is None


def test_free_numbers_cost_nothing_and_need_no_money():
    world = World(parameters={"SERVER_BILLING_FREE_E164S": "43123*"}, money={"p": 0})
    decision = world.decide(source=PREPAID)
    assert decision.free
    assert decision.funding.affordable()
    assert decision.meter().fee(3_600_000).fee == 0


@pytest.mark.parametrize("numbers", ["4312345", "1000"])
def test_numbers_without_records_whether_they_call_or_are_called(numbers):
    assert World(parameters={"SERVER_BILLING_NO_CDR_E164S": numbers}).decide().no_cdr


# ---- money


@pytest.mark.parametrize(
    ("limit", "balance", "enough"),
    [(0, 1, True), (0, 0, False), (UNITS, -UNITS + 1, True), (UNITS, -UNITS, False), (None, -(10**12), True)],
)
def test_a_postpaid_account_calls_while_it_is_above_its_limit(limit, balance, enough):
    world = World(accounts=by_name(account("c", overdraft_limit=limit)), money={"c": balance})
    assert world.decide().funding.affordable() is enough
    assert world.decide().funding.open() is enough


# ---- where


def test_no_gateway_takes_the_number():
    decision = World(routing_gateways=by_name(routing("r1", prefixes=["44"]))).decide()
    assert refused(decision) == "no_route"


def test_gateways_that_are_locked_are_no_route():
    decision = World(routing_gateways=by_name(routing("r1", locked=True))).decide()
    assert refused(decision) == "no_route"
    assert decision.plan.looked_at[0]["why"] == "locked"


CONTACTS = (
    Contact("sip:1002@10.0.0.2:5062", Address("10.0.0.2", 5062), Address("198.51.100.1", 5060), 99.0),
    Contact("sip:1002@10.0.0.1:5061", Address("10.0.0.1", 5061), Address("198.51.100.1", 5060), 99.0),
)
PHONES = by_name(phone("1001"), phone("1002", lines=1, account="p"))
NET = by_name(group("retail", rate("10", "0", level="net"), rate("43", "0.6")), WHOLE_SALE)


def test_a_registered_phone_is_called_at_each_of_its_devices():
    world = World(phones=PHONES, rate_groups=NET)
    world.registrations.online["1002"] = CONTACTS
    decision = world.decide("1002")
    routes = list(decision.routes)
    assert decision.cause is None
    assert [route.request_uri for route in routes] == [contact.uri for contact in CONTACTS]
    assert routes[0].name == "phone:1002"
    assert routes[0].limits == (Limit("phone:1002", 1),)
    assert routes[0].account is None


def test_a_phone_that_is_offline():
    decision = World(phones=PHONES, rate_groups=NET, parameters={
        "SS_REDIRECT_OFFLINE_PHONE_TO_GATEWAY": "Off"}).decide("1002")  # fmt: skip
    assert refused(decision) == "callee_offline"
    assert "phone:1002: not registered" in notes(decision)


def test_an_offline_phone_is_called_through_a_gateway_when_that_is_set():
    parameters = {"SS_REDIRECT_OFFLINE_PHONE_TO_GATEWAY": "On"}
    decision = World(phones=PHONES, rate_groups=NET, parameters=parameters).decide("1002")
    assert decision.cause is None
    assert [route.name for route in decision.routes] == ["r1", "r2"]
    assert "phone:1002: not registered" in notes(decision)


def test_a_locked_phone_is_not_called():
    world = World(phones=by_name(phone("1002", locked=True)), rate_groups=NET)
    world.registrations.online["1002"] = CONTACTS
    decision = world.decide("1002")
    assert refused(decision) == "account_locked"
    assert "phone:1002: locked" in notes(decision)


def test_the_decision_takes_and_changes_nothing():
    world = World(accounts=by_name(account("p", anti_overdraft=True)))
    for source in (CUSTOMER, PREPAID, STRANGER, SECURE):
        world.decide(source=source)
    world.check_idle()
    assert not world.journal.records
