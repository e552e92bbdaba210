"""Groups and limits of destinations as they are provisioned: what does not fit is told with what was expected."""

import pytest

from vosswitch.accounts.destinations import DestinationLimit
from vosswitch.accounts.groups import GatewayGroup
from vosswitch.store.fields import Deployment, Expected
from vosswitch.store.limit_fields import DESTINATION_LIMITS, GATEWAY_GROUPS
from vosswitch.store.provision_schema import MAPPING_GATEWAYS, PHONES, ROUTING_GATEWAYS, TABLES
from vosswitch.store.secrets import Secrets

HERE = Deployment("test", Secrets("/nonexistent/key"))


def entry(table, **given):
    values = table.defaults() | {name: table.field(name).read(value, HERE) for name, value in given.items()}
    table.check(values)
    return values


@pytest.mark.parametrize(
    ("table", "given", "words"),
    [
        (GATEWAY_GROUPS, {"name": "g", "reserved": 1}, "reserved: expected lines beside it"),
        (GATEWAY_GROUPS, {"name": "g", "reserved": 3, "lines": 2}, "reserved: expected at most 2"),
        (DESTINATION_LIMITS, {"name": "d", "prefixes": ["1"]}, "lines: expected lines or cps"),
        (
            DESTINATION_LIMITS,
            {"name": "d", "prefixes": ["1"], "lines": 1, "accounts": ["c"]},
            'accounts: expected none, for scope is "system"',
        ),
    ],
)
def test_what_does_not_fit_together_is_told(table, given, words):
    with pytest.raises(ValueError, match=words):
        entry(table, **given)


@pytest.mark.parametrize(
    ("table", "field", "value"),
    [
        (DESTINATION_LIMITS, "prefixes", []),
        (DESTINATION_LIMITS, "scope", "vendor"),
        (MAPPING_GATEWAYS, "routing_allowed", "r1"),
        (ROUTING_GATEWAYS, "longest_call", 0),
        (PHONES, "offline_to_gateways", "maybe"),
    ],
)
def test_what_cannot_be_read_is_refused(table, field, value):
    with pytest.raises(Expected):
        table.field(field).read(value, HERE)


def test_entries_become_values():
    values = entry(GATEWAY_GROUPS, name="g", lines=4, cps=2, reserved=1)
    assert GatewayGroup.from_body(values) == GatewayGroup("g", 4, 2, 1)
    values = entry(DESTINATION_LIMITS, name="d", prefixes=["43"], lines=1, scope="account", accounts=["c", "c"])
    assert DestinationLimit.from_body(values) == DestinationLimit("d", ("43",), 1, None, "account", frozenset("c"))


def test_every_reference_names_a_table():
    for table in (MAPPING_GATEWAYS, ROUTING_GATEWAYS, PHONES, DESTINATION_LIMITS):
        for field in table.fields:
            assert not field.refers or field.refers in TABLES
    assert MAPPING_GATEWAYS.field("routing_allowed").refers == "routing_gateways"
    assert ROUTING_GATEWAYS.field("mapping_forbidden").refers == "mapping_gateways"
