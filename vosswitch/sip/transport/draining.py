"""Listening ports: those of IPv6 take IPv6 only; that of UDP empties its socket before anything that came is served."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from twisted.internet import tcp, udp

from vosswitch.sip.transport.options import one_family

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

MOST_AT_ONCE = 4000
"""Datagrams that are read in one turn; the rest waits in the socket."""
_PASSING = frozenset({errno.ECONNREFUSED, errno.EINTR})
"""What `recvfrom` may say of a datagram of ours that nobody took."""


class StreamPort(tcp.Port):
    """Accepts connections."""

    def createInternetSocket(self) -> socket.socket:  # noqa: N802 - Twisted's name
        """The socket, before it is bound."""
        made: socket.socket = super().createInternetSocket()  # type: ignore[no-untyped-call]
        one_family(made)
        return made


class DrainingPort(udp.Port):
    """Reads everything, then has it served in the order of urgency.

    :ivar take: takes one datagram and its source; *serve* follows once all are taken.
    """

    take: Callable[[bytes, Any], None]
    serve: Callable[[], None]

    def createInternetSocket(self) -> socket.socket:  # noqa: N802 - Twisted's name
        """The socket, before it is bound."""
        made = super().createInternetSocket()
        one_family(made)
        return made

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """The socket has something to read."""
        receive, take = self.socket.recvfrom, self.take
        for _ in range(MOST_AT_ONCE):
            try:
                data, source = receive(65536)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno in _PASSING:
                    continue
                raise
            take(data, source)
        self.serve()
