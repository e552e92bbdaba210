"""Call signalling connections: the `Line` of an incoming or outgoing leg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import ClientFactory, Factory

from vosswitch.h323.settings import CONNECT_SECONDS, SETUP_SECONDS, UNREAD_MESSAGES
from vosswitch.h323.transport.control import Waiting, connect
from vosswitch.h323.transport.stream import Stream
from vosswitch.h323.transport.world import source_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.legs.line import ControlUser, LineUser
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


class LegLine(Stream):
    """The connection of one leg (`vosswitch.h323.legs.line.Line`).

    :ivar user: the leg; None = there is none yet.
    :ivar broken: told when the leg has raised something: it has to be ended.
    :ivar controls: its H.245 connections, and ports that wait for one.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
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

    def close(self) -> None:
        """Close it and everything that belongs to it."""
        for control in list(self.controls):
            control.close()
        super().close()

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

    def connect(self, address: Address, user: ControlUser) -> None:
        """Open the H.245 connection to where the peer waits for it."""
        connect(self.world, self, address, user)

    def here(self) -> str:
        """The local IP of the connection."""
        return str(self.transport.getHost().host) if self.transport is not None else self.local.host


class IncomingLine(LegLine):
    """A connection that a peer has made: who it is is asked before anything is read.

    :param source: as `Gate.take` has given it.
    """

    def __init__(self, world: World, source: str) -> None:
        super().__init__(world)
        self.source = source
        self._half_open = True
        self._asked = False
        self._unheard: list[bytes] = []
        self._timer: Any = None

    def made(self) -> None:
        """See who it is."""
        if self.world.gate.is_known(self.source, self.world.now()):
            self._begin()
            return
        self.transport.pauseProducing()
        self.world.office.ask("known", (self.remote,), self._known)

    def _known(self, known: bool | None) -> None:
        if self.over:
            return
        if known is None:  # the switch cannot say: nobody is taken for a stranger for that
            self.abort()
            return
        if not known:
            if self.world.gate.stranger(self.source, self.world.now()):
                self.world.office.ask("stranger", (self.remote,), _nothing)
            self.abort()
            return
        self.world.gate.known(self.source, self.world.now())
        self._begin()
        self.transport.resumeProducing()

    def _begin(self) -> None:
        self._timer = self.world.reactor.callLater(SETUP_SECONDS, self._silent)

    def _silent(self) -> None:
        self._timer = None
        self.give_up("half_open", "no Setup came")

    def took(self, data: bytes) -> None:
        """The first message says what it is about; what follows waits until there is a leg."""
        if self.user is not None:
            super().took(data)
        elif not self._asked:
            self._asked = True
            self.opened()
            self.world.office.called(self, data)
        else:
            self._unheard.append(data)
            if len(self._unheard) > UNREAD_MESSAGES:
                self.give_up("too_many_messages", "too many messages")

    def opened(self) -> None:
        """It has brought what it is for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._half_open:
            self._half_open = False
            self.world.gate.opened(self.source)

    def serve(self, user: LineUser) -> None:
        """Its leg is there: what has come meanwhile is heard now."""
        self.user = user
        unheard, self._unheard = self._unheard, []
        for data in unheard:
            if not self.over:
                super().took(data)

    def left(self) -> None:
        """The socket is closed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        source, self.source = self.source, ""
        if source:
            self.world.gate.give_back(source, half_open=self._half_open)


class Listening(Factory):
    """Takes calls on one listener."""

    noisy = False

    def __init__(self, world: World) -> None:
        self._world = world

    def buildProtocol(self, addr: Any) -> IncomingLine | None:
        """Let a connection in, or close it at once."""
        source = self._world.gate.take(addr.host, self._world.now())
        return IncomingLine(self._world, source) if source else None


class OutgoingLine(LegLine):
    """A connection that we make; what is said before it is there waits.

    :param target: where to; a name is looked up by the system.
    :param local_address: a gateway's, None = as the system chooses.
    """

    def __init__(self, world: World, target: Address, local_address: str | None) -> None:
        super().__init__(world)
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
        super().send(data)

    def failed(self, reason: str) -> None:
        """The connection never came."""
        if not self.over:
            self.over = True
            self.gone(reason)

    def close(self) -> None:
        """Close it, or do not open it any more."""
        connecting = self.transport is None and self._connector is not None and not self.over
        super().close()
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


def _nothing(_answer: Any) -> None:
    """No answer is needed."""
