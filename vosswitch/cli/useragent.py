"""A small user agent on our own stack: plays the two ends of one call and writes down what they see and hear.

The customer calls through the switch; the vendor, when it is played too, rings and answers.  Both send a tone of
G.711 from the answer to the end, and listen for the other one's.  Everything stays on loopback addresses.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.selectreactor import SelectReactor
from twisted.logger import Logger
from zope.interface import implementer

from vosswitch import __version__
from vosswitch.cli.stream import Audio, Stream
from vosswitch.model.call import Credential, LegTimers, Placement
from vosswitch.model.causes import Cause, cause
from vosswitch.model.interfaces import ICredentials, IIncomingCalls, ILegListener
from vosswitch.model.peer import PLAIN
from vosswitch.model.signals import Answer, Confirm, Offer, Progress, Refuse, Release, Ring, Signal, Try
from vosswitch.model.values import Address
from vosswitch.params.boot import Listener
from vosswitch.params.system import Parameters
from vosswitch.sip.grammar.message import BadMessage, Response
from vosswitch.sip.grammar.parse import parse
from vosswitch.sip.service import SipService

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.session import SessionDescription
    from vosswitch.sip.transactions.flow import Flow

RING = 0.5
"""Seconds that the vendor rings before it answers."""
TONES = {"customer": 450, "vendor": 800}
"""Hertz; whole periods in a packet."""
_PATIENCE = 3.0
"""Seconds that peers may take for the last messages of the call."""
_LOOK = 0.02
"""Seconds between two looks whether they have come."""
_TIMERS = LegTimers(trying=150.0, progress=150.0, progress_session=150.0, ringing=150.0)
"""The customer is patient: the switch may try several gateways."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do.

    :ivar switch: where the customer sends its INVITE.
    :ivar customer: the address that the customer's gateway is known by; port 0 = any.
    :ivar vendor: where the vendor is played; None = somebody else answers, or nobody.
    :ivar seconds: from answer to hang-up.
    """

    caller: str
    callee: str
    switch: Address
    customer: Address
    vendor: Address | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Step:
    """One message of the ladder.

    :ivar at: seconds since the first one.
    :ivar side: ``customer`` or ``vendor``; *sent* is theirs, not the switch's.
    :ivar line: its first line.
    """

    at: float
    side: str
    sent: bool
    line: str


@dataclass(slots=True)
class Outcome:
    """What became of the call.

    :ivar answered: it was; *cause*: why it ended, when it was not the customer who hung up.
    :ivar status: the final response in the words of the customer's side, such as ``486 Busy Here``.
    :ivar audio: by side; a side that was not played is not there.
    :ivar addresses: where each side that was played listened for SIP.
    """

    sip_call_id: str = ""
    answered: bool = False
    cause: Cause | None = None
    interrupted: bool = False
    status: str = ""
    ladder: list[Step] = field(default_factory=list)
    audio: dict[str, Audio] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)


@implementer(ICredentials)
class Everybody:
    """The ends of a test call trust whoever reaches them: they only listen on loopback."""

    def trusts(self, source: Address) -> bool:
        """Always."""
        return True

    def credentials(self, username: str) -> tuple[Credential, ...]:
        """None are needed."""
        return ()

    def phone(self, username: str) -> str | None:
        """Nobody registers here."""
        return None

    def dynamic(self, username: str, calling: bool = False) -> bool:
        """No gateway does, either."""
        return False

    def profile(self, source: Address, username: str | None, callee: str, read: object = None) -> PeerProfile:
        """Nothing special."""
        return PLAIN

    def profile_at(self, source: Address) -> PeerProfile:
        """Nothing special."""
        return PLAIN

    def challenges(self) -> bool:
        """Never."""
        return False

    def asked(self, source: Address) -> bool:
        """Nobody has to prove anything."""
        return False

    def known(self, source: Address) -> bool:
        """Always."""
        return True

    def emergency(self, _callee: str) -> bool:
        """None is."""
        return False

    def same_gateway(self, seen: Address, source: Address) -> bool:
        """Whoever reaches them is the peer."""
        return True


@implementer(IIncomingCalls, ILegListener)
class End:
    """What both ends have in common: a SIP stack of their own, a stream, one leg.

    :param seconds: how long its tone is.
    :raises OSError: the address cannot be had.
    """

    def __init__(self, reactor: Any, side: str, other: str, address: Address, seconds: float) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self.side = side
        self.leg: Any = None
        self.over = False
        self._timer: Any = None
        parameters: Any = Parameters()
        self.sip = SipService(
            reactor,
            lambda: parameters,
            Everybody(),
            self,
            "vosswitch",
            f"vosswitch-testcall/{__version__}",
            [Listener(address.transport, address.host, address.port)],
            Logger(namespace="vosswitch.testcall"),
        )
        self.sip.startService()
        self.stream = Stream(reactor, address.host, TONES[side], TONES[other])

    def incoming(self, leg: Any, offered: Try) -> None:
        """Nobody calls this end."""
        leg.send(Release(cause("not_registered")))

    def refused(self, offered: Try, reason: str) -> None:
        """Nothing is refused."""

    def heard(self, leg: Any, signal: Signal) -> None:
        """What the switch says on this end's leg."""
        if isinstance(signal, Offer):
            leg.send(Refuse(488))
        elif isinstance(signal, Release):
            self.rest()

    def later(self, delay: float, call: Callable[[], None]) -> None:
        """Do something unless the call ends before."""
        self._timer = self._reactor.callLater(delay, call)

    def rest(self) -> None:
        """The call is over for this end."""
        self.over = True
        self.stream.rest()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    @property
    def quiet(self) -> bool:
        """Whether nothing is left to be said."""
        return (self.leg is None or self.over) and not self.sip.busy()

    def close(self) -> Deferred[Any]:
        """Give the sockets back."""
        return DeferredList([self.sip.stopService(), maybeDeferred(self.stream.close)])


