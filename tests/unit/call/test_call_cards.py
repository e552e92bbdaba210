"""Phone cards and bound numbers: another account pays than that of the gateway or phone."""

from __future__ import annotations

import json
from dataclasses import asdict
from types import SimpleNamespace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.call.call_world import (
    CUSTOMER,
    START,
    World,
    account,
    by_name,
    group,
    mapping,
    offer,
    phone,
    rate,
)  # fmt: skip
from vosswitch.accounts.payers import NOBODY_ELSE
from vosswitch.call import pins
from vosswitch.call.deciding.explain import explain
from vosswitch.call.deciding.means import Ask
from vosswitch.model.cards import Access, take_apart
from vosswitch.model.signals import Accept, Transfer
from vosswitch.model.values import UNITS, Address, money

PIN = "7351946280"
CARDS = {
    "accounts": by_name(
        account("c"), account("v", kind="clearing", rate_group="wholesale", overdraft_limit=None),
        account("card1", kind="phone_card", pin=f"keyed {PIN}", anti_overdraft=True, rate_group="cards"),
        account("fixed", bound_numbers=["5551", "5552"], rate_group="cards"),
    ),
    "rate_groups": by_name(
        group("retail", rate("43", "0.6")), group("cards", rate("43", "1.2")), group("wholesale", rate("4", "0.3"))
    ),
    "money": {"c": 0, "card1": 10 * UNITS, "fixed": 10 * UNITS, "v": 0},
}  # fmt: skip


def world_of(access=("0900:10",), gateway=None, **more):
    gateways = by_name(mapping("m", card_access=list(access), **(gateway or {})))
    return World(**{**CARDS, "mapping_gateways": gateways, **more})


def everything(world):
    """All that is written or shown of a call."""
    parts = [orjson.dumps(payload, default=str).decode() for _, payload in world.journal.records]
    parts += [json.dumps(call.view()) for call in world.calls.calls.values()]
    return "\n".join(parts)


@pytest.mark.parametrize("separator", ["", "*", "#"])
def test_a_card_pays_the_call_and_its_pin_is_nowhere(separator):
    world = world_of()
    caller, callee = world.talk(callee=f"0900{PIN}{separator}4312345")
    assert callee.placement.callee == "4312345"
    assert PIN not in everything(world)
    world.clock.advance(60)
    caller.hangs_up()
    cdr = world.cdr
    assert (cdr.billing_mode, cdr.account, cdr.callee, cdr.fee) == (3, "card1", "4312345", money("1.2"))
    assert cdr.callee_in == f"0900**********{separator}4312345"
    assert PIN not in everything(world)
    world.check_idle()


def test_the_pin_can_come_first_and_an_access_number_can_be_everyones():
    world = world_of(access=[":10"])
    world.talk(callee=f"{PIN}4312345")
    assert world.running().cdr.account == "card1"
    world = world_of(access=[], parameters={"VS_CARD_ACCESS": "0900:10, 0901:12"})
    world.talk(callee=f"0900{PIN}4312345")
    assert world.running().cdr.account == "card1"


def test_other_numbers_are_ordinary_calls():
    world = world_of(money={"c": UNITS, "v": 0})
    world.talk(callee="4312345")
    assert (world.running().cdr.account, world.running().cdr.billing_mode) == ("c", 1)


def test_a_phone_can_dial_an_access_number():
    world = world_of(access=[], phones=by_name(phone("700", account="c")), parameters={"VS_CARD_ACCESS": "0900:10"})
    world.call(callee=f"0900{PIN}4312345", user="700")
    assert (world.running().cdr.account, world.running().cdr.billing_mode) == ("card1", 3)


def test_a_card_without_a_number_to_call_is_refused():
    world = world_of()
    world.call(callee=f"0900{PIN}")
    assert (world.cdr.end_reason, world.cdr.callee_in) == ("empty_callee", "0900**********")


@pytest.mark.parametrize("locked", [True, False])
def test_a_wrong_pin_is_refused_and_not_shown(locked):
    world = world_of(gateway={"locked": locked})
    leg = world.call(callee="090012345678904312345")
    assert leg.released.reason == ("account_locked" if locked else "authentication_failed")
    assert leg.status == 403
    world.calls.stopService()
    for cdr in world.cdrs:
        assert cdr.callee_in == "0900**********4312345"
    assert "1234567890" not in everything(world)


