"""One side by IPv4, the other by IPv6: media is relayed, or the gateway is passed over."""

import pytest

from tests.unit.call.call_world import HERE, World, by_name, mapping, offer, routing
from vosswitch.model.values import Side

FIRST, SECOND, SIX = "192.0.2.100", "192.0.2.101", "2001:db8::1"


def world(mode="auto"):
    node = World(
        mapping_gateways=by_name(mapping("m", media_proxy=mode)),
        routing_gateways=by_name(
            routing("r1", address=FIRST, media_proxy=mode),
            routing("r2", priority=1, address=SECOND, media_proxy=mode),
        ),
    )
    node.legs.locals = {FIRST: HERE.host, SECOND: SIX}
    return node


@pytest.mark.parametrize("mode", ["off", "on", "auto", "must_on"])
def test_sides_of_different_families_are_relayed_whatever_the_mode(mode):
    node = world(mode)
    node.legs.locals[FIRST] = SIX
    node.call(session=offer())
    (session,) = node.media.sessions
    assert session.locals == (HERE.host, SIX)
    assert node.out.placement.session.host == f"relay-{Side.CALLER}"


def test_sides_of_one_family_are_not_relayed_when_both_are_off():
    node = world("off")
    node.call(session=offer())
    assert node.media.sessions == []


def test_the_next_gateway_may_be_of_another_family():
    node = world()
    node.call(session=offer())
    node.out.fails(503)
    (session,) = node.media.sessions
    assert session.resets == [(Side.CALLEE, SIX)]
    node.out.answers(offer())
    node.out.hangs_up()
    assert node.cdr.media_proxied


def test_a_gateway_that_media_cannot_reach_is_passed_over_and_said_so():
    node = world()
    node.legs.locals[FIRST], node.legs.locals[SECOND] = HERE.host, SIX
    node.media.unknown = {SIX}
    caller = node.call(session=offer())
    node.out.fails(503)
    assert caller.released.reason == "overload"
    (why,) = [why for name, why in node.cdr.decision["notes"] if name == "r2"]
    assert why == f"no media port is free from {HERE.host} to {SIX}: media needs an address of both families"
    node.check_idle()


def test_where_the_way_is_not_known_the_engine_chooses():
    node = world("off")
    node.legs.locals = {}
    node.call(session=offer())
    assert node.media.sessions == []
