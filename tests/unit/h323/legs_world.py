"""A world for legs without sockets: a clock, lines in pairs, H.245 connections, the call at each end."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any

from vosswitch.h323 import h225, per, q931
from vosswitch.h323.legs.incoming import IncomingLeg
from vosswitch.h323.legs.outgoing import OutgoingLeg
from vosswitch.h323.legs.stack import Stack
from vosswitch.model.call import Placement
from vosswitch.model.causes import cause
from vosswitch.model.h323 import H323Profile
from vosswitch.model.peer import PeerProfile
from vosswitch.model.session import MediaDescription, SessionDescription
from vosswitch.model.signals import Accept, Answer, Confirm, Offer, Progress, Release, Ring, Try
from vosswitch.model.values import Address

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.model.signals import Signal

PARAMETERS = {
    "SS_H323_TIMEOUT_SETUP": 5.0,
    "SS_H323_TIMEOUT_CALLPROCEEDING": 20.0,
    "SS_H323_TIMEOUT_CALLPROCEEDING_OLC": 25.0,
    "SS_H323_TIMEOUT_ALERTING": 120.0,
    "SS_H323_DTMF_METHOD": "H.245 alphanumeric",
    "VS_H323_KEEPALIVE_INTERVAL": 60,
    "VS_H323_KEEPALIVE_COUNT": 3,
    "VS_H323_CONNECTION_CALLS": 500,
    "VS_H323_CAUSE_TO_SIP": (),
    "VS_H323_SIP_TO_CAUSE": (),
}
CALLER, CALLEE = "192.0.2.1", "192.0.2.2"
MAPS = {"0": "PCMU/8000", "8": "PCMA/8000", "18": "G729/8000", "4": "G723/8000", "101": "telephone-event/8000"}


def session(host: str, port: int = 4000, formats: str = "8 0 18 101", *lines: str) -> SessionDescription:
    """A description with one audio stream."""
    names = tuple(formats.split())
    maps = tuple(f"a=rtpmap:{name} {MAPS[name]}" for name in names)
    return SessionDescription(host=host, media=(MediaDescription("audio", port, "RTP/AVP", names, lines=maps + lines),))


def where(described: SessionDescription | None) -> tuple[str | None, int]:
    """Where a description wants its audio."""
    assert described is not None
    media = described.media[0]
    return media.host or described.host, media.port


def codec(described: SessionDescription | None) -> str:
    """The first format of a description."""
    assert described is not None
    return described.media[0].formats[0]


class Alarm:
    """A timer."""

    def __init__(self, world: World, function: Callable[[], None]) -> None:
        self.world = world
        self.function: Callable[[], None] | None = function

    def cancel(self) -> None:
        self.function = None


class World:
    """Time, and what is on its way."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Alarm]] = []
        self._count = count()
        self._ports = count(20_000)
        self.listeners: dict[Address, tuple[Wire, Any]] = {}
        self.full = False
        self.unreachable = False
        self.own: set[Address] = set()

    def later(self, seconds: float, function: Callable[[], None]) -> Alarm:
        alarm = Alarm(self, function)
        heappush(self._due, (self.now + seconds, next(self._count), alarm))
        return alarm

    def post(self, function: Callable[..., None], *arguments: Any) -> None:
        """Something arrives a little later; the order is kept."""
        self.later(0.001, lambda: function(*arguments))

    def run(self, seconds: float = 1.0) -> None:
        """Let time go by."""
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            self.now, _, alarm = heappop(self._due)
            function, alarm.function = alarm.function, None
            if function is not None:
                function()
        self.now = end

    @property
    def waiting(self) -> int:
        """Timers that run."""
        return sum(alarm.function is not None for _, _, alarm in self._due)

    def port(self) -> int:
        return next(self._ports)


def well_formed(data: bytes, from_destination: bool) -> h225.Message:
    """A message that was sent, read again: nothing of it is lost on the way."""
    framed = q931.decode(data)
    assert framed.from_destination is from_destination
    assert q931.encode(framed) == data
    content = framed.element(q931.USER_USER)
    assert content is not None
    value = per.decode_uuie(content[1:])
    assert per.decode_uuie(per.encode_uuie(value)) == value
    message = h225.read(data)
    assert len(message.control) == len(value["h323-uu-pdu"].get("h245Control", ()))
    again = h225.read(h225.write(message, from_destination))
    assert again == message
    return message


