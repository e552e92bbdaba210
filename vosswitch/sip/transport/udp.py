"""SIP over UDP (RFC 3261 section 18, RFC 3581)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from twisted.internet.error import MessageLengthError
from twisted.internet.protocol import DatagramProtocol

from vosswitch.model.values import Address
from vosswitch.sip.transport.listening import Listening, shown
from vosswitch.sip.transport.options import handle_of, source_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.params.boot import Listener
    from vosswitch.sip.transactions.timers import Timers
    from vosswitch.sip.transport.listening import Room

_MOST_FLOWS = 8192
_PASSING = frozenset({errno.ECONNREFUSED, errno.EAGAIN, errno.EINTR})
"""What `sendto` may say of an earlier datagram or of a full buffer: this one is lost like any datagram may be."""


class UdpFlow:
    """A peer's address on a UDP socket; see `vosswitch.sip.transactions.flow.Flow`."""

    __slots__ = ("_peer", "_socket", "host", "hostport", "local", "remote", "via")
    reliable = False
    closed = False
    bound = False
    name = ""

    def __init__(self, owner: UdpSocket, peer: tuple[str, int]) -> None:
        self._socket = owner
        self._peer = peer
        self.remote = Address(peer[0], peer[1], "udp")
        self.local = owner.address._replace(host=owner.local_to(peer[0]))
        self.host = shown(owner.listener, peer[0])
        self.hostport = f"{self.host}:{owner.address.port}"
        self.via = f"SIP/2.0/UDP {self.hostport}"

    def send(self, data: bytes, failed: Callable[[], None] | None = None) -> None:
        """Send one datagram."""
        watcher = self._socket.room.watcher
        if watcher is not None:
            watcher(True, self, data)
        try:
            self._put(data)
        except (OSError, MessageLengthError) as error:
            if failed is not None and getattr(error, "errno", None) not in _PASSING:
                self._socket.timers.add(0.0, failed)

    def _put(self, data: bytes) -> None:
        self._socket.put(data, self._peer)

    def toward(self, host: str, port: int) -> UdpFlow:
        """The way to another address of the same family; this one when the family is another."""
        if (":" in host) != (":" in self._peer[0]):
            return self
        return self._socket.flow(host, port)

    def again(self) -> UdpFlow:
        """A datagram has nothing to lose."""
        return self


class SourcedUdpFlow(UdpFlow):
    """The same from one of our addresses, over a socket that has all of them."""

    __slots__ = ("source",)

    def __init__(self, owner: UdpSocket, peer: tuple[str, int], source: str) -> None:
        super().__init__(owner, peer)
        self.source = source
        self.local = owner.address._replace(host=source)
        self.host = shown(owner.listener, peer[0], source)
        self.hostport = f"{self.host}:{owner.address.port}"
        self.via = f"SIP/2.0/UDP {self.hostport}"

    def _put(self, data: bytes) -> None:
        self._socket.put_from(self.source, data, self._peer)

    def toward(self, host: str, port: int) -> UdpFlow:
        """The same, from the same address of ours."""
        if (":" in host) != (":" in self._peer[0]):
            return self
        return self._socket.flow(host, port, None, self.source)


class UdpSocket(Listening, DatagramProtocol):
    """One UDP listener."""

    def __init__(self, listener: Listener, room: Room, timers: Timers) -> None:
        super().__init__(listener, room)
        self.timers = timers
        self.put: Callable[[bytes, tuple[str, int]], object] = self._write
        self._flows: dict[tuple[str, int], UdpFlow] = {}
        self._sourced: dict[tuple[str, int, str], SourcedUdpFlow] = {}

    def listening(self, port: Any) -> None:
        """Note the listening port; a real one is sent on without Twisted's checks of what is an address here anyway."""
        super().listening(port)
        handle = getattr(port, "socket", None)
        if handle is not None:
            self.put = handle.sendto

    def _write(self, data: bytes, peer: tuple[str, int]) -> None:
        self.transport.write(data, peer)  # type: ignore[union-attr]

    def known(self, host: str, port: int) -> UdpFlow | None:
        """The flow to an address, if there has been one."""
        return self._flows.get((host, port))

    def put_from(self, source: str, data: bytes, peer: tuple[str, int]) -> None:
        """Send from one of our addresses; "" = that of the socket."""
        handle = handle_of(self.port) if source else None
        if handle is None:
            self.put(data, peer)
        else:
            handle.sendmsg([data], [source_of(source)], 0, peer)

    def flow(self, host: str, port: int, _name: str | None = None, source: str = "") -> UdpFlow:
        """The flow to an address.

        :param source: the address of ours to send from; "" = that of the socket.
        """
        peer = (host, port)
        if source:
            return self._flow_from(peer, source)
        found = self._flows.get(peer)
        if found is None:
            if len(self._flows) >= _MOST_FLOWS:
                self._flows.clear()
            found = self._flows[peer] = UdpFlow(self, peer)
        return found

    def _flow_from(self, peer: tuple[str, int], source: str) -> UdpFlow:
        key = (*peer, source)
        found = self._sourced.get(key)
        if found is None:
            if len(self._sourced) >= _MOST_FLOWS:
                self._sourced.clear()
            found = self._sourced[key] = SourcedUdpFlow(self, peer, source)
        return found

    def taken(self, datagram: bytes, addr: Any, now: float) -> None:
        """Queue a datagram, to be served when the socket is empty."""
        self.room.take(self._flows.get(addr) or self.flow(addr[0], addr[1]), datagram, now)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Hand a datagram on."""
        self.room.receive(self._flows.get(addr) or self.flow(addr[0], addr[1]), datagram)
