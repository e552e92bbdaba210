"""An explanation says what the call would meet, and a decision that breaks is a refusal with a record."""

from __future__ import annotations

import pytest
from twisted.logger import Logger

from tests.unit.call.call_world import PREPAID, World, by_name, mapping, routing
from vosswitch.accounts.limits import Limit
from vosswitch.call.deciding.explain import explain
from vosswitch.call.deciding.keeping import told


def explained(world, **question):
    asked = {"caller": "1000", "callee": "4312345", "mapping_gateway": "m"} | question
    return explain(world.decider, world.snapshot, asked, world.now())


FULL = by_name(routing("r1", lines=1), routing("r2", lines=1))
EMPTY = by_name(routing("r1", callee_dial_plan="4312345:"), routing("r2", callee_dial_plan="4312345:"))


@pytest.mark.parametrize(
    ("gateways", "outcome"), [(FULL, "all_gateways_busy"), (EMPTY, "empty_callee"), ({}, "no_route")]
)
def test_an_explanation_and_a_call_come_to_the_same_end(gateways, outcome):
    world = World(routing_gateways=gateways)
    world.limits.take([Limit("routing:r1"), Limit("routing:r2")], 0)
    assert explained(world)["outcome"] == outcome
    assert not any(row["kept"] for row in explained(world)["candidates"])
    caller = world.call()
    assert caller.released.reason == world.cdr.end_reason == outcome


def test_an_explanation_of_a_call_that_can_be_made():
    world = World()
    answer = explained(world)
    assert (answer["outcome"], [row["kept"] for row in answer["candidates"]]) == ("route", [True, True])


def test_a_decision_that_breaks_is_a_refusal_with_a_record():
    world = World()
    failures = []
    world.calls.log = Logger(observer=failures.append)
    world.decider._means = None
    caller = world.call(source=PREPAID)
    assert (len(failures), caller.released.reason, world.cdr.end_reason) == (1, "degraded", "degraded")
    assert world.cdr.decision["notes"] == [("refused", "the decision failed, see the log")]
    assert (world.cdr.caller_in, world.cdr.callee_in) == ("1000", "4312345")
    world.check_idle()


def test_the_record_of_a_free_number_says_so():
    world = World(parameters={"SERVER_BILLING_FREE_E164S": "43*"})
    _, callee = world.talk()
    callee.hangs_up()
    assert (
        told(world.cdr.decision)["rate"]["mode"] == world.journal.of("answer")[0]["charges_terms"][0]["mode"] == "free"
    )


def test_a_clock_that_is_set_back_makes_no_call_end_before_it_began():
    world = World(routing_gateways={})
    taken = []
    screen = world.decider.decide

    class Late:
        def decide(self, ask, snapshot):
            taken.append(ask)
            world.wall -= 3_600_000
            return screen(ask, snapshot)

    world.calls.decider = Late()
    world.call()
    assert (len(taken), world.cdr.stop) == (1, world.cdr.start)


def test_a_question_without_the_tech_prefix_ends_as_the_call_would():
    world = World(mapping_gateways=by_name(mapping("m", tech_prefix="99")))
    asked = {"caller": "1000", "mapping_gateway": "m", "phone": None, "at": None}
    assert explain(world.decider, world.snapshot, asked | {"callee": "994312345"}, world.now())["outcome"] == "route"
    refused = explain(world.decider, world.snapshot, asked | {"callee": "4312345"}, world.now())
    assert refused["outcome"] == "unauthorized"
    assert "m: its calls begin with the tech prefix 99" in refused["steps"]
