"""Fraud rules on calls: what is refused, warned of, cut, and how running calls count."""

from itertools import pairwise

import pytest
from call_world import CUSTOMER, PREPAID, World, account, by_name, fraud_rule, mapping

from vosswitch.call.deciding.explain import explain
from vosswitch.call.fraud import patrol
from vosswitch.model.values import UNITS


def world(*rules, **config):
    made = World(fraud_rules=by_name(*rules), **config)
    made.events = []
    made.locked = []
    made.board.guard.told = made.events.append
    made.board.guard.lock = made.locked.append
    return made


def refusal(leg):
    return leg.released and leg.released.reason


def called(made, callee="4312345", **more):
    """The end reason of a new call that is refused at once; None = it is being set up."""
    return refusal(made.call(callee, **more))


def warned(made):
    return [(event.level, event.measure, event.text) for event in made.events]


class TestRefusals:
    def test_the_call_behind_the_level_is_refused_and_says_why(self):
        made = world(fraud_rule("x", calls_per_minute={"block": 2}))
        assert [called(made) for _ in range(3)] == [None, None, "fraud_blocked"]
        assert dict(made.cdr.decision["notes"])["fraud"] == ("fraud_blocked: rule x: account c: 3 of 2 calls a minute")
        assert made.cdr.end_reason == "fraud_blocked"
        assert warned(made) == [("block", "calls_per_minute", "3 of 2 calls a minute")]

    def test_the_block_lasts_and_refused_calls_prolong_nothing(self):
        made = world(fraud_rule("x", calls_per_minute={"block": 1}, block_for=100))
        assert [called(made) for _ in range(2)] == [None, "fraud_blocked"]
        for _ in range(9):
            made.clock.advance(11)
            assert called(made) == "fraud_blocked"
        made.clock.advance(1.1)
        assert called(made) is None
        assert len(made.events) == 1

    def test_what_a_block_holds_off(self):
        for what, other in (("destination", None), ("account", "fraud_blocked"), ("call", None)):
            made = world(fraud_rule("x", prefixes=["431", "432"], concurrent={"block": 0}, block_what=what))
            assert called(made, "4312345") == "fraud_blocked"
            assert called(made, "4366666") == other
            assert called(made, "4366666", source=PREPAID) is None

    def test_a_throttle_lets_calls_pass_as_the_minute_goes_on(self):
        made = world(fraud_rule("x", calls_per_minute={"block": 2}, block_what="call"))
        assert [called(made) for _ in range(4)] == [None, None, "fraud_blocked", "fraud_blocked"]
        assert len(made.events) == 1
        made.clock.advance(61)
        assert [called(made) for _ in range(3)] == [None, None, "fraud_blocked"]

    def test_accounts_and_destinations_count_by_themselves(self):
        made = world(fraud_rule("x", accounts=["c"], prefixes=["431", "432"], calls_per_minute={"block": 1}))
        assert [called(made, number) for number in ("4311", "4321", "4312", "4399")] == [
            None, None, "fraud_blocked", None,
        ]  # fmt: skip
        assert [called(made, "4311", source=PREPAID) for _ in range(3)] == [None] * 3

    def test_calls_at_once_are_those_that_are_up(self):
        made = world(fraud_rule("x", concurrent={"block": 1}, block_what="call"))
        caller = made.call()
        assert called(made) == "fraud_blocked"
        caller.gives_up()
        _, callee = made.talk()
        assert called(made) == "fraud_blocked"
        callee.hangs_up()
        assert called(made) is None

    def test_a_sequence_of_alike_numbers(self):
        made = world(fraud_rule("x", sequential={"block": 2}, sequential_digits=4, window=60, block_what="call"))
        numbers = ("43121", "43122", "43123", "43991", "43121", "43122", "43129")
        assert [called(made, number) for number in numbers] == [
            None, None, "fraud_blocked", None, None, None, "fraud_blocked",
        ]  # fmt: skip
        made.clock.advance(61)
        assert called(made, "43129") is None

    def test_numbers_of_a_group_at_the_times_of_a_calendar(self):
        entries = [{"start": "08:00", "end": "09:00"}]  # it is 07:33:20
        made = world(
            fraud_rule("x", number_group="g", concurrent={"block": 0}, calendar="w", block_what="call"),
            number_groups={"g": {"name": "g", "numbers": ["4312*"], "table": "", "emergency": False}},
            calendars={
                "w": {"name": "w", "time_zone": "UTC", "destination_time": False, "default": "none", "entries": entries}
            },
        )
        assert called(made) is None
        made.wall += 3_600_000
        assert called(made) == "fraud_blocked"
        assert called(made, "4366") is None

    def test_emergency_calls_are_neither_counted_nor_refused(self):
        made = world(
            fraud_rule("x", concurrent={"block": 0}, block_what="account"),
            number_groups={"e": {"name": "e", "numbers": ["43112"], "table": "", "emergency": True}},
        )
        assert called(made) == "fraud_blocked"
        assert called(made, "43112") is None


