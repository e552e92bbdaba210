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
"""Datagrams that are read before they are served; the rest waits in the socket."""
TURN = 0.005
"""Seconds for which what comes meanwhile is read in the same turn of the reactor: a turn costs more than a look."""
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

    :ivar take: takes one datagram, its source and the time; *serve* follows once all are taken.
    :ivar now: monotonic seconds.
    """

    take: Callable[[bytes, Any, float], None]
    serve: Callable[[], None]
    now: Callable[[], float]

    def createInternetSocket(self) -> socket.socket:  # noqa: N802 - Twisted's name
        """The socket, before it is bound."""
        made = super().createInternetSocket()
        one_family(made)
        return made

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """The socket has something to read."""
        now = began = self.now()
        most = 1  # one look behind the first shows both whether more waits and whether its peer has answered meanwhile
        while self._drain(now, most):
            self.serve()
            now = self.now()
            if now - began > TURN or not self.connected:
                return
            most = MOST_AT_ONCE

    def _drain(self, now: float, most: int) -> int:
        """Read what is there; how many datagrams that were."""
        receive, take = self.socket.recvfrom, self.take
        for count in range(most):
            try:
                data, source = receive(65536)
            except BlockingIOError:
                return count
            except OSError as error:
                if error.errno in _PASSING:
                    continue
                raise
            take(data, source, now)
        return most
