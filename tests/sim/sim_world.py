"""A whole node but for network and processes, with peers that outlive it: it can be killed at every write.

Real are the call room, the journal on disk, the recorder's loop and a SQLite file; legs, media and time are fakes.
`Sim.point` is called before and after everything that reaches a disk; a crash drops all that is in memory, a power
loss also the bytes of the journal that were not synced.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import orjson
from sqlalchemy import func, select
from twisted.internet.defer import Deferred, fail, succeed

from tests.unit.call.call_world import PREPAID, START, FakeLeg, FakeLegs, World, offer, plugins
from vosswitch.app.restart import settle
from vosswitch.call.shortage import Wanting
from vosswitch.cdr import journal as journal_format
from vosswitch.cdr.files import JournalWriter, segment_path, segments
from vosswitch.cdr.journal import FIRST
from vosswitch.cdr.service import JournalService
from vosswitch.delivery.process import NoDelivery
from vosswitch.model.rating import Terms
from vosswitch.model.signals import Answer, Release
from vosswitch.model.values import UNITS, Address, CallIds, money
from vosswitch.params.boot import read
from vosswitch.recorder.feed import Feed
from vosswitch.recorder.service import RecorderService
from vosswitch.recorder.worker import Recorder
from vosswitch.store import accounts, cdrs
from vosswitch.store.database import open_database
from vosswitch.store.fields import Deployment
from vosswitch.store.migrations import migrate
from vosswitch.store.provision import apply_load
from vosswitch.store.schema import account, account_grant, ledger
from vosswitch.store.secrets import Secrets

SEGMENT = 12 << 10
CUSTOMER = Address("192.0.2.1", 5060)
OPENING = {"c": UNITS, "p": 3 * UNITS // 2, "v": 0}
DOCUMENT = {
    "rate_groups": [
        {"name": "retail", "rates": [
            {"prefix": "43", "per_minute": "0.6"},
            {"prefix": "44", "per_minute": "1.2", "first": 30, "next": 6, "connect_fee": "0.05", "tax": "20"},
        ]},
        {"name": "wholesale", "rates": [{"prefix": "4", "per_minute": "0.3"}]},
    ],
    "accounts": [
        {"number": "c", "balance": "1", "overdraft_limit": "1", "rate_group": "retail"},
        {"number": "p", "balance": "1.5", "anti_overdraft": True, "rate_group": "retail"},
        {"number": "v", "kind": "clearing", "rate_group": "wholesale"},
    ],
    "mapping_gateways": [
        {"name": "m", "account": "c", "addresses": [CUSTOMER.host]},
        {"name": "mp", "account": "p", "addresses": [PREPAID.host]},
    ],
    "routing_gateways": [
        {"name": "r1", "account": "v", "address": "192.0.2.100"},
        {"name": "r2", "account": "v", "address": "192.0.2.101", "priority": 1},
    ],
}  # fmt: skip


def template(folder, tables=None, **parameters):
    """A provisioned database in *folder*, to be copied for every run.

    :param tables: of the document, where they are other ones.
    """
    url = f"sqlite:///{folder}/db.sqlite"
    migrate(url)
    database = open_database(url)
    secrets = Secrets(str(folder / "key"))
    with database.write() as connection:
        more = {"parameters": [{"name": name, "value": value} for name, value in parameters.items()]}
        apply_load(connection, DOCUMENT | more | (tables or {}), Deployment(realm="vosswitch", secrets=secrets))
    database.close()
    return folder


class Killed(BaseException):
    """The process is gone."""


class Peer:
    """The far end of one leg, as it remembers.

    :ivar up: it has a dialog that has not ended: it was told, or said, that the call is answered.
    """

    def __init__(self, incoming):
        self.incoming = incoming
        self.up = False
        self.ends = 0
        self.flowno = None


class SimLeg(FakeLeg):
    """A leg that tells its peer; nothing goes out of a dead switch."""

    def send(self, signal):
        if self.world.sim.dead:
            return
        super().send(signal)
        peer = self.world.sim.peers[self.name]
        if isinstance(signal, Answer):
            peer.up = True
            self.world.sim.passed_on[peer.flowno] += 1
        elif isinstance(signal, Release):
            peer.ends += 1
            peer.up = False

    def say(self, signal):
        if self.gone or self.world.sim.dead:
            return
        peer = self.world.sim.peers[self.name]
        if isinstance(signal, Release):
            peer.up = False
        elif isinstance(signal, Answer):
            peer.up = True
        super().say(signal)


class SimLegs(FakeLegs):
    """Places legs with names that no other life of the switch uses."""

    def place(self, placement, listener):
        leg = self.world.sim.leg(self.world, "out", placement, placement.target)
        self.world.sim.peers[leg.name].flowno = int(placement.call_id)
        leg.listen(listener)
        self.placed.append(leg)
        return leg

    def end_orphan(self, data, settled=lambda: None):
        sim = self.world.sim
        sim.peers[data["leg"]].ends += 1
        sim.peers[data["leg"]].up = False
        sim.farewells[data["leg"]] += 1


class SimWriter(JournalWriter):
    """A journal whose process may die around and within every write.

    :ivar sim: set right after it is made.
    """

    sim = None

    def append(self, kind, payload):
        sim = self.sim
        sim.point(f"{kind} before")
        if sim.due(f"{kind} torn"):
            data = journal_format.encode(kind, payload)
            os.pwrite(self._fd, data[: len(data) * 2 // 3], self._offset)
            sim.die()
        position = super().append(kind, payload)
        sim.lengths[position.segment] = position.offset
        flowno = payload.get("flowno", 0) if isinstance(payload, dict) else payload.flowno
        sim.written.append((kind, flowno, position))
        sim.point(f"{kind} after")
        return position

    def sync(self):
        self.sim.point("sync before")
        lengths = dict(self.sim.lengths)
        super().sync()
        self.sim.synced.update(lengths)
        self.sim.point("sync after")

    def drop(self):
        """What the kernel does when the process dies."""
        for fd in (self._fd, *self._retired):
            os.close(fd)
        self._lock.release()


@lru_cache(maxsize=4)
def opened(url):
    """Compiled statements are worth keeping from one life to the next; connections are not kept."""
    return open_database(url)


class SimDatabase:
    """A database whose client may die around every commit."""

    def __init__(self, sim, url):
        self.sim = sim
        self.real = opened(url)
        self.url = url
        self.engine = self.real.engine
        self.is_sqlite = not sim.in_company  # where other nodes are looked for
        self.read = self.real.read

    @contextmanager
    def write(self):
        with self.real.write() as connection:
            yield connection
            self.sim.point("commit before")
        self.sim.point("commit after")

    def close(self):
        self.real.close()


class Wire:
    """The socket between switch and recorder: both ends; it breaks with either."""

    def __init__(self):
        self.recorder = None
        self.service = None
        self.gone = False

    # The recorder's end.

    def trouble(self, text):
        self.send({"op": "trouble", "text": text})

    note = trouble

    def aside(self, text):
        if text:
            self.trouble(text)

    def receive(self, seconds):
        return []

    def send(self, message):
        if isinstance(message, dict) and message["op"] in ("apply", "want", "give", "recalled", "stop"):
            if self.recorder is not None:
                self.recorder._inbox.append(orjson.loads(orjson.dumps(message)))
        elif not self.gone:
            self.service._heard(orjson.loads(orjson.dumps(message)))


class Life(World):
    """One run of the switch, from its start to its crash or stop."""

    def __init__(self, sim):
        self.sim = sim
        sim.lengths, sim.synced = {}, {}
        before = segments(Path(sim.boot.spool_directory))
        self.writer = SimWriter(sim.boot.spool_directory, SEGMENT)
        self.writer.sim = sim
        sim.writer = self.writer
        sim.lengths[self.writer.position.segment] = FIRST
        assert self.writer.position.segment not in before
        self.orphans, self.found = settle(sim.boot.spool_directory, self.writer, plugins().billing_modes)
        super().__init__(wall=sim.wall, money={}, parameters={}, journal=object())
        self.calls._ids = CallIds(sim.boot.node_id)
        self.snapshot = type(self.snapshot)()
        self.legs = self.board.legs = SimLegs(self)
        self.journal = self.board.journal = JournalService(
            self.clock, self.writer, self.thread, self.now, sim.troubles.append
        )
        self.service = RecorderService(
            self.clock,
            sim.boot,
            self._config,
            self._money,
            self._money,
            self._ready,
            sim.troubles.append,
            None,
            on_recall=self.balances.give,
        )
        self.board.want = Wanting(self.balances, self.clock, self.service.want)
        self.journal.on_end = self.service.note_end
        self.live = False
        self.journal._ticker.f = self.tick
        self.journal.startService()

    def check_idle_money(self):
        """Nothing is held for calls that are over."""
        assert not self.calls.calls
        assert self.limits.view() == {}
        assert self.media.used == 0

    def tick(self):
        """A looping call would report the death to the log."""
        try:
            self.journal._tick()
        except Killed:
            self.journal._ticker.running = False

    def thread(self, function):
        try:
            function()
        except Killed:
            return Deferred()
        except OSError:
            return fail()
        return succeed(None)

    def _config(self, message):
        self.snapshot = self.snapshot.applied(message)

    def _money(self, rows):
        self.balances.told(rows)
        self.calls.shortages.heard(rows)

    def _ready(self):
        if self.live:
            return
        self.live = True
        for leg in self.orphans.legs:
            self.legs.end_orphan(leg)
            self.sim.point("farewell")
        self.orphans.told()


class Sim:
    """The world around one node.

    :param crash_at: the points to die at, counted from 0.
    :param how: ``kill``, ``torn`` (within the next journal write), ``power`` or ``recorder`` (only that process).
    :param node: its id.
    :param shared: the database of several nodes; "" = one of its own.
    :ivar points: labels of all points that were passed.
    """

    def __init__(self, folder, prepared, crash_at=(), how="kill", *, sync_answer=False, node=7, shared=""):
        opened(f"sqlite:///{folder}/db.sqlite").close()  # a run that failed left it open
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if not shared:
            shutil.copy(prepared / "db.sqlite", folder / "db.sqlite")
        self.crash_at, self.how = frozenset(crash_at), how
        self.in_company = bool(shared)
        self.boot = read(
            {
                "node": {"id": node, "name": f"node {node}"},
                "database": {"url": shared or "sqlite:///db.sqlite", "key_file": "key"},
                "run": {"directory": "run", "spool": "spool"},
                "plugins": {"path": []},
            },
            str(folder / "v.toml"),
        )
        self.points, self.troubles, self.written, self.lost = [], [], [], []
        self.peers, self.farewells, self.passed_on = {}, Counter(), Counter()
        self.paid = Counter(OPENING)
        self.lengths, self.synced = {}, {}
        self.calls = []
        self.wall = START
        self.dead = self.recorder_dead = self.over = False
        self.crashes = 0
        self.life = self.writer = self.database = self.recorder = self.wire = None
        self.sync_answer = sync_answer
        self.guarded(self.boot_up)

    # Dying.

    def due(self, label):
        """Whether this very point is the one, for deaths within a write."""
        if self.how != "torn" or self.dead or label.startswith("tick"):
            return False
        return len(self.points) - 1 in self.crash_at

    def point(self, label):
        """Something reaches or has reached a disk."""
        if self.over:
            return
        if self.dead or self.recorder_dead:
            raise Killed
        self.points.append(label)
        if len(self.points) - 1 not in self.crash_at or (self.how == "torn" and label.endswith(" before")):
            return
        if self.how == "recorder":
            if not label.startswith("commit"):
                return
            self.recorder_dead = True
            raise Killed
        self.die()

    def die(self):
        self.dead = True
        raise Killed

    def guarded(self, step, *arguments):
        """Do one step; a crash within it is followed by a new start (which may crash again)."""
        try:
            step(*arguments)
        except Killed:
            assert self.dead or self.recorder_dead
        while self.dead or self.recorder_dead:
            try:
                self.revive()
            except Killed:
                continue

    def revive(self):
        self.crashes += 1
        assert self.crashes < 50
        if self.dead:
            self.bury()
            self.dead = self.recorder_dead = False
            self.boot_up()
        else:
            self.recorder_dead = False
            self.start_recorder()

    def bury(self):
        """Everything in memory is gone; with the power, so is what was not synced."""
        life = self.life
        if life is not None:
            self.wall = life.now() + 5_000
            self.life = None
        if self.writer is not None:
            self.writer.drop()
            self.writer = None
        if self.how == "power":
            self.lose()
        for leg, caller_life in self.calls:
            if caller_life is life:
                leg.gone = True

    def lose(self):
        spool = Path(self.boot.spool_directory)
        for number, length in self.lengths.items():
            path, kept = segment_path(spool, number), self.synced.get(number, 0)
            if kept < length and path.exists():
                size = path.stat().st_size
                os.truncate(path, kept)
                os.truncate(path, size)
        keep = [row for row in self.written if row[2].segment not in self.lengths
                or row[2].offset <= self.synced.get(row[2].segment, 0)]  # fmt: skip
        self.lost += [row for row in self.written if row not in keep]
        self.written = keep
        self.lengths = {}

    # Living.

    def boot_up(self):
        self.life = None
        self.life = Life(self)
        self.start_recorder()

    def start_recorder(self):
        if self.database is not None:
            self.recorder._drain.close()
            self.database.close()
        self.database = SimDatabase(self, self.boot.database_url)
        life, self.wire = self.life, Wire()
        self.wire.service = life.service
        feed = Feed(self.database, self.boot.run_directory, self.boot.key_file, life.service._seq, self.troubles.append)
        self.recorder = Recorder(self.boot, self.database, self.wire, feed, NoDelivery(), life.clock.seconds, life.now)
        self.recorder._drain.sync = self.sync_segment
        self.wire.recorder = self.recorder
        life.service._link = self.wire
        life.service._linked(self.wire)
        for stage in (feed.read_parameters, self.recorder._drain.begin, self.recorder._replay, self.recorder._announce):
            stage()

    def sync_segment(self, spool, number):
        """The recorder sees to it that a segment is on the disk before it lets older ones go."""
        self.point("settle")
        if number in self.lengths:
            self.synced[number] = self.lengths[number]

    def leg(self, world, side, placement=None, remote=CUSTOMER):
        name = f"{side}{len(self.peers)}"
        self.peers[name] = Peer(side == "in")
        return SimLeg(world, name, placement, remote)

    # What happens to it: steps for `guarded`.

    def call(self, callee="4312345", source=CUSTOMER, caller="1000"):
        life = self.life
        leg = self.leg(life, "in", remote=source)
        self.calls.append((leg, life))
        before = set(life.calls.calls)
        life.calls.incoming(leg, life.tried(callee, source, caller))
        self.note(leg, set(life.calls.calls) - before)

    def note(self, leg, new):
        for flowno in new:
            self.peers[leg.name].flowno = flowno

    def out(self, number):
        """The running outgoing leg of call *number*, None when there is none."""
        leg, life = self.calls[number]
        call = next((one for one in life.calls.calls.values() if one.caller is leg), None)
        if life is not self.life or call is None or leg.gone:
            return None
        return call.attempts.leg

    def answer(self, number):
        leg = self.out(number)
        if leg is not None and leg.status < 200:
            self.peers[self.calls[number][0].name].flowno = self.peers[leg.name].flowno
            leg.answers(offer(5000))

    def callee(self, number, what, *arguments):
        leg = self.out(number)
        if leg is not None and (leg.status < 200 or what == "hangs_up"):
            getattr(leg, what)(*arguments)

    def caller(self, number, what):
        leg, life = self.calls[number]
        if life is self.life:
            getattr(leg, what)()

    def time(self, seconds):
        self.life.clock.advance(seconds)

    def record(self):
        """The recorder looks at its journal and its orders."""
        self.recorder._turn()

    def pay(self, number, amount):
        """Somebody else's transaction, and the switch told of it."""
        with self.database.real.write() as connection:
            accounts.pay(connection, number, amount, "test")
        self.paid[number] += amount
        self.recorder._turn()
        self.recorder._follow()

    def stop_calls(self):
        self.life.calls.stop_all()

    def run(self, steps):
        for name, *arguments in steps:
            self.guarded(getattr(self, name), *arguments)
            held = self.life.balances.state("p")
            assert held.reserved >= 0
            assert held.reserved + held.undrained <= held.grant
        self.guarded(self.stop_calls)
        for _ in range(3):  # a crash in between leaves something to be done
            self.guarded(self.time, 2.0)
            self.guarded(self.record)
        self.stories()
        self.shut()

    def shut(self):
        self.over = True
        self.recorder._finish()
        self.recorder._drain.close()
        self.life.journal.stopService()
        self.database.close()

    # The four stories.

    def stories(self):
        """Peers, journal, records with ledger, and balances agree."""
        records, balances, granted, held = self.money_in_order()
        self.own_stories(records)
        for number in self.paid:
            state = self.life.balances.state(number)
            assert (state.balance, state.undrained, state.reserved) == (balances[number], 0, 0), number
            assert granted[number] == held.get(number, 0) == state.grant, number

    def own_stories(self, records):
        """What this node's peers, journal and records say; *records* are its own."""
        self.life.check_idle_money()
        assert not [text for text in self.troubles if "refuses" in text or "cannot be read" in text]
        self.peers_story()
        self.journal_story(records)

    def money_in_order(self):
        """Records, ledger and balances of the database agree; what it has."""
        with self.database.read() as connection:
            records = cdrs.list_cdrs(connection, 0)
            balances = dict(connection.execute(select(account.c.number, account.c.balance)).all())
            granted = dict(connection.execute(select(account.c.number, account.c.granted)).all())
            total = func.sum(account_grant.c.amount, type_=account_grant.c.amount.type)
            held = dict(
                connection.execute(select(account_grant.c.account, total).group_by(account_grant.c.account)).all()
            )
            rows = connection.execute(
                select(ledger.c.account, ledger.c.call_id, ledger.c.amount).where(ledger.c.call_id.is_not(None))
            ).all()
        self.money_story(records, rows)
        spent = Counter()
        for cdr in records:
            spent[cdr["account"]] += cdr["fee"]
            spent["v"] += cdr["cost"]
            for level in cdr["agents"] or ():
                spent[level["account"]] += money(level["fee"])
        for number, paid in self.paid.items():
            assert balances[number] == paid - spent[number], number
            assert granted[number] == held.get(number, 0), number
        assert balances["p"] >= 0
        assert granted["p"] <= balances["p"]
        return records, balances, granted, held

    def peers_story(self):
        """Nobody is left in a call that the switch knows nothing of."""
        answered = {flowno for kind, flowno, _ in self.written if kind == "answer"}
        for name, peer in self.peers.items():
            assert peer.ends <= 1 + self.crashes, name
            if peer.up and peer.flowno in answered:
                raise AssertionError(f"{name}: left in its call {peer.flowno}")
            if peer.up:
                self.excused(name, peer)
        lost = {flowno for kind, flowno, _ in self.lost if kind == "answer"}
        for flowno in self.passed_on:
            assert flowno in answered | lost, f"{flowno}: answered, and the journal never knew"

    def excused(self, name, peer):
        """A callee whose answer the switch did not live to write down; with the power, what was not synced yet."""
        if peer.incoming:
            assert self.how == "power", name
            assert not self.sync_answer, name
        assert self.crashes, name

    def journal_story(self, records):
        """Every call that began has one end, and that is its record."""
        started = {flowno for kind, flowno, _ in self.written if kind == "start"}
        known = {flowno for _, flowno, _ in self.written + self.lost}
        recorded = Counter(int(cdr["call_id"]) for cdr in records)
        assert not [flowno for flowno, times in recorded.items() if times > 1]
        assert started <= set(recorded), started - set(recorded)
        assert set(recorded) <= known
        ends = Counter(flowno for kind, flowno, _ in self.written if kind == "end")
        assert not [flowno for flowno, times in ends.items() if times > 1]
        answered = {flowno for kind, flowno, _ in self.written if kind == "answer"}
        for cdr in records:
            assert (cdr["answer"] is not None) >= (int(cdr["call_id"]) in answered), cdr

    def money_story(self, records, rows):
        """Every charge is in the ledger once, and is the price of the call's length."""
        booked = {(number, call_id): amount for number, call_id, amount in rows}
        assert len(booked) == len(rows)
        expected = {}
        for cdr in records:
            for number, amount in ((cdr["account"], cdr["fee"]), (cdr["clearing_account"], cdr["cost"])):
                if amount:
                    expected[number, int(cdr["call_id"])] = -amount
            for level in cdr["agents"] or ():
                if money(level["fee"]):
                    expected[level["account"], int(cdr["call_id"])] = -money(level["fee"])
            if cdr["answer"] is None:
                assert (cdr["fee"], cdr["cost"]) == (0, 0), cdr
            else:
                assert cdr["stop"] - cdr["answer"] == cdr["hold_time_ms"], cdr
                assert cdr["fee"] == price(cdr["callee"], cdr["hold_time_ms"]), cdr
        assert booked == expected


TERMS = {
    "43": Terms("0.6"),
    "44": Terms("1.2", 30, 6, "0.05", "20"),
}


def price(callee, ms):
    """What the document says that a call costs."""
    return plugins().billing_modes["increment"].fee(ms, TERMS[callee[:2]]).fee
