"""Packages on calls: gift seconds and gift money before the account's money; spending limits of phones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.call.call_world import (
    START,
    World,
    account,
    by_name,
    group,
    mapping,
    offer,
    phone,
    plugins,
    rate,
)
from vosswitch.app.restart import pricer
from vosswitch.billing.balances import Balances
from vosswitch.billing.meter import Meter
from vosswitch.billing.packages import SECOND, Gift
from vosswitch.call.deciding.explain import explain
from vosswitch.call.funding import Funding
from vosswitch.call.packaged import PackagedShare
from vosswitch.cdr.record import Cdr
from vosswitch.cdr.recovery import ended
from vosswitch.model.rating import Terms
from vosswitch.model.values import UNITS

GIFTS = (Gift("#a/basic/1", "basic", SECOND), Gift("#a/more/1", "more", SECOND), Gift("#a/basic/money", "basic", 1))


def package(name, **changes):
    return {
        "name": name, "rent": 0, "period": "month", "gift_minutes": [], "gift_money": 0, "minimum_consumption": 0,
        "priority": 0, "carries_over": False, "unpaid": "wait", "valid_from": None, "valid_to": None,
    } | changes  # fmt: skip


def purses(balances, *, seconds=0, more=0, money=0, own=0, bounded=True):
    for gift, amount in zip(GIFTS, (seconds * SECOND, more * SECOND, money), strict=True):
        balances.money(gift.purse, amount, amount)
    balances.money("a", own, own if bounded else 0)


def share(balances, *, bounded=True, mode="increment", limit=0, **terms):
    meter = Meter(plugins().billing_modes[mode], Terms(**{"per_minute": "0.6", **terms}), anti_overdraft=bounded)
    return PackagedShare(
        balances, meter, "a", limit, bounded=bounded, mode=mode, choose=lambda _at: GIFTS, at_ms=0
    )  # fmt: skip


# ---- one call


def run(one, ms):
    """A call of *ms*, extended as the bridge does it; its charges by account."""
    assert one.open()
    one.extend(0)
    while (due := one.next_ms) is not None and due < ms:
        before = due
        one.extend(due)
        if one.next_ms == before:
            return {paid.account: paid.fee.fee for paid in one.paid(before)}
    return {paid.account: paid.fee.fee for paid in one.paid(ms)}


@pytest.mark.parametrize("bounded", [True, False])
def test_seconds_go_before_money_and_gift_money_before_the_account(bounded):
    balances = Balances()
    purses(balances, seconds=70, more=20, money=UNITS // 10, own=UNITS, bounded=bounded)
    paid = run(share(balances, bounded=bounded), 110_000)
    assert paid == {
        "#a/basic/1": 70 * SECOND,
        "#a/more/1": 20 * SECOND,
        "#a/basic/money": UNITS // 10,
        "a": UNITS // 10,
    }
    assert all(not balances.state(number).reserved for number in balances)


def test_a_call_is_cut_where_everything_ends():
    balances = Balances()
    purses(balances, seconds=70, money=UNITS // 10, own=UNITS // 10)
    paid = run(share(balances), 3_600_000)
    assert sum(paid.values()) == 70 * SECOND + 2 * UNITS // 10
    assert [balances.free(gift.purse) for gift in GIFTS] == [0, 0, 0]


def test_an_empty_account_calls_on_its_gifts_alone():
    balances = Balances()
    purses(balances, seconds=10)
    one = share(balances)
    assert one.affordable()
    assert run(one, 60_000) == {"#a/basic/1": 10 * SECOND, "#a/more/1": 0, "#a/basic/money": 0, "a": 0}


def test_without_anything_the_call_is_refused_and_says_why():
    balances = Balances()
    purses(balances)
    one = share(balances)
    assert not one.open()
    assert "beside its packages" in one.lacking()
    assert not share(balances, bounded=False).affordable()


def test_seconds_that_come_back_in_time_are_used_before_money():
    balances = Balances()
    purses(balances, seconds=60, own=10 * UNITS)
    first, second = share(balances), share(balances)
    assert first.open()
    first.extend(0)  # holds all 60 s
    assert second.open()
    second.extend(0)
    list(first.paid(5_000))
    assert [paid.fee.fee for paid in second.paid(30_000)][:2] == [0, 30 * SECOND]


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("ms", [0, 1_000, 59_000, 95_000])
def test_a_crash_bills_the_same(bounded, ms):
    """Only what had been written down when the switch died is known then."""
    balances = Balances()
    purses(balances, seconds=40, more=20, money=UNITS // 10, own=10 * UNITS, bounded=bounded)
    one = share(balances, bounded=bounded, connect_fee="0.05", tax="20")
    assert one.open()
    one.extend(0)
    one.extend(50_000)
    answer = {
        "flowno": 1, "answer": START, "charges_terms": one.terms(), "reserved": one.held(), "funded_until_ms": None,
    }  # fmt: skip
    crashed = ended({"start": START, "day": "20261026"}, answer, START + ms, pricer(plugins().billing_modes))
    live = Cdr(1, "20261026", START, START + ms)
    found = one._split(ms)
    expected = {paid.account: paid.fee.fee for paid in one.paid(ms) if paid.fee.fee}
    one.describe(live)
    assert {charge.account: charge.amount for charge in crashed.charges} == expected
    assert (crashed.fee, crashed.tax, crashed.billed_seconds) == (
        found.own.fee,
        found.own.tax,
        found.own.billed_seconds,
    )
    assert (crashed.package, crashed.package_fee, crashed.package_seconds) == (
        live.package, live.package_fee, live.package_seconds,
    )  # fmt: skip


@given(
    st.sampled_from(["increment", "per_minute", "block", "flat", "free"]),
    st.sampled_from([(1, 1), (60, 60), (30, 6)]),
    st.integers(0, 200),
    st.integers(0, 3 * UNITS),
    st.integers(0, 3 * UNITS),
    st.integers(0, 600_000),
    st.booleans(),
)
def test_gifts_and_money_make_the_price(mode, increments, seconds, money, own, ms, bounded):
    balances = Balances()
    purses(balances, seconds=seconds, money=money, own=own, bounded=bounded)
    one = share(balances, mode=mode, bounded=bounded, limit=None, first=increments[0], next=increments[1])
    if not one.open():
        assert bounded
        return
    one.extend(0)
    while (due := one.next_ms) is not None and due < ms:
        one.extend(due)
        if one.next_ms == due:
            ms = due
    meter = one.meter
    found = {paid.account: paid.fee.fee for paid in one.paid(ms)}
    cdr = Cdr(1, "", 0, 0)
    one.describe(cdr)
    assert found["a"] + cdr.package_fee == meter.fee(ms).fee
    assert cdr.package_seconds == min(meter.fee(ms).billed_seconds, seconds)
    for number in balances:
        held = balances.state(number)
        assert held.reserved == 0
        assert held.undrained <= held.grant or not bounded


# ---- calls side by side


class SideBySide(RuleBasedStateMachine):
    """Calls of one account, in any order of steps: no purse ends below zero, and all that was given is used first."""

    def __init__(self):
        super().__init__()
        self.balances = Balances()
        self.given = {gift.purse: 0 for gift in GIFTS} | {"a": 0}
        self.up = []
        self.prices = self.worth = self.own = 0

    def _tell(self, number, amount):
        self.given[number] += amount
        held = self.balances.state(number)
        self.balances.money(number, held.balance + amount, held.grant + amount)

    @rule(seconds=st.integers(1, 200))
    def give_seconds(self, seconds):
        self._tell("#a/basic/1", seconds * SECOND)

    @rule(units=st.integers(1, UNITS))
    def give_money(self, units):
        self._tell("#a/basic/money", units)

    @rule(units=st.integers(1, 2 * UNITS))
    def pay(self, units):
        self._tell("a", units)

    @rule(per_minute=st.sampled_from(["0.6", "0.07"]), step=st.sampled_from([1, 60]))
    def begin(self, per_minute, step):
        one = share(self.balances, per_minute=per_minute, first=step, next=step, connect_fee="0.01")
        if Funding((one,)).open():
            self.up.append((one, 0))

    @precondition(lambda self: self.up)
    @rule(place=st.integers(0, 5), ms=st.integers(1, 90_000))
    def talk(self, place, ms):
        one, spoken = self.up.pop(place % len(self.up))
        one.extend(spoken)
        until = min(spoken + ms, one.funded_ms)
        if until < spoken + ms:
            one.extend(until)
        self.up.append((one, until))

    @precondition(lambda self: self.up)
    @rule(place=st.integers(0, 5), answered=st.booleans())
    def end(self, place, answered):
        one, spoken = self.up.pop(place % len(self.up))
        cdr = Cdr(1, "", 0, 0)
        own = [paid.fee.fee for paid in one.paid(spoken if answered else None) if paid.kind == "call"]
        one.describe(cdr)
        self.prices += one.meter.fee(spoken).fee if answered else 0
        self.worth += cdr.package_fee
        self.own += sum(own)

    @invariant()
    def nobody_is_below_zero(self):
        for number in self.balances:
            held = self.balances.state(number)
            assert held.reserved + held.undrained <= held.grant
            assert held.reserved >= 0
            if number.endswith("/1"):
                assert held.reserved % SECOND == held.undrained % SECOND == 0

    @invariant()
    def every_unit_is_known(self):
        assert self.own + self.worth == self.prices
        assert self.own == self.balances.state("a").undrained
        if not self.up:
            assert all(self.balances.state(number).reserved == 0 for number in self.balances)


TestSideBySide = SideBySide.TestCase
TestSideBySide.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


# ---- in the switch


def world(*rows, money=None, own=None, **changes):
    held = {"c": 100 * UNITS, "v": 0} | (money or {})
    config = {
        "accounts": by_name(
            account("c", **{"packages": [{"name": row["name"], "from": 0} for row in rows]} | (own or {})),
            account("v", kind="clearing", rate_group="wholesale"),
        ),
        "mapping_gateways": by_name(mapping("m")),
        "packages": by_name(*rows),
    }
    return World(money=held, **config | changes)


BASIC = package("basic", gift_minutes=[{"seconds": 60, "prefixes": ["43"]}], gift_money=UNITS)
NIGHTS = {"name": "nights", "time_zone": "UTC", "destination_time": False, "default": "none",
          "entries": [{"start": "08:00", "end": "20:00"}]}  # fmt: skip


def called(world, seconds, callee="4312345", ring=0, **how):
    caller = world.call(callee, **how)
    world.clock.advance(ring)
    world.out.answers(offer(5000))
    world.clock.advance(seconds)
    caller.hangs_up()
    return world.ended_cdrs[-1]


def test_a_call_begins_in_gift_seconds_and_ends_in_money():
    one = world(BASIC, money={"#c/basic/1": 60 * SECOND, "#c/basic/money": UNITS // 10})
    cdr = called(one, 100)
    assert (cdr.fee, cdr.package, cdr.package_seconds) == (UNITS * 3 // 10, "basic", 60)
    assert (cdr.package_fee, cdr.billed_seconds) == (UNITS * 7 // 10, 100)
    assert {(item.account, item.kind): item.amount for item in cdr.charges if item.kind != "cost"} == {
        ("c", "call"): UNITS * 3 // 10,
        ("#c/basic/1", "gift"): 60 * SECOND,
        ("#c/basic/money", "gift"): UNITS // 10,
    }


def test_the_answer_record_has_what_a_crash_needs():
    one = world(BASIC, money={"#c/basic/1": 60 * SECOND})
    called(one, 100)
    (answer,) = one.journal.of("answer")
    kinds = [(row["kind"], row.get("package"), row.get("gives")) for row in answer["charges_terms"]]
    assert kinds[:3] == [("call", None, None), ("gift", "basic", "seconds"), ("gift", "basic", "money")]
    assert answer["reserved"][:2] == [None, 60 * SECOND]


def test_other_numbers_are_not_given():
    row = package("basic", gift_minutes=[{"seconds": 60, "prefixes": ["44"]}])
    one = world(row, money={"#c/basic/1": 60 * SECOND})
    cdr = called(one, 10)
    assert (cdr.fee, cdr.package, cdr.package_seconds) == (UNITS // 10, "", 0)


def test_the_time_of_the_answer_counts():
    row = package("basic", gift_minutes=[{"seconds": 60, "calendar": "nights"}])
    one = world(row, money={"#c/basic/1": 60 * SECOND}, calendars=by_name(NIGHTS))
    assert called(one, 10, ring=1590).package_seconds == 0  # begun at 7:33:20, answered at 7:59:50
    assert called(one, 10, ring=10).package_seconds == 10


def test_packages_out_of_their_time_give_nothing():
    row = package("basic", gift_minutes=[{"seconds": 60}], valid_from=START + 10_000, valid_to=START + 3_600_000)
    one = world(row, money={"#c/basic/1": 60 * SECOND})
    assert called(one, 2).package_seconds == 0
    assert called(one, 2, ring=10).package_seconds == 2
    one.clock.advance(3600)
    assert called(one, 2).package_seconds == 0


def test_the_smaller_priority_is_used_first():
    rows = [package(name, gift_minutes=[{"seconds": 60}], priority=place) for name, place in (("a", 2), ("b", 1))]
    one = world(*rows, money={"#c/a/1": 60 * SECOND, "#c/b/1": 5 * SECOND})
    cdr = called(one, 10)
    assert (cdr.package, cdr.package_seconds) == ("b, a", 10)


def test_free_numbers_use_no_package():
    one = world(BASIC, money={"#c/basic/1": 60 * SECOND}, parameters={"SERVER_BILLING_FREE_E164S": "4312345"})
    assert called(one, 10).package_seconds == 0


def test_without_packages_there_is_nothing_new():
    one = World()
    one.talk()
    (call,) = one.calls.calls.values()
    assert type(call.funding.own).__name__ == "Share"
    assert len(call.funding.shares) == 1


def test_route_tells_which_package_pays():
    one = world(BASIC, money={"#c/basic/1": 60 * SECOND, "#c/basic/money": UNITS})
    question = {"caller": "1", "callee": "4312345", "mapping_gateway": "m"}
    steps = explain(one.decider, one.snapshot, question, START)["steps"]
    assert "package: basic pays before the account: 60 gift seconds left" in steps
    assert "package: basic pays before the account: 1 of gift money left" in steps
    one.talk()
    (call,) = one.calls.calls.values()
    assert not [what for what, _ in call.decision.notes if what == "package"]


# ---- spending limits


def limited(left, **changes):
    return World(
        money={"c": 100 * UNITS, "v": 0, "#phone/1001": left},
        phones=by_name(phone("1001", spending_limit=UNITS, **changes)),
    )


def by_phone(world, seconds):
    """A call of the phone, which hangs up after that time if it is still up."""
    world.call(user="1001", caller="1001")
    if not world.legs.placed:
        return world.ended_cdrs[-1]
    world.out.answers(offer(5000))
    world.clock.advance(seconds)
    if world.calls.calls:
        world.out.hangs_up()
    return world.ended_cdrs[-1]


def test_a_phone_spends_its_limit_and_its_account_pays():
    cdr = by_phone(limited(UNITS), 30)
    assert (cdr.fee, cdr.end_reason) == (UNITS * 3 // 10, "normal")
    assert {(one.account, one.kind, one.amount) for one in cdr.charges} >= {
        ("c", "call", UNITS * 3 // 10), ("#phone/1001", "limit", UNITS * 3 // 10),
    }  # fmt: skip


def test_a_call_is_cut_at_the_phones_limit():
    cdr = by_phone(limited(UNITS // 10), 60)
    assert (cdr.fee, cdr.end_reason, cdr.hold_time) == (UNITS // 10, "balance_exhausted", 10)


def test_a_phone_without_anything_left_is_refused_and_told_why():
    one = limited(0)
    assert by_phone(one, 1).end_reason == "insufficient_balance"
    question = {"caller": "1001", "callee": "4312345", "phone": "1001"}
    answer = explain(one.decider, one.snapshot, question, START)
    assert answer["outcome"] == "insufficient_balance"
    assert any("0 of the spending limit of phone 1001 is left" in step for step in answer["steps"])


def test_another_rate_at_the_answer_is_held_of_the_limit_too():
    one = limited(UNITS)
    overlay = [rate("43", "0.6"), rate("43", "6", effective=START + 5_000)]
    one.snapshot = one.snapshot.applied({"full": False, "seq": 2, "rate_groups": by_name(group("retail", *overlay))})
    one.call(user="1001", caller="1001")
    one.clock.advance(6)
    one.out.answers(offer(5000))
    one.clock.advance(60)
    cdr = one.ended_cdrs[-1]
    assert (cdr.end_reason, cdr.hold_time, cdr.fee) == ("balance_exhausted", 10, UNITS)


def test_a_phone_without_a_limit_has_no_share_of_its_own():
    one = World(phones=by_name(phone("1001")))
    one.call(user="1001", caller="1001")
    (call,) = one.calls.calls.values()
    assert len(call.funding.shares) == 1
