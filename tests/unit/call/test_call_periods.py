"""Calls through gateways with periods: which are candidates, with which numbers, lines and order."""

from __future__ import annotations

from tests.unit.accounts.test_account_periods import HOUR, NOON, office
from tests.unit.call.call_world import START, World, by_name, mapping, routing
from vosswitch.call.deciding.explain import explain
from vosswitch.routing.eligibility import checks_of

WORK = {"calendar": "office"}


def world(wall=NOON, **config):
    config.setdefault("calendars", {"office": office()})
    return World(wall=wall, **config)


def route(found, **question):
    asked = {"caller": "1000", "callee": "4312345", "mapping_gateway": "m"} | question
    return explain(found.decider, found.snapshot, asked, found.now())


def second(**changes):
    return routing("r2", priority=1, address="192.0.2.101", **changes)


def placed(found):
    """Where the calls went, in order."""
    names = {"192.0.2.100": "r1", "192.0.2.101": "r2"}
    return [names[leg.placement.target.host] for leg in found.legs.placed]


def test_a_gateway_out_of_its_periods_is_no_candidate():
    found = world(
        NOON + 9 * HOUR,
        routing_gateways=by_name(routing("r1", periods=[WORK]), second()),
    )
    found.call()
    assert placed(found) == ["r2"]
    (row,) = [row for row in route(found)["candidates"] if row["gateway"] == "r1"]
    assert (row["kept"], row["why"]) == (False, "none of its periods is in force")
    early = route(found, at=NOON)["candidates"]
    assert [row["gateway"] for row in early if row["kept"]] == ["r1", "r2"]


def test_no_gateway_is_in_its_periods():
    found = world(NOON + 9 * HOUR, routing_gateways=by_name(routing("r1", periods=[WORK])))
    leg = found.call()
    assert leg.released.reason == "no_route"


def test_a_period_has_its_own_order_and_numbers():
    gateways = by_name(
        routing("r1", periods=[WORK | {"priority": 9}, {}]),
        second(callee_dial_plan="4:04", periods=[WORK | {"callee_dial_plan": "4:+4", "caller_dial_plan": ":9"}, {}]),
    )
    day, night = world(routing_gateways=gateways), world(NOON + 9 * HOUR, routing_gateways=gateways)
    day.call()
    assert (day.out.placement.callee, day.out.placement.caller) == ("+4312345", "91000")
    answer = route(day)
    assert [row["gateway"] for row in answer["candidates"]] == ["r2", "r1"]
    assert "r2: period 1, working times of office" in answer["steps"]
    assert {row["gateway"]: row["priority"] for row in answer["candidates"]} == {"r2": 1, "r1": 9}
    night.call()
    assert [row["gateway"] for row in route(night)["candidates"]] == ["r1", "r2"]
    night.out.fails()
    assert night.out.placement.callee == "04312345"


def test_the_lines_of_a_period():
    gateways = by_name(routing("r1", lines=5, periods=[WORK | {"lines": 1}, {}]), second())
    found = world(routing_gateways=gateways)
    found.talk()
    found.call()
    assert [row["gateway"] for row in route(found)["candidates"] if not row["kept"]] == ["r1"]
    assert placed(found) == ["r1", "r2"]
    found.clock.advance(9 * 3600)
    found.call()
    assert placed(found) == ["r1", "r2", "r1"]


def test_the_calls_per_second_of_a_period():
    gateways = by_name(routing("r1", cps=9, periods=[WORK | {"cps": 1}, {}]), second())
    found = world(routing_gateways=gateways, mapping_gateways=by_name(mapping("m", periods=[WORK | {"cps": 3}, {}])))
    legs = [found.call() for _ in range(4)]
    assert placed(found) == ["r1", "r2", "r2"]
    assert legs[3].released.reason == "cps_limit"


def test_a_customer_out_of_its_periods_is_refused():
    config = {"mapping_gateways": by_name(mapping("m", periods=[WORK | {"callee_dial_plan": "0:43", "lines": 1}]))}
    assert world(NOON + 9 * HOUR, **config).call().released.reason == "caller_restricted"
    found = world(**config)
    found.call(callee="012345")
    assert found.out.placement.callee == "4312345"
    assert found.call(callee="012345").released.reason == "line_limit"


def test_without_periods_nothing_is_asked():
    found = World(wall=START)
    assert checks_of(found.snapshot.gateways.gateways["r1"]) == ()
    found.call()
    assert found.out.placement.callee == "4312345"
