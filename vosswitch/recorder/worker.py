"""The recorder process: a plain loop that brings journal, database and switch together.

Started by the switch with file descriptor 3 as its end of a socket pair; it lives as long as that socket and, after a
switch that was killed, until the journal is drained.
"""

from __future__ import annotations

import gc
import signal
import socket
import sys
import time
from collections import deque
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from vosswitch.call.records import Days
from vosswitch.cdr.files import Lock, SpoolBusy
from vosswitch.delivery.plugins import load_plugins
from vosswitch.delivery.process import DeliveryProcess, NoDelivery
from vosswitch.params import files as boot_files
from vosswitch.params.system import DECLARED
from vosswitch.recorder.aside import Aside
from vosswitch.recorder.channel import SWITCH_FD, Channel, SwitchGone
from vosswitch.recorder.cleaning import CLEANED, removing
from vosswitch.recorder.drain import Drain
from vosswitch.recorder.feed import Feed
from vosswitch.recorder.granting import AGAIN_SECONDS, LOOK_SECONDS, Granting
from vosswitch.recorder.neighbours import Neighbours
from vosswitch.recorder.periodic import Periodic
from vosswitch.recorder.recall import recalled, tallied, wanted
from vosswitch.recorder.wire import config_slices
from vosswitch.store import entities, grants, locks
from vosswitch.store.charges import StalePosition
from vosswitch.store.database import open_database
from vosswitch.store.provision_schema import PARAMETERS
from vosswitch.store.rate_leftovers import leftovers
from vosswitch.store.sink_fields import CDR_TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from vosswitch.params.boot import Boot
    from vosswitch.store.database import Database

_BACKOFF = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_LAST_TRIES = 4
_PATIENCE = 10
_LONG = 2.0
"""Seconds after which already the first failure is told: it was a silence, not a short break."""

GC_THRESHOLDS = (50_000, 20, 20)
"""A batch of records is some ten thousand objects, and none of them is garbage: with Python's own thresholds looking
for it takes a third of the reading."""

_POLL_SECONDS = 1.0
_SEEN_SECONDS = 5.0
_DAYS_SECONDS = 600.0
_EXPIRY_SECONDS = 5.0
_RATES_SECONDS = 600.0
_SWEEP_SECONDS = 5.0
_FIRST_CLEAN_SECONDS = 5.0
_CLEAN_SECONDS = 3600.0
_OF_MONEY = ("want", "give", "recalled")
_AWAY = (DBAPIError, PoolTimeout, StalePosition, OSError)
"""The database is away; or the disk of the spool refuses what is put aside there."""


