"""The sockets of the room: SIP over UDP and TCP (RFC 3261 section 18, RFC 3581)."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.internet.protocol import ClientFactory, DatagramProtocol, Factory
from twisted.internet.protocol import Protocol as StreamProtocol

from vosswitch.model.values import Address
from vosswitch.sip.parse import KEEP_ALIVE, BadMessage, Framer
from vosswitch.sip.uri import host_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twisted.internet.interfaces import IAddress
    from twisted.python.failure import Failure

    from vosswitch.params.boot import Listener
    from vosswitch.sip.flow import Flow
    from vosswitch.sip.timers import Timer, Timers

RECEIVE_BUFFER = 4 * 1024 * 1024
FIRST_MESSAGE = 30.0
"""Seconds a new connection may wait with its first whole message."""
IDLE = 3700.0
"""Seconds a connection may be silent; longer than a registration lasts by default."""
CONNECT = 10.0
"""Seconds to connect."""
MOST_WAITING = 512 * 1024
"""Bytes that may wait for a peer that does not read."""
MOST_CONNECTIONS = 10_000
"""TCP connections of one listener, if the system allows so many open files."""
OTHER_FILES = 256
"""Open files that connections leave to the rest of the process: journal, control socket, plugins."""
_MOST_FLOWS = 8192
_PASSING = frozenset({errno.ECONNREFUSED, errno.EAGAIN, errno.EINTR})
"""What `sendto` may say of an earlier datagram or of a full buffer: this one is lost like any datagram may be."""
_WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound


Watcher = Callable[[bool, "Flow", bytes], None]
"""Is told every message on the wire: whether we sent it, its flow, its bytes."""


class Room(Protocol):
    """Who takes in what the sockets receive.

    :ivar watcher: sees what is sent, for ladders and traces; None = nobody watches.
    """

    watcher: Watcher | None

    def receive(self, flow: Flow, data: bytes) -> None:
        """One datagram, or one message cut from a stream; raises nothing."""

    def unusable(self, flow: Flow, bad: BadMessage) -> None:
        """A stream cannot be used any more; it is closed behind this call."""


@lru_cache(maxsize=1024)
def _seen_from(host: str) -> str:
    """The local address from which *host* is reached (no packet is sent)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return "::1" if ":" in host else "127.0.0.1"
        return str(probe.getsockname()[0])


def _shown(listener: Listener, remote: str) -> str:
    """The host that a peer is told."""
    if listener.advertise:
        return host_text(listener.advertise)
    return host_text(_seen_from(remote) if listener.host in _WILDCARDS else listener.host)


@lru_cache(maxsize=4096)
def _loopback(host: str) -> bool:
    return ip_address(host).is_loopback


class _Socket:
    """What both kinds share.

    :ivar address: where we listen, with the real port.
    """

    def __init__(self, listener: Listener, room: Room) -> None:
        self.listener = listener
        self.room = room
        self.address = Address(listener.host, listener.port, listener.transport)
        self.port: Any = None

    def listening(self, port: Any) -> None:
        """Note the listening port and its number."""
        self.port = port
        self.address = self.address._replace(port=port.getHost().port)

    def fits(self, target: Address, local: str | None) -> bool:
        """Whether *target* can be reached from here, and from the IP *local* if one is given."""
        own = self.address
        if own.transport != target.transport or (":" in own.host) != (":" in target.host):
            return False
        if local is not None:
            return own.host == local or own.host in _WILDCARDS
        return own.host in _WILDCARDS or _loopback(own.host) == _loopback(target.host)


class UdpFlow:
    """A peer's address on a UDP socket; see `vosswitch.sip.flow.Flow`."""

    __slots__ = ("_peer", "_socket", "host", "hostport", "local", "remote", "via")
    reliable = False
    closed = False

    def __init__(self, owner: UdpSocket, peer: tuple[str, int]) -> None:
        self._socket = owner
        self._peer = peer
        self.remote = Address(peer[0], peer[1], "udp")
        self.local = owner.address
        self.host = _shown(owner.listener, peer[0])
        self.hostport = f"{self.host}:{owner.address.port}"
        self.via = f"SIP/2.0/UDP {self.hostport}"

    def send(self, data: bytes, failed: Callable[[], None] | None = None) -> None:
        """Send one datagram."""
        watcher = self._socket.room.watcher
        if watcher is not None:
            watcher(True, self, data)
        try:
            self._socket.put(data, self._peer)
        except (OSError, MessageLengthError) as error:
            if failed is not None and getattr(error, "errno", None) not in _PASSING:
                self._socket.timers.add(0.0, failed)

    def toward(self, host: str, port: int) -> UdpFlow:
        """The way to another address of the same family; this one when the family is another."""
        if (":" in host) != (":" in self._peer[0]):
            return self
        return self._socket.flow(host, port)


