"""Every counter against a model, under random traffic with failures at every step: none drifts, none is below zero."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from tests.unit.call.call_world import (
    CUSTOMER,
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
from vosswitch.call.dips import Dips
from vosswitch.model.call import Reject
from vosswitch.model.signals import Accept, Refuse, Transfer
from vosswitch.model.values import UNITS, Address
from vosswitch.store.portability_fields import PORTABILITY


def destination(name, prefix, lines, scope="system"):
    return {
        "name": name, "prefixes": [prefix], "lines": lines, "cps": None, "scope": scope, "accounts": [],
        "mapping_gateways": [], "routing_gateways": [],
    }  # fmt: skip


def capacity(name, lines, reserved=0):
    return {"name": name, "lines": lines, "cps": None, "reserved": reserved}


ASKING = Address("192.0.2.88", 5060)
POOL = {"name": "pool", "numbers": ["1", "2-3"], "choice": "turn", "reuse": 1, "when_full": "refuse", "group": ""}
CONFIG = {
    "accounts": by_name(account("c", lines=4, overdraft_limit=None), account("p", anti_overdraft=True),
                        account("v", kind="clearing", rate_group="wholesale")),
    "mapping_gateways": by_name(mapping("m", groups=["in"], transfers="internal"),
                                mapping("mp", account="p", addresses=[PREPAID.host], groups=["in"]),
                                mapping("mq", addresses=[ASKING.host], groups=["in"], transfers="internal",
                                        portability="q", lines=3)),
    "routing_gateways": by_name(routing("r1", lines=2, groups=["out"]), routing("r2", priority=1, groups=["out"]),
                                routing("r3", priority=2, lines=2, caller_pool="pool")),
    "number_pools": {"pool": POOL},
    "portability": {"q": PORTABILITY.defaults() | {"name": "q", "source": "slow", "most": 2}},
    "gateway_groups": by_name(capacity("in", 5, 1), capacity("out", 3, 1)),
    "destination_limits": by_name(destination("d", "431", 2), destination("a", "43", 3, "account"),
                                  destination("r", "43", 2, "routing_gateway")),
    "number_groups": {"sos": {"name": "sos", "numbers": ["112"], "table": "", "emergency": True}},
    "phones": by_name(phone("1001", lines=2)),
    "rate_groups": by_name(group("retail", rate("", "0.6")), group("wholesale", rate("", "0.3"))),
}  # fmt: skip
WHO = [(CUSTOMER, None), (ASKING, None), (ASKING, None), (PREPAID, None), (Address("192.0.2.77", 5060), "1001")]


class Fault(Exception):
    """Something breaks."""


class Moody:
    """A screening hook that refuses calls or lets them pass."""

    mood = "pass"

    def __call__(self, _attempt):
        return Reject("blacklisted", "moody") if self.mood == "refuse" else None


class Unguarded:
    """A decider that a plugin breaks which no guard holds."""

    def __init__(self, decider, hook):
        self.decider = decider
        self.hook = hook

    def decide(self, ask, snapshot):
        if self.hook.mood == "break":
            raise Fault
        return self.decider.decide(ask, snapshot)

    def resume(self, decision, reply):
        if self.hook.mood == "break":
            raise Fault
        self.decider.resume(decision, reply)


class Slow:
    """A number query that answers when it is told to."""

    def __init__(self):
        self.asked = []

    def ask(self, _question):
        answer = Deferred()
        answer.addErrback(lambda _: "")
        self.asked.append(answer)
        return answer


class Counters(RuleBasedStateMachine):
    """A node under traffic, whose configuration changes and whose parts break."""

    @initialize()
    def begin(self):
        self.hook = Moody()
        self.callers = []
        self.world = World(
            money={"c": 50 * UNITS, "p": 5 * UNITS, "v": 0},
            screen_call=[self.hook],
            parameters={"SS_BLACK_LIST_CALLER_CONCURRENT_LIMIT": "1000"},
            **CONFIG,
        )
        self.world.calls.decider = Unguarded(self.world.decider, self.hook)
        self.world.decider._means = self.world.decider._means._replace(asks=True)
        self.slow = Slow()
        self.world.calls.dips = Dips(self.world.clock, {"slow": self.slow})
        self.world.calls.log = Logger(observer=lambda event: None)

    @rule(callee=st.sampled_from(["4312345", "4399", "4477", "112", ""]), who=st.sampled_from(WHO))
    def incoming(self, callee, who):
        self.callers.append(self.world.call(callee, who[0], user=who[1]))

    @rule(pick=st.integers(0, 50), lrn=st.sampled_from(["", "4399", "nothing ", 5]))
    def question_is_answered(self, pick, lrn):
        under_way = [answer for answer in self.slow.asked if not answer.called]
        if under_way:
            under_way[pick % len(under_way)].callback(lrn)

    @rule(mood=st.sampled_from(["pass", "pass", "refuse", "break"]))
    def plugin(self, mood):
        self.hook.mood = mood

    def up(self, legs, pick):
        live = [leg for leg in legs if not leg.gone and leg.listener is not None]
        return live[pick % len(live)] if live else None

    @rule(pick=st.integers(0, 50), what=st.sampled_from(["rings", "answers", "answers"]))
    def callee_goes_on(self, pick, what):
        leg = self.up(self.world.legs.placed, pick)
        if leg is not None and leg.status < 200:
            getattr(leg, what)(offer(5000))

    @rule(pick=st.integers(0, 50), how=st.sampled_from([404, 486, 503, "connection_timeout"]))
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

    @rule(pick=st.integers(0, 50), callee=st.sampled_from(["4355", "4312345", "112"]))
    def transfer(self, pick, callee):
        leg = self.up(self.callers, pick)
        if leg is not None and leg.status >= 200:
            leg.say(Transfer(callee))

    @rule(pick=st.integers(0, 50), side=st.booleans(), takes=st.booleans())
    def change_is_answered(self, pick, side, takes):
        leg = self.up(self.callers if side else self.world.legs.placed, pick)
        if leg is not None and leg.status >= 200:
            leg.say(Accept(offer(5002)) if takes else Refuse(488))

    @rule(pick=st.integers(0, 50), side=st.booleans())
    def leg_breaks(self, pick, side):
        """The leg raises when it is told anything further; it is gone for its peer."""
        leg = self.up(self.callers if side else self.world.legs.placed, pick)
        if leg is not None:

            def send(signal, told=leg.send):
                told(signal)
                raise Fault

            leg.send = send

    @rule(broken=st.booleans())
    def legs_cannot_be_placed(self, broken):
        legs = self.world.legs
        if not broken:
            legs.__dict__.pop("place", None)
            return

        def place(*_):
            raise Fault

        legs.place = place

    @rule(kinds=st.sets(st.sampled_from(["start", "answer", "extend"])))
    def disk(self, kinds):
        self.world.journal.refuses = kinds

    @rule(ports=st.sampled_from([0, 2, 1000]))
    def media(self, ports):
        self.world.media.ports = ports

    @rule(lines=st.sampled_from([None, 0, 2, 5]), reserved=st.integers(0, 1), there=st.booleans())
    def configuration(self, lines, reserved, there):
        group_ = capacity("out", lines, reserved if lines else 0) if there else None
        self.world.tell(
            gateway_groups={"out": group_},
            destination_limits={"d": destination("d", "43", lines or 1) if there else None},
            routing_gateways=by_name(routing("r1", lines=lines, groups=["out"] if there else [])),
        )

    @rule(seconds=st.sampled_from([0.04, 1.0, 29.9, 200.0]))
    def time_goes_by(self, seconds):
        self.world.clock.advance(seconds)

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def every_counter_is_that_of_the_model(self):
        calls = self.world.calls
        assert calls.dips.waiting == len(calls.waiting)
        model = Counter(key for one in calls.waiting.values() for key in one.decision.limit_keys)
        for call in calls.calls.values():
            if call.machine.state == "ended":
                continue
            model.update(call.decision.limit_keys)
            if call.attempts._taken is not None:
                model.update(call.attempts._taken.limit_keys)
        view = self.world.limits.view()
        watched = [call.decision.watched for call in (*calls.calls.values(), *calls.waiting.values())]
        up = Counter(one.caller for one in watched if one is not None)
        assert self.world.board.guard.lists.running == up
        assert view == {key: count for key, count in model.items() if count}
        assert all(count > 0 for count in view.values())

    def teardown(self):
        if hasattr(self, "world"):
            self.world.calls.stop_all()
            assert self.world.limits.view() == {}
            assert not self.world.calls.calls
            assert not self.world.calls.waiting
            assert self.world.board.guard.lists.running == {}
            assert self.world.calls.dips.waiting == 0
            assert len(self.world.board.loops) == 0
            assert all(self.world.balances.state(number).reserved == 0 for number in self.world.balances)


Counters.TestCase.settings = settings(
    max_examples=60, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCounters = Counters.TestCase
