"""The room's door: what is admitted, what is refused and recorded, and how everything ends."""

from __future__ import annotations

import pytest

from tests.unit.call.call_world import (
    CUSTOMER,
    PREPAID,
    START,
    STRANGER,
    World,
    account,
    by_name,
    mapping,
    phone,
)
from vosswitch.model.values import UNITS


def test_a_refused_call_hears_why_and_is_recorded():
    world = World()
    leg = world.call(source=STRANGER)
    assert (leg.released.reason, leg.status) == ("unauthorized", 403)
    cdr = world.cdr
    assert (cdr.end_reason, cdr.code, cdr.sip_status, cdr.end_direction) == ("unauthorized", -6, 403, 2)
    assert (cdr.caller_in, cdr.callee_in, cdr.caller_ip) == ("1000", "4312345", STRANGER.host)
    assert cdr.decision["notes"][-1] == ("refused", "unauthorized")
    assert not world.journal.of("start")
    assert world.ended_cdrs == [cdr]
    world.check_idle()


def test_a_protocol_s_own_refusal_is_recorded():
    world = World()
    world.calls.refused(world.tried(), "authentication_failed")
    assert (world.cdr.end_reason, world.cdr.code, world.cdr.sip_status) == ("authentication_failed", -7, 403)
    assert world.cdr.hidden == (not world.snapshot.parameters["SERVER_BILLING_RECORD_ILLEGAL_CALL"])


def test_no_room_in_the_journal():
    world = World()
    world.journal.full = True
    leg = world.call(source=PREPAID)
    assert (leg.released.reason, leg.status) == ("degraded", 503)
    world.check_idle()


@pytest.mark.parametrize(
    ("config", "full"),
    [
        ({"parameters": {"SS_MAX_CONCURRENT_CALLS": "1"}}, "system"),
        ({"accounts": by_name(account("c", lines=1))}, "account:c"),
        ({"mapping_gateways": by_name(mapping("m", lines=1))}, "mapping:m"),
    ],
)
def test_lines_of_the_incoming_side(config, full):
    world = World(**config)
    first = world.call()
    held = world.limits.view()
    second = world.call()
    assert (second.released.reason, second.status) == ("line_limit", 503)
    assert ("limits", f"lines {full}") in world.cdr.decision["notes"]
    assert world.limits.view() == held
    first.gives_up()
    assert world.call().released is None


@pytest.mark.parametrize(
    ("config", "full"),
    [
        ({"parameters": {"SS_MAX_CPS": "1"}}, "system"),
        ({"accounts": by_name(account("c", cps=1))}, "account:c"),
        ({"mapping_gateways": by_name(mapping("m", cps=1))}, "mapping:m"),
    ],
)
def test_calls_per_second_of_the_incoming_side(config, full):
    world = World(**config)
    world.call().gives_up()
    refused = world.call()
    assert (refused.released.reason, refused.status) == ("cps_limit", 503)
    assert ("limits", f"cps {full}") in world.cdrs[-1].decision["notes"]
    world.clock.advance(1.001)
    assert world.call().released is None


def test_lines_of_a_phone():
    world = World(phones=by_name(phone("1001", lines=1)))
    world.call(user="1001")
    assert world.call(user="1001").released.reason == "line_limit"


@pytest.mark.parametrize("source", [CUSTOMER, PREPAID])
def test_an_account_without_money_is_refused_and_more_is_asked_for(source):
    world = World(money={"c": 0, "p": 0})
    leg = world.call(source=source)
    assert (leg.released.reason, leg.status) == ("insufficient_balance", 403)
    assert world.wanted == ["c" if source is CUSTOMER else "p"]
    world.check_idle()


