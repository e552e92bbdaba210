"""The call room with fake legs, fake media, a journal in memory and a clock that the test moves."""

from __future__ import annotations

import random
from functools import lru_cache
from zoneinfo import ZoneInfo

from twisted.internet.task import Clock
from zope.interface import implementer

from vosswitch.accounts.limits import Limits
from vosswitch.billing.balances import Balances
from vosswitch.call.builtins import builtins
from vosswitch.call.deciding.decide import Decider
from vosswitch.call.deciding.means import Ask, Means
from vosswitch.call.deciding.view import NodeView
from vosswitch.call.fraud.guard import Guard
from vosswitch.call.pins import Pins
from vosswitch.call.records import Days
from vosswitch.call.service import CallService
from vosswitch.call.snapshot import Snapshot
from vosswitch.call.switchboard import Switchboard
from vosswitch.call.tallies import Tallies
from vosswitch.cdr.record import Cdr
from vosswitch.hooks.context import PluginContext
from vosswitch.hooks.frozen import FrozenChain, FrozenNotice, GuardedBlacklist, GuardedTransform
from vosswitch.hooks.manager import Frozen, load
from vosswitch.model.call import MediaReport, StreamReport
from vosswitch.model.causes import cause, from_sip
from vosswitch.model.interfaces import ILeg, ILegFactory, IMediaEngine, IMediaSession
from vosswitch.model.session import MediaDescription, SessionDescription
from vosswitch.model.signals import Answer, Proceed, Progress, Release, Ring, Try
from vosswitch.model.values import UNITS, Address, CallIds

START = 1_793_000_000_000
"""Wall clock at the clock's second 0: 2026-10-26 07:33:20 UTC."""

CUSTOMER = Address("192.0.2.1", 5060)
PREPAID = Address("192.0.2.2", 5060)
SECURE = Address("192.0.2.3", 5060)
STRANGER = Address("203.0.113.9", 5060)
HERE = Address("198.51.100.1", 5060)


def offer(port=4000, host="192.0.2.10"):
    """A session description with one audio stream."""
    audio = MediaDescription("audio", port, "RTP/AVP", ("8", "0"), lines=("a=rtpmap:8 PCMA/8000",))
    return SessionDescription(host=host, media=(audio,))


# ---- configuration bodies


def account(number, **changes):
    return {
        "number": number, "name": f"Account {number}", "kind": "ordinary", "rate_group": "retail", "overdraft_limit": 0,
        "anti_overdraft": False, "lines": None, "cps": None, "locked": False, "lock_reason": "", "expires": None,
    } | changes  # fmt: skip


def mapping(name, **changes):
    return {
        "name": name, "account": "c", "auth": "ip", "addresses": [CUSTOMER.host], "username": "", "ha1s": {},
        "lines": None, "cps": None, "tech_prefix": "", "callee_dial_plan": "", "caller_dial_plan": "",
        "routing_strategies": [], "blacklists": [], "number_transforms": [], "media_proxy": "auto", "locked": False,
    } | changes  # fmt: skip


def routing(name, **changes):
    return {
        "name": name, "account": "v", "address": "192.0.2.100", "port": 5060, "transport": "udp", "local_address": "",
        "username": "", "password": "", "realm": "", "prefixes": [], "priority": 0, "weight": 1, "lines": None,
        "cps": None, "callee_dial_plan": "", "caller_dial_plan": "", "number_transforms": [], "strip_prefix": False,
        "media_proxy": "auto", "locked": False,
    } | changes  # fmt: skip


def phone(number, **changes):
    return {
        "number": number, "account": "c", "ha1s": {}, "lines": None, "level": "international", "callee_dial_plan": "",
        "locked": False,
    } | changes  # fmt: skip


def rate(prefix, per_minute, **changes):
    further = [changes.pop(name, usual) for name, usual in FURTHER.items()]
    row = {"effective": 0, "first": 1, "next": 1, "connect_fee": "0", "tax": "0", "level": "domestic"} | changes
    return [prefix, row["effective"], per_minute, *[row[k] for k in ("first", "next", "connect_fee", "tax", "level")],
            *([further] if further != list(FURTHER.values()) else [])]  # fmt: skip


FURTHER = {"until": None, "attempt_fee": "0", "minimum": "0", "sections": "", "periods": ""}


def group(name, *rows, mode="increment", currency=""):
    return {"name": name, "billing_mode": mode, "currency": currency, "file": None, "overlay": list(rows)}


