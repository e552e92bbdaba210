"""The control socket of a running switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.protocol import ServerFactory

from vosswitch.control import files
from vosswitch.control.operations import OPERATIONS, declared
from vosswitch.control.protocol import ControlError
from vosswitch.control.transport import ControlProtocol, admitted, peer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.internet.interfaces import IAddress, IListeningPort
    from twisted.python.failure import Failure

    from vosswitch.control.protocol import Request
    from vosswitch.control.transport import Peer

CONNECTIONS = 64
"""Connections at one time; more are closed at once."""


class ControlService(Service):
    """Answers the operations of `vosswitch.control.operations`.

    :param reactor: offers ``listenUNIX`` and ``callLater``.
    :param path: the socket; created with mode 0660.
    :param implementations: by operation name: takes the checked arguments, gives the result, a Deferred of it, or (for
        streams) an iterator of rows, which is advanced 500 rows a turn; raises `ControlError` to refuse.
    :param log: a Twisted Logger.
    :raises ValueError: an implementation of something that is not declared.
    """

    def __init__(
        self,
        reactor: Any,
        path: str,
        implementations: Mapping[str, Callable[[dict[str, Any]], Any]],
        log: Any,
    ) -> None:
        undeclared = sorted(set(implementations) - set(OPERATIONS))
        if undeclared:
            raise ValueError(f"control operations not declared: {', '.join(undeclared)}")
        self._reactor = reactor
        self._path = path
        self._implementations = dict(implementations)
        self._log = log
        self._factory = _Factory(self)
        self._port: IListeningPort | None = None

    def startService(self) -> None:
        """Listen.

        :raises vosswitch.control.files.InUse: another switch answers there.
        """
        files.claim(self._path)
        self._port = self._reactor.listenUNIX(self._path, self._factory, mode=0o660)
        super().startService()  # type: ignore[no-untyped-call]

    def stopService(self) -> Any:
        """Stop listening, and end the connections."""
        super().stopService()  # type: ignore[no-untyped-call]
        for connection in list(self._factory.connections):
            connection.transport.abortConnection()
        port, self._port = self._port, None
        return port.stopListening() if port is not None else None

    def perform(self, request: Request, peer: Peer | None) -> Any:
        """Do one request.

        :raises ControlError: unknown operation, bad arguments, or the implementation's own.
        """
        operation = declared(request.op)
        implementation = self._implementations.get(request.op)
        if implementation is None:
            raise ControlError("unknown_operation", request.op, "this switch does not offer it")
        arguments = operation.check(request.args)
        if operation.changes:
            uid = peer.uid if peer is not None else None
            self._log.info("control: {op} {args} by user {uid}", op=request.op, args=arguments, uid=uid)
        return implementation(arguments)

    def admit(self, transport: Any) -> Peer | None:
        """The peer of a connection; None when it may not speak."""
        peer = peer_of(transport.getHandle())
        if admitted(peer, files.group_of(self._path)):
            return peer
        self._log.warn("control: refused user {uid}, process {pid}", uid=peer.uid, pid=peer.pid)
        return None

    def failed(self, request: Request, failure: Failure) -> None:
        """Log the failure of an implementation."""
        self._log.failure("control: {op} failed", failure=failure, op=request.op)


class _Factory(ServerFactory):
    """Builds the protocols and keeps count of them."""

    noisy = False

    def __init__(self, service: ControlService) -> None:
        self._service = service
        self.connections: set[ControlProtocol] = set()

    def buildProtocol(self, addr: IAddress | None) -> ControlProtocol | None:
        """A protocol, or None when there are too many connections."""
        if len(self.connections) >= CONNECTIONS:
            return None
        protocol = _Counted(self.connections, self._service)
        protocol.factory = self
        return protocol


class _Counted(ControlProtocol):
    """A connection that the factory knows as long as it is up."""

    def __init__(self, connections: set[ControlProtocol], service: ControlService) -> None:
        super().__init__(service._reactor, service.perform, service.admit, service.failed)
        self._connections = connections

    def connectionMade(self) -> None:
        """Be known."""
        self._connections.add(self)
        super().connectionMade()

    def connectionLost(self, reason: Any = None) -> None:
        """Be forgotten."""
        self._connections.discard(self)
        super().connectionLost(reason)
