"""Which gateways of the configuration are sent keep-alives."""

from __future__ import annotations

from types import SimpleNamespace

from vosswitch.app.build import kept_alive
from vosswitch.model.peer import PeerProfile
from vosswitch.model.values import Address
from vosswitch.routing.gateways import RoutingGateway

ASKS = PeerProfile(keep_alive=True)


def vendor(address, profile=ASKS, transport="udp", **more):
    return RoutingGateway(name="v", address=address, port=0, account="V", transport=transport, profile=profile, **more)


def found(*vendors, customers=()):
    gateways = SimpleNamespace(gateways=dict(enumerate(vendors)))
    return kept_alive(SimpleNamespace(gateways=gateways, mapping_gateways=dict(enumerate(customers))))


def test_addresses_and_names_of_datagram_gateways():
    rows = [
        vendor("192.0.2.9"),
        vendor("sip.vendor.test", transport="auto", local_address="192.0.2.1"),
        vendor("192.0.2.10", transport="tcp"),
        vendor("192.0.2.11", locked=True),
        vendor("", PeerProfile(keep_alive=True, dynamic=True)),
        vendor("192.0.2.12", PeerProfile()),
    ]
    customer = SimpleNamespace(profile=ASKS, locked=False, places=(("198.51.100.1", 5062),))
    assert found(*rows, customers=[customer]) == (
        (Address("198.51.100.1", 5062), None),
        (Address("192.0.2.9", 5060), None),
        (Address("sip.vendor.test", 0, "auto"), "192.0.2.1"),
    )