def calendar(name, *entries, **changes):
    return {
        "name": name, "time_zone": "UTC", "destination_time": False, "default": "none", "entries": list(entries),
    } | changes  # fmt: skip


def exchange(name, *values):
    return {"name": name, "values": [{"from": begin, "rate": value} for begin, value in values]}


def fraud_rule(name, **changes):
    return {
        "name": name, "accounts": [], "prefixes": [], "number_group": "", "calls_per_minute": None, "concurrent": None,
        "sequential": None, "minutes": None, "money_per_hour": None, "window": 3600, "sequential_digits": 7,
        "block_for": 600, "block_what": "destination", "cut": False, "lock_account": False, "calendar": "",
        "when": "working",
    } | changes  # fmt: skip


def by_name(*bodies):
    return {body.get("name") if "number" not in body else body["number"]: body for body in bodies}


def bodies(**changes):
    """A whole ``config`` message: customer ``m``, prepaid ``mp``, vendors ``r1`` before ``r2``."""
    return {
        "op": "config", "seq": 1, "full": True, "more": False,
        "accounts": by_name(account("c"), account("p", anti_overdraft=True),
                            account("v", kind="clearing", rate_group="wholesale")),
        "mapping_gateways": by_name(mapping("m"), mapping("mp", account="p", addresses=[PREPAID.host])),
        "routing_gateways": by_name(routing("r1"), routing("r2", priority=1, address="192.0.2.101")),
        "phones": {},
        "parameters": {},
        "rate_groups": by_name(group("retail", rate("43", "0.6")), group("wholesale", rate("43", "0.3"))),
    } | changes  # fmt: skip


# ---- what calls touch


@implementer(ILeg)
class FakeLeg:
    """One side that notes what it is told.

    :ivar told: every signal sent to it; *late* are those sent after its end.
    """

    def __init__(self, world, name, placement=None, remote=CUSTOMER):
        self.world = world
        self.name = name
        self.placement = placement
        self.peer_call_id = f"{name}@peer"
        self.remote = remote
        self.user_agent = f"UA {name}"
        self.status = 0
        self.told = []
        self.late = []
        self.listener = None
        self.gone = False

    def listen(self, listener):
        self.listener = listener

    def send(self, signal):
        (self.late if self.gone else self.told).append(signal)
        self.world.happened(f"{self.name} told {type(signal).__name__.lower()}", signal)
        if isinstance(signal, Release):
            if self.status < 200:
                self.status = signal.cause.answerable if self.placement is None else 487
            self.gone = True
        elif isinstance(signal, Answer):
            self.status = 200
        elif isinstance(signal, Ring):
            self.status = 180

    def resume_data(self):
        return {"protocol": "fake", "leg": self.name}

    def say(self, signal):
        """The peer says *signal*; a leg that is gone says nothing."""
        if self.gone:
            return
        if isinstance(signal, Release):
            self.gone = True
        self.listener.heard(self, signal)

    # What peers usually say.

    def proceeds(self):
        self.status = 100
        self.say(Proceed())

    def rings(self, session=None):
        self.status = 180
        self.say(Ring(session))

    def progresses(self, session=None):
        self.status = 183
        self.say(Progress(session))

    def answers(self, session=None):
        self.status = 200
        self.say(Answer(session))

    def fails(self, status=503):
        self.status = status
        self.say(Release(from_sip(status)))

    def times_out(self, reason="connection_timeout"):
        self.say(Release(cause(reason)))

    def hangs_up(self):
        self.say(Release(cause("normal")))

    def gives_up(self):
        self.say(Release(cause("caller_abandoned")))

    @property
    def released(self):
        """The cause of the release that it was told, None when there was none."""
        return next((signal.cause for signal in self.told if isinstance(signal, Release)), None)


@implementer(ILegFactory)
class FakeLegs:
    """Places legs; keeps all of them in order."""

    def __init__(self, world):
        self.world = world
        self.placed = []
        self.orphans = []
        self.names = {}
        self.locals = {}  # the local IP towards a host, where it is known

    def place(self, placement, listener):
        leg = FakeLeg(self.world, f"out{len(self.placed) + 1}", placement, placement.target)
        leg.listen(listener)
        self.placed.append(leg)
        self.world.happened(f"{leg.name} placed", placement)
        return leg

    def leg_of(self, replaces):
        return self.names.get(replaces.call_id, (None, False))

    def local(self, target, local_address):
        return self.locals.get(target.host)

    def end_orphan(self, data, settled=lambda: None):
        self.orphans.append(data)
        settled()


