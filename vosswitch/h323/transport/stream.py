"""Any TCP connection that carries TPKTs: cut into messages, its peer's greed and sloth bounded."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from zope.interface import implementer

from vosswitch.h323.gate import Bucket
from vosswitch.h323.settings import WAITING_BYTES
from vosswitch.h323.tpkt import BadTpkt, Framer, framed
from vosswitch.h323.transport.sending import put
from vosswitch.model.values import Address

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from vosswitch.h323.transport.world import World

_LINGER = 5.0
"""Seconds that a connection that is to be closed may take to send what it has."""
_SILENCE = (
    (socket.TCP_KEEPIDLE, 60),
    (socket.TCP_KEEPINTVL, 15),
    (socket.TCP_KEEPCNT, 4),
    (socket.TCP_USER_TIMEOUT, 120_000),
)
"""Keep-alive of the connection: a machine that is gone without a word is noticed in two minutes, before the answer and
where calls ask for no signs of life, too.  The last one (milliseconds) is for what it has not acknowledged: without it
TCP would send that again for a quarter of an hour, and ask nothing meanwhile."""
_BURST = 10
"""Seconds' worth of messages that may come at once."""


@implementer(IPushProducer)
class Stream(Protocol):
    """One connection; what is done with its messages is its kind's: `took` and `gone`.

    :ivar remote: the peer's end, *local* ours.
    """

    transport: Any

    def __init__(self, world: World) -> None:
        self.world = world
        self.remote = self.local = Address("", 0, "h323")
        self._framer = Framer()
        self._bucket = Bucket(_BURST * world.settings["VS_H323_MESSAGE_RATE"], world.now())
        self._unread: int | None = None
        self._closing: Any = None
        self.over = False

    # What its kind does.

    def made(self) -> None:
        """The connection is there."""

    def took(self, data: bytes) -> None:
        """One message."""

    def gone(self, reason: str) -> None:
        """It is closed, and not by us."""

    # What others do with it.

    def send(self, data: bytes) -> None:
        """Send one message; a peer that does not read is given up."""
        if self.over or self.transport is None:
            return
        packet = framed(data)
        put(self.transport, packet)
        if self._unread is not None:
            self._unread += len(packet)
            if self._unread > WAITING_BYTES:
                self.give_up("slow_readers", "the peer does not read")

    def close(self) -> None:
        """Close it once all is sent; nothing more is heard of it."""
        if self.over:
            return
        self.over = True
        if self.transport is not None:
            self.transport.loseConnection()
            self._closing = self.world.reactor.callLater(_LINGER, self.transport.abortConnection)

    def abort(self) -> None:
        """Close it at once; nothing more is heard of it."""
        self.over = True
        if self.transport is not None:
            self.transport.abortConnection()

    def give_up(self, counted: str, reason: str) -> None:
        """Close it at once for what its peer does, which is *counted*."""
        self.world.gate.counts[counted] += 1
        if not self.over:
            self.abort()
            self.gone(reason)

    # Twisted's side.

    def connectionMade(self) -> None:
        """It is there."""
        peer, host = self.transport.getPeer(), self.transport.getHost()
        self.remote = Address(peer.host, peer.port, "h323")
        self.local = Address(host.host, host.port, "h323")
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        for option, value in _SILENCE:
            self.transport.getHandle().setsockopt(socket.IPPROTO_TCP, option, value)
        self.transport.registerProducer(self, True)
        if self.over:
            self.transport.abortConnection()
            return
        self.made()

    def dataReceived(self, data: bytes) -> None:
        """Cut it into messages."""
        if self.over:
            return
        try:
            packets = self._framer.feed(data)
        except BadTpkt as bad:
            self.give_up("bad_packets", str(bad))
            return
        for packet in packets:
            rate = self.rate()
            if not self._bucket.take(rate, _BURST * rate, self.world.now()):
                self.give_up("too_many_messages", "too many messages")
                return
            self.world.counts["received"] += 1
            self.took(packet)
            if self._is_over():
                return

    def rate(self) -> float:
        """Messages a second that it may bring."""
        return float(self.world.settings["VS_H323_MESSAGE_RATE"])

    def _is_over(self) -> bool:
        return self.over

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is gone."""
        if self._closing is not None:
            if self._closing.active():
                self._closing.cancel()
            self._closing = None
        self.left()
        if not self.over:
            self.over = True
            self.gone(str(reason.value))

    def left(self) -> None:
        """The socket is closed, by whomever."""

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's word
        """The peer does not keep up; from now on it is counted."""
        self._unread = 0

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's word
        """It has read."""
        self._unread = None

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's word
        """It is gone."""
