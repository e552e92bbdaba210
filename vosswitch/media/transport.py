"""The local socket to a media worker, its process, and what the switch knows of both."""

from __future__ import annotations

import contextlib
import os
import os.path
import socket
import sys
from collections import deque
from typing import TYPE_CHECKING, Any

import orjson
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.internet.protocol import ProcessProtocol
from zope.interface import implementer

import vosswitch
from vosswitch.media import wire
from vosswitch.media.leases import Leased
from vosswitch.media.relay import MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.logger import Logger
    from twisted.python.failure import Failure

    from vosswitch.media.sessions import MediaSession
    from vosswitch.media.wire import Message
    from vosswitch.model.call import MediaReport

SILENCE = 5.0
"""Seconds without a sign of life after which a worker is killed and begun anew."""

GRACE = 5.0
"""Seconds that a worker's sessions go on when the switch is gone."""

_BACKLOG = 2_000  # datagrams that a worker may leave unread
_PATIENCE = 2.0  # seconds that a worker has to end by itself
_FIRST_DELAY, _LAST_DELAY = 0.05, 5.0
_CHANNEL = 3  # the descriptor in the worker
_READS = 16  # datagrams in one turn of the reactor


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """A connected pair that keeps the bounds of datagrams: ours (non-blocking) and the worker's."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return ours, theirs


@implementer(IReadWriteDescriptor)
class Channel:
    """Our end of the socket.

    :param heard: takes the messages of a datagram.
    :ivar backlog: datagrams that the worker has not taken yet.
    """

    def __init__(self, reactor: Any, sock: socket.socket, heard: Callable[[list[list[Any]]], None]) -> None:
        self._reactor = reactor
        self._socket = sock
        self._heard = heard
        self._waiting: deque[bytes] = deque()
        self._open = True
        reactor.addReader(self)

    @property
    def backlog(self) -> int:
        """Datagrams that the worker has not taken yet."""
        return len(self._waiting)

    def send(self, messages: Sequence[wire.Message]) -> None:
        """Send now what the socket takes, the rest when it is ready again."""
        if not self._open:
            return
        busy = bool(self._waiting)
        self._waiting.extend(wire.datagrams(messages))
        if not busy:
            self.doWrite()

    def fileno(self) -> int:
        """The descriptor; -1 once closed."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Whose socket it is, for the reactor's own messages."""
        return "media worker"

    def doRead(self) -> None:  # noqa: N802 - the reactor's word
        """Take what the worker says; its end is known from the process."""
        if not self._open:
            return
        for _ in range(_READS):
            try:
                datagram = self._socket.recv(wire.DATAGRAM)
            except BlockingIOError:
                return
            except OSError:  # reset, or closed by what was just heard
                datagram = b""
            if not datagram:
                self.close()
                return
            self._heard(wire.messages(datagram))

    def doWrite(self) -> None:  # noqa: N802 - the reactor's word
        """Go on with what waits."""
        try:
            while self._waiting:
                self._socket.send(self._waiting[0])
                self._waiting.popleft()
        except BlockingIOError:
            self._reactor.addWriter(self)
            return
        except OSError:
            self.close()
            return
        self._reactor.removeWriter(self)

    def finish(self) -> None:
        """Nothing more will be said; the worker's last words are still heard."""
        if self._open:
            self._socket.shutdown(socket.SHUT_WR)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor gives it up."""
        self.close()

    def close(self) -> None:
        """No more; harmless twice."""
        if self._open:
            self._open = False
            self._waiting.clear()
            self._reactor.removeReader(self)
            self._reactor.removeWriter(self)
            self._socket.close()


class WorkerProcess(ProcessProtocol):
    """A worker as the reactor sees it.

    :param ended: called with the reason when it is gone.
    """

    def __init__(self, log: Logger, ended: Callable[[str], None]) -> None:
        self._log = log
        self._ended = ended

    def connectionMade(self) -> None:
        """It reads nothing from its standard input."""
        if self.transport is not None:
            self.transport.closeStdin()

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """What it prints is trouble (a traceback)."""
        self._log.error("media worker: {text}", text=data.decode(errors="replace").rstrip())

    def processEnded(self, reason: Failure) -> None:
        """It is gone."""
        self._ended(reason.getErrorMessage())


class WorkerLink:
    """One worker as the switch knows it: its part of the range, its free pairs and its sessions.

    :param number: which of the workers, for the log.
    :param connect: makes the local socket: our end and the worker's.
    :param on_shortage: called when `shortages` are others.
    :ivar sessions: the running ones by number; *closing* those whose last counts are awaited.
    :ivar leased: the pairs bound ahead, by local address.
    """

    def __init__(
        self,
        reactor: Any,
        number: int,
        addresses: Sequence[str],
        log: Logger,
        connect: Callable[[], Any],
        on_shortage: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._connect = connect
        self._number = number
        self._addresses = list(addresses)
        self._log = log
        self._on_shortage = on_shortage
        self._channel: Channel | None = None
        self._process: Any = None
        self._out: list[Message] = []
        self._flushing: Any = None
        self._stopping = False
        self._failures = 0
        self._began = self._alive = 0.0
        self._restart: Any = None
        self.range = (0, -1)
        self.leased = [Leased() for _ in self._addresses]
        self.sessions: dict[int, MediaSession] = {}
        self.closing: dict[int, tuple[MediaSession, Callable[[MediaReport], None]]] = {}
        self._ready: Deferred[None] = Deferred()
        self.gone: Deferred[None] = succeed(None)

    # Its life.

    def start(self) -> None:
        """Spawn the process; what the switch knows is told to it first, so that it takes up where it left off."""
        self._restart = None
        self._began = self._alive = self._reactor.seconds()
        self.gone = Deferred()
        ours, theirs = self._connect()
        self._channel = Channel(self._reactor, ours, self._heard)
        self._out = []
        for session in self.sessions.values():
            self._out.extend(session.resume())
        for leased in self.leased:
            leased.asked = False
            if leased.free:
                self.tell(("claim", list(leased.free)))
        self.supply()
        self._look_ready()
        try:
            self._spawn(theirs.fileno())
        except OSError as error:
            self._ended(str(error))
        finally:
            theirs.close()

    def _spawn(self, descriptor: int) -> None:
        low, high = self.range
        config = {"descriptor": _CHANNEL, "addresses": self._addresses, "low": low, "high": high, "grace": GRACE}
        self._process = self._reactor.spawnProcess(
            WorkerProcess(self._log, self._ended),
            sys.executable,
            [sys.executable, "-m", "vosswitch.media", orjson.dumps(config).decode()],
            env=_environment(),
            childFDs={0: "w", 1: "r", 2: "r", _CHANNEL: descriptor},
        )

    def _ended(self, reason: str) -> None:
        """The process is gone: whoever waits for its counts gets the last ones, and a new one begins."""
        self._process = None
        if self._channel is not None:
            self._channel.doRead()  # its last words
            self._channel.close()
            self._channel = None
        for number in list(self.closing):
            self.finish(number)
        if not self._stopping:
            self._begin_anew(reason)
        gone, self.gone = self.gone, succeed(None)
        gone.callback(None)

    def _begin_anew(self, reason: str) -> None:
        """At once; when it ends soon after its start again and again, with growing pauses."""
        quick = self._reactor.seconds() - self._began < _LAST_DELAY
        self._failures = self._failures + 1 if quick else 0
        delay = min(_FIRST_DELAY * 2**self._failures, _LAST_DELAY) if self._failures > 1 else 0.0
        self._log.error("media worker {number} ended ({reason}), begins anew", number=self._number, reason=reason)
        self._restart = self._reactor.callLater(delay, self.start)

    def when_ready(self) -> Deferred[None]:
        """Fires when it has leased ports."""
        mine: Deferred[None] = Deferred()
        self._ready.addCallback(lambda _: mine.callback(None))
        return mine

    def stop(self) -> Deferred[None]:
        """End the process; the Deferred fires when it is gone."""
        self._stopping = True
        self.flush()
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
        if self._process is None:
            return succeed(None)
        if self._channel is not None:
            self._channel.finish()
        killing = self._reactor.callLater(_PATIENCE, self.kill)
        return self.gone.addCallback(lambda _: killing.cancel() if killing.active() else None)

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessExitedAlready):
                self._process.signalProcess("KILL")

    def look_after(self, now: float) -> None:
        """Once a second: is it alive, does it read, has it leased enough?"""
        if self._process is None:
            return
        channel = self._channel
        if now - self._alive > SILENCE or (channel is not None and channel.backlog > _BACKLOG):
            self._log.error("media worker {number} does not answer: killed", number=self._number)
            self._alive = now
            self.kill()
        for leased in self.leased:
            leased.look_after()
        self.supply()

    @property
    def pid(self) -> Any:
        """Its process id while it runs, None while it does not."""
        return None if self._process is None else self._process.pid

    # What it is told.

    def tell(self, message: Message) -> None:
        """Send a message with this turn's others; while the process is away nothing is kept, `start` tells it all."""
        if self._channel is None:
            return
        self._out.append(message)
        if self._flushing is None:
            self._flushing = self._reactor.callLater(0, self.flush)

    def flush(self) -> None:
        """Send what has gathered."""
        if self._flushing is not None and self._flushing.active():
            self._flushing.cancel()
        self._flushing = None
        out, self._out = self._out, []
        if out and self._channel is not None:
            self._channel.send(out)

    @property
    def shortages(self) -> list[str]:
        """Where pairs run short, and why, as operators are told."""
        found = zip(self._addresses, self.leased, strict=True)
        return [f"{address}: {leased.short}" for address, leased in found if leased.short]

    def supply(self) -> None:
        """Ask for more pairs when there are few; one question at a time for each address."""
        for place, leased in enumerate(self.leased):
            if len(leased.free) < leased.ahead and not leased.asked and self._channel is not None:
                leased.asked = True
                self.tell(("lease", leased.ahead, place))

    def use_range(self, low: int, high: int) -> None:
        """Lease from another range; the free pairs outside of it serve until the first ones inside are there."""
        self.range = (low, high)
        self.tell(("range", low, high))
        for place, leased in enumerate(self.leased):
            leased.use_range(low, high)
            leased.asked = True
            self.tell(("lease", leased.ahead, place))

    def finish(self, number: int) -> None:
        """A session is over: its report goes to whoever closed it, once."""
        found = self.closing.pop(number, None)
        if found is not None:
            session, done = found
            self._guarded(done, session.report())

    # What it says.

    def _heard(self, messages: list[list[Any]]) -> None:
        for name, *arguments in messages:
            _REPORTS[name](self, *arguments)

    def _on_leases(self, pairs: list[int], place: int, more: int, held: int, tried: int, why: str) -> None:
        leased = self.leased[place]
        outside = leased.add(pairs)
        if outside:
            self.tell(("return", outside))
        if not more and leased.answered(held, tried, why):
            self._on_shortage()
        self._look_ready()

    def _look_ready(self) -> None:
        if not self._ready.called and not any(one.asked and not one.free for one in self.leased):
            self._ready.callback(None)

    def _on_lost(self, pairs: list[int]) -> None:
        for leased in self.leased:
            leased.drop(pairs)

    def _on_started(self, number: int, side: int) -> None:
        if (session := self.sessions.get(number)) is not None:
            self._guarded(session.started, side)

    def _on_timeout(self, number: int, side: int) -> None:
        if (session := self.sessions.get(number)) is not None:
            self._guarded(session.timed_out, side)

    def _on_flood(self, number: int, side: int) -> None:
        if (session := self.sessions.get(number)) is not None:
            self._log.warn(
                "call {call_id}: more than {most} packets a second from one side, its media is stopped",
                call_id=session.call_id,
                most=MOST,
            )
            self._guarded(session.timed_out, side)

    def _on_digit(self, number: int, side: int, digit: str, milliseconds: int) -> None:
        if (session := self.sessions.get(number)) is not None:
            self._guarded(lambda which: session.heard_digit(which, digit, milliseconds), side)

    def _on_counts(self, rows: list[list[Any]]) -> None:
        for number, caller, callee in rows:
            if (session := self.sessions.get(number)) is not None:
                session.counted(caller, callee)

    def _on_closed(self, number: int, caller: list[Any], callee: list[Any]) -> None:
        if (found := self.closing.get(number)) is not None:
            found[0].counted(caller, callee)
            self.finish(number)

    def _on_alive(self) -> None:
        self._alive = self._reactor.seconds()

    def _guarded(self, function: Callable[[Any], None], argument: Any) -> None:
        """Call into a call; its failure must not take the worker's other calls along."""
        try:
            function(argument)
        except Exception:  # noqa: BLE001 - whatever it is, it is logged, and the other calls go on
            self._log.failure("media: a call failed on a report")


_REPORTS: dict[str, Any] = {
    "leases": WorkerLink._on_leases,
    "lost": WorkerLink._on_lost,
    "started": WorkerLink._on_started,
    "timeout": WorkerLink._on_timeout,
    "flood": WorkerLink._on_flood,
    "digit": WorkerLink._on_digit,
    "counts": WorkerLink._on_counts,
    "closed": WorkerLink._on_closed,
    "alive": WorkerLink._on_alive,
}


def _environment() -> dict[str, str]:
    """Ours, with the place of this package first on the path, however it was found here."""
    place = os.path.dirname(os.path.dirname(os.path.abspath(vosswitch.__file__)))
    paths = [place, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
