"""One running node: builds every room's service with what it needs, and starts and stops them in order."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import resource
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import ILogObserver, Logger

from vosswitch.accounts.limits import Limits
from vosswitch.accounts.locking import newly_locked
from vosswitch.accounts.portions import portion_of
from vosswitch.app import backlog, build, logs, quality
from vosswitch.app.build import wall_ms
from vosswitch.app.cards import PinKey
from vosswitch.app.operations import Operations
from vosswitch.app.parting import Parting
from vosswitch.app.protocols import Protocols, speaks_h323
from vosswitch.app.ras import Registrations
from vosswitch.app.reach import unheard, unreachable
from vosswitch.app.restart import settle
from vosswitch.app.told import Told
from vosswitch.app.watch import Watch
from vosswitch.billing.balances import Balances
from vosswitch.call.fraud.guard import Guard
from vosswitch.call.pins import Pins
from vosswitch.call.shortage import Wanting
from vosswitch.call.snapshot import Snapshot
from vosswitch.call.tallies import Tallies
from vosswitch.cdr.files import JournalWriter, SpoolBusy, last_flowno
from vosswitch.cdr.service import JournalService
from vosswitch.control.service import ControlService
from vosswitch.hooks.frozen import Failures
from vosswitch.params.boot import BadSetting
from vosswitch.params.system import DECLARED, Parameters
from vosswitch.recorder.service import RecorderService
from vosswitch.routing.availability import Availability
from vosswitch.routing.gauges import Gauges
from vosswitch.routing.throttling import Throttling

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from vosswitch.params.boot import Boot


_MEDIA_SECONDS = 15.0
"""How long calls wait at the start for the first media ports; a worker of a busy machine takes seconds to be there."""

_GC_THRESHOLDS = (20_000, 50, 20)
"""A call makes some hundred objects; Python's own (700, 10, 10) would look for garbage twice per call."""


def check_database(boot: Boot) -> None:
    """See that the database is there and of this version's schema, before anything starts.

    :raises BadSetting: one line that says what to do.
    """
    from vosswitch.store.revision import check  # noqa: PLC0415 - asked once

    problem = check(boot.database_url) or _claimed_by_another(boot)
    if problem is not None:
        raise BadSetting(problem)


def _claimed_by_another(boot: Boot) -> str | None:
    """Why this spool may not be the node of its number, among the nodes of a server; a file has one node only."""
    if boot.database_url.startswith("sqlite"):
        return None
    from vosswitch.recorder.files import spool_identity  # noqa: PLC0415 - asked once
    from vosswitch.store.database import open_database  # noqa: PLC0415
    from vosswitch.store.nodes import claim  # noqa: PLC0415

    try:
        identity = spool_identity(boot.spool_directory)
    except OSError as error:
        return f"{boot.path}: [run] spool: {boot.spool_directory}: {error.strerror}"
    database = open_database(boot.database_url)
    try:
        with database.write() as connection:
            return claim(connection, boot.node_id, boot.node_name, identity)
    finally:
        database.close()


def _observer(boot: Boot) -> Any:
    try:
        return logs.observer(boot.log_level, boot.log_file, boot.node_id)
    except OSError as error:
        raise BadSetting(f"{boot.path}: [log] file: cannot write {boot.log_file}: {error.strerror}") from None