class UdpSocket(_Socket, DatagramProtocol):
    """One UDP listener."""

    def __init__(self, listener: Listener, room: Room, timers: Timers) -> None:
        super().__init__(listener, room)
        self.timers = timers
        self.put: Callable[[bytes, tuple[str, int]], object] = self._write
        self._flows: dict[tuple[str, int], UdpFlow] = {}

    def listening(self, port: Any) -> None:
        """Note the listening port; a real one is sent on without Twisted's checks of what is an address here anyway."""
        super().listening(port)
        handle = getattr(port, "socket", None)
        if handle is not None:
            self.put = handle.sendto

    def _write(self, data: bytes, peer: tuple[str, int]) -> None:
        self.transport.write(data, peer)  # type: ignore[union-attr]

    def flow(self, host: str, port: int) -> UdpFlow:
        """The flow to an address."""
        peer = (host, port)
        found = self._flows.get(peer)
        if found is None:
            if len(self._flows) >= _MOST_FLOWS:
                self._flows.clear()
            found = self._flows[peer] = UdpFlow(self, peer)
        return found

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Hand a datagram on."""
        found = self._flows.get(addr) or self.flow(addr[0], addr[1])
        self.room.receive(found, datagram)


class TcpFlow:
    """A TCP connection, there or being made; see `vosswitch.sip.flow.Flow`.

    :ivar reply_port: where responses go when the connection is lost (the Via port, RFC 3261 18.2.2).
    :ivar incoming: the peer made the connection, and it counts among those of its host.
    """

    __slots__ = ("_queue", "_socket", "_waiting", "closed", "connection", "host", "hostport", "incoming", "local",
                 "remote", "reply_port", "via")  # fmt: skip
    reliable = True

    def __init__(self, owner: TcpSocket, remote: Address) -> None:
        self._socket = owner
        self.remote = remote
        self.local = owner.address
        self.host = _shown(owner.listener, remote.host)
        self.hostport = f"{self.host}:{owner.address.port}"
        self.via = f"SIP/2.0/TCP {self.hostport}"
        self.closed = False
        self.incoming = False
        self.reply_port = 0
        self.connection: Connection | None = None
        self._queue: list[tuple[bytes, Callable[[], None] | None]] = []
        self._waiting = 0

    def send(self, data: bytes, failed: Callable[[], None] | None = None) -> None:
        """Send one message, as soon as the connection is there."""
        if self.closed:
            if self.reply_port:
                self._socket.flow(self.remote.host, self.reply_port).send(data, failed)
            elif failed is not None:
                self._socket.timers.add(0.0, failed)
        elif self.connection is not None:
            self.written(self.connection, data)
        elif self._waiting < MOST_WAITING:
            self._waiting += len(data)
            self._queue.append((data, failed))

    def toward(self, host: str, port: int) -> TcpFlow:
        """This connection while it lives and leads to that host, else another one."""
        if host == self.remote.host and not self.closed:
            return self
        if (":" in host) != (":" in self.remote.host):
            return self
        return self._socket.flow(host, port)

    def connected(self, connection: Connection) -> None:
        """The connection is there: send what waits."""
        self.connection = connection
        queue, self._queue = self._queue, []
        for data, _ in queue:
            self.written(connection, data)

    def lost(self) -> None:
        """The connection is gone, or could not be made: what waits has failed."""
        self.closed = True
        self.connection = None
        self._socket.forget(self)
        queue, self._queue = self._queue, []
        for _, failed in queue:
            if failed is not None:
                failed()

    def written(self, connection: Connection, data: bytes) -> None:
        """Send on the connection that is there."""
        watcher = self._socket.room.watcher
        if watcher is not None:
            watcher(True, self, data)
        connection.write(data)


class Connection(StreamProtocol):
    """One TCP connection, whoever made it."""

    def __init__(self, owner: TcpSocket, flow: TcpFlow | None) -> None:
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


class _Accepting(Factory):
    noisy = False

    def __init__(self, owner: TcpSocket) -> None:
        self._socket = owner

    def buildProtocol(self, addr: IAddress | None) -> Connection | None:
        return self._socket.incoming(getattr(addr, "host", ""))


class _Connecting(ClientFactory):
    noisy = False

    def __init__(self, owner: TcpSocket, flow: TcpFlow) -> None:
        self._socket = owner
        self._flow = flow

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        return Connection(self._socket, self._flow)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self._flow.lost()


class TcpSocket(_Socket):
    """One TCP listener and all connections from its address.

    :ivar most: connections that it may have at once.
    """

    def __init__(self, listener: Listener, room: Room, timers: Timers, reactor: Any) -> None:
        super().__init__(listener, room)
        self.timers = timers
        self.factory = _Accepting(self)
        self.most = MOST_CONNECTIONS
        self._reactor = reactor
        self._flows: dict[tuple[str, int], TcpFlow] = {}
        self._accepted: Counter[str] = Counter()

    def incoming(self, host: str) -> Connection | None:
        """The protocol of a new connection; None when there are too many, or half of all are from *host* already."""
        most = min(self.most, MOST_CONNECTIONS)
        if len(self._flows) >= most or self._accepted[host] >= (most + 1) // 2:
            return None
        return Connection(self, None)

    def accepted(self, remote: Address) -> TcpFlow:
        """The flow of an incoming connection."""
        flow = self._flows[remote.host, remote.port] = TcpFlow(self, remote)
        flow.incoming = True
        self._accepted[remote.host] += 1
        return flow

    def flow(self, host: str, port: int) -> TcpFlow:
        """The flow to an address: the connection that is there, or one that is made now."""
        found = self._flows.get((host, port))
        if found is not None:
            return found
        flow = self._flows[host, port] = TcpFlow(self, Address(host, port, "tcp"))
        own = self.address.host
        bind = None if own in _WILDCARDS else (own, 0)
        self._reactor.connectTCP(host, port, _Connecting(self, flow), CONNECT, bind)
        return flow

    def forget(self, flow: TcpFlow) -> None:
        """A connection is gone."""
        if flow.incoming:
            flow.incoming = False
            self._accepted[flow.remote.host] -= 1
            if self._accepted[flow.remote.host] <= 0:
                del self._accepted[flow.remote.host]
        key = flow.remote.host, flow.remote.port
        if self._flows.get(key) is flow:
            del self._flows[key]

    def close(self) -> None:
        """Close all connections."""
        for flow in list(self._flows.values()):
            if flow.connection is not None:
                flow.connection.close()


def connections_allowed(listeners: int) -> int:
    """How many connections each of so many TCP listeners may have, so that `OTHER_FILES` are left for the rest."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(1, min(MOST_CONNECTIONS, max(soft - OTHER_FILES, soft // 2) // max(listeners, 1)))


