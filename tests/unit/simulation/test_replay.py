"""Finished calls of the call room, decided again: nothing changes by itself, and what changes is exact."""

from __future__ import annotations

import dataclasses
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.call.call_world import (
    START,
    World,
    by_name,
    group,
    mapping,
    offer,
    phone,
    plugins,
    rate,
    routing,
    unexpected,
)
from vosswitch.billing.currencies import Currencies, ExchangeRate
from vosswitch.call.records import Days
from vosswitch.model.call import Contact
from vosswitch.model.values import Address
from vosswitch.simulation.past import Past
from vosswitch.simulation.replay import Replay, recorded
from vosswitch.store.pastcalls import PastRow
from vosswitch.store.portability_fields import PORTABILITY

FIELDS = {
    "callee_phone": "callee_phone", "hold_ms": "hold_time_ms", "end_direction": "end_direction",
    "decision": "decision",
}  # fmt: skip


def row_of(cdr, number=1):
    """The record as it comes back from the database."""
    values = {name: getattr(cdr, FIELDS.get(name, name), None) for name in PastRow._fields}
    values["attempts"] = orjson.dumps([dataclasses.asdict(one) for one in cdr.attempts]).decode()
    values["decision"] = orjson.loads(orjson.dumps(cdr.decision))
    return PastRow(**values | {"id": number})


def replay_of(world, snapshot=None):
    return Replay(snapshot or world.snapshot, plugins().freeze(unexpected), Days(ZoneInfo("UTC")).of, broken)


def replayed(world, snapshot=None, cdrs=None):
    """Pairs of what was and what would be."""
    replay = replay_of(world, snapshot)
    pasts = [Past(row_of(cdr)) for cdr in (world.cdrs if cdrs is None else cdrs)]
    return [(recorded(past, replay.own), replay.call(past)) for past in pasts]


def broken(error):
    raise error


def talk(world, seconds=10, **more):
    caller, _ = world.talk(**more)
    world.clock.advance(seconds)
    caller.hangs_up()


def test_a_call_is_as_it_was():
    world = World()
    talk(world, 61)
    ((old, new),) = replayed(world)
    assert old == new
    assert (new.gateway, new.prefix, new.account, new.answered) == ("r1", "43", "c", True)
    assert (new.fee, new.cost) == (6_100_000, 3_050_000)


def test_another_price_of_a_vendor_changes_the_cost_alone():
    world = World()
    talk(world, 60)
    world.tell(rate_groups=by_name(group("wholesale", rate("43", "0.2"))))
    ((old, new),) = replayed(world)
    assert new == old._replace(cost=2_000_000)


def test_the_rate_in_force_at_the_answer_counts():
    world = World()
    talk(world, 60)
    later = rate("43", "1.2", effective=START + 1)
    world.tell(rate_groups=by_name(group("retail", rate("43", "0.6"), later)))
    answered = dataclasses.replace(world.cdr, answer=START + 5000)
    ((_, new),) = replayed(world, cdrs=[answered])
    assert new.fee == 12_000_000


def test_a_gateway_without_history_answers_for_a_call_that_was_answered():
    world = World()
    talk(world, 60)
    world.tell(routing_gateways=by_name(routing("r0", priority=-1, account=None)))
    ((old, new),) = replayed(world)
    assert new == old._replace(gateway="r0", cost=0)


def test_a_gateway_without_history_does_not_save_a_call_that_failed():
    world = World()
    world.call()
    for _ in range(2):
        world.out.fails(503)
    world.tell(routing_gateways=by_name(routing("r0", priority=-1)))
    ((old, new),) = replayed(world)
    assert (old.gateway, new.gateway, new.answered, new.fee) == ("r2", "r0", False, 0)


def test_an_attempt_that_failed_fails_again():
    world = World()
    caller = world.call()
    world.out.fails(503)
    world.out.answers(offer(5000))
    caller.hangs_up()
    world.tell(routing_gateways=by_name(routing("r3", priority=9)))
    ((old, new),) = replayed(world)
    assert (old.gateway, new.gateway) == ("r2", "r2")


def test_without_its_gateway_a_call_goes_the_next_way():
    world = World()
    talk(world, 60)
    world.tell(routing_gateways={"r1": None})
    ((_, new),) = replayed(world)
    assert (new.gateway, new.answered) == ("r2", True)


