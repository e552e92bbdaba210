"""What `limits` shows of the lines in use."""

from tests.unit.call.call_world import World, by_name, mapping, routing
from vosswitch.accounts.portions import portion_of
from vosswitch.app.load import load


def rows(world, kind):
    return {
        (row["name"], row["whose"]): (row["calls"], row["lines"], row["reserved"])
        for row in load(world.snapshot, world.limits)
        if row["kind"] == kind
    }


def test_lines_in_use_of_everything():
    usual = {"cps": None, "accounts": [], "mapping_gateways": [], "routing_gateways": []}
    world = World(
        parameters={"SS_MAX_CONCURRENT_CALLS": "9"},
        gateway_groups={"g": {"name": "g", "lines": 3, "cps": None, "reserved": 1}},
        mapping_gateways=by_name(mapping("m", groups=["g"])),
        routing_gateways=by_name(routing("r1", groups=["g"]), routing("r2", lines=7, priority=1)),
        destination_limits={
            "d": usual | {"name": "d", "prefixes": ["43"], "lines": 5, "scope": "account"},
            "s": usual | {"name": "s", "prefixes": ["44"], "lines": 2, "scope": "system"},
        },
    )
    leg, _ = world.talk()
    assert rows(world, "system") == {("", None): (1, 9, None)}
    assert rows(world, "account") == {("c", None): (1, None, None)}
    assert rows(world, "mapping") == {("m", None): (1, None, None)}
    assert rows(world, "routing") == {("r1", None): (1, None, None), ("r2", None): (0, 7, None)}
    assert rows(world, "routing_group") == rows(world, "mapping_group") == {("g", None): (1, 3, 1)}
    assert rows(world, "destination") == {("s", None): (0, 2, None), ("d", "c"): (1, 5, None)}
    assert not rows(world, "emergency")
    leg.hangs_up()
    assert rows(world, "account") == {}


def test_the_part_of_this_node_stands_beside_the_whole():
    world = World(
        parameters={"SS_MAX_CONCURRENT_CALLS": "9"},
        gateway_groups={"g": {"name": "g", "lines": 3, "cps": 1, "reserved": 1}},
        routing_gateways=by_name(routing("r1", groups=["g"]), routing("r2", lines=7)),
    )
    world.limits.portion = portion_of(5, [4, 5])
    parts = {
        (row["kind"], row["name"]): (row["lines"], row["lines_here"], row["cps"], row["cps_here"])
        for row in load(world.snapshot, world.limits)
    }
    assert parts["system", ""][:2] == (9, 9)
    assert parts["routing", "r2"] == (7, 3, None, None)
    assert parts["routing_group", "g"] == parts["mapping_group", "g"] == (3, 1, 1, 0)
    world.limits.portion = None
    assert all(row["lines"] == row["lines_here"] for row in load(world.snapshot, world.limits))


def test_an_account_that_is_gone_while_its_call_is_up_is_shown():
    world = World()
    world.talk()
    world.tell(accounts={"c": None})
    assert rows(world, "account") == {("c", None): (1, None, None)}
