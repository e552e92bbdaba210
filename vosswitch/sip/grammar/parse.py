"""From bytes to messages: one datagram, or a stream cut into messages.

A message that comes out of `parse` has a usable start line, Via, From, To, Call-ID and CSeq, so that the typed reads
of these cannot fail later.  Where RFC 4475 lets an element be liberal without guessing, this one is.
"""

from __future__ import annotations

import re

from vosswitch.sip.grammar.headers import FIELD_NAMES, field_key, field_start, is_token
from vosswitch.sip.grammar.message import BadMessage, Headers, Message, Request, Response

__all__ = ["BadMessage", "Framer", "parse"]

MAX_STREAM_MESSAGE = 65536
LONGEST_HEAD = 16384
"""Bytes of start line and headers; more gets 513."""
MOST_LINES = 400
"""Header lines; more gets 513."""
KEEP_ALIVE = b"\r\n\r\n"
"""What a peer sends to keep a stream open (RFC 5626 section 4.4.1)."""

_FOLD = re.compile(r"\r\n[ \t]+")
_ANY_LINE_END = re.compile(rb"\r?\n")
_BLANKS = (" ", "\t")
_SINGLE = ("from", "to", "call-id", "cseq", "max-forwards")
_SCHEMES = frozenset({"sip", "sips", "tel"})
_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])(?: (.*))?\Z", re.ASCII | re.IGNORECASE | re.DOTALL)
_VERSION = re.compile(r"SIP/[0-9]+\.[0-9]+\Z", re.ASCII | re.IGNORECASE)


