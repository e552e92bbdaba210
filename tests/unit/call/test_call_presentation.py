"""What the called side is told of the caller."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.call.call_world import World, by_name, mapping, offer, routing
from vosswitch.model.call import Contact
from vosswitch.model.identity import Diversion, Identity
from vosswitch.model.session import Origin
from vosswitch.model.signals import Offer
from vosswitch.model.values import Address

SPECIAL = {"from_display": "system", "privacy": "pass", "register": False, "diversion": "diversion"}


def placed(parameters=None, offered=None, vendor=None, customer=None):
    """The placement of the first route of a call."""
    world = World(
        parameters=parameters,
        mapping_gateways=by_name(mapping("m", **(customer or {}))),
        routing_gateways=by_name(routing("r1", **SPECIAL | (vendor or {}))),
    )
    world.call(**(offered or {}))
    return world.out.placement


@pytest.mark.parametrize(
    ("rule", "parameter", "display"),
    [
        ("system", "Ignore", "Alice"),
        ("system", "Caller", "1000"),
        ("system", "Account", "c"),
        ("none", "Caller", ""),
        ("pass", "Account", "Alice"),
        ("caller", "Ignore", "1000"),
        ("account", "Ignore", "c"),
    ],
)
def test_the_display_name(rule, parameter, display):
    found = placed({"SS_SIP_E164_DISPLAY_FROM": parameter}, {"display": "Alice"}, {"from_display": rule})
    assert found.display == display


@pytest.mark.parametrize(
    ("register", "own", "parameter", "policy"),
    [
        (False, "pass", "Id", "pass"),
        (True, "pass", "Id", "id"),
        (True, "pass", "None", "none"),
        (True, "pass", "Ignore", "pass"),
        (True, "ignore", "Id", "ignore"),
    ],
)
def test_the_privacy_parameter_is_for_gateways_that_we_register_with(register, own, parameter, policy):
    found = placed({"SS_SIP_USER_AGENT_PRIVACY": parameter}, {}, {"register": register, "privacy": own})
    assert found.privacy == policy


def test_numbers_in_headers_go_through_the_dial_plans_that_from_goes_through():
    identity = Identity("0301", "Boss", charge="0302", diversions=(Diversion("0303", "no-answer"),))
    plans = {"customer": {"caller_dial_plan": "0:49"}, "vendor": {"caller_dial_plan": "49:+49"}}
    found = placed(None, {"caller": "0300", "identity": identity}, plans["vendor"], plans["customer"])
    assert (found.caller, found.identity.asserted, found.identity.charge) == ("+49300", "+49301", "+49302")
    assert found.identity.diversions == (Diversion("+49303", "no-answer"),)


def test_the_asserted_number_that_is_the_caller_goes_out_as_the_caller_does():
    found = placed(None, {"caller": "0300", "identity": Identity("0300")}, {"caller_dial_plan": "0:+49"})
    assert found.caller == found.identity.asserted == "+49300"


def test_the_record_of_a_private_call_keeps_the_number():
    world = World()
    caller, _ = world.talk(identity=Identity(private=True), caller="1000")
    assert world.out.placement.identity.private
    caller.hangs_up()
    assert (world.cdr.caller, world.cdr.caller_in) == ("1000", "1000")


@pytest.mark.parametrize("private", [True, False])
def test_a_private_caller_is_not_named_in_a_description_that_goes_through(private):
    named = replace(
        offer(), origin=Origin("alice", "1", "1", "192.0.2.10"), name="Alice", lines=("e=alice@example.org", "t=0 0")
    )
    world = World(parameters={"SS_MEDIA_PROXY_MODE": "Off"})
    caller, callee = world.talk(identity=Identity(private=private), session=named)
    caller.say(Offer(named))
    for sent in (callee.placement.session, callee.told[-1].session):
        assert ("lice" in repr(sent)) is not private
        assert sent.origin.host == "192.0.2.10"


@pytest.mark.parametrize("whole", [False, True])
def test_a_registered_gateway_may_want_its_own_contact_in_the_request_line(whole):
    world = World(
        parameters={"SS_SIP_ROUTING_GATEWAY_INVITE_USE_CONTACT": "On" if whole else "Off"},
        routing_gateways=by_name(routing("r1", address="", dynamic=True, username="r1", password="x")),
    )
    here = Address("192.0.2.77", 5060)
    contact = Contact("sip:reg77@192.0.2.77", here, here, 1e9)
    world.registrations.gateway = lambda name: (contact,)
    world.call()
    assert world.out.placement.contact == contact.uri
    assert world.out.placement.request_uri == (contact.uri if whole else None)
