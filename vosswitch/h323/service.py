"""The switch's side of H.323: starts the process when it is needed, and stands for its legs."""

from __future__ import annotations

import os
import socket
import sys
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import Factory, ProcessProtocol
from twisted.internet.task import LoopingCall
from zope.interface import implementer

import vosswitch
from vosswitch.h323.questions import Caller
from vosswitch.h323.settings import STRANGERS, told
from vosswitch.h323.standin import StandIn
from vosswitch.h323.transport.link import Link
from vosswitch.h323.transport.world import seen_from
from vosswitch.model.causes import cause
from vosswitch.model.h323 import TRANSPORT
from vosswitch.model.interfaces import ILegFactory
from vosswitch.model.places import is_literal, local_parts
from vosswitch.model.signals import Release
from vosswitch.model.source import source_key
from vosswitch.model.values import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twisted.python.failure import Failure

    from vosswitch.h323.wire import LegState
    from vosswitch.model.call import Placement
    from vosswitch.model.signals import Replaces, Signal, Try
    from vosswitch.params.listeners import Listener

_BACKOFF = (0.1, 0.5, 1.0, 2.0, 5.0)
_SETTLED_SECONDS = 30.0
"""A process that lived for this long is started again at once."""
_SILENCE = 10.0
"""Seconds without a sign of life, or without reading, after which the process is killed."""
_STARTING_SECONDS = 60.0
"""Likewise while it starts: a busy machine takes its time to load the library."""
_STOP_SECONDS = 4.0
_EVERY = 10.0
"""Seconds between two lines about the same stranger."""
_MOST_ORPHANS = 10_000
_OF_CALLS = frozenset({"known", "caller"})
"""Questions that a connection waits for."""


