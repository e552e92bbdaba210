"""Fax by T.38 over UDPTL: what H.245 says of it (``t38fax``) and what SDP does (T.38 annex D, RFC 7345).

We pass the packets on and change nothing of them, so what we announce is what every gateway does: version 0, no
transcoding, redundancy, 14.4 kbit/s, as the captured gateways say it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_PROFILE = {
    "fillBitRemoval": False,
    "transcodingJBIG": False,
    "transcodingMMR": False,
    "version": 0,
    "t38FaxRateManagement": ("transferredTCF", 0),
    "t38FaxUdpOptions": {"t38FaxMaxBuffer": 200, "t38FaxMaxDatagram": 72, "t38FaxUdpEC": ("t38UDPRedundancy", 0)},
}
_APPLICATION = ("t38fax", {"t38FaxProtocol": ("udp", 0), "t38FaxProfile": _PROFILE})
_RATE = 144  # in 100 bit/s

LINES = (
    "a=T38FaxVersion:0",
    "a=T38MaxBitRate:14400",
    "a=T38FaxRateManagement:transferredTCF",
    "a=T38FaxMaxBuffer:200",
    "a=T38FaxMaxDatagram:72",
    "a=T38FaxUdpEC:t38UDPRedundancy",
)
"""Attributes of the ``m=image`` section."""
FORMAT = "t38"
PROTOCOL = "udptl"


@dataclass(frozen=True, slots=True)
class Fax:
    """T.38 over UDP as the medium of a logical channel."""


FAX = Fax()


def capability() -> dict[str, Any]:
    """``DataApplicationCapability``."""
    return {"application": _APPLICATION, "maxBitRate": _RATE}


def mode() -> dict[str, Any]:
    """``DataMode`` of RequestMode, without ``t38FaxUdpOptions``: there are gateways that break on them."""
    profile = {name: value for name, value in _PROFILE.items() if name != "t38FaxUdpOptions"}
    application = ("t38fax", {"t38FaxProtocol": ("udp", 0), "t38FaxProfile": profile})
    return {"application": application, "bitRate": _RATE}


def is_fax(body: dict[str, Any]) -> bool:
    """Whether a ``DataApplicationCapability`` or a ``DataMode`` is T.38 over UDP."""
    name, value = body["application"]
    return bool(name == "t38fax" and value["t38FaxProtocol"][0] == "udp")
