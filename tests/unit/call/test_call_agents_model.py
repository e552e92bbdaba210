"""A tree of agents under random calls, payments and rates: nobody ends below its limit, and nothing stays reserved."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.call.call_world import World, account, by_name, group, mapping, offer, rate
from vosswitch.model.values import UNITS, Address, money

SOURCES = {"c1": Address("192.0.2.61", 5060), "c2": Address("192.0.2.62", 5060), "near": Address("192.0.2.63", 5060)}
LEVELS = {"c1": ("near", "top"), "c2": ("top",), "near": ("top",)}
BOUNDED = ("c1", "near", "top")
"""c2 is postpaid: its agents pay out of reservations all the same."""
OPENING = {"c1": 2 * UNITS, "c2": UNITS, "near": UNITS, "top": UNITS // 2, "v": 0}


def groups(master="0.4"):
    return by_name(
        group("retail", rate("43", "0.6"), rate("44", "1.2", first=30, next=6, connect_fee="0.05", tax="20")),
        group("reseller", rate("43", "0.5", first=60, next=60), rate("44", "1.3")),
        group("master", rate("43", master, connect_fee="0.01", tax="20"), rate("44", "0.9")),
        group("wholesale", rate("4", "0.3")),
    )


class Tree(RuleBasedStateMachine):
    """Two customers and an agent that calls itself, below one agent at the top."""

    def __init__(self):
        super().__init__()
        self.world = World(
            rate_groups=groups(),
            accounts=by_name(
                account("c1", agent="near", anti_overdraft=True),
                account("c2", agent="top", overdraft_limit=UNITS),
                account("near", kind="agent", agent="top", rate_group="reseller", anti_overdraft=True, lines=5),
                account("top", kind="agent", rate_group="master", anti_overdraft=True, lines=6),
                account("v", kind="clearing", rate_group="wholesale", overdraft_limit=None),
            ),
            mapping_gateways=by_name(
                *[mapping(f"m{name}", account=name, addresses=[at.host]) for name, at in SOURCES.items()]
            ),
            money=dict(OPENING),
        )
        self.balance = Counter(OPENING)
        self.booked = 0
        self.callers = []

    @rule(who=st.sampled_from(sorted(SOURCES)), callee=st.sampled_from(["4312345", "4412345", "99"]))
    def call(self, who, callee):
        self.callers.append(self.world.call(callee=callee, source=SOURCES[who]))

    @precondition(lambda self: self.world.legs.placed)
    @rule(pick=st.integers(min_value=0, max_value=3), what=st.sampled_from(["answers", "fails", "hangs_up", "rings"]))
    def callee(self, pick, what):
        leg = self.world.legs.placed[-1 - min(pick, len(self.world.legs.placed) - 1)]
        if leg.gone or (what != "hangs_up" and leg.status >= 200) or (what == "hangs_up" and leg.status != 200):
            return
        getattr(leg, what)(*((offer(5000),) if what == "answers" else ()))

    @precondition(lambda self: self.callers)
    @rule(pick=st.integers(min_value=0, max_value=3))
    def caller(self, pick):
        leg = self.callers[-1 - min(pick, len(self.callers) - 1)]
        if leg.status == 200:
            leg.hangs_up()
        else:
            leg.gives_up()

    @rule(seconds=st.sampled_from([0.5, 7, 31, 61, 200]))
    def time(self, seconds):
        self.world.clock.advance(seconds)

    @rule(who=st.sampled_from(BOUNDED), amount=st.integers(min_value=1, max_value=UNITS // 2))
    def pay(self, who, amount):
        self.balance[who] += amount
        self._tell()

    @rule(price=st.sampled_from(["0.4", "0", "3"]))
    def master_rates(self, price):
        self.world.tell(rate_groups=groups(price))

    @rule()
    def drain(self):
        """The recorder books what has ended and tells."""
        ended, spent = self.world.cdrs[self.booked :], Counter()
        self.booked += len(ended)
        for cdr in ended:
            self._check(cdr)
            for charge in cdr.charges:
                spent[charge.account] += charge.amount
        self.balance.subtract(spent)
        for number, amount in spent.items():
            self.world.balances.drained(number, self.balance[number], self._grant(number), amount)

    def _tell(self):
        for number in BOUNDED:
            self.world.balances.money(number, self.balance[number], self._grant(number))

    def _grant(self, number):
        return self.balance[number] if number in BOUNDED else 0

    @staticmethod
    def _check(cdr):
        """Each level is in the record, and incomes and fees add up to what the customer pays."""
        levels = cdr.agents or []
        assert tuple(level["account"] for level in levels) == LEVELS.get(cdr.account, ())
        paid = {charge.account: charge.amount for charge in cdr.charges if charge.kind == "agent"}
        assert {level["account"]: money(level["fee"]) for level in levels if level["fee"] != "0"} == paid
        if levels:
            assert sum(money(level["income"]) for level in levels) + money(levels[-1]["fee"]) == cdr.fee
            assert cdr.agent_fee == money(levels[0]["fee"])

    @invariant()
    def nobody_is_below_its_limit(self):
        for number in BOUNDED:
            state = self.world.balances.state(number)
            assert state.reserved >= 0
            assert state.reserved + state.undrained <= state.grant, number
            assert state.balance - state.undrained >= 0, number

    @invariant()
    def all_levels_hold_or_none(self):
        """What is reserved of an account is the sum of the shares of the calls that are up."""
        held = Counter()
        for call in self.world.calls.calls.values():
            assert [share.account for share in call.funding.shares] == [call.cdr.account, *LEVELS[call.cdr.account]]
            for share in call.funding.shares:
                held[share.account] += share.reserved
        for number in BOUNDED:
            assert self.world.balances.state(number).reserved == held[number], number

    def teardown(self):
        for leg in self.callers:
            if leg.status == 200:
                leg.hangs_up()
            elif not leg.gone:
                leg.gives_up()
        self.world.clock.advance(1)
        self.drain()
        self.nobody_is_below_its_limit()
        assert len(self.world.cdrs) == len(self.callers)
        for number in OPENING:
            state = self.world.balances.state(number)
            assert (state.reserved, state.undrained) == (0, 0), number
            assert number not in BOUNDED or self.balance[number] >= 0
        self.world.check_idle()


TestTree = Tree.TestCase
TestTree.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