class Vendor(End):
    """The called end: rings, answers, sends its tone, waits for the end."""

    def __init__(self, reactor: Any, address: Address, seconds: float) -> None:
        super().__init__(reactor, "vendor", "customer", address, seconds)
        self._peer: SessionDescription | None = None

    def incoming(self, leg: Any, offered: Try) -> None:
        """Ring, and answer soon."""
        if self.leg is not None:
            leg.send(Release(cause("line_limit")))
            return
        self.leg = leg
        self._peer = offered.session
        leg.listen(self)
        leg.send(Ring())
        self.later(RING, self._answer)

    def _answer(self) -> None:
        self.leg.send(Answer(self.stream.description(self._peer)))

    def heard(self, leg: Any, signal: Signal) -> None:
        """The ACK begins the talk."""
        super().heard(leg, signal)
        if isinstance(signal, Confirm):
            peer = self._peer or signal.session
            if peer is not None:
                self.stream.talk(peer, self._seconds)


class Customer(End):
    """The calling end: calls, sends its tone, hangs up.

    :param ended: told once, when the call is over for this end.
    """

    def __init__(self, reactor: Any, plan: Plan, outcome: Outcome, ended: Callable[[], None]) -> None:
        super().__init__(reactor, "customer", "vendor", plan.customer, plan.seconds)
        self._plan = plan
        self._outcome = outcome
        self._ended = ended
        self._early: SessionDescription | None = None

    def call(self) -> None:
        """Send the INVITE."""
        plan = self._plan
        placement = Placement(
            "testcall", plan.caller, plan.callee, plan.switch, self.stream.description(), timers=_TIMERS
        )
        self.leg = self.sip.place(placement, self)
        self._outcome.sip_call_id = self.leg.peer_call_id

    def heard(self, leg: Any, signal: Signal) -> None:
        """Follow the call."""
        super().heard(leg, signal)
        if isinstance(signal, Ring | Progress):
            self._early = signal.session or self._early
        elif isinstance(signal, Answer):
            self._outcome.answered = True
            peer = signal.session or self._early
            if peer is not None:
                self.stream.talk(peer, self._seconds)
            self.later(self._seconds, self.hang_up)
        elif isinstance(signal, Release):
            self._outcome.cause = signal.cause
            self._ended()

    def hang_up(self) -> None:
        """End the call, whatever its state."""
        if not self.over:
            self.rest()
            self.leg.send(Release(cause("normal" if self._outcome.answered else "caller_abandoned")))
            self._ended()


class TestCall:
    """One call between the two ends; `done` fires when it is over and the last messages have been seen.

    :raises OSError: an address cannot be had; its text names it.
    """

    __test__ = False  # no test case, whatever pytest makes of the name

    def __init__(self, reactor: Any, plan: Plan) -> None:
        self._reactor = reactor
        self._begun: float | None = None
        self.outcome = Outcome()
        self.done: Deferred[None] = Deferred()
        self.ends: list[End] = []
        if plan.vendor is not None:
            self.ends.append(Vendor(reactor, plan.vendor, plan.seconds))
        self.customer = Customer(reactor, plan, self.outcome, self._ended)
        self.ends.insert(0, self.customer)
        for end in self.ends:
            end.sip.watcher = partial(self._note, end.side)
            self.outcome.addresses[end.side] = str(end.sip.addresses[0])

    def _note(self, side: str, sent: bool, flow: Flow, data: bytes) -> None:
        now = self._reactor.seconds()
        if self._begun is None:
            self._begun = now
        line = data.split(b"\r\n", 1)[0].decode(errors="replace")
        self.outcome.ladder.append(Step(now - self._begun, side, sent, line))
        if side == "customer" and not sent and not self.outcome.status:
            self.outcome.status = _final(data)

    def interrupt(self) -> None:
        """Hang up at once."""
        self.outcome.interrupted = True
        self.customer.hang_up()

    def _ended(self) -> None:
        self._settle(self._reactor.seconds() + _PATIENCE)

    def _settle(self, limit: float) -> None:
        """Wait for the last messages, then close."""
        if not all(end.quiet for end in self.ends) and self._reactor.seconds() < limit:
            self._reactor.callLater(_LOOK, self._settle, limit)
            return
        self.outcome.audio = {end.side: end.stream.audio for end in self.ends}
        DeferredList([end.close() for end in self.ends]).addCallback(lambda _: self.done.callback(None))


def _final(data: bytes) -> str:
    """Status and reason of a final response to an INVITE, "" for anything else."""
    try:
        message = parse(data)
        final = isinstance(message, Response) and message.status >= 200 and message.cseq.method == "INVITE"
    except BadMessage:
        return ""
    return f"{message.status} {message.reason}" if isinstance(message, Response) and final else ""


def place(plan: Plan) -> Outcome:
    """Make the call, in a reactor of its own; takes as long as the call does.  An interrupt (Ctrl-C) hangs up.

    :raises OSError: an address cannot be had; its text names it.
    """
    reactor: Any = SelectReactor()
    reactor.seconds = time.monotonic
    call = TestCall(reactor, plan)
    call.done.addBoth(lambda _: reactor.stop())
    reactor.callWhenRunning(call.customer.call)
    before = signal.signal(signal.SIGINT, lambda *_: reactor.callFromThread(call.interrupt))
    try:
        reactor.run(installSignalHandlers=False)
    finally:
        signal.signal(signal.SIGINT, before)
    return call.outcome
