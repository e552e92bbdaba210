"""What we say of ourselves in H.225.0 and H.245 messages."""

from __future__ import annotations

from typing import Any

import vosswitch

H225_VERSION = (0, 0, 8, 2250, 0, 4)
"""protocolIdentifier of H.225.0 (2000).  Version 4 has all that we send; gateways of carriers are of versions 2-4, and
a peer may use nothing newer towards us that we would have to know."""
H245_VERSION = (0, 0, 8, 245, 0, 8)
"""protocolIdentifier of H.245: version 8, what Asterisk says beside H.225.0 version 4."""

PRODUCT = "vosswitch"

_VENDOR = {"t35CountryCode": 181, "t35Extension": 0, "manufacturerCode": 0}
"""H.221 identification (T.35): manufacturers are registered with a country; 0 is nobody's."""


def vendor() -> dict[str, Any]:
    """``VendorIdentifier``."""
    return {"vendor": _VENDOR, "productId": PRODUCT.encode(), "versionId": vosswitch.__version__.encode()}


def endpoint() -> dict[str, Any]:
    """``EndpointType``: a gateway."""
    return {"vendor": vendor(), "gateway": {}, "mc": False, "undefinedNode": False}
