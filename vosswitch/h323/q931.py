"""Q.931 messages as H.225.0 uses them (section 7.2 there): header and elements, bounded on every length."""

from __future__ import annotations

from dataclasses import dataclass

_DISCRIMINATOR = 0x08
MOST_ELEMENTS = 32
USER_USER = 0x7E
_SHIFT = 0x90

ALERTING, CALL_PROCEEDING, PROGRESS, SETUP, CONNECT = 0x01, 0x02, 0x03, 0x05, 0x07
SETUP_ACK, RELEASE_COMPLETE, FACILITY, NOTIFY = 0x0D, 0x5A, 0x62, 0x6E
STATUS_INQUIRY, INFORMATION, STATUS = 0x75, 0x7B, 0x7D

NAMES = {
    ALERTING: "Alerting", CALL_PROCEEDING: "CallProceeding", PROGRESS: "Progress", SETUP: "Setup", CONNECT: "Connect",
    SETUP_ACK: "SetupAcknowledge", RELEASE_COMPLETE: "ReleaseComplete", FACILITY: "Facility", NOTIFY: "Notify",
    STATUS_INQUIRY: "StatusInquiry", INFORMATION: "Information", STATUS: "Status",
}  # fmt: skip

BEARER, CAUSE, CALL_STATE, FACILITY_ELEMENT, PROGRESS_INDICATOR = 0x04, 0x08, 0x14, 0x1C, 0x1E
NOTIFICATION, DISPLAY, KEYPAD, SIGNAL, CONNECTED = 0x27, 0x28, 0x2C, 0x34, 0x4C
CALLING, CALLED, REDIRECTING, SENDING_COMPLETE = 0x6C, 0x70, 0x74, 0xA1


class BadMessage(Exception):
    """Not a Q.931 message; one line says what and where."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    :ivar reference: call reference value, 15 bits.
    :ivar from_destination: the flag: sent by the side that the call was made to.
    :ivar kind: message type, such as `SETUP`.
    :ivar elements: (identifier, content) in order; of one-octet elements the identifier is the octet.
    """

    reference: int
    from_destination: bool
    kind: int
    elements: tuple[tuple[int, bytes], ...] = ()

    def element(self, identifier: int) -> bytes | None:
        """The content of the first element of that kind, None = there is none."""
        for found, content in self.elements:
            if found == identifier:
                return content
        return None

    @property
    def name(self) -> str:
        """For people."""
        return NAMES.get(self.kind, f"message {self.kind:#04x}")


def head(data: bytes) -> Message:
    """Read what a message begins with: whose it is and what it is, without its elements.

    :raises BadMessage: it is none of Q.931's.
    """
    return _head(data)[0]


def decode(data: bytes) -> Message:
    """Read one message.

    :raises BadMessage: a length points beyond the message, or it is none of Q.931's.
    """
    message, at = _head(data)
    return Message(message.reference, message.from_destination, message.kind, _elements(data, at))


def _head(data: bytes) -> tuple[Message, int]:
    """The message without its elements, and where they begin."""
    if len(data) < 5 or data[0] != _DISCRIMINATOR:
        raise BadMessage(f"expected protocol discriminator 08, got {data[:5].hex(' ') or 'nothing'}")
    size = data[1] & 0x0F
    if size not in (1, 2) or len(data) < 3 + size:
        raise BadMessage(f"call reference: expected 1 or 2 octets, got {size}")
    flagged = int.from_bytes(data[2 : 2 + size], "big")
    flag = 0x80 << 8 * (size - 1)
    kind = data[2 + size]
    if kind & 0x80:
        raise BadMessage(f"message type: expected below 80, got {kind:02x}")
    return Message(flagged & (flag - 1), bool(flagged & flag), kind), 3 + size


def _elements(data: bytes, at: int) -> tuple[tuple[int, bytes], ...]:
    found: list[tuple[int, bytes]] = []
    while at < len(data):
        if len(found) == MOST_ELEMENTS:
            raise BadMessage(f"expected at most {MOST_ELEMENTS} information elements")
        identifier = data[at]
        at += 1
        if identifier & 0x80:
            found.append((identifier, b""))
            continue
        wide = 2 if identifier == USER_USER else 1
        size = int.from_bytes(data[at : at + wide], "big")
        begin = at + wide
        at = begin + size
        if begin > len(data) or at > len(data):
            raise BadMessage(f"information element {identifier:02x}: expected {size} octets, got {len(data) - begin}")
        found.append((identifier, data[begin:at]))
    return tuple(found)


def encode(message: Message) -> bytes:
    """The bytes of a message, with a call reference of two octets."""
    flagged = message.reference | (0x8000 if message.from_destination else 0)
    parts = [bytes((_DISCRIMINATOR, 2)), flagged.to_bytes(2, "big"), bytes((message.kind,))]
    for identifier, content in message.elements:
        parts.append(bytes((identifier,)))
        if not identifier & 0x80:
            parts.append(len(content).to_bytes(2 if identifier == USER_USER else 1, "big"))
            parts.append(content)
    return b"".join(parts)
