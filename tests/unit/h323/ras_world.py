"""What the tests of RAS share: a clock with timers, a desk that keeps what it is told, recorded messages."""

from __future__ import annotations

import json
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count
from pathlib import Path

from vosswitch.h323.kept import Directory, of_row
from vosswitch.h323.ras import messages
from vosswitch.h323.ras.clients import Clients
from vosswitch.h323.ras.desk import Settings
from vosswitch.h323.ras.gatekeeper import Gatekeeper
from vosswitch.model.trunk import TrunkWish
from vosswitch.model.values import Address

RECORDED = [
    (vector["src"], bytes.fromhex(vector["hex"]))
    for vector in json.loads((Path(__file__).parents[2] / "data/h323/vectors.json").read_text())
    if vector["kind"] == "ras"
]
LOCAL = Address("192.0.2.1", 1719, "ras")
SIGNALLING = Address("192.0.2.1", 1720, "h323")


def recorded(source, kind):
    """The messages of one kind in a recorded scenario."""
    found = [(messages.read(data), data) for name, data in RECORDED if name == source]
    return [one for one in found if one[0].kind == kind]


class Timer:
    """A timer of `Clock`."""

    def __init__(self, function):
        self.function = function

    def cancel(self):
        """Do not call it any more."""
        self.function = None


class Clock:
    """Monotonic seconds that stand still until they are told to go on."""

    def __init__(self):
        self.time = 1000.0
        self._due = []
        self._order = count()

    def now(self):
        """Seconds."""
        return self.time

    def later(self, seconds, function):
        """Call *function* then."""
        timer = Timer(function)
        heappush(self._due, (self.time + seconds, next(self._order), timer))
        return timer

    def advance(self, seconds):
        """Let so many seconds go by."""
        until = self.time + seconds
        while self._due and self._due[0][0] <= until:
            self.time, _, timer = heappop(self._due)
            function, timer.function = timer.function, None
            if function is not None:
                function()
        self.time = until

    @property
    def running(self):
        """How many timers wait."""
        return sum(timer.function is not None for _, _, timer in self._due)


class Desk(Clock):
    """The world of a gatekeeper.

    :ivar may: text of an alias -> (name, hosts) of whom may register.
    :ivar sent: (message, to); *names* what is registered; *events* what the log was told.
    :ivar waiting: answers that are held back while *slow*.
    """

    def __init__(self, may=()):
        super().__init__()
        self.may = dict(may)
        self.sent, self.events, self.waiting, self.sizes = [], [], [], []
        self.directory, self.scarce = Directory(self.now), set()
        self.calls, self.refused_numbers, self.locating = set(), {}, set()
        self.slow = False
        self.tokens = count(1)

    def send(self, data, to, local):
        """Keep it, read again as a peer would."""
        assert local == LOCAL
        self.sizes.append(len(data))
        self.sent.append((messages.read(data), to))

    def token(self):
        """Not so random."""
        return f"{next(self.tokens):032x}"

    def calls_at(self, source, local):
        """Our signalling address."""
        return SIGNALLING

    def ras_at(self, source, local):
        """Our RAS address."""
        return LOCAL

    def may_register(self, question, answer):
        """Whoever's alias and hosts are known."""
        found = [self.may[alias] for alias in question.aliases if alias in self.may]
        names = tuple([name for name, hosts in found if set(question.hosts) <= set(hosts)])
        self._answer(answer, names)

    def may_call(self, question, answer):
        """Unless the number is refused."""
        self._answer(answer, next((self.refused_numbers[n] for n in question.callee if n in self.refused_numbers), ""))

    def may_locate(self, question, answer):
        """Those that are known."""
        self._answer(answer, "" if question.host in self.locating else "securityDenial")

    def _answer(self, answer, value):
        if self.slow:
            self.waiting.append(lambda: answer(value))
        else:
            answer(value)

    def placed(self, call):
        """Those that the test says."""
        return call in self.calls

    def registered(self, endpoint):
        """Keep it as the switch does."""
        self.directory.put(endpoint.kept(LOCAL.host))

    def forgotten(self, endpoint):
        """Forget it."""
        self.directory.drop(endpoint.identifier)

    @property
    def names(self):
        """Where calls to each name go."""
        return {name: kept.contact(name) for kept in self.directory for name in kept.names}

    def resources(self, endpoint, scarce):
        """Keep who has too little."""
        (self.scarce.add if scarce else self.scarce.discard)(endpoint.names)

    def tell(self, event, source, method, reason, user):
        """Keep it."""
        self.events.append((event, source.host, reason, user))


