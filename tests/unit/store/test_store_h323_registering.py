"""What gateways of protocol h323 need that register with us, or that we register with."""

from __future__ import annotations

import pytest

from vosswitch.model.h323 import RAS
from vosswitch.model.values import Address
from vosswitch.routing.gateways import RoutingGateway
from vosswitch.routing.index import GatewayIndex
from vosswitch.store.provision_schema import MAPPING_GATEWAYS, ROUTING_GATEWAYS
from vosswitch.store.registering import check_registering

PLACES = ["192.0.2.0/24"]


def values(table, **changes):
    """Those of an H.323 gateway."""
    return table.defaults() | {"name": "v", "protocol": "h323", "password": "", "username": ""} | changes


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        (MAPPING_GATEWAYS, {"dynamic": True, "auth": "password", "h323_addresses": PLACES}),
        (MAPPING_GATEWAYS, {}),
        (ROUTING_GATEWAYS, {"dynamic": True, "h323_addresses": PLACES}),
        (ROUTING_GATEWAYS, {"register": True, "address": "192.0.2.1", "h323_prefixes": ["49"]}),
        (ROUTING_GATEWAYS, {"address": "192.0.2.1"}),
    ],
)
def test_what_fits_needs_no_password(table, changes):
    check_registering(values(table, **changes), secret=False)


@pytest.mark.parametrize(
    ("table", "changes", "named"),
    [
        (MAPPING_GATEWAYS, {"dynamic": True, "auth": "password"}, "h323_addresses"),
        (MAPPING_GATEWAYS, {"dynamic": True, "h323_addresses": PLACES}, "auth"),
        (MAPPING_GATEWAYS, {"auth": "password"}, "auth"),
        (MAPPING_GATEWAYS, {"h323_addresses": PLACES}, "h323_addresses"),
        (ROUTING_GATEWAYS, {"dynamic": True}, "h323_addresses"),
        (ROUTING_GATEWAYS, {"register": True}, "address"),
        (ROUTING_GATEWAYS, {"address": "192.0.2.1", "h323_prefixes": ["49"]}, "h323_prefixes"),
        (ROUTING_GATEWAYS, {"address": "192.0.2.1", "h323_addresses": PLACES}, "h323_addresses"),
        (
            ROUTING_GATEWAYS,
            {"address": "192.0.2.1", "register": True, "dynamic": True, "h323_addresses": PLACES},
            "register",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(table, changes, named):
    with pytest.raises(ValueError, match=f"^{named}: expected"):
        check_registering(values(table, **changes), secret=True)


def test_a_gatekeeper_is_reached_by_ras():
    gateway = RoutingGateway.from_body(values(ROUTING_GATEWAYS, register=True, address="192.0.2.1"))
    assert gateway.target == Address("192.0.2.1", 1719, RAS)


def test_who_registers_by_h323_cannot_register_by_sip():
    """It has no password: an empty one must open nothing."""
    gateway = RoutingGateway.from_body(values(ROUTING_GATEWAYS, dynamic=True, h323_addresses=PLACES))
    index = GatewayIndex({"v": gateway})
    assert index.dynamic == {}
    assert list(index.h323_dynamic) == ["v"]