def test_a_call_without_any_way_would_be_refused():
    world = World()
    talk(world, 60)
    world.tell(routing_gateways={"r1": None, "r2": None})
    ((old, new),) = replayed(world)
    assert (old.refused, new.refused, new.fee, new.answered) == ("", "no_route", 0, False)


def test_a_customer_that_is_gone_is_refused():
    world = World()
    talk(world)
    world.tell(mapping_gateways={"m": None})
    ((_, new),) = replayed(world)
    assert (new.refused, new.account) == ("unauthorized", "c")


def test_the_gateway_is_found_by_the_address_again():
    """An address that another gateway has in the draft makes the call that gateway's."""
    world = World()
    talk(world)
    world.tell(mapping_gateways=by_name(mapping("m", addresses=["192.0.2.77"]), mapping("n", account="p")))
    ((_, new),) = replayed(world)
    assert (new.account, new.refused) == ("p", "")


def test_a_tech_prefix_is_taken_off_as_in_the_call():
    world = World(mapping_gateways=by_name(mapping("m", tech_prefix="88")))
    talk(world, callee="884312345")
    ((old, new),) = replayed(world)
    assert old == new
    assert new.prefix == "43"


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"callee": "99"}, "no_rate"),
        ({"callee": ""}, "empty_callee"),
        ({"source": Address("203.0.113.9", 5060)}, "unauthorized"),
    ],
)
def test_a_refused_call_is_refused_again(what, reason):
    world = World(parameters={"SERVER_BILLING_RECORD_ILLEGAL_CALL": "On"})
    world.call(**what)
    ((old, new),) = replayed(world)
    assert old == new
    assert new.refused == reason


def test_what_the_moment_refused_is_refused_again():
    """Money, lines and load are not simulated."""
    world = World(money={"c": 0, "p": 0, "v": 0})
    world.call()
    ((old, new),) = replayed(world)
    assert (old.refused, new.refused) == ("insufficient_balance", "insufficient_balance")


def test_a_rate_that_was_missing_opens_the_way_without_a_length():
    world = World()
    world.call(callee="4412345")
    world.tell(rate_groups=by_name(group("retail", rate("44", "0.6"))))
    ((old, new),) = replayed(world)
    assert (old.refused, new.refused, new.gateway, new.answered, new.fee) == ("no_rate", "", "r1", False, 0)


def test_a_registered_phone_is_called_again():
    world = World(phones=by_name(phone("4377")))
    here = Address("192.0.2.50", 5060)
    world.registrations.online["4377"] = (Contact("sip:4377@192.0.2.50", here, here, 1e9),)
    talk(world, callee="4377")
    ((old, new),) = replayed(world)
    assert old == new
    assert new.gateway == "phone:4377"


def test_a_phone_that_was_offline_is_offline():
    world = World(phones=by_name(phone("4377")))
    world.call(callee="4377")
    ((old, new),) = replayed(world)
    assert (old, new.refused) == (new, "callee_offline")


def test_a_caller_who_gave_up_gives_up():
    world = World()
    caller = world.call()
    world.out.rings()
    caller.gives_up()
    ((old, new),) = replayed(world)
    assert old == new
    assert (new.gateway, new.answered) == ("r1", False)


def test_a_broken_decision_is_told_and_refused():
    world = World()
    talk(world)
    told = []
    unusable = dataclasses.replace(world.snapshot, mapping_gateways=None)
    replay = Replay(unusable, plugins().freeze(unexpected), Days(ZoneInfo("UTC")).of, told.append)
    new = replay.call(Past(row_of(world.cdr)))
    assert (new.refused, len(told)) == ("degraded", 1)