class Zone:
    """A gatekeeper on a desk."""

    def __init__(self, may=(), **settings):
        self.desk = Desk(may)
        self.settings = Settings(**settings)
        self.gatekeeper = Gatekeeper(self.desk, lambda: self.settings, 1)

    def begins_anew(self):
        """A new gatekeeper in the place of the old one, told who is registered."""
        self.gatekeeper.stop()
        self.gatekeeper = Gatekeeper(self.desk, lambda: self.settings, 1)
        now = self.desk.now()
        for kept in self.desk.directory:
            self.gatekeeper.restore(of_row(kept.row(now), now))

    def hear(self, kind, number, body, source):
        """Have it take a message; what it sent meanwhile."""
        return self.hear_data(messages.write(messages.Message(kind, number, body)), source)

    def hear_data(self, data, source):
        """The same of a datagram."""
        before = len(self.desk.sent)
        self.gatekeeper.received(messages.read(data), data, source, LOCAL)
        return self.desk.sent[before:]


class Net:
    """Datagrams between the sockets of one clock: each takes its time, and may be lost or doubled.

    :ivar fate: gives for each datagram the delays of its copies, seconds; none = it is lost.
    """

    def __init__(self, clock):
        self.clock = clock
        self.ends = {}
        self.fate = lambda: (0.01,)
        self.seen = []

    def send(self, data, to, source):
        """Carry it."""
        self.seen.append((messages.read(data), source, to))
        for delay in self.fate():
            self.clock.later(delay, lambda: self.ends[to](data, source) if to in self.ends else None)


class ClientDesk:
    """The world of our registrations at *host* on a network."""

    def __init__(self, net, host="192.0.2.77"):
        self.net, self.clock = net, net.clock
        self.local = Address(host, 1719, "ras")
        self.signalling = Address(host, 1720, "h323")
        self.clients = Clients(self, 1)
        self.changes, self.events, self.dropped = [], [], []
        net.ends[self.local] = self.hear

    def hear(self, data, source):
        """A datagram came."""
        self.clients.received(messages.read(data), source, self.local)

    def send(self, data, to, local):
        """Put it on the network."""
        assert local == self.local
        self.net.send(data, to, local)

    def later(self, seconds, function):
        """On the network's clock."""
        return self.clock.later(seconds, function)

    def now(self):
        """Of the network's clock."""
        return self.clock.now()

    def chance(self):
        """None."""
        return 0.0

    def retry_delay(self):
        """Seconds."""
        return 30.0

    def find(self, target, local, done):
        """At once: it is an address."""
        done(target, self.local)

    def near(self, one, other):
        """Only the same host."""
        return one.host == other.host

    def calls_at(self, target, local):
        """Our signalling address."""
        return self.signalling

    def ras_at(self, target, local):
        """Our socket."""
        return self.local

    def trunk(self, client):
        """Keep it."""
        self.changes.append(client.shown())

    def tell(self, event, gateway, up, reason):
        """Keep it."""
        self.events.append((event, reason))

    def drop(self, call):
        """Keep it."""
        self.dropped.append(call)


class Pair:
    """A gatekeeper and a client of ours on one network; the client may register as gateway ``us``."""

    def __init__(self, **settings):
        self.zone = Zone({"us": ("gateway:us", ("192.0.2.77", "192.0.2.78"))}, **settings)
        desk = self.zone.desk
        self.net = Net(desk)
        desk.send = self.net.send
        self.net.ends[LOCAL] = lambda data, source: self.zone.gatekeeper.received(
            messages.read(data), data, source, LOCAL
        )
        self.desk = ClientDesk(self.net)
        self.clients = self.desk.clients
        self.wish = TrunkWish("vendor", LOCAL, "", "us", "", prefixes=("49", "33"))

    @property
    def client(self):
        """The registration."""
        return next(self.clients.states())

    def start(self, **changes):
        """Register."""
        self.clients.follow([replace(self.wish, **changes)])
        self.clients.start()

    def go(self, seconds):
        """Let time go by, with the gatekeeper's housekeeping."""
        for _ in range(int(seconds)):
            self.zone.desk.advance(1.0)
            self.zone.gatekeeper.sweep()

    def sent(self, kind):
        """The messages of one kind that were sent."""
        return [message for message, _, _ in self.net.seen if message.kind == kind]
