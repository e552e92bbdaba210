"""The server's side of one WebSocket that carries SIP (RFC 6455, RFC 7118), without I/O.

Bytes go in, whole SIP messages come out; what has to be sent meanwhile (the answer to the upgrade, pongs, a close)
gathers in `WebSocket.out`.  The frames are the work of ``wsproto``; the rules of RFC 7118, limits and policy are here.
"""

from __future__ import annotations

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from vosswitch.sip.grammar.parse import MAX_STREAM_MESSAGE

SUBPROTOCOL = "sip"
MAX_UPGRADE = 8192
"""Bytes of a request for the upgrade."""
MOST_FRAMES = 100
"""Frames without a whole message (pings, pongs, keep-alives, pieces) that a client may send between calls of `rest`."""
_BLANK = 4
"""Bytes of the longest message that is a keep-alive."""
GOING, PROTOCOL, POLICY, TOO_BIG = 1001, 1002, 1008, 1009
"""Close codes (RFC 6455 section 7.4)."""


class WebSocket:
    """One connection.

    :param origins: the web pages that may use it, ``*`` = all; a client that names no page is no browser, and welcome.
    :ivar ready: the upgrade is done.
    :ivar over: nothing more is to be read; the connection ends when `out` is sent.
    :ivar out: what waits to be sent.
    :ivar trouble: why the connection was refused or ended, for the log.
    """

    __slots__ = (
        "_asked", "_frames", "_origins", "_parts", "_size", "_wire", "limit", "out", "over", "ready", "trouble",
    )  # fmt: skip

    def __init__(self, origins: tuple[str, ...], limit: int = MAX_STREAM_MESSAGE) -> None:
        self._origins = origins
        self._wire = WSConnection(ConnectionType.SERVER)
        self._parts: list[bytes] = []
        self._size = 0
        self._asked = 0
        self._frames = 0
        self.limit = limit
        self.ready = False
        self.over = False
        self.out = b""
        self.trouble = ""

    @property
    def pending(self) -> int:
        """Bytes of a message that is not whole."""
        return self._size if self.ready else self._asked

    def feed(self, data: bytes) -> list[bytes]:
        """Take what has arrived; gives the messages that are whole."""
        if self.over:
            return []
        found: list[bytes] = []
        try:
            if not self.ready:
                self._asked += len(data)
                if self._asked > MAX_UPGRADE:
                    raise RemoteProtocolError("request too long", RejectConnection(status_code=431))
            self._wire.receive_data(data)
            for event in self._wire.events():
                if self._take(event, found):
                    break
        except (RemoteProtocolError, LocalProtocolError, UnicodeError) as error:
            self._broken(error)
        return found

    def _take(self, event: Event, found: list[bytes]) -> bool:
        """Do what an event asks for; True when it was the last one."""
        before = len(found)
        self._heed(event, found)
        if isinstance(event, Request) or not getattr(event, "frame_finished", True):
            return self.over
        if len(found) == before or len(found[-1]) <= _BLANK:
            self._frames += 1
            if self._frames > MOST_FRAMES and not self.over:
                self.trouble = "too many frames without a message"
                self.close(POLICY)
        return self.over

    def rest(self) -> None:
        """Some time has gone: frames are counted anew."""
        self._frames = 0

    def _heed(self, event: Event, found: list[bytes]) -> None:
        if isinstance(event, (TextMessage, BytesMessage)):
            self._gather(event, found)
        elif isinstance(event, Ping):
            self.out += self._wire.send(event.response())
        elif isinstance(event, Request):
            self._upgrade(event)
        elif isinstance(event, CloseConnection):
            self.out += self._wire.send(event.response())
            self.over = True

    def _gather(self, event: TextMessage | BytesMessage, found: list[bytes]) -> None:
        part = event.data.encode() if isinstance(event, TextMessage) else bytes(event.data)
        self._size += len(part)
        if self._size > self.limit:
            self.trouble = "message too large"
            self.close(TOO_BIG)
        elif not event.message_finished:
            if part:
                self._parts.append(part)
            if len(self._parts) > 64:  # many small parts: keep the bytes, not the parts
                self._parts = [b"".join(self._parts)]
        else:
            found.append(b"".join([*self._parts, part]) if self._parts else part)
            self._parts, self._size = [], 0

    def _upgrade(self, request: Request) -> None:
        """Accept who speaks SIP and comes from a page that may (RFC 7118 section 4, RFC 6455 section 10.2)."""
        headers = {name.lower(): value for name, value in request.extra_headers}
        origin = headers.get(b"origin", b"").decode("latin-1")
        if SUBPROTOCOL not in request.subprotocols:
            self._refuse(400, "no subprotocol sip")
        elif origin and "*" not in self._origins and origin.lower() not in self._origins:
            self._refuse(403, f"origin {origin[:200]!a} is not among the listener's origins")
        else:
            self.out += self._wire.send(AcceptConnection(subprotocol=SUBPROTOCOL))
            self.ready = True

    def _refuse(self, status: int, why: str) -> None:
        self.trouble = why
        self.out += self._wire.send(RejectConnection(status_code=status, headers=[(b"content-length", b"0")]))
        self.over = True

    def _broken(self, error: Exception) -> None:
        self.trouble = ascii(str(error))[1:-1][:100] or "protocol error"
        hint = getattr(error, "event_hint", None)
        if self.ready:
            self.close(hint.code if isinstance(hint, CloseConnection) else PROTOCOL)
            return
        status = hint.status_code if isinstance(hint, RejectConnection) else 400
        try:
            self._refuse(status, self.trouble)
        except LocalProtocolError:  # nothing that could be answered has come
            self.over = True

    def wrap(self, data: bytes) -> bytes:
        """One SIP message as one WebSocket message: text, or binary when it is no UTF-8."""
        try:
            return bytes(self._wire.send(TextMessage(data=data.decode())))
        except UnicodeDecodeError:
            return bytes(self._wire.send(BytesMessage(data=data)))
        except LocalProtocolError:
            return b""

    def ping(self) -> bytes:
        """A ping."""
        try:
            return bytes(self._wire.send(Ping()))
        except LocalProtocolError:
            return b""

    def close(self, code: int = GOING) -> None:
        """Say goodbye."""
        if not self.over:
            self.over = True
            try:
                self.out += self._wire.send(CloseConnection(code=code))
            except LocalProtocolError:
                self.out += b""
