"""The H.323 process: its connections and legs, told by the switch what to do (`vosswitch.h323.wire`).

It is started by `vosswitch.h323.service` with one argument, a JSON object with ``descriptor`` (an inherited local
socket to the switch), ``listeners`` (rows of transport, host, port, advertise) and ``product`` (our name and version).
When the switch is gone it ends at once.
"""

from __future__ import annotations

import os
import socket
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory

from vosswitch.h323 import q931
from vosswitch.h323.gate import Gate
from vosswitch.h323.h225 import ReleaseComplete, Setup, write
from vosswitch.h323.joining import open_zone
from vosswitch.h323.reception import Reception
from vosswitch.h323.settings import NICE
from vosswitch.h323.transport.incoming import Listening
from vosswitch.h323.transport.link import Link
from vosswitch.h323.transport.signalling import LegLine, OutgoingLine
from vosswitch.h323.transport.world import World
from vosswitch.h323.urgent import NO_SUCH_CALL
from vosswitch.h323.wire import LegState
from vosswitch.model.causes import cause
from vosswitch.model.h323 import TRANSPORT
from vosswitch.model.signals import Redirected, Release
from vosswitch.model.values import Address
from vosswitch.params.listeners import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vosswitch.h323.transport.incoming import Connection, IncomingLine
    from vosswitch.h323.zone import Zone
    from vosswitch.model.call import Placement
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.signals import Signal, Try

_BACKLOG = 256
_AGAIN = 5.0
"""Seconds until a listener that could not be had is tried again."""
_FAREWELL = 1.0
"""Seconds that connections have at a stop to send what they have."""
_MOST_TEXT = 2000
_QUIET = 10.0
"""Seconds between two lines about the same want."""


class Legs(Protocol):
    """What makes the legs (`vosswitch.h323.legs`)."""

    def incoming(self, line: IncomingLine, setup: Setup, profile: PeerProfile, user: str) -> Any:
        """A leg for a Setup; once it is started it tells `Reception.incoming`."""

    def outgoing(self, placement: Placement, line: OutgoingLine, listener: Any) -> Any:
        """A leg for a call of ours; it begins when its line is opened."""

    def configured(self, settings: Mapping[str, Any]) -> None:
        """The parameters have changed."""

    def parting(self, leg: Any) -> bytes:
        """What the peer of a leg is told that cannot speak for itself any more."""

    def farewell(self, data: Mapping[str, Any]) -> tuple[Address, bytes]:
        """Where to connect, and what to send, to end a leg of a former life; ValueError: nothing can be."""


class _Held:
    """A leg and what the switch knows of it."""

    __slots__ = ("leg", "line", "number", "state")

    def __init__(self, number: int, leg: Any, line: LegLine) -> None:
        self.number, self.leg, self.line = number, leg, line
        self.state = LegState()


class _Farewell:
    """Says one thing on a connection of its own (a `LineUser`)."""

    __slots__ = ("_line", "_message", "_settled")

    def __init__(self, line: OutgoingLine, message: bytes, settled: Callable[[], None]) -> None:
        self._line, self._message, self._settled = line, message, settled

    def connected(self) -> None:
        """Say it and go."""
        self._line.send(self._message)
        self._line.close()
        self._settled()

    def received(self, data: bytes) -> None:
        """Whatever the peer says to that."""

    def lost(self, _reason: str) -> None:
        """It cannot be told."""
        self._settled()


