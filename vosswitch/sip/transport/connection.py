"""One connection of a stream transport: cuts messages out of it, and ends it when the peer is of no use.

Whatever a peer begins has its time: the handshake, the first whole message, every later message, the close.  What it
leaves unfinished or unread is counted (`vosswitch.sip.transport.quota`): neither half-open nor slow ones pile up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Protocol as StreamProtocol
from zope.interface import implementer

from vosswitch.model.values import Address
from vosswitch.sip.grammar.parse import KEEP_ALIVE, BadMessage, Framer
from vosswitch.sip.transport.options import handle_of, mark, notice_loss
from vosswitch.sip.transport.quota import FREE

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from vosswitch.sip.transactions.timers import Timer
    from vosswitch.sip.transport.stream import StreamFlow, StreamSocket

HANDSHAKE = 10.0
"""Seconds for the handshake of TLS, and for the upgrade of a WebSocket."""
FIRST_MESSAGE = 30.0
"""Seconds a new connection may wait with its first whole message."""
WHOLE_MESSAGE = 10.0
"""Seconds in which a message that has begun has to be whole."""
IDLE = 3700.0
"""Seconds a connection may be silent; longer than a registration lasts by default."""
KEEP_ALIVE_EVERY = 110.0
"""Seconds of silence after which we send a keep-alive on connections that we opened (RFC 5626 section 4.4.1)."""
CLOSING = 5.0
"""Seconds that a peer has to take what we sent last and to close its side."""
RESET_AFTER = 0.1
"""Seconds that what we sent last has to leave before a reset (SS_TCP_CLOSE_RESET), which discards what has not."""
MOST_WAITING = 512 * 1024
"""Bytes that may wait for a peer that does not read."""


@implementer(IHandshakeListener)
class Connection(StreamProtocol):
    """One connection, whoever made it.

    :param flow: the way that it is made for; None = a peer has made it.
    :param source: what an incoming connection is counted by.
    """

    def __init__(self, owner: StreamSocket, flow: StreamFlow | None, source: str) -> None:
        self._socket = owner
        self._flow = flow
        self._source = source
        self._ours = flow is not None
        self._framer = Framer()
        self._timer: Timer | None = None
        self._paused = False
        self._waiting = 0
        self._held = 0
        self._last = 0.0
        self._due: float | None = None
        self._ready = False
        self._spoken = self._ours
        self._closing = False

    # -- beginning

    def connectionMade(self) -> None:
        """Be ready for both directions, as soon as the handshake is done."""
        transport: Any = self.transport
        transport.registerProducer(self, True)
        if hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(True)
        handle = handle_of(transport)
        if handle is not None:
            mark(handle, self._socket.room.setting("SS_QOS_SIGNAL"))
            notice_loss(handle)
        timers = self._socket.timers
        self._last = timers.now()
        self._due = self._last + HANDSHAKE
        self._timer = timers.add(HANDSHAKE, self._look)
        if not self._socket.secure:
            self.opened()

    def handshakeCompleted(self) -> None:  # noqa: N802 - Twisted's name
        """TLS is up: see who it is."""
        wrong = self._socket.check_peer(self.transport, self._flow)
        if wrong:
            self.complain(wrong)
            self.abort()
        else:
            self.opened()

    def opened(self) -> None:
        """The stream below is there."""
        self.begin()

    def begin(self) -> None:
        """Messages can flow."""
        transport: Any = self.transport
        self._ready = True
        self._last = self._socket.timers.now()
        self._due = None if self._spoken else self._last + FIRST_MESSAGE
        self._again(KEEP_ALIVE_EVERY if self._ours else IDLE if self._spoken else FIRST_MESSAGE)
        if self._flow is None:
            peer = transport.getPeer()
            remote = Address(peer.host, peer.port, self._socket.address.transport)
            self._flow = self._socket.accepted(remote, transport)
        self._flow.connected(self)

    # -- receiving

    def dataReceived(self, data: bytes) -> None:
        """Cut messages out of the stream and hand them on."""
        if self._closing:
            return
        try:
            found = self.cut(data)
        except BadMessage as bad:
            if self._flow is not None:
                self._socket.room.unusable(self._flow, bad)
            self.close()
            return
        if found:
            self._hand_on(found)
        pending = self.pending
        if pending or self._held or (self._due is not None and self._spoken):
            self._account(pending, bool(found))

    def _hand_on(self, found: list[bytes]) -> None:
        self._heard()
        flow = self._flow
        assert flow is not None
        room, now = self._socket.room, self._socket.timers.now()
        for item in found:
            if item == KEEP_ALIVE:
                self.write(b"\r\n")  # RFC 5626 4.4.1
            else:
                room.take(flow, item, now)
        room.serve_taken()

    def cut(self, data: bytes) -> list[bytes]:
        """The messages that are whole now.

        :raises BadMessage: the stream cannot be used any more.
        """
        return self._framer.feed(data)

    @property
    def pending(self) -> int:
        """Bytes of a message that is not whole."""
        return self._framer.pending

    def _heard(self) -> None:
        """A whole message came, or a keep-alive."""
        self._last = self._socket.timers.now()
        if not self._spoken:
            self._spoken = True
            self._due = None
            self._socket.quota.spoken(self._source)

    def _account(self, pending: int, progress: bool) -> None:
        """Give a message that has begun its time, and count what it holds."""
        if not self._spoken or not self._ready:
            pass  # its time runs already
        elif not pending:
            self._due = None
        elif self._due is None or progress:
            self._due = self._socket.timers.now() + WHOLE_MESSAGE
            self._again(WHOLE_MESSAGE)
        more = max(0, pending - FREE) - self._held
        if more and not self._socket.quota.hold(self._source, more):
            self.complain("too many bytes of unfinished messages")
            self.abort()
        else:
            self._held += more

    # -- time

    def _again(self, delay: float) -> None:
        timers = self._socket.timers
        timers.cancel(self._timer)
        self._timer = timers.add(delay, self._look)

    def _look(self) -> None:
        """Close a connection whose time is over; keep others alive."""
        now = self._socket.timers.now()
        end = self._last + self.idle if self._due is None else min(self._due, self._last + self.idle)
        if self._closing:
            self.abort()
        elif now >= end:
            self.close()
        else:
            quiet = self._last + KEEP_ALIVE_EVERY * (1 + (now - self._last) // KEEP_ALIVE_EVERY)
            if self.keeps_alive and now - self._last >= KEEP_ALIVE_EVERY:
                self.keep_alive()
            self._again(max(0.01, (min(end, quiet) if self.keeps_alive else end) - now))

    @property
    def idle(self) -> float:
        """Seconds that it may be silent."""
        return IDLE

    @property
    def keeps_alive(self) -> bool:
        """Whether we send keep-alives."""
        return self._ours

    def keep_alive(self) -> None:
        """Send one."""
        self.write(KEEP_ALIVE)

    # -- sending

    def send(self, data: bytes) -> None:
        """Send one message."""
        self.write(data)

    def write(self, data: bytes) -> None:
        """Send bytes; a peer that does not read is cut off."""
        transport: Any = self.transport
        if self._paused:
            self._waiting += len(data)
            if self._waiting > MOST_WAITING:
                self.abort()
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

    # -- ending

    def complain(self, why: str) -> None:
        """One line in the log."""
        peer = self.transport.getPeer()  # type: ignore[union-attr]
        where = Address(getattr(peer, "host", "?"), getattr(peer, "port", 0), self._socket.address.transport)
        kind = f"stream {where if self._ours else where.host}"
        self._socket.room.warn("{peer}: {why}", kind, peer=str(where), why=why)

    def close(self) -> None:
        """End the connection from our side."""
        if self._closing:
            return
        self._closing = True
        if self._socket.room.setting("SS_TCP_CLOSE_RESET"):
            self._again(RESET_AFTER)
            return
        transport: Any = self.transport
        self._again(CLOSING)
        transport.unregisterProducer()
        transport.loseConnection()

    def abort(self) -> None:
        """End it at once."""
        self._closing = True
        self.transport.abortConnection()  # type: ignore[union-attr]

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Nothing arrives any more."""
        self._closing = True
        self._socket.timers.cancel(self._timer)
        self._timer = None
        if self._socket.secure and not self._ready:
            self._tell_failure(reason)
        if self._held:
            self._socket.quota.hold(self._source, -self._held)
            self._held = 0
        if not self._ours:
            self._socket.quota.give_back(self._source, not self._spoken)
        if self._flow is not None:
            self._flow.lost()

    def _tell_failure(self, reason: Failure | None) -> None:
        """Log why there was no TLS."""
        why = self._socket.handshake_failure(self.transport, reason)
        if why:
            self.complain(why)
