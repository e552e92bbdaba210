"""Calls that came in by H.323 are those of gateways that speak it, and of no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vosswitch.accounts.callers import Callers
from vosswitch.accounts.sources import read_source
from vosswitch.accounts.values import MappingGateway
from vosswitch.model.h323 import USUAL
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.values import Address

SPEAKS = PeerProfile(h323=USUAL)
SIP = Address("192.0.2.7", 5060)
H323 = Address("192.0.2.7", 1720, "h323")


def gateway(name, address="192.0.2.7", *, profile=SPEAKS, **more):
    return MappingGateway(name, "1", addresses=(read_source(address),), profile=profile, **more)


def callers(*gateways):
    return Callers({one.name: one for one in gateways}, {})


def name_of(found):
    return found and found.gateway.name


def test_gateways_of_one_address_are_told_apart_by_their_protocol():
    found = callers(gateway("sip", profile=PLAIN), gateway("h323"))
    assert name_of(found.identify(SIP, None, "43")) == "sip"
    assert name_of(found.identify(H323, None, "43")) == "h323"
    assert not found.warnings


@pytest.mark.parametrize(("profile", "knows"), [(PLAIN, SIP), (SPEAKS, H323)])
def test_a_gateway_is_known_to_its_own_protocol_only(profile, knows):
    found = callers(gateway("a", profile=profile))
    for source in (SIP, H323):
        assert found.trusts(source) == (source is knows)
        assert name_of(found.identify(source, None, "43")) == ("a" if source is knows else None)


def test_the_port_of_ip_port_is_the_signalling_port():
    found = callers(gateway("a", "192.0.2.7:1820", auth="ip_port"))
    assert name_of(found.identify(H323._replace(port=1820), None, "43")) == "a"
    assert found.identify(H323, None, "43") is None
    assert name_of(callers(gateway("b", auth="ip_port")).identify(H323, None, "43")) == "b"


def test_the_called_number_is_read_where_the_gateway_says():
    other = PeerProfile(h323=replace(USUAL, callee_source="destination"))
    found = callers(gateway("a", tech_prefix="8", profile=other), gateway("b", tech_prefix="9"))
    numbers = {"called_party": "943", "destination": "843"}
    assert found.identify(H323, None, "943", numbers.get).gateway.name == "a"
    assert found.identify(H323, None, "943", {"called_party": "943"}.get).gateway.name == "b"


def test_changes_of_one_kind_leave_the_other_alone():
    one = gateway("h323")
    found = callers(one, gateway("sip", profile=PLAIN))
    without = found.changed({"h323": one}, {})
    assert without.h323 is not None
    assert without.identify(SIP, None, "43") is None
    assert name_of(without.identify(H323, None, "43")) == "h323"
    changed = without.changed({"h323": gateway("h323", profile=PLAIN)}, {})
    assert changed.h323 is None
    assert name_of(changed.identify(SIP, None, "43")) == "h323"
    assert changed.identify(H323, None, "43") is None


def test_hidden_gateways_are_told():
    assert callers(gateway("a"), gateway("b")).warnings == (
        "mapping gateways a and b share 192.0.2.7/32 and tech prefix '': a is used",
    )