class Worker:
    """The process.

    :param make_legs: makes the maker of the legs, once the first settings are in.
    :param end: ends the process.
    """

    def __init__(
        self,
        reactor: Any,
        listeners: Sequence[Listener],
        make_legs: Callable[[Worker], Legs],
        end: Callable[[], None],
    ) -> None:
        self.reactor = reactor
        self.listeners = tuple(listeners)
        self.settings: Mapping[str, Any] = {}
        self.link = Link(reactor, self._heard, lambda _why: end())
        self.world: World
        self.legs: Legs
        self.reception: Reception
        self._make_legs = make_legs
        self._end = end
        self._held: dict[int, _Held] = {}
        self._numbers: dict[Any, int] = {}
        self._next = 1
        self._questions: dict[int, Callable[[Any], None]] = {}
        self._question = 0
        self._quiet_until = 0.0
        self._ports: list[Any] = []
        self._closed = list(listeners)
        self._ras: list[Address] = []
        self.does: dict[str, Callable[[Any], None]] = {}
        self.zone: Zone
        self.stopping = False

    # -- the switch

    def ask(self, name: str, values: tuple[Any, ...], answer: Callable[[Any], None]) -> None:
        """Ask the switch; *answer* is called with what it says, never when it is gone."""
        self._question += 1
        self._questions[self._question] = answer
        self.link.send("ask", self._question, name, values)

    def tell(self, name: str, *values: Any) -> None:
        """Tell the switch something that is no leg's."""
        self.link.send("tell", name, values)

    def log(self, level: str, text: str, **fields: str) -> None:
        """A line in the switch's log."""
        self.link.send("log", level, text, {name: value[:_MOST_TEXT] for name, value in fields.items()})

    def failed(self, text: str) -> None:
        """Something that should not, with the traceback of the exception that is being handled."""
        self.world.counts["failures"] += 1
        if self.world.counts["failures"] <= 100:
            self.log("error", text + ": {error}", error=traceback.format_exc(limit=-8))

    def short(self, text: str) -> None:
        """There is too little of something: in the log, seldom enough."""
        now = self.world.now()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET
            self.log("warn", text)

    def _heard(self, message: tuple[Any, ...]) -> None:
        order = _ORDERS.get(message[0])
        if order is None:
            return
        try:
            order(self, *message[1:])
        except Exception:  # noqa: BLE001 - one order that fails must not end all calls
            self.failed(f"order {message[0]} failed")

    def _settings(self, settings: Mapping[str, Any]) -> None:
        first = not self.settings
        self.settings = settings
        if first:
            self.world = World(self.reactor, settings, Gate(settings), self, self.listeners)
            self.reception = Reception(self)
            self.legs = self._make_legs(self)
            self.zone, self._sockets = open_zone(self)
            self._listen()
            self._tick()
            return
        self.world.settings = self.world.gate.settings = settings
        self.world.gate.forget_strangers()
        self.legs.configured(settings)
        self.reception.configured(settings)

    def _listen(self) -> None:
        """Open the listeners that are not open yet; what cannot be had is tried again."""
        waiting, self._closed, problems = self._closed, [], []
        for one in waiting:
            try:
                self._open(one)
            except CannotListenError as error:
                self._closed.append(one)
                reason = getattr(error.socketError, "strerror", None) or error.socketError
                problems.append(f"cannot listen on {Address(one.host, one.port, one.transport)}: {reason}")
        self.link.send("ready", [*self.world.bound, *self._ras], "; ".join(problems))
        if self._closed and not self.stopping:
            self.reactor.callLater(_AGAIN, self._listen)

    def _open(self, listener: Listener) -> None:
        if listener.transport != TRANSPORT:
            self._ras = self._sockets.open([listener])
            return
        port = self.reactor.listenTCP(listener.port, Listening(self.world), _BACKLOG, listener.host)
        self._ports.append(port)
        self.world.bound.append(Address(listener.host, port.getHost().port, TRANSPORT))

    def _tick(self) -> None:
        gate, world = self.world.gate, self.world
        counts = {**world.counts, **gate.counts, **self.zone.counts}
        counts |= {"connections": gate.connections, "half_open": gate.half_open, "legs": len(self._held)}
        self.link.send_soon("counts", counts)
        self.reactor.callLater(1.0, self._tick)

    def _answer(self, number: int, value: Any) -> None:
        answer = self._questions.pop(number, None)
        if answer is not None:
            answer(value)

    def _do(self, name: str, values: Any) -> None:
        if name in self.does:
            self.does[name](values)

    # -- legs

    def heard(self, leg: Any, signal: Signal) -> None:
        """`ILegListener` of all legs."""
        number = self._numbers.get(leg)
        if number is None:
            return
        held = self._held[number]
        held.state = _state_of(leg)
        self.link.send("say", number, signal, held.state)
        if type(signal) is Release:
            self._drop(held)
        elif type(signal) is Redirected:
            self._move(held)

    def _move(self, held: _Held) -> None:
        """The peer has sent its call elsewhere: another leg goes on under the same number."""
        former = held.leg
        self._numbers.pop(former)
        self.zone.over(former)
        self._place(held.number, former.moved)
        self._held[held.number].leg.tried |= former.tried

    def _hold(self, number: int, leg: Any, line: LegLine) -> _Held:
        held = self._held[number] = _Held(number, leg, line)
        self._numbers[leg] = number
        line.broken = lambda: self._broken(held)
        self.zone.holds(leg)
        return held

    def _drop(self, held: _Held) -> None:
        if self._held.pop(held.number, None) is not None:
            self._numbers.pop(held.leg, None)
            self.zone.over(held.leg)
            self.link.send_soon("over", held.number)

    def _broken(self, held: _Held) -> None:
        """A leg has raised something: its call ends."""
        if held.number in self._held:
            self.link.send("say", held.number, Release(cause("protocol_error")), held.state)
            self._drop(held)
            held.line.send(self.legs.parting(held.leg))
        held.line.close()

    def _place(self, number: int, placement: Placement) -> None:
        line = OutgoingLine(self.world, placement.target, placement.local_address)
        leg = self.legs.outgoing(placement, line, self)
        held = self._hold(number, leg, line)
        self._tell_state(held)
        line.tell(self.zone.opens, placement, leg, line)

    def _tell_state(self, held: _Held) -> None:
        state = _state_of(held.leg)
        if state != held.state:
            held.state = state
            self.link.send_soon("state", held.number, state)

    def _say(self, number: int, signal: Signal) -> None:
        held = self._held.get(number)
        if held is None:
            return
        held.line.tell(held.leg.send, signal)
        if number in self._held:
            self._tell_state(held)
            if type(signal) is Release:
                self._drop(held)

    def _forget(self, number: int) -> None:
        self._say(number, Release(cause("protocol_error")))

    def _orphan(self, number: int, data: Mapping[str, Any]) -> None:
        try:
            target, message = self.legs.farewell(data)
        except ValueError as why:
            self.log("warn", "a leg of a former life cannot be ended: {why}", why=str(why))
            self.link.send("settled", number)
            return
        line = OutgoingLine(self.world, target, None)
        line.open(_Farewell(line, message, lambda: self.link.send("settled", number)))

    @property
    def is_full(self) -> bool:
        """The switch does not keep up."""
        return self.link.full_since is not None

    def called(self, line: IncomingLine, data: bytes) -> None:
        """`Office`: the first message of a call or connection."""
        self.reception.called(line, data)

    def refuse(self, connection: Connection, message: q931.Message) -> None:
        """`Office`: a message of a call that there is not (Q.931 5.8.3.2)."""
        parting = ReleaseComplete(reference=message.reference, cause=NO_SUCH_CALL)
        connection.send(write(parting, not message.from_destination))

    def take(self, leg: Any, line: IncomingLine, offered: Try) -> None:
        """A new call, as the reception has it."""
        number, self._next = self._next, self._next + 2
        leg.listen(self)
        held = self._hold(number, leg, line)
        held.state = _state_of(leg)
        self.link.send("incoming", number, offered, held.state, self.world.now())

    # -- the end

    def _stop(self) -> None:
        """Release every call; then end."""
        self.stopping = True
        for port in self._ports:
            port.stopListening()
        for number in list(self._held):
            self._say(number, Release(cause("switch_restart")))
        self.zone.stop()
        self.reactor.callLater(_FAREWELL, self._end)


