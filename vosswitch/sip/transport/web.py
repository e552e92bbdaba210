"""SIP over WebSocket (RFC 7118): one connection, whose messages are those of `vosswitch.sip.transport.websocket`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.sip.transport.connection import KEEP_ALIVE_EVERY, Connection
from vosswitch.sip.transport.websocket import GOING, WebSocket

if TYPE_CHECKING:
    from vosswitch.sip.transport.stream import StreamFlow, StreamSocket

_BLANK = b"\r\n"


class WebConnection(Connection):
    """One WebSocket, made by a client."""

    def __init__(self, owner: StreamSocket, flow: StreamFlow | None, source: str) -> None:
        super().__init__(owner, flow, source)
        self._web = WebSocket(owner.listener.origins)
        self._rested = 0.0

    def opened(self) -> None:
        """The stream is there; the upgrade comes first."""

    def cut(self, data: bytes) -> list[bytes]:
        """The messages that are whole now; keep-alives are answered here (RFC 7118 section 6)."""
        web, now = self._web, self._socket.timers.now()
        if now - self._rested >= 1.0:
            self._rested = now
            web.rest()
        found = web.feed(data)
        self._flush()
        if web.ready:
            if not self._ready:
                self.begin()
            self._last = now
        if web.over:
            self._end()
        messages = []
        for item in found:
            if len(item) > 4 or item.strip(_BLANK):
                messages.append(item)
            elif item == b"\r\n\r\n":
                self.send(_BLANK)
        return messages

    def _flush(self) -> None:
        web = self._web
        if web.out:
            out, web.out = web.out, b""
            self.write(out)

    def _end(self) -> None:
        if self._web.trouble:
            self.complain(f"WebSocket: {self._web.trouble}")
        self.close()

    @property
    def pending(self) -> int:
        """Bytes of a message that is not whole."""
        return self._web.pending

    @property
    def idle(self) -> float:
        """A client that leaves two pings unanswered is gone."""
        return 2.5 * KEEP_ALIVE_EVERY

    @property
    def keeps_alive(self) -> bool:
        """We ping, since browsers cannot."""
        return self._ready

    def keep_alive(self) -> None:
        """Send a ping."""
        self.write(self._web.ping())

    def send(self, data: bytes) -> None:
        """Send one message."""
        self.write(self._web.wrap(data))

    def close(self) -> None:
        """Say goodbye and end the connection."""
        if not self._closing and self._web.ready:
            self._web.close(GOING)
            self._flush()
        super().close()
