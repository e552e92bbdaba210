"""From octets to `vosswitch.h323.messages`: Q.931 elements and the UUIE together, bounded on everything."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from vosswitch.h323 import messages, per, q931
from vosswitch.h323.addresses import read_address, read_aliases
from vosswitch.h323.elements import digits, is_in_band, read_cause, read_party, read_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.elements import Party

BadMessage = q931.BadMessage

MOST_CHANNELS = 48
"""Fast start proposals of one message that are read: two for each codec."""
MOST_CONTROL = 32
"""Tunnelled H.245 messages of one message that are read."""
MOST_TOKENS = 8
_LONGEST_VENDOR = 80
_NO_IDENTIFIER = bytes(16)
_H323 = 0x05
"""Protocol discriminator of the User-User element: ASN.1 of H.225.0."""

PRESENTATIONS = {
    "presentationAllowed": "allowed",
    "presentationRestricted": "restricted",
    "addressNotAvailable": "unavailable",
}
SCREENINGS = {
    "userProvidedNotScreened": "user",
    "userProvidedVerifiedAndPassed": "user_passed",
    "userProvidedVerifiedAndFailed": "user_failed",
    "networkProvided": "network",
}


def read(data: bytes) -> messages.Message:
    """Read one Q.931 message with its UUIE.

    A fast start element or a tunnelled message that cannot be decoded is left out.

    :raises BadMessage: it is none, its UUIE cannot be decoded, or it is a Setup without one.
    """
    envelope = q931.decode(data)
    pdu = _pdu(envelope)
    name, body = pdu.get("h323-message-body", ("empty", 0))
    if name != BODIES.get(envelope.kind):
        body = {}  # empty, or another message's: nothing in it is about this one
    reader = _READERS.get(envelope.kind, _other)
    return reader(envelope, body, _shared(envelope, pdu, body))


def _pdu(envelope: q931.Message) -> dict[str, Any]:
    content = envelope.element(q931.USER_USER)
    if not content or content[0] != _H323:
        return {}
    try:
        pdu: dict[str, Any] = per.decode_uuie(content[1:])["h323-uu-pdu"]
    except per.BadPdu as error:
        raise BadMessage(f"{envelope.name}: {error}") from None
    return pdu


def _shared(envelope: q931.Message, pdu: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """The fields that every message has."""
    control = _decoded(pdu.get("h245Control"), per.decode_h245, MOST_CONTROL)
    told = "h245Tunnelling" in pdu and "provisionalRespToH245Tunnelling" not in pdu
    return {
        "reference": envelope.reference,
        "call_identifier": _identifier(body),
        "h245_address": read_address(body.get("h245Address")),
        "fast_start": _decoded(body.get("fastStart"), per.decode_olc, MOST_CHANNELS),
        "fast_connect_refused": "fastConnectRefused" in body,
        "tunnelling": pdu["h245Tunnelling"] if told else bool(control),
        "tells_tunnelling": told,
        "control": control or (),
        "display": read_text(envelope.element(q931.DISPLAY)),
        "protocol": (body.get("protocolIdentifier") or (0,))[-1],
    }


def _identifier(body: dict[str, Any]) -> bytes | None:
    if "callIdentifier" not in body:
        return None
    found: bytes = body["callIdentifier"]["guid"]
    return None if found == _NO_IDENTIFIER else found


def _decoded(items: list[bytes] | None, decode: Callable[[bytes], Any], most: int) -> tuple[Any, ...] | None:
    if items is None:
        return None
    found = []
    for item in items[:most]:
        with contextlib.suppress(per.BadPdu):
            found.append(decode(item))
    return tuple(found)


def _described(shared: dict[str, Any], body: dict[str, Any], info: str = "destinationInfo") -> dict[str, Any]:
    """With what an ``EndpointType`` says of the sender, and what he says of the connection."""
    about = body.get(info)
    shared["multiple_calls"] = body.get("multipleCalls", False)
    shared["maintain_connection"] = body.get("maintainConnection", False)
    if about is not None:
        vendor = about.get("vendor", {})
        words = [read_text(vendor[key]) for key in ("productId", "versionId") if key in vendor]
        shared["vendor"] = " ".join(words)[:_LONGEST_VENDOR]
        shared["gateway"] = "gateway" in about
    return shared


def _party(element: bytes | None, body: dict[str, Any], aliases: str | None = None) -> Party:
    """A number of an element; what it does not say is taken from the UUIE."""
    party = read_party(element)
    if not party.number and aliases is not None:
        numbers = [text for kind, text in read_aliases(body.get(aliases)) if kind in ("dialledDigits", "partyNumber")]
        party = party._replace(number=numbers[0]) if numbers else party
    if not party.presentation and "presentationIndicator" in body:
        party = party._replace(presentation=PRESENTATIONS.get(body["presentationIndicator"][0], ""))
    if not party.screening and "screeningIndicator" in body:
        party = party._replace(screening=SCREENINGS.get(body["screeningIndicator"], ""))
    return party


def _setup(envelope: q931.Message, body: dict[str, Any], shared: dict[str, Any]) -> messages.Setup:
    if not body:
        raise BadMessage("Setup: expected its UUIE")
    redirecting = envelope.element(q931.REDIRECTING)
    return messages.Setup(
        **_described(shared, body, "sourceInfo"),
        caller=_party(envelope.element(q931.CALLING), body),
        callee=read_party(envelope.element(q931.CALLED)),
        source_aliases=read_aliases(body.get("sourceAddress")),
        destination_aliases=read_aliases(body.get("destinationAddress")),
        source_address=read_address(body.get("sourceCallSignalAddress")),
        destination_address=read_address(body.get("destCallSignalAddress")),
        redirecting=read_party(redirecting) if redirecting else None,
        conference_id=body["conferenceID"],
        bearer=envelope.element(q931.BEARER) or b"",
        wait_for_connect=body.get("mediaWaitForConnect", False),
        can_overlap=body.get("canOverlapSend", False),
        complete=envelope.element(q931.SENDING_COMPLETE) is not None,
        endpoint_identifier=body.get("endpointIdentifier", ""),
        tokens=tuple(body.get("tokens", ())[:MOST_TOKENS]),
    )


def _call_proceeding(envelope: q931.Message, body: dict[str, Any], shared: dict[str, Any]) -> messages.CallProceeding:
    return messages.CallProceeding(**_described(shared, body), in_band=is_in_band(envelope))


def _alerting(envelope: q931.Message, body: dict[str, Any], shared: dict[str, Any]) -> messages.Alerting:
    return messages.Alerting(
        **_described(shared, body),
        in_band=is_in_band(envelope),
        party=_party(envelope.element(q931.CONNECTED), body, "alertingAddress"),
    )


def _progress(envelope: q931.Message, body: dict[str, Any], shared: dict[str, Any]) -> messages.Progress:
    return messages.Progress(
        **_described(shared, body),
        in_band=is_in_band(envelope),
        cause=read_cause(envelope.element(q931.CAUSE)),
    )


def _connect(envelope: q931.Message, body: dict[str, Any], shared: dict[str, Any]) -> messages.Connect:
    return messages.Connect(
        **_described(shared, body),
        conference_id=body.get("conferenceID", _NO_IDENTIFIER),
        in_band=is_in_band(envelope),
        party=_party(envelope.element(q931.CONNECTED), body, "connectedAddress"),
    )


def _facility(_envelope: q931.Message, body: dict[str, Any], shared: dict[str, Any]) -> messages.Facility:
    return messages.Facility(
        **shared,
        reason=body["reason"][0] if body else "",
        empty_body=not body,
        alternative_address=read_address(body.get("alternativeAddress")),
        alternative_aliases=read_aliases(body.get("alternativeAliasAddress")),
    )


def _release(envelope: q931.Message, body: dict[str, Any], shared: dict[str, Any]) -> messages.ReleaseComplete:
    return messages.ReleaseComplete(
        **shared,
        cause=read_cause(envelope.element(q931.CAUSE)),
        reason=body["reason"][0] if "reason" in body else "",
    )


def _information(envelope: q931.Message, _body: dict[str, Any], shared: dict[str, Any]) -> messages.Information:
    keypad = digits(envelope.element(q931.KEYPAD) or b"")
    return messages.Information(**shared, keypad=keypad, callee=read_party(envelope.element(q931.CALLED)))


def _other(envelope: q931.Message, _body: dict[str, Any], shared: dict[str, Any]) -> messages.Other:
    state = envelope.element(q931.CALL_STATE)
    cause = read_cause(envelope.element(q931.CAUSE))
    return messages.Other(**shared, name=envelope.name, cause=cause, state=state[0] & 0x3F if state else None)


BODIES = {
    q931.SETUP: "setup",
    q931.CALL_PROCEEDING: "callProceeding",
    q931.ALERTING: "alerting",
    q931.PROGRESS: "progress",
    q931.CONNECT: "connect",
    q931.FACILITY: "facility",
    q931.RELEASE_COMPLETE: "releaseComplete",
    q931.INFORMATION: "information",
    q931.SETUP_ACK: "setupAcknowledge",
    q931.NOTIFY: "notify",
    q931.STATUS: "status",
    q931.STATUS_INQUIRY: "statusInquiry",
}

_READERS: dict[int, Callable[[q931.Message, dict[str, Any], dict[str, Any]], messages.Message]] = {
    q931.SETUP: _setup,
    q931.CALL_PROCEEDING: _call_proceeding,
    q931.ALERTING: _alerting,
    q931.PROGRESS: _progress,
    q931.CONNECT: _connect,
    q931.FACILITY: _facility,
    q931.RELEASE_COMPLETE: _release,
    q931.INFORMATION: _information,
}
