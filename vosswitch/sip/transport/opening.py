"""Opens listeners, and says in one line why one cannot be had."""

from __future__ import annotations

import errno
import os
import resource
import socket
from typing import TYPE_CHECKING, Any

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorFDSet

from vosswitch.model.values import Address
from vosswitch.sip.transport.draining import DrainingPort, StreamPort
from vosswitch.sip.transport.options import one_family
from vosswitch.sip.transport.stream import MOST_CONNECTIONS
from vosswitch.sip.transport.udp import UdpSocket

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vosswitch.params.boot import Listener
    from vosswitch.sip.transport.stream import StreamSocket

OTHER_FILES = 256
"""Open files that connections leave to the rest of the process: journal, control socket, plugins."""


_BACKLOG = 1024
"""Connections that may wait to be accepted."""


def connections_allowed() -> int:
    """How many connections all listeners may have together, so that `OTHER_FILES` are left for the rest."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(1, min(MOST_CONNECTIONS, max(soft - OTHER_FILES, soft // 2)))


def try_bind(listeners: Iterable[Listener]) -> None:
    """Bind every listener once and let it go again.

    :raises OSError: names the listener that cannot be had.
    """
    for listener in listeners:
        family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
        kind = socket.SOCK_DGRAM if listener.is_datagram else socket.SOCK_STREAM
        with socket.socket(family, kind) as probe:
            one_family(probe)
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


def listen(owner: UdpSocket | StreamSocket, reactor: Any) -> None:
    """Open the listener.

    :raises OSError: it cannot be had.
    """
    listener = owner.listener
    try:
        if isinstance(owner, UdpSocket):
            owner.listening(_listen_udp(owner, reactor))
        else:
            owner.listening(_listen_stream(owner, reactor))
    except CannotListenError as error:
        raise cannot_listen(listener, getattr(error.socketError, "errno", None)) from None


def _listen_stream(owner: StreamSocket, reactor: Any) -> Any:
    listener = owner.listener
    if not IReactorFDSet.providedBy(reactor):
        return reactor.listenTCP(listener.port, owner.factory, _BACKLOG, listener.host)
    port = StreamPort(listener.port, owner.factory, _BACKLOG, listener.host, reactor)
    port.startListening()
    return port


def _listen_udp(owner: UdpSocket, reactor: Any) -> Any:
    listener = owner.listener
    if not IReactorFDSet.providedBy(reactor):
        return reactor.listenUDP(listener.port, owner, listener.host, 65536)
    port = DrainingPort(listener.port, owner, listener.host, reactor=reactor)  # type: ignore[no-untyped-call]
    port.take, port.serve, port.now = owner.taken, owner.room.serve_taken, owner.timers.now
    port.startListening()  # type: ignore[no-untyped-call]
    return port
