"""The generator's caller over WebSocket (RFC 7118)."""

from __future__ import annotations

import asyncio

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, Message, Request, TextMessage

from tests.bench.generator import Caller


class WebSocketCaller(Caller):
    """One WebSocket and the calls on it; each frame is one message."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Shake hands."""
        super().connection_made(transport)
        self.socket = WSConnection(ConnectionType.CLIENT)
        self.open = False
        self.waiting: list[str] = []
        self.wire.write(self.socket.send(Request(host=self.options.host, target="/", subprotocols=["sip"])))

    def write(self, message: str) -> None:
        """Send one message, as soon as the handshake is over."""
        if self.open:
            self.wire.write(self.socket.send(Message(data=message)))
        else:
            self.waiting.append(message)

    def data_received(self, data: bytes) -> None:
        """Take messages out of frames."""
        self.socket.receive_data(data)
        for event in self.socket.events():
            if isinstance(event, AcceptConnection):
                self.open = True
                for message in self.waiting:
                    self.write(message)
            elif isinstance(event, (TextMessage, BytesMessage)):
                text = event.data if isinstance(event.data, str) else bytes(event.data).decode()
                self.heard(text.partition("\r\n\r\n")[0])
