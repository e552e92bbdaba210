"""Parameters of the called number: no part of it, and passed on where both gateways say so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sip.sip_world import UAC, UAS, World, reply
from vosswitch.model.peer import PeerProfile
from vosswitch.sip.grammar.numberparameters import NAMES, parameters_text, read_parameters
from vosswitch.sip.grammar.uri import Uri, parse_uri


@pytest.mark.parametrize("uri", ["sip:+4940;npdi;rn=+4999;x=1@h", "tel:+49-40;npdi;rn=+4999;x=1"])
def test_those_that_are_named_are_read(uri):
    found = read_parameters(parse_uri(uri), ("npdi", "rn", "cic"))
    assert found == (("npdi", ""), ("rn", "+4999"))
    assert parameters_text(found, ("rn",)) == ";rn=+4999"
    assert parameters_text(found, NAMES) == ";npdi;rn=+4999"


@given(st.text(max_size=100))
def test_no_value_leaves_the_user_part(user):
    text = parameters_text(read_parameters(Uri("sip", f"4940;{user}", "h"), NAMES), NAMES)
    again = parse_uri(f"sip:4940{text}@192.0.2.1")
    assert again.host == "192.0.2.1"
    assert not set(text) & set('@<>" \r\n')


@pytest.mark.parametrize("contact", ["", f"sip:reg7@{UAS[0]}:{UAS[1]}"])
@pytest.mark.parametrize("names", [(), ("rn",)])
def test_they_go_from_the_caller_to_the_gateway(names, contact):
    world = World()
    world.credentials.profiles[UAC[0]] = PeerProfile(number_parameters=("npdi", "rn"))
    caller = world.invite(uri="sip:4940;npdi;rn=4999@192.0.2.1")
    tried = world.calls.offered[0][1]
    assert tried.number_parameters == (("npdi", ""), ("rn", "4999"))
    world.place(
        number_parameters=tried.number_parameters, profile=PeerProfile(number_parameters=names, privacy="ignore"),
        contact=contact,
    )  # fmt: skip
    invite = world.one(UAS)
    assert invite.target.user == ("4940;rn=4999" if names else "4940")
    world.put(reply(invite, 486), UAS)
    caller.request("CANCEL")
    world.close()