def parse(data: bytes) -> Request | Response:
    """Read one whole message: a datagram, or what `Framer` cut out of a stream.

    :raises BadMessage: whatever the bytes are, nothing else.
    """
    head, body = _split(data)
    breaks = head.count(b"\n")
    large = len(head) > LONGEST_HEAD or breaks > MOST_LINES
    if large:
        head = b"\r\n".join(head[:LONGEST_HEAD].split(b"\r\n")[:MOST_LINES])
    try:
        text, encoding = head.decode(), "utf-8"
    except UnicodeDecodeError:
        text, encoding = head.decode("latin-1"), "latin-1"
    lines = text.split("\r\n")
    headers = _read_headers(lines)
    if headers is None:
        text = _FOLD.sub(" ", text)
        lines = text.split("\r\n")
        headers = _read_headers(lines) or {}
        breaks = text.count("\n")
    message = _read_start(lines[0], headers, body)
    message.encoding = encoding
    try:
        if large:
            raise BadMessage("Message Too Large", 513)
        if breaks >= len(lines) or text.count("\r") >= len(lines):
            raise BadMessage("Stray line end")
        if len(headers) < len(lines) - 1:
            _check_single(headers)
        _check(message)
    except BadMessage as bad:
        raise _answerable(bad, message) from None
    return message


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Split into head and body; lines ended by LF alone are repaired when nothing else ends the head."""
    end = data.find(b"\r\n\r\n")
    if end <= 0 or data[0] == 13 or data[0] == 10:
        data = data.lstrip(b"\r\n")
        end = data.find(b"\r\n\r\n")
    if end >= 0:
        return data[:end], data[end + 4 :]
    head, _, body = data.partition(b"\n\n")
    return _ANY_LINE_END.sub(b"\r\n", head), body


def _read_headers(lines: list[str]) -> Headers | None:
    """Collect the header lines; None when some are folded.

    A line that is no header is ignored, as RFC 3261 section 8.2 asks for.
    """
    headers: Headers = {}
    key_of = FIELD_NAMES.get
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        key = key_of(name)
        if key is None:
            if name[:1] in _BLANKS:
                return None
            key = field_key(name) if colon else ""
            if not key:
                continue
        if key in headers:
            headers[key].append(value.strip(" \t"))
        else:
            headers[key] = [value.strip(" \t")]
    return headers


def _read_start(start: str, headers: Headers, body: bytes) -> Request | Response:
    if start[:4].upper() == "SIP/":
        status = _STATUS.match(start)
        if status is None:
            raise BadMessage("Malformed Status-Line")
        return Response(int(status[1]), status[2] or "", headers, body)
    parts = start.split()
    if len(parts) == 3 and parts[2] == "SIP/2.0" and is_token(parts[0]):
        return Request(parts[0], parts[1], headers, body)
    return _read_odd_request(parts, headers, body)


def _read_odd_request(parts: list[str], headers: Headers, body: bytes) -> Request:
    """Read a Request-Line that is unusual: lower-case protocol name is taken, everything else refused."""
    request = Request(parts[0] if parts else "", parts[1] if len(parts) == 3 else "", headers, body)
    if len(parts) != 3 or not is_token(parts[0]) or not _VERSION.match(parts[2]):
        raise _answerable(BadMessage("Malformed Request-Line"), request)
    if parts[2].upper() != "SIP/2.0":
        raise _answerable(BadMessage("Version Not Supported", 505), request)
    return request


def _answerable(bad: BadMessage, message: Message) -> BadMessage:
    """Attach the request to the error when a response to it would find its way."""
    if isinstance(message, Request) and message.method not in {"", "ACK"}:
        try:
            message.via  # noqa: B018 - reading it is the question
        except BadMessage:
            if not message.salvage_via():
                return bad
        bad.message = message
    return bad


def _check_single(headers: Headers) -> None:
    for name in _SINGLE:
        if len(headers.get(name, ())) > 1:
            raise BadMessage(f"More than one {field_start(name)[:-2]}")


def _check(message: Request | Response) -> None:
    """Make sure of everything that a transaction needs; what was parsed on the way stays with the message."""
    _cut_body(message, message.headers.get("content-length"))
    message.prime()
    if isinstance(message, Response):
        return
    if message.cseq.method != message.method:
        raise BadMessage("CSeq method does not match")
    target = message.target
    if target.scheme not in _SCHEMES:
        raise BadMessage("Unsupported URI Scheme", 416)
    if target.headers:
        raise BadMessage("Headers in Request-URI")


def _cut_body(message: Message, lengths: list[str] | None) -> None:
    """Cut the body to its Content-Length (RFC 3261 section 18.3); without one it reaches to the end."""
    if lengths is None or (len(lengths) == 1 and lengths[0] == str(len(message.body))):
        return
    length = _content_length(lengths)
    if length != len(message.body):
        if length > len(message.body):
            raise BadMessage("Body shorter than Content-Length")
        message.body = message.body[:length]


def _content_length(values: list[str]) -> int:
    text = values[0]
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise BadMessage("Malformed Content-Length")
    if len(values) > 1 and any(other != text for other in values):
        raise BadMessage("Content-Length given twice")
    return int(text)


_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*((?:\r\n[ \t]+)?[^\r\n]*)", re.IGNORECASE)


class Framer:
    """Cuts a stream into messages (RFC 3261 section 18.3).

    :ivar limit: the most bytes one message may have.
    """

    __slots__ = ("_buffer", "_needed", "_searched", "limit")

    def __init__(self, limit: int = MAX_STREAM_MESSAGE) -> None:
        self.limit = limit
        self._buffer = bytearray()
        self._searched = 0
        self._needed = 0

    @property
    def pending(self) -> int:
        """Bytes of a message that is not whole."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take what has arrived; give every message that is whole now, and `KEEP_ALIVE` for each of those.

        A message without Content-Length, which a stream may not carry, counts as one without a body.

        :raises BadMessage: the stream cannot be used any more; what was whole before that is lost with it.
        """
        self._buffer += data
        found = []
        while (item := self._next()) is not None:
            found.append(item)
        return found

    def _next(self) -> bytes | None:
        if not self._needed:
            if self._at_keep_alive():
                return KEEP_ALIVE
            self._needed = self._measure()
        if not self._needed or len(self._buffer) < self._needed:
            return None
        item = bytes(self._buffer[: self._needed])
        del self._buffer[: self._needed]
        self._needed = self._searched = 0
        return item

    def _at_keep_alive(self) -> bool:
        """Take the line ends off the front; true when they were a double one."""
        buffer = self._buffer
        while buffer[:2] == b"\r\n" and len(buffer) >= 4:
            if buffer[:4] == KEEP_ALIVE:
                del buffer[:4]
                return True
            if buffer[:3] == b"\r\n\r":
                raise BadMessage("Stray line end")
            del buffer[:2]
        return False

    def _measure(self) -> int:
        """Find the size of the message at the front; 0 while its head is not whole."""
        end = self._buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched > self.limit:
                raise BadMessage("Message Too Large", 513)
            return 0
        head = bytes(self._buffer[: end + 4])
        values = [found.strip().decode("latin-1") for found in _LENGTH.findall(head)]
        try:
            size = len(head) + (_content_length(values) if values else 0)
            if size > self.limit:
                raise BadMessage("Message Too Large", 513)
        except BadMessage as bad:
            raise _with_head(bad, head) from None
        return size


def _with_head(bad: BadMessage, head: bytes) -> BadMessage:
    """Attach what can be read of a request whose body cannot be told, so that it can be refused before closing."""
    try:
        request = parse(_LENGTH.sub(b"", head))
    except BadMessage as worse:
        bad.message = worse.message
    else:
        bad.message = request if isinstance(request, Request) and request.method != "ACK" else None
    return bad