class Ear:
    """One end of an H.245 connection, as its leg has it (a `Control`)."""

    def __init__(self, wire: Wire, user: Any) -> None:
        self.wire = wire
        self.user = user
        self.other: Ear
        self.open = True

    def send(self, data: bytes) -> None:
        value = per.decode_h245(data)
        assert per.encode_h245(value) == data
        self.wire.said_h245.append(value)
        self.wire.world.post(self.other.hear, data)

    def hear(self, data: bytes) -> None:
        if self.open and not self.wire.deaf:
            self.user.control_received(data)

    def close(self) -> None:
        if self.open:
            self.open = False
            self.wire.world.post(self.other.gone)

    def gone(self) -> None:
        if self.open:
            self.open = False
            self.user.control_lost("closed by the peer")


class Wire:
    """The line of one leg (a `Line`); `join` makes a pair.

    :ivar deaf: what the peer sends gets lost.
    :ivar said: the messages that its leg has sent, read again; *said_h245* those of its H.245 connections.
    """

    def __init__(self, world: World, host: str, remote: Address) -> None:
        self.world = world
        self.local = Address(host, 1720, "h323")
        self.remote = remote
        self.user: Any = None
        self.other: Wire | None = None
        self.open = True
        self.deaf = False
        self.said: list[h225.Message] = []
        self.said_h245: list[Any] = []

    def send(self, data: bytes) -> None:
        assert self.open, "sent after the end"
        flag = self._is_new_connection_needed(data) or self.user.CALLED
        self.said.append(well_formed(data, flag))
        if self.other is not None:
            self.world.post(self.other.hear, data)

    @staticmethod
    def _is_new_connection_needed(data: bytes) -> bool:
        """It refuses a call of the peer's, whose reference may have the same number."""
        return getattr(h225.read(data), "reason", "") == "newConnectionNeeded"

    def hear(self, data: bytes) -> None:
        if self.open and self.user is not None and not self.deaf:
            self.user.received(data)

    def close(self) -> None:
        if self.open:
            self.open = False
            for address in [address for address, item in self.world.listeners.items() if item[0] is self]:
                del self.world.listeners[address]
            if self.other is not None:
                self.world.post(self.other.gone)

    def gone(self) -> None:
        if self.open:
            self.open = False
            if self.user is not None:
                self.user.lost("closed by the peer")

    def later(self, seconds: float, function: Callable[[], None]) -> Alarm:
        return self.world.later(seconds, function)

    def listen(self, user: Any) -> Address | None:
        if self.world.full:
            return None
        address = Address(self.local.host, self.world.port(), "h323")
        self.world.listeners[address] = (self, user)
        return address

    def can_listen(self) -> bool:
        return not self.world.full

    def may_call(self, address: Address) -> bool:
        return address not in self.world.own

    def connect(self, address: Address, user: Any) -> None:
        self.world.post(self._connect, address._replace(transport="h323"), user)

    def _connect(self, address: Address, user: Any) -> None:
        if not self.open:
            return
        if address not in self.world.listeners or self.world.unreachable:
            user.control_lost("connection refused")
            return
        wire, listening = self.world.listeners.pop(address)
        mine, other = Ear(self, user), Ear(wire, listening)
        mine.other, other.other = other, mine
        user.control_connected(mine)
        listening.control_connected(other)

    def kinds(self) -> list[str]:
        """Names of the messages that were sent."""
        return [type(message).__name__ for message in self.said]

    def last(self, kind: type) -> Any:
        """The last message of a kind."""
        return [message for message in self.said if isinstance(message, kind)][-1]


class Side:
    """The call as one leg sees it: what it was told, and a script by which it answers."""

    def __init__(self, script: Callable[[Any, Any, Signal], None] | None = None) -> None:
        self.heard_signals: list[Signal] = []
        self.script = script
        self.leg: Any = None

    def heard(self, leg: Any, signal: Signal) -> None:
        self.heard_signals.append(signal)
        if self.script is not None:
            self.script(self, leg, signal)

    def all(self, kind: type) -> list[Any]:
        return [signal for signal in self.heard_signals if isinstance(signal, kind)]

    def last(self, kind: type) -> Any:
        return self.all(kind)[-1]

    def described(self) -> SessionDescription | None:
        """The peer's side as it was told last with a live address."""
        told = [getattr(signal, "session", None) for signal in self.heard_signals]
        live = [item for item in told if item is not None and where(item)[1] not in (0, 9)]
        return live[-1] if live else None


