"""The room's values: money of one call, configuration in force, days, timers, ways to try a call."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.call.call_world import (
    PREPAID,
    START,
    World,
    account,
    bodies,
    by_name,
    group,
    mapping,
    phone,
    plugins,
    rate,
    routing,
)
from vosswitch.billing.balances import Balances
from vosswitch.billing.meter import Meter
from vosswitch.call.deciding.explain import NoSuchSubject, explain
from vosswitch.call.deciding.routes import timers
from vosswitch.call.funding import Share
from vosswitch.call.media import relays
from vosswitch.call.records import Days
from vosswitch.call.snapshot import Snapshot
from vosswitch.cdr.hiding import hides, is_hidden
from vosswitch.cdr.record import Cdr, Charge
from vosswitch.model.rating import Terms
from vosswitch.model.values import UNITS
from vosswitch.params.system import Parameters

# ---- funding


def funding(balance, *, bounded=True, mode="increment", limit=0, **terms):
    balances = Balances()
    balances.money("a", balance, balance if bounded else 0)
    rates = {"per_minute": "0.6", **terms}
    meter = Meter(plugins().billing_modes[mode], Terms(**rates), anti_overdraft=bounded)
    return Share(balances, meter, "a", limit, bounded=bounded), balances


@given(
    st.sampled_from(["increment", "per_second", "per_minute", "block", "flat", "free"]),
    st.sampled_from(["0", "0.6", "0.0151", "7.123456789"]),
    st.sampled_from(["0", "0.05"]),
    st.sampled_from(["0", "7.7"]),
    st.sampled_from([(1, 1), (60, 60), (30, 6)]),
    st.integers(0, 20 * UNITS),
    st.lists(st.integers(0, 200_000), max_size=8),
)
def test_a_fee_never_exceeds_what_was_held(mode, per_minute, connect_fee, tax, increments, balance, steps):
    one, balances = funding(
        balance, mode=mode, per_minute=per_minute, connect_fee=connect_fee, tax=tax, first=increments[0],
        next=increments[1],
    )  # fmt: skip
    assert one.affordable() is one.open()
    if not one.reserved and one.meter.first_amount():
        return
    spoken = 0
    one.extend(0)
    for step in steps:
        if one.funded_ms is not None and spoken + step > one.funded_ms:
            spoken = one.funded_ms
            break
        spoken += step
        one.extend(spoken)
    held = one.reserved
    fee = one.settle(spoken)
    assert fee.fee <= held <= balance
    assert balances.state("a").reserved == 0
    assert balances.state("a").undrained == fee.fee


def test_a_call_that_was_not_answered_gives_everything_back():
    one, balances = funding(UNITS)
    one.open()
    assert one.settle(None).fee == 0
    assert (balances.free("a"), one.reserved) == (UNITS, 0)


def test_a_smaller_price_at_the_answer_needs_nothing_more():
    one, _ = funding(UNITS // 100)
    assert one.open()
    assert one.reprice(Meter(plugins().billing_modes["increment"], Terms("0.06")))
    assert one.reserved == UNITS // 100


@pytest.mark.parametrize(("advance", "enough"), [(0, True), (100, True), (101, False)])
def test_talk_time_that_a_postpaid_account_must_afford_in_advance(advance, enough):
    one, _ = funding(UNITS, bounded=False)
    one.meter.advance = advance
    assert one.open() is enough


# ---- snapshots


def snapshot(**changes):
    return Snapshot().applied(bodies(**changes))


def change(**what):
    kinds = ("accounts", "mapping_gateways", "routing_gateways", "phones", "parameters", "rate_groups")
    return {kind: {} for kind in kinds} | {"full": False, "seq": 2} | what


def test_a_whole_configuration_replaces_everything():
    before = snapshot(phones=by_name(phone("1001")), parameters={"SS_MAX_CPS": "7"})
    after = before.applied(change(full=True, accounts=by_name(account("x")), seq=9))
    assert after.seq == 9
    assert set(after.accounts) == {"x"}
    for gone in (after.mapping_gateways, after.phones, after.gateways.gateways, after.rate_groups):
        assert not gone
    assert after.callers.identify(PREPAID, None, "1") is None
    assert after.parameters.source("SS_MAX_CPS") == "default"
    assert before.parameters["SS_MAX_CPS"] == 7


def test_a_change_shares_what_it_does_not_touch():
    before = snapshot()
    after = before.applied(change(accounts=by_name(account("c", locked=True))))
    assert after.accounts["c"].locked
    assert not before.accounts["c"].locked
    assert after.accounts["p"] is before.accounts["p"]
    for name in ("mapping_gateways", "phones", "callers", "gateways", "rate_groups", "parameters"):
        assert getattr(after, name) is getattr(before, name), name


def test_what_is_deleted_is_gone_and_deleting_it_again_is_nothing():
    gone = change(
        accounts={"c": None}, mapping_gateways={"m": None}, routing_gateways={"r1": None}, rate_groups={"retail": None}
    )
    after = snapshot().applied(gone).applied(gone)
    assert "c" not in after.accounts
    assert "r1" not in after.gateways.gateways
    assert "r1" not in after.gateways.matches("43")
    assert "retail" not in after.rate_groups
    assert after.callers.identify(World().tried().source, None, "1") is None


def test_callers_follow_gateways_and_phones():
    after = snapshot().applied(change(mapping_gateways=by_name(mapping("m", addresses=["203.0.113.9"]))))
    assert after.callers.identify(World().tried().source, None, "1") is None
    after = after.applied(change(phones=by_name(phone("1001"))))
    assert after.callers.identify(PREPAID, "1001", "1").phone.number == "1001"


def test_a_parameter_that_nothing_declares_changes_nothing():
    before = snapshot(parameters={"SS_MAX_CPS": "7"})
    after = before.applied(change(parameters={"PLUGIN_THAT_IS_GONE": "1"}))
    assert after.parameters is before.parameters
    after = before.applied(change(parameters={"PLUGIN_THAT_IS_GONE": "1", "SS_MAX_CPS": None}))
    assert after.parameters.source("SS_MAX_CPS") == "default"


def test_rates_of_a_group_are_those_of_its_last_body():
    after = snapshot().applied(change(rate_groups=by_name(group("retail", rate("44", "0.1")))))
    table = after.rate_groups["retail"].table
    assert table.lookup("4312345", START) is None
    assert table.lookup("4412345", START).per_minute == "0.1"


# ---- days


def ms(year, month, day, hour, minute=0, second=0.0, zone="UTC"):
    moment = datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone))
    return int(moment.timestamp() * 1000) + int(second * 1000)


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("UTC", ms(2026, 12, 31, 23, 59, 59.999), "20261231"),
        ("Europe/Vienna", ms(2026, 12, 31, 22, 59, 59.999), "20261231"),
        ("Europe/Vienna", ms(2026, 12, 31, 23), "20270101"),
        ("Asia/Shanghai", ms(2026, 12, 31, 16), "20270101"),
        ("America/Sao_Paulo", ms(2026, 12, 31, 23), "20261231"),
        ("Asia/Kathmandu", ms(2026, 12, 31, 18, 15), "20270101"),
        ("Pacific/Kiritimati", ms(2026, 12, 31, 10), "20270101"),
    ],
)
def test_the_day_is_that_of_the_deployment(zone, moment, day):
    assert Days(ZoneInfo(zone)).of(moment) == day


@given(
    st.sampled_from(["UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.lists(st.integers(ms(2026, 1, 1, 0), ms(2027, 12, 31, 0)), min_size=1, max_size=20),
)
def test_days_do_not_depend_on_what_was_asked_before(zone, moments):
    days = Days(ZoneInfo(zone))
    for moment in moments:
        local = datetime.fromtimestamp(moment / 1000, UTC).astimezone(ZoneInfo(zone))
        assert days.of(moment) == f"{local:%Y%m%d}"


def test_the_day_of_the_change_of_the_clock_has_25_hours():
    days = Days(ZoneInfo("Europe/Vienna"))
    begins = ms(2026, 10, 25, 0, zone="Europe/Vienna")
    assert {days.of(begins + hour * 3_600_000) for hour in range(25)} == {"20261025"}
    assert days.of(begins + 25 * 3_600_000) == "20261026"


# ---- records


def test_an_illegal_call_is_judged_by_its_own_parameter_alone():
    off = {"SERVER_BILLING_RECORD_ZERO_HOLD_TIME": "Off", "SERVER_BILLING_RECORD_SERVER_HANG_UP": "Off"}
    parameters = Parameters(off | {"SERVER_BILLING_RECORD_ILLEGAL_CALL": "On"})
    cdr = Cdr(1, "20261026", START, START, end_reason="unauthorized")
    assert not is_hidden(cdr, hides(parameters, no_cdr=False))
    assert is_hidden(cdr, hides(parameters, no_cdr=True))


@pytest.mark.parametrize(
    "money",
    [
        *({"fee": 1}, {"cost": 1}, {"agent_fee": 1}, {"package_fee": 1}, {"package_seconds": 1}),
        {"charges": [Charge("v", 1, "cost")]},
    ],
)
def test_a_call_that_moved_money_is_never_hidden(money):
    cdr = Cdr(1, "20261026", START, START, **money)
    assert not is_hidden(cdr, hides(Parameters({"SERVER_BILLING_RECORD_ZERO_HOLD_TIME": "Off"}), no_cdr=True))


# ---- routes


def routes(callee="4312345", caller="1000", **gateway):
    return list(World(routing_gateways=by_name(routing("r1", **gateway))).decide(callee, caller=caller).routes)


def test_the_matched_prefix_is_stripped_before_the_dial_plan():
    (route,) = routes(prefixes=["4", "43"], strip_prefix=True, callee_dial_plan="12:00")
    assert (route.callee_out, route.caller_out) == ("00345", "1000")


def test_stripping_the_whole_number_leaves_nothing_to_call():
    assert routes(prefixes=["4312345"], strip_prefix=True) == []


def test_a_dial_plan_can_fill_what_stripping_emptied():
    (route,) = routes(prefixes=["4312345"], strip_prefix=True, callee_dial_plan=":777")
    assert route.callee_out == "777"


def test_the_caller_s_number_goes_through_the_gateway_s_plan():
    (route,) = routes(caller_dial_plan="1:+431")
    assert route.caller_out == "+431000"


def test_credentials_go_along_only_when_there_is_a_password():
    (route,) = routes(username="u", password="", realm="x")
    assert (route.username, route.password) == (None, None)
    (route,) = routes(username="u", password="s", realm="")
    assert (route.username, route.password, route.realm) == ("u", "s", None)


def test_a_hop_is_taken_off_and_the_timers_are_those_of_the_parameters():
    world = World(parameters={"SS_SIP_TIMEOUT_INVITE": "7", "SS_SIP_TIMEOUT_RINGING": "33"})
    world.call(max_forwards=5, display="Anna")
    placed = world.out.placement
    assert (placed.max_forwards, placed.display) == (4, "Anna")
    assert placed.timers == timers(world.snapshot.parameters)
    assert (placed.timers.invite, placed.timers.ringing) == (7, 33)


def test_off_wins_over_on_and_must_on_over_all():
    assert relays("on", "on", "off")
    assert not relays("on", "off", "on")
    assert relays("must_on", "off", "off")
    assert not relays("auto", "auto", "off")


# ---- explanations


def asked(world, callee="4312345", caller="1000", **question):
    row = {"caller": caller, "callee": callee, "mapping_gateway": None, "phone": None, "at": None} | question
    return explain(world.decider, world.snapshot, row, world.now())


GATEWAYS = by_name(
    routing("cheap", prefixes=["43"], priority=1, account="v"),
    routing("first", prefixes=["4"], callee_dial_plan="43:00"),
    routing("locked", locked=True),
    routing("other", prefixes=["44"]),
)


@pytest.mark.parametrize(
    ("config", "callee"),
    [
        ({}, "4312345"),
        ({}, "4499"),
        ({}, ""),
        ({"routing_gateways": GATEWAYS}, "4312345"),
        ({"routing_gateways": {}}, "4312345"),
        ({"accounts": by_name(account("c", locked=True))}, "4312345"),
        ({"mapping_gateways": by_name(mapping("m", callee_dial_plan="00:", tech_prefix="9"))}, "9004312345"),
        ({"mapping_gateways": by_name(mapping("m", locked=True))}, "4312345"),
        ({"money": {"c": 0}}, "4312345"),
    ],
)
def test_an_explanation_is_the_decision_of_a_live_call(config, callee):
    told = asked(World(**config), callee, mapping_gateway="m")
    world = World(**config)
    leg = world.call(callee)
    reason = leg.released.reason if leg.released else "route"
    assert told["outcome"] == reason
    if reason == "route":
        tried = []
        while world.calls.calls:
            tried.append((world.running().attempts.route.name, world.out.placement.callee))
            world.out.fails(503)
        kept = [(row["gateway"], row["callee_out"]) for row in told["candidates"] if row["kept"]]
        assert kept == tried
    else:
        assert (told["detail"] is None) == (reason == "route")


def test_an_explanation_lists_every_gateway_with_its_price_and_margin():
    told = asked(World(routing_gateways=GATEWAYS), mapping_gateway="m")
    rows = {row["gateway"]: row for row in told["candidates"]}
    assert [row["gateway"] for row in told["candidates"] if row["kept"]] == ["cheap", "first"]
    assert rows["cheap"]["price"] == 3 * UNITS // 10
    assert rows["cheap"]["margin"] == 3 * UNITS // 10
    assert rows["first"]["callee_out"] == "0012345"
    assert (rows["locked"]["kept"], rows["locked"]["why"]) == (False, "locked")
    assert rows["other"]["why"] == "prefix does not match"
    assert (told["price"], told["rate_prefix"], told["source"]) == (6 * UNITS // 10, "43", "m")


def test_an_explanation_places_nothing_and_holds_nothing():
    world = World()
    asked(world, mapping_gateway="mp")
    world.check_idle()
    assert not world.journal.records
    assert not world.legs.placed


def test_an_explanation_of_another_moment_uses_the_rate_in_force_then():
    rates = by_name(group("retail", rate("43", "0.6"), rate("43", "0.9", effective=START + 1000)))
    world = World(rate_groups=rates)
    assert asked(world, mapping_gateway="m")["price"] == 6 * UNITS // 10
    assert asked(world, mapping_gateway="m", at=START + 1000)["price"] == 9 * UNITS // 10


def test_an_explanation_needs_to_know_who_calls():
    world = World(phones=by_name(phone("1001")))
    with pytest.raises(NoSuchSubject, match="expected a mapping gateway or a phone"):
        asked(world)
    with pytest.raises(NoSuchSubject, match='no mapping gateway "x"'):
        asked(world, mapping_gateway="x")
    with pytest.raises(NoSuchSubject, match='no phone "1009"'):
        asked(world, phone="1009")
    assert asked(world, phone="1001")["source"] == "1001"
    assert asked(World(mapping_gateways=by_name(mapping("m"))))["source"] == "m"
