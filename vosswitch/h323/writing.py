"""From `vosswitch.h323.messages` to octets: Q.931 elements in the order of their codes, and the UUIE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.h323 import messages, per, q931
from vosswitch.h323.addresses import write_address, write_aliases
from vosswitch.h323.elements import (
    IN_BAND,
    NO_PARTY,
    NOT_ISDN,
    write_cause,
    write_party,
    write_text,
)
from vosswitch.h323.reading import BODIES, PRESENTATIONS, SCREENINGS
from vosswitch.h323.versions import H225_VERSION, endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.elements import Party

_INDICATORS = {name: kind for kind, name in PRESENTATIONS.items()}
_SCREENED = {name: kind for kind, name in SCREENINGS.items()}
_KEYPAD = 32
"""Digits of one keypad element that we send."""

Elements = list[tuple[int, bytes]]


def write(message: messages.Message, from_destination: bool) -> bytes:
    """The octets of one Q.931 message with its UUIE.

    :param from_destination: we are the side that was called: the flag of the call reference.
    :raises BadMessage: a value fits its type not; an address is a name.
    """
    kind, describe = _WRITERS[type(message)]
    if kind is None:
        kind = _kind(message)
    try:
        elements, body = describe(message)
        elements.append((q931.USER_USER, b"\x05" + per.encode_uuie({"h323-uu-pdu": _pdu(message, kind, body)})))
    except (per.BadPdu, ValueError) as error:
        raise q931.BadMessage(f"{type(message).__name__}: {error}") from None
    if message.display:
        elements.append((q931.DISPLAY, write_text(message.display)))
    elements.sort(key=_code)
    return q931.encode(q931.Message(message.reference, from_destination, kind, tuple(elements)))


def _code(element: tuple[int, bytes]) -> int:
    return element[0]


def _kind(message: messages.Message) -> int:
    name = message.name if isinstance(message, messages.Other) else ""
    for kind, known in q931.NAMES.items():
        if known == name and kind in BODIES:
            return kind
    raise q931.BadMessage(f"cannot write {name}")


def _pdu(message: messages.Message, kind: int, body: dict[str, Any]) -> dict[str, Any]:
    is_empty = isinstance(message, messages.Facility) and message.empty_body
    pdu: dict[str, Any] = {"h323-message-body": ("empty", 0) if is_empty else (BODIES[kind], body)}
    if message.tells_tunnelling:
        pdu["h245Tunnelling"] = message.tunnelling
    if message.control:
        pdu["h245Control"] = [per.encode_h245(item) for item in message.control]
    return pdu


def _body(message: messages.Message) -> dict[str, Any]:
    """What most bodies have."""
    body: dict[str, Any] = {"protocolIdentifier": (*H225_VERSION[:-1], message.protocol)}
    if message.call_identifier is not None:
        body["callIdentifier"] = {"guid": message.call_identifier}
    if message.fast_start is not None:
        body["fastStart"] = [per.encode_olc(item) for item in message.fast_start]
    if message.h245_address is not None:
        body["h245Address"] = write_address(message.h245_address)
    if message.fast_connect_refused:
        body["fastConnectRefused"] = 0
    return body


def _described(message: messages.Described) -> dict[str, Any]:
    """The body of an answer to a Setup."""
    body = _body(message)
    body["destinationInfo"] = _info(message)
    return body | _connection(message)


def _connection(message: messages.Described) -> dict[str, bool]:
    return {"multipleCalls": message.multiple_calls, "maintainConnection": message.maintain_connection}


def _info(message: messages.Described) -> dict[str, Any]:
    info = endpoint()
    if not message.gateway:
        del info["gateway"]
        info["terminal"] = {}
    return info


def _tell(body: dict[str, Any], party: Party) -> None:
    """Presentation and screening of a party."""
    if party.presentation:
        body["presentationIndicator"] = (_INDICATORS[party.presentation], 0)
    if party.screening:
        body["screeningIndicator"] = _SCREENED[party.screening]


def _setup(message: messages.Setup) -> tuple[Elements, dict[str, Any]]:
    body = _body(message)
    body.pop("fastConnectRefused", None)
    body |= {
        "sourceInfo": _info(message),
        "activeMC": False,
        "conferenceID": message.conference_id,
        "conferenceGoal": ("create", 0),
        "callType": ("pointToPoint", 0),
        "mediaWaitForConnect": message.wait_for_connect,
        "canOverlapSend": message.can_overlap,
        **_connection(message),
    }
    _tell(body, message.caller)
    for name, aliases in (
        ("sourceAddress", message.source_aliases),
        ("destinationAddress", message.destination_aliases),
    ):
        if written := write_aliases(aliases):
            body[name] = written
    for name, address in (
        ("destCallSignalAddress", message.destination_address),
        ("sourceCallSignalAddress", message.source_address),
    ):
        if address is not None:
            body[name] = write_address(address)
    if message.endpoint_identifier:
        body["endpointIdentifier"] = message.endpoint_identifier
    if message.tokens:
        body["tokens"] = list(message.tokens)
    return _numbers(message), body


def _numbers(message: messages.Setup) -> Elements:
    found: Elements = [(q931.BEARER, message.bearer)] if message.bearer else []
    if message.caller.number or message.caller.presentation not in ("", "allowed"):
        found.append((q931.CALLING, write_party(message.caller)))
    if message.callee.number:
        found.append((q931.CALLED, write_party(message.callee)))
    if message.redirecting is not None:
        found.append((q931.REDIRECTING, write_party(message.redirecting)))
    if message.complete:
        found.append((q931.SENDING_COMPLETE, b""))
    return found


def _in_band(is_there: bool) -> Elements:
    return [(q931.PROGRESS_INDICATOR, IN_BAND)] if is_there else []


def _call_proceeding(message: messages.CallProceeding) -> tuple[Elements, dict[str, Any]]:
    return _in_band(message.in_band), _described(message)


def _alerting(message: messages.Alerting) -> tuple[Elements, dict[str, Any]]:
    body = _described(message)
    return _in_band(message.in_band) + _called(message.party, body, "alertingAddress"), body


def _connect(message: messages.Connect) -> tuple[Elements, dict[str, Any]]:
    body = _described(message)
    body["conferenceID"] = message.conference_id
    return _in_band(message.in_band) + _called(message.party, body, "connectedAddress"), body


def _called(party: Party, body: dict[str, Any], name: str) -> Elements:
    """Who answers: as alias, with presentation and screening, and as the Connected Number element."""
    _tell(body, party)
    aliases = write_aliases([("dialledDigits", party.number)])
    if not aliases:
        return []
    body[name] = aliases
    return [] if name == "alertingAddress" else [(q931.CONNECTED, write_party(party))]


def _progress(message: messages.Progress) -> tuple[Elements, dict[str, Any]]:
    body = _described(message)
    body.setdefault("callIdentifier", {"guid": bytes(16)})
    cause = [(q931.CAUSE, write_cause(message.cause))] if message.cause else []
    return [(q931.PROGRESS_INDICATOR, IN_BAND if message.in_band else NOT_ISDN), *cause], body


def _facility(message: messages.Facility) -> tuple[Elements, dict[str, Any]]:
    body = _body(message)
    body["reason"] = (message.reason or "undefinedReason", 0)
    if message.alternative_address is not None:
        body["alternativeAddress"] = write_address(message.alternative_address)
    if aliases := write_aliases(message.alternative_aliases):
        body["alternativeAliasAddress"] = aliases
    return [(q931.FACILITY_ELEMENT, b"")], body  # empty: what it is about is in the UUIE (H.225.0 7.2.2.18)


def _release(message: messages.ReleaseComplete) -> tuple[Elements, dict[str, Any]]:
    body = _only(message)
    if message.reason:
        body["reason"] = (message.reason, 0)
    return [(q931.CAUSE, write_cause(message.cause))] if message.cause else [], body


def _information(message: messages.Information) -> tuple[Elements, dict[str, Any]]:
    found: Elements = []
    if message.keypad:
        found.append((q931.KEYPAD, message.keypad[:_KEYPAD].encode("ascii", "replace")))
    if message.callee != NO_PARTY:
        found.append((q931.CALLED, write_party(message.callee)))
    return found, _only(message)


def _other(message: messages.Other) -> tuple[Elements, dict[str, Any]]:
    found: Elements = [(q931.CAUSE, write_cause(message.cause))] if message.cause else []
    if message.state is not None:
        found.append((q931.CALL_STATE, bytes((message.state,))))
    body = _only(message)
    body.setdefault("callIdentifier", {"guid": bytes(16)})
    return found, body


def _only(message: messages.Message) -> dict[str, Any]:
    """A body that has no channels and no addresses."""
    body: dict[str, Any] = {"protocolIdentifier": (*H225_VERSION[:-1], message.protocol)}
    if message.call_identifier is not None:
        body["callIdentifier"] = {"guid": message.call_identifier}
    return body


_WRITERS: dict[type, tuple[int | None, Callable[[Any], tuple[Elements, dict[str, Any]]]]] = {
    messages.Setup: (q931.SETUP, _setup),
    messages.CallProceeding: (q931.CALL_PROCEEDING, _call_proceeding),
    messages.Alerting: (q931.ALERTING, _alerting),
    messages.Progress: (q931.PROGRESS, _progress),
    messages.Connect: (q931.CONNECT, _connect),
    messages.Facility: (q931.FACILITY, _facility),
    messages.ReleaseComplete: (q931.RELEASE_COMPLETE, _release),
    messages.Information: (q931.INFORMATION, _information),
    messages.Other: (None, _other),
}
