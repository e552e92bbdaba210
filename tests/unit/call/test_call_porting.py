"""Ported numbers and jurisdiction in decisions, and calls that wait for an answer."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.unit.accounts.test_account_periods import NOON, office
from tests.unit.call.call_world import World, account, by_name, group, mapping, offer, rate, routing
from vosswitch.accounts.portability import Portability, jurisdiction_of
from vosswitch.call.deciding.explain import explain
from vosswitch.call.deciding.porting import Reply
from vosswitch.call.dips import Dips
from vosswitch.hooks.interfaces import INumberQuery
from vosswitch.numbers.table import NumberTable
from vosswitch.store.portability_fields import PORTABILITY

LRN = "14150000000"
CALLEE = "14155550001"
IN_OFFICE = {"calendar": "office", "when": "working"}


def portability(**changes):
    return {"p": PORTABILITY.defaults() | {"name": "p", "table": "t"} | changes}


def table(name, rows, kind="lrn"):
    return {"name": name, "kind": kind, "file": None, "overlay": [list(row) for row in rows.items()]}


def world(entry=None, lrns=None, **config):
    """A customer ``m`` whose called numbers are asked; ``r1`` takes 1415000, ``r2`` takes 1415555."""
    own = config.pop("own", {})
    return World(
        portability=portability(**(entry or {})),
        number_tables={"t": table("t", {CALLEE: LRN} if lrns is None else lrns), **config.pop("tables", {})},
        mapping_gateways=by_name(mapping("m", **({"portability": "p"} | own))),
        routing_gateways=by_name(
            routing("r1", **({"prefixes": ["1415000"]} | config.pop("r1", {}))), routing("r2", prefixes=["1415555"])
        ),
        rate_groups=config.pop("rate_groups", None)
        or by_name(
            group("retail", rate("1415555", "0.6"), rate("1415000", "0.9")), group("wholesale", rate("1", "0.3"))
        ),
        **config,
    )


def routes(decision):
    return [(route.name, route.callee_out) for route in decision.routes]


def test_the_routing_number_finds_the_gateway_and_the_called_number_is_sent():
    decision = world().decide(CALLEE)
    assert routes(decision) == [("r1", CALLEE)]
    assert (decision.ported.lrn, decision.ported.source) == (LRN, "table")
    assert decision.price.rate.prefix == "1415555"  # the rate of the dialled number


@pytest.mark.parametrize("result", ["number", "prefix"])
@pytest.mark.parametrize("bound", [{"periods": [IN_OFFICE]}, {"prefixes": [IN_OFFICE | {"prefix": "1415000"}]}])
def test_the_time_is_that_of_the_called_number_and_not_of_the_routing_number(bound, result):
    """It is 8 in the morning in New York, where the called number is, and 9 in the evening in Tokyo."""
    zones = {"1415555": "B|America/New_York", "1415000": "A|Asia/Tokyo"}
    for places, found in ((zones, True), (dict(zip(zones, reversed(zones.values()), strict=True)), False)):
        decision = world(
            {"result": result},
            r1=bound,
            wall=NOON,
            calendars={"office": office(destination_time=True)},
            tables={"areas": table("areas", places, "area")},
            parameters={"VS_AREA_TABLE": "areas"},
        ).decide(CALLEE)
        assert [name for name, _ in routes(decision)] == ["r1"] * found


def test_a_number_that_is_not_ported_goes_as_before():
    decision = world(lrns={"1": "x"}).decide(CALLEE)
    assert routes(decision) == [("r2", CALLEE)]
    assert decision.ported.lrn == ""


def test_rates_by_the_routing_number():
    assert world({"rate_by": "lrn"}).decide(CALLEE).price.rate.prefix == "1415000"


def test_the_routing_number_before_the_called_one():
    decision = world({"result": "prefix"}, r1={"strip_prefix": True}).decide(CALLEE)
    assert routes(decision) == [("r1", LRN.removeprefix("1415000") + CALLEE)]


def test_as_a_parameter_only():
    node = world({"result": "parameter"})
    assert routes(node.decide(CALLEE)) == [("r2", CALLEE)]
    leg = node.call(CALLEE)
    assert node.legs.placed[0].placement.number_parameters == (("npdi", ""), ("rn", LRN))
    leg.gives_up()


def test_dial_plans_make_what_is_asked_and_what_is_used():
    decision = world({"dial_plan": "1:", "lrn_dial_plan": "D012:"}, {CALLEE[1:]: "D012" + LRN}).decide(CALLEE)
    assert (decision.ported.lrn, routes(decision)) == (LRN, [("r1", CALLEE)])


def test_only_its_prefixes_are_asked():
    assert world({"prefixes": ["44"]}).decide(CALLEE).ported is None


@pytest.mark.parametrize("answer", ["not a number", "1;rn=2", "9" * 33, "voicemail", "ERROR", "++", "DEAD"])
def test_an_answer_that_is_no_number_counts_as_none(answer):
    assert routes(world(lrns={CALLEE: answer}).decide(CALLEE)) == [("r2", CALLEE)]
    refused = world({"on_failure": "refuse"}, {CALLEE: answer}).decide(CALLEE)
    assert refused.cause.reason == "lrn_failed"


# ---- jurisdiction


STATES = NumberTable.of({"415555": "CA", "212": "NY", "310": "CA"}, "nanp")


@pytest.mark.parametrize(
    ("caller", "callee", "found"),
    [
        ("13105550000", "14155550001", "intrastate"),
        ("+1 310".replace(" ", "") + "5550000", "4155550001", "intrastate"),
        ("12125550000", "14155550001", "interstate"),
        ("anonymous", "14155550001", "undetermined"),
        ("442071234567", "14155550001", "undetermined"),
        ("12125550000", "19995550001", "undetermined"),
        ("12125550000", "442071234567", ""),
        ("12125550000", "11155550001", ""),
    ],
)
def test_jurisdiction(caller, callee, found):
    assert jurisdiction_of(STATES, caller, callee) == found


def test_each_side_has_rates_by_jurisdiction():
    node = world(
        own={"jurisdiction": "states", "rate_group_interstate": "far", "portability": ""},
        tables={"states": table("states", {"415": "CA", "212": "NY", "310": "CA"}, "nanp")},
        r1={},
        rate_groups=by_name(
            group("retail", rate("1", "0.6")), group("far", rate("1", "0.9")), group("wholesale", rate("1", "0.3"))
        ),
    )
    far = node.decide(CALLEE, caller="12125550000")
    near = node.decide(CALLEE, caller="13105550000")
    assert (far.jurisdiction, far.price.group) == ("interstate", "far")
    assert (near.jurisdiction, near.price.group) == ("intrastate", "retail")
    question = {"caller": "anonymous", "callee": CALLEE, "mapping_gateway": "m"}
    steps = explain(node.decider, node.snapshot, question, node.now())["steps"]
    assert f"jurisdiction: undetermined (caller: no state known, {CALLEE}: CA)" in steps


# ---- calls that wait


@implementer(INumberQuery)
class Slow:
    """Answers when the test says so."""

    name = "slow"

    def __init__(self):
        self.asked = []
        self.dropped = 0

    def ask(self, question):
        answer = Deferred(lambda _: self._drop())
        self.asked.append((question, answer))
        return answer

    def _drop(self):
        self.dropped += 1


def waiting(entry=None, **config):
    node = world({"source": "slow"} | (entry or {}), **config)
    slow = Slow()
    node.decider._means = node.decider._means._replace(asks=True)
    node.calls.dips = Dips(node.clock, {"slow": slow})
    return node, slow


def test_it_is_an_implementation():
    verifyObject(INumberQuery, Slow())


def test_a_call_waits_for_its_answer_and_keeps_it():
    node, slow = waiting()
    leg = node.call(CALLEE)
    assert node.legs.placed == []
    assert slow.asked[0][0].number == CALLEE
    node.clock.advance(0.2)
    slow.asked[0][1].callback(LRN)
    assert [out.placement.target.host for out in node.legs.placed] == ["192.0.2.100"]
    leg.gives_up()
    [cdr] = node.journal.of("end")
    assert cdr.decision["ported"] == (LRN, "slow", 200)
    assert node.calls.waiting == {}
    assert not node.clock.getDelayedCalls() or node.calls.dips.waiting == 0
    second = node.call(CALLEE)  # from what is kept
    assert len(slow.asked) == 1
    assert len(node.legs.placed) == 2
    second.gives_up()


@pytest.mark.parametrize(("policy", "placed"), [("continue", 1), ("refuse", 0)])
def test_silence_ends_at_the_deadline(policy, placed):
    node, slow = waiting({"on_failure": policy, "deadline_ms": 300})
    leg = node.call(CALLEE)
    node.clock.advance(0.31)
    assert (len(node.legs.placed), slow.dropped) == (placed, 1)
    if not placed:
        assert leg.released.reason == "lrn_failed"
        assert node.journal.of("end")[0].end_reason == "lrn_failed"
    slow.asked[0][1].addErrback(lambda _: None)


def test_a_caller_who_gives_up_ends_the_question():
    node, slow = waiting()
    leg = node.call(CALLEE)
    leg.gives_up()
    [cdr] = node.journal.of("end")
    assert (cdr.end_reason, slow.dropped, node.legs.placed, leg.late) == ("caller_abandoned", 1, [], [])
    assert node.calls.dips.waiting == 0
    assert node.limits.in_use("account:c") == 0
    node.clock.advance(10)
    assert len(node.journal.of("end")) == 1


def test_stopping_ends_the_calls_that_wait():
    node, _ = waiting()
    leg = node.call(CALLEE)
    done = node.calls.stop_all()
    assert done.called
    assert leg.released.reason == "switch_restart"
    assert len(node.journal.of("end")) == 1


def test_no_more_questions_than_allowed():
    node, slow = waiting({"most": 1})
    first, second = node.call(CALLEE), node.call("14155550002")
    assert (len(slow.asked), len(node.legs.placed)) == (1, 1)
    first.gives_up()
    second.gives_up()


@pytest.mark.parametrize("answer", [None, 5, "9" * 65, RuntimeError("broken")])
def test_answers_of_a_wrong_kind_count_as_failures(answer):
    node, slow = waiting()
    failed = []
    node.calls.dips.failed = lambda *what: failed.append(what[0])
    leg = node.call(CALLEE)
    slow.asked[0][1].callback(answer) if not isinstance(answer, Exception) else slow.asked[0][1].errback(answer)
    assert (len(node.legs.placed), failed) == (1, ["slow"])
    leg.gives_up()


def test_a_query_that_raises_and_one_that_is_not_there():
    node, slow = waiting()
    slow.ask = lambda question: 1 / 0
    node.call(CALLEE).gives_up()
    node.calls.dips.queries = {}
    node.call(CALLEE).gives_up()
    assert len(node.legs.placed) == 2


def test_without_a_switch_nothing_is_asked():
    node = world({"source": "slow"})
    decision = node.decide(CALLEE)
    assert decision.pending is None
    assert any("not asked" in why for _, why in decision.notes)


def test_what_was_found_then_is_used_again():
    node = world({"source": "slow"})
    from vosswitch.call.deciding.means import Ask  # noqa: PLC0415

    ask = Ask("7", node.tried(CALLEE), node.now(), lrn=LRN)
    assert routes(node.decider.decide(ask, node.snapshot)) == [("r1", CALLEE)]


def test_kept_answers_are_bounded_and_end():
    node, _ = waiting({"cache_size": 2, "cache_seconds": 10})
    settings = Portability.from_body(portability(source="quick", cache_size=2, cache_seconds=10)["p"])
    asked = []

    class Quick:
        def ask(self, question):
            asked.append(question.number)
            return ""

    dips = Dips(node.clock, {"quick": Quick()})
    attempt = type("A", (), {"caller": "", "call_id": ""})
    pending = type("P", (), {"settings": settings, "attempt": attempt})
    replies = []
    for number in ("1", "2", "3", "3", "1"):
        pending.number = number
        dips.ask(pending, replies.append)
    assert asked == ["1", "2", "3", "1"]
    assert replies[3] == Reply("", 0)
    node.clock.advance(11)
    dips.ask(pending, replies.append)
    assert asked[-2:] == ["1", "1"]


def test_a_call_with_a_session_waits_as_well():
    node, slow = waiting()
    leg = node.call(CALLEE, session=offer())
    slow.asked[0][1].callback("")
    assert node.legs.placed[0].placement.callee == CALLEE
    leg.gives_up()


def test_a_call_that_waits_is_on_its_lines_so_that_nobody_asks_more_than_it_may_call():
    own = {"accounts": by_name(account("c", lines=1), account("v", kind="clearing", rate_group="wholesale"))}
    node, slow = waiting(**own)
    first, second = node.call(CALLEE), node.call("14155550002")
    assert second.released.reason == "line_limit"
    assert (len(slow.asked), node.limits.in_use("account:c")) == (1, 1)
    slow.asked[0][1].callback(LRN)
    assert node.limits.in_use("account:c") == 1
    node.out.answers(offer(5000))
    first.hangs_up()
    node.check_idle()
    third = node.call("14155550003")
    third.gives_up()
    node.check_idle()


def test_calls_per_second_are_spent_by_questions_and_once_a_call():
    own = {"accounts": by_name(account("c", cps=2), account("v", kind="clearing", rate_group="wholesale"))}
    node, slow = waiting(**own)
    legs = [node.call(f"1415555000{last}") for last in range(4)]
    assert [leg.released.reason if leg.released else None for leg in legs] == [None, None, "cps_limit", "cps_limit"]
    for _, answer in slow.asked:
        answer.callback("")
    assert len(node.legs.placed) == 2  # what they spent when they came is enough
    for leg in legs:
        leg.gives_up()
    node.check_idle()


def test_lines_of_a_call_that_waited_go_back_when_it_is_refused_then():
    node, slow = waiting({"on_failure": "refuse"})
    assert node.call(CALLEE)
    slow.asked[0][1].callback(None)
    node.call("14155550002")
    node.calls.stop_all()
    broke, slow = waiting(money={"c": 0, "v": 0})
    leg = broke.call(CALLEE)
    slow.asked[0][1].callback("")
    assert leg.released.reason == "insufficient_balance"
    node.check_idle()
    broke.check_idle()


@pytest.mark.parametrize(("url", "questions"), [("http://h/{number}", 1), ("http://h/{number}?by={caller}", 2)])
def test_an_answer_that_depends_on_the_caller_is_kept_for_that_caller_alone(url, questions):
    node, slow = waiting({"source": "http", "url": url})
    node.calls.dips.queries = {"http": slow}
    node.call(CALLEE, caller="1000").gives_up()  # not answered, not kept
    node.call(CALLEE, caller="1000")
    slow.asked[1][1].callback(LRN)
    node.call(CALLEE, caller="2000")
    node.call(CALLEE, caller="1000")
    assert len(slow.asked) == 1 + questions
    node.calls.stop_all()


def test_a_leg_that_breaks_when_it_is_refused_costs_no_other_call_its_end_or_record():
    node, _ = waiting()
    node.calls.log = Logger(observer=lambda event: None)
    legs = [node.call(CALLEE), node.call("14155550002")]
    legs[0].send = lambda signal: 1 / 0
    done = node.calls.stop_all()
    assert done.called
    assert legs[1].released.reason == "switch_restart"
    assert len(node.cdrs) == 2
    assert node.limits.view() == {}


@pytest.mark.parametrize("end", ["gives up", "stop", "refused", "answered"])
def test_calls_that_wait_count_among_the_calls_at_once(end):
    limit = {"SS_BLACK_LIST_CALLER_CONCURRENT_LIMIT": "2", "SS_BLACK_LIST_CALLER_CONCURRENT_EXPIRE": "1"}
    node, slow = waiting({"on_failure": "refuse"}, parameters=limit)
    node.decider._means = node.decider._means._replace(guard=node.board.guard)
    first, second = node.call(CALLEE), node.call("14155550002")
    assert (second.released.reason, node.board.guard.lists.running) == ("blacklisted", {"1000": 1})
    if end == "gives up":
        first.gives_up()
    elif end == "stop":
        node.calls.stop_all()
    else:
        slow.asked[0][1].callback(None if end == "refused" else "")
        assert node.board.guard.lists.running == ({} if end == "refused" else {"1000": 1})
        first.gives_up()
    assert node.board.guard.lists.running == {}
    node.check_idle()
