"""One connection of a stream transport: cuts messages out of it, and ends it when the peer is of no use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import Protocol as StreamProtocol

from vosswitch.model.values import Address
from vosswitch.sip.parse import KEEP_ALIVE, BadMessage, Framer

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from vosswitch.sip.timers import Timer
    from vosswitch.sip.transport.stream import StreamFlow, StreamSocket

FIRST_MESSAGE = 30.0
"""Seconds a new connection may wait with its first whole message."""
IDLE = 3700.0
"""Seconds a connection may be silent; longer than a registration lasts by default."""
MOST_WAITING = 512 * 1024
"""Bytes that may wait for a peer that does not read."""


class Connection(StreamProtocol):
    """One TCP connection, whoever made it."""

    def __init__(self, owner: StreamSocket, flow: StreamFlow | None) -> None:
        self._socket = owner
        self._flow = flow
        self._framer = Framer()
        self._timer: Timer | None = None
        self._paused = False
        self._waiting = 0
        self._last = 0.0
        self._spoken = flow is not None

    def connectionMade(self) -> None:
        """Be ready for both directions."""
        transport: Any = self.transport
        peer = transport.getPeer()
        transport.registerProducer(self, True)
        if hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(True)
        timers = self._socket.timers
        self._last = timers.now()
        if self._flow is None:
            self._flow = self._socket.accepted(Address(peer.host, peer.port, "tcp"))
            self._timer = timers.add(FIRST_MESSAGE, self._look)
        else:
            self._timer = timers.add(IDLE, self._look)
        self._flow.connected(self)

    def dataReceived(self, data: bytes) -> None:
        """Cut messages out of the stream and hand them on."""
        flow = self._flow
        assert flow is not None
        try:
            found = self._framer.feed(data)
        except BadMessage as bad:
            self._socket.room.unusable(flow, bad)
            self.close()
            return
        if found:
            self._spoken = True
            self._last = self._socket.timers.now()
        for item in found:
            if item == KEEP_ALIVE:
                self.write(b"\r\n")  # RFC 5626 4.4.1
            else:
                self._socket.room.receive(flow, item)

    def _look(self) -> None:
        """Close an idle connection."""
        timers = self._socket.timers
        left = self._last + IDLE - timers.now() if self._spoken else 0.0
        if left <= 0:
            self.close()
        else:
            self._timer = timers.add(left, self._look)

    def write(self, data: bytes) -> None:
        """Send; a peer that does not read is cut off."""
        transport: Any = self.transport
        if self._paused:
            self._waiting += len(data)
            if self._waiting > MOST_WAITING:
                transport.abortConnection()
                return
        transport.write(data)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The peer reads slowly."""
        self._paused = True

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The peer has caught up."""
        self._paused = False
        self._waiting = 0

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The connection is going away."""

    def close(self) -> None:
        """End the connection from our side."""
        transport: Any = self.transport
        transport.unregisterProducer()
        transport.loseConnection()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Nothing arrives any more."""
        self._socket.timers.cancel(self._timer)
        if self._flow is not None:
            self._flow.lost()
