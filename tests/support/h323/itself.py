"""A switch that calls itself: SIP in, out by H.323, in by H.323 at another of its addresses, out by SIP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.case import provisioned
from tests.support.switch import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.switch import Switch

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
[[accounts]]
number = "B"
name = "Behind"
balance = "10"
rate_group = "rates"
[[mapping_gateways]]
name = "customer"
account = "C"
addresses = ["127.0.0.1"]
routing_allowed = ["out"]
[[mapping_gateways]]
name = "back"
account = "B"
addresses = ["127.0.0.1"]
routing_allowed = ["vendor"]
protocol = "h323"
{mode}
[[routing_gateways]]
name = "vendor"
address = "127.0.0.1"
port = {vendor}
[[routing_gateways]]
name = "out"
address = "127.0.0.2"
port = {signalling}
protocol = "h323"
{mode}
"""


def calls_itself(folder: Path, vendor: int, mode: str = "") -> Switch:
    """The switch, not running yet; its ``h323_port`` is that of call signalling.

    :param vendor: port of the SIP vendor behind it; *mode* = settings of its H.323 on both sides.
    """
    port = free_port()
    switch = provisioned(folder, listen=({"address": f"h323:127.0.0.2:{port}"},))
    switch.h323_port = port
    switch.provision(PROVISION.format(vendor=vendor, signalling=port, mode=mode))
    return switch
