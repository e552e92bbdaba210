"""Which protocol places a call, and what a node without H.323 has of it: nothing."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from vosswitch.app.protocols import Protocols, speaks_h323
from vosswitch.app.reach import unheard, unreachable
from vosswitch.call.snapshot import Snapshot
from vosswitch.model.call import Placement
from vosswitch.model.values import Address
from vosswitch.params.listeners import Listener
from vosswitch.store.provision_schema import MAPPING_GATEWAYS, ROUTING_GATEWAYS


class Room:
    """A protocol's service."""

    def __init__(self, name):
        self.name = name
        self.orphans = []

    def place(self, placement, listener):
        return self.name

    def local(self, target, local_address):
        return self.name

    def leg_of(self, replaces):
        return self.name, True

    def end_orphan(self, data, settled):
        self.orphans.append(data)
        settled()


@pytest.fixture
def protocols():
    return Protocols(Room("sip"), Room("h323"))


@pytest.mark.parametrize(("transport", "room"), [("udp", "sip"), ("tls", "sip"), ("auto", "sip"), ("h323", "h323")])
def test_the_transport_says_who_places_a_call(protocols, transport, room):
    target = Address("192.0.2.9", 1720, transport)
    assert protocols.place(Placement("1", "43", "44", target, None), None) == room
    assert protocols.local(target, None) == room


@pytest.mark.parametrize(("protocol", "room"), [("sip", "sip"), (None, "sip"), ("h323", "h323")])
def test_a_leg_of_a_former_life_is_ended_by_its_protocol(protocol, room):
    rooms = Room("sip"), Room("h323")
    settled = []
    Protocols(*rooms).end_orphan({"protocol": protocol}, lambda: settled.append(1))
    assert [one.name for one in rooms if one.orphans] == [room]
    assert settled == [1]


def test_names_of_legs_are_sips(protocols):
    assert protocols.leg_of(None) == ("sip", True)


def snapshot(**changes):
    tables = {"mapping_gateways": MAPPING_GATEWAYS, "routing_gateways": ROUTING_GATEWAYS}
    more = {"name": "g", "account": "1", "addresses": ["192.0.2.9"], "password": "", "ha1s": {}}
    message = {
        kind: {"g": tables[kind].defaults() | more | {"address": "192.0.2.9"} | values}
        for kind, values in changes.items()
    }
    return Snapshot().applied({"full": False, "more": False, "seq": 1, **message})


@pytest.mark.parametrize("kind", ["mapping_gateways", "routing_gateways"])
@pytest.mark.parametrize("protocol", ["sip", "h323"])
def test_whoever_speaks_it_makes_it_needed(kind, protocol):
    assert speaks_h323(snapshot(**{kind: {"protocol": protocol}})) is (protocol == "h323")


def test_customers_that_nobody_listens_to_are_told():
    found = snapshot(mapping_gateways={"protocol": "h323"})
    assert len(list(unheard(found, (Listener("udp", "192.0.2.1", 5060),)))) == 1
    assert not list(unheard(found, (Listener("h323", "192.0.2.1", 1720),)))
    assert not list(unheard(snapshot(mapping_gateways={}), ()))


def test_a_vendor_that_speaks_it_needs_no_listener():
    found = snapshot(routing_gateways={"protocol": "h323"})
    assert not list(unreachable(SimpleNamespace(gateways=found.gateways), ()))
    assert list(unreachable(SimpleNamespace(gateways=snapshot(routing_gateways={}).gateways), ()))


def test_the_library_is_loaded_by_nothing_that_a_node_imports():
    rooms = "vosswitch.tap, vosswitch.cli.main, vosswitch.recorder.worker, vosswitch.media.worker"
    code = f"import sys, {rooms}; print([name for name in sys.modules if name.startswith('pycrate')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
