"""One connection to the control socket: who it is, its requests in turn, its answers within bounds."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IPushProducer
from twisted.protocols.basic import LineOnlyReceiver
from zope.interface import implementer

from vosswitch.control.protocol import (
    REQUEST_LIMIT,
    SLICE,
    Answer,
    ControlError,
    Request,
    answer_line,
    read_request,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from twisted.internet.interfaces import IDelayedCall
    from twisted.python.failure import Failure

QUEUE = 256
"""Requests that a client may send ahead of their answers."""

STALL = 60.0
"""Seconds after which a client that does not read is dropped."""


class Peer(NamedTuple):
    """Who is at the other end."""

    pid: int
    uid: int
    gid: int


def peer_of(connection: socket.socket) -> Peer:
    """Ask the kernel (SO_PEERCRED, unix(7))."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return Peer(*struct.unpack("3i", raw))


def admitted(peer: Peer, group: int) -> bool:
    """Whether the peer may speak: root, our own user, or a member of the socket's group."""
    if peer.uid in (0, os.geteuid()) or peer.gid == group:
        return True
    try:
        return pwd.getpwuid(peer.uid).pw_name in grp.getgrgid(group).gr_mem
    except KeyError:
        return False


@implementer(IPushProducer)
class ControlProtocol(LineOnlyReceiver):
    """A client's connection.

    Requests are worked off one after the other.  While the client does not read, nothing further is started; a client
    that does not read for `STALL` seconds, or sends more than `QUEUE` requests ahead, is dropped.

    :param clock: the reactor.
    :param perform: does one request: gives a result, a Deferred, or an iterator of rows; raises `ControlError`.
    :param admit: whether the peer of this connection may speak.
    :param failed: told of exceptions that are not `ControlError`: ``failed(request, Failure)``.
    """

    transport: Any
    delimiter = b"\n"
    MAX_LENGTH = REQUEST_LIMIT

    def __init__(
        self,
        clock: Any,
        perform: Callable[[Request, Peer | None], Any],
        admit: Callable[[Any], Peer | None],
        failed: Callable[[Request, Failure], None],
    ) -> None:
        self._clock = clock
        self._perform = perform
        self._admit = admit
        self._failed = failed
        self._peer: Peer | None = None
        self._inbox: deque[bytes] = deque()
        self._rows: tuple[Request, Iterator[Any]] | None = None
        self._working = False
        self._open = False
        self._blocked = False
        self._turn: IDelayedCall | None = None
        self._stall: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Look at the peer first."""
        self._peer = self._admit(self.transport)
        if self._peer is None:
            expected = "root, the switch's user or a member of the socket's group"
            self._answer(Answer(None, error=ControlError("refused", "control socket", expected)))
            self.transport.loseConnection()
            return
        self._open = True
        self.transport.registerProducer(self, True)

    def lineReceived(self, line: bytes) -> None:
        """Take a request into the queue."""
        if not self._open or not line.strip():
            return
        if len(self._inbox) >= QUEUE:
            self._end(ControlError("bad_request", "requests", f"at most {QUEUE} ahead of their answers"))
            return
        self._inbox.append(line)
        self._next()

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        """Say so, and end: the stream cannot be followed any more."""
        self._end(ControlError("bad_request", "line", f"at most {REQUEST_LIMIT} bytes"))

    def connectionLost(self, reason: Any = None) -> None:
        """Drop what was under way."""
        self._open = False
        self._inbox.clear()
        self._drop_rows()
        for call in (self._turn, self._stall):
            if call is not None and call.active():
                call.cancel()

    # What the transport tells about its buffer.

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The client reads too slowly."""
        self._blocked = True
        if self._stall is None or not self._stall.active():
            self._stall = self._clock.callLater(STALL, self.transport.abortConnection)

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The client has caught up."""
        self._blocked = False
        if self._stall is not None and self._stall.active():
            self._stall.cancel()
        self._later()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The connection goes away; `connectionLost` cleans up."""

    # Requests in turn.

    def _later(self) -> None:
        if self._turn is None or not self._turn.active():
            self._turn = self._clock.callLater(0, self._go_on)

    def _go_on(self) -> None:
        if self._rows is not None:
            self._send_slice(*self._rows)
        else:
            self._next()

    def _next(self) -> None:
        if self._working or self._blocked or not self._inbox or not self._open:
            return
        self._working = True
        try:
            request = read_request(self._inbox.popleft())
        except ControlError as error:
            self._finish(Answer(None, error=error))
            return
        done = maybeDeferred(self._perform, request, self._peer)
        done.addCallback(self._succeeded, request)
        done.addErrback(self._refused, request)

    def _succeeded(self, result: Any, request: Request) -> None:
        if not self._open:
            if hasattr(result, "close"):
                result.close()
        elif hasattr(result, "__next__"):
            self._rows = (request, result)
            self._send_slice(request, result)
        else:
            self._finish(Answer(request.id, result))

    def _refused(self, failure: Failure, request: Request) -> None:
        self._drop_rows()
        error = failure.value
        if not isinstance(error, ControlError):
            self._failed(request, failure)
            error = ControlError("failed", request.op, f"the switch failed to answer: {type(error).__name__}")
        self._finish(Answer(request.id, error=error))

    def _send_slice(self, request: Request, rows: Iterator[Any]) -> None:
        if self._blocked:
            return
        done = maybeDeferred(lambda: list(islice(rows, SLICE)))
        done.addCallback(self._sliced, request)
        done.addErrback(self._refused, request)

    def _sliced(self, part: list[Any], request: Request) -> None:
        if len(part) == SLICE:
            self._answer(Answer(request.id, part, more=True))
            self._later()
        else:
            self._rows = None
            self._finish(Answer(request.id, part))

    def _drop_rows(self) -> None:
        if self._rows is not None:
            rows = self._rows[1]
            self._rows = None
            if hasattr(rows, "close"):
                rows.close()

    def _finish(self, answer: Answer) -> None:
        if self._open:
            self._answer(answer)
        self._working = False
        if self._inbox:
            self._later()

    def _answer(self, answer: Answer) -> None:
        self.transport.write(answer_line(answer))

    def _end(self, error: ControlError) -> None:
        self._open = False
        self._inbox.clear()
        self._drop_rows()
        self._answer(Answer(None, error=error))
        self.transport.unregisterProducer()
        self.transport.loseConnection()
