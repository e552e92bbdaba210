"""The switch's side of the recorder: starts the child process, keeps it alive, and speaks with it."""

from __future__ import annotations

import os
import socket
import sys
from collections import defaultdict, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol, connectionDone

import vosswitch
from vosswitch.recorder.wire import Lines, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.python.failure import Failure

    from vosswitch.cdr.journal import Position
    from vosswitch.cdr.record import Cdr
    from vosswitch.params.boot import Boot

STOP_SECONDS = 10.0
"""How long a stop waits for the recorder to drain; what is left then is drained after the next start."""

_BACKOFF = (0.1, 0.5, 1.0, 2.0, 5.0)
_SETTLED_SECONDS = 30.0
"""A recorder that lived for this long is started again at once."""

_SINGLY, _AT_ONCE = 10_000, 1000
"""So many ended calls are remembered one by one, and beyond them so many together."""

_Accounts = dict[str, dict[str, int]]


class _Ends:
    """Calls that wait for the database: one, or of a long queue some together, which are settled with the last one.

    :ivar sums: account and charge, units of 10^-7.
    """

    __slots__ = ("count", "last", "sums")

    def __init__(self) -> None:
        self.last = (0, 0)
        self.count = 0
        self.sums: list[tuple[str, int]] = []

    def add(self, position: tuple[int, int], cdr: Cdr) -> None:
        self.last = position
        self.count += 1
        self.sums += [(charge.account, charge.amount) for charge in cdr.charges]
        if self.count == _AT_ONCE:
            sums: dict[str, int] = defaultdict(int)
            for number, amount in self.sums:
                sums[number] += amount
            self.sums = list(sums.items())


class RecorderStopped(Exception):
    """The recorder was stopped before it could answer."""