VENDORS = st.lists(
    st.fixed_dictionaries(
        {
            "prefixes": st.sampled_from([[], ["43"], ["4312"]]),
            "priority": st.integers(0, 1),
            "weight": st.integers(1, 3),
            "lines": st.sampled_from([None, 1, 2]),
            "cps": st.none(),
            "account": st.sampled_from(["v", None]),
            "locked": st.booleans(),
            "callee_dial_plan": st.sampled_from(["", "43:0043", "4312:"]),
        }
    ),
    min_size=1,
    max_size=4,
)
CALLS = st.lists(
    st.tuples(
        st.sampled_from(["4312345", "4312", "4367", "99", ""]),
        st.lists(st.sampled_from([503, 486, 404, 500, "timeout", "ring"]), max_size=3),
        st.sampled_from(["answer", "give up", "stay"]),
        st.integers(0, 100),
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(VENDORS, CALLS, st.sampled_from([[], ["lowest_rate"], ["round_robin"]]))
def test_the_unchanged_configuration_changes_nothing(vendors, calls, strategies):
    """Fee, cost, route and refusal of every call are those of its record, whatever became of its attempts."""
    gateways = by_name(*(routing(f"r{n}", address=f"192.0.2.{n}", **one) for n, one in enumerate(vendors)))
    world = World(routing_gateways=gateways, mapping_gateways=by_name(mapping("m", routing_strategies=strategies)))
    world.board.availability.told = lambda *_: None
    for callee, failures, end, seconds in calls:
        play(world, callee, failures, end, seconds)
    world.calls.stop_all("operator_release")
    cdrs = [cdr for cdr in sorted(world.cdrs, key=lambda one: one.start) if cdr.end_reason != "operator_release"]
    for old, new in replayed(world, cdrs=cdrs):
        assert old == new


def play(world, callee, failures, end, seconds):
    before = len(world.legs.placed)
    caller = world.call(callee=callee)
    for failure in failures:
        if caller.gone or len(world.legs.placed) == before:
            return
        if failure == "ring":
            world.out.rings()
        elif failure == "timeout":
            world.out.times_out()
        else:
            world.out.fails(failure)
    if caller.gone:
        return
    if end == "answer":
        world.out.answers(offer(5000))
        world.clock.advance(seconds)
        caller.hangs_up()
    elif end == "give up":
        caller.gives_up()


def test_lines_and_calls_of_the_day_are_counted_where_the_record_has_none():
    """Without decision records two equal gateways share the calls by what the simulation itself has made of them."""
    world = World(
        routing_gateways=by_name(routing("r1"), routing("r2", address="192.0.2.101")),
        parameters={"VS_DECISION_RECORD": "none"},
    )
    for _ in range(6):
        talk(world, 10)
    results = [new.gateway for _, new in replayed(world)]
    assert results == [old.gateway for old, _ in replayed(world)] == ["r1", "r2"] * 3


def test_what_stopped_the_failover_stops_it_again():
    """The record does not have whether it rang; that gateways were left says that something stopped it."""
    world = World(parameters={"SS_GATEWAY_SWITCH_UNTIL_CONNECT": "Off"})
    world.call()
    world.out.rings()
    world.out.fails(503)
    assert len(world.cdr.attempts) == 1
    ((old, new),) = replayed(world)
    assert old == new


def test_a_gateway_that_was_put_aside_is_left_out_again():
    world = World()
    for _ in range(2):
        caller = world.call()
        world.out.times_out()
        caller.gives_up()
    talk(world)
    assert world.cdrs[-1].routing_gateway == "r2"
    for old, new in replayed(world):
        assert old == new


def test_a_gateway_that_was_full_is_left_out_again():
    world = World(routing_gateways=by_name(routing("r1", lines=1), routing("r2", priority=1)))
    first, _ = world.talk()
    talk(world)
    first.hangs_up()
    assert [cdr.routing_gateway for cdr in world.cdrs] == ["r2", "r1"]
    for old, new in replayed(world):
        assert old == new


def test_a_gateway_whose_quality_was_poor_stands_behind_again():
    """The figures of that moment are not kept; that they were missed is."""
    wanted = {
        "least_asr": 50,
        "quality_attempts": 2,
        "quality_action": "demote",
        "quality_probe": 0,
        "quality_scope": "gateway",
    }
    world = World(routing_gateways=by_name(routing("r1") | wanted, routing("r2", priority=1)))
    for _ in range(3):
        world.call()
        world.out.fails(404)
    talk(world)
    assert "b" in world.cdrs[-1].decision["plan"]
    assert [cdr.attempts[0].gateway for cdr in world.cdrs] == ["r1", "r1", "r2", "r2"]
    for old, new in replayed(world):
        assert old == new


def test_a_gateway_whose_group_was_full_is_left_out_again():
    group_ = {"name": "eu", "lines": 1, "cps": None, "reserved": 0}
    world = World(
        gateway_groups={"eu": group_},
        routing_gateways=by_name(routing("r1", groups=["eu"]), routing("r2", priority=1)),
    )
    first, _ = world.talk()
    talk(world)
    first.hangs_up()
    assert [cdr.routing_gateway for cdr in world.cdrs] == ["r2", "r1"]
    for old, new in replayed(world):
        assert old == new


def test_what_was_found_out_about_a_number_is_used_again():
    entry = PORTABILITY.defaults() | {"name": "p", "source": "table", "table": "t"}
    lrns = {"name": "t", "kind": "lrn", "file": None, "overlay": [["4312345", "4399"]]}
    node = World(
        portability={"p": entry}, number_tables={"t": lrns},
        mapping_gateways=by_name(mapping("m", portability="p")),
        routing_gateways=by_name(routing("r1", prefixes=["4399"]), routing("r2", prefixes=["4312"])),
    )  # fmt: skip
    talk(node)
    assert node.cdr.routing_gateway == "r1"
    node.tell(number_tables={"t": lrns | {"overlay": []}})  # it has been ported back since
    ((old, new),) = replayed(node)
    assert (new.refused, new.gateway, new.fee) == ("", "r1", old.fee)


@pytest.mark.parametrize(
    "damage",
    [
        {"attempts": "{"}, {"attempts": "[1]"}, {"attempts": '[{"gateway": "r1"}]'}, {"decision": [1]},
        {"decision": {"plan": {"g": [[]], "v": ["lines"]}}}, {"decision": {"plan": {"d": {"x": 5}}}},
        {"decision": {"ported": 5}}, {"decision": {"notes": [1]}},
    ],
)  # fmt: skip
def test_a_row_that_is_damaged_does_not_end_the_simulation(damage):
    world = World()
    talk(world)
    past = Past(row_of(world.cdr)._replace(**damage))
    assert past.damaged
    replay = Replay(world.snapshot, plugins().freeze(unexpected), Days(ZoneInfo("UTC")).of, broken)
    assert replay.call(past).refused == ""


def test_a_call_that_a_dynamic_list_refused_is_refused_again():
    world = World(parameters={"SS_BLACK_LIST_CALLER_MALICIOUS_CALL_LIMIT": "1"})
    world.call()
    ((was, would_be),) = replayed(world)
    assert (was.refused, would_be.refused) == ("blacklisted", "blacklisted")


ATTEMPTS = by_name(
    group("retail", rate("43", "0.6", attempt_fee="0.05")), group("wholesale", rate("43", "0.3", attempt_fee="0.01"))
)


@pytest.mark.parametrize("answered", [True, False])
def test_failed_attempts_cost_what_they_did(answered):
    world = World(rate_groups=ATTEMPTS)
    caller = world.call()
    world.out.fails(503)
    if answered:
        world.out.answers(offer(5000))
        world.clock.advance(60)
        caller.hangs_up()
    else:
        world.out.fails(503)
    ((old, new),) = replayed(world)
    assert new == old
    assert (new.fee, new.cost) == ((6_500_000, 3_200_000) if answered else (500_000, 200_000))
    world.tell(rate_groups=by_name(group("wholesale", rate("43", "0.3", attempt_fee="0.02"))))
    ((old, new),) = replayed(world)
    assert new == old._replace(cost=old.cost + 200_000)


def test_a_gateway_that_said_nothing_is_owed_nothing():
    world = World(rate_groups=ATTEMPTS)
    world.call()
    for _ in range(2):
        world.out.times_out()
    ((old, new),) = replayed(world)
    assert new == old
    assert (new.fee, new.cost) == (500_000, 0)


@pytest.mark.parametrize("known", [True, False])
def test_money_of_other_currencies_is_converted_by_the_rate_at_the_answer(known):
    """The customer pays in USD, the vendor gets GBP."""
    world = World()
    talk(world, 60)
    cdr = dataclasses.replace(world.cdr, currency="USD", cost_currency="GBP")
    values = {"EUR/USD": [(0, "9"), (cdr.answer, "1.25"), (cdr.answer + 1, "9")]}
    if known:
        values["GBP/EUR"] = [(0, "1.2")]
    found = {
        name: ExchangeRate.from_body({"name": name, "values": [{"from": at, "rate": one} for at, one in some]})
        for name, some in values.items()
    }
    snapshot = dataclasses.replace(world.snapshot, currencies=Currencies(found, "EUR", {"c": "USD", "v": "GBP"}))
    replay = replay_of(world, snapshot)
    old = recorded(Past(row_of(cdr)), replay.own)
    assert (old.fee, old.cost) == (4_800_000, 3_600_000 if known else 3_000_000)
    assert dict(replay.unconverted) == ({} if known else {"GBP": 1})
