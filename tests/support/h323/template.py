"""Recorded messages with other numbers, identifiers, addresses, ports and channel numbers in them."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any

from tests.support.h323 import codec as per
from vosswitch.h323 import q931

Address = tuple[str, int]
"""Host and port."""


@dataclass(slots=True)
class Facts:
    """What one call of ours has instead of the recorded values.

    :ivar number: the caller's number, *called* the one it calls.
    :ivar signal: our call signalling address, *remote* the peer's, *control* where we listen for H.245, *media* our RTP
        (RTCP is behind it).
    :ivar codec: the only codec, such as ``("g729", 2)``; None = those of the recording.
    :ivar calling: the octets before the calling number: type and plan, presentation and screening.
    :ivar offered: what the peer's Setup proposed in fastStart, *opened* our channels in the answer to that, *fast* = we
        have taken it.
    """

    number: str
    called: str
    signal: Address
    remote: Address
    control: Address
    media: Address
    reference: int = 0
    identifier: bytes = b""
    conference: bytes = b""
    codec: tuple[str, Any] | None = None
    calling: bytes = b"\x01\x80"
    offered: list[dict[str, Any]] = field(default_factory=list)
    opened: set[int] = field(default_factory=set)
    fast: bool = False


def placed(value: Any, facts: Facts) -> Any:
    """A decoded value with the facts in it."""
    if isinstance(value, list):
        return [placed(each, facts) for each in value]
    if isinstance(value, tuple):
        if len(value) == 2 and isinstance(value[0], str):
            if facts.codec and value[0] in {"audioData", "receiveAudioCapability"}:
                return value[0], facts.codec
            return value[0], placed(value[1], facts)
        return value
    if not isinstance(value, dict):
        return value
    made = {name: placed(each, facts) for name, each in value.items()}
    return made | {name: new for name, new in _known(value, facts).items() if name in value}


def _known(value: dict[str, Any], facts: Facts) -> dict[str, Any]:
    rtcp = facts.media[0], facts.media[1] + 1
    return {
        "callIdentifier": {"guid": facts.identifier},
        "conferenceID": facts.conference,
        "h245Address": h225_address(facts.control),
        "destCallSignalAddress": h225_address(facts.remote),
        "sourceCallSignalAddress": h225_address(facts.signal),
        "mediaChannel": h245_address(facts.media),
        "mediaControlChannel": h245_address(rtcp),
        "alertingAddress": [("dialledDigits", facts.called)],
        "connectedAddress": [("dialledDigits", facts.called)],
    }


def h225_address(address: Address) -> tuple[str, Any]:
    """A TransportAddress of H.225.0."""
    return "ipAddress", {"ip": socket.inet_aton(address[0]), "port": address[1]}


def h245_address(address: Address) -> tuple[str, Any]:
    """A TransportAddress of H.245."""
    return "unicastAddress", ("iPAddress", {"network": socket.inet_aton(address[0]), "tsapIdentifier": address[1]})


def read_h225(value: tuple[str, Any]) -> Address:
    """Host and port of a TransportAddress of H.225.0."""
    return socket.inet_ntoa(value[1]["ip"]), value[1]["port"]


def read_h245(value: tuple[str, Any]) -> Address:
    """Host and port of a TransportAddress of H.245."""
    return socket.inet_ntoa(value[1][1]["network"]), value[1][1]["tsapIdentifier"]


def setup(data: bytes, facts: Facts) -> bytes:
    """A Setup: also the numbers, which terminals called by address only leave out."""
    message = q931.decode(data)
    user = per.decode_uuie(message.element(q931.USER_USER)[1:])
    body = user["h323-uu-pdu"]["h323-message-body"][1]
    body.pop("endpointIdentifier", None)
    named = [each for each in body.get("sourceAddress", ()) if each[0] != "dialledDigits"]
    body["sourceAddress"] = [*named, ("dialledDigits", facts.number)]
    body["destinationAddress"] = [("dialledDigits", facts.called)]
    calling, dialled = facts.calling + facts.number.encode(), b"\x81" + facts.called.encode()
    kept = tuple(each for each in message.elements if each[0] not in {q931.CALLING, q931.CALLED, q931.USER_USER})
    numbers = ((q931.CALLING, calling), (q931.CALLED, dialled), (q931.USER_USER, b"\x05" + per.encode_uuie(user)))
    return q931.encode(q931.Message(message.reference, False, message.kind, kept + numbers))


def control(data: bytes, facts: Facts) -> tuple[str, Any]:
    """An H.245 message as value."""
    return placed(per.decode_h245(data), facts)


def signal(data: bytes, facts: Facts, controls: list[tuple[str, Any]], cause: int | None = None) -> bytes:
    """A call signalling message that tunnels these H.245 messages."""
    message = q931.decode(setup(data, facts) if q931.decode(data).kind == q931.SETUP else data)
    elements = []
    for identifier, content in message.elements:
        if identifier == q931.USER_USER:
            elements.append((identifier, b"\x05" + per.encode_uuie(_user(content[1:], facts, controls, message.kind))))
        elif identifier == q931.CAUSE and cause is not None:
            elements.append((identifier, bytes((0x80, 0x80 | cause))))
        else:
            elements.append((identifier, content))
    return q931.encode(q931.Message(facts.reference, message.from_destination, message.kind, tuple(elements)))


def _user(data: bytes, facts: Facts, controls: list[tuple[str, Any]], kind: int) -> dict[str, Any]:
    user = placed(per.decode_uuie(data), facts)
    pdu = user["h323-uu-pdu"]
    pdu.pop("h245Control", None)
    if controls:
        pdu["h245Control"] = [per.encode_h245(each) for each in controls]
    body = pdu["h323-message-body"][1]
    if isinstance(body, dict) and "fastStart" in body:
        proposals = [per.decode_olc(each) for each in body.pop("fastStart")]
        made = [placed(each, facts) for each in proposals] if kind == q931.SETUP else answers(proposals, facts)
        if made:
            body["fastStart"] = [per.encode_olc(each) for each in made]
    return user


def answers(recorded: list[dict[str, Any]], facts: Facts) -> list[dict[str, Any]]:
    """The recorded answer to a fastStart, for what the peer has offered: channel number and codec are the offer's."""
    made = []
    for each in recorded:
        reverse = "reverseLogicalChannelParameters" in each
        offers = [offer for offer in facts.offered if ("reverseLogicalChannelParameters" in offer) == reverse]
        if not offers:
            return []
        wanted = data_type(placed(each, facts))
        offer = next((offer for offer in offers if data_type(offer)[1][0] == wanted[1][0]), offers[0])
        answer = placed(each, facts)
        if reverse:
            facts.opened.add(answer["forwardLogicalChannelNumber"])
            answer["reverseLogicalChannelParameters"]["dataType"] = data_type(offer)
        else:
            answer["forwardLogicalChannelParameters"]["dataType"] = data_type(offer)
            answer["forwardLogicalChannelNumber"] = offer["forwardLogicalChannelNumber"]
        made.append(answer)
        facts.fast = True
    return made


def data_type(channel: dict[str, Any]) -> tuple[str, Any]:
    """What a channel carries, in either direction."""
    reverse = channel.get("reverseLogicalChannelParameters")
    return (reverse or channel["forwardLogicalChannelParameters"])["dataType"]


def parameters(channel: dict[str, Any]) -> dict[str, Any]:
    """The H.225.0 parameters of a channel: addresses and session."""
    reverse = channel.get("reverseLogicalChannelParameters")
    return (reverse or channel["forwardLogicalChannelParameters"])["multiplexParameters"][1]
