"""The calls that foreign gatekeepers admit us (H.225.0 7.11-7.15): what is asked for them, and told of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.h323.addresses import write_address, write_aliases
from vosswitch.h323.versions import endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vosswitch.h323.legs.line import Timer
    from vosswitch.h323.ras.client import Client
    from vosswitch.model.values import Address

BANDWIDTH = 1280
"""Units of 100 bit/s that a call asks for: G.711 in both directions."""


@dataclass(slots=True)
class Call:
    """A call that a gatekeeper has admitted."""

    client: Client
    reference: int
    conference: bytes
    answer: bool
    bandwidth: int = BANDWIDTH
    timer: Timer | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """What a gatekeeper is asked about a call.

    :ivar call: its callIdentifier; *reference* its call reference.
    :ivar answer: we are called.
    :ivar source: where the Setup came from, of an incoming one.
    """

    call: bytes
    reference: int
    caller: str
    callee: str
    answer: bool = False
    conference: bytes = b""
    source: Address | None = None


def request(client: Client, admission: Admission) -> dict[str, Any]:
    """The body of an ARQ (7.11.1)."""
    callee, caller = _alias(admission.callee), _alias(admission.caller)
    own = client.aliases[:1]
    body: dict[str, Any] = {
        "callType": ("pointToPoint", 0),
        "callModel": ("gatekeeperRouted", 0),
        "endpointIdentifier": client.key,
        "destinationInfo": write_aliases(callee),
        "srcInfo": write_aliases((*caller, *own) if not admission.answer else caller),
        "bandWidth": BANDWIDTH,
        "callReferenceValue": admission.reference,
        "conferenceID": admission.conference or admission.call,
        "activeMC": False,
        "answerCall": admission.answer,
        "canMapAlias": False,
        "callIdentifier": {"guid": admission.call},
        "willSupplyUUIEs": False,
    }
    if admission.source is not None:
        body["srcCallSignalAddress"] = write_address(admission.source)
    return body | client.named()


def _alias(number: str) -> tuple[tuple[str, str], ...]:
    plain = number.removeprefix("+")
    if plain and set(plain) <= set("0123456789*#,"):
        return (("dialledDigits", plain),)
    return (("h323-ID", number),) if number else ()


def _of_call(key: bytes, call: Call) -> dict[str, Any]:
    """One call of an InfoRequestResponse."""
    return {
        "callReferenceValue": call.reference,
        "conferenceID": call.conference,
        "originator": not call.answer,
        "h245": {},
        "callSignalling": {},
        "callType": ("pointToPoint", 0),
        "bandWidth": call.bandwidth,
        "callModel": ("gatekeeperRouted", 0),
        "callIdentifier": {"guid": key},
    }


def information(
    client: Client, target: Address, local: Address, calls: Iterable[tuple[bytes, Call]], unsolicited: bool = False
) -> dict[str, Any]:
    """The body of an InfoRequestResponse to the gatekeeper at *target* (7.15.2)."""
    at = client.desk.calls_at(target, local)
    return {
        "endpointType": endpoint(),
        "endpointIdentifier": client.key or "-",
        "rasAddress": write_address(client.desk.ras_at(target, local)),
        "callSignalAddress": [write_address(at)] if at is not None else [],
        "endpointAlias": write_aliases(client.aliases),
        "perCallInfo": [_of_call(one, call) for one, call in calls],
        "needResponse": False,
        "unsolicited": unsolicited,
    }
