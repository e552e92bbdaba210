"""The switch's side of H.323 over a process that only the test plays."""

from __future__ import annotations

from twisted.internet.error import ProcessTerminated
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import Logger
from twisted.python.failure import Failure

from vosswitch.h323.service import H323Service
from vosswitch.h323.wire import LegState, pack, unpack
from vosswitch.model.peer import PLAIN
from vosswitch.model.values import Address
from vosswitch.params.system import Parameters

PEER = Address("192.0.2.9", 1720, "h323")


class Process:
    """One life of the process: what it is told, and what it says."""

    pid = 4711

    def __init__(self, protocol):
        self.protocol = protocol
        self.link = None
        self.killed = False

    def signalProcess(self, _signal):
        self.killed = True

    def told(self):
        """What it has been told since the last question."""
        lines = self.link.transport.value().splitlines()
        self.link.transport.clear()
        return [unpack(line) for line in lines]

    def says(self, *message):
        self.link.dataReceived(pack(*message))

    def dies(self):
        self.protocol.processEnded(Failure(ProcessTerminated(9)))


class Reactor(MemoryReactorClock):
    """Processes and local sockets in memory."""

    def __init__(self):
        super().__init__()
        self.processes = []

    def spawnProcess(self, protocol, _executable, args, env, childFDs):
        assert args[1:3] == ["-m", "vosswitch.h323"]
        self.processes.append(Process(protocol))
        return self.processes[-1]

    def adoptStreamConnection(self, _descriptor, _family, factory):
        link = self.processes[-1].link = factory.buildProtocol(None)
        link.makeConnection(StringTransport())


class Call:
    """An `ILegListener`."""

    def __init__(self):
        self.signals = []

    def heard(self, leg, signal):
        self.signals.append(signal)


class Calls:
    """An `IIncomingCalls` that takes every call."""

    def __init__(self):
        self.legs = []
        self.call = Call()
        self.fails = False

    def incoming(self, leg, offered):
        if self.fails:
            raise RuntimeError("planted")
        self.legs.append((leg, offered))
        leg.listen(self.call)


class Credentials:
    """An `ICredentials` with one gateway that speaks H.323."""

    def known(self, source):
        return source.host == PEER.host

    def profile(self, source, username, callee, read=None):
        return PLAIN

    def emergency(self, callee):
        return callee == "112"


class World:
    """A service with everything around it."""

    def __init__(self):
        self.reactor = Reactor()
        self.parameters = Parameters({})
        self.calls = Calls()
        self.trouble = []
        self.events = []
        self.service = H323Service(
            self.reactor,
            (),
            lambda: self.parameters,
            Credentials(),
            self.calls,
            "vosswitch/test",
            Logger("test", observer=self.events.append),
            self.trouble.append,
        )

    @property
    def process(self):
        """The present one."""
        return self.reactor.processes[-1]

    def start(self):
        self.service.startService()
        self.service.follow(True)
        assert [message[0] for message in self.process.told()] == ["settings"]
        self.process.says("ready", (Address("192.0.2.1", 1720, "h323"),), "")
        return self

    def comes(self, offered, number=1):
        """A call comes in."""
        self.process.says("incoming", number, offered, LegState("id", PEER, "peer", 100), self.reactor.seconds())
        return self.calls.legs[-1][0] if self.calls.legs else None
