"""Dynamic blacklists on calls: who gets on them, for how long, and who is exempt."""

import pytest
from call_world import World, by_name, mapping, phone

from vosswitch.call.deciding.explain import explain
from vosswitch.model.causes import cause
from vosswitch.model.signals import Release

CALLER = "SS_BLACK_LIST_CALLER_MALICIOUS_CALL_"
AT_ONCE = "SS_BLACK_LIST_CALLER_CONCURRENT_"
CALLEE = "SS_BLACK_LIST_NO_ANSWER_"


def world(limit=None, **config):
    parameters = {CALLER + "LIMIT": "3", CALLER + "CHECK_INTERVAL": "60", CALLER + "EXPIRE": "600"}
    return World(parameters=limit or parameters, **config)


def called(made, callee="4312345", **more):
    """The end reason of a call that is refused at once; one that is set up is given up."""
    caller = made.call(callee, **more)
    if caller.released is not None:
        return caller.released.reason
    caller.gives_up()
    return None


class TestMaliciousCaller:
    def test_the_call_that_reaches_the_limit_is_refused_and_those_behind_it(self):
        made = world()
        assert [called(made) for _ in range(5)] == [None, None, *["blacklisted"] * 3]
        first, last = [dict(cdr.decision["notes"])["dynamic"] for cdr in (made.cdrs[2], made.cdrs[-1])]
        assert first == "blacklisted: malicious_caller: caller 1000: 3 calls within 60 s"
        assert last == ("blacklisted: malicious_caller: caller 1000 is on the list: 3 calls within 60 s, 600 s left")
        assert called(made, caller="1001") is None
        (block,) = made.board.guard.blocks.of("caller", made.clock.seconds())
        assert (block.key, block.kind, block.hits) == (("1000",), "malicious_caller", 2)

    def test_calls_farther_apart_are_none_of_its_business(self):
        made = world()
        for _ in range(10):
            assert called(made) is None
            made.clock.advance(33)

    def test_refused_calls_do_not_prolong_the_block(self):
        made = world()
        assert [called(made) for _ in range(3)][-1] == "blacklisted"
        for _ in range(59):
            made.clock.advance(10)
            assert called(made) == "blacklisted"
        made.clock.advance(10.5)
        assert [called(made) for _ in range(3)] == [None, None, "blacklisted"]

    def test_a_gateway_can_be_exempt(self):
        made = world(mapping_gateways=by_name(mapping("m", dynamic_lists=False)))
        assert [called(made) for _ in range(5)] == [None] * 5
        assert not made.board.guard.blocks

    def test_phones_are_not(self):
        made = world(phones=by_name(phone("1001")))
        assert [called(made, user="1001", caller="1001") for _ in range(3)][-1] == "blacklisted"

    def test_calls_that_are_refused_for_something_else_count(self):
        made = world()
        assert [called(made, "99") for _ in range(3)] == ["no_rate", "no_rate", "blacklisted"]

    def test_emergency_calls_pass_and_do_not_count(self):
        made = world(number_groups={"e": {"name": "e", "numbers": ["43112"], "table": "", "emergency": True}})
        assert [called(made, "43112") for _ in range(5)] == [None] * 5
        assert [called(made) for _ in range(3)] == [None, None, "blacklisted"]
        assert called(made, "43112") is None

    def test_without_a_block_time_only_the_calls_beyond_the_limit_are_refused(self):
        made = world({CALLER + "LIMIT": "2", CALLER + "EXPIRE": "0"})
        assert [called(made) for _ in range(4)] == [None, "blacklisted", None, "blacklisted"]


class TestConcurrentCaller:
    def test_the_call_that_would_be_too_many_at_once(self):
        made = world({AT_ONCE + "LIMIT": "3", AT_ONCE + "EXPIRE": "60"})
        up = [made.call() for _ in range(2)]
        assert called(made, caller="1001") is None
        assert called(made) == "blacklisted"
        assert [leg.released for leg in up] == [None, None]
        for leg in up:
            leg.gives_up()
        assert called(made) == "blacklisted"
        made.clock.advance(61)
        assert called(made) is None
        made.check_idle()

    def test_a_limit_that_comes_while_calls_are_up_begins_with_the_next_calls(self):
        made = world({AT_ONCE + "LIMIT": "0"})
        old = made.call()
        made.tell(parameters={AT_ONCE + "LIMIT": "2"})
        new = made.call()
        assert called(made) == "blacklisted"
        made.tell(parameters={AT_ONCE + "LIMIT": "0"})
        old.gives_up()
        new.gives_up()
        made.check_idle()


