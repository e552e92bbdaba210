"""Contents of the Q.931 information elements that calls use: numbers, cause, progress, texts (Q.931 section 4.5).

Every reader takes any bytes: what does not fit is left out, never an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vosswitch.h323 import q931

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPES = {0: "unknown", 1: "international", 2: "national", 3: "network", 4: "subscriber", 6: "abbreviated"}
_PLANS = {0: "unknown", 1: "isdn", 3: "data", 4: "telex", 8: "national", 9: "private"}
_PRESENTATIONS = {0: "allowed", 1: "restricted", 2: "unavailable"}
_SCREENINGS = {0: "user", 1: "user_passed", 2: "user_failed", 3: "network"}
_REASONS = {1: "user-busy", 2: "no-answer", 4: "deflection", 9: "out-of-service", 10: "deflection", 15: "unconditional"}

GATEWAY_BEARER = b"\x90\x90\xa3"
"""Bearer capability: 3.1 kHz audio, 64 kbit/s, G.711 A-law: what a voice gateway says."""

_LONGEST_TEXT = 82
"""Octets of a Display element (Q.931 4.5.16)."""
_LONGEST_NUMBER = 128
"""Digits of a number that we send and take; E.164 has 15."""
_IN_BAND = frozenset({1, 8})
"""Progress descriptions: not end-to-end ISDN (further progress may be in-band), in-band information is there."""
_CHARACTER_SETS = frozenset({0xB0, 0xB1})
"""First octet of a Display of some exchanges, which is none of the text's."""


class Party(NamedTuple):
    """A number of a Q.931 element, with what its octets 3, 3a and 3b say.

    :ivar number: digits (any printable ASCII), "" = none was given.
    :ivar type: ``unknown``, ``international``, ``national``, ``network``, ``subscriber`` or ``abbreviated``.
    :ivar plan: ``unknown``, ``isdn``, ``data``, ``telex``, ``national`` or ``private``.
    :ivar presentation: ``allowed``, ``restricted`` or ``unavailable``; "" = not told.
    :ivar screening: ``user``, ``user_passed``, ``user_failed`` or ``network``; "" = not told.
    :ivar reason: of a redirecting number: why, as in `vosswitch.model.identity.Diversion`; "" = not told.
    """

    number: str = ""
    type: str = "unknown"
    plan: str = "isdn"
    presentation: str = ""
    screening: str = ""
    reason: str = ""


NO_PARTY = Party()


def read_party(content: bytes | None) -> Party:
    """A Calling, Called, Connected or Redirecting Party Number element; `NO_PARTY` when there is none."""
    if not content:
        return NO_PARTY
    kind, plan = content[0] >> 4 & 7, content[0] & 15
    octets: list[int] = []
    at = 1
    while not content[at - 1] & 0x80 and at < len(content) and len(octets) < 2:  # bit 8 clear: one more such octet
        octets.append(content[at])
        at += 1
    presentation = screening = reason = ""
    if octets:
        presentation, screening = _PRESENTATIONS.get(octets[0] >> 5 & 3, ""), _SCREENINGS[octets[0] & 3]
    if len(octets) == 2:
        reason = _REASONS.get(octets[1] & 15, "unknown")
    number = digits(content[at : at + _LONGEST_NUMBER])
    return Party(number, _TYPES.get(kind, "unknown"), _PLANS.get(plan, "unknown"), presentation, screening, reason)


def write_party(party: Party) -> bytes:
    """The content of the element; octet 3a only where presentation or screening is told."""
    first = _octet(_TYPES, party.type) << 4 | _octet(_PLANS, party.plan)
    octets = [first]
    if party.presentation or party.screening or party.reason:
        octets.append(_octet(_PRESENTATIONS, party.presentation) << 5 | _octet(_SCREENINGS, party.screening))
    if party.reason:
        octets.append(_octet(_REASONS, party.reason))
    octets[-1] |= 0x80
    return bytes(octets) + party.number[:_LONGEST_NUMBER].encode("ascii", "replace")


def _octet(table: Mapping[int, str], name: str) -> int:
    for value, known in table.items():
        if known == name:
            return value
    return 0


def digits(content: bytes) -> str:
    """What is printable ASCII of it; some stacks end a number or a keypad element with NUL."""
    return "".join(chr(octet) for octet in content if 0x20 <= octet < 0x7F)


def read_text(content: bytes | None) -> str:
    """A Display element: UTF-8 or Latin-1, without the NUL at its end and without control characters."""
    if not content:
        return ""
    if content[0] in _CHARACTER_SETS:
        content = content[1:]
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return "".join(sign for sign in text if sign.isprintable())


def write_text(text: str) -> bytes:
    """The content of a Display element: UTF-8, cut at 82 octets."""
    return text.encode("utf-8", "replace")[:_LONGEST_TEXT].decode("utf-8", "ignore").encode()


def read_cause(content: bytes | None) -> int:
    """The Q.850 value of a Cause element, 0 = none."""
    if not content:
        return 0
    at = 1 if content[0] & 0x80 else 2  # octet 3a, recommendation
    return content[at] & 0x7F if len(content) > at else 0


def write_cause(value: int) -> bytes:
    """A Cause element: ITU-T coding, location user, as the other stacks say."""
    return bytes((0x80, 0x80 | value & 0x7F))


def is_in_band(message: q931.Message) -> bool:
    """Whether a progress indicator says that there are tones or an announcement in the media."""
    return any(
        found == q931.PROGRESS_INDICATOR and len(content) > 1 and content[1] & 0x7F in _IN_BAND
        for found, content in message.elements
    )


IN_BAND = b"\x80\x88"
"""Progress indicator: in-band information or an appropriate pattern is now available."""
NOT_ISDN = b"\x80\x82"
"""Progress indicator: the destination is none of ISDN's; a Progress message has to have one."""