_ORDERS: dict[str, Callable[..., None]] = {
    "settings": Worker._settings,
    "place": Worker._place,
    "say": Worker._say,
    "forget": Worker._forget,
    "answer": Worker._answer,
    "orphan": Worker._orphan,
    "do": Worker._do,
    "stop": Worker._stop,
}


def _state_of(leg: Any) -> LegState:
    return LegState(leg.peer_call_id, leg.remote, leg.user_agent, leg.status, leg.resume_data() or None)


def main(argument: str) -> int:
    """Work until the switch is gone or says stop."""
    import orjson  # noqa: PLC0415 - the process's own start
    from twisted.internet import reactor as installed  # noqa: PLC0415, TID251 - a process of its own

    from vosswitch.h323.making import LegMaker  # noqa: PLC0415 - what loads the library

    os.nice(NICE)
    reactor: Any = installed
    reactor.seconds = time.monotonic  # timers must not follow the wall clock
    given = orjson.loads(argument)
    rows = [Listener(*row) for row in given["listeners"]]
    worker = Worker(reactor, rows, lambda worker: LegMaker(worker, given["product"]), _quit)
    number = given["descriptor"]
    reactor.adoptStreamConnection(number, socket.AF_UNIX, Factory.forProtocol(lambda: worker.link))
    os.close(number)
    reactor.run()
    return 0


def _quit() -> None:
    """End at once: everything that has to be told has been."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