class TestUnansweredCallee:
    def fails(self, made, how):
        caller = made.call()
        assert caller.released is None
        how(made, caller)

    @pytest.mark.parametrize("status", [486, 480, 603])
    def test_calls_that_reach_it_and_are_not_answered(self, status):
        made = world({CALLEE + "LIMIT": "2"})
        for _ in range(2):
            caller = made.call()
            made.out.rings()
            made.out.fails(status)
        assert caller.released is not None
        assert called(made) == "blacklisted"
        assert "unanswered_callee: callee 4312345 is on the list" in dict(made.cdrs[-1].decision["notes"])["dynamic"]
        assert called(made, "4312346") is None

    def test_who_gives_up_while_it_rings(self):
        made = world({CALLEE + "LIMIT": "2"})
        for rings in (True, False, True):
            caller = made.call()
            assert caller.released is None
            if rings:
                made.out.rings()
            caller.gives_up()
        assert called(made) == "blacklisted"

    def test_failures_of_the_network_do_not_count(self):
        made = world({CALLEE + "LIMIT": "1"})
        for status in (503, 404, 500):
            made.call()
            while made.out.listener is not None and not made.out.gone:
                made.out.fails(status)
        assert called(made) is None

    def test_an_answer_begins_the_count_anew(self):
        made = world({CALLEE + "LIMIT": "2"})
        for _ in range(3):
            made.call()
            made.out.fails(486)
            _, callee = made.talk()
            callee.hangs_up()
        assert called(made) is None


class TestOperators:
    def test_a_number_that_is_blocked_by_hand_although_all_lists_are_off(self):
        made = World()
        guard = made.board.guard
        guard.blocks.hold("callee", ("4312345",), "operator", "fax", 60, 0.0)
        assert called(made) == "blacklisted"
        assert "operator: callee 4312345 is on the list: fax, 60 s left" in str(made.cdr.decision["notes"])
        assert guard.release("callee", ("4312345",)).hits == 1
        assert called(made) is None
        assert guard.release("callee", ("4312345",)) is None

    def test_who_is_released_begins_anew(self):
        made = world()
        assert [called(made) for _ in range(3)][-1] == "blacklisted"
        made.board.guard.release("caller", ("1000",))
        assert [called(made) for _ in range(3)] == [None, None, "blacklisted"]

    def test_an_explanation_counts_for_nothing(self):
        made = world()
        question = {"caller": "1000", "callee": "4312345", "mapping_gateway": "m"}
        told = [explain(made.decider, made.snapshot, question, made.now())["outcome"] for _ in range(4)]
        assert told == ["route"] * 4
        assert [called(made) for _ in range(2)] == [None, None]
        told = explain(made.decider, made.snapshot, question, made.now())
        assert told["outcome"] == "blacklisted"
        assert "dynamic: blacklisted: malicious_caller: caller 1000: 3 calls within 60 s" in told["steps"]
        assert not made.board.guard.blocks


def test_a_step_of_the_wall_clock_ends_no_block():
    made = world()
    assert [called(made) for _ in range(3)][-1] == "blacklisted"
    made.wall += 7_200_000
    assert called(made) == "blacklisted"


def test_a_call_that_breaks_is_counted_out():
    made = world({AT_ONCE + "LIMIT": "9"})
    caller = made.call()
    made.running().stop(cause("degraded"))
    assert isinstance(caller.told[-1], Release)
    made.check_idle()


@pytest.mark.parametrize("nobody", ["", "anonymous", "Unknown"])
def test_callers_who_show_no_number_are_not_taken_for_one(nobody):
    made = world(
        {CALLER + "LIMIT": "3", CALLER + "CHECK_INTERVAL": "60", AT_ONCE + "LIMIT": "3", AT_ONCE + "EXPIRE": "60"}
    )
    assert [made.call(caller=nobody).released for _ in range(5)] == [None] * 5
    made.board.guard.blocks.hold("caller", (nobody,), "operator", "enough", 60, made.clock.seconds())
    assert made.call(caller=nobody).released.reason == "blacklisted"
    made.calls.stop_all()
    assert made.board.guard.lists.running == {}
