"""A media worker: a process with an epoll loop of its own that relays RTP and RTCP between port pairs.

It is started by `vosswitch.media.service` with one argument, a JSON object with ``descriptor`` (an inherited local
socket to the switch), ``addresses``, ``low``, ``high`` (its own part of the port range) and ``grace``.  It does what
`vosswitch.media.wire` says.  When the switch is gone its sessions go on for *grace* seconds; then it ends.
"""

from __future__ import annotations

import contextlib
import errno
import random
import resource
import select
import signal
import socket
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import orjson

from vosswitch.media import wire
from vosswitch.media.ports import PortPool, numbered, place_of, port_of
from vosswitch.media.relay import MOST, Description, Port, Session, Source
from vosswitch.media.taps import Taps

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 4096  # bytes; RTP stays below a network's MTU, and what fills the buffer was cut
TICK = 1.0
COUNTS_EVERY = 5  # ticks
_BIND_AT_ONCE = 8  # pairs in one turn of the loop, about half a millisecond
_LEASES_AT_ONCE = 32
_EVENTS = 512
_BUSY = 2_000  # packets a second
_FEW = 8  # packets in one turn
_GATHER = 0.0005  # seconds
_DRAIN = 512  # packets


class Worker:
    """The loop and its sockets.

    :param channel: the local socket to the switch.
    :param low: first port of its part of the range; *high* the last one.
    """

    def __init__(self, channel: socket.socket, addresses: Sequence[str], low: int, high: int, grace: float) -> None:
        self._channel = channel
        self._addresses = addresses
        self._grace = grace
        self._pools = [PortPool(low, high, random.SystemRandom().shuffle) for _ in addresses]
        self._bound: dict[int, tuple[socket.socket, socket.socket]] = {}
        self._missing: set[int] = set()  # pairs of sessions that could not be bound again yet
        self._ports: dict[int, Port] = {}
        self._sessions: dict[int, Session] = {}
        self._owed: dict[int, int] = {}  # pairs still to be bound, by place
        self._exhausted = False
        self._unbound = ""  # why the last pair could not be bound
        self._leased: list[int] = []
        self._out: list[wire.Message] = []
        self._taps = Taps(lambda *heard: self._out.append(("digit", *heard)))
        self._blocked: deque[bytes] = deque()
        self._ends_at: float | None = None
        self._ticks = self._moved = 0
        self._looked = time.monotonic()
        self._busy = False
        self._poll = select.epoll()
        channel.setblocking(False)
        self._poll.register(channel, select.EPOLLIN)

    def run(self) -> None:
        """Work until the switch has been gone for the grace time.

        A busy worker whose packets come one by one lets a few of them gather: a wake-up for each costs twice as much
        CPU as the packet itself, and half a millisecond is nothing to a stream of 20 ms packets.
        """
        next_tick = time.monotonic() + TICK
        while self._ends_at is None or (self._sessions and time.monotonic() < self._ends_at):
            wait = 0.0 if self._owed else max(0.0, next_tick - time.monotonic())
            if self._taps.busy:
                self._taps.step()
                wait = self._taps.wait(wait)
            ready = self._poll.poll(wait, _EVENTS)
            self._relay(ready)
            self._moved += len(ready)
            if self._busy and len(ready) < _FEW:
                time.sleep(_GATHER)
            if self._owed:
                self._bind_more()
            now = time.monotonic()
            if now >= next_tick:
                next_tick = now + TICK
                self._tick(now)
            if self._out or self._blocked:
                self._flush()

    def _relay(self, ready: list[tuple[int, int]]) -> None:  # noqa: C901 - the packet path: a call costs what a test does
        """Relay one packet of every ready socket; what is left keeps its socket ready for the next turn."""
        ports = self._ports
        ordered = False
        for fd, _ in ready:
            port = ports.get(fd)
            if port is None:
                ordered = True
                continue
            try:
                data, source = port.receive(LARGEST)
            except OSError:  # nothing there after all, or an ICMP error of an earlier packet
                continue
            if source != port.source and not self._admit(port, data, source):
                continue
            port.taken += 1
            size = len(data)
            if port.counts and size >= 12 and data[0] & 0xC0 == 0x80 and not 192 <= data[1] <= 223:
                port.packets += 1
                port.octets += size
                if data[2] << 8 | data[3] == port.expected and data[8:12] == port.ssrc:
                    port.expected = (port.expected + 1) & 0xFFFF
                else:
                    port.sequence(data)
            other = port.other
            target = other.target
            if target is not None and size < LARGEST:
                try:
                    other.send(data, target)
                except OSError:  # no buffer, no route, a port of 0
                    other.unsent += 1
        if ordered:
            self._obey()

    def _admit(self, port: Port, data: bytes, source: Source) -> bool:
        admitted = port.admit(data, source)
        side = port.side
        if admitted and port.counts and port.source is not None and not side.started:
            side.started = True
            session = side.session
            self._out.append(("started", session.number, session.sides.index(side)))
        return admitted

    # What the switch says.

    def _obey(self) -> None:
        while True:
            try:
                datagram = self._channel.recv(wire.DATAGRAM)
            except BlockingIOError:
                return
            except OSError:
                datagram = b""
            if not datagram:
                self._orphaned()
                return
            for name, *arguments in wire.messages(datagram):
                _ORDERS[name](self, *arguments)

    def _orphaned(self) -> None:
        if self._ends_at is None:
            self._poll.unregister(self._channel)
            self._ends_at = time.monotonic() + self._grace
            self._owed.clear()
            used = {pair for session in self._sessions.values() for pair in session.pairs}
            self._return([pair for pair in self._bound if pair not in used])  # the next switch's workers may need them

    def _lease(self, count: int, place: int = 0) -> None:
        self._owed[place] = count

    def _claim(self, pairs: list[int]) -> None:
        lost = []
        for pair in pairs:
            pool = self._pools[place_of(pair)]
            pool.claim(port_of(pair))
            if not self._bind(pair):
                pool.refuse(port_of(pair), time.monotonic())
                lost.append(pair)
        if lost:
            self._out.append(("lost", lost))

    def _return(self, pairs: list[int]) -> None:
        for pair in pairs:
            self._release(pair)

    def _range(self, low: int, high: int) -> None:
        for pool in self._pools:
            pool.change(low, high, random.SystemRandom().shuffle)

    def _open(self, number: int, caller: int, callee: int, timeout: float, tos: int) -> None:
        session = self._sessions[number] = Session(number, (caller, callee), timeout, tos)
        for which in (0, 1):
            self._equip(session, which)

    def _equip(self, session: Session, which: int) -> None:
        """Give a side the sockets of its pair."""
        pair, side = session.pairs[which], session.sides[which]
        if pair not in self._bound:
            self._pools[place_of(pair)].claim(port_of(pair))
            self._bind(pair)
        for sock, port in zip(self._bound.get(pair, ()), (side.rtp, side.rtcp), strict=False):
            self._attach(sock, port, session.tos)
        if pair not in self._bound:
            self._missing.add(pair)

    def _move(self, number: int, which: int, pair: int) -> None:
        """A side of a session is reached from elsewhere now."""
        session = self._sessions.get(number)
        if session is not None:
            self._release(session.pairs[which])
            session.pairs = (session.pairs[0], pair) if which else (pair, session.pairs[1])
            self._equip(session, which)

    def _attach(self, sock: socket.socket, port: Port, tos: int) -> None:
        with contextlib.suppress(OSError):
            for _ in range(_DRAIN):  # what came before the call belongs to nobody
                sock.recv(1)
        self._mark(sock, tos)
        port.receive = sock.recvfrom
        port.send = sock.sendto
        self._taps.tap(port)
        self._ports[sock.fileno()] = port
        self._poll.register(sock, select.EPOLLIN)

    def _mark(self, sock: socket.socket, tos: int) -> None:
        with contextlib.suppress(OSError):  # a marking that the system refuses must not cost the call
            if sock.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tos)
            else:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)

    def _say(
        self,
        number: int,
        side: int,
        host: str | None,
        rtp: int,
        rtcp: int,
        payloads: list[int],
        sends: bool,
        receives: bool,
    ) -> None:
        session = self._sessions.get(number)
        if session is not None:
            family = _family(self._addresses[place_of(session.pairs[side])])
            sources = _source(family, host, rtp), _source(family, host, rtcp)
            there = Description(*sources, frozenset(payloads), sends, receives)
            session.describe(side, there, time.monotonic())

    def _reset(self, number: int, side: int) -> None:
        session = self._sessions.get(number)
        if session is not None:
            session.reset(side, time.monotonic())

    def _events(self, number: int, side: int, payloads: list[int], takes: bool, renamed: int | None) -> None:
        session = self._sessions.get(number)
        if session is not None:
            self._taps.watch(session, side, payloads, takes, renamed)

    def _digit(self, number: int, side: int, digit: str, duration: int, payload: int) -> None:
        session = self._sessions.get(number)
        if session is not None:
            self._taps.insert(session, side, digit, duration, payload)

    def _close(self, number: int) -> None:
        session = self._sessions.pop(number, None)
        if session is None:
            return
        self._taps.drop(session)
        for pair in session.pairs:
            self._release(pair)
        self._out.append(("closed", number, *session.report()))

    # Sockets.

    def _bind(self, pair: int) -> bool:
        """Bind a pair that the pool has given; False when somebody else holds it, or there are no descriptors."""
        sockets = []
        address, first = self._addresses[place_of(pair)], port_of(pair)
        family = _family(address)
        try:
            for port in (first, first + 1):
                sockets.append(socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
                if family == socket.AF_INET6:  # :: is no address of IPv4, which has a place of its own
                    sockets[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sockets[-1].bind((address, port))
        except OSError as error:
            for sock in sockets:
                sock.close()
            self._unbound = error.strerror or str(error)
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                self._exhausted = True  # asked for again a little later
            return False
        self._bound[pair] = (sockets[0], sockets[1])
        return True

    def _bind_more(self) -> None:
        place, owed = next(iter(self._owed.items()))
        now, pool = time.monotonic(), self._pools[place]
        self._exhausted = False
        for _ in range(min(_BIND_AT_ONCE, owed)):
            port = None if self._exhausted else pool.take(now)
            if port is None:
                owed = 0
                break
            if self._bind(numbered(place, port)):
                self._leased.append(numbered(place, port))
                owed -= 1
            else:
                pool.refuse(port, now)
        if self._exhausted:
            owed = 0
        self._owed[place] = owed
        if not owed or len(self._leased) >= _LEASES_AT_ONCE:
            why = self._unbound if pool.held else ""
            self._out.append(("leases", self._leased, place, owed, len(pool.held), pool.tried, why))
            self._leased = []
        if not owed:
            del self._owed[place]

    def _release(self, pair: int) -> None:
        self._missing.discard(pair)
        for sock in self._bound.pop(pair, ()):
            self._ports.pop(sock.fileno(), None)
            sock.close()  # leaves the epoll set with it
        self._pools[place_of(pair)].give_back(port_of(pair), time.monotonic())

    def _bind_missing(self) -> None:
        for session in list(self._sessions.values()):
            for pair, side in zip(session.pairs, session.sides, strict=True):
                if pair in self._missing and self._bind(pair):
                    self._missing.discard(pair)
                    for sock, port in zip(self._bound[pair], (side.rtp, side.rtcp), strict=True):
                        self._attach(sock, port, session.tos)

    # Once a second.

    def _tick(self, now: float) -> None:
        self._ticks += 1
        self._busy = self._moved > _BUSY
        if self._moved > MOST:
            self._stop_floods(now)
        self._moved = 0
        self._out.append(("alive",))
        for session in self._sessions.values():
            for side in session.silent(now):
                self._out.append(("timeout", session.number, side))
        if self._missing:
            self._bind_missing()
        if self._ticks % COUNTS_EVERY == 0:
            news = [(s.number, *s.report()) for s in self._sessions.values() if s.news()]
            self._out.extend(("counts", news[i : i + 10]) for i in range(0, len(news), 10))

    def _stop_floods(self, now: float) -> None:
        """A session that costs as much as a hundred others is heard no more; the switch ends its call."""
        seconds, self._looked = max(TICK, now - self._looked), now
        for session in self._sessions.values():
            side = session.flooded(seconds)
            if side is not None:
                self._silence(session)
                self._out.append(("flood", session.number, side))

    def _silence(self, session: Session) -> None:
        for pair in session.pairs:
            for sock in self._bound.get(pair, ()):
                if self._ports.pop(sock.fileno(), None) is not None:
                    self._poll.unregister(sock)

    def _flush(self) -> None:
        """Send what is to be told; what a busy switch does not take waits, what nobody takes is dropped."""
        self._blocked.extend(wire.datagrams(self._out))
        self._out = []
        try:
            while self._blocked:
                self._channel.send(self._blocked[0])
                self._blocked.popleft()
        except BlockingIOError:
            return
        except OSError:
            self._blocked.clear()
            self._orphaned()


_ORDERS: dict[str, Any] = {
    "lease": Worker._lease,
    "claim": Worker._claim,
    "return": Worker._return,
    "range": Worker._range,
    "open": Worker._open,
    "say": Worker._say,
    "move": Worker._move,
    "reset": Worker._reset,
    "events": Worker._events,
    "digit": Worker._digit,
    "close": Worker._close,
}


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _source(family: socket.AddressFamily, host: str | None, port: int) -> Source | None:
    """The address in exactly the form in which the socket names senders; None for another family."""
    if host is None:
        return None
    try:
        name = socket.inet_ntop(family, socket.inet_pton(family, host))
    except OSError:
        return None
    return (name, port) if family == socket.AF_INET else (name, port, 0, 0)


def _lift_limits() -> None:
    """As many descriptors as the system allows: a session takes four."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    """Run a worker: one argument, the configuration as JSON."""
    for number in (signal.SIGINT, signal.SIGTERM):  # may reach a whole group, but mean the switch: it ends its workers
        signal.signal(number, signal.SIG_IGN)
    _lift_limits()
    config = orjson.loads(sys.argv[1])
    channel = socket.socket(fileno=config["descriptor"])
    Worker(channel, config["addresses"], config["low"], config["high"], config["grace"]).run()
