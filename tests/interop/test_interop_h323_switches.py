"""SIP to H.323 to SIP: a customer's switch calls a vendor's switch by H.323, and both bill."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.case import provisioned
from tests.support.sipp import ANSWER, CALL, called, caller, sipp_peer
from tests.support.switch import free_port, media_port, until

PROVISION = """
[[rate_groups]]
name = "rates"
[[rate_groups.rates]]
prefix = "43"
per_minute = "0.60"
[[accounts]]
number = "C"
name = "Customer"
balance = "10"
rate_group = "rates"
anti_overdraft = true
[[mapping_gateways]]
name = "customer"
account = "C"
addresses = ["127.0.0.1"]
{caller}
[[routing_gateways]]
name = "vendor"
address = "127.0.0.1"
port = {port}
{callee}
"""
SPEAKS = 'protocol = "h323"\n'


@pytest.fixture(params=["fast", "slow", "slow separate"])
def mode(request):
    """Settings of the gateways on either side."""
    fast = "true" if request.param == "fast" else "false"
    tunnels = "false" if "separate" in request.param else "true"
    return f"{SPEAKS}h323_fast_start = {fast}\nh323_tunnelling = {tunnels}\n"


@pytest.fixture
def switches(tmp_path, mode):
    """Two switches, H.323 between them: the first takes SIP, the second's vendor is at the port."""
    signalling, vendor = free_port(), free_port()
    listen = {"address": f"h323:127.0.0.1:{signalling}"}
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    buyer, seller = provisioned(tmp_path / "first"), provisioned(tmp_path / "second", listen=(listen,))
    buyer.provision(PROVISION.format(caller="", port=signalling, callee=mode))
    seller.provision(PROVISION.format(caller=mode, port=vendor, callee=""))
    try:
        for one in (buyer, seller):
            one.start()
        until(lambda: any("h323" in address for address in seller.json("node", "status")[0]["listen"]), 60, "H.323")
        yield buyer, seller, vendor
    finally:
        for one in (buyer, seller):
            one.stop()


def test_a_call_goes_through_two_switches_and_both_bill_it(switches, tmp_path):
    buyer, seller, vendor = switches
    media = ("-mp", str(media_port()))
    answering = sipp_peer(tmp_path, "uas", called(ANSWER), vendor, *media)
    calling = sipp_peer(tmp_path, "uac", caller(CALL), free_port(), "-s", "4366", remote=f"127.0.0.1:{buyer.port}")
    try:
        calling.succeeds()
        answering.succeeds()
    finally:
        calling.stop()
        answering.stop()
    for one in (buyer, seller):
        (cdr,) = one.cdrs(1)
        assert (cdr["caller"], cdr["callee"]) == ("4312345", "4366")
        assert (cdr["end_reason"], cdr["fee"], cdr["codec"]) == ("normal", "0.01", "PCMA")
        assert Decimal(one.balance("C")) == Decimal("9.99")
