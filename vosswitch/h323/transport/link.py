"""The local socket between switch and H.323 process, from either end: what comes is worked on in small portions."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from zope.interface import implementer

from vosswitch.h323.transport.sending import put
from vosswitch.h323.wire import BadLine, Lines, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

AT_ONCE, SLICE = 16, 0.002
"""Messages that are worked on in one turn of the reactor at the most, and seconds after which no more is begun: so that
nobody else waits for long."""
SOON = 0.05
"""Seconds that a message waits for company that nobody waits for."""
_HIGH, _LOW = 1000, 200
"""Messages that wait here before the other side is not read any more, and until it is again."""


@implementer(IPushProducer)
class Link(Protocol):
    """One end.

    :param heard: takes each message.
    :param lost: told that the other end is gone.
    :ivar full_since: when the other end stopped reading, monotonic seconds; None = it reads.
    """

    transport: Any

    def __init__(self, reactor: Any, heard: Callable[[tuple[Any, ...]], None], lost: Callable[[str], None]) -> None:
        self._reactor = reactor
        self._heard = heard
        self._lost = lost
        self._lines = Lines()
        self._waiting: deque[bytes] = deque()
        self._turn: Any = None
        self._held = False
        self._gathered: list[bytes] = []
        self._flushing: Any = None
        self.full_since: float | None = None
        self.open = False

    def send(self, *message: Any) -> None:
        """Send a message; nothing when the other end is gone."""
        if not self.open:
            return
        data = pack(*message)
        if self._gathered:
            self._gathered.append(data)
            self.flush()
        else:
            put(self.transport, data)

    def send_soon(self, *message: Any) -> None:
        """Send a message that nobody waits for: with the next one, or a little later by itself."""
        if not self.open:
            return
        self._gathered.append(pack(*message))
        if self._flushing is None:
            self._flushing = self._reactor.callLater(SOON, self.flush)

    def flush(self) -> None:
        """Send what waits for company."""
        if self._flushing is not None:
            if self._flushing.active():
                self._flushing.cancel()
            self._flushing = None
        gathered, self._gathered = self._gathered, []
        if self.open and gathered:
            put(self.transport, b"".join(gathered))

    def close(self) -> None:
        """Say no more, and hear nothing; what was said is still sent."""
        self._waiting.clear()
        self._heard = _nothing
        self.flush()
        if self.open:
            self.open = False
            self.transport.loseConnection()

    # What the other end does.

    def connectionMade(self) -> None:
        """It is there."""
        self.open = True
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        """Take what came; some is worked on at once."""
        try:
            self._waiting.extend(self._lines.feed(data))
        except BadLine as bad:
            self._give_up(str(bad))
            return
        if self._turn is None:
            self._work()
        if len(self._waiting) > _HIGH and not self._held:
            self._held = True
            self.transport.pauseProducing()

    def _work(self) -> None:
        self._turn = None
        waiting = self._waiting
        until = self._reactor.seconds() + SLICE
        for _ in range(min(AT_ONCE, len(waiting))):
            try:
                message = unpack(waiting.popleft())
            except BadLine as bad:
                self._give_up(str(bad))
                return
            self._heard(message)
            if self._reactor.seconds() >= until:
                break
        if waiting:
            self._turn = self._reactor.callLater(0, self._work)
        if self._held and len(waiting) < _LOW and self.open:
            self._held = False
            self.transport.resumeProducing()

    def _give_up(self, why: str) -> None:
        self._waiting.clear()
        self.open = False
        self.transport.abortConnection()
        self._end(why)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is gone; what it said before is worked on first."""
        self.open = False
        while self._waiting:
            try:
                self._heard(unpack(self._waiting.popleft()))
            except BadLine:
                break
        self._end(str(reason.value))

    def _end(self, why: str) -> None:
        self.flush()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        lost, self._lost = self._lost, _nobody
        lost(why)

    # What our own transport says of the other end's reading.

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's word
        """It does not keep up."""
        self.full_since = self._reactor.seconds()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's word
        """It reads again."""
        self.full_since = None

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's word
        """It is gone."""


def _nothing(_message: tuple[Any, ...]) -> None:
    """Nobody listens any more."""


def _nobody(_why: str) -> None:
    """Told already."""
