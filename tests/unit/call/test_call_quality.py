"""What attempts and calls count for, and what that changes for the next calls."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.call.call_world import World, account, group, mapping, offer, rate, routing
from tests.unit.call.test_call_availability import first_tried
from vosswitch.call.deciding.explain import explain
from vosswitch.call.deciding.keeping import told
from vosswitch.model.signals import Redirected
from vosswitch.model.values import Address
from vosswitch.store.portability_fields import PORTABILITY

ON = {"SS_GATEWAY_ASR_CALCULATE": "On", "SS_GATEWAY_ACD_CALCULATE": "On"}
JUDGED = {
    "least_asr": 50, "least_ner": None, "least_acd": None, "most_pdd": None, "quality_attempts": 4,
    "quality_action": "demote", "quality_scope": "gateway", "quality_probe": 0,
}  # fmt: skip
THROTTLED = {
    "throttle_codes": [503], "throttle_window": 60, "throttle_share": 50, "throttle_attempts": 3, "throttle_pause": 30,
}  # fmt: skip


def world(first=None, second=None, **parameters):
    gateways = {
        "r1": routing("r1", **(first or {})),
        "r2": routing("r2", priority=1, address="192.0.2.101", **(second or {})),
    }
    return World(routing_gateways=gateways, parameters=parameters)


def figures(world, name):
    return world.board.gauges.figures(name, world.clock.seconds())


def test_each_attempt_counts_once_for_its_gateway():
    node = world(**ON)
    node.call()
    node.clock.advance(1)
    node.out.fails(503)
    node.out.rings()
    node.clock.advance(2)
    node.out.answers(offer(5000))
    assert figures(node, "r1")[:3] == (1, 0, 0)
    assert figures(node, "r2")[:4] == (1, 100, 100, 0)
    node.clock.advance(30)
    node.out.hangs_up()
    assert figures(node, "r2")[4:] == (1, 30)
    assert figures(node, "r1").calls == 0
    node.check_idle()


def test_an_answer_is_one_attempt_however_the_call_ends():
    node = world(**ON)
    caller, _ = node.talk()
    node.calls.release(int(next(iter(node.calls.calls))))
    assert figures(node, "r1")[:2] == (1, 100)
    assert caller.released is not None


def test_the_caller_gives_up():
    node = world(**ON)
    caller = node.call()
    caller.gives_up()
    assert figures(node, "r1")[:3] == (1, 0, 0)
    caller = node.call()
    node.out.rings()
    caller.gives_up()
    assert figures(node, "r1")[:3] == (2, 0, 50)


def test_what_an_operator_ends_does_not_count():
    node = world(**ON)
    node.call()
    node.calls.stop_all("operator_release")
    assert figures(node, "r1").attempts == 0


def test_a_redirected_attempt_is_one():
    node = world(**ON)
    node.call()
    node.out.say(Redirected(Address("192.0.2.200", 5060), "4399", "sip:4399@192.0.2.200"))
    node.clock.advance(3)
    node.out.rings()
    node.out.answers(offer(5000))
    assert figures(node, "r1")[:4] == (1, 100, 100, 3000)
    assert node.running().cdr.attempts[0].redirects == ["sip:4399@192.0.2.200"]
    assert figures(node, "r2").attempts == 0


def test_a_route_that_is_never_tried_does_not_count():
    node = world({"lines": 0}, **ON)
    caller = node.call()
    node.out.fails(404)
    assert caller.released is not None
    assert (figures(node, "r1").attempts, figures(node, "r2").attempts) == (0, 1)


def test_pdd_is_from_the_invite_of_the_attempt():
    node = world(**ON)
    node.call()
    node.clock.advance(5)
    node.out.fails(503)
    node.clock.advance(1.5)
    node.out.progresses()
    node.clock.advance(3)
    node.out.answers(offer(5000))
    assert figures(node, "r2").pdd_ms == 1500
    assert figures(node, "r1").pdd_ms is None


def spoil(node, times=4, status=404):
    for _ in range(times):
        caller = node.call()
        node.out.fails(status)
        caller.gives_up()


def test_a_bad_gateway_is_demoted_and_comes_back():
    node = world(JUDGED)
    spoil(node)
    assert first_tried(node) == "192.0.2.101"
    rows = {row["gateway"]: row["why"] for row in told(node.cdrs[-1].decision)["plan"]["gateways"]}
    assert rows["r1"] == "demoted: ASR 0 % of 4 attempts, below 50 %"
    caller = node.call()  # the other one fails: the demoted one is still there
    node.out.fails(503)
    assert node.out.placement.target.host == "192.0.2.100"
    caller.gives_up()
    node.clock.advance(700)
    assert first_tried(node) == "192.0.2.100"


def test_an_excluded_gateway_is_left_out_and_route_says_so():
    node = world(JUDGED | {"quality_action": "exclude"})
    spoil(node)
    answer = explain(node.decider, node.snapshot, {"caller": "1", "callee": "431", "mapping_gateway": "m"}, node.now())
    whys = {row["gateway"]: row["why"] for row in answer["candidates"]}
    assert whys["r1"] == "excluded: ASR 0 % of 4 attempts, below 50 %"
    assert [row["kept"] for row in answer["candidates"]] == [True, False]


def test_a_gateway_is_judged_by_the_destination():
    node = world(JUDGED | {"quality_scope": "prefix", "prefixes": ["43", "431"]})
    for _ in range(4):
        caller = node.call("4319")
        node.out.fails(404)
        caller.gives_up()
    caller = node.call("4319")
    assert node.out.placement.target.host == "192.0.2.101"
    caller.gives_up()
    caller = node.call("4329")
    assert node.out.placement.target.host == "192.0.2.100"


def test_a_strategy_goes_by_the_asr():
    node = world(**ON)
    node.tell(mapping_gateways={"m": mapping("m", routing_strategies=["asr"])})
    spoil(node)
    caller = node.call()
    node.out.fails(503)
    node.out.answers(offer(5000))
    caller.hangs_up()
    plan = node.decide().plan
    assert {one.gateway: one.asr for one in plan.candidates} == {"r1": 0.0, "r2": 100.0}
    assert first_tried(node) == "192.0.2.101"


def test_a_gateway_that_fails_too_often_rests():
    node = world(THROTTLED)
    spoil(node, 3, 503)
    assert ("r1", "rests for 30 s: throttled: 3 of 3 attempts failed within 60 s") in node.cdrs[-1].decision["notes"]
    assert node.board.availability.get("r1").state == "held"
    assert first_tried(node) == "192.0.2.101"
    why = {row["gateway"]: row["why"] for row in told(node.cdrs[-1].decision)["plan"]["gateways"]}
    assert why["r1"].startswith("held: throttled: 3 of 3 attempts failed")
    node.clock.advance(31)
    assert first_tried(node) == "192.0.2.100"


def test_the_only_gateway_is_tried_while_it_rests():
    node = World(routing_gateways={"r1": routing("r1", **THROTTLED)})
    spoil(node, 5, 503)
    assert len(node.legs.placed) == 5


# ---- failover


def test_codes_that_stop_and_codes_that_go_on():
    node = world({"stop_codes": [503], "continue_codes": ["480-486"]})
    node.call()
    node.out.fails(503)
    assert node.cdrs[-1].end_reason == "service_unavailable"
    assert len(node.legs.placed) == 1
    caller = node.call()
    node.out.fails(486)
    assert len(node.legs.placed) == 3
    caller.gives_up()


def test_the_time_for_trying_is_over_and_nothing_has_rung():
    node = world(VS_ROUTING_TIME="10")
    caller = node.call()
    node.clock.advance(4)
    node.out.fails(503)
    node.out.proceeds()
    node.clock.advance(5.9)
    assert caller.released is None
    node.clock.advance(0.1)
    assert (caller.released.reason, caller.released.status) == ("response_timeout", 408)
    assert node.out.released is not None
    cdr = node.cdr
    assert [(row.gateway, row.reason) for row in cdr.attempts] == [
        ("r1", "service_unavailable"), ("r2", "response_timeout"),
    ]  # fmt: skip
    assert ("routing_time", "10 s are over") in cdr.decision["notes"]
    assert len(node.board.availability) == 0
    node.check_idle()


def test_a_call_that_rings_goes_on_but_tries_nobody_else():
    node = world(VS_ROUTING_TIME="10", SS_GATEWAY_SWITCH_UNTIL_CONNECT="On")
    caller = node.call()
    node.out.rings()
    node.clock.advance(60)
    assert caller.released is None
    node.out.fails(503)
    assert caller.released.status == 503
    assert len(node.legs.placed) == 1
    node.check_idle()


def test_an_answered_call_outlives_the_time_for_trying():
    node = world(VS_ROUTING_TIME="10")
    node.talk()
    node.clock.advance(60)
    assert len(node.calls.calls) == 1
    node.out.hangs_up()
    node.check_idle()


def test_a_customer_has_its_own_time():
    node = world(VS_ROUTING_TIME="100")
    node.tell(mapping_gateways={"m": mapping("m", routing_time=2)})
    caller = node.call()
    node.clock.advance(2)
    assert caller.released.reason == "connection_timeout"


# ---- the record


def test_every_attempt_is_in_the_record():
    node = World(
        routing_gateways={
            "r1": routing("r1", prefixes=["43"], strip_prefix=True),
            "r2": routing("r2", priority=1, account="w", callee_dial_plan="43:0043"),
        },
        accounts={
            "c": account("c"), "p": account("p"), "v": account("v", kind="clearing", rate_group="wholesale"),
            "w": account("w", kind="clearing", rate_group="dear"),
        },
        rate_groups={
            "retail": group("retail", rate("43", "0.6")), "wholesale": group("wholesale", rate("43", "0.3")),
            "dear": group("dear", rate("431", "0.45")),
        },
    )  # fmt: skip
    node.call("431234")
    node.clock.advance(2)
    node.out.fails(503)
    node.clock.advance(1)
    node.out.rings()
    node.clock.advance(1)
    node.out.fails(486)
    first, second = node.cdr.attempts
    assert (first.gateway, first.prefix, first.callee_out, first.cost_prefix, first.price) == (
        "r1", "43", "1234", "43", "0.3",
    )  # fmt: skip
    assert (first.status, first.reason, first.pdd_ms, first.duration_ms) == (503, "service_unavailable", None, 2000)
    assert (second.callee_out, second.cost_prefix, second.price) == ("0043" + "1234", "431", "0.45")
    assert (second.status, second.reason, second.pdd_ms, second.duration_ms) == (486, "busy", 1000, 2000)


# ---- whatever happens


class Counting(RuleBasedStateMachine):
    """Calls with all that peers do; each attempt that a peer or a caller ended is counted exactly once."""

    def __init__(self):
        super().__init__()
        self.node = world(THROTTLED, **ON)
        self.callers = {}

    @rule()
    def comes(self):
        self.callers[len(self.callers)] = self.node.call()

    def _open(self):
        return [leg for leg in self.node.legs.placed if not leg.gone]

    @precondition(lambda self: self._open())
    @rule(
        what=st.sampled_from(["rings", "progresses", "answers", "busy", "fails", "silence", "hangs_up"]),
        at=st.integers(0, 20),
    )
    def does(self, what, at):
        leg = self._open()[at % len(self._open())]
        answered = leg.status == 200
        if what == "hangs_up":
            if answered:
                leg.hangs_up()
        elif answered:
            return
        elif what == "answers":
            leg.answers(offer(5000))
        elif what in ("busy", "fails"):
            leg.fails(486 if what == "busy" else 503)
        elif what == "silence":
            leg.times_out()
        else:
            getattr(leg, what)()

    @precondition(lambda self: self.callers)
    @rule(at=st.integers(0, 20))
    def gives_up(self, at):
        leg = self.callers[at % len(self.callers)]
        if leg.status == 200:
            leg.hangs_up()
        else:
            leg.gives_up()

    @rule(seconds=st.integers(1, 20))
    def waits(self, seconds):
        self.node.clock.advance(seconds)

    @invariant()
    def each_counts_once(self):
        if self.node.clock.seconds() >= 540:  # before anything falls out of the window
            return
        rows = [row for cdr in self.node.cdrs for row in cdr.attempts]
        rows += [row for call in self.node.calls.calls.values() for row in call.cdr.attempts if row.reason]
        for name in ("r1", "r2"):
            own = [row for row in rows if row.gateway == name]
            found = figures(self.node, name)
            assert found.attempts == len(own)
            talked = [cdr for cdr in self.node.cdrs if cdr.answer is not None and cdr.routing_gateway == name]
            assert found.calls == len(talked)


Counting.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestCounting = Counting.TestCase


@pytest.mark.parametrize("parameter", ["SS_GATEWAY_ASR_CALCULATE", "SS_GATEWAY_ACD_CALCULATE"])
def test_each_figure_has_its_own_switch(parameter):
    node = world(**{parameter: "On"})
    node.talk()
    node.out.hangs_up()
    found = figures(node, "r1")
    assert (found.asr is not None) is (parameter == "SS_GATEWAY_ASR_CALCULATE")
    assert (found.acd is not None) is (parameter == "SS_GATEWAY_ACD_CALCULATE")


def names(world, callee):
    """The gateways that a call would try, in order."""
    return [one.gateway for one in world.decide(callee).plan.candidates]


def test_a_ported_number_is_judged_by_what_its_calls_count_for():
    """Gateways are found by the routing number; the destination is that of the called number, both times."""
    by_prefix = JUDGED | {"quality_scope": "prefix", "quality_attempts": 1, "quality_action": "exclude"}
    node = World(
        portability={"p": PORTABILITY.defaults() | {"name": "p", "table": "t"}},
        number_tables={"t": {"name": "t", "kind": "lrn", "file": None, "overlay": [["14155550001", "14150000000"]]}},
        mapping_gateways={"m": mapping("m", portability="p")},
        routing_gateways={"r1": routing("r1", prefixes=["1"], **by_prefix)},
        rate_groups={"retail": group("retail", rate("1", "0.6")), "wholesale": group("wholesale", rate("1", "0.3"))},
        parameters={"VS_GATEWAY_QUALITY_DIGITS": "7"},
    )
    assert names(node, "14155550001") == ["r1"]
    node.call("14155550001")
    node.out.fails(503)
    assert node.board.gauges.figures_to("r1", "1415555", node.clock.seconds()).attempts == 1
    assert names(node, "14155550001") == []
    assert names(node, "14157770001") == ["r1"]


def test_the_order_goes_by_the_destination():
    scope = {"quality_scope": "prefix", "quality_attempts": 1}
    node = world(scope | {"priority": 1}, scope, VS_GATEWAY_QUALITY_DIGITS="5", **ON)
    node.call("4311111")
    node.out.fails(503)
    node.out.rings()
    node.out.fails(486)
    node.call("4322222")
    node.out.fails(503)
    node.out.answers(offer(5000))
    assert [names(node, callee) for callee in ("4311111", "4322222")] == [["r1", "r2"], ["r2", "r1"]]
