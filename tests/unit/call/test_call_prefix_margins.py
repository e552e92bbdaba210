"""The margin of a gateway whose routing prefix the rates know nothing of."""

import pytest

from tests.unit.call.call_world import World, account, by_name, group, offer, rate, routing


def world(retail):
    return World(
        parameters={"SERVER_BILLING_GATEWAY_ROUTE_PREFIX": "1"},
        routing_gateways=by_name(routing("long", prefixes=["0043"], lines=1), routing("short", prefixes=["00"])),
        rate_groups=by_name(group("retail", *retail), group("wholesale", rate("43", "0.3"), rate("1", "0.3"))),
    )


def with_agent(node):
    """What the carrier gets is what the agent pays."""
    node.tell(
        accounts=by_name(account("c", agent="a", rate_group="dear"), account("a", kind="agent", overdraft_limit=None)),
        rate_groups=by_name(group("dear", rate("1", "9"), rate("43", "9"))),
    )


@pytest.mark.parametrize("agent", [False, True])
def test_the_income_is_that_without_the_prefix_of_the_gateway_whose_turn_has_come(agent):
    retail = [rate("1", "6"), rate("43", "0.1")]  # 0043123 is 123 over "long", 43123 over "short"
    node = world(retail)
    if agent:
        with_agent(node)
    full = node.call(callee="0043123")
    assert node.running().attempts.route.name == "long"
    node.out.answers(offer(5000))
    other = node.call(callee="0043123")  # "long" has one line
    assert other.released.reason == "all_gateways_busy"
    full.hangs_up()
    assert [cdr.cost <= (cdr.agent_fee if agent else cdr.fee) for cdr in node.cdrs] == [True, True]
    node.check_idle()


@pytest.mark.parametrize("agent", [False, True])
def test_a_gateway_that_pays_without_its_own_prefix_is_used(agent):
    node = world([rate("1", "0.1"), rate("43", "6")])
    if agent:
        with_agent(node)
    node.call(callee="0043123")
    assert node.running().attempts.route.name == "short"
