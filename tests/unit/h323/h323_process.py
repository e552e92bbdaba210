"""The H.323 process on a fake network, with legs that only write down what they are told."""

from __future__ import annotations

import os

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from vosswitch.h323.settings import told
from vosswitch.h323.tpkt import Framer, framed
from vosswitch.h323.wire import pack, unpack
from vosswitch.h323.worker import Worker
from vosswitch.model.peer import PLAIN
from vosswitch.model.signals import Try
from vosswitch.model.values import Address
from vosswitch.params.listeners import Listener
from vosswitch.params.system import Parameters

PEER, HERE = "192.0.2.9", "192.0.2.1"


class UdpPort:
    """A UDP port in memory."""

    def __init__(self, port, protocol):
        self.port, self.protocol, self.sent = port, protocol, []
        protocol.transport = self

    def getHost(self):
        return IPv4Address("UDP", HERE, self.port)

    def write(self, data, address):
        self.sent.append((data, address))

    def stopListening(self):
        pass


class Reactor(MemoryReactorClock):
    """A reactor in memory that has UDP ports, too."""

    def __init__(self):
        super().__init__()
        self.udp = []

    def listenUDP(self, port, protocol, interface, maxPacketSize):
        self.udp.append(UdpPort(port or 40000 + len(self.udp), protocol))
        return self.udp[-1]


class Socket(StringTransport):
    """A connection in memory; *unread* bytes make it ask for a pause, as a full one does."""

    def __init__(self, host=PEER, port=40001):
        super().__init__(IPv4Address("TCP", HERE, 1720), IPv4Address("TCP", host, port))
        self.aborted = self.paused = False
        self.options = {}
        self.protocol = None

    def setTcpNoDelay(self, on):
        pass

    setTcpKeepAlive = setTcpNoDelay

    def getHandle(self):
        return self

    def setsockopt(self, level, option, value):
        self.options[option] = value

    def registerProducer(self, producer, streaming):
        self.theirs = producer

    def pauseProducing(self):
        self.paused = True

    def resumeProducing(self):
        self.paused = False

    def abortConnection(self):
        self.aborted = True
        self.gone()

    def loseConnection(self):
        self.disconnecting = True

    def gone(self):
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connectionLost(Failure(ConnectionDone()))

    @property
    def closed(self):
        return self.aborted or self.disconnecting

    def packets(self):
        found = Framer().feed(self.value())
        self.clear()
        return found

    def brings(self, *messages):
        self.protocol.dataReceived(b"".join(map(framed, messages)))


class Leg:
    """An `ILeg` and `LineUser`."""

    peer_call_id, user_agent, status = "id", "peer", 100
    remote = Address(PEER, 1720, "h323")
    reference = 1

    def __init__(self, maker, line, setup=None):
        self.maker, self.line, self.setup = maker, line, setup
        self.sent, self.came, self.gone, self.listener = [], [], [], None
        self.fails = False
        self.ended = []
        self.call_identifier = os.urandom(16)
        self.tried, self.moved = frozenset({"first"}), None

    def step(self, action, *arguments):
        action(*arguments)

    def end(self, why):
        self.ended.append(why)

    def start(self):
        if self.maker.fails:
            raise RuntimeError("planted")
        self.maker.worker.reception.incoming(self, Try("43", "44", self.line.remote, self.line.local, "id"))

    def listen(self, listener):
        self.listener = listener

    def send(self, signal):
        if self.fails:
            raise RuntimeError("planted")
        self.sent.append(signal)

    def resume_data(self):
        return {}

    def connected(self):
        self.came.append("connected")

    def received(self, data):
        if self.fails:
            raise RuntimeError("planted")
        self.came.append(data)

    def lost(self, reason):
        self.gone.append(reason)


class Maker:
    """The `Legs`."""

    def __init__(self, worker):
        self.worker = worker
        self.legs = []
        self.fails = False

    def incoming(self, line, setup, profile, user):
        self.legs.append(Leg(self, line, setup))
        return self.legs[-1]

    def outgoing(self, placement, line, listener):
        leg = Leg(self, line)
        leg.listen(listener)
        self.legs.append(leg)
        return leg

    def configured(self, settings):
        self.settings = settings

    def parting(self, leg):
        return b"parting"

    def farewell(self, data):
        return Address(*data["address"], "h323"), b"farewell"


class World:
    """A process that has been told its settings."""

    def __init__(self, reactor=None, emergencies=(), **parameters):
        self.reactor = reactor or Reactor()
        self.ended = []
        listeners = [Listener("h323", HERE, 1720, "203.0.113.1"), Listener("ras", HERE, 1719)]
        self.worker = Worker(self.reactor, listeners, Maker, lambda: self.ended.append(True))
        self.link = StringTransport()
        self.worker.link.makeConnection(self.link)
        self.hears("settings", told(Parameters(parameters), emergencies))
        self.answers = {"known": True, "stranger": None, "caller": (PLAIN, None)}
        self.said_first = self.says()
        assert [message[0] for message in self.said_first] == ["ready"]

    @property
    def legs(self):
        return self.worker.legs.legs

    @property
    def gate(self):
        return self.worker.world.gate

    def hears(self, *message):
        self.worker.link.dataReceived(pack(*message))

    def says(self):
        """What it has told the switch since the last question, its counts left out."""
        self.worker.link.flush()
        lines = self.link.value().splitlines()
        self.link.clear()
        return [message for message in map(unpack, lines) if message[0] != "counts"]

    def talk(self):
        """Answer its questions as the switch would; gives what else it has said."""
        others = []
        while said := self.says():
            for message in said:
                if message[0] == "ask":
                    self.hears("answer", message[1], self.answers[message[2]])
                else:
                    others.append(message)
        return others

    def connects(self, host=PEER, port=40001, to=0):
        """A peer connects; None: it is not let in."""
        factory = self.reactor.tcpServers[to][1]
        protocol = factory.buildProtocol(IPv4Address("TCP", host, port))
        return None if protocol is None else self.join(protocol, host, port)

    def join(self, protocol, host=PEER, port=1720):
        socket = Socket(host, port)
        socket.protocol = protocol
        protocol.makeConnection(socket)
        return socket

    def made(self, number=-1):
        """The connection that it makes is there."""
        host, port, factory, _timeout, _bind = self.reactor.tcpClients[number]
        return self.join(factory.buildProtocol(None), host, port)

    def refused(self, number=-1):
        """The connection that it makes is refused."""
        self.reactor.tcpClients[number][2].clientConnectionFailed(None, Failure(ConnectError()))