def ask_buffer(port: Any) -> int:
    """Ask for `RECEIVE_BUFFER` on a UDP port and return what the system gives, bytes."""
    handle = port.socket
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return int(handle.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)) // 2  # Linux counts its own overhead in


def try_bind(listeners: Iterable[Listener]) -> None:
    """Bind every listener once and let it go again.

    :raises OSError: names the listener that cannot be had.
    """
    for listener in listeners:
        family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
        kind = socket.SOCK_DGRAM if listener.transport == "udp" else socket.SOCK_STREAM
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((listener.host, listener.port))
            except OSError as error:
                raise cannot_listen(listener, error.errno) from None


def cannot_listen(listener: Listener, number: int | None) -> OSError:
    """The error that names a listener."""
    where = Address(listener.host, listener.port, listener.transport)
    number = number or errno.EADDRNOTAVAIL
    return OSError(number, f"cannot listen on {where}: {os.strerror(number)}")


def listen(owner: UdpSocket | TcpSocket, reactor: Any) -> None:
    """Open the listener.

    :raises OSError: it cannot be had.
    """
    listener = owner.listener
    try:
        if isinstance(owner, UdpSocket):
            owner.listening(reactor.listenUDP(listener.port, owner, listener.host, 65536))
        else:
            owner.listening(reactor.listenTCP(listener.port, owner.factory, 256, listener.host))
    except CannotListenError as error:
        raise cannot_listen(listener, getattr(error.socketError, "errno", None)) from None
