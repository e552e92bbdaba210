"""The UDP sockets of RAS: those that are listened on, and those that our own registrations need besides."""

from __future__ import annotations

from ipaddress import ip_address
from socket import SO_RCVBUF, SOL_SOCKET
from typing import TYPE_CHECKING, Any

from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.internet.protocol import DatagramProtocol

from vosswitch.model.h323 import RAS
from vosswitch.model.places import WILDCARDS, is_literal, local_parts
from vosswitch.model.source import plain_host
from vosswitch.model.values import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vosswitch.params.listeners import Listener

_MOST_OWN = 64
"""Sockets that are opened for registrations of ours, one for each local address."""
_LARGEST = 8192
_BUFFER = 4 << 20
"""Bytes that wait in a socket."""


class _Socket(DatagramProtocol):
    noisy = False

    def __init__(self, owner: RasSockets) -> None:
        self._owner = owner
        self.local = Address("", 0, RAS)

    def datagramReceived(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._owner.heard(data, Address(plain_host(addr[0]), addr[1], RAS), self.local)

    def connectionRefused(self) -> None:
        """Of one datagram; who waits for an answer notices by himself."""


class RasSockets:
    """All of them.

    :param shown: gives what a peer is told instead of a local IP.
    :param seen_from: gives the local IP from which a host is reached.
    :param take: takes each datagram, with its source and our socket; what it raises is caught.
    :param failed: told that it has raised something.
    """

    def __init__(
        self,
        reactor: Any,
        shown: Callable[[str], str],
        seen_from: Callable[[str], str],
        take: Callable[[bytes, Address, Address], None],
        failed: Callable[[str], None],
    ) -> None:
        self._reactor = reactor
        self._shown = shown
        self._seen_from = seen_from
        self._take = take
        self._failed = failed
        self._ports: dict[Address, Any] = {}
        self._listening: list[Address] = []
        self._own: dict[str, Address] = {}

    def open(self, listeners: Sequence[Listener]) -> list[Address]:
        """Listen; gives where.

        :raises CannotListenError: an address cannot be had.
        """
        for one in listeners:
            if one.transport == RAS:
                self._listening.append(self._bind(one.host, one.port))
        return list(self._listening)

    def _bind(self, host: str, port: int) -> Address:
        socket = _Socket(self)
        bound = self._reactor.listenUDP(port, socket, host, _LARGEST)
        _widen(bound)
        socket.local = Address(host, bound.getHost().port, RAS)
        self._ports[socket.local] = bound
        return socket.local

    def heard(self, data: bytes, source: Address, local: Address) -> None:
        """One datagram."""
        try:
            self._take(data, source, local)
        except Exception:  # noqa: BLE001 - whatever a peer sends, the socket stays
            self._failed("a RAS message has failed")

    def send(self, data: bytes, to: Address, local: Address) -> None:
        """Send a datagram; one that cannot be sent is lost, as others are on the way."""
        port = self._ports.get(local)
        if port is None:
            return
        try:
            port.write(data, (to.host, to.port))
        except (OSError, MessageLengthError, ValueError):
            return

    def shown(self, local: Address, remote: str) -> Address:
        """One of our sockets as a peer sees it."""
        return Address(self._shown(self.here(local, remote)), local.port, RAS)

    def here(self, local: Address, remote: str) -> str:
        """The local IP of one of our sockets towards a peer."""
        return self._seen_from(remote) if local.host in WILDCARDS else local.host

    def find(self, target: Address, local: str | None, done: Callable[[Address | None, Address | None], None]) -> None:
        """Look up a host, and take or open a socket towards it; *done* is told both, None = cannot be had."""
        if is_literal(target.host):
            done(target, self._towards(target, local))
            return

        def found(host: str) -> None:
            there = target._replace(host=plain_host(host))
            done(there, self._towards(there, local))

        self._reactor.resolve(target.host).addCallbacks(found, lambda _: done(None, None))

    def _towards(self, target: Address, local: str | None) -> Address | None:
        """A socket that reaches it: a listener of the family and the local address, else one of our own."""
        six = ip_address(target.host).version == 6
        wanted = local_parts(local)[0] if local else ""
        for one in self._listening:
            fits = one.host in (wanted, *WILDCARDS) if wanted else _reaches(one.host, target.host)
            if fits and (":" in one.host) == six:
                return one
        host = wanted or ("::" if six else "0.0.0.0")  # noqa: S104 - as the system chooses
        if host not in self._own and len(self._own) < _MOST_OWN:
            try:
                self._own[host] = self._bind(host, 0)
            except CannotListenError:
                return None
        return self._own.get(host)

    def close(self) -> None:
        """Close all."""
        for port in self._ports.values():
            port.stopListening()
        self._ports.clear()


def _widen(port: Any) -> None:
    """Ask for room for what comes while we work; the system may give less (net.core.rmem_max)."""
    handle = getattr(port, "socket", None)
    if handle is not None:
        handle.setsockopt(SOL_SOCKET, SO_RCVBUF, _BUFFER)


def _reaches(local: str, target: str) -> bool:
    """Loopback reaches loopback only, and the other way about."""
    return local in WILDCARDS or ip_address(local).is_loopback == ip_address(target).is_loopback
