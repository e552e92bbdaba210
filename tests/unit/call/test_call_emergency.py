"""Calls to emergency numbers pass balance, limits and lists; ordinary calls never do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.call.call_world import (
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
from vosswitch.model.call import Reject
from vosswitch.model.values import UNITS, Address

GROUPS = {
    "sos": {"name": "sos", "numbers": ["112", "911*"], "table": "", "emergency": True},
    "fun": {"name": "fun", "numbers": ["43*"], "table": "", "emergency": False},
}
RATES = by_name(
    group("retail", rate("43", "0.6"), rate("112", "6"), rate("911", "0")), group("wholesale", rate("", "0.3"))
)
NO_LINES = {
    "accounts": by_name(
        account("c", lines=0, cps=0), account("p", anti_overdraft=True, lines=0),
        account("v", kind="clearing", rate_group="wholesale"),
    ),
    "mapping_gateways": by_name(
        mapping("m", lines=0, cps=0, groups=["g"]), mapping("mp", account="p", addresses=[PREPAID.host], lines=0)
    ),
    "routing_gateways": by_name(routing("r1", lines=0, groups=["g"])),
    "gateway_groups": {"g": {"name": "g", "lines": 0, "cps": 0, "reserved": 0}},
    "destination_limits": {
        "d": {"name": "d", "prefixes": [""], "lines": 0, "cps": 0, "scope": "system", "accounts": [],
              "mapping_gateways": [], "routing_gateways": []},
    },
}  # fmt: skip
FULL = {"SS_MAX_CONCURRENT_CALLS": "1", "SS_MAX_CPS": "1"}
BROKE = {"c": 0, "p": 0, "v": 0}


class Everything:
    """A blacklist of all numbers."""

    name = "all"

    def screen(self, _attempt):
        return Reject("blacklisted", "all")


def world_of(*, number_groups=GROUPS, parameters=None, **more):
    return World(
        **{"rate_groups": RATES, "number_groups": number_groups, "parameters": parameters or FULL, **NO_LINES, **more}
    )


@pytest.mark.parametrize("callee", ["112", "911", "9115550000"])
def test_an_emergency_call_passes_every_limit(callee):
    world = world_of()
    legs = [world.talk(callee=callee)[0] for _ in range(3)]
    assert world.limits.in_use("emergency") == 3
    assert world.limits.in_use("routing:r1") == 3
    assert world.limits.in_use("system") == 3
    assert world.calls.emergencies.count == 3
    for leg in legs:
        leg.hangs_up()
    world.check_idle()


def test_an_ordinary_call_beside_it_is_refused():
    world = world_of()
    assert world.call("4312345").released.reason in ("line_limit", "cps_limit")
    assert world.calls.emergencies.count == 0


def test_a_prepaid_account_without_money_calls_free():
    world = world_of(money=BROKE)
    caller, _ = world.talk(callee="112", source=PREPAID)
    world.clock.advance(600)
    assert not world.cdrs
    caller.hangs_up()
    assert (world.cdr.fee, world.cdr.hold_time_ms, world.cdr.end_reason) == (0, 600_000, "normal")
    assert world.cdr.cost == 3 * UNITS
    world.check_idle()


def test_rated_it_costs_what_the_rate_says_whatever_the_account_has():
    world = world_of(money=BROKE, parameters=FULL | {"VS_EMERGENCY_CHARGE": "rate"})
    caller, _ = world.talk(callee="112", source=PREPAID)
    world.clock.advance(600)
    caller.hangs_up()
    assert world.cdr.fee == 60 * UNITS
    assert world.balances.state("p").free == -60 * UNITS
    world.check_idle()


def test_an_emergency_number_without_a_rate_is_free():
    world = world_of(rate_groups=by_name(group("retail", rate("43", "0.6"))))
    caller, _ = world.talk(callee="112")
    world.clock.advance(60)
    caller.hangs_up()
    assert (world.cdr.fee, world.cdr.cost) == (0, 0)
    world.check_idle()


def test_lists_and_hooks_are_passed():
    refuse = lambda attempt: Reject("blacklisted", "no")  # noqa: E731
    world = world_of(
        mapping_gateways=by_name(mapping("m", blacklists=["all"])), blacklists=[Everything()], screen_call=[refuse],
        approve_call=[refuse],
    )  # fmt: skip
    assert world.decide("112").cause is None
    assert world.decide("4312345").cause.reason == "blacklisted"


def test_a_phone_passes_its_level_and_its_lines():
    world = world_of(phones={"1001": phone("1001", level="net", lines=0)})
    decision = world.decide("112", source=Address("192.0.2.77", 5060), user="1001")
    assert decision.cause is None
    assert {limit.lines for limit in decision.limits} == {None}


@pytest.mark.parametrize(("reason", "passes"), [("balance", True), ("operator", False), ("fraud", False)])
def test_a_lock_for_the_balance_is_passed_and_no_other(reason, passes):
    world = world_of(accounts=by_name(account("c", locked=True, lock_reason=reason), account("v")))
    decision = world.decide("112")
    assert (decision.cause is None) == passes
    ordinary = world.decide("4312345")
    assert ordinary.cause.reason == "account_locked"


def test_it_is_the_number_as_billed_that_counts():
    plans = by_name(mapping("m", callee_dial_plan="0112:112,112:43112"))
    world = world_of(mapping_gateways=plans)
    assert world.decide("0112").emergency == "sos"
    assert world.decide("112").emergency is None


def test_full_gateways_are_tried_behind_those_with_lines():
    vendors = by_name(routing("r1", lines=1), routing("r2", priority=1, lines=1), routing("r3", priority=2, lines=0))
    world = world_of(routing_gateways=vendors)
    for _ in range(3):
        world.talk(callee="112")
    assert [row["routing_gateway"] for row in world.calls.view()] == ["r1", "r2", "r1"]


def test_the_log_and_the_count(monkeypatch):
    world = world_of()
    told = []
    monkeypatch.setattr(
        world.calls.emergencies, "_log", type("Log", (), {"warn": lambda _, text, **more: told.append(more)})()
    )
    legs = [world.talk(callee="112")[0] for _ in range(25)]
    assert len(told) == 20
    assert told[0]["event"] == "emergency_call"
    assert (told[0]["group"], told[0]["callee"], told[0]["outcome"]) == ("sos", "112", "admitted")
    world.clock.advance(1)
    world.snapshot = world.snapshot.applied({"seq": 9, "routing_gateways": {"r1": None}})
    world.call("112")
    assert (told[-1]["more"], told[-1]["outcome"]) == (", and 5 more before", "no_route")
    assert world.calls.emergencies.count == 26
    for leg in legs:
        leg.hangs_up()
    world.check_idle()


def test_the_explanation_of_an_emergency_call_says_what_becomes_of_it():
    world = world_of(money=BROKE)
    asked = {"caller": "1000", "mapping_gateway": "mp", "phone": None, "at": None}
    outcomes = [explain(world.decider, world.snapshot, asked | {"callee": it}, 1)["outcome"] for it in ("112", "4399")]
    assert outcomes == ["route", "line_limit"]


def test_a_group_that_is_no_more_is_none():
    world = world_of()
    world.tell(number_groups={"sos": None})
    assert world.decide("112").emergency is None
    assert world.snapshot.emergency == ()


@settings(max_examples=150, deadline=None)
@given(
    callee=st.text("0123456789+*#", min_size=1, max_size=20)
    | st.sampled_from(["112", "0112", "1120", "91", "911", "+112"]),
    caller=st.sampled_from(["1000", "112", "911", ""]),
    source=st.sampled_from(["m", "mp"]),
)
def test_no_ordinary_number_profits(callee, caller, source):
    """Whatever is dialled: only a number of the group is taken on by a system without room, money and lines."""
    world = world_of(money=BROKE)
    kwargs = {"source": PREPAID} if source == "mp" else {}
    leg = world.call(callee, caller=caller, **kwargs)
    taken = bool(world.calls.calls)
    number = callee.replace("-", "")
    assert taken == (number == "112" or number.startswith("911"))
    if taken:
        leg.gives_up()
    assert leg.released is None or not taken
    world.check_idle()


def test_the_answered_call_keeps_its_price_at_the_answer():
    world = world_of(parameters=FULL | {"VS_EMERGENCY_CHARGE": "rate"})
    caller = world.call("112")
    world.out.answers(offer(5000))
    world.clock.advance(6)
    caller.hangs_up()
    assert world.cdr.fee == 6 * UNITS // 10
    assert world.cdr.rate_prefix == "112"


def test_a_callers_own_number_parameters_do_not_lead_an_emergency_call_elsewhere():
    world = world_of()
    given = (("rn", "+882999"), ("npdi", ""))
    leg = world.call("112", number_parameters=given)
    assert world.out.placement.number_parameters == ()
    leg.gives_up()
    ordinary = World(number_groups=GROUPS)
    ordinary.call(number_parameters=given)
    assert ordinary.out.placement.number_parameters == given