@implementer(ILegFactory)
class H323Service(Service):
    """H.323 as the node has it.

    :param listeners: those of H.323.
    :param parameters: gives the system parameters in force.
    :param credentials: an `ICredentials`.
    :param calls: an `IIncomingCalls`.
    :param on_trouble: told one line when the process is gone or cannot listen, "" when it works again.
    :ivar questions: what the process may ask, by name: functions of its values, which may give a Deferred.
    :ivar hears: what it may tell that is no leg's, likewise.
    :ivar beginning: told that the process begins: what it is told then it knows before anybody is heard; *begun* that
        it is there, *gone* that it is not any more.
    :ivar emergencies: the numbers and ranges of emergency calls, which pass an overload of the process.
    :ivar draining: new calls are refused.
    :ivar addresses: where it listens.
    """

    name = "h323"
    questions: dict[str, Callable[..., Any]]

    def __init__(
        self,
        reactor: Any,
        listeners: Sequence[Listener],
        parameters: Callable[[], Mapping[str, Any]],
        credentials: Any,
        calls: Any,
        product: str,
        log: Any,
        on_trouble: Callable[[str], None],
    ) -> None:
        self._reactor, self._log = reactor, log
        self._listeners = listeners
        self._parameters, self._credentials = parameters, credentials
        self._calls = calls
        self._product = product
        self._on_trouble = on_trouble
        self._process: Any = None
        self._link: Link | None = None
        self._legs: dict[int, StandIn] = {}
        self._number = 0
        self._told: dict[str, Any] = {}
        self._wanted = self.draining = False
        self._failures = self.restarts = 0
        self._started = self._alive = 0.0
        self._retry: Any = None
        self._stopped: Deferred[None] | None = None
        self._killing: Any = None
        self._orphans: dict[int, Callable[[], None]] = {}
        self._watch = LoopingCall(self._look_after)
        self._watch.clock = reactor
        self.questions = {"known": self._known, "stranger": self._stranger, "caller": self._caller}
        self.hears: dict[str, Callable[..., None]] = {}
        self.beginning: Callable[[], None] = _nothing
        self.begun: Callable[[], None] = _nothing
        self.gone: Callable[[], None] = _nothing
        self.emergencies: Callable[[], Sequence[str]] = tuple
        self._told_strangers: OrderedDict[str, float] = OrderedDict()
        self.addresses: list[Address] = []
        self.counts: dict[str, int] = {}

    # The process.

    @property
    def pid(self) -> int | None:
        """Of the process while it runs."""
        return None if self._process is None else int(self._process.pid)

    def follow(self, wanted: bool) -> None:
        """Have the process, or do without it once its last call is over; it is told what has changed."""
        self._wanted = wanted
        if not self.running:
            return
        if wanted and self._process is None and self._retry is None:
            self._spawn()
        elif self._link is not None:
            settings = told(self._parameters(), self.emergencies())
            if settings != self._told:
                self._told = settings
                self._link.send("settings", settings)
            self._leave_if_idle()

    def _leave_if_idle(self) -> None:
        if not self._wanted and not self._legs and self._process is not None and self._stopped is None:
            self._stop()
        elif not self._wanted and self._process is None and self._retry is not None:
            self._retry.cancel()
            self._retry = None
            self._on_trouble("")

    def startService(self) -> None:
        """Begin; the process comes when `follow` wants it."""
        super().startService()  # type: ignore[no-untyped-call]
        self._watch.start(1.0, now=False)
        self.follow(self._wanted)

    def stopService(self) -> Deferred[None]:
        """Release what calls are left, and end the process."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._watch.running:
            self._watch.stop()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._process is None:
            return succeed(None)
        return self._stopped or self._stop()

    def _stop(self) -> Deferred[None]:
        stopped = self._stopped = Deferred()
        if self._link is not None:
            self._link.send("stop")
        self._killing = self._reactor.callLater(_STOP_SECONDS, self._kill)
        return stopped

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessExitedAlready):
                self._process.signalProcess("KILL")

    def _spawn(self) -> None:
        self._retry = None
        self._started = self._alive = self._reactor.seconds()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        link = self._link = Link(self._reactor, self._heard, lambda _why: None)
        try:
            self._process = self._begin(theirs)
            ours.setblocking(False)
            self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, Factory.forProtocol(lambda: link))
        finally:
            theirs.close()
            ours.close()
        self._told = told(self._parameters(), self.emergencies())
        link.send("settings", self._told)
        self.beginning()

    def _begin(self, theirs: socket.socket) -> Any:
        rows = [(one.transport, one.host, one.port, one.advertise) for one in self._listeners]
        given = orjson.dumps({"descriptor": 3, "listeners": rows, "product": self._product}).decode()
        null = os.open(os.devnull, os.O_RDONLY)
        root = str(Path(vosswitch.__file__).resolve().parent.parent)
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        try:
            return self._reactor.spawnProcess(
                _Child(self),
                sys.executable,
                [sys.executable, "-m", "vosswitch.h323", given],
                env=dict(os.environ) | {"PYTHONPATH": path},
                childFDs={0: null, 1: "r", 2: "r", 3: theirs.fileno()},
            )
        finally:
            os.close(null)

    def said(self, text: str) -> None:
        """What the process has written besides."""
        for line in text.splitlines():
            self._log.warn("h323: {line}", line=line)

    def exited(self, failure: Failure) -> None:
        """The process is gone: its calls end now, and it is started again unless it was to go."""
        link, self._link, self._process = self._link, None, None
        self.addresses = []
        self.gone()
        if link is not None:
            link.close()
        self._lose_legs()
        stopped, self._stopped = self._stopped, None
        if self._killing is not None:
            if self._killing.active():
                self._killing.cancel()
            self._killing = None
        if stopped is None:
            self._on_trouble(f"the process has ended: {failure.value}")
            self.restarts += 1
        else:
            self._on_trouble("")
            stopped.callback(None)
        if self.running and self._wanted and self._retry is None:
            self._again(wait=stopped is None)

    def _again(self, *, wait: bool) -> None:
        if self._reactor.seconds() - self._started > _SETTLED_SECONDS:
            self._failures = 0
        delay = _BACKOFF[min(self._failures, len(_BACKOFF) - 1)] if wait else 0.0
        self._failures += 1
        self._retry = self._reactor.callLater(delay, self._spawn)

    def _lose_legs(self) -> None:
        legs, self._legs = self._legs, {}
        for leg in legs.values():
            leg.lost("the H.323 process has ended")
        orphans, self._orphans = self._orphans, {}
        for settled in orphans.values():
            settled()

    def _look_after(self) -> None:
        """Once a second: is it alive, does it read?"""
        if self._process is None or self._link is None:
            return
        now = self._reactor.seconds()
        full = self._link.full_since
        patience = _SILENCE if self.addresses or self.counts else _STARTING_SECONDS
        if now - self._alive > patience or (full is not None and now - full > patience):
            self._log.error("the H.323 process does not answer: killed")
            self._alive = now
            self._kill()

    def busy(self) -> int:
        """How many legs are not over."""
        return sum(not leg.over for leg in self._legs.values())

    def counted(self) -> dict[str, int]:
        """What has been counted since the start of the process."""
        return dict(sorted({**self.counts, "restarts": self.restarts}.items())) if self._process is not None else {}

    # ILegFactory.

    def place(self, placement: Placement, listener: Any) -> StandIn:
        """Start an outgoing leg."""
        self._number += 2
        leg = StandIn(self, self._number, placement.target, listener)
        link = self._link
        if link is None or link.full_since is not None or self._stopped is not None:
            reached = cause("connection_timeout")._replace(text="the H.323 process is not there")
            self._reactor.callLater(0, leg.heard, Release(reached))
            return leg
        self._legs[leg.number] = leg
        link.send("place", leg.number, placement)
        return leg

    def say(self, leg: StandIn, signal: Signal) -> None:
        """Bring a signal to a leg in the process."""
        if self._link is not None:
            self._link.send("say", leg.number, signal)

    def leg_of(self, _replaces: Replaces) -> tuple[None, bool]:
        """H.323 has no Replaces."""
        return None, False

    def local(self, target: Address, local: str | None) -> str | None:
        """The local IP that *target* is reached from."""
        if local is not None:
            return local_parts(local)[0]
        return seen_from(target.host) if is_literal(target.host) else None

    def end_orphan(self, data: Mapping[str, Any], settled: Callable[[], None] = lambda: None) -> None:
        """Have the process tell the peer of a leg of a former life that the call is over."""
        if self._link is None or not data.get("address") or len(self._orphans) >= _MOST_ORPHANS:
            settled()
            return
        self._number += 2
        self._orphans[self._number] = settled
        self._link.send("orphan", self._number, dict(data))

    # What the process says.

    def _heard(self, message: tuple[Any, ...]) -> None:
        self._alive = self._reactor.seconds()
        hear = _REPORTS.get(message[0])
        if hear is None:
            return
        try:
            hear(self, *message[1:])
        except Exception:  # noqa: BLE001 - one report that fails must not end all calls
            self._log.failure("h323: a report has failed: {what}", what=str(message[0]))

    def _on_ready(self, addresses: tuple[Address, ...], problem: str) -> None:
        self.addresses = list(addresses)
        self._on_trouble(problem)
        self.begun()

    def _on_incoming(self, number: int, offered: Try, state: LegState, when: float) -> None:
        leg = self._legs[number] = StandIn(self, number, offered.source, incoming=True)
        leg.changed(state)
        if self._turns_away(offered, when):
            leg.send(Release(cause("overload")))
            return
        try:
            self._calls.incoming(leg, offered)
        except Exception:  # noqa: BLE001 - the peer gets an answer whatever is wrong with us
            self._log.failure("h323: a new call has failed")
            leg.send(Release(cause("degraded")))

    def _turns_away(self, offered: Try, when: float) -> bool:
        """Whether a new call is refused before anything is decided: as with SIP, but for emergency calls."""
        if self.draining:
            return True
        late = (self._reactor.seconds() - when) * 1000 > self._parameters()["VS_OVERLOAD_DELAY"] > 0
        return late and not self._credentials.emergency(offered.callee)

    def _on_say(self, number: int, signal: Signal, state: LegState) -> None:
        leg = self._legs.get(number)
        if leg is not None:
            leg.changed(state)
            leg.heard(signal)

    def _on_state(self, number: int, state: LegState) -> None:
        leg = self._legs.get(number)
        if leg is not None:
            leg.changed(state)

    def _on_over(self, number: int) -> None:
        self._legs.pop(number, None)
        self._leave_if_idle()

    def _on_ask(self, number: int, name: str, values: tuple[Any, ...]) -> None:
        question = self.questions.get(name)
        if question is not None:
            asked: Deferred[Any] = maybeDeferred(question, *values)
            asked.addCallbacks(self._answer, self._unanswered, (number,), {}, (number, name))

    def _answer(self, value: Any, number: int) -> None:
        if self._link is not None:
            self._link.send("answer", number, value)

    def _unanswered(self, failure: Failure, number: int, name: str) -> None:
        """Who waits with a call hears at least that there is no answer."""
        self._log.failure("h323: a question has failed", failure)
        if name in _OF_CALLS:
            self._answer(None, number)

    def _on_tell(self, name: str, values: tuple[Any, ...]) -> None:
        hear = self.hears.get(name)
        if hear is not None:
            hear(*values)

    def tell(self, name: str, values: Any) -> None:
        """Tell the process something that is no leg's."""
        if self._link is not None:
            self._link.send("do", name, values)

    def _on_settled(self, number: int) -> None:
        settled = self._orphans.pop(number, None)
        if settled is not None:
            settled()

    def _on_log(self, level: str, text: str, fields: Mapping[str, Any]) -> None:
        say = {"info": self._log.info, "error": self._log.error}.get(level, self._log.warn)
        say(text, **{str(name): value for name, value in fields.items()})

    def _on_counts(self, counts: Mapping[str, int]) -> None:
        self.counts = dict(counts)

    # What it asks.

    def _known(self, source: Address) -> bool:
        """Whether a gateway that speaks H.323 may call from there."""
        return bool(self._credentials.known(source))

    def _stranger(self, source: Address) -> None:
        """Nobody knows who that is: in the log as of SIP's strangers, so that a firewall can act."""
        now, key = self._reactor.seconds(), source_key(source.host)
        if self._told_strangers.get(key, now) > now:
            return
        self._told_strangers[key] = now + _EVERY
        self._told_strangers.move_to_end(key)
        if len(self._told_strangers) > STRANGERS:
            self._told_strangers.popitem(last=False)
        self._log.warn(
            "{event}: {reason}", event="auth_refused", source=source.host, port=source.port, transport=TRANSPORT,
            verified=True, method="Setup", reason="unknown_source", count=1, user="",
        )  # fmt: skip

    def _caller(self, *values: Any) -> tuple[Any, str | None]:
        question = Caller(*values)
        profile = self._credentials.profile(question.source, None, question.callee, question.numbers.get)
        return profile, None


_REPORTS: dict[str, Callable[..., None]] = {
    "ready": H323Service._on_ready,
    "incoming": H323Service._on_incoming,
    "say": H323Service._on_say,
    "state": H323Service._on_state,
    "over": H323Service._on_over,
    "ask": H323Service._on_ask,
    "tell": H323Service._on_tell,
    "settled": H323Service._on_settled,
    "log": H323Service._on_log,
    "counts": H323Service._on_counts,
}


class _Child(ProcessProtocol):
    def __init__(self, service: H323Service) -> None:
        self._service = service

    def outReceived(self, data: bytes) -> None:
        self._service.said(data.decode("utf-8", "replace"))

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        self._service.exited(reason)


def _nothing() -> None:
    """Nobody wants to know."""
