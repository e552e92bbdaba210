"""Counts of dynamic lists and fraud rules against naive ones, whatever calls do; bounded tables; what is kept."""

from __future__ import annotations

import orjson
from call_world import World, by_name, fraud_rule
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from vosswitch.call.fraud.blocks import MOST, Blocks
from vosswitch.call.fraud.files import BlockFile
from vosswitch.call.fraud.rolling import Recent, Rolling

steps = st.lists(st.tuples(st.floats(0, 30), st.integers(-5, 50)), max_size=60)


@given(steps, st.integers(1, 100), st.integers(1, 20))
def test_a_rolling_sum_is_that_of_the_segments_that_count(events, seconds, segments):
    rolling, now, known, length = Rolling(seconds, segments), 0.0, [], seconds / segments
    for ahead, amount in events:
        now += ahead
        rolling.add(now, amount)
        known.append((int(now // length), amount))
        first = int(now // length) - segments
        assert rolling.total(now) == sum(amount for segment, amount in known if segment > first)
    assert rolling.total(now + seconds + length) == 0


@given(st.lists(st.integers(0, 400), max_size=400), st.integers(1, 40))
def test_random_numbers_take_bounded_room_and_nobody_is_counted_too_often(numbers, most):
    recent, seen = Recent(60, most=most), {}
    for at, number in enumerate(numbers):
        seen[number] = seen.get(number, 0) + 1
        assert recent.add(str(number), at / 100) <= seen[number]
        assert len(recent) <= most


def test_one_that_comes_again_and_again_is_not_pushed_out():
    recent = Recent(60, most=100)
    for at in range(20_000):
        recent.add(f"random{at}", at / 1000)
        if at % 50 == 0:
            recent.add("offender", at / 1000)
    assert recent.count("offender", 19.999) == 400
    assert len(recent) == 100


def test_blocks_are_bounded_and_operators_ones_stay():
    blocks = Blocks(lambda: 1_000)
    blocks.hold("caller", ("mine",), "operator", "", 60, 0.0)
    for number in range(MOST + 500):
        blocks.hold("caller", (str(number),), "malicious_caller", "", 60, 0.0)
    assert len(blocks) == MOST
    assert blocks.held("caller", ("mine",), 1.0) is not None
    assert blocks.held("caller", ("0",), 1.0) is None
    assert blocks.held("caller", (str(MOST + 499),), 61.0) is None


def test_blocks_come_back_with_what_is_left_of_their_time(tmp_path):
    file, wall = BlockFile(str(tmp_path)), [1_000_000]
    blocks = Blocks(lambda: wall[0])
    rows = []
    blocks.changed = rows.append
    blocks.hold("caller", ("1",), "malicious_caller", "so", 60, 0.0)
    blocks.hold("callee", ("2",), "operator", "", 600, 0.0)
    blocks.hold("destination", ("x", "c", "43"), "fraud", "9 of 8", 600, 0.0, "x")
    blocks.hold("account", ("c",), "fraud", "9 of 8", 600, 0.0, "x")
    blocks.release("callee", ("2",))
    file.append(rows)
    with file.path.open("ab") as torn:
        torn.write(b'{"of":"caller","key":["3"]')
    wall[0] += 100_000
    found, problem = file.load()
    again = Blocks(lambda: wall[0])
    for row in found:
        again.restore(row, 5.0)
    assert problem == ""
    assert [block.key for of in ("caller", "callee", "account", "destination") for block in again.of(of, 5.0)] == [
        ("c",), ("x", "c", "43"),
    ]  # fmt: skip
    assert again.held("account", ("c",), 504.0) is not None
    assert again.held("account", ("c",), 505.1) is None
    file.replace(again.all())
    assert len(file.load()[0]) == len(again)


json = st.recursive(st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5), st.lists)
words = st.sampled_from(["of", "key", "kind", "why", "rule", "since", "until"])
rows = st.dictionaries(words, json | st.sampled_from(["caller", "account", "destination", ["1"], ["a", "b", "c"]]))


@settings(max_examples=50)
@given(st.lists(rows), st.binary(max_size=40))
def test_whatever_stands_in_the_file_the_start_goes_on(tmp_path_factory, found, garbage):
    file = BlockFile(str(tmp_path_factory.mktemp("spool")))
    lines = [orjson.dumps(row) for row in found]
    file.path.write_bytes(b"\n".join([*lines, garbage, b""]))
    blocks = Blocks(lambda: 1_000)
    for row in file.load()[0]:
        blocks.restore(row, 0.0)
    assert len(blocks) <= len(lines)


class Calls(RuleBasedStateMachine):
    """Calls that begin, ring, fail, are answered and end, by three callers to three destinations."""

    def __init__(self):
        super().__init__()
        self.world = World(
            parameters={
                "SS_BLACK_LIST_CALLER_CONCURRENT_LIMIT": "1000", "SS_BLACK_LIST_CALLER_MALICIOUS_CALL_LIMIT": "100000",
                "SS_BLACK_LIST_NO_ANSWER_LIMIT": "100000",
            },
            fraud_rules=by_name(
                fraud_rule("all", concurrent={"block": 10**6}, minutes={"block": 10**6}),
                fraud_rule("some", prefixes=["431", "4312"], money_per_hour={"block": 10**15}),
            ),
        )  # fmt: skip
        self.up = []

    @rule(caller=st.sampled_from(["1", "2", "3"]), callee=st.sampled_from(["4311", "43121", "4399"]))
    def begins(self, caller, callee):
        leg = self.world.call(callee, caller=caller)
        assert leg.released is None
        self.up.append([leg, self.world.out, caller, callee, False])

    def _one(self, data):
        return data.draw(st.sampled_from(self.up))

    @precondition(lambda self: self.up)
    @rule(data=st.data())
    def answered(self, data):
        one = self._one(data)
        if not one[4]:
            one[1].answers()
            one[4] = True

    @precondition(lambda self: self.up)
    @rule(data=st.data(), how=st.sampled_from(["hangs_up", "gives_up", "fails", "broken"]))
    def ends(self, data, how):
        one = self._one(data)
        leg, out, *_, answered = one
        if how == "broken":
            self.world.media.ports = 0
        if answered:
            (out if how == "fails" else leg).hangs_up()
        elif how == "fails":
            out.fails(486)
        else:
            leg.gives_up()
        self.world.media.ports = 1000
        self.up.remove(one)

    @rule(seconds=st.sampled_from([0.3, 1.0, 7.5]))
    def time_goes_on(self, seconds):
        self.world.clock.pump([0.25] * int(seconds / 0.25))
        self.up = [one for one in self.up if not one[0].gone]

    @rule(there=st.booleans())
    def a_rule_comes_and_goes(self, there):
        changed = fraud_rule("some", prefixes=["431", "4312"], money_per_hour={"block": 10**15 + there})
        self.world.tell(fraud_rules={"some": changed})

    @invariant()
    def callers_are_counted(self):
        running = {}
        for _, _, caller, *_ in self.up:
            running[caller] = running.get(caller, 0) + 1
        assert self.world.board.guard.lists.running == running

    @invariant()
    def calls_at_once_are_counted(self):
        for counter in self.world.board.guard.counters.all():
            name, _, destination = counter.key
            known = ("431", "4312") if name == "some" else ("",)
            fits = [
                callee for *_, callee, _ in self.up
                if max([one for one in known if callee.startswith(one)], default=None) == destination
            ]  # fmt: skip
            assert counter.running == len(fits)

    @invariant()
    def talk_is_what_was_billed_once_all_is_over(self):
        if not self.up and not self.world.calls.calls:
            for counter in self.world.board.guard.counters.all():
                if counter.key[0] == "all" and self.world.clock.seconds() < 3000:
                    assert counter.talk.total(self.world.clock.seconds()) == sum(
                        cdr.hold_time_ms for cdr in self.world.cdrs
                    )
            assert len(self.world.calls.patrol) == 0


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
