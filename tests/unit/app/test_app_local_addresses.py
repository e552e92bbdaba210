"""Local addresses of routing gateways that no listener has are named."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vosswitch.app.build import unreachable
from vosswitch.params.boot import Listener

LISTENERS = (Listener("udp", "192.0.2.1", 5060), Listener("udp", "192.0.2.1", 5070), Listener("tcp", "::", 5060))


def warnings(local, listeners=LISTENERS):
    gateway = SimpleNamespace(name="v", local_address=local)
    return list(unreachable(SimpleNamespace(gateways=SimpleNamespace(gateways={"v": gateway})), listeners))


@pytest.mark.parametrize("local", ["", "192.0.2.1", "192.0.2.1:5070", "2001:db8::1", "[2001:db8::1]:5060"])
def test_an_address_that_a_listener_has_is_fine(local):
    assert warnings(local) == []


@pytest.mark.parametrize("local", ["192.0.2.2", "192.0.2.1:5080", "[2001:db8::1]:5070"])
def test_an_address_that_no_listener_has_is_named(local):
    assert warnings(local) == [f'routing gateway "v": no listener has its local_address {local}']