def stack(incoming: Callable[[Any, Try], None] = lambda leg, offered: None, **parameters: Any) -> Stack:
    """What legs share, with chance that is none."""
    serial = count(1)
    return Stack(
        PARAMETERS | parameters, "vosswitch", lambda size: (next(serial) * 7919).to_bytes(32, "big")[-size:], incoming
    )


def placement(offer: SessionDescription | None, profile: PeerProfile | None = None, **fields: Any) -> Placement:
    """A call to be placed."""
    values: dict[str, Any] = {"caller": "4930123", "callee": "442071234567"} | fields
    return Placement(
        call_id="1",
        target=Address(CALLEE, 1720, "h323"),
        session=offer,
        profile=profile or peer(),
        **values,
    )


def peer(trusted: bool = False, **fields: Any) -> PeerProfile:
    """A profile with H.323 settings."""
    return PeerProfile(trusted=trusted, h323=H323Profile(**fields))


class Call:
    """An outgoing leg joined with an incoming one: what the caller's switch sends is what the callee's one gets.

    :ivar caller: the call that has placed the outgoing leg; *callee* the one that the incoming leg brought.
    """

    def __init__(
        self,
        offer: SessionDescription | None,
        calling: PeerProfile | None = None,
        called: PeerProfile | None = None,
        answers: Callable[[Side, Any, Signal], None] | None = None,
        confirms: Callable[[Side, Any, Signal], None] | None = None,
        **fields: Any,
    ) -> None:
        self.world = world = World()
        self.here = Wire(world, CALLER, Address(CALLEE, 1720, "h323"))
        self.there = Wire(world, CALLEE, Address(CALLER, 40_000, "h323"))
        self.here.other, self.there.other = self.there, self.here
        self.caller, self.callee = Side(confirms), Side(answers)
        self.calling = calling or peer()
        self.called = called or peer()
        self.there.user = self
        self.try_: Try | None = None
        self.incoming: IncomingLeg | None = None
        self.outgoing = OutgoingLeg(stack(), placement(offer, self.calling, **fields), self.here, self.caller)
        self.here.user = self.outgoing
        self._stack = stack(self._offered)
        world.post(self.outgoing.connected)

    def received(self, data: bytes) -> None:
        """The first message of the connection."""
        setup = h225.read(data)
        assert isinstance(setup, h225.Setup)
        leg = self.incoming = IncomingLeg(self._stack, self.there, setup, self.called)
        self.there.user = leg
        leg.start()

    def lost(self, reason: str) -> None:
        """The connection went before Setup."""

    def _offered(self, leg: IncomingLeg, offered: Try) -> None:
        self.try_ = offered
        leg.listen(self.callee)
        self.callee.leg = leg
        self.callee.heard(leg, offered)

    def run(self, seconds: float = 1.0) -> Call:
        """Let time go by."""
        self.world.run(seconds)
        return self

    def hang_up(self, reason: str = "normal", caller: bool = True) -> None:
        """One side's call ends it."""
        leg = self.outgoing if caller else self.incoming
        assert leg is not None
        leg.send(Release(cause(reason)))
        self.run(5)


def answering(
    ours: SessionDescription, ring: bool = True, early: bool = False, progress: bool = False
) -> Callable[[Side, Any, Signal], None]:
    """A callee's call that rings and answers with *ours*, as answer or as offer; *early*: with media before that."""

    def script(side: Side, leg: Any, signal: Signal) -> None:
        if isinstance(signal, Try):
            may = early and (signal.session is not None or signal.early)
            if progress:
                leg.send(Progress(ours if may else None))
            if ring:
                leg.send(Ring(ours if may and not progress else None))
            leg.send(Answer(ours))
        elif isinstance(signal, Offer):
            leg.send(Accept(ours))

    return script


def confirming(ours: SessionDescription) -> Callable[[Side, Any, Signal], None]:
    """A caller's call that had no offer: it answers the one that comes."""

    def script(side: Side, leg: Any, signal: Signal) -> None:
        offers = isinstance(signal, (Answer, Ring, Progress)) and signal.session is not None
        if offers and not getattr(side, "confirmed", False):
            side.confirmed = True  # type: ignore[attr-defined]
            leg.send(Confirm(ours))
        elif isinstance(signal, Offer):
            leg.send(Accept(ours))

    return script
