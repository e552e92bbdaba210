"""SIP over TCP, TLS and WebSocket (RFC 3261 section 18, RFC 7118): one listener's connections, and the ways over them.

A request to a gateway takes the connection that is there (RFC 5923).  Over TLS that is one that we made to this very
name, or one from a peer whose certificate has proved the name and which asked for it (``alias``); nobody else's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import ClientFactory, Factory
from twisted.protocols.tls import TLSMemoryBIOFactory

from vosswitch.model.places import WILDCARDS, is_literal
from vosswitch.model.source import source_key
from vosswitch.model.values import Address
from vosswitch.params.listeners import SECURE, WEB
from vosswitch.sip.destinations.resolution import normal_name
from vosswitch.sip.transport.certificates import Names, names_of
from vosswitch.sip.transport.connection import MOST_WAITING, Connection
from vosswitch.sip.transport.listening import Listening, shown
from vosswitch.sip.transport.quota import Quota
from vosswitch.sip.transport.tls import Certificates, why

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IAddress
    from twisted.python.failure import Failure

    from vosswitch.params.boot import Listener
    from vosswitch.sip.transactions.timers import Timers
    from vosswitch.sip.transport.listening import Room

CONNECT = 10.0
"""Seconds to connect."""
MOST_CONNECTIONS = 10_000
"""Connections in all, if the system allows so many open files."""


class StreamFlow:
    """A connection, there or being made; see `vosswitch.sip.transactions.flow.Flow`.

    :ivar name: whom the server's certificate has to prove; "" where that does not matter.
    :ivar names: whom the client's certificate has proved.
    :ivar reply_port: where responses go when the connection is lost (the Via port, RFC 3261 18.2.2); over TLS the
        peer has to prove *reply_name*, the host of its Via.
    :ivar source: our address in use, where the listener has all of them; "" = that of the listener.
    :ivar incoming: the peer made the connection; *made* it has been there.
    """

    __slots__ = ("_aliases", "_queue", "_socket", "_waiting", "closed", "connection", "host", "hostport", "incoming",
                 "local", "made", "name", "names", "remote", "reply_name", "reply_port", "source", "via")  # fmt: skip
    reliable = True

    def __init__(self, owner: StreamSocket, remote: Address, name: str = "", source: str = "") -> None:
        self._socket = owner
        self.remote = remote
        self.source = source
        self.local = owner.address._replace(host=source or owner.local_to(remote.host))
        self.host = shown(owner.listener, remote.host, source)
        self.hostport = f"{self.host}:{owner.address.port}"
        alias = ";alias" if owner.address.transport == "tls" and owner.certificates.proves else ""
        self.via = f"SIP/2.0/{owner.address.transport.upper()} {self.hostport}{alias}"
        self.name = name
        self.names: Names | None = None
        self.closed = False
        self.incoming = self.made = False
        self.reply_port = 0
        self.reply_name = ""
        self.connection: Connection | None = None
        self._aliases: list[tuple[str, int]] = []
        self._queue: list[tuple[bytes, Callable[[], None] | None]] = []
        self._waiting = 0

    @property
    def bound(self) -> bool:
        """Whether the peer can be reached over this very connection only (RFC 7118 section 5)."""
        return self._socket.web

    def send(self, data: bytes, failed: Callable[[], None] | None = None) -> None:
        """Send one message, as soon as the connection is there."""
        if self.closed:
            other = self._other()
            if other is not None:
                other.send(data, failed)
            elif failed is not None:
                self._socket.timers.add(0.0, failed)
        elif self.connection is not None:
            self.written(self.connection, data)
        elif self._waiting < MOST_WAITING:
            self._waiting += len(data)
            self._queue.append((data, failed))

    def _other(self) -> StreamFlow | None:
        """The way of responses when this connection is lost; None = there is none."""
        name, owner = self.reply_name, self._socket
        if not self.reply_port or owner.web or (owner.secure and not (is_literal(name) or normal_name(name))):
            return None
        return owner.flow(self.remote.host, self.reply_port, name, self.source)

    def toward(self, host: str, port: int) -> StreamFlow:
        """This connection while it lives and leads to that host, else another one; never another for a WebSocket.

        Over TLS a client's connection serves as long as it lives, since it is the one that the call came over.
        """
        if self._socket.web or (":" in host) != (":" in self.remote.host):
            return self
        if not self.closed and (host == self.remote.host or (self._socket.secure and self.incoming)):
            return self
        return self._socket.flow(host, port, self.name or host, self.source)

    def again(self) -> StreamFlow | None:
        """The way to the peer once this is lost: none when it could not be made, nor for a WebSocket.

        None = the peer made it, and may make another one.
        """
        if self._socket.web or not self.made:
            return self
        return None if self.incoming else self.toward(self.remote.host, self.remote.port)

    def alias(self, port: int) -> None:
        """The peer wants requests to its *port* over this connection (RFC 5923): only if it has proved itself."""
        if self.names is not None and not self.closed and len(self._aliases) < 4:
            key = self.remote.host, port
            if key not in self._aliases:
                self._aliases.append(key)
                self._socket.aliases[key] = self

    def connected(self, connection: Connection) -> None:
        """The connection is there: send what waits."""
        self.connection = connection
        self.made = True
        queue, self._queue = self._queue, []
        for data, _ in queue:
            self.written(connection, data)

    def lost(self) -> None:
        """The connection is gone, or could not be made: what waits, for its turn or for a response, has failed."""
        self.closed = True
        self.connection = None
        for key in self._aliases:
            if self._socket.aliases.get(key) is self:
                del self._socket.aliases[key]
        self._socket.forget(self)
        queue, self._queue = self._queue, []
        for _, failed in queue:
            if failed is not None:
                failed()
        self._socket.room.lost(self)

    def written(self, connection: Connection, data: bytes) -> None:
        """Send on the connection that is there."""
        watcher = self._socket.room.watcher
        if watcher is not None:
            watcher(True, self, data)
        connection.send(data)


class _Accepting(Factory):
    noisy = False

    def __init__(self, owner: StreamSocket) -> None:
        self._socket = owner

    def buildProtocol(self, addr: IAddress | None) -> Any:
        connection = self._socket.incoming(getattr(addr, "host", ""))
        return connection and self._socket.wrapped(connection)


class _Connecting(ClientFactory):
    noisy = False

    def __init__(self, owner: StreamSocket, flow: StreamFlow) -> None:
        self._socket = owner
        self._flow = flow

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        return self._socket.kind(self._socket, self._flow, source_key(self._flow.remote.host))

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self._flow.lost()


class StreamSocket(Listening):
    """One listener for streams, and all connections from its address.

    :param certificates: the room's; *quota* its counts of connections.
    :ivar secure: TLS; *web* WebSocket.
    :ivar aliases: proven connections by the address that their peers want to be reached at.
    """

    def __init__(
        self,
        listener: Listener,
        room: Room,
        timers: Timers,
        reactor: Any,
        certificates: Certificates,
        quota: Quota,
    ) -> None:
        super().__init__(listener, room)
        self.timers = timers
        self.certificates = certificates
        self.quota = quota
        self.secure = listener.transport in SECURE
        self.web = listener.transport in WEB
        self.kind = _kind(self.web)
        self.factory = _Accepting(self)
        self.aliases: dict[tuple[str, int], StreamFlow] = {}
        self._reactor = reactor
        self._flows: dict[tuple[str, int], StreamFlow] = {}
        self._named: dict[tuple[str, int, str, str], StreamFlow] = {}
        self._tls = (
            TLSMemoryBIOFactory(certificates.server(listener), False, self.factory, reactor) if self.secure else None
        )

    # -- incoming

    def incoming(self, host: str) -> Connection | None:
        """The protocol of a new connection; None when there are too many."""
        source = self.quota.take(host)
        return self.kind(self, None, source) if source else None

    def wrapped(self, connection: Connection) -> Any:
        """The connection inside TLS, if that is what is spoken here."""
        return connection if self._tls is None else self._tls.protocol(self._tls, connection)

    def accepted(self, remote: Address, transport: Any) -> StreamFlow:
        """The flow of an incoming connection."""
        own = transport.getHost().host if self.address.host in WILDCARDS else ""
        flow = self._flows[remote.host, remote.port] = StreamFlow(self, remote, source=own)
        flow.incoming = True
        if self.secure:
            certificate = transport.getPeerCertificate()
            flow.names = None if certificate is None else names_of(certificate.to_cryptography())
        return flow

    # -- outgoing

    def known(self, host: str, port: int) -> StreamFlow | None:
        """The connection with exactly this address of a peer, if there is one."""
        return self._flows.get((host, port))

    def flow(self, host: str, port: int, name: str | None = None, source: str = "") -> StreamFlow:
        """The flow to an address: the connection that is there, or one that is made now.

        :param name: whom the server has to prove (TLS); None = only a connection that is there will do.
        :param source: the address of ours to connect from; "" = that of the listener.
        """
        found = self._found(host, port, name, source)
        if found is not None:
            return found
        flow = StreamFlow(self, Address(host, port, self.address.transport), name or "", source)
        if self.web or (self.secure and name is None):
            flow.closed = True
            return flow
        if self.secure or source:
            self._named[host, port, flow.name if self.secure else "", source] = flow
        else:
            self._flows[host, port] = flow
        self._connect(flow)
        return flow

    def _found(self, host: str, port: int, name: str | None, source: str) -> StreamFlow | None:
        if not self.secure or name is None:
            there = self._flows.get((host, port))
            if there is not None and source in ("", there.source):
                return there
            return None if self.secure else self._named.get((host, port, "", source))
        found = self._named.get((host, port, name, source))
        if found is not None:
            return found
        alias = self.aliases.get((host, port))
        return alias if alias is not None and alias.names is not None and alias.names.bear(name) else None

    def _connect(self, flow: StreamFlow) -> None:
        own = self.address.host
        bind = (flow.source, 0) if flow.source else None if own in WILDCARDS else (own, 0)
        factory: Any = _Connecting(self, flow)
        if self.secure:
            toward = self.certificates.toward(flow.name)
            factory = _Tls(toward, factory, self._reactor)
        self._reactor.connectTCP(flow.remote.host, flow.remote.port, factory, CONNECT, bind)

    def check_peer(self, transport: Any, flow: StreamFlow | None) -> str:
        """What is wrong with a server's certificate, "" when nothing is; OpenSSL has seen to those of clients."""
        if flow is None or not self.certificates.verify:
            return ""
        certificate = transport.getPeerCertificate()
        names = names_of(certificate.to_cryptography()) if certificate is not None else Names(frozenset(), frozenset())
        if names.bear(flow.name):
            return ""
        return f"TLS: its certificate proves {str(names)[:200]!a}, expected {flow.name}"

    def handshake_failure(self, transport: Any, reason: Any) -> str:
        """Why TLS did not come about, for the log; "" when the peer just went away."""
        found = why(getattr(transport, "getHandle", lambda: None)())
        if found:
            return f"TLS: its certificate is refused: {found}"
        errors = getattr(getattr(reason, "value", None), "args", ())
        if errors and isinstance(errors[0], list) and errors[0]:
            return f"TLS: {ascii(str(errors[0][0][-1])[:100])[1:-1]}"
        return ""

    def forget(self, flow: StreamFlow) -> None:
        """A connection is gone."""
        key = flow.remote.host, flow.remote.port
        if self._flows.get(key) is flow:
            del self._flows[key]
        named = (*key, flow.name if self.secure else "", flow.source)
        if self._named.get(named) is flow:
            del self._named[named]

    @property
    def flows(self) -> list[StreamFlow]:
        """All connections."""
        return [*self._flows.values(), *self._named.values()]

    def close(self) -> None:
        """Close all connections."""
        for flow in self.flows:
            if flow.connection is not None:
                flow.connection.close()


class _Tls(TLSMemoryBIOFactory):
    """Outgoing TLS around a connection being made."""

    def __init__(self, toward: Any, factory: _Connecting, reactor: Any) -> None:
        super().__init__(toward, True, factory, reactor)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self.wrappedFactory.clientConnectionFailed(connector, reason)


def _kind(web: bool) -> type[Connection]:
    if not web:
        return Connection
    from vosswitch.sip.transport.web import WebConnection  # noqa: PLC0415 - wsproto only where WebSockets are spoken

    return WebConnection