@implementer(IMediaSession)
class FakeSession:
    """Relayed media; its report comes at once, or when the test says so."""

    def __init__(self, engine, listener):
        self.engine = engine
        self.listener = listener
        self.resets = []
        self.closing = None
        self.reported = False
        self.watched = {}
        self.sent_as = {}
        self.digits = []

    def events(self, side, payloads, *, taken, sent_as=None):
        self.watched[side] = (tuple(payloads), taken)
        self.sent_as[side] = sent_as

    def digit(self, side, digit, payload):
        self.digits.append((side, digit.digit, payload))

    def forward(self, side, session):
        return SessionDescription(host=f"relay-{side}", media=session.media)

    def reset(self, side, local=None):
        self.resets.append(side if local is None else (side, local))
        return local not in self.engine.unknown

    def close(self, done):
        assert self.closing is None, "closed twice"
        self.closing = done
        self.engine.used -= 1
        if not self.engine.slow:
            self.report()

    def report(self):
        self.reported = True
        self.closing(MediaReport(StreamReport(100, 17200, 1, "192.0.2.10:4000"), StreamReport(90, 15480)))


@implementer(IMediaEngine)
class FakeEngine:
    """A media engine with so many *ports*."""

    def __init__(self):
        self.ports = 1000
        self.used = 0
        self.slow = False
        self.unknown = set()  # local addresses without a port
        self.sessions = []

    def open(self, call_id, caller_local, callee_local, listener):
        if self.used >= self.ports:
            return None
        self.used += 1
        session = FakeSession(self, listener)
        session.locals = caller_local, callee_local
        self.sessions.append(session)
        return session


class FakeJournal:
    """The journal service's face, in memory.

    :ivar refuses: kinds that the disk refuses now.
    :ivar full: nothing is admitted.
    :ivar waiting: callbacks of `synced`; `sync` calls them.
    """

    def __init__(self, world):
        self.world = world
        self.records = []
        self.refuses = set()
        self.full = False
        self.scarce = False
        self.waiting = []

    def _write(self, kind, payload):
        if kind in self.refuses:
            return False
        self.records.append((kind, payload))
        self.world.happened(f"journal {kind}", payload)
        return True

    def admits(self):
        return not self.full

    def admits_strangers(self):
        return not self.full and not self.scarce

    def start(self, payload):
        return self._write("start", payload)

    def answer(self, payload):
        return self._write("answer", payload)

    def extend(self, payload):
        return self._write("extend", payload)

    def end(self, cdr):
        self.records.append(("end", cdr))
        self.world.happened("journal end", cdr)

    def synced(self, callback):
        self.waiting.append(callback)

    def sync(self):
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()

    def of(self, kind):
        return [payload for found, payload in self.records if found == kind]


class Registrations:
    """Phones that are online: number -> contacts."""

    def __init__(self):
        self.online = {}
        self.trunks = {}

    def contacts(self, number):
        return self.online.get(number, ())

    def gateway(self, username):
        return self.online.get(f"gateway:{username}", ())

    def trunk(self, name):
        return self.trunks.get(name)


@lru_cache(maxsize=1)
def plugins():
    """The built-in plugins, loaded once."""
    context = PluginContext(
        parameter=lambda name: None, wall=lambda: 0.0, monotonic=lambda: 0.0, log=None, http_client=lambda: None
    )
    return load((), (), builtins(), context)


def unexpected(plugin, what, error):
    raise AssertionError(f"{plugin} {what}: {error!r}")


