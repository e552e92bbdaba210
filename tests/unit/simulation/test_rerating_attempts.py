"""Finished calls rated again by the configuration that they were made with: to the unit what was booked."""

from __future__ import annotations

import orjson
import pytest

from tests.unit.call.call_world import START, World, account, by_name, exchange, group, offer, plugins, rate, routing
from vosswitch.model.values import UNITS
from vosswitch.simulation.rerating import Due, LeftOut, Rerating
from vosswitch.store.rerates import Rated

CENT = UNITS // 100


def again(node):
    """What `Rerating` makes of the one call."""
    cdr = node.cdr
    row = Rated(
        cdr.flowno, cdr.start, cdr.answer, cdr.hold_time_ms, cdr.caller, cdr.callee, cdr.mapping_gateway, cdr.phone,
        cdr.account, cdr.routing_gateway, cdr.clearing_account, cdr.currency, cdr.cost_currency, cdr.package,
        cdr.billing_mode, cdr.agents, cdr.decision, orjson.dumps(cdr.attempts).decode(), 1,
    )  # fmt: skip
    return list(Rerating(node.snapshot, plugins().billing_modes).call(row))


def booked(node, kind):
    return sum(one.amount for one in node.cdr.charges if one.kind == kind)


def world(**changes):
    later = {"effective": START + 5000}
    return World(
        accounts=by_name(
            account("c"), account("v", kind="clearing", rate_group="wholesale", overdraft_limit=None, **changes)
        ),
        routing_gateways=by_name(routing("r1", rate_group="dear"), routing("r2", priority=1)),
        rate_groups=by_name(
            group("retail", rate("43", "6")),
            group("wholesale", rate("43", "0.6", attempt_fee="0.01"), rate("43", "0.6", attempt_fee="0.02", **later)),
            group("dear", rate("43", "0.6", attempt_fee="0.05"), rate("43", "0.6", attempt_fee="0.07", **later)),
        ),
        parameters={"VS_LEAST_PROFIT": "none", "VS_CURRENCY": "EUR"},
        exchange_rates=by_name(exchange("USD/EUR", (0, "0.5"), (START + 5000, "0.25"))),
    )


@pytest.mark.parametrize("currency", ["", "USD"])
def test_attempts_cost_what_their_own_gateways_asked_when_they_were_made(currency):
    node = world(currency=currency)
    leg = node.call()
    node.out.proceeds()
    node.clock.advance(6)
    node.out.fails(503)
    node.out.answers(offer(5000))
    node.clock.advance(10)
    leg.hangs_up()
    customer, vendor = again(node)
    assert customer.amount == booked(node, "call")
    assert isinstance(vendor, Due)
    assert vendor.amount == booked(node, "cost")
    if not currency:
        assert booked(node, "cost") == (5 + 2 + 10) * CENT


@pytest.mark.parametrize("heard", [True, False])
def test_an_attempt_without_a_final_status_is_not_guessed(heard):
    node = world()
    leg = node.call()
    if heard:
        node.out.proceeds()
    node.out.times_out("response_timeout" if heard else "connection_timeout")
    node.out.answers(offer(5000))
    node.clock.advance(10)
    leg.hangs_up()
    _, vendor = again(node)
    if heard:
        assert isinstance(vendor, LeftOut)
        assert "no final status" in vendor.why
    else:
        assert vendor.amount == booked(node, "cost") == 11 * CENT


def test_an_emergency_call_without_a_rate_is_free_for_agents_too():
    node = World(
        accounts=by_name(account("c", agent="a", rate_group="poor"), account("a", kind="agent", overdraft_limit=None)),
        rate_groups=by_name(group("retail", rate("112", "6")), group("poor", rate("44", "1"))),
        number_groups={"sos": {"name": "sos", "numbers": ["112"], "table": "", "emergency": True}},
    )
    leg = node.call(callee="112")
    node.out.answers(offer(5000))
    node.clock.advance(10)
    leg.hangs_up()
    assert booked(node, "call") == booked(node, "agent") == 0
    found = again(node)
    assert [(one.kind, one.amount) for one in found[:2]] == [("call", 0), ("agent", 0)], found
