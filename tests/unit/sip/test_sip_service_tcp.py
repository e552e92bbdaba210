"""SIP over TCP: framing, reuse of connections, lost and idle ones; and the UDP socket's corners."""

from __future__ import annotations

import pytest
from sip_world import ANSWER, OFFER, UAC, UAS, FakePort, Peer, World
from twisted.internet.error import CannotListenError, ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.signals import Answer, Confirm, Release
from vosswitch.model.values import Address
from vosswitch.params.boot import Listener
from vosswitch.sip import transport as transports
from vosswitch.sip.grammar.parse import Framer, parse
from vosswitch.sip.transport import FIRST_MESSAGE, IDLE, UdpFlow

DONE = Failure(ConnectionDone())


class Line:
    """One TCP connection of a peer."""

    def __init__(self, world, peer=("192.0.2.10", 33333)):
        self.world = world
        self.protocol, self.wire = world.connect(peer)

    def put(self, data):
        self.protocol.dataReceived(data)

    def take(self):
        data = self.wire.value()
        self.wire.clear()
        return [parse(found) for found in Framer().feed(data)]

    def close(self):
        self.protocol.connectionLost(DONE)


@pytest.fixture
def world():
    world = World()
    yield world
    for flow in list(world.service._sockets[1]._flows.values()):
        if flow.connection is not None:
            flow.connection.connectionLost(DONE)
    world.close()


def caller_on(world, line, body=OFFER):
    caller = Peer(world, UAC, f"tcp{world.next()}")
    text = caller.text("INVITE", body).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
    line.put(text)
    return caller, text


def tcp(data):
    return data.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")


def test_a_call_over_one_connection(world):
    line = Line(world)
    caller, _ = caller_on(world, line)
    assert [found.status for found in line.take()] == [100]
    leg, offered = world.calls.offered.pop()
    assert offered.source == Address("192.0.2.10", 33333, "tcp")
    leg.send(Answer(sdp.parse(ANSWER)))
    (ok,) = line.take()
    assert ok.contacts[0].uri.text == "sip:4940@192.0.2.1:5060;transport=tcp"
    world.clock.pump([0.1] * 7)
    assert [found.status for found in line.take()] == [200]  # 13.3.1.4: on every transport
    caller.join(ok)
    line.put(tcp(caller.text("ACK", branch="z9hG4bKack")))
    assert world.calls.of(leg) == [Confirm(None)]
    leg.send(Release(cause("normal")))
    (bye,) = line.take()
    assert bye.via.transport == "tcp"
    assert bye.uri == "sip:4930@192.0.2.10:5070"
    world.clock.pump([0.5] * 10)
    assert line.take() == []  # no retransmission on a reliable transport
    response = "\r\n".join(
        ["SIP/2.0 200 OK", *[f"{name}: {bye.headers[name][0]}" for name in ("via", "from", "to", "call-id", "cseq")]]
    )
    line.put(response.encode() + b"\r\nContent-Length: 0\r\n\r\n")
    assert world.take() == []


def test_refusals_are_not_repeated_on_tcp(world):
    line = Line(world)
    caller_on(world, line)
    leg, _ = world.calls.offered.pop()
    leg.send(Release(cause("no_route")))
    line.take()
    world.clock.pump([0.5] * 20)
    assert line.take() == []


def test_messages_in_pieces_and_keep_alives(world):
    line = Line(world)
    text = tcp(Peer(world, UAC, "x").text("OPTIONS"))
    for place in range(len(text)):
        line.put(text[place : place + 1])
    assert [found.status for found in line.take()] == [200]
    line.put(b"\r\n\r\n")
    assert line.wire.value() == b"\r\n"


def test_a_broken_stream_is_answered_and_closed(world):
    line = Line(world)
    text = tcp(Peer(world, UAC, "x").text("OPTIONS")).replace(b"Content-Length: 0", b"Content-Length: x")
    line.put(text)
    assert [found.status for found in line.take()] == [400]
    assert line.wire.disconnecting
    assert world.service.statistics.bad == 1


def test_responses_find_another_way_when_the_connection_is_lost(world):
    line = Line(world)
    caller_on(world, line)
    leg, _ = world.calls.offered.pop()
    line.close()
    leg.send(Release(cause("no_route")))
    host, port, factory = world.clock.connecting.pop()
    assert (host, port) == UAC
    wire = StringTransport(peerAddress=FakePeer(*UAC))
    factory.buildProtocol(None).makeConnection(wire)
    assert parse(wire.value()).status == 503


class FakePeer:
    def __init__(self, host, port):
        self.host, self.port = host, port


def test_outgoing_call_waits_for_its_connection_and_shares_it(world):
    first = world.place(target=Address(*UAS, "tcp"))
    second = world.place(target=Address(*UAS, "tcp"))
    ((_, _, factory),) = world.clock.connecting
    wire = StringTransport(peerAddress=FakePeer(*UAS))
    protocol = factory.buildProtocol(None)
    protocol.makeConnection(wire)
    found = [parse(data) for data in Framer().feed(wire.value())]
    assert [message.call_id for message in found] == [first.peer_call_id, second.peer_call_id]
    assert found[0].uri == "sip:4940@192.0.2.20:5080;transport=tcp"
    assert found[0].contacts[0].uri.params == {"transport": "tcp"}
    world.clock.pump([1.0] * 11)
    assert world.calls.of(first) == [Release(cause("connection_timeout"))]
    assert world.calls.of(second) == [Release(cause("connection_timeout"))]


