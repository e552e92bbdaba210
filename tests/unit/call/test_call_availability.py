"""What calls say of gateways, and what that changes for the next calls."""

from __future__ import annotations

from tests.unit.call.call_world import World, routing
from vosswitch.call.deciding.keeping import told


def first_tried(world):
    """The address that a new call goes to first."""
    caller = world.call()
    host = world.out.placement.target.host
    caller.gives_up()
    return host


def test_two_calls_without_any_answer_put_a_gateway_aside_and_one_call_tries_it_again():
    world = World()
    for _ in range(2):
        caller = world.call()
        assert world.out.placement.target.host == "192.0.2.100"
        world.out.times_out()
        caller.gives_up()
    assert ("r1", "put aside: no answer to a call") in world.cdrs[-1].decision["notes"]
    assert first_tried(world) == "192.0.2.101"
    why = {row["gateway"]: row["why"] for row in told(world.cdrs[-1].decision)["plan"]["gateways"]}
    assert why["r1"].startswith("away: no answer to a call, 2 times in a row; tried again in")
    world.clock.advance(31)
    caller = world.call()
    assert world.out.placement.target.host == "192.0.2.100"
    trial = world.out
    assert first_tried(world) == "192.0.2.101"  # only one call is the trial
    trial.rings()
    assert first_tried(world) == "192.0.2.100"
    caller.gives_up()
    world.check_idle()


def test_any_answer_begins_the_count_anew():
    world = World()
    for _ in range(3):
        caller = world.call()
        world.out.times_out("response_timeout")
        caller.gives_up()
        caller = world.call()
        assert world.out.placement.target.host == "192.0.2.100"
        world.out.fails(404)
    assert len(world.board.availability) == 0


def test_the_last_way_is_never_put_aside():
    world = World(routing_gateways={"r1": routing("r1")})
    for _ in range(4):
        world.call()
        assert world.out.placement.target.host == "192.0.2.100"
        world.out.times_out()
    assert [cdr.end_reason for cdr in world.cdrs] == ["connection_timeout"] * 4
    world.check_idle()


def test_zero_back_off_leaves_everything_in():
    world = World(parameters={"VS_GATEWAY_BACK_OFF": "0"})
    for _ in range(4):
        caller = world.call()
        assert world.out.placement.target.host == "192.0.2.100"
        world.out.times_out()
        caller.gives_up()


def test_retry_after_is_heeded_as_long_as_the_gateway_may():
    gateways = {"r1": routing("r1", retry_after=60), "r2": routing("r2", priority=1, address="192.0.2.101")}
    world = World(routing_gateways=gateways)
    caller = world.call()
    world.out.retry_after = 3600
    world.out.fails(503)
    caller.gives_up()
    assert ("r1", "put aside for 60 s: its Retry-After") in world.cdr.decision["notes"]
    assert first_tried(world) == "192.0.2.101"
    world.clock.advance(61)
    assert first_tried(world) == "192.0.2.100"


def test_retry_after_of_a_gateway_that_has_no_right_to_it_changes_nothing():
    world = World()
    caller = world.call()
    world.out.retry_after = 3600
    world.out.fails(503)
    caller.gives_up()
    assert first_tried(world) == "192.0.2.100"


def test_the_standing_survives_a_change_of_the_configuration():
    world = World()
    for _ in range(2):
        caller = world.call()
        world.out.times_out()
        caller.gives_up()
    world.tell(routing_gateways={"r3": routing("r3", priority=5, address="192.0.2.103")})
    assert first_tried(world) == "192.0.2.101"
