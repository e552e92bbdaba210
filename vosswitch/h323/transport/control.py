"""H.245 connections: waited for on a port of SS_H245_PORT_RANGE, or opened to where the peer waits."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import ClientFactory, Factory

from vosswitch.h323.settings import CONNECT_SECONDS
from vosswitch.h323.transport.stream import Stream
from vosswitch.h323.transport.world import seen_from
from vosswitch.model.source import plain_host
from vosswitch.model.values import Address

if TYPE_CHECKING:
    from vosswitch.h323.legs.line import ControlUser
    from vosswitch.h323.transport.signalling import LegLine
    from vosswitch.h323.transport.world import World

_TRIES = 40
"""Ports that somebody else has which are tried before there is none."""
_WAITING_SECONDS = 30.0
"""How long the peer has for its connection (the default of h323plus and ooh323c for each step of H.245)."""


class ControlStream(Stream):
    """A `Control` that is there, or is being opened."""

    def __init__(self, world: World, line: LegLine, user: ControlUser, source: str = "") -> None:
        super().__init__(world)
        self._line = line
        self._user = user
        self._source = source
        self.connector: Any = None

    def made(self) -> None:
        """It is there."""
        if self._source:
            self.world.gate.opened(self._source)
        self.world.counts["control"] += 1
        self._line.tell(self._user.control_connected, self)

    def took(self, data: bytes) -> None:
        """One message of H.245."""
        self._line.tell(self._user.control_received, data)

    def gone(self, reason: str) -> None:
        """It is gone, or never came."""
        self._line.controls.discard(self)
        self._line.tell(self._user.control_lost, reason)

    def left(self) -> None:
        """The socket is closed."""
        self._line.controls.discard(self)
        source, self._source = self._source, ""
        if source:
            self.world.gate.give_back(source, half_open=False)

    def close(self) -> None:
        """Close it, or do not open it any more."""
        if self.transport is None and self.connector is not None and not self.over:
            self.over = True
            self.connector.disconnect()
        super().close()


class _Opening(ClientFactory):
    noisy = False

    def __init__(self, stream: ControlStream) -> None:
        self._stream = stream

    def buildProtocol(self, _addr: Any) -> ControlStream:
        return self._stream

    def clientConnectionFailed(self, _connector: Any, reason: Any) -> None:
        if not self._stream.over:
            self._stream.over = True
            self._stream.gone(str(reason.value))


class Waiting(Factory):
    """A port that waits for one connection of the leg's peer; others are closed."""

    noisy = False

    def __init__(self, world: World, line: LegLine, user: ControlUser) -> None:
        self._world = world
        self._line = line
        self._user = user
        self._port: Any = None
        self._number = 0
        self._timer: Any = None

    def open(self, host: str) -> Address | None:
        """Listen on *host*; None when no port is free."""
        world = self._world
        for _ in range(_TRIES):
            port = world.port()
            if port is None:
                break
            try:
                self._port = world.reactor.listenTCP(port, self, 4, host)
            except CannotListenError:
                continue
            self._number = port
            world.waited_on.add(port)
            self._timer = world.reactor.callLater(_WAITING_SECONDS, self._late)
            return Address(world.shown(host), port, "h323")
        world.gate.counts["no_control_port"] += 1
        world.office.short("no port of SS_H245_PORT_RANGE is free for an H.245 connection")
        return None

    def buildProtocol(self, addr: Any) -> ControlStream | None:
        """One connection of the peer is taken."""
        gate = self._world.gate
        if self._port is None or plain_host(addr.host) != plain_host(self._line.remote.host):
            gate.counts["strange_control"] += 1
            return None
        source = gate.take(addr.host, self._world.now())
        if not source:
            return None
        self.close()
        stream = ControlStream(self._world, self._line, self._user, source)
        self._line.controls.add(stream)
        return stream

    def _late(self) -> None:
        self._timer = None
        self.close()
        self._line.tell(self._user.control_lost, "nobody has opened the H.245 connection")

    def close(self) -> None:
        """Wait no more."""
        self._line.controls.discard(self)
        port, self._port = self._port, None
        if port is not None:
            port.stopListening()
            self._world.waited_on.discard(self._number)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def connect(world: World, line: LegLine, address: Address, user: ControlUser) -> None:
    """Open the H.245 connection to where the peer waits for it."""
    stream = ControlStream(world, line, user)
    line.controls.add(stream)
    if not may_connect(address, line.remote):
        world.gate.counts["strange_control"] += 1
        world.reactor.callLater(0, _never, stream)
        return
    bind = (line.local.host, 0) if line.local.host else None
    stream.connector = world.reactor.connectTCP(
        address.host, address.port, _Opening(stream), timeout=CONNECT_SECONDS, bindAddress=bind
    )


def _never(stream: ControlStream) -> None:
    if not stream.over:
        stream.over = True
        stream.gone("the peer names an H.245 address that is none")


def may_connect(address: Address, remote: Address) -> bool:
    """Whether an H.245 address of a peer is one that a connection may go to: its own, or another machine's.

    An address that we are seen from ourselves is this machine's: a peer must not reach what listens here through us.
    """
    try:
        found = ip_address(address.host)
    except ValueError:
        return False
    if not 0 < address.port < 65536:
        return False
    if plain_host(address.host) == plain_host(remote.host):
        return True
    if found.is_loopback or found.is_unspecified or found.is_multicast or found.is_link_local:
        return False
    return seen_from(str(found)) != str(found)