def test_a_silent_connection_is_closed(world):
    line = Line(world)
    world.clock.pump([FIRST_MESSAGE / 2] * 3)
    assert line.wire.disconnecting


def test_an_idle_connection_is_closed_but_not_a_used_one(world):
    line = Line(world)
    line.put(tcp(Peer(world, UAC, "x").text("OPTIONS")))
    for _ in range(4):
        world.clock.pump([IDLE / 2])
        line.put(b"\r\n\r\n")
    assert not line.wire.disconnecting
    world.clock.pump([IDLE] * 3)
    assert line.wire.disconnecting


def test_a_peer_that_does_not_read_is_cut_off(world):
    line = Line(world)
    line.protocol.pauseProducing()
    for _ in range(8):
        line.protocol.write(b"x" * 100_000)
    assert line.wire.disconnected
    other = Line(world, ("192.0.2.10", 44444))
    other.protocol.pauseProducing()
    other.protocol.write(b"x" * 100_000)
    other.protocol.resumeProducing()
    other.protocol.write(b"x" * 500_000)
    assert not other.wire.disconnected


def test_too_many_connections_are_not_taken(world, monkeypatch):
    monkeypatch.setattr(world.service.sockets.quota, "most", 1)
    Line(world)
    assert world.service._sockets[1].factory.buildProtocol(None) is None


class Sockets(World):
    """A world whose reactor opens ports."""

    def __init__(self, busy=()):
        super().__init__()
        self.busy = busy
        self.clock.listenUDP = lambda port, protocol, interface, size: self.open("udp")
        self.clock.listenTCP = lambda port, factory, backlog, interface: self.open("tcp")

    def open(self, kind):
        if kind in self.busy:
            raise CannotListenError("192.0.2.1", 5060, OSError(98, "in use"))
        port = FakePort(5099)
        port.socket = Buffer()
        return port


class Buffer:
    def setsockopt(self, *_args):
        return None

    def getsockopt(self, *_args):
        return 425_984

    def sendto(self, *_args):
        return 0


def test_starts_and_stops_and_warns_of_small_buffers():
    world = Sockets()
    world.service.startService()
    assert [found.port for found in world.service.addresses] == [5099, 5099]
    assert "net.core.rmem_max" in world.logged[0]["log_format"]
    assert world.logged[0]["got"] == 212_992
    line = Line(world)
    results = []
    world.service.stopService().addCallback(results.append)
    assert line.wire.disconnecting
    assert len(results) == 1
    assert world.clock.getDelayedCalls() == []


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_a_listener_that_is_taken_is_named(kind):
    world = Sockets(busy=(kind,))
    with pytest.raises(OSError, match=f"cannot listen on {kind}:192.0.2.1:5060: Address already in use"):
        world.service.startService()


def test_what_the_system_does_not_send_has_failed(world):
    def refuse(_data, _peer):
        raise OSError(101, "Network is unreachable")

    world.udp.write = refuse
    leg = world.place()
    assert world.calls.of(leg) == []
    world.clock.advance(0.1)
    assert world.calls.of(leg) == [Release(cause("connection_timeout"))]


def test_listeners_are_chosen_by_transport_family_and_place(world):
    def fits(host, target, local=None):
        owner = transports.UdpSocket(Listener("udp", host, 5060), world.service, world.service.timers)
        return owner.fits(Address(*target), local)

    assert fits("192.0.2.1", ("192.0.2.20", 5060))
    assert not fits("192.0.2.1", ("192.0.2.20", 5060, "tcp"))
    assert not fits("192.0.2.1", ("2001:db8::1", 5060))
    assert not fits("127.0.0.1", ("192.0.2.20", 5060))
    assert fits("127.0.0.1", ("127.0.0.9", 5060))
    assert fits("0.0.0.0", ("192.0.2.20", 5060))
    assert fits("0.0.0.0", ("192.0.2.20", 5060), "192.0.2.1")
    assert not fits("192.0.2.1", ("192.0.2.20", 5060), "192.0.2.2")


def test_peers_are_told_the_advertised_address(world):
    told = transports.UdpSocket(Listener("udp", "10.0.0.1", 5060, "203.0.113.5"), world.service, world.service.timers)
    assert told.flow("192.0.2.20", 5060).via == "SIP/2.0/UDP 203.0.113.5:5060"
    six = transports.UdpSocket(Listener("udp", "2001:db8::1", 5062), world.service, world.service.timers)
    flow = six.flow("2001:db8::2", 5060)
    assert flow.hostport == "[2001:db8::1]:5062"
    assert flow.toward("192.0.2.1", 5060) is flow
    assert isinstance(flow.toward("2001:db8::3", 5070), UdpFlow)


def test_flows_are_remembered_within_bounds(world):
    owner = world.service._sockets[0]
    for port in range(1024, 1024 + 8200):
        owner.flow("192.0.2.99", port)
    assert len(owner._flows) <= 8192
