"""Whatever happens in whatever order: counters come back to zero, and the money adds up to the last unit."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.call.call_world import (
    CUSTOMER,
    PREPAID,
    START,
    STRANGER,
    World,
    account,
    by_name,
    group,
    mapping,
    offer,
    phone,
    rate,
    routing,
)
from vosswitch.model.signals import Answer, Offer
from vosswitch.model.values import UNITS, Side

OPENING = {"c": 50 * UNITS, "p": UNITS, "v": 0}
RATES = by_name(
    group("retail", rate("43", "0.6"), rate("431", "1.2", first=60, next=6, connect_fee="0.05", tax="20"),
          rate("44", "6", effective=START + 90_000), rate("44", "0.6")),
    group("wholesale", rate("4", "0.3", tax="10")),
)  # fmt: skip
CONFIG = {
    "accounts": by_name(account("c", lines=3, overdraft_limit=UNITS), account("p", anti_overdraft=True),
                        account("v", kind="clearing", rate_group="wholesale")),
    "mapping_gateways": by_name(mapping("m"), mapping("mp", account="p", addresses=[PREPAID.host], cps=5)),
    "routing_gateways": by_name(routing("r1", lines=2), routing("r2", priority=1, lines=3),
                                routing("r3", priority=2, cps=2, media_proxy="off")),
    "phones": by_name(phone("1001", account="p", lines=2)),
    "rate_groups": RATES,
}  # fmt: skip


class Traffic(RuleBasedStateMachine):
    """A node under random traffic."""

    @initialize(sync=st.booleans(), longest=st.sampled_from(["None", "150"]))
    def begin(self, sync, longest):
        parameters = {"VS_JOURNAL_SYNC_ANSWER": "On" if sync else "Off", "SS_MAX_CALL_DURATION": longest}
        self.world = World(parameters=parameters, money=dict(OPENING), **CONFIG)
        self.paid = Counter(OPENING)
        self.drained = 0
        self.callers = []

    @rule(
        callee=st.sampled_from(["4312345", "43999", "4477", "99", ""]),
        who=st.sampled_from([(CUSTOMER, None), (PREPAID, None), (PREPAID, None), (STRANGER, "1001"), (STRANGER, None)]),
    )
    def incoming(self, callee, who):
        self.callers.append(self.world.call(callee, who[0], user=who[1]))

    def up(self, legs, pick):
        live = [leg for leg in legs if not leg.gone and leg.listener is not None]
        return live[pick % len(live)] if live else None

    @rule(pick=st.integers(0, 50), what=st.sampled_from(["proceeds", "rings", "progresses", "answers", "answers"]))
    def callee_goes_on(self, pick, what):
        leg = self.up(self.world.legs.placed, pick)
        if leg is not None and leg.status < 200:
            getattr(leg, what)(*([] if what == "proceeds" else [offer(5000)]))

    @rule(pick=st.integers(0, 50), how=st.sampled_from([404, 486, 500, 503, "no_answer", "connection_timeout"]))
    def callee_fails(self, pick, how):
        leg = self.up(self.world.legs.placed, pick)
        if leg is not None:
            if leg.status >= 200:
                leg.hangs_up()
            elif isinstance(how, int):
                leg.fails(how)
            else:
                leg.times_out(how)

    @rule(pick=st.integers(0, 50))
    def caller_leaves(self, pick):
        leg = self.up(self.callers, pick)
        if leg is not None:
            (leg.hangs_up if leg.status >= 200 else leg.gives_up)()

    @rule(pick=st.integers(0, 50), side=st.booleans())
    def session_changes(self, pick, side):
        leg = self.up(self.callers if side else self.world.legs.placed, pick)
        if leg is not None and leg.status >= 200:
            leg.say(Offer(offer(4444)))

    @rule(pick=st.integers(0, 50), which=st.integers(0, 2))
    def from_our_side(self, pick, which):
        flownos = list(self.world.calls.calls)
        if flownos:
            flowno = flownos[pick % len(flownos)]
            if which == 0:
                self.world.calls.release(flowno)
            elif self.world.media.sessions:
                listener = self.world.media.sessions[pick % len(self.world.media.sessions)].listener
                (listener.media_timeout if which == 1 else listener.media_started)(Side.CALLEE)

    @rule(seconds=st.sampled_from([0.001, 0.04, 0.5, 1.0, 7.3, 29.9, 61.0, 200.0]), steps=st.integers(1, 3))
    def time_goes_by(self, seconds, steps):
        for _ in range(steps):
            self.world.clock.advance(seconds)

    @rule(amount=st.integers(1, UNITS))
    def payment(self, amount):
        self.paid["p"] += amount
        held = self.world.balances.state("p")
        self.world.balances.money("p", held.balance + amount, held.grant + amount)

    @rule(most=st.integers(1, 5))
    def recorder_drains(self, most):
        """The oldest *most* ends reach the database."""
        batch = self.world.cdrs[self.drained : self.drained + most]
        self.drained += len(batch)
        charged = Counter()
        for cdr in batch:
            for charge in cdr.charges:
                charged[charge.account] += charge.amount
        for number, amount in charged.items():
            held = self.world.balances.state(number)
            self.world.balances.drained(number, held.balance - amount, held.grant - amount, amount)

    @rule(kinds=st.sets(st.sampled_from(["start", "answer", "extend"])), full=st.booleans())
    def disk(self, kinds, full):
        self.world.journal.refuses = kinds if full else set()
        self.world.journal.full = full and not kinds

    @rule()
    def disk_syncs(self):
        self.world.journal.sync()

    @rule(ports=st.sampled_from([0, 1, 3, 1000]), slow=st.booleans())
    def media(self, ports, slow):
        self.world.media.ports = ports
        self.world.media.slow = slow

    @rule()
    def media_reports(self):
        for session in self.world.media.sessions:
            if session.closing is not None and not session.reported:
                session.report()

    @rule(locked=st.booleans())
    def configuration(self, locked):
        self.world.tell(
            routing_gateways=by_name(routing("r1", lines=2, locked=locked)),
            rate_groups=RATES if locked else by_name(group("retail", rate("43", "0.06"))),
        )

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def nothing_is_overdrawn(self):
        held = self.world.balances.state("p")
        assert held.reserved >= 0
        assert held.reserved + held.undrained <= held.grant
        assert held.reserved == sum(
            call.funding.reserved for call in self.world.calls.calls.values() if call.cdr.account == "p"
        )

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def lines_are_those_of_the_calls_that_are_up(self):
        up = [call for call in self.world.calls.calls.values() if call.machine.state != "ended"]
        assert self.world.limits.in_use("system") == len(up)
        routed = Counter(call.attempts.route.name for call in up if call.attempts.leg is not None)
        for name, most in (("r1", 2), ("r2", 3), ("r3", None)):
            assert self.world.limits.in_use(f"routing:{name}") == routed[name]
            assert most is None or routed[name] <= most

    def teardown(self):
        if not hasattr(self, "world"):
            return
        world = self.world
        world.calls.stop_all()
        self.media_reports()
        world.check_idle()
        self.recorder_drains(len(world.cdrs))
        cdrs = world.cdrs
        calls = sum(cdr.decision.get("count", 1) for cdr in cdrs)  # strangers share a record
        assert calls + world.calls.illegal.left_out == len(self.callers)
        assert len(cdrs) == len({cdr.flowno for cdr in cdrs})
        assert {record["flowno"] for record in world.journal.of("start")} <= {cdr.flowno for cdr in cdrs}
        told = sum(any(isinstance(signal, Answer) for signal in leg.told) for leg in self.callers)
        assert len(world.journal.of("answer")) >= told == sum(cdr.answer is not None for cdr in cdrs)
        assert not [leg for leg in self.callers if leg.late or not leg.gone]
        spent = Counter()
        for cdr in cdrs:
            assert sum(item.amount for item in cdr.charges if item.kind == "call") == cdr.fee
            assert sum(item.amount for item in cdr.charges if item.kind == "cost") == cdr.cost
            assert cdr.answer is not None or not cdr.charges
            spent[cdr.account] += cdr.fee
            spent["v"] += cdr.cost
        for number in OPENING:
            held = world.balances.state(number)
            assert (held.balance, held.undrained) == (self.paid[number] - spent[number], 0)
        assert world.balances.state("p").balance >= 0


Traffic.TestCase.settings = settings(
    max_examples=60, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTraffic = Traffic.TestCase