class TestWarnings:
    def test_behind_the_level_once_a_minute(self):
        made = world(fraud_rule("x", calls_per_minute={"warn": 1}))
        for _ in range(5):
            made.call()
        assert warned(made) == [("warn", "calls_per_minute", "2 of 1 calls a minute")]
        made.clock.advance(61)
        made.call()
        made.call()
        assert len(made.events) == 2
        assert made.board.guard.warned == 2

    def test_calls_at_once(self):
        made = world(fraud_rule("x", concurrent={"warn": 1}))
        made.call()
        assert made.events == []
        made.call()
        assert warned(made) == [("warn", "concurrent", "2 of 1 calls at once")]


class TestTalk:
    def test_minutes_count_while_the_call_is_up(self):
        made = world(fraud_rule("x", prefixes=["43"], minutes={"warn": 1, "block": 2}))
        caller, callee = made.talk()
        made.clock.pump([1.0] * 59)
        assert (made.events, called(made)) == ([], None)
        made.out.fails(486)
        made.clock.pump([1.0] * 3)
        assert warned(made)[0][:2] == ("warn", "minutes")
        made.clock.pump([1.0] * 60)
        assert called(made) == "fraud_blocked"
        assert "2 of 2 minutes within 3600 s" in dict(made.cdrs[-1].decision["notes"])["fraud"]
        assert not caller.gone
        callee.hangs_up()

    def test_a_call_is_cut_by_money_and_billed_to_that_moment(self):
        made = world(fraud_rule("x", money_per_hour={"block": 2_000_000}, cut=True))  # 0.6 a minute: after 20 s
        caller, callee = made.talk()
        made.clock.pump([1.0] * 19)
        assert caller.released is None
        made.clock.pump([0.5] * 5)
        assert (refusal(caller), callee.released.reason) == ("fraud_blocked", "fraud_blocked")
        assert made.cdr.end_reason == "fraud_blocked"
        assert made.cdr.fee == -(-made.cdr.hold_time_ms // 1000) * UNITS // 100
        assert 20_000 <= made.cdr.hold_time_ms <= 22_000
        assert [charge.amount for charge in made.cdr.charges if charge.account == "c"] == [made.cdr.fee]
        assert called(made) == "fraud_blocked"
        made.check_idle()

    def test_all_calls_of_the_account_are_cut_but_those_of_others(self):
        made = world(
            fraud_rule("x", prefixes=["4312"], minutes={"block": 1}, cut=True, block_what="account", lock_account=True)
        )
        calls = [made.talk()[0], made.talk(callee="4366")[0]]
        other = made.talk(callee="4366", source=PREPAID)[0]
        made.clock.pump([1.0] * 62)
        assert [refusal(leg) for leg in calls] == ["fraud_blocked"] * 2
        assert not other.gone
        assert made.locked == ["c"]

    def test_the_last_seconds_and_calls_between_two_rounds_count_as_billed(self):
        made = world(fraud_rule("x", minutes={"block": 60}, money_per_hour={"warn": 10**12}))
        for _ in range(3):
            _, callee = made.talk()
            made.clock.advance(0.4)
            callee.hangs_up()
        (counter,) = made.board.guard.counters.all()
        now = made.clock.seconds()
        assert counter.value("minutes", now) == sum(cdr.hold_time_ms for cdr in made.cdrs) == 1200
        assert counter.value("money_per_hour", now) == sum(cdr.fee for cdr in made.cdrs)

    def test_many_calls_are_looked_at_and_cut_some_at_a_time(self, monkeypatch):
        monkeypatch.setattr(patrol, "SLICE", 4)
        monkeypatch.setattr(patrol, "CUTS", 2)
        made = world(fraud_rule("x", minutes={"block": 10}, cut=True))
        legs = [made.talk()[0] for _ in range(11)]
        ended = []
        for _ in range(20_000):
            made.clock.advance(0.005)
            ended.append(sum(leg.gone for leg in legs))
            if ended[-1] == 11:
                break
        assert ended[-1] == 11
        assert max(after - before for before, after in pairwise(ended)) <= 2
        made.check_idle()

    def test_what_an_answer_that_is_none_has_counted_is_taken_back(self):
        made = world(fraud_rule("x", minutes={"block": 60}))
        caller, callee = made.talk()
        made.clock.pump([1.0] * 5)
        (counter,) = made.board.guard.counters.all()
        assert counter.value("minutes", made.clock.seconds()) >= 4000
        caller.status = 180  # as if the 200 had not gone out
        callee.hangs_up()
        held = made.cdr.hold_time_ms if made.cdr.answer is not None else 0
        assert counter.value("minutes", made.clock.seconds()) == held


class TestChanges:
    def test_a_rule_that_goes_while_its_calls_are_up_leaves_nothing_behind(self):
        made = world(fraud_rule("x", concurrent={"block": 9}, minutes={"block": 1}))
        _, callee = made.talk()
        made.tell(fraud_rules={"x": None})
        assert called(made) is None
        made.out.fails(486)
        made.clock.pump([1.0] * 3)
        callee.hangs_up()
        made.check_idle()

    def test_a_rule_that_changes_goes_on_with_what_was_counted(self):
        made = world(fraud_rule("x", calls_per_minute={"block": 5}))
        made.call()
        made.call()
        made.tell(fraud_rules={"x": fraud_rule("x", calls_per_minute={"block": 2})})
        assert called(made) == "fraud_blocked"

    def test_release_lifts_the_block_and_begins_anew(self):
        made = world(fraud_rule("x", calls_per_minute={"block": 1}))
        assert [called(made) for _ in range(2)] == [None, "fraud_blocked"]
        assert made.board.guard.release_fraud("y", "c") == []
        assert [block.rule for block in made.board.guard.release_fraud("x", "c")] == ["x"]
        assert [called(made) for _ in range(2)] == [None, "fraud_blocked"]


class TestExplained:
    def test_each_measure_is_told_and_nothing_is_counted(self):
        made = world(
            fraud_rule("x", prefixes=["43"], calls_per_minute={"block": 1}, money_per_hour={"warn": 50_000_000})
        )
        question = {"caller": "1000", "callee": "4312345", "mapping_gateway": "m"}
        for _ in range(3):
            told = explain(made.decider, made.snapshot, question, made.now())
            assert told["outcome"] == "route"
            assert "fraud: rule x: account c to 43: 1 of 1 calls a minute" in told["steps"]
            assert "fraud: rule x: account c to 43: 0 of 5 within an hour" in told["steps"]
        made.call()
        told = explain(made.decider, made.snapshot, question, made.now())
        assert told["outcome"] == "fraud_blocked"
        assert "fraud: fraud_blocked: rule x: account c to 43: 2 of 1 calls a minute" in told["steps"]
        assert made.events == []


def test_without_rules_nothing_is_watched():
    made = World()
    decision = made.decide()
    assert decision.watched is None


@pytest.mark.parametrize("kept", [0, 1])
def test_the_money_of_a_reserved_call_is_never_more_than_it_has(kept):
    made = world(fraud_rule("x", money_per_hour={"block": 10**9}), money={"c": 0, "p": UNITS // 10, "v": 0})
    caller, _ = made.talk(source=PREPAID)
    made.clock.pump([1.0] * (8 + kept * 10))
    (counter,) = made.board.guard.counters.all()
    assert counter.value("money_per_hour", made.clock.seconds()) <= UNITS // 10
    if kept:
        assert refusal(caller) == "balance_exhausted"
        assert counter.value("money_per_hour", made.clock.seconds()) == made.cdr.fee


def test_an_account_with_rules_of_its_own():
    made = world(
        fraud_rule("x", accounts=["p"], concurrent={"block": 0}, block_what="call"),
        accounts=by_name(account("c"), account("p"), account("v", kind="clearing", rate_group="wholesale")),
        mapping_gateways=by_name(mapping("m"), mapping("mp", account="p", addresses=[PREPAID.host])),
    )
    assert (called(made, source=CUSTOMER), called(made, source=PREPAID)) == (None, "fraud_blocked")
