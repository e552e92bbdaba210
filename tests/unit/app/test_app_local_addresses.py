"""Local addresses, transports and families of routing gateways that no listener has are named."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vosswitch.app.reach import unreachable
from vosswitch.params.boot import Listener
from vosswitch.routing.gateways import RoutingGateway

LISTENERS = (Listener("udp", "192.0.2.1", 5060), Listener("udp", "192.0.2.1", 5070), Listener("tcp", "::", 5060))


def warnings(local, listeners=LISTENERS, address="", transport="auto"):
    gateway = RoutingGateway("v", address, transport=transport, local_address=local)
    return list(unreachable(SimpleNamespace(gateways=SimpleNamespace(gateways={"v": gateway})), listeners))


@pytest.mark.parametrize("local", ["", "192.0.2.1", "192.0.2.1:5070", "2001:db8::1", "[2001:db8::1]:5060"])
def test_an_address_that_a_listener_has_is_fine(local):
    assert warnings(local) == []


@pytest.mark.parametrize("local", ["192.0.2.2", "192.0.2.1:5080", "[2001:db8::1]:5070"])
def test_an_address_that_no_listener_has_is_named(local):
    assert warnings(local) == [f'routing gateway "v": no listener has its local_address {local}']


@pytest.mark.parametrize(
    ("address", "transport", "local"),
    [
        ("192.0.2.9", "auto", ""),
        ("192.0.2.9", "udp", "192.0.2.1"),
        ("2001:db8::9", "tcp", ""),
        ("vendor.example", "tcp", ""),
        ("vendor.example", "auto", ""),
    ],
)
def test_a_gateway_that_a_listener_reaches_is_fine(address, transport, local):
    assert warnings(local, address=address, transport=transport) == []


@pytest.mark.parametrize(
    ("address", "transport", "local", "missing"),
    [
        ("192.0.2.9", "tls", "", "tls (IPv4)"),
        ("2001:db8::9", "auto", "", "udp (IPv6)"),
        ("192.0.2.9", "tcp", "", "tcp (IPv4)"),
        ("vendor.example", "tls", "", "tls"),
        ("2001:db8::9", "udp", "2001:db8::1", "udp (IPv6) from its local_address"),
    ],
)
def test_a_gateway_that_no_listener_reaches_is_named(address, transport, local, missing):
    assert warnings(local, address=address, transport=transport) == [
        f'routing gateway "v": no listener for {missing}: calls to it fail'
    ]
