"""Reservations: never more than the grant, and a call cut at its funded moment never costs more than it held."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from vosswitch.billing.balances import Balances
from vosswitch.billing.meter import Meter
from vosswitch.billing.modes import BUILT_IN
from vosswitch.model.rating import NOTHING, Terms

MODES = {mode.name: mode for mode in BUILT_IN}


class OneAccount(RuleBasedStateMachine):
    """Calls, the recorder's bookings, payments and grants given back, in any order."""

    calls = Bundle("calls")

    def __init__(self):
        super().__init__()
        self.balances = Balances()
        self.paid = self.balance = self.grant = self.fees = self.unbooked = self.held = 0

    @rule(amount=st.integers(1, 1000))
    def pay(self, amount):
        self.paid += amount
        self.balance += amount
        self.grant += amount
        self.balances.money("a", self.balance, self.grant)

    @rule(target=calls, amount=st.integers(0, 600))
    def begin(self, amount):
        free = self.balances.free("a")
        if self.balances.reserve("a", amount):
            assert amount == 0 or free >= amount
            self.held += amount
            return [amount, False]
        assert free < amount
        return multiple()

    @rule(call=calls, amount=st.integers(1, 300))
    def extend(self, call, amount):
        if not call[1] and self.balances.reserve("a", amount):
            call[0] += amount
            self.held += amount

    @rule(call=calls, share=st.floats(0, 1))
    def end(self, call, share):
        if not call[1]:
            fee = int(call[0] * share)
            self.balances.charge("a", call[0], fee)
            self.held -= call[0]
            self.fees += fee
            self.unbooked += fee
            call[1] = True

    @rule(call=calls)
    def give_up(self, call):
        if not call[1]:
            self.balances.release("a", call[0])
            self.held -= call[0]
            call[1] = True

    @rule(share=st.floats(0, 1))
    def book(self, share):
        booked = int(self.unbooked * share)
        self.unbooked -= booked
        self.balance -= booked
        self.grant -= booked
        body = {"balance": self.balance, "grant": self.grant, "drained": booked}
        self.balances.heard({"op": "drained", "accounts": {"a": body}})

    @invariant()
    def nothing_is_overdrawn(self):
        assert self.balances.free("a") >= 0
        assert self.balances.free("a") == self.grant - self.held - self.unbooked
        assert self.fees <= self.paid
        assert self.balances.spendable("a", 7) == self.paid - self.fees + 7


TestOneAccount = OneAccount.TestCase


@given(st.randoms(use_true_random=False), st.integers(0, 60_000_000), st.sampled_from(sorted(MODES)))
def test_parallel_calls_cut_at_their_funded_moment_never_overdraw(rng: random.Random, grant, mode):
    balances = Balances()
    balances.money("a", grant, grant)
    running = []
    spent = 0
    for _ in range(rng.randrange(1, 40)):
        if running and rng.random() < 0.6:
            call = running[rng.randrange(len(running))]
            meter, reserved, elapsed = call
            funded = meter.funded_ms(reserved)
            wanted = elapsed + rng.randrange(1, 90_000)
            now = wanted if funded is None else min(wanted, funded)
            call[2] = now
            more = min(meter.extension(reserved, now), balances.free("a"))
            if rng.random() < 0.5 and balances.reserve("a", more):
                call[1] += more
            elif now != wanted or rng.random() < 0.4:
                fee = meter.fee(now).fee
                assert fee <= reserved
                balances.charge("a", reserved, fee)
                spent += fee
                running.remove(call)
        else:
            terms = Terms(str(rng.randrange(0, 900) / 1000), rng.randrange(1, 60), rng.randrange(1, 60), "0.01", "7")
            meter = Meter(MODES[mode], terms, anti_overdraft=True, slice_ms=30_000)
            first = meter.first_amount()
            if balances.reserve("a", first):
                running.append([meter, first, 0])
        assert balances.free("a") >= 0
    assert spent <= grant
    held = sum(call[1] for call in running)
    assert balances.free("a") == grant - held - spent


def test_first_amount_is_connection_fee_first_increment_and_tax():
    assert Meter(MODES["increment"], Terms("0.60", 60, 1, "0.05", "10")).first_amount() == 7_150_000


def test_first_amount_looks_beyond_the_free_time():
    meter = Meter(MODES["increment"], Terms("0.60", 1, 1, free_time=6))
    assert meter.first_amount() == 100_000
    assert meter.funded_ms(meter.first_amount()) == 7_049


@pytest.mark.parametrize(("advance", "amount"), [(0, 100_000), (1, 100_000), (60, 6_000_000)])
def test_first_amount_covers_the_seconds_in_advance(advance, amount):
    assert Meter(MODES["increment"], Terms("0.60"), advance=advance).first_amount() == amount


def test_next_amount_is_what_is_missing():
    meter = Meter(MODES["increment"], Terms("0.60"), slice_ms=10_000)
    assert meter.next_amount(100_000, 30_000) == 2_900_000
    assert meter.extension(100_000, 20_000) == 2_900_000
    assert meter.next_amount(9_000_000, 30_000) == 0
    assert meter.nothing() is NOTHING


def test_an_unknown_account_has_nothing():
    balances = Balances()
    assert not balances.reserve("x", 1)
    assert balances.reserve("x", 0)
    assert balances.free("x") == 0
    assert balances.spendable("x", 5) == 5
    assert list(balances) == []


def test_a_forgotten_account_keeps_money_under_way():
    balances = Balances()
    balances.money("a", 10, 10)
    balances.charge("a", 0, 4)
    balances.forget("a")
    assert balances.state("a").undrained == 4
    balances.drained("a", 6, 6, 4)
    balances.forget("a")
    assert len(balances) == 0
