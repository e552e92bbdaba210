"""Connections have their time: first messages, half messages, silence, goodbyes; and what is lost with one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sip_world import UAC, UAS, Peer, World
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from vosswitch.model.causes import cause
from vosswitch.model.signals import Release
from vosswitch.model.values import Address
from vosswitch.params.boot import Listener
from vosswitch.sip.grammar.parse import parse
from vosswitch.sip.transactions.flow import TRANSPORT_TEXT, contact_line
from vosswitch.sip.transport import StreamFlow
from vosswitch.sip.transport.connection import CLOSING, IDLE, KEEP_ALIVE_EVERY, WHOLE_MESSAGE
from vosswitch.sip.transport.options import drops_in
from vosswitch.sip.transport.quota import FREE, SOURCE_BYTES

DONE = Failure(ConnectionDone())


class Where:
    def __init__(self, host, port):
        self.host, self.port = host, port


@pytest.fixture
def world():
    world = World()
    yield world
    for flow in world.service._sockets[1].flows:
        if flow.connection is not None:
            flow.connection.connectionLost(DONE)
    world.close()
    assert world.service.sockets.quota.idle


def message(world, method="OPTIONS"):
    return Peer(world, UAC, f"c{world.next()}").text(method).replace(b"/UDP", b"/TCP")


def test_a_message_that_has_begun_has_to_be_whole_in_time(world):
    line, wire = world.connect()
    line.dataReceived(message(world))
    line.dataReceived(message(world)[:40])
    world.clock.advance(WHOLE_MESSAGE - 1)
    line.dataReceived(b"X: y\r\n")  # a drop now and then does not help
    assert not wire.disconnecting
    world.clock.advance(1.1)
    assert wire.disconnecting


def test_a_message_in_time_gives_the_next_one_its_own(world):
    line, wire = world.connect()
    line.dataReceived(message(world))
    for _ in range(5):
        text = message(world)
        line.dataReceived(text[:40])
        world.clock.advance(WHOLE_MESSAGE - 1)
        line.dataReceived(text[40:] + text[:10])
        line.dataReceived(text[10:])
    world.clock.advance(WHOLE_MESSAGE * 3)
    assert not wire.disconnecting


def test_half_messages_of_a_source_are_bounded_and_others_are_not_touched(world):
    lines = []
    half = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 60000\r\n\r\n" + b"x" * 59_000
    for number in range(SOURCE_BYTES // (len(half) - FREE) + 1):
        lines.append(world.connect(("192.0.2.66", 2000 + number)))
        lines[-1][0].dataReceived(half)
    assert not any(wire.disconnected for _, wire in lines[:-1])
    assert lines[-1][1].disconnected
    line, wire = world.connect()
    line.dataReceived(half)
    assert not wire.disconnected
    for each, _ in lines[-1:]:
        each.connectionLost(DONE)


def test_a_peer_that_does_not_let_go_is_cut_off(world):
    line, wire = world.connect()
    line.close()
    assert wire.disconnecting
    assert not wire.disconnected
    world.clock.advance(CLOSING + 0.1)
    assert wire.disconnected


def test_a_connection_ends_by_reset_where_the_parameter_says_so(world):
    world.parameters["SS_TCP_CLOSE_RESET"] = True
    line, wire = world.connect()
    line.close()
    assert not wire.disconnecting
    line.dataReceived(message(world))
    assert wire.value() == b""
    world.clock.advance(0.2)
    assert wire.disconnected


def outgoing(world):
    """A connection that we have made, and the call on it."""
    leg = world.place(target=Address(*UAS, "tcp"))
    _, _, factory = world.clock.connecting.pop()
    wire = StringTransport(peerAddress=Where(*UAS))
    protocol = factory.buildProtocol(None)
    protocol.makeConnection(wire)
    return leg, protocol, wire


def test_what_waits_for_a_response_fails_with_its_connection(world):
    leg, protocol, _ = outgoing(world)
    assert world.calls.of(leg) == []
    protocol.connectionLost(DONE)
    world.clock.advance(0.1)
    assert world.calls.of(leg) == [Release(cause("connection_timeout"))]
    assert world.service._layer._over == {}


def response(wire, status):
    """A response to the INVITE that was sent first."""
    invite = parse(wire.value())
    head = [f"{name}: {invite.headers[name][0]}" for name in ("via", "from", "to", "call-id", "cseq")]
    return "\r\n".join([f"SIP/2.0 {status} X", *head, "Content-Length: 0", "", ""]).encode()


def ringing(world):
    """A call that rings, and its connection is lost; its INVITE and what is connected to."""
    leg, protocol, wire = outgoing(world)
    protocol.dataReceived(response(wire, 180))
    world.calls.of(leg)
    protocol.connectionLost(DONE)
    world.clock.advance(0.1)
    assert world.calls.of(leg) == []
    ((host, port, factory),) = world.clock.connecting
    world.clock.connecting.clear()
    assert (host, port) == UAS
    return leg, wire, factory


def test_a_call_that_rings_fails_when_its_peer_cannot_be_reached_again(world):
    leg, _, factory = ringing(world)
    factory.clientConnectionFailed(None, DONE)
    world.clock.advance(0.1)
    assert world.calls.of(leg) == [Release(cause("connection_timeout"))]
    assert world.clock.connecting == []
    assert world.service._layer._over == {}


def test_a_call_that_rings_goes_on_over_another_connection(world):
    leg, first, factory = ringing(world)
    wire = StringTransport(peerAddress=Where(*UAS))
    protocol = factory.buildProtocol(None)
    protocol.makeConnection(wire)
    world.clock.advance(1)
    assert world.calls.of(leg) == []
    leg.send(Release(cause("caller_abandoned")))
    assert parse(wire.value()).method == "CANCEL"
    wire.clear()
    protocol.dataReceived(response(first, 487))
    assert parse(wire.value()).method == "ACK"
    world.clock.pump([10] * 8)


def test_a_peer_that_takes_and_drops_connections_ends_the_call(world):
    leg, _, factory = ringing(world)
    for _ in range(20):
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(StringTransport(peerAddress=Where(*UAS)))
        protocol.connectionLost(DONE)
        world.clock.advance(0.1)
        if not world.clock.connecting:
            break
        ((_, _, factory),) = world.clock.connecting
        world.clock.connecting.clear()
    assert world.calls.of(leg) == [Release(cause("connection_timeout"))]


def test_our_connections_are_kept_alive_and_those_of_others_are_not(world):
    leg, protocol, wire = outgoing(world)
    line, theirs = world.connect()
    line.dataReceived(message(world))
    theirs.clear()
    wire.clear()
    world.clock.pump([KEEP_ALIVE_EVERY / 4] * 13)
    assert wire.value() == b"\r\n\r\n" * 3
    assert theirs.value() == b""
    world.clock.pump([KEEP_ALIVE_EVERY] * (int(IDLE / KEEP_ALIVE_EVERY) + 1))
    assert wire.disconnecting
    protocol.connectionLost(DONE)
    world.calls.of(leg)


def test_a_short_datagram_wants_no_answer(world):
    before = world.service.statistics.bad
    for data in (b"\r\n\r\n", b"\r\n", b"\0", b""):
        world.put(data)
    assert world.take() == []
    assert world.service.statistics.bad == before


def test_a_tls_way_needs_a_name_or_a_connection_that_is_there():
    world = World()
    leg = world.place(target=Address(*UAS, "tls"))
    world.clock.advance(0.1)
    assert world.calls.of(leg) == [Release(cause("connection_timeout"))]  # no TLS listener at all
    world.close()


@pytest.mark.parametrize(
    ("transport", "secure", "line"),
    [
        ("udp", False, "Contact: <sip:a@192.0.2.1:5060>\r\n"),
        ("tcp", True, "Contact: <sip:a@192.0.2.1:5060;transport=tcp>\r\n"),
        ("tls", False, "Contact: <sip:a@192.0.2.1:5060;transport=tls>\r\n"),
        ("tls", True, "Contact: <sips:a@192.0.2.1:5060;transport=tls>\r\n"),
        ("wss", True, "Contact: <sips:a@192.0.2.1:5060;transport=ws>\r\n"),
        ("ws", False, "Contact: <sip:a@192.0.2.1:5060;transport=ws>\r\n"),
    ],
)
def test_our_contact_says_how_we_are_reached(transport, secure, line):
    class There:
        hostport = "192.0.2.1:5060"
        local = Address("192.0.2.1", 5060, transport)

    assert contact_line("a", There, secure=secure) == line
    assert transport in TRANSPORT_TEXT


def test_drops_are_read_from_the_table():
    table = [
        "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when uid timeout inode ref pointer drops\n",
        "  1: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 777 2 0000 12\n",
        "  2: 0100007F:13C5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 778 2 0000 0\n",
    ]
    assert drops_in(table, "777") == 12
    assert drops_in(table, "778") == 0
    assert drops_in(table, "779") is None


def test_a_websocket_that_is_gone_is_never_made_again():
    pytest.importorskip("wsproto", reason="the package wsproto is not installed")
    world = World()
    sockets = world.service.sockets
    owner = sockets._socket(Listener("ws", "192.0.2.1", 8080))
    flow = owner.flow("192.0.2.10", 4711)
    lost = []
    flow.send(b"x", lambda: lost.append(1))
    world.clock.advance(0.1)
    assert lost == [1]
    assert flow.bound
    assert flow.toward("192.0.2.99", 5060) is flow
    flow.made = True
    assert flow.again() is flow
    assert flow.closed
    assert world.clock.connecting == []
    world.close()


@pytest.mark.parametrize(("name", "sent"), [("a" * 64, False), ("a..b", False), ("", False), ("sbc.test", True)])
def test_no_server_is_sought_by_what_cannot_be_its_name(name, sent):
    """The host of a Via is the peer's word: what no certificate could bear is not asked for."""
    world = World()
    owner = world.service.sockets._socket(Listener("tcp", "192.0.2.1", 5061))
    owner.secure = True
    found, lost = [], []
    owner.flow = lambda *where: found.append(where) or SimpleNamespace(send=lambda *_: None)
    flow = StreamFlow(owner, Address("192.0.2.10", 4711, "tls"))
    flow.closed, flow.reply_port, flow.reply_name = True, 5061, name
    flow.send(b"x", lambda: lost.append(1))
    world.clock.advance(0.1)
    assert found == ([("192.0.2.10", 5061, name, "")] if sent else [])
    assert lost == ([] if sent else [1])
    world.close()
