"""Billing modes that are gone, that fail, and that do not keep their word."""

from __future__ import annotations

from tests.unit.call.call_world import World, account, by_name, group, plugins, rate
from vosswitch.billing.balances import Balances
from vosswitch.billing.meter import Meter
from vosswitch.call.funding import Share
from vosswitch.hooks.frozen import Failures, GuardedMode
from vosswitch.model.rating import Fee, Terms, at_most
from vosswitch.model.values import UNITS

RETAIL = group("retail", rate("43", "0.6"))
WHOLESALE = group("wholesale", rate("43", "0.3"))


def test_a_rate_whose_billing_mode_is_not_loaded_is_no_rate():
    world = World(rate_groups=by_name(RETAIL | {"billing_mode": "gone"}, WHOLESALE))
    caller = world.call()
    assert caller.released.reason == "no_rate"
    assert ("rate", "billing mode gone is not loaded") in world.cdr.decision["notes"]
    world.check_idle()


def test_a_vendor_whose_billing_mode_is_not_loaded_is_paid_by_increments():
    world = World(rate_groups=by_name(RETAIL, WHOLESALE | {"billing_mode": "gone"}))
    _, callee = world.talk()
    world.clock.advance(10)
    callee.hangs_up()
    assert (world.cdr.fee, world.cdr.cost) == (UNITS // 10, UNITS // 20)
    assert world.journal.of("answer")[0]["charges_terms"][1]["mode"] == "increment"
    world.check_idle()


class Moody:
    """A plugin's mode."""

    name = "moody"

    def billed_seconds(self, ms, terms):
        raise RuntimeError("boom")

    fee = funded_until = billed_seconds


class Greedy(Moody):
    """Says that money lasts longer than it does."""

    def fee(self, ms, terms):
        return Fee(ms * 10, ms, ms // 1000, ms * 9)

    def funded_until(self, money, terms):
        return 3_600_000


def test_a_mode_that_fails_is_replaced_by_increments():
    failures = Failures()
    increment = plugins().billing_modes["increment"]
    mode = GuardedMode(Moody(), "p", increment, failures)
    terms = Terms("0.6")
    assert mode.name == "moody"
    assert mode.fee(10_000, terms) == increment.fee(10_000, terms)
    assert mode.billed_seconds(10_000, terms) == 10
    assert mode.funded_until(UNITS, terms) == increment.funded_until(UNITS, terms)
    assert failures.counts == {("p", "billing mode moody"): 3}


def test_the_frozen_modes_are_the_loaded_ones():
    loaded = plugins()
    assert loaded.freeze(Failures()).billing_modes == loaded.billing_modes


def test_a_bounded_account_never_pays_more_than_it_set_aside():
    balances = Balances()
    balances.money("p", 1_000, 1_000)
    funding = Share(balances, Meter(Greedy(), Terms("0.6")), "p", 0, bounded=True)
    balances.reserve("p", 1_000)
    funding.reserved = 1_000
    assert funding.settle(60_000) == Fee(1_000, 100, 60, 900)
    assert (balances.free("p"), balances.state("p").undrained) == (0, 1_000)
    assert at_most(Fee(7, 1, 1, 6), 7) == Fee(7, 1, 1, 6)


def test_an_account_without_a_bound_pays_the_whole_fee():
    world = World(accounts=by_name(account("c"), account("v", kind="clearing", rate_group="wholesale")))
    world.talk(timer=True)
    world.clock.advance(10_000)
    world.out.hangs_up()
    assert world.cdr.fee == 100 * UNITS


def test_what_a_call_in_need_asks_for_lasts_for_some_slices():
    meter = Meter(plugins().billing_modes["increment"], Terms("0.6", connect_fee="1"), slice_ms=60_000)
    (wanted,) = Share(Balances(), meter, "p", 0, bounded=True).wants()
    assert wanted == ("p", 480 * UNITS // 100 + UNITS, UNITS // 100 + UNITS)
    assert not list(Share(Balances(), meter, "p", 0, bounded=False).wants())