@pytest.mark.parametrize("dialled", ["0900", "0900123", f"0900{PIN[:9]}x4312345", "0900**********4312345"])
def test_what_is_no_pin_is_a_wrong_one(dialled):
    world = world_of()
    assert world.call(callee=dialled).released.reason == "authentication_failed"


def test_a_decision_that_breaks_shows_no_pin(monkeypatch):
    world = world_of()
    monkeypatch.setattr(type(world.decider), "decide", lambda *_: 1 / 0)
    monkeypatch.setattr(world.calls, "log", SimpleNamespace(failure=lambda *_, **__: None))
    world.call(callee=f"0900{PIN}4312345")
    assert world.cdr.end_reason == "degraded"
    assert PIN not in everything(world)


def wrong(world, count, caller="1000", source=CUSTOMER, pin="0000000000"):
    return [world.call(callee=f"0900{pin}4312345", caller=caller, source=source).released.reason for _ in range(count)]


def right(world, caller="1000", source=CUSTOMER):
    leg = world.call(callee=f"0900{PIN}4312345", caller=caller, source=source)
    if leg.released is not None:
        return leg.released.reason
    leg.gives_up()
    return None


def test_who_tries_too_many_pins_is_put_off_for_a_while():
    world = world_of(parameters={"VS_CARD_PIN_TRIES": "3", "VS_CARD_BLOCK_TIME": "60"})
    wrong(world, 2)
    assert right(world) is None
    wrong(world, 1)
    assert right(world) == "authentication_failed"
    assert "put off for 60 s" in dict(world.cdrs[-1].decision["notes"])["card"]
    assert right(world, caller="2000") is None
    world.clock.advance(61)
    assert right(world) is None
    world.check_idle()


def test_wrong_pins_far_apart_do_not_add_up():
    world = world_of(parameters={"VS_CARD_PIN_TRIES": "2", "VS_CARD_PIN_WINDOW": "60"})
    for _ in range(5):
        wrong(world, 1)
        world.clock.advance(61)
    assert right(world) is None


def test_a_source_with_ever_new_callers_is_put_off_as_a_whole():
    gateways = by_name(
        mapping("m", card_access=["0900:10"]), mapping("m2", card_access=["0900:10"], addresses=["192.0.2.77"])
    )
    world = World(**CARDS, mapping_gateways=gateways, parameters={"VS_CARD_SOURCE_TRIES": "20"})
    for at in range(20):
        wrong(world, 1, caller=str(at))
    assert right(world, caller="99") == "authentication_failed"
    assert right(world, caller="99", source=Address("192.0.2.77", 5060)) is None


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(pins, "MOST", 10)
    world = world_of(parameters={"VS_CARD_SOURCE_TRIES": "1000000"})
    for at in range(50):
        wrong(world, 1, caller=str(at))
    assert len(world.board.pins._callers) == 10


def test_a_locked_or_expired_card_makes_no_calls():
    for change, reason in (({"locked": True, "lock_reason": "operator"}, "account_locked"),
                           ({"expires": START - 1}, "account_expired")):  # fmt: skip
        accounts = {**CARDS["accounts"], "card1": CARDS["accounts"]["card1"] | change}
        world = world_of(accounts=accounts)
        assert right(world) == reason


def test_a_card_that_is_empty_cuts_and_refuses():
    world = world_of(money={"c": 0, "card1": money("1.2"), "fixed": 0, "v": 0})
    caller, _ = world.talk(callee=f"0900{PIN}4312345")
    world.clock.advance(61)
    assert caller.released.reason == "balance_exhausted"
    assert right(world) == "insufficient_balance"