class RecorderService(Service):
    """The recorder process as the switch sees it.

    :param on_config: given every ``config`` message.
    :param on_money: given ``{account: {"balance", "grant"}}``, perhaps with ``giving``, what the switch has given back
        and is in that grant all the same, and ``elsewhere``, what else there is of the account.
    :param on_drained: given ``{account: {..., "drained"}}`` besides: *drained* is the sum of the charges of this run
        (see `note_end`) that are in the database since the last time.
    :param on_ready: called when the first whole configuration and money are in, and again after a restart of the child.
    :param on_trouble: told one line when the database is away or refuses something, "" when it works again.
    :param on_past: given every ``outcomes`` and ``tallies`` message (`vosswitch.recorder.recall`), after that.
    :param on_recall: ``on_recall(account, most)`` gives back up to *most* units that no call holds, and says how many.
    :param on_call_others: this node lacks money that other nodes hold: they shall look at once.
    :param on_sinks: told one line when CDR sinks fail, "" when they work again.
    :param on_aside: told one line when something lies in the spool for people to look at, "" when it is gone.
    :param on_nodes: given the numbers of the nodes of the database that are alive, this one among them.
    :ivar backlog: how many ended calls of this run wait for the database; *longest*: at how many of them
        *on_backlog* is told, with True then and with False at half of it.
    """

    name = "recorder"

    backlog = 0
    longest = 0
    _over = False
    _link: _Link | None = None
    _process: Any = None
    _started = 0.0
    _failures = 0
    _retry: Any = None
    _deadline: Any = None
    _stopped: Deferred[None] | None = None
    _serial = 0
    _seq = 0
    _heard_last = 0

    def __init__(
        self,
        reactor: Any,
        boot: Boot,
        on_config: Callable[[Mapping[str, Any]], None],
        on_money: Callable[[_Accounts], None],
        on_drained: Callable[[_Accounts], None],
        on_ready: Callable[[], None],
        on_trouble: Callable[[str], None],
        log: Any,
        on_past: Callable[[Mapping[str, Any]], None] = lambda message: None,
        on_nodes: Callable[[list[int]], None] = lambda _alive: None,
        on_recall: Callable[[str, int], int] = lambda _account, _most: 0,
        on_call_others: Callable[[], None] = lambda: None,
        on_sinks: Callable[[str], None] = lambda _text: None,
        on_aside: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._on_past = on_past
        self._reactor = reactor
        self._boot = boot
        self._on_config = on_config
        self._on_money = on_money
        self._on_drained = on_drained
        self._on_ready = on_ready
        self._on_trouble = on_trouble
        self._on_nodes = on_nodes
        self._on_recall = on_recall
        self._on_call_others = on_call_others
        self._on_sinks = on_sinks
        self._on_aside = on_aside
        self.log = log
        self.on_backlog: Callable[[bool], None] = lambda _over: None
        self._applying: dict[int, Deferred[int]] = {}
        self._wanted: set[str] = set()
        self._given: dict[str, int] = {}
        self._charged: deque[_Ends] = deque()
        self._drained: dict[str, int] = defaultdict(int)

    # What the switch calls.

    def startService(self) -> None:
        """Start the child."""
        Service.startService(self)  # type: ignore[no-untyped-call]
        self._spawn()

    def note_end(self, position: Position, cdr: Cdr) -> None:
        """Remember the charges of a call whose end record ends at *position*; called by `JournalService.on_end`."""
        charged = self._charged
        if len(charged) < _SINGLY or charged[-1].count >= _AT_ONCE:
            charged.append(_Ends())
        charged[-1].add(position, cdr)
        self.backlog += 1
        if self.longest and self.backlog >= self.longest and not self._over:
            self._over = True
            self.on_backlog(True)

    def apply(self) -> Deferred[int]:
        """Have everything that is in the database now brought into the switch.

        :returns: fires with the number of the last change that is live then; fails with `RecorderStopped`.
        """
        self._serial += 1
        answer: Deferred[int] = Deferred()
        self._applying[self._serial] = answer
        self._send({"op": "apply", "id": self._serial})
        return answer

    def want(self, account: str, amount: int) -> None:
        """Ask for *amount* more of an account (units of 10^-7); a ``money`` message answers it."""
        if account not in self._wanted:
            self._wanted.add(account)
            self._send({"op": "want", "account": account, "amount": amount})

    def recalled(self) -> None:
        """Another node lacks money: see whether this one can give some back."""
        self._send({"op": "recalled"})

    def lock(self, account: str) -> None:
        """Have an account locked with the reason ``fraud``; lost when the recorder is away at this moment."""
        self._send({"op": "lock", "account": account})

    def stop(self) -> Deferred[None]:
        """Let the child drain the journal to its end and give the grants back; fires when it is gone."""
        Service.stopService(self)  # type: ignore[no-untyped-call]
        done: Deferred[None] = Deferred()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._process is None:
            self._abandon()
            done.callback(None)
            return done
        self._stopped = done
        self._send({"op": "stop"})
        self._deadline = self._reactor.callLater(STOP_SECONDS, self._give_up)
        return done

    def stopService(self) -> Deferred[None] | None:
        """As `stop`."""
        return self.stop() if self.running else None

    # The child.

    def _spawn(self) -> None:
        self._retry = None
        self._started = self._reactor.seconds()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        null = os.open(os.devnull, os.O_RDONLY)
        root = str(Path(vosswitch.__file__).resolve().parent.parent)
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        try:
            self._process = self._reactor.spawnProcess(
                _Child(self),
                sys.executable,
                [sys.executable, "-m", "vosswitch.recorder", self._boot.path, str(self._seq)],
                env=dict(os.environ) | {"PYTHONPATH": path},
                childFDs={0: null, 1: "r", 2: "r", 3: theirs.fileno()},
            )
            ours.setblocking(False)
            self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, _Links(self))
        finally:
            os.close(null)
            theirs.close()
            ours.close()

    def _linked(self, link: _Link) -> None:
        self._link = link
        for serial in self._applying:
            link.send({"op": "apply", "id": serial})
        self._wanted.clear()
        self._given.clear()  # what the former child did not do is undone by the first word of this one
        self._heard_last = 0

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._link is not None:
            self._link.send(message)

    def _said(self, text: str) -> None:
        for line in text.splitlines():
            self.log.warn("recorder: {line}", line=line)

    def _exited(self, failure: Failure) -> None:
        self._process = self._link = None
        if self._stopped is not None:
            if self._deadline.active():
                self._deadline.cancel()
            self._abandon()
            self._stopped.callback(None)
        elif self.running:
            self._on_trouble(f"recorder: {failure.value}")
            if self._reactor.seconds() - self._started > _SETTLED_SECONDS:
                self._failures = 0
            wait = _BACKOFF[min(self._failures, len(_BACKOFF) - 1)]
            self._failures += 1
            self._retry = self._reactor.callLater(wait, self._spawn)

    def _give_up(self) -> None:
        self.log.warn("the recorder has not drained in {seconds} s; the next start goes on", seconds=STOP_SECONDS)
        self._process.signalProcess("KILL")

    def _abandon(self) -> None:
        waiting, self._applying = self._applying, {}
        for answer in waiting.values():
            answer.errback(RecorderStopped("the recorder was stopped"))

    # What the recorder says.

    def _heard(self, message: dict[str, Any]) -> None:
        hear = self._HEAR.get(message["op"])
        if hear is not None:
            hear(self, message)

    def _hear_config(self, message: dict[str, Any]) -> None:
        self._on_config(message)
        if not message["more"]:
            self._seq = message["seq"]

    def _is_late(self, message: dict[str, Any]) -> bool:
        """Whether a newer message about money came before it: what it says of grants may not be so any more."""
        serial = message.get("n", self._heard_last + 1)
        if serial <= self._heard_last:
            return True
        self._heard_last = serial
        for number, row in message["accounts"].items():
            giving = self._given.get(number, 0) - row.pop("given", 0)
            if giving:
                row["giving"] = giving
        return False

    def _hear_recall(self, message: dict[str, Any]) -> None:
        gave = False
        for number, most in message["accounts"].items():
            amount = self._on_recall(number, most)
            if amount:
                gave = True
                self._given[number] = self._given.get(number, 0) + amount
        if gave:
            totals = {number: self._given[number] for number in message["accounts"] if number in self._given}
            self._send({"op": "give", "accounts": totals})

    def _hear_call_others(self, message: dict[str, Any]) -> None:
        self._on_call_others()

    def _hear_money(self, message: dict[str, Any]) -> None:
        if self._is_late(message):
            return
        self._settle((message["segment"], message["offset"]))
        plain, drained = {}, {}
        for number, row in message["accounts"].items():
            self._wanted.discard(number)
            if number in self._drained:
                drained[number] = row | {"drained": self._drained.pop(number)}
            else:
                plain[number] = row
        if drained:
            self._on_drained(drained)
        if plain:
            self._on_money(plain)

    def _hear_drained(self, message: dict[str, Any]) -> None:
        if self._is_late(message):
            return
        self._settle((message["segment"], message["offset"]))
        accounts = message["accounts"]
        for number, row in accounts.items():
            row["drained"] = self._drained.pop(number, 0)
        for number in list(self._drained):  # the account is gone
            accounts[number] = {"balance": 0, "grant": 0, "drained": self._drained.pop(number)}
        self._on_drained(accounts)

    def _settle(self, position: tuple[int, int]) -> None:
        """Sum the charges of this run up to *position*: right even when the recorder died before it told us."""
        charged = self._charged
        while charged and charged[0].last <= position:
            ends = charged.popleft()
            self.backlog -= ends.count
            for number, amount in ends.sums:
                self._drained[number] += amount
        if self._over and self.backlog <= self.longest // 2:
            self._over = False
            self.on_backlog(False)

    def _hear_applied(self, message: dict[str, Any]) -> None:
        answer = self._applying.pop(message["id"], None)
        if answer is not None:
            answer.callback(message["seq"])

    def _hear_nodes(self, message: dict[str, Any]) -> None:
        self._on_nodes(message["alive"])

    def _hear_ready(self, message: dict[str, Any]) -> None:
        self._on_trouble("")
        self._on_ready()

    def _hear_trouble(self, message: dict[str, Any]) -> None:
        self._on_trouble(message["text"])

    def _hear_sinks(self, message: dict[str, Any]) -> None:
        self._on_sinks(message["text"])

    def _hear_aside(self, message: dict[str, Any]) -> None:
        self._on_aside(message["text"])

    def _hear_note(self, message: dict[str, Any]) -> None:
        self._said(message["text"])

    def _hear_fine(self, message: dict[str, Any]) -> None:
        self._on_trouble("")

    def _hear_past(self, message: dict[str, Any]) -> None:
        self._on_past(message)

    _HEAR = {
        "config": _hear_config,
        "money": _hear_money,
        "recall": _hear_recall,
        "call_others": _hear_call_others,
        "drained": _hear_drained,
        "applied": _hear_applied,
        "nodes": _hear_nodes,
        "ready": _hear_ready,
        "trouble": _hear_trouble,
        "sinks": _hear_sinks,
        "fine": _hear_fine,
        "aside": _hear_aside,
        "note": _hear_note,
        "outcomes": _hear_past,
        "tallies": _hear_past,
    }


