"""Calls over registrations: to gateways that register with us, and to vendors that we register with."""

from __future__ import annotations

import pytest

from tests.unit.call.call_world import World, by_name, routing
from vosswitch.model.call import Contact
from vosswitch.model.causes import cause
from vosswitch.model.trunk import Trunk
from vosswitch.model.values import Address
from vosswitch.params.system import Parameters
from vosswitch.routing.failover import next_allowed

HERE = Address("192.0.2.1", 5060)
CONTACT = Contact("sip:trunk@10.0.0.1:5070", Address("198.51.100.1", 5062), HERE, 60.0, path=("<sip:edge;lr>",))


def world(**changes):
    return World(routing_gateways=by_name(routing("r1", **changes), routing("r2", priority=1)))


def routes(world):
    decision = world.decide()
    return [] if decision.cause is not None else list(decision.routes)


def test_a_dynamic_gateway_is_called_where_it_registered():
    here = world(address="", dynamic=True, username="trunk")
    here.registrations.online["gateway:trunk"] = (CONTACT,)
    first, second = routes(here)
    assert (first.name, first.target, first.local_address) == ("r1", CONTACT.target, "192.0.2.1:5060")
    assert (first.contact, first.route) == (CONTACT.uri, CONTACT.path)
    assert (second.name, second.contact, second.route) == ("r2", "", ())


def test_each_of_its_contacts_is_tried():
    here = world(address="", dynamic=True)
    here.registrations.online["gateway:r1"] = (CONTACT, CONTACT)
    assert [route.name for route in routes(here)] == ["r1", "r1", "r2"]


def test_offline_it_is_no_candidate():
    decision = world(address="", dynamic=True).decide()
    assert [look.why for look in decision.plan.looks if not look.kept] == ["it is not registered"]
    assert [route.name for route in decision.routes] == ["r2"]
    alone = World(routing_gateways=by_name(routing("r1", address="", dynamic=True)))
    assert alone.decide().cause.reason == "no_route"


def test_with_an_address_it_is_called_there_while_offline():
    first, _ = routes(world(address="192.0.2.77", dynamic=True))
    assert (first.target.host, first.contact) == ("192.0.2.77", "")


def test_it_may_go_offline_between_the_plan_and_its_turn():
    here = world(address="", dynamic=True)
    here.registrations.online["gateway:r1"] = (CONTACT,)
    decision = here.decide()
    here.registrations.online.clear()
    assert [route.name for route in decision.routes] == ["r2"]
    assert ("r1", "it is not registered") in decision.notes


def test_a_vendor_gets_its_service_route():
    here = world(register=True)
    here.registrations.trunks["r1"] = Trunk(True, ("<sip:core;lr>",))
    assert [route.route for route in routes(here)] == [("<sip:core;lr>",), ()]


@pytest.mark.parametrize(("trunk", "names"), [(Trunk(True), ["r1", "r2"]), (Trunk(False), ["r2"]), (None, ["r2"])])
def test_only_registered_trunks(trunk, names):
    here = World(
        routing_gateways=by_name(routing("r1", register=True), routing("r2", priority=1)),
        parameters={"VS_REGISTERED_TRUNKS_ONLY": "On"},
    )
    here.registrations.trunks["r1"] = trunk
    assert [route.name for route in routes(here)] == names


def test_a_trunk_that_is_down_is_tried_by_default():
    here = world(register=True)
    here.registrations.trunks["r1"] = Trunk(False)
    assert [route.name for route in routes(here)] == ["r1", "r2"]


@pytest.mark.parametrize(
    ("registered", "stops", "reason", "goes_on"),
    [
        (True, "On", "connection_timeout", False),
        (True, "Off", "connection_timeout", True),
        (False, "On", "connection_timeout", True),
        (True, "On", "response_timeout", True),
    ],
)
def test_switching_stops_after_an_invite_timeout_of_a_registered_trunk(registered, stops, reason, goes_on):
    parameters = Parameters({"SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT": stops})
    found = next_allowed(
        cause(reason),
        1,
        ringing=False,
        early_media=False,
        rtp_started=False,
        registered=registered,
        parameters=parameters,
    )
    assert found is goes_on
