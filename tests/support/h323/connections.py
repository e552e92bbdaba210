"""The TCP connections of a scripted endpoint, by name: ``signal`` and ``control``; each carries whole TPKTs."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.support.h323.template import Address
from vosswitch.h323.tpkt import Framer, framed


@dataclass(slots=True)
class Line:
    """A connection and what is not a whole packet of it yet."""

    socket: socket.socket
    framer: Framer = field(default_factory=Framer)
    open: bool = True


class Connections:
    """At most one connection of each name, opened by either side.

    :param hear: is told (name, message); None = the peer closed it.
    """

    def __init__(self, hear: Callable[[str, bytes | None], None]) -> None:
        self._hear = hear
        self._lines: dict[str, Line] = {}
        self._listeners: dict[str, socket.socket] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._lines

    def open(self, name: str) -> bool:
        """Whether it has been made and not been closed by the peer."""
        return name in self._lines and self._lines[name].open

    def listen(self, name: str, host: str, port: int = 0) -> Address:
        """Take a connection of that name there."""
        listener = socket.create_server((host, port))
        self._listeners[name] = listener
        return listener.getsockname()

    def dial(self, name: str, remote: Address, host: str) -> Address:
        """Open it from *host*; gives our address."""
        connection = socket.create_connection(remote, 5, (host, 0))
        self._lines[name] = Line(connection)
        return connection.getsockname()

    def peer(self, name: str) -> Address:
        """Who is at the other end."""
        return self._lines[name].socket.getpeername()

    def send(self, name: str, message: bytes) -> None:
        """One TPKT; a peer that has gone is none of our business."""
        with suppress(OSError):
            self._lines[name].socket.sendall(framed(message))

    def pump(self, seconds: float, other: socket.socket) -> bool:
        """Take what comes within that time, or nothing; tells whether *other* has something to read."""
        lines = {line.socket: name for name, line in self._lines.items() if line.open}
        listeners = {each: name for name, each in self._listeners.items()}
        ready, _, _ = select.select([*lines, *listeners, other], [], [], seconds)
        for each in ready:
            if each in listeners:
                self._accept(listeners[each], each.accept()[0])
            elif each in lines:
                self._read(lines[each], self._lines[lines[each]])
        return other in ready

    def _accept(self, name: str, connection: socket.socket) -> None:
        if name in self._lines:
            connection.close()
        else:
            self._lines[name] = Line(connection)

    def _read(self, name: str, line: Line) -> None:
        try:
            data = line.socket.recv(65536)
        except ConnectionError:
            data = b""
        line.open = bool(data)
        for message in line.framer.feed(data) if data else [None]:
            self._hear(name, message)

    def close(self) -> None:
        """Close all of them."""
        for each in [*self._listeners.values(), *(line.socket for line in self._lines.values())]:
            each.close()