@pytest.mark.parametrize(("caller", "payer", "mode"), [("5551", "fixed", 2), ("5559", "c", 1)])
def test_a_bound_number_pays_for_its_calls(caller, payer, mode):
    gateway = {"rate_group": "retail", "bound_billing": True}
    world = world_of(money={"c": UNITS, "fixed": UNITS, "v": 0}, gateway=gateway)
    leg, _ = world.talk(callee="4312345", caller=caller)
    world.clock.advance(60)
    leg.hangs_up()
    cdr = world.cdr
    assert (cdr.account, cdr.billing_mode) == (payer, mode)
    assert cdr.fee == (money("1.2") if mode == 2 else money("0.6"))
    world.check_idle()


def test_a_gateway_is_not_believed_calling_numbers_unless_it_is_told_so():
    world = world_of(money={"c": UNITS, "fixed": UNITS, "v": 0})
    world.talk(callee="4312345", caller="5551")
    assert (world.running().cdr.account, world.running().cdr.billing_mode) == ("c", 1)


def test_a_card_goes_before_a_bound_number():
    world = world_of(gateway={"bound_billing": True})
    world.talk(callee=f"0900{PIN}4312345", caller="5551")
    assert world.running().cdr.account == "card1"


def test_pins_and_bound_numbers_follow_the_configuration():
    world = world_of()
    assert world.snapshot.payers.cards == {f"keyed {PIN}": "card1"}
    world.tell(accounts={"card1": account("card1", pin="keyed 9"), "fixed": account("fixed", bound_numbers=["5552"])})
    assert world.snapshot.payers.cards == {"keyed 9": "card1"}
    assert world.snapshot.payers.bound == {"5552": "fixed"}
    before = world.snapshot.payers
    world.tell(accounts={"c": account("c", name="other")})
    assert world.snapshot.payers is before
    world.tell(accounts={"card1": None, "fixed": None})
    assert world.snapshot.payers is NOBODY_ELSE


def test_a_number_that_moves_between_accounts_in_one_change_stays():
    world = world_of()
    world.tell(accounts={"c": account("c", bound_numbers=["5551"]), "fixed": account("fixed")})
    assert world.snapshot.payers.bound == {"5551": "c"}


def test_an_explanation_finds_the_card_and_shows_no_pin():
    world = world_of()
    found = explain(world.decider, world.snapshot, {"caller": "1", "callee": f"0900{PIN}4312345"}, START)
    assert (found["account"], found["outcome"]) == ("card1", "route")
    assert PIN not in json.dumps(found)


def test_a_call_of_a_record_is_decided_again_without_its_pin():
    world = world_of()
    offered = world.tried("0900**********4312345")
    decision = world.decider.decide(Ask("1", offered, START, payer="card1"), world.snapshot)
    assert (decision.account.number, decision.cause, decision.callee) == ("card1", None, "4312345")


numbers = st.text("0123456789*#", max_size=12)


@given(st.lists(st.tuples(numbers, st.integers(min_value=4, max_value=12)), max_size=4), numbers)
def test_parts_make_the_number_again(ways, number):
    accesses = [Access(*way) for way in ways]
    found = take_apart(accesses, number)
    fitting = [access for access in accesses if number.startswith(access.number)]
    assert (found is None) == (not fitting)
    if found is not None:
        assert found.access == max((access.number for access in fitting), key=len)
        assert number in {f"{found.access}{found.pin}{mark}{found.callee}" for mark in ("", "*", "#")}
        assert len(found.masked) == len(found.access + found.pin + found.callee)


def test_what_the_callers_side_of_a_card_call_transfers_is_paid_by_the_card():
    world = world_of(gateway={"transfers": "internal"})
    caller, callee = world.talk(callee=f"0900{PIN}4312345")
    caller.say(Transfer("4355"))
    world.out.answers(offer(7000, "192.0.2.70"))
    callee.say(Accept(offer(5002)))
    calls = list(world.calls.calls.values())
    assert [(call.cdr.account, call.cdr.billing_mode, call.cdr.callee) for call in calls] == [
        ("card1", 3, "4312345"), ("card1", 3, "4355")
    ]  # fmt: skip
    callee.hangs_up()
    world.clock.advance(1)
    world.check_idle()


def test_the_record_of_a_crash_has_the_billing_mode():
    world = world_of()
    world.talk(callee=f"0900{PIN}4312345")
    (answer,) = world.journal.of("answer")
    assert asdict(answer["cdr"])["billing_mode"] == 3
