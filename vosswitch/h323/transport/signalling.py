"""The `Line` of a leg, and the connection of an outgoing one; what peers connect by is `transport.incoming`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import ClientFactory

from vosswitch.h323.settings import CONNECT_SECONDS, UNREAD_MESSAGES
from vosswitch.h323.transport.control import Waiting, connect, may_connect
from vosswitch.h323.transport.stream import Stream
from vosswitch.h323.transport.world import source_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.legs.line import Control, ControlUser, LineUser
    from vosswitch.h323.transport.world import World
    from vosswitch.model.values import Address


class _Later:
    """A timer of a leg."""

    __slots__ = ("_call",)

    def __init__(self, call: Any) -> None:
        self._call = call

    def cancel(self) -> None:
        """Stop it."""
        if self._call.active():
            self._call.cancel()


class _Nobody:
    """A `ControlUser` that hears nothing."""

    def control_connected(self, control: Control) -> None:
        """Never."""

    def control_received(self, data: bytes) -> None:
        """Never."""

    def control_lost(self, reason: str) -> None:
        """Never."""


class LegLine:
    """What the lines of incoming and outgoing legs have in common (`vosswitch.h323.legs.line.Line`).

    :ivar user: the leg; None = there is none yet.
    :ivar broken: told when the leg has raised something: it has to be ended.
    :ivar controls: its H.245 connections, and ports that wait for one.
    :ivar remote: the peer's end, *local* ours; *over* = nothing more is heard or said.
    """

    world: World
    remote: Address
    local: Address
    over: bool

    def _begin(self) -> None:
        self.user: LineUser | None = None
        self.broken: Callable[[], None] = self.close
        self.controls: set[Any] = set()

    def tell(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call into the leg; what it raises ends it and nothing else."""
        try:
            function(*arguments)
        except Exception:  # noqa: BLE001 - whatever a peer brings a leg to, the others go on
            self.world.office.failed("a leg has failed")
            self.user = None
            self.broken()

    def took(self, data: bytes) -> None:
        """One message for the leg."""
        if self.user is not None:
            self.tell(self.user.received, data)

    def gone(self, reason: str) -> None:
        """The leg hears it."""
        if self.user is not None:
            self.tell(self.user.lost, reason)

    def send(self, data: bytes) -> None:
        """Send one message; each kind of line in its way."""
        raise NotImplementedError

    def close(self) -> None:
        """Close it and everything that belongs to it."""
        raise NotImplementedError

    def _close_controls(self) -> None:
        for control in list(self.controls):
            control.close()

    def later(self, seconds: float, function: Callable[[], None]) -> _Later:
        """Call *function* after so long."""
        return _Later(self.world.reactor.callLater(seconds, self.tell, function))

    def listen(self, user: ControlUser) -> Address | None:
        """Wait for the peer's H.245 connection."""
        waiting = Waiting(self.world, self, user)
        address = waiting.open(self.here())
        if address is not None:
            self.controls.add(waiting)
        return address

    def can_listen(self) -> bool:
        """Whether there is a port for the peer's H.245 connection; it is given back at once."""
        waiting = Waiting(self.world, self, _Nobody())
        address = waiting.open(self.here())
        waiting.close()
        return address is not None

    def may_call(self, address: Address) -> bool:
        """Whether a call may go on there."""
        return may_connect(address, self.remote) and not self.world.is_ours(address)

    def connect(self, address: Address, user: ControlUser) -> None:
        """Open the H.245 connection to where the peer waits for it."""
        connect(self.world, self, address, user)

    def here(self) -> str:
        """The local IP of the connection."""
        return self.local.host


class OutgoingLine(LegLine, Stream):
    """A connection that we make; what is said before it is there waits.

    :param target: where to; a name is looked up by the system.
    :param local_address: a gateway's, None = as the system chooses.
    """

    def __init__(self, world: World, target: Address, local_address: str | None) -> None:
        Stream.__init__(self, world)
        self._begin()
        self.remote = target
        self._bind = source_of(local_address)
        self._early: list[bytes] = []
        self._connector: Any = None

    def open(self, user: LineUser) -> None:
        """Connect for a leg."""
        self.user = user
        self._connector = self.world.reactor.connectTCP(
            self.remote.host, self.remote.port, _Calling(self), timeout=CONNECT_SECONDS, bindAddress=self._bind
        )

    def made(self) -> None:
        """It is there: the peer may call us where we listen on that address."""
        own = self.world.called_at(self.local.host)
        self.local = own if own.port else self.local._replace(host=own.host)
        early, self._early = self._early, []
        for data in early:
            self.send(data)
        if self.user is not None:
            self.tell(self.user.connected)

    def send(self, data: bytes) -> None:
        """Send a message, at once or when the connection is there."""
        if self.transport is None and not self.over:
            if len(self._early) < UNREAD_MESSAGES:
                self._early.append(data)
            return
        Stream.send(self, data)

    def here(self) -> str:
        """The local IP of the connection; what peers are told of us may be another one."""
        return str(self.transport.getHost().host) if self.transport is not None else self.local.host

    def failed(self, reason: str) -> None:
        """The connection never came."""
        if not self.over:
            self.over = True
            self.gone(reason)

    def close(self) -> None:
        """Close it, or do not open it any more."""
        connecting = self.transport is None and self._connector is not None and not self.over
        self._close_controls()
        Stream.close(self)
        if connecting:
            self._connector.disconnect()


class _Calling(ClientFactory):
    noisy = False

    def __init__(self, line: OutgoingLine) -> None:
        self._line = line

    def buildProtocol(self, _addr: Any) -> OutgoingLine:
        return self._line

    def clientConnectionFailed(self, _connector: Any, reason: Any) -> None:
        self._line.failed(str(reason.value))
