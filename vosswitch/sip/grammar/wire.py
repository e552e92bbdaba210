"""Messages of our own as bytes: built from whole header lines, without a message object in between.

Nothing built here can have a header smuggled in by a value: a line break within a value becomes a space.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from vosswitch.model.peer import PLAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vosswitch.model.peer import PeerProfile
    from vosswitch.sip.grammar.message import Request

ALLOWED = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "PRACK", "REGISTER")
"""The methods that are served."""
ALLOW = f"Allow: {', '.join(ALLOWED)}\r\n"
ALLOW_TRANSFERS = ALLOW.replace("\r\n", ", REFER, NOTIFY\r\n")
"""What a peer is told that may transfer calls (`PeerProfile.transfers`)."""
KNOWN = frozenset({*ALLOWED, "REFER", "NOTIFY", "SUBSCRIBE", "MESSAGE", "PUBLISH"})
"""Methods that exist: 405 when they are not for us; any other name is 501."""


def allowed(profile: PeerProfile) -> str:
    """The Allow line towards a peer."""
    return ALLOW if profile is PLAIN or profile.transfers == "refuse" else ALLOW_TRANSFERS


_BREAKS = re.compile(r"[\r\n\0]+")
_USER_SAFE = "-_.!~*'()&=+$,;?/"


def lines(values: Sequence[str]) -> str:
    """Whole header lines ("Name: value"), each ended by CRLF."""
    text = "\r\n".join(values)
    breaks = len(values) - 1
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
        text = "\r\n".join([_BREAKS.sub(" ", value) for value in values])
    return text + "\r\n"


@lru_cache(maxsize=4096)
def user_text(user: str) -> str:
    """A user part escaped for a SIP URI."""
    return quote(user, safe=_USER_SAFE, errors="replace")


def encode(text: str, encoding: str = "utf-8") -> bytes:
    """Header text as bytes, in the encoding of the message that it answers."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def seal(head: str, body: bytes, content_type: str = "application/sdp", encoding: str = "utf-8") -> bytes:
    """Close a head that ends in CRLF and put the body behind it."""
    if not body:
        return encode(head + "Content-Length: 0\r\n\r\n", encoding)
    head = f"{head}Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return encode(head, encoding) + body


def follow_up(data: bytes, method: str, to: str, extra: tuple[str, ...] = ()) -> str:
    """The ACK (of a final response other than 2xx) or CANCEL that belongs to our own request *data*.

    :param to: the To value to carry; "" = the request's.
    """
    head = data.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape").split("\r\n")
    kept = [f"{method} {head[0].split(' ', 1)[1]}"]
    for text in head[1:]:
        name = text.partition(":")[0]
        if name in {"Via", "From", "Call-ID", "Route", "Max-Forwards"}:
            kept.append(text)
        elif name == "To":
            kept.append(f"To: {to}" if to else text)
        elif name == "CSeq":
            kept.append(f"CSeq: {text.split()[1]} {method}")
    return "\r\n".join((*kept, *extra)) + "\r\nContent-Length: 0\r\n\r\n"


class Echo:
    """What every response copies from its request (RFC 3261 8.2.6.2), rendered once.

    :ivar front: Via and From lines, *back* Call-ID and CSeq lines, *to* the To value as it came.
    :ivar timestamp: the Timestamp line, for a 100.
    :ivar record_route: the Record-Route lines, for responses that make a dialog.
    """

    __slots__ = ("back", "encoding", "front", "record_route", "tagged", "timestamp", "to")

    def __init__(self, request: Request) -> None:
        headers = request.headers
        front = [f"Via: {via}" for via in headers["via"]]
        front.append(f"From: {headers['from'][0]}")
        self.front = lines(front)
        self.to = _BREAKS.sub(" ", headers["to"][0])
        self.tagged = request.to.tag != ""
        self.back = lines((f"Call-ID: {headers['call-id'][0]}", f"CSeq: {headers['cseq'][0]}"))
        self.encoding = request.encoding
        routes = headers.get("record-route")
        self.record_route = lines([f"Record-Route: {route}" for route in routes]) if routes else ""
        stamps = headers.get("timestamp")
        self.timestamp = lines([f"Timestamp: {stamps[0]}"]) if stamps else ""

    def head(self, status: int, reason: str, tag: str) -> str:
        """Status line and the copied headers; *tag* is added to To unless it has one."""
        to = self.to if not tag or self.tagged else f"{self.to};tag={tag}"
        return f"SIP/2.0 {status} {reason}\r\n{self.front}To: {to}\r\n{self.back}"
