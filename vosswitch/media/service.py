"""The built-in media engine: hands out the workers' ports, and knows every session."""

from __future__ import annotations

from collections import deque
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.task import LoopingCall
from zope.interface import implementer

from vosswitch.media.places import Places
from vosswitch.media.ports import part, place_of
from vosswitch.media.sessions import MediaSession
from vosswitch.media.transport import WorkerLink, socket_pair
from vosswitch.model.interfaces import IMediaEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twisted.logger import Logger

    from vosswitch.model.call import MediaReport

_MOST_TOLD = 4
"""Shortages that are told one by one; each address of each worker may have one."""


@implementer(IMediaEngine)
class MediaService(Service):
    """Relays media through worker processes of our own.

    :param addresses: the local IP literals that ports are bound on, each with what peers are told instead ("" = the
        address itself); the unspecified one means all of its family, and each side is told the local address that its
        signalling uses.  SS_RTP_EXTERNAL_IP stands over all of that.
    :param workers: how many processes share the port range.
    :param parameters: gives the parameters in force (`vosswitch.params.system.Parameters`).
    :param connect: makes the local socket to a worker: our end and the worker's.
    :param shown: what peers are told instead of the local addresses of our listeners, where it is another.
    :param on_trouble: told why ports run short, and "" when they do no more.
    """

    name = "media"

    def __init__(
        self,
        reactor: Any,
        addresses: Sequence[tuple[str, str]],
        workers: int,
        parameters: Callable[[], Any],
        log: Logger,
        connect: Callable[[], Any] = socket_pair,
        shown: Mapping[str, str] = MappingProxyType({}),
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._reactor = reactor
        self._places = Places(addresses, shown)
        self._parameters = parameters
        self._log = log
        self._range: tuple[int, int] | None = None
        self._number = 0
        self._deadlines: deque[tuple[float, WorkerLink, int]] = deque()
        self._timer: Any = None
        self._watch = LoopingCall(self._look_after)
        self._watch.clock = reactor
        hosts = [host for host, _ in addresses]
        self._on_trouble = on_trouble
        self.workers = [WorkerLink(reactor, number, hosts, log, connect, self._told) for number in range(workers)]

    def startService(self) -> None:
        """Start the workers; `when_ready` tells when the first ports are there."""
        super().startService()  # type: ignore[no-untyped-call]
        self._follow_range()
        for worker in self.workers:
            worker.start()
        self._watch.start(1.0, now=False)

    def when_ready(self) -> Deferred[Any]:
        """Fires when every worker has leased ports."""
        return gatherResults([worker.when_ready() for worker in self.workers], consumeErrors=True)

    def stopService(self) -> Deferred[Any]:
        """End the workers; whoever still waits for counts gets what is known."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._watch.running:
            self._watch.stop()
        stopped = DeferredList([worker.stop() for worker in self.workers])
        return stopped.addCallback(self._forget)

    def _forget(self, _: Any) -> None:
        for worker in self.workers:
            for number in list(worker.closing):
                worker.finish(number)
        self._deadlines.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_after(self) -> None:
        now = self._reactor.seconds()
        self._follow_range()
        for worker in self.workers:
            worker.look_after(now)

    def _follow_range(self) -> None:
        low, high = self._parameters()["SS_MEDIA_PROXY_PORT_RANGE"]
        if (low, high) != self._range:
            self._range = low, high
            for number, worker in enumerate(self.workers):
                worker.use_range(*part(low, high, number, len(self.workers)))

    def _told(self) -> None:
        told = [text for worker in self.workers for text in worker.shortages]
        more = f"; and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
        self._on_trouble("; ".join(told[:_MOST_TOLD]) + more)

    # IMediaEngine.

    def open(self, call_id: str, caller_local: str | None, callee_local: str | None, listener: Any) -> Any:
        """See `IMediaEngine.open`."""
        self._follow_range()
        parameters = self._parameters()
        external = parameters["SS_RTP_EXTERNAL_IP"]
        caller = self._places.find(caller_local or callee_local, external)
        callee = self._places.find(callee_local or caller_local, external)
        if caller is None or callee is None:
            return None
        worker = max(self.workers, key=lambda worker: _room(worker, caller[0], callee[0]))
        worker.supply()
        if not _room(worker, caller[0], callee[0]):
            return None
        self._number += 1
        limits = (parameters["SS_MEDIA_CHECK_TIMEOUT"], parameters["SS_QOS_RTP"])
        pairs = (worker.leased[caller[0]].take(), worker.leased[callee[0]].take())
        session = MediaSession(
            self._number,
            call_id,
            pairs,
            (caller[1], callee[1]),
            limits,
            listener,
            worker.tell,
            partial(self._close, worker),
            partial(self._elsewhere, worker),
        )
        worker.sessions[self._number] = session
        return session

    def _elsewhere(self, worker: WorkerLink, pair: int, local: str) -> tuple[int, str] | None:
        """The pair and host for a side that is reached from *local* now: *pair* itself where that still serves."""
        found = self._places.find(local, self._parameters()["SS_RTP_EXTERNAL_IP"])
        if found is None:
            return None
        place, told = found
        if place == place_of(pair):
            return pair, told
        worker.supply()
        leased = worker.leased[place]
        return (leased.take(), told) if leased.free else None

    def _close(self, worker: WorkerLink, session: MediaSession, done: Callable[[MediaReport], None]) -> None:
        number = session.number
        if worker.sessions.pop(number, None) is None:  # closed before
            return
        worker.closing[number] = (session, done)
        if worker.pid is None:
            worker.finish(number)
            return
        worker.tell(("close", number))
        wait = self._parameters()["VS_MEDIA_REPORT_DEADLINE"] / 1000
        self._deadlines.append((self._reactor.seconds() + wait, worker, number))
        if self._timer is None:
            self._timer = self._reactor.callLater(wait, self._overdue)

    def _overdue(self) -> None:
        """Whoever has waited for counts long enough gets what is known; one timer serves all, oldest first."""
        self._timer = None
        now = self._reactor.seconds()
        deadlines = self._deadlines
        while deadlines and (deadlines[0][0] <= now or deadlines[0][2] not in deadlines[0][1].closing):
            _, worker, number = deadlines.popleft()
            worker.finish(number)
        if deadlines:
            self._timer = self._reactor.callLater(max(0.0, deadlines[0][0] - now), self._overdue)


def _room(worker: WorkerLink, caller: int, callee: int) -> int:
    """For how many sessions a worker has pairs on these two local addresses."""
    leased = worker.leased
    if caller == callee:
        return len(leased[caller].free) // 2
    return min(len(leased[caller].free), len(leased[callee].free))
