"""The decision that a call's record keeps: which calls, how large, and read back."""

import random

import orjson
import pytest

from tests.unit.call.call_world import CUSTOMER, World, by_name, mapping, routing
from vosswitch.call.deciding.keeping import MOST_NOTES, kept, told


def stored(record):
    return orjson.loads(orjson.dumps(record))


def test_the_record_of_a_call_is_read_back():
    world = World()
    caller, _ = world.talk()
    caller.hangs_up()
    record = told(stored(world.cdr.decision))
    assert record["rate"] == {"group": "retail", "prefix": "43", "per_minute": "0.6", "mode": "increment"}
    assert [(row["gateway"], row["kept"]) for row in record["plan"]["gateways"]] == [("r1", True), ("r2", True)]
    assert record["seq"] == world.snapshot.seq


def refused(world):
    world.call(callee="99")


def unanswered(world):
    world.call()
    for _ in range(2):
        world.out.fails()


def answered(world):
    caller, _ = world.talk()
    caller.hangs_up()


@pytest.mark.parametrize(
    ("which", "recorded"),
    [("all", {refused, unanswered, answered}), ("failed", {refused, unanswered}), ("none", set())],
)
@pytest.mark.parametrize("what", [refused, unanswered, answered])
def test_the_parameter_says_which_calls_keep_it(which, recorded, what):
    world = World(parameters={"VS_DECISION_RECORD": which})
    what(world)
    assert (world.cdr.decision is not None) is (what in recorded)


def test_a_transfer_is_kept_whatever_the_parameter_says():
    world = World(parameters={"VS_DECISION_RECORD": "none"})
    decision = world.decide()
    decision.transfer = {"to": "7"}
    assert kept(decision, failed=True) == {"transfer": {"to": "7"}}


def test_strangers_are_counted_without_a_record():
    world = World(
        parameters={"VS_DECISION_RECORD": "none"},
        mapping_gateways=by_name(mapping("m", tech_prefix="88", addresses=[CUSTOMER.host])),
    )
    world.call(callee="43")
    assert world.cdr.decision == {"count": 1}


def test_steps_are_bounded():
    """A peer that redirects for ever, or with endless texts, makes no large record."""
    decision = World().decide()
    for n in range(1000):
        decision.note("r1", f"redirected to {n} {'x' * 5000}")
    record = kept(decision, failed=False)
    assert len(record["notes"]) == MOST_NOTES
    assert ("...", "985 more") in record["notes"]
    assert len(orjson.dumps(record)) < 4000


def test_what_a_former_version_wrote_is_left_alone():
    plan = {"strategies": ["prefix"], "missing": [], "gateways": [{"gateway": "r1", "kept": True}]}
    record = {"seq": 1, "notes": [], "rate": {"group": "g"}, "plan": plan}
    assert told(record) == record
    assert told({"left_out": "too long"}) == {"left_out": "too long"}
    assert told(None) is None


def busy_world(source):
    """Vendors as a carrier has them: 20 take the number, 15 more are locked or full."""
    gateways = [
        routing(
            f"vendor-{n:03}-premium",
            prefixes=[source.choice(["43", "4366", "43664"])],
            priority=source.randrange(5),
            weight=source.randrange(1, 10),
            lines=source.choice([None, 30, 100]),
            locked=n >= 20,
        )
        for n in range(35)
    ]
    return World(
        routing_gateways=by_name(*gateways),
        mapping_gateways=by_name(mapping("m", routing_strategies=["lowest_rate"])),
        parameters={"SS_GATEWAY_SWITCH_LIMIT": "None"},
    )


def test_a_record_with_20_candidates_takes_at_most_1_kb_on_average():
    source = random.Random(4)
    sizes = []
    for _ in range(60):
        world = busy_world(source)
        for gateway in world.snapshot.gateways.gateways:
            for _ in range(source.randrange(40)):
                world.tallies.attempted(gateway)
        world.call(callee="4366412345678")
        for _ in range(source.choice([0, 0, 0, 1, 2])):
            world.out.fails(503)
        world.out.answers()
        world.out.hangs_up()
        record = world.cdr.decision
        assert len(record["plan"]["g"]) == 10
        assert record["plan"]["t"] == 20
        sizes.append(len(orjson.dumps(record)))
    assert sum(sizes) / len(sizes) <= 1024
