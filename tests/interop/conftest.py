"""A switch with one customer and two vendors for each case, and sipp peers for them."""

from __future__ import annotations

import shutil

import pytest

from tests.support.sipp import Sipp
from tests.support.switch import Switch, free_port

PROVISION = """
[[rate_groups]]
name = "sell"
[[rate_groups.rates]]
prefix = "49"
per_minute = "0.60"
first = 1
next = 1
[[rate_groups]]
name = "buy"
[[rate_groups.rates]]
prefix = "49"
per_minute = "0.30"

[[accounts]]
number = "C1"
name = "Customer"
balance = "{balance}"
anti_overdraft = true
rate_group = "sell"
[[accounts]]
number = "V1"
name = "Vendor"
kind = "clearing"
rate_group = "buy"

[[mapping_gateways]]
name = "customer"
account = "C1"
{access}

[[routing_gateways]]
name = "first"
account = "V1"
address = "127.0.0.1"
port = {first}
priority = 1
{vendor}
[[routing_gateways]]
name = "second"
account = "V1"
address = "127.0.0.1"
port = {second}
priority = 2

[[parameters]]
name = "SERVER_BILLING_HOLD_TIME_PRECISION"
value = "0"
"""


def pytest_collection_modifyitems(items):
    """All cases here need sipp; say so where it is missing."""
    for item in items:
        item.add_marker(pytest.mark.interop)
        if shutil.which("sipp") is None:
            item.add_marker(pytest.mark.skip(reason="sipp is not installed (Debian package sip-tester)"))


class Case:
    """One switch between a caller and two vendors."""

    def __init__(self, folder):
        self.folder = folder
        self.peers = []
        self.ports = {"first": free_port(), "second": free_port()}
        self.switch = Switch(folder)

    def begin(self, balance="10", access='auth = "ip"\naddresses = ["127.0.0.1"]', vendor="", more=""):
        self.switch.cli("migrate")
        self.switch.provision(PROVISION.format(balance=balance, access=access, vendor=vendor, **self.ports) + more)
        self.switch.start()
        return self

    def peer(self, name, scenario, *options, port=None, remote=None):
        peer = Sipp(self.folder, name, scenario, port or self.ports.get(name) or free_port(), remote, *options)
        self.peers.append(peer)
        return peer

    def vendor(self, name, scenario, calls=1, *options):
        return self.peer(name, scenario, "-m", str(calls), *options)

    def call(self, scenario, number="4930123", calls=1, *options, rate=1):
        remote = f"127.0.0.1:{self.switch.port}"
        return self.peer("caller", scenario, "-s", number, "-m", str(calls), "-r", str(rate), *options, remote=remote)

    def end(self):
        for peer in self.peers:
            peer.stop()
        return self.switch.stop()


@pytest.fixture
def case(tmp_path):
    """A case that has not begun yet."""
    made = Case(tmp_path)
    yield made
    code = made.end()
    log = made.switch.log()
    assert "Traceback" not in log, log[-4000:]
    assert code == 0, log[-4000:]