class Switch(MultiService):
    """A node of the switch.

    :param reactor: its ``seconds`` has to be the monotonic clock.
    :raises BadSetting: a plugin cannot be used, or another switch runs on the same spool.
    """

    def __init__(self, reactor: Any, boot: Boot) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.reactor = reactor
        self.boot = boot
        self.log = Logger(namespace="vosswitch")
        self.started = wall_ms()
        self.live = False
        self.draining = False
        self.trouble: dict[str, str] = {}
        self._skip_drain: Deferred[None] | None = None
        self._stopping = False
        self._observer = _observer(boot)
        self.failures = Failures(self._plugin_failed)
        self.plugins = build.plugins(boot, lambda name: self.snapshot.parameters[name])
        self.frozen = self.plugins.freeze(self.failures)
        registry = DECLARED.with_more(self.plugins.parameters.values())
        self.snapshot = Snapshot(parameters=Parameters({}, registry))
        self._coming: Snapshot | None = None
        self._unreachable, self._hidden, self._deafness = Told(), Told(), Told()
        self.parting = Parting(reactor)
        self.balances = Balances()
        self.limits = Limits()
        self.nodes: list[int] = [boot.node_id]
        self.tallies = Tallies()
        self.availability = Availability(random.random)
        self.gauges = Gauges()
        self.throttling = Throttling()
        self.guard = Guard(reactor.seconds, wall_ms)
        self.pins = Pins(PinKey(boot.key_file, partial(self.note_trouble, "cards")), reactor.seconds)
        self._build_records()
        self._build_rooms()

    # Building.

    def _build_records(self) -> None:
        """The journal, the ends that the last run did not write, and the recorder behind it."""
        try:
            writer = JournalWriter(self.boot.spool_directory)
        except SpoolBusy as error:
            raise BadSetting(str(error)) from None
        self.last_flowno = last_flowno(self.boot.spool_directory)
        self.orphans, self._found = settle(self.boot.spool_directory, writer, self.frozen.billing_modes)
        in_thread = partial(deferToThreadPool, self.reactor, self.reactor.getThreadPool())
        self.journal = JournalService(self.reactor, writer, in_thread, wall_ms, partial(self.note_trouble, "journal"))
        self.recorder = RecorderService(
            self.reactor,
            self.boot,
            on_config=self._configured,
            on_money=self._money,
            on_drained=self._money,
            on_ready=self._ready,
            on_trouble=partial(self.note_trouble, "database"),
            log=Logger(namespace="vosswitch.recorder"),
            on_past=partial(quality.recalled, self),
            on_nodes=self._met,
            on_recall=self.balances.give,
            on_call_others=self._call_others,
            on_sinks=partial(self.note_trouble, "sinks"),
            on_aside=partial(self.note_trouble, "aside"),
        )
        self.wanting = Wanting(self.balances, self.reactor, self.recorder.want)
        self.journal.on_end = self.recorder.note_end
        self.recorder.on_backlog = partial(backlog.told, self)

    def _build_rooms(self) -> None:
        """The rooms that speak with the world, and the call room between them."""
        self.media = build.media_engine(self)
        self.calls = build.calls(self)
        self.sip = build.sip(self)
        self.h323 = build.h323(self)
        self.ras = build.ras(self)
        self.endpoints = build.endpoints(self)
        self.registrations = Registrations(self.sip, self.ras.registered)
        self.upkeep = build.upkeep(self)
        self.holding = build.holding(self)
        self.guard.lock = self.recorder.lock
        self.watch = Watch(self, self.availability, random.random, Logger(namespace="vosswitch.gateways"))
        self.decider = build.decider(self)
        self.calls.connect(Protocols(self.sip, self.h323), self.decider)
        self.hints = build.change_hints(self)
        self.control = ControlService(
            self.reactor,
            self.boot.control_socket,
            Operations(self).implementations(),
            Logger(namespace="vosswitch.control"),
        )

    def share(self, seq: int) -> int:
        """A change that was asked for here is live: the other nodes shall look too."""
        if self.hints is not None:
            self.hints.publish(seq)
        return seq

    # Starting.

    def setServiceParent(self, parent: Any) -> None:
        """Bring our log format along before ``twistd`` opens its log."""
        parent.setComponent(ILogObserver, self._observer)
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]

    def startService(self) -> None:
        """Start what has to be there before the first call; the listeners open when the configuration is in."""
        _lift_limits()
        super().startService()  # type: ignore[no-untyped-call]
        self.reactor.callWhenRunning(self._take_signals)
        for problem in self._found:
            self.log.warn("restart: {problem}", problem=problem)
        self.journal.startService()
        self.recorder.startService()

    def _ready(self) -> None:
        """The first configuration and money are in: listen, and take calls once media can be relayed."""
        if self.live:
            return
        self.live = True
        try:
            self.sip.startService()
            kept = self.endpoints.start(self.snapshot.parameters["SS_ENDPOINT_EXPIRE"])
            self.h323.startService()
            self.control.startService()
        except OSError as error:
            self._deaf(error.strerror or str(error))
            return
        self.sip.pause()  # what comes meanwhile waits in the sockets
        for problem in (kept, self.upkeep.start(), self.holding.start()):
            if problem:
                self.log.warn("{problem}", problem=problem)
        self._start_media().addBoth(lambda _: self._open_doors())

    def _start_media(self) -> Deferred[Any]:
        """Start the media engine, behind the listeners since its workers take any port of their range."""
        if IService.providedBy(self.media):
            self.media.startService()  # type: ignore[no-untyped-call]
        ready = getattr(self.media, "when_ready", None)
        if ready is None:
            return succeed(None)
        first: Deferred[Any] = ready()
        return first.addTimeout(_MEDIA_SECONDS, self.reactor).addErrback(self._no_media)

    def _no_media(self, _: Any) -> None:
        self.log.warn(
            "no media ports after {seconds} s: calls are taken, those that have to be relayed are refused until then",
            seconds=_MEDIA_SECONDS,
        )

    def _open_doors(self) -> None:
        if not self.running:
            return
        self.sip.resume()
        if self.hints is not None:
            self.hints.startService()  # type: ignore[no-untyped-call]
        self._follow_gateways()
        self.sip.trunks.start()
        self.ras.start()
        self.watch.start()
        self.orphans.tell(Protocols(self.sip, self.h323).end_orphan, self.reactor.callLater)
        gc.collect()
        gc.freeze()  # the configuration is never garbage: nothing looks at it again
        gc.set_threshold(*_GC_THRESHOLDS)
        logs.banner(self)

    def _deaf(self, problem: str) -> None:
        """A listener that could be had at the start has been taken by somebody else since: end with exit code 1."""
        self.log.critical("{problem}", problem=problem)
        sys.__stderr__.write(f"vosswitch: {problem}\n")  # type: ignore[union-attr]
        self.reactor.addSystemEventTrigger("after", "shutdown", os._exit, 1)  # twistd knows 0 and signals only
        self.reactor.stop()

    def _take_signals(self) -> None:
        signal.signal(signal.SIGTERM, self._terminate)
        signal.signal(signal.SIGINT, self._terminate)

    def _terminate(self, *_: Any) -> None:
        """First signal: drain and stop; a second one skips the wait."""
        self.reactor.callFromThread(self._stop_or_skip)

    def _stop_or_skip(self) -> None:
        if self._skip_drain is not None:
            skip, self._skip_drain = self._skip_drain, None
            skip.callback(None)
        elif not self._stopping:
            self._stopping = True
            self.reactor.stop()

    # Stopping.

    @inlineCallbacks
    def stopService(self) -> Generator[Any, Any, None]:
        """Refuse new calls, let the present ones finish for VS_DRAIN_SECONDS, end and bill the rest, write all down."""
        self._stopping = True
        self.drain(True)
        self.watch.stop()
        self.parting.stop()
        yield from self._drain()
        if self.live:
            yield self.control.stopService()
            if self.hints is not None:
                yield self.hints.stopService()  # type: ignore[no-untyped-call]
        yield self.calls.stop_all("switch_restart")
        if self.live:
            self.sip.trunks.stop()
            self.ras.stop()
            yield from self._farewells()
            yield self.h323.stopService()
            self.endpoints.stop()
            self.upkeep.stop()
            self.holding.stop()
            yield self.sip.stopService()
            if IService.providedBy(self.media):
                yield self.media.stopService()  # type: ignore[no-untyped-call]
        yield self.journal.stopService()
        yield self.recorder.stop()
        yield super().stopService()  # type: ignore[no-untyped-call]

    def _farewells(self) -> Generator[Any, Any, None]:
        """Wait until the peers have answered their BYEs, for two seconds at most."""
        for _ in range(40):
            if not self.sip.busy():
                return
            yield deferLater(self.reactor, 0.05)

    def drain(self, draining: bool) -> None:
        """Take no new calls, or take calls again."""
        self.draining = self.sip.draining = self.h323.draining = draining
        self.ras.drained(draining)

    def _drain(self) -> Generator[Any, Any, None]:
        seconds = self.snapshot.parameters["VS_DRAIN_SECONDS"]
        if not seconds or not self.calls.calls:
            return
        over: Deferred[None] = Deferred()
        self._skip_drain = over
        timer = self.reactor.callLater(seconds, self._stop_or_skip)
        self.calls.when_idle().addCallback(lambda _: self._stop_or_skip())
        yield over
        if timer.active():
            timer.cancel()

    # What the recorder tells.

    def _configured(self, message: Mapping[str, Any]) -> None:
        """Take a part of a new configuration; calls are decided with it when it is whole."""
        in_parts = self._coming is not None
        coming = (self._coming or self.snapshot).applied(message)
        self._coming = coming if message.get("more") else None
        self._end_locked(message.get("accounts"), coming.parameters["VS_LOCKED_CALLS"])
        if self._coming is not None:
            gc.freeze()  # or the collector would look at all parts again and again, for 100 ms and more at a time
            return
        before, self.snapshot = self.snapshot, coming
        if in_parts:
            self.parting.leave(before)
        self.sip.sockets.configured()
        self.h323.follow(speaks_h323(self.snapshot, self.boot.listeners))
        self._share_limits()
        backlog.configured(self)
        self.journal.sync_interval = self.snapshot.parameters["VS_JOURNAL_SYNC_INTERVAL"] / 1000
        if self.snapshot.gateways is not before.gateways:
            self.sip.keep_names(build.named_places(self.snapshot))
            self._warn(self._unreachable.new(unreachable(self.snapshot, self.boot.listeners)))
        self._warn(self._deafness.new(unheard(self.snapshot, self.boot.listeners)))
        if (
            self.snapshot.gateways is not before.gateways
            or self.snapshot.mapping_gateways is not before.mapping_gateways
        ):
            self._follow_gateways()
        if self.snapshot.callers is not before.callers:
            self._warn(self._hidden.new(self.snapshot.callers.warnings))
        if self.snapshot.callers is not before.callers or self.snapshot.gateways is not before.gateways:
            self.endpoints.review()

    def _warn(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.log.warn("configuration: {warning}", warning=line)

    def _end_locked(self, accounts: Mapping[str, Any] | None, policy: str) -> None:
        """End calls whose account is locked now, where the policy wants that."""
        for number in newly_locked(self.snapshot.accounts, accounts, policy):
            self.calls.patrol.cut(number, "account_locked")

    def _follow_gateways(self) -> None:
        """Register with whom the configuration says, and keep alive who wants that."""
        self.sip.trunks.follow(build.trunk_wishes(self.snapshot))
        self.ras.follow()
        self.upkeep.keep_alive.static = build.kept_alive(self.snapshot)
        self.watch.follow()

    def _met(self, alive: list[int]) -> None:
        """Other nodes of the database have come or gone."""
        if alive != self.nodes:
            self.log.info("nodes of this database that are alive: {nodes}", nodes=", ".join(map(str, alive)))
        self.nodes = alive
        self.wanting.several = len(alive) > 1
        self._share_limits()

    def _share_limits(self) -> None:
        divided = self.snapshot.parameters["VS_LIMITS_SHARED"] == "divided"
        self.limits.portion = portion_of(self.boot.node_id, self.nodes) if divided else None

    def _money(self, accounts: Mapping[str, Mapping[str, int]]) -> None:
        self.balances.told(accounts)
        self.calls.shortages.heard(accounts)

    def _call_others(self) -> None:
        if self.hints is not None:
            self.hints.recall()

    def now(self) -> int:
        """The wall clock, epoch milliseconds."""
        return wall_ms()

    def _plugin_failed(self, plugin: str, what: str, error: Exception) -> None:
        count = self.failures.counts[plugin, what]
        if count == 1 or count % 1000 == 0:
            self.log.error(
                "plugin {plugin}: {what} failed ({count} times): {error}",
                plugin=plugin,
                what=what,
                count=count,
                error=repr(error),
            )

    def note_trouble(self, what: str, text: str) -> None:
        """Something does not work, or with no text works again."""
        if text:
            self.trouble[what] = text
            self.log.error("{what}: {text}", what=what, text=text)
        elif self.trouble.pop(what, None):
            self.log.info("{what}: works again", what=what)


def _lift_limits() -> None:
    """As many open files as the system allows: every TCP connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
