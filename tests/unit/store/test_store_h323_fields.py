"""Fields of gateways that speak H.323: they and those of SIP keep apart; defaults are those of the profile."""

from __future__ import annotations

import pytest

from vosswitch.model.h323 import USUAL
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.routing.gateways import RoutingGateway
from vosswitch.store import fields
from vosswitch.store.h323_fields import check_protocol
from vosswitch.store.provision_schema import MAPPING_GATEWAYS, ROUTING_GATEWAYS

DEPLOYMENT = fields.Deployment("realm", None)
TABLES = [MAPPING_GATEWAYS, ROUTING_GATEWAYS]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_defaults_are_those_of_the_profile(table):
    values = table.defaults()
    assert PeerProfile.from_body(values) is PLAIN
    assert PeerProfile.from_body(values | {"protocol": "h323"}).h323 is USUAL


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@pytest.mark.parametrize("protocol", ["sip", "h323"])
def test_defaults_fit_either_protocol(table, protocol):
    check_protocol(table.defaults() | {"protocol": protocol})


@pytest.mark.parametrize(
    ("name", "value"), [("transport", "tls"), ("probe", "always"), ("keep_alive", True), ("tls_name", "a.example")]
)
def test_settings_of_sip_are_refused_with_h323(name, value):
    values = ROUTING_GATEWAYS.defaults() | {name: value}
    check_protocol(values)
    with pytest.raises(ValueError, match=f'{name}: expected only with protocol = "sip"'):
        check_protocol(values | {"protocol": "h323"})


@pytest.mark.parametrize(("name", "value"), [("h323_fast_start", False), ("h323_dtmf", "keypad"), ("h323_t38", False)])
def test_settings_of_h323_are_refused_with_sip(name, value):
    for table in TABLES:
        values = table.defaults() | {name: value}
        check_protocol(values | {"protocol": "h323"})
        with pytest.raises(ValueError, match=f'{name}: expected only with protocol = "h323"'):
            check_protocol(values)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_port_among_the_addresses_to_register_from_is_told(table):
    """As every value that does not fit: `load` says which entry and field it is."""
    field = table.field("h323_addresses")
    assert field.read(["192.0.2.1", "2001:db8::/64"], DEPLOYMENT) == ["192.0.2.1", "2001:db8::/64"]
    with pytest.raises(fields.Expected, match="addresses and networks without ports"):
        field.read(["192.0.2.1:1720"], DEPLOYMENT)


def test_a_routing_gateway_is_called_at_port_1720():
    body = ROUTING_GATEWAYS.defaults() | {"name": "v", "address": "192.0.2.9", "protocol": "h323", "password": ""}
    assert str(RoutingGateway.from_body(body).target) == "h323:192.0.2.9:1720"
    assert str(RoutingGateway.from_body(body | {"port": 1820}).target) == "h323:192.0.2.9:1820"