def test_the_first_slice_is_held_before_the_call_goes_out():
    world = World(money={"p": UNITS // 100})
    world.call(source=PREPAID)
    assert world.balances.state("p").reserved == UNITS // 100
    assert world.journal.of("start")[0]["reserved"] == UNITS // 100
    assert world.call(source=PREPAID).released.reason == "insufficient_balance"


def test_a_call_keeps_the_configuration_it_began_with():
    world = World()
    caller = world.call()
    world.tell(accounts={"c": None}, rate_groups={"retail": None}, routing_gateways={"r2": None})
    world.out.fails(503)
    world.out.answers()
    world.clock.advance(10)
    caller.hangs_up()
    assert (world.cdr.fee, world.cdr.routing_gateway) == (UNITS // 10, "r2")
    assert world.call().released.reason == "account_locked"


def test_ids_are_unique_and_the_records_begin_in_order():
    world = World()
    for _ in range(50):
        world.call()
    ids = [record["flowno"] for record in world.journal.of("start")]
    assert ids == sorted(set(ids))
    assert [leg.placement.call_id for leg in world.legs.placed] == [str(one) for one in ids]


def test_releasing_a_call_that_is_not_there():
    assert not World().calls.release(12345)


def test_stopping_ends_every_call_and_bills_it():
    world = World()
    world.talk(source=PREPAID)
    ringing = world.call()
    world.clock.advance(10)
    done = world.calls.stop_all()
    assert done.called
    assert {cdr.end_reason for cdr in world.cdrs} == {"switch_restart"}
    assert sum(cdr.fee for cdr in world.cdrs) == UNITS // 10
    assert ringing.status == 503
    world.check_idle()


def test_a_stop_waits_for_the_media_s_last_counts():
    world = World()
    world.media.slow = True
    world.talk()
    done, idle = world.calls.stop_all(), world.calls.when_idle()
    assert not done.called
    world.media.sessions[0].report()
    assert done.called
    assert idle.called
    world.check_idle()


def test_an_idle_node_is_idle_at_once():
    assert World().calls.when_idle().called


def test_the_running_calls_as_operators_see_them():
    world = World()
    world.talk(source=PREPAID)
    world.clock.advance(5)
    world.call()
    talking, placing = world.calls.view()
    assert talking == {
        "call_id": str(world.journal.of("start")[0]["flowno"]), "state": "talking", "caller": "1000",
        "callee": "4312345", "caller_in": "1000", "callee_in": "4312345", "mapping_gateway": "mp", "phone": None,
        "routing_gateway": "r1", "account": "p", "start": START, "answer": START, "media_proxied": True,
    }  # fmt: skip
    assert (placing["state"], placing["answer"], placing["mapping_gateway"]) == ("placing", None, "m")


def test_attempts_of_the_day_begin_anew_at_midnight():
    world = World(wall=START + 16 * 3600_000)
    world.call()
    assert world.tallies.today("r1") == 1
    world.clock.advance(3600)
    world.call()
    assert world.tallies.today("r1") == 1
    assert [record["day"] for record in world.journal.of("start")] == ["20261026", "20261027"]


# ---- records that parameters hide


def test_calls_of_no_length_can_be_left_out():
    world = World(parameters={"SERVER_BILLING_RECORD_ZERO_HOLD_TIME": "Off"})
    world.call().gives_up()
    assert world.cdr.hidden


def test_calls_that_the_switch_ended_can_be_left_out_unless_they_cost_something():
    world = World(parameters={"SERVER_BILLING_RECORD_SERVER_HANG_UP": "Off"})
    world.call()
    world.calls.stop_all()
    world.talk()
    world.clock.advance(10)
    world.calls.stop_all()
    assert [cdr.hidden for cdr in world.cdrs] == [True, False]


def test_illegal_calls_can_be_recorded():
    for value, records in (("On", 1), ("Off", 0)):
        world = World(parameters={"SERVER_BILLING_RECORD_ILLEGAL_CALL": value})
        world.call(source=STRANGER)
        world.calls.refused(world.tried(), "unauthorized")
        assert [cdr.hidden for cdr in world.cdrs] == [False, False][: 2 * records]


def test_numbers_without_records_are_hidden_only_while_they_cost_nothing():
    world = World(parameters={"SERVER_BILLING_NO_CDR_E164S": "43123*"})
    world.call().gives_up()
    world.talk()
    world.clock.advance(10)
    world.calls.stop_all()
    assert [cdr.hidden for cdr in world.cdrs] == [True, False]