class Recorder:
    """The loop.

    :param monotonic: seconds, for intervals; *wall_ms* epoch milliseconds, for stamps.
    """

    _failures = 0
    _told = False
    _stopping = False
    _past: Iterator[list[dict[str, Any]]] | None = None
    _cleaning: Iterator[object] | None = None
    _sweeping: Iterator[int] | None = None

    def __init__(
        self,
        boot: Boot,
        database: Database,
        channel: Channel,
        feed: Feed,
        delivery: DeliveryProcess | NoDelivery,
        monotonic: Callable[[], float] = time.monotonic,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._boot = boot
        self._database = database
        self._channel = channel
        self._monotonic = monotonic
        self._wall_ms = wall_ms
        self._node = boot.node_id
        node, zone = (boot.node_id, boot.node_name), ZoneInfo(boot.timezone)
        self._drain = Drain(database, Path(boot.spool_directory), node, zone, wall_ms, channel.note)
        self._aside = Aside(Path(boot.spool_directory), channel.aside)
        self._granting = Granting(
            database, boot.node_id, channel.send, lambda: self._drain.committed, monotonic, wall_ms
        )
        self._drain.floor = delivery.floor
        self._delivery = delivery
        self._feed = feed
        feed.between = self._meanwhile
        self._periodic = Periodic(
            database, zone, f"node {boot.node_id}", wall_ms, self._granting.recall, channel.trouble
        )
        self._neighbours = Neighbours(boot.node_id)
        self._alive: list[int] = []
        self._inbox: deque[dict[str, Any]] = deque()
        self._due = dict.fromkeys(("poll", "seen", "look", "write", "recalls", "answers", "expiry", "sweep"), 0.0)
        later = {"days": _DAYS_SECONDS, "clean": _FIRST_CLEAN_SECONDS, "rates": _RATES_SECONDS}
        self._due |= {what: monotonic() + seconds for what, seconds in later.items()}

    def run(self) -> None:
        """Work until the switch says stop or is gone."""
        lock = self._lock()
        if lock is None:
            return
        try:
            for stage in (self._feed.read_parameters, self._drain.begin, self._replay, self._announce):
                self._insist(stage)
            while not self._stopping and not self._channel.gone:
                self._inbox += self._channel.receive(0 if self._inbox else self._pause())
                self._insist(self._turn)
            self._insist(self._finish)
        except SwitchGone:
            pass
        finally:
            self._delivery.stop()
            self._drain.close()
            lock.release()

    def _lock(self) -> Lock | None:
        """Wait for a recorder of a former run that still drains; None when the switch goes meanwhile."""
        spool = Path(self._boot.spool_directory)
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        while not self._channel.gone:
            try:
                return Lock(spool / "recorder.lock")
            except SpoolBusy:
                self._inbox += self._channel.receive(0.1)
        return None

    # Trouble.

    def _insist(self, stage: Callable[[], None]) -> None:
        """Do *stage*, again and again for as long as the database is away.

        :raises SwitchGone: the database is away and nobody waits for us: the journal keeps everything.
        """
        while True:
            began = self._monotonic()
            try:
                stage()
            except _AWAY as error:
                self._failed(error, self._monotonic() - began)
            else:
                self._works()
                return

    def _failed(self, error: Exception, seconds: float) -> None:
        if isinstance(error, StalePosition):
            self._drain.begin()
            self._granting.tell(None)  # of what somebody else has drained
            return
        self._delivery.look_after()
        self._failures += 1
        gc.collect()  # failed tries leave large cycles (errors, frames) that GC_THRESHOLDS would keep for long
        if self._failures in (2, 10) or self._failures % 60 == 0 or seconds > _LONG:
            self._told = True
            self._channel.trouble(f"away: {_one_line(error)}")
        wait = self._monotonic() + _BACKOFF[min(self._failures, len(_BACKOFF)) - 1]
        while (left := wait - self._monotonic()) > 0:
            self._inbox += self._channel.receive(left)
        if self._channel.gone and self._failures > _LAST_TRIES:
            raise SwitchGone

    def _works(self) -> None:
        if self._told:
            self._channel.send({"op": "fine"})
        self._failures, self._told = 0, False

    # Stages.

    def _replay(self) -> None:
        """Everything that is in the journal goes into the database, before anybody is told a balance."""
        while self._drain.step(self._feed.batch_size) is not None:
            pass
        self._periodic.turn()
        with self._database.write() as connection:
            grants.seen(connection, self._node, self._boot.node_name, self._wall_ms())
        self._granting.begin()

    def _announce(self) -> None:
        if self._feed.seq:  # the switch is at work: what the last recorder could not tell goes before any new batch
            self._granting.tell(None)
        change = self._feed.full() if self._feed.seq == 0 else self._feed.changes()
        if self._feed.seq == 0 and change is not None:
            self._past = self._last_run(change["routing_gateways"].values())
        if change is not None:
            self._send_config(change)
        self._deliver()
        self._granting.tell(None)
        self._look()
        self._aside.look()
        self._channel.send({"op": "ready", "seq": self._feed.seq})

    def _last_run(self, gateways: Iterable[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
        """What the switch is told of its last run, while it works already."""
        now, node, parameters = self._wall_ms(), self._boot.node_name, self._feed.parameters
        figures = recalled(self._database, node, parameters, now) if wanted(parameters, gateways) else ()
        today = Days(ZoneInfo(self._boot.timezone)).of(now)
        return chain(figures, tallied(self._database, node, today, now))

    def _turn(self) -> None:
        self._granting.make_sure()
        self._keep_house()
        asked = bool(self._inbox)
        while self._inbox:
            self._obey(self._inbox[0])
            self._inbox.popleft()
        if self._is_due("write", self._feed.write_interval * 0.5) or asked:
            while self._step():
                self._tell_locked()
            self._tell_locked()  # of a step that was done meanwhile
        if self._past is not None:
            self._recall()
        self._clean()

    def _clean(self) -> None:
        """One step of removing what is too old."""
        parameters = self._feed.parameters
        if self._is_due("clean", _CLEAN_SECONDS) and any(parameters[name] for name in CLEANED):
            zone = ZoneInfo(self._boot.timezone)
            self._cleaning = removing(self._boot, self._database, parameters, self._wall_ms(), zone, everywhere=False)
        if self._cleaning is not None and next(self._cleaning, None) is None:
            self._cleaning = None
        if self._is_due("rates", _RATES_SECONDS):
            self._sweeping = leftovers(self._database, lambda _seconds: None)
        if self._sweeping is not None and next(self._sweeping, None) is None:
            self._sweeping = None

    def _recall(self) -> None:
        """Tell the switch of one more page of what its last run has seen; a database that goes away ends that."""
        assert self._past is not None
        page = next(self._past, None)
        if page is None:
            self._past = None
            return
        for message in page:
            self._channel.send(message)

    def _finish(self) -> None:
        """Drain to the end; after an orderly stop the node's grants go back."""
        while self._step():
            pass
        if self._stopping:
            with self._database.write() as connection:
                grants.release(connection, self._node)
                grants.gone(connection, self._node)

    def _pause(self) -> float:
        """Seconds until the next turn: a record waits at most for SS_CDR_WRITE_INTERVAL, other nodes never so long."""
        if self._past is not None:
            return 0.0
        if self._granting.asking:
            return AGAIN_SECONDS
        return min(self._feed.write_interval * 0.5, _POLL_SECONDS if len(self._alive) < 2 else LOOK_SECONDS)

    def _step(self) -> bool:
        spent = self._drain.step(self._feed.batch_size)
        if spent is None:
            return False
        self._granting.send("drained", self._drain.committed, {number: row._asdict() for number, row in spent.items()})
        return True

    def _tell_locked(self) -> None:
        """Have accounts that a batch has locked make no calls from now on."""
        if self._drain.locked:
            self._follow()
            self._drain.locked = False

    def _keep_house(self) -> None:
        if self._is_due("expiry", _EXPIRY_SECONDS):
            self._expire()
        if self._is_due("days", _DAYS_SECONDS):
            self._drain.prepare_days()
        if self._is_due("poll", _POLL_SECONDS):
            self._periodic.turn()
            self._follow()
            self._granting.settle()
            self._delivery.look_after()
        if self._is_due("sweep", _SWEEP_SECONDS):
            self._drain.remove_consumed()
            self._aside.look()
        self._keep_company()

    def _meanwhile(self) -> None:
        """What may not wait for the end of a long step."""
        self._keep_company()
        self._step()
        self._hand_out()

    def _hand_out(self) -> None:
        """The money that calls wait for; whatever else the switch has asked for waits for its turn."""
        self._inbox += self._channel.receive(0)
        for message in [one for one in self._inbox if one.get("op") in _OF_MONEY]:
            self._obey(message)
            self._inbox.remove(message)

    def _keep_company(self) -> None:
        """Tell the other nodes that this one is alive, and see which of them are; SQLite has one node."""
        if self._database.is_sqlite:
            return
        if self._is_due("seen", _SEEN_SECONDS):
            with self._database.write() as connection:
                grants.seen(connection, self._node, self._boot.node_name, self._wall_ms())
        if self._is_due("look", _POLL_SECONDS):
            self._look()
        if len(self._alive) > 1 and self._is_due("recalls", LOOK_SECONDS):
            self._granting.look()
        if self._granting.asking and self._is_due("answers", AGAIN_SECONDS):
            self._granting.look_again()

    def _look(self) -> None:
        """Tell the switch which nodes are alive, when that has changed."""
        stamps: dict[int, int] = {}
        if not self._database.is_sqlite:
            with self._database.read() as connection:
                stamps = grants.stamps(connection)
        alive = self._neighbours.alive(stamps, self._monotonic(), self._wall_ms())
        if alive != self._alive:
            self._channel.send({"op": "nodes", "alive": alive})
            met, self._alive = len(self._alive), alive
            if met > 1:  # what a node that went has given back may be taken
                self._granting.refresh(None)
                self._granting.tell(None)

    def _is_due(self, what: str, every: float) -> bool:
        now = self._monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + every
        return True

    # What the switch wants.

    def _obey(self, message: Mapping[str, Any]) -> None:
        match message.get("op"):
            case "apply":
                self._follow()
                self._channel.send({"op": "applied", "id": message["id"], "seq": self._feed.seq})
            case "want":
                self._granting.want(message["account"], message["amount"])
            case "give":
                self._granting.give(message["accounts"])
            case "recalled":
                self._granting.look()
            case "lock":
                self._lock_account(message["account"])
            case "stop":
                self._stopping = True

    def _expire(self) -> None:
        """Lock accounts whose time is over; their calls are refused from that moment on in any case."""
        with self._database.read() as connection:
            due = locks.due(connection, self._wall_ms())
        if due:
            with self._database.write() as connection:
                locks.expire(connection, due, self._wall_ms(), f"node {self._node}")

    def _lock_account(self, number: str) -> None:
        with self._database.write() as connection:
            locked = locks.lock(connection, number, "fraud", f"node {self._node}")
        if locked:
            self._follow()

    def _follow(self) -> None:
        """Send what was changed in the database since the last time, with the money of changed accounts."""
        change = self._feed.changes()
        if change is None:
            return
        self._periodic.note(change)
        if self._periodic.turn():  # what was provisioned or paid comes with what follows from it
            change = self._feed.changes() or change
        touched = change["accounts"].keys()
        if touched:
            self._granting.refresh(touched)
        self._send_config(change)
        if change.get("parameters") or change.get("cdr_targets"):
            self._deliver()
        if touched:
            self._granting.tell(touched)

    def _deliver(self) -> None:
        """Have the sinks as the configuration wants them."""
        with self._database.read() as connection:
            targets = [stored.values for _, stored in entities.read_all(connection, CDR_TARGETS)]
            given = {key: stored.values["value"] for key, stored in entities.read_all(connection, PARAMETERS)}
        self._delivery.follow(self._feed.parameters, given, targets, self._drain.committed)

    def _send_config(self, change: Mapping[str, Any]) -> None:
        for part in config_slices(change):
            self._channel.send(part)
        self._feed.seq = change["seq"]


def _one_line(error: Exception) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())[:200]


def main(path: str, seq: int) -> int:
    """Run until the switch is gone; the exit status.

    :param seq: the last change that the switch has; 0 = it has nothing yet.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # may reach a whole group; the switch tells us when it is time
        signal.signal(number, signal.SIG_IGN)
    boot = boot_files.load(path)
    connection = socket.socket(fileno=SWITCH_FD)
    connection.setblocking(True)
    connection.set_inheritable(False)
    database = open_database(boot.database_url, _PATIENCE)
    channel = Channel(connection)
    feed = Feed(database, boot.run_directory, boot.key_file, seq, channel.trouble)
    try:
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        plugins = load_plugins(boot, lambda name: feed.parameters[name], {})
        feed.registry = DECLARED.with_more(plugins.parameters.values())
        clocks = (time.monotonic, lambda: time.time_ns() // 1_000_000)
        delivery = DeliveryProcess(boot, plugins.cdr_sinks, channel.sinks, *clocks)
        Recorder(boot, database, channel, feed, delivery).run()
    except OperationalError as error:  # nothing was lost: the journal keeps it
        sys.stderr.write(f"recorder: {_one_line(error)}\n")
        return 1
    finally:
        database.close()
    return 0
