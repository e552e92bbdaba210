"""The bodies that are understood: session descriptions, and DTMF digits in INFO.

Digits come as ``application/dtmf-relay`` (Signal and Duration lines) or ``application/dtmf`` and go out as the former.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch import sdp
from vosswitch.model.signals import Digit
from vosswitch.sip.grammar.multipart import part_of

if TYPE_CHECKING:
    from vosswitch.model.session import SessionDescription
    from vosswitch.sip.grammar.message import Message, Request

SDP = "application/sdp"
MIXED = frozenset({"multipart/mixed", "multipart/alternative"})
RELAY = "application/dtmf-relay"
ACCEPT = f"Accept: {SDP}, multipart/mixed, {RELAY}, application/dtmf\r\n"

_DIGITS = frozenset("0123456789*#ABCD")
_EVENTS = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
_LONGEST = 10_000


def kind_of(message: Message) -> str:
    """The media type of a body in lower case, without parameters; "" when none is named."""
    kind = message.get("content-type")
    return "" if kind is None else kind.partition(";")[0].strip().lower()


def body_session(message: Message) -> SessionDescription | None:
    """The description that a message carries, as its body or among its parts; None without a body.

    :raises sdp.BadSession: the body is of another kind or cannot be read.
    """
    if not message.body:
        return None
    kind = kind_of(message)
    if kind in {SDP, ""}:
        return sdp.parse(message.body)
    if kind not in MIXED:
        raise sdp.BadSession(f"unexpected body of type {kind}")
    part = part_of(message.body, message.get("content-type") or "", SDP.encode())
    if part is None:
        raise sdp.BadSession("no session description among the parts")
    return sdp.parse(part)


def read_digit(request: Request) -> Digit | None:
    """The digit of an INFO; None when its body is something else."""
    kind = kind_of(request)
    text = request.body[:256].decode("ascii", "replace").strip()
    if kind == "application/dtmf":
        return _digit(text, "")
    if kind != RELAY:
        return None
    fields = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        fields[name.strip().lower()] = value.strip()
    return _digit(fields.get("signal", ""), fields.get("duration", ""))


def _digit(signal: str, duration: str) -> Digit | None:
    digit = _EVENTS.get(signal, signal.upper())
    if digit not in _DIGITS:
        return None
    if duration.isascii() and duration.isdigit() and len(duration) < 6:
        return Digit(digit, min(int(duration), _LONGEST))
    return Digit(digit)


def digit_body(digit: Digit) -> bytes:
    """The ``application/dtmf-relay`` body for a digit."""
    return f"Signal={digit.digit}\r\nDuration={digit.duration}\r\n".encode("ascii", "replace")
