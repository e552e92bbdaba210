"""RAS messages to and from bytes, and the fields of theirs that both our gatekeeper and our registrations use.

A message is its kind, as the ASN.1 names it, its ``requestSeqNum``, and a body of pycrate's values
(`vosswitch.h323.per`).  What a peer wrote is read by the functions here only: they bound it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.h323 import per
from vosswitch.h323.addresses import read_address
from vosswitch.h323.versions import H225_VERSION
from vosswitch.model.h323 import TRANSPORT

if TYPE_CHECKING:
    from vosswitch.model.values import Address

LONGEST_IDENTIFIER = 128
"""Characters of an endpoint's or a gatekeeper's identifier."""
MOST_ADDRESSES = 8
"""Addresses of one list that are read."""
WRAP = 65_535
"""``requestSeqNum`` is 1 to this."""


class Kind(StrEnum):
    """The messages that we know, as the ASN.1 of H.225.0 (7.9-7.21) names them."""

    GRQ = "gatekeeperRequest"
    GCF = "gatekeeperConfirm"
    GRJ = "gatekeeperReject"
    RRQ = "registrationRequest"
    RCF = "registrationConfirm"
    RRJ = "registrationReject"
    URQ = "unregistrationRequest"
    UCF = "unregistrationConfirm"
    URJ = "unregistrationReject"
    ARQ = "admissionRequest"
    ACF = "admissionConfirm"
    ARJ = "admissionReject"
    BRQ = "bandwidthRequest"
    BCF = "bandwidthConfirm"
    BRJ = "bandwidthReject"
    DRQ = "disengageRequest"
    DCF = "disengageConfirm"
    DRJ = "disengageReject"
    LRQ = "locationRequest"
    LCF = "locationConfirm"
    LRJ = "locationReject"
    IRQ = "infoRequest"
    IRR = "infoRequestResponse"
    IACK = "infoRequestAck"
    INAK = "infoRequestNak"
    RIP = "requestInProgress"
    RAI = "resourcesAvailableIndicate"
    RAC = "resourcesAvailableConfirm"
    SCI = "serviceControlIndication"
    SCR = "serviceControlResponse"
    NSM = "nonStandardMessage"
    XRS = "unknownMessageResponse"


ANSWERS: dict[str, tuple[Kind, Kind]] = {
    Kind.GRQ: (Kind.GCF, Kind.GRJ),
    Kind.RRQ: (Kind.RCF, Kind.RRJ),
    Kind.URQ: (Kind.UCF, Kind.URJ),
    Kind.ARQ: (Kind.ACF, Kind.ARJ),
    Kind.BRQ: (Kind.BCF, Kind.BRJ),
    Kind.DRQ: (Kind.DCF, Kind.DRJ),
    Kind.LRQ: (Kind.LCF, Kind.LRJ),
}
"""Request -> its confirmation and its rejection."""


class Message(NamedTuple):
    """One RAS message.

    :ivar kind: `Kind`, or the ASN.1's name of another one.
    :ivar number: ``requestSeqNum``.
    """

    kind: str
    number: int
    body: dict[str, Any]


def read(data: bytes) -> Message:
    """Take a datagram apart.

    :raises vosswitch.h323.per.BadPdu: it cannot be read.
    """
    kind, body = per.decode_ras(data)
    if isinstance(body, list):  # admissionConfirmSequence: the first one is the best
        kind, body = Kind.ACF, body[0] if body else {}
    if not isinstance(body, dict) or "requestSeqNum" not in body:
        raise per.BadPdu(f"RasMessage: {kind} without a requestSeqNum")
    return Message(kind, body["requestSeqNum"], body)


def write(message: Message) -> bytes:
    """The datagram.

    :raises vosswitch.h323.per.BadPdu: a value does not fit.
    """
    return per.encode_ras((str(message.kind), {**message.body, "requestSeqNum": message.number}))


def confirm(request: Message, **body: Any) -> Message:
    """What grants a request."""
    return Message(ANSWERS[request.kind][0], request.number, body)


def reject(request: Message, reason: str, detail: Any = 0, **body: Any) -> Message:
    """What refuses a request.

    :param reason: a name of the kind's own list of reasons; *detail* its value, where it is more than a word.
    """
    if request.kind in {Kind.GRQ, Kind.RRQ}:
        body["protocolIdentifier"] = H225_VERSION
    return Message(ANSWERS[request.kind][1], request.number, {"rejectReason": (reason, detail), **body})


def reason_of(message: Message) -> str:
    """Why a request was refused, "" = it does not say."""
    found = message.body.get("rejectReason") or message.body.get("nakReason")
    return str(found[0]) if found else ""


def text(value: Any) -> str:
    """An identifier of an endpoint or a gatekeeper: without the NULs that some peers fill it with."""
    found = str(value or "").rstrip("\0")[:LONGEST_IDENTIFIER]
    return "".join([sign for sign in found if sign.isprintable()])


def identifier(message: Message) -> str:
    """``endpointIdentifier``, "" = none."""
    return text(message.body.get("endpointIdentifier"))


def call_identifier(message: Message) -> bytes:
    """Which call it is about: the callIdentifier, of peers before version 2 the conferenceID; b"" = none."""
    found = message.body.get("callIdentifier")
    return bytes(found["guid"] if found else message.body.get("conferenceID") or b"")


def addresses(values: Any, transport: str = TRANSPORT) -> tuple[Address, ...]:
    """IP addresses of a list of transport addresses, in its order."""
    found = [read_address(value, transport) for value in list(values or ())[:MOST_ADDRESSES]]
    return tuple([one for one in found if one is not None and one.port])


def product(body: dict[str, Any]) -> str:
    """What an endpoint says that it is, for people: product and version of its vendor information."""
    vendor = body.get("endpointVendor") or body.get("terminalType", {}).get("vendor") or {}
    parts = [vendor.get(name, b"").rstrip(b"\0").decode("latin-1") for name in ("productId", "versionId")]
    return "".join([sign for sign in " ".join(filter(None, parts)) if sign.isprintable()])[:128]


class Numbers:
    """Gives ``requestSeqNum``."""

    __slots__ = ("_last",)

    def __init__(self, first: int) -> None:
        self._last = first % WRAP

    def next(self) -> int:
        """The next one."""
        self._last = self._last % WRAP + 1
        return self._last
