"""Thresholds and lists of codes of a configuration, on calls that are over."""

from __future__ import annotations

from tests.unit.call.call_world import World, by_name, offer, routing
from tests.unit.call.test_call_quality import JUDGED
from tests.unit.simulation.test_replay import replayed

SECOND = routing("r2", priority=1, address="192.0.2.101")


def fail_over(world, times):
    """Calls that the first vendor refuses and the second one carries."""
    for _ in range(times):
        caller = world.call()
        world.out.fails(503)
        world.out.answers(offer(5000))
        world.clock.advance(10)
        caller.hangs_up()
        world.clock.advance(1)


def first_gateways(world):
    """Where each call would have gone first: the calls of the day that the simulation counts say it."""
    return [new.gateway for _, new in replayed(world)]


def test_thresholds_of_the_past_judge_again():
    world = World(routing_gateways=by_name(routing("r1", **JUDGED), SECOND))
    fail_over(world, 4)
    caller = world.call()
    world.out.answers(offer(5000))
    world.clock.advance(10)
    caller.hangs_up()
    assert [one.gateway for one in world.cdrs[-1].attempts] == ["r2"]
    for old, new in replayed(world):
        assert old == new


def test_a_draft_with_thresholds_leaves_a_bad_vendor_out():
    world = World(routing_gateways=by_name(routing("r1"), SECOND))
    fail_over(world, 4)
    for _ in range(2):  # the first vendor has become good; a draft that excludes it would not have seen that
        caller = world.call()
        world.out.answers(offer(5000))
        world.clock.advance(10)
        caller.hangs_up()
    assert first_gateways(world) == ["r2"] * 4 + ["r1"] * 2
    world.tell(routing_gateways=by_name(routing("r1", **JUDGED | {"quality_action": "exclude"})))
    assert first_gateways(world) == ["r2"] * 6
    world.tell(routing_gateways=by_name(routing("r1", **JUDGED | {"quality_attempts": 5})))
    assert first_gateways(world) == ["r2"] * 4 + ["r1", "r2"]


def test_codes_of_a_draft_stop_where_the_call_went_on():
    world = World(routing_gateways=by_name(routing("r1"), SECOND))
    fail_over(world, 1)
    world.tell(routing_gateways=by_name(routing("r1", stop_codes=[503])))
    ((old, new),) = replayed(world)
    assert (old.gateway, old.answered, new.gateway, new.answered) == ("r2", True, "r1", False)
