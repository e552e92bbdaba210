"""SIP over TCP (RFC 3261 section 18): the connections of one listener, and the ways over them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import ClientFactory, Factory

from vosswitch.model.values import Address
from vosswitch.sip.transport.connection import MOST_WAITING, Connection
from vosswitch.sip.transport.listening import WILDCARDS, Listening, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IAddress
    from twisted.python.failure import Failure

    from vosswitch.params.boot import Listener
    from vosswitch.sip.timers import Timers
    from vosswitch.sip.transport.listening import Room

CONNECT = 10.0
"""Seconds to connect."""
MOST_CONNECTIONS = 10_000
"""Connections of one listener, if the system allows so many open files."""


class StreamFlow:
    """A TCP connection, there or being made; see `vosswitch.sip.flow.Flow`.

    :ivar reply_port: where responses go when the connection is lost (the Via port, RFC 3261 18.2.2).
    :ivar incoming: the peer made the connection, and it counts among those of its host.
    """

    __slots__ = ("_queue", "_socket", "_waiting", "closed", "connection", "host", "hostport", "incoming", "local",
                 "remote", "reply_port", "via")  # fmt: skip
    reliable = True

    def __init__(self, owner: StreamSocket, remote: Address) -> None:
        self._socket = owner
        self.remote = remote
        self.local = owner.address._replace(host=owner.local_to(remote.host))
        self.host = shown(owner.listener, remote.host)
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

    def toward(self, host: str, port: int) -> StreamFlow:
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


class _Accepting(Factory):
    noisy = False

    def __init__(self, owner: StreamSocket) -> None:
        self._socket = owner

    def buildProtocol(self, addr: IAddress | None) -> Connection | None:
        return self._socket.incoming(getattr(addr, "host", ""))


class _Connecting(ClientFactory):
    noisy = False

    def __init__(self, owner: StreamSocket, flow: StreamFlow) -> None:
        self._socket = owner
        self._flow = flow

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        return Connection(self._socket, self._flow)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self._flow.lost()


class StreamSocket(Listening):
    """One TCP listener and all connections from its address.

    :ivar most: connections that it may have at once.
    """

    def __init__(self, listener: Listener, room: Room, timers: Timers, reactor: Any) -> None:
        super().__init__(listener, room)
        self.timers = timers
        self.factory = _Accepting(self)
        self.most = MOST_CONNECTIONS
        self._reactor = reactor
        self._flows: dict[tuple[str, int], StreamFlow] = {}
        self._accepted: Counter[str] = Counter()

    def incoming(self, host: str) -> Connection | None:
        """The protocol of a new connection; None when there are too many, or half of all are from *host* already."""
        most = min(self.most, MOST_CONNECTIONS)
        if len(self._flows) >= most or self._accepted[host] >= (most + 1) // 2:
            return None
        return Connection(self, None)

    def accepted(self, remote: Address) -> StreamFlow:
        """The flow of an incoming connection."""
        flow = self._flows[remote.host, remote.port] = StreamFlow(self, remote)
        flow.incoming = True
        self._accepted[remote.host] += 1
        return flow

    def flow(self, host: str, port: int) -> StreamFlow:
        """The flow to an address: the connection that is there, or one that is made now."""
        found = self._flows.get((host, port))
        if found is not None:
            return found
        flow = self._flows[host, port] = StreamFlow(self, Address(host, port, "tcp"))
        own = self.address.host
        bind = None if own in WILDCARDS else (own, 0)
        self._reactor.connectTCP(host, port, _Connecting(self, flow), CONNECT, bind)
        return flow

    def forget(self, flow: StreamFlow) -> None:
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