class _Link(Protocol):
    """Our end of the socket pair."""

    def __init__(self, service: RecorderService) -> None:
        self._service = service
        self._lines = Lines()
        self._waiting: deque[dict[str, Any]] = deque()

    def connectionMade(self) -> None:
        self._service._linked(self)

    def dataReceived(self, data: bytes) -> None:
        idle = not self._waiting
        self._waiting.extend(self._lines.feed(data))
        if idle:
            self._hear()

    def _hear(self) -> bool:
        """Pass messages on, of a long configuration one part a turn of the reactor, so that calls come in between.

        :returns: whether all of them are passed on; the rest has its turn.
        """
        waiting = self._waiting
        while waiting:
            message = waiting.popleft()
            self._service._heard(message)
            if message.get("more"):
                self.transport.pauseProducing()  # type: ignore[union-attr]
                self._service._reactor.callLater(0, self._go_on)
                return False
        return True

    def _go_on(self) -> None:
        """Read on in a turn in which nothing was passed on: what comes then is passed on in the same one."""
        if not self._waiting or self._hear():
            self.transport.resumeProducing()  # type: ignore[union-attr]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        while self._waiting:
            self._service._heard(self._waiting.popleft())

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one message."""
        assert self.transport is not None
        self.transport.write(pack(message))


class _Links(Factory):
    """Makes the one protocol of a socket pair."""

    noisy = False

    def __init__(self, service: RecorderService) -> None:
        self._service = service

    def buildProtocol(self, addr: Any) -> _Link:
        return _Link(self._service)


class _Child(ProcessProtocol):
    """The process: what it writes is logged, and its end is told."""

    def __init__(self, service: RecorderService) -> None:
        self._service = service

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._service._said(data.decode("utf-8", "replace"))

    def processEnded(self, reason: Failure) -> None:
        self._service._exited(reason)
