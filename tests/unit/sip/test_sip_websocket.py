"""The server's side of a WebSocket: who is let in, what comes out, what ends it (RFC 6455, RFC 7118)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

wsproto = pytest.importorskip("wsproto", reason="the package wsproto is not installed")
from wsproto.events import (  # noqa: E402
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

from vosswitch.sip.transport.websocket import MAX_UPGRADE, MOST_FRAMES, WebSocket  # noqa: E402

MESSAGE = b"OPTIONS sip:x SIP/2.0\r\nSubject: caf\xc3\xa9\r\n\r\n"


class Client:
    """A WebSocket client and the server that is tested."""

    def __init__(self, origins=(), subprotocols=("sip",), headers=(), limit=65536):
        self.server = WebSocket(origins, limit)
        self.wire = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        request = Request(host="x", target="/", subprotocols=list(subprotocols), extra_headers=list(headers))
        self.first = self.wire.send(request)

    def open(self):
        assert self.server.feed(self.first) == []
        return self.events()

    def events(self):
        out, self.server.out = self.server.out, b""
        self.wire.receive_data(out)
        return list(self.wire.events())

    def put(self, event):
        return self.server.feed(self.wire.send(event))


@pytest.fixture
def client():
    made = Client()
    made.open()
    return made


def test_who_speaks_sip_is_let_in():
    client = Client()
    (accepted,) = client.open()
    assert isinstance(accepted, AcceptConnection)
    assert accepted.subprotocol == "sip"
    assert client.server.ready
    assert not accepted.extensions


@pytest.mark.parametrize("subprotocols", [(), ("chat",), ("SIPS",)])
def test_others_are_not(subprotocols):
    client = Client(subprotocols=subprotocols)
    refused = client.open()[0]
    assert isinstance(refused, RejectConnection)
    assert refused.status_code == 400
    assert client.server.over
    assert not client.server.ready
    assert client.server.trouble == "no subprotocol sip"


@pytest.mark.parametrize(
    ("origins", "origin", "let_in"),
    [
        ((), None, True),
        ((), "https://a.test", False),
        (("https://a.test",), "https://A.test", True),
        (("https://a.test",), "https://b.test", False),
        (("https://a.test",), "null", False),
        (("*",), "https://b.test", True),
    ],
)
def test_pages_that_may(origins, origin, let_in):
    client = Client(origins, headers=[(b"Origin", origin.encode())] if origin else [])
    client.open()
    assert client.server.ready is let_in
    assert client.server.over is not let_in


@pytest.mark.parametrize(
    "data",
    [b"OPTIONS sip:x SIP/2.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00\xff\r\n\r\n", b"\x16\x03\x01"],
)
def test_what_is_no_upgrade_ends_it(data):
    server = WebSocket(())
    assert server.feed(data + b"\r\n\r\n") == []
    assert server.over
    assert not server.ready


def test_an_endless_request_ends_it():
    server = WebSocket(())
    server.feed(b"GET / HTTP/1.1\r\nHost: x\r\n")
    for _ in range(MAX_UPGRADE // 1000 + 1):
        assert server.pending <= MAX_UPGRADE + 1000
        server.feed(b"A: " + b"a" * 995 + b"\r\n")
    assert server.over


def test_text_and_binary_are_messages(client):
    assert client.put(TextMessage(MESSAGE.decode())) == [MESSAGE]
    assert client.put(BytesMessage(MESSAGE)) == [MESSAGE]
    assert client.server.pending == 0


def test_fragments_are_one_message(client):
    assert client.put(TextMessage("OPTIONS ", message_finished=False)) == []
    assert client.server.pending == 8
    assert client.put(TextMessage("sip:x", message_finished=False)) == []
    assert client.put(TextMessage(" SIP/2.0\r\n\r\n")) == [b"OPTIONS sip:x SIP/2.0\r\n\r\n"]


def test_a_ping_between_fragments_is_answered(client):
    client.put(TextMessage("a", message_finished=False))
    client.put(Ping(b"7"))
    assert client.events() == [Pong(b"7")]
    assert client.put(TextMessage("b")) == [b"ab"]


@pytest.mark.parametrize(
    "frame", [Ping(), Pong(), TextMessage(""), TextMessage("\r\n"), TextMessage("a", message_finished=False)]
)
def test_a_flood_of_frames_that_are_no_messages_ends_it(client, frame):
    def put(count):
        return client.server.feed(b"".join([client.wire.send(frame) for _ in range(count)]))

    put(MOST_FRAMES)
    client.server.rest()
    put(MOST_FRAMES)
    assert not client.server.over
    assert len(put(10_000)) <= 1
    assert client.server.over
    assert client.events()[-1].code == 1008
    assert client.server.trouble == "too many frames without a message"


def test_messages_may_come_in_any_number(client):
    frames = b"".join([client.wire.send(TextMessage(MESSAGE.decode())) for _ in range(5 * MOST_FRAMES)])
    assert client.server.feed(frames) == [MESSAGE] * (5 * MOST_FRAMES)
    slow = client.wire.send(TextMessage(MESSAGE.decode() * 20))
    assert [item for at in range(len(slow)) for item in client.server.feed(slow[at : at + 1])] == [MESSAGE * 20]
    assert not client.server.over


def test_what_is_too_long_ends_it_with_1009():
    client = Client(limit=1000)
    client.open()
    for _ in range(20):
        client.put(BytesMessage(b"x" * 99, message_finished=False))
        assert client.server.pending <= 1100
    (close,) = client.events()
    assert (close.code, client.server.trouble) == (1009, "message too large")


def test_text_that_is_no_utf8_ends_it(client):
    frame = bytearray(client.wire.send(TextMessage("aaaa")))
    frame[-1] ^= 0x80
    client.server.feed(bytes(frame))
    assert client.server.over
    assert client.events()[0].code == 1007


def test_a_goodbye_is_answered(client):
    client.put(CloseConnection(1000))
    assert client.server.over
    assert isinstance(client.events()[0], CloseConnection)
    assert client.server.feed(b"anything") == []


def test_our_messages_are_text_or_else_binary(client):
    for data, kind in ((MESSAGE, TextMessage), (b"OPTIONS \xff\r\n\r\n", BytesMessage)):
        client.wire.receive_data(client.server.wrap(data))
        (event,) = client.wire.events()
        assert isinstance(event, kind)
        assert (event.data if kind is BytesMessage else event.data.encode()) == data


def test_nothing_is_sent_behind_our_goodbye(client):
    client.server.close()
    assert client.server.wrap(MESSAGE) == b""
    assert client.server.ping() == b""
    (close,) = client.events()
    assert close.code == 1001


@given(st.lists(st.binary(max_size=300), max_size=8), st.data())
def test_messages_come_out_as_they_went_in_however_the_bytes_are_cut(messages, data):
    client = Client()
    client.open()
    wire = b"".join(client.wire.send(BytesMessage(message)) for message in messages)
    found = []
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        found += client.server.feed(wire[:size])
        wire = wire[size:]
    assert found == messages


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_make_it_raise(noise, opened):
    client = Client()
    if opened:
        client.open()
    for _ in range(3):
        client.server.feed(noise)
    assert client.server.pending <= 65536 + 400