class World:
    """One node: a `CallService` over fakes.

    :param config: changes to `bodies`.
    :param hooks: ``blacklists``, ``number_transforms`` (objects), ``screen_call``, ``approve_call`` (functions).
    """

    def __init__(self, *, parameters=None, money=None, journal=None, wall=START, **config):
        self.clock = Clock()
        self.wall = wall
        self.story = []
        self.hooks = {name: config.pop(name, ()) for name in HOOKS}
        self.snapshot = Snapshot().applied(bodies(**config, **({"parameters": parameters} if parameters else {})))
        self.balances = Balances()
        for number, units in (money or {"c": 100 * UNITS, "p": 100 * UNITS, "v": 0}).items():
            self.balances.money(number, units, units)
        self.limits = Limits()
        self.tallies = Tallies()
        self.journal = journal if journal is not None else FakeJournal(self)
        self.legs = FakeLegs(self)
        self.media = FakeEngine()
        self.registrations = Registrations()
        self.wanted = []
        self.ended_cdrs = []
        self.callers = 0
        self.board = Switchboard(
            clock=self.clock, journal=self.journal, balances=self.balances, limits=self.limits, legs=self.legs,
            media=self.media, tallies=self.tallies, want=lambda funding: self.wanted.append(funding.own.account),
            ended=lambda call: None, guard=Guard(self.clock.seconds, self.now),
            pins=Pins(lambda pin: f"keyed {pin}", self.clock.seconds),
        )  # fmt: skip
        means = Means(
            plugins().billing_modes, self._frozen(), self.balances,
            lambda decision: NodeView(
                self.limits, self.tallies, decision, self.registrations, self.board.availability, self.clock.seconds(),
                self.board.gauges, self.balances,
            ),
            self.registrations, random.Random(1), guard=self.board.guard, pins=self.board.pins,
        )  # fmt: skip
        self.decider = Decider(means)
        self.calls = CallService(
            self.board, self.decider, lambda: self.snapshot, CallIds(1), Days(ZoneInfo("UTC")), self.now,
            self.ended_cdrs.append,
        )  # fmt: skip

    def _frozen(self):
        built_in = plugins().freeze(unexpected)
        return Frozen(
            FrozenChain("screen_call", [("test", one) for one in self.hooks["screen_call"]], "open", unexpected),
            FrozenChain("approve_call", [("test", one) for one in self.hooks["approve_call"]], "closed", unexpected),
            FrozenNotice("call_ended", (), unexpected),
            built_in.routing_strategies,
            {one.name: GuardedBlacklist(one, "test", unexpected) for one in self.hooks["blacklists"]},
            {one.name: GuardedTransform(one, "test", unexpected) for one in self.hooks["number_transforms"]},
            standing=built_in.standing,
        )

    def now(self):
        """The wall clock, epoch ms."""
        return self.wall + round(self.clock.seconds() * 1000)

    def happened(self, what, value):
        self.story.append((what, value))

    def order(self, *words):
        """The story's steps that contain one of *words*, in order."""
        return [what for what, _ in self.story if any(word in what for word in words)]

    def tell(self, **change):
        """Apply a further ``config`` message."""
        kinds = ("accounts", "mapping_gateways", "routing_gateways", "phones", "parameters", "rate_groups")
        message = {kind: {} for kind in kinds} | {"full": False, "more": False, "seq": self.snapshot.seq + 1} | change
        self.snapshot = self.snapshot.applied(message)

    def tried(self, callee="4312345", source=CUSTOMER, caller="1000", session=None, **more):
        late = more.pop("late", False)
        return Try(caller, callee, source, HERE, "in@peer", session=None if late else session or offer(), **more)

    def call(self, callee="4312345", source=CUSTOMER, **more):
        """A new call comes in; returns its leg."""
        self.callers += 1
        leg = FakeLeg(self, f"in{self.callers}", remote=source)
        self.calls.incoming(leg, self.tried(callee, source, **more))
        return leg

    def talk(self, **more):
        """A call that is answered; both legs."""
        caller = self.call(**more)
        callee = self.out
        callee.answers(offer(5000))
        return caller, callee

    @property
    def out(self):
        """The newest outgoing leg."""
        return self.legs.placed[-1]

    @property
    def cdrs(self):
        return self.journal.of("end")

    @property
    def cdr(self) -> Cdr:
        """The one record that was written."""
        (only,) = self.journal.of("end")
        return only

    def running(self):
        """The one call that runs."""
        (only,) = self.calls.calls.values()
        return only

    def decide(self, callee="4312345", source=CUSTOMER, **more):
        """A decision, without a call."""
        return self.decider.decide(Ask("7", self.tried(callee, source, **more), self.now()), self.snapshot)

    def check_idle(self):
        """Nothing is held any more: lines, money, ports, timers, calls."""
        assert not self.calls.calls
        assert self.limits.view() == {}
        assert {number: self.balances.state(number).reserved for number in self.balances} == dict.fromkeys(
            self.balances, 0
        )
        assert self.media.used == 0
        assert not self.clock.getDelayedCalls()
        assert len(self.board.loops) == 0
        assert self.board.guard.lists.running == {}
        assert not [one for one in self.board.guard.counters.all() if one.running]
        assert len(self.calls.patrol) == 0
        assert not [leg for leg in self.legs.placed if leg.late or not leg.gone]


HOOKS = ("blacklists", "number_transforms", "screen_call", "approve_call")
