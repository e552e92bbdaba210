"""Sets of capabilities: what a ``terminalCapabilitySet`` holds, and the same as values.

Transmit capabilities say nothing to us: what a peer can receive is what counts (H.245 7.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.h323.h245 import audio, fax
from vosswitch.h323.h245.audio import Audio
from vosswitch.h323.versions import H245_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_ENTRIES = 256
"""Entries of a capability table, as many as the message can hold (H.245 ``capabilityTable``)."""
MOST_AUDIO = 32
"""Audio types of a peer that we keep."""
EVENTS = "0-16"
"""RFC 2833 events that we name when nobody has named others: the digits, A-D and hook flash."""
_EVENTS = re.compile(r"[0-9][0-9,\-]{0,63}")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one side can receive.

    :ivar audio: in its order; *event* the RTP payload type of RFC 2833 (96-127), None = it does not take it.
    :ivar events: of RFC 2833, such as ``0-16``.
    :ivar inputs: ways of user input: ``basicString`` (alphanumeric), ``dtmf`` (signal), ``hookflash``.
    """

    audio: tuple[Audio, ...] = ()
    event: int | None = None
    events: str = EVENTS
    fax: bool = False
    inputs: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether it can receive nothing: we shall stop sending (H.323 8.4.6)."""
        return not self.audio and not self.fax


NOTHING = Capabilities()
_INPUTS = ("hookflash", "basicString", "dtmf")


def events(text: str) -> str:
    """RFC 2833 events as they may be passed on; the usual ones where *text* is none."""
    return text if _EVENTS.fullmatch(text) else EVENTS


def read(table: Iterable[tuple[str, Any]]) -> Capabilities:
    """``Capability`` values of a table, in order; what is unknown is left out."""
    heard: list[Audio] = []
    event, named, image = None, EVENTS, False
    inputs = set()
    for kind, body in table:
        if kind in ("receiveAudioCapability", "receiveAndTransmitAudioCapability"):
            found = audio.read(body)
            if found is not None and found not in heard and len(heard) < MOST_AUDIO:
                heard.append(found)
        elif kind in ("receiveDataApplicationCapability", "receiveAndTransmitDataApplicationCapability"):
            image = image or fax.is_fax(body)
        elif kind in ("receiveUserInputCapability", "receiveAndTransmitUserInputCapability"):
            inputs.add(body[0])
        elif kind == "receiveRTPAudioTelephonyEventCapability":
            event, named = body["dynamicRTPPayloadType"], events(body["audioTelephoneEvent"])
    return Capabilities(tuple(heard), event, named, image, frozenset(inputs.intersection(_INPUTS)))


def write(said: Capabilities, number: int) -> dict[str, Any]:
    """A ``TerminalCapabilitySet``; an empty one (`Capabilities.empty`) tells the peer to stop sending.

    :param number: its sequence number.
    """
    body: dict[str, Any] = {"sequenceNumber": number, "protocolIdentifier": H245_VERSION}
    if said.empty:
        return body
    media: list[tuple[str, Any]] = [("receiveAudioCapability", item.value) for item in said.audio]
    if said.fax:
        media.append(("receiveAndTransmitDataApplicationCapability", fax.capability()))
    digits: list[tuple[str, Any]] = [("receiveUserInputCapability", (name, 0)) for name in _INPUTS]
    if said.event is not None:
        event = {"dynamicRTPPayloadType": said.event, "audioTelephoneEvent": said.events}
        digits.append(("receiveRTPAudioTelephonyEventCapability", event))
    table = [
        {"capabilityTableEntryNumber": number, "capability": item} for number, item in enumerate((*media, *digits), 1)
    ]
    last = len(media)
    together = [list(range(1, last + 1)), [last + 1], list(range(last + 2, len(table) + 1))]
    body["multiplexCapability"] = "h2250Capability", _MULTIPLEX
    body["capabilityTable"] = table
    body["capabilityDescriptors"] = [{"capabilityDescriptorNumber": 1, "simultaneousCapabilities": together}]
    return body


_ALONE = {
    "multicastCapability": False,
    "multiUniCastConference": False,
    "mediaDistributionCapability": [
        {
            "centralizedControl": False,
            "distributedControl": False,
            "centralizedAudio": False,
            "distributedAudio": False,
            "centralizedVideo": False,
            "distributedVideo": False,
        }
    ],
}
_MULTIPLEX = {
    "maximumAudioDelayJitter": 250,
    "receiveMultipointCapability": _ALONE,
    "transmitMultipointCapability": _ALONE,
    "receiveAndTransmitMultipointCapability": _ALONE,
    "mcCapability": {"centralizedConferenceMC": False, "decentralizedConferenceMC": False},
    "rtcpVideoControlCapability": False,
    "mediaPacketizationCapability": {"h261aVideoPacketization": False},
    "logicalChannelSwitchingCapability": False,
    "t120DynamicPortCapability": True,
}
"""As h323plus says it: point to point, nothing special."""
