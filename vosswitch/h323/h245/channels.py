"""Logical channels: what the messages about them have in common (H.245 7.3, H.225.0 section 8).

``transportCapability`` is never sent: there are stacks that refuse it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.h323.h245 import addresses, audio, fax
from vosswitch.h323.h245.fax import FAX, Fax

if TYPE_CHECKING:
    from vosswitch.h323.h245.addresses import Endpoint
    from vosswitch.h323.h245.audio import Audio

AUDIO_SESSION, DATA_SESSION = 1, 3
"""Primary sessions (H.225.0 section 8.5): audio, and data."""
H2250 = "h2250LogicalChannelParameters"
ACK = "h2250LogicalChannelAckParameters"


def data_type(medium: Audio | Fax) -> tuple[str, Any]:
    """``DataType``."""
    if isinstance(medium, Fax):
        return "data", fax.capability()
    return "audioData", medium.value


def read_data_type(value: tuple[str, Any]) -> Audio | Fax | None:
    """The medium of a ``DataType``; None when it is none of ours."""
    kind, body = value
    if kind == "audioData":
        return audio.read(body)
    return FAX if kind == "data" and fax.is_fax(body) else None


def endpoint(body: dict[str, Any]) -> Endpoint | None:
    """Where parameters of a channel want media: their RTP address, else next to their RTCP address."""
    media = addresses.read(body.get("mediaChannel"))
    if media is not None:
        return media
    control = addresses.read(body.get("mediaControlChannel"))
    return (control[0], control[1] - 1) if control is not None and control[1] > 1 else None


def parameters(medium: Audio | Fax, rtp: Endpoint | None, rtcp: Endpoint | None) -> tuple[str, Any]:
    """``h2250LogicalChannelParameters``; None addresses are left out, and fax has no RTCP."""
    image = isinstance(medium, Fax)
    body: dict[str, Any] = {"sessionID": DATA_SESSION if image else AUDIO_SESSION}
    if rtp is not None:
        body["mediaChannel"] = addresses.write(*rtp)
    if rtcp is not None and not image:
        body["mediaControlChannel"] = addresses.write(*rtcp)
    return H2250, body


@dataclass(frozen=True, slots=True)
class Asked:
    """A channel that the peer opens.

    :ivar source: where its media comes from, as its RTCP address tells; None = it does not.
    """

    number: int
    session: int
    medium: Audio | Fax
    source: Endpoint | None = None
