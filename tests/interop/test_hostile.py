"""Messages that are wrong, odd or malicious: after every single one the switch answers, and nothing escapes in it."""

from __future__ import annotations

import random
import socket

import pytest

from tests.support.peer import SDP, Peer
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import ROOT, options
from vosswitch.sip.grammar.message import render

DATA = ROOT / "tests" / "data"
TORTURE = sorted([*DATA.glob("rfc4475/*.dat"), *DATA.glob("rfc5118/*.dat")])
ROUNDS = 2000


@pytest.fixture
def peer(case):
    """A peer at the address of a customer, so that what can be read is acted on."""
    case.begin(SS_SIP_TIMEOUT_INVITE="0.5")
    made = Peer(case.switch.port, host=case.host)
    case.peers.append(made)
    return made


def clean(case):
    """Nothing went wrong inside."""
    assert "Traceback" not in case.log()
    assert "message or timer failed" not in case.log()


def test_there_are_all_torture_messages():
    assert len(list(DATA.glob("rfc4475/*.dat"))) == 49


def test_every_torture_message_over_udp(case, peer):
    for path in TORTURE:
        peer.send(path.read_bytes())
        assert options(case.switch.port, timeout=3), path.name
    clean(case)


def test_every_torture_message_over_tcp(case, peer):
    for path in TORTURE:
        with socket.create_connection(("127.0.0.1", case.switch.port), 3, (case.host, 0)) as stream:
            stream.sendall(path.read_bytes())
            assert options(case.switch.port, timeout=3), path.name
    clean(case)


def test_torture_from_a_stranger(case, peer):
    """The same from a source that has nothing to say here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.66.0.1", 0))
        for path in TORTURE:
            stranger.sendto(path.read_bytes(), ("127.0.0.1", case.switch.port))
            assert options(case.switch.port, timeout=3), path.name
    clean(case)


def valid(case, peer):
    """One message of each kind that makes sense on its own."""
    invite = peer.request("INVITE", case.number, SDP)
    texts = [invite, peer.follow("CANCEL", invite), peer.follow("ACK", invite)]
    texts += [peer.request(method, case.number) for method in ("REGISTER", "OPTIONS", "BYE", "INFO", "UPDATE", "PRACK")]
    return [render(message) for message in texts]


SPICE = [
    *(b"\r\n", b"\r\n\r\n", b"\0", b"\xff\xfe", b'"', b"<", b">", b";", b",", b":", b"@", b"%00", b"%", b" ", b"\t"),
    *(b"sip:", b"SIP/2.0", b"tel:", b"[::1]", b"99999999999999999999", b"-1", b"z9hG4bK", b";tag=", b";branch="),
    *(b"Content-Length: 9999\r\n", b"Content-Length: -5\r\n", b"CSeq: 1 INVITE\r\n", b"Via: \r\n", b"To: \r\n"),
    *(b"Authorization: Digest \r\n", b"Expires: x\r\n", b"Contact: *\r\n", b"\xc3\xa9", b"(" * 50, b"A" * 3000),
]


def mutated(source, text):
    """The message with one to three wounds."""
    data = bytearray(text)
    for _ in range(source.randint(1, 3)):
        at = source.randrange(len(data) + 1)
        how = source.randrange(5)
        if how == 0:
            data[at:at] = source.choice(SPICE)
        elif how == 1:
            del data[at : at + source.choice((1, 2, 10, 200))]
        elif how == 2 and at < len(data):
            data[at] = source.randrange(256)
        elif how == 3:
            lines = bytes(data).split(b"\r\n")
            index = source.randrange(len(lines))
            lines.insert(source.randrange(len(lines) + 1), lines[index])
            data = bytearray(b"\r\n".join(lines))
        else:
            lines = bytes(data).split(b"\r\n")
            del lines[source.randrange(len(lines))]
            data = bytearray(b"\r\n".join(lines)) or bytearray(b"\r\n")
    return bytes(data)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_mutated_messages(case, peer, seed):
    source = random.Random(seed)
    torture = [path.read_bytes() for path in TORTURE]
    for index in range(ROUNDS):
        if index % 20 == 0:
            peer.call_id = source.randbytes(8).hex()  # new calls, not repetitions of old ones
            texts = valid(case, peer) * 15 + torture
        text = mutated(source, source.choice(texts))
        peer.send(text[:60_000])
        assert options(case.switch.port, timeout=3), (index, text)
    clean(case)


def test_mutated_messages_within_a_call(case):
    """Wounded requests and responses of both sides of a call that is up; then it ends as always or by itself."""
    vendor = Peer(case.switch.port)
    case.ports["first"] = vendor.port
    case.begin()
    caller = Peer(case.switch.port, host=case.host)
    case.peers += [vendor, caller]
    caller.send(caller.request("INVITE", case.number, SDP))
    invite = vendor.expect("INVITE")
    answer = render(vendor.reply(invite, 200, SDP))
    vendor.expect("ACK")
    answered = caller.expect(200)
    ack = caller.request("ACK", "", answered=answered)
    caller.send(ack)
    source = random.Random(4)
    here = [render(ack)]
    here += [render(caller.request(method, "", SDP, answered=answered)) for method in ("INVITE", "INFO", "UPDATE")]
    there = [answer, render(vendor.within(invite, "INVITE", SDP)), render(vendor.within(invite, "INFO", SDP))]
    for index in range(ROUNDS):
        side, texts = (caller, here) if index % 2 else (vendor, there)
        side.send(mutated(source, source.choice(texts))[:60_000])
        assert options(case.switch.port, timeout=3), index
    clean(case)
    for row in case.running():
        case.switch.cli("release", row["call_id"])
    assert case.cdr()["answer"] is not None


def test_a_call_goes_through_after_all_that(case):
    case.begin()
    vendor = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    assert case.cdr()["end_reason"] == "normal"


def test_nothing_but_noise_over_tcp(case):
    """Streams that never become a message, or too much of one, are closed; others go on."""
    source = random.Random(5)
    for head in (b"\0" * 1000, b"GET / HTTP/1.1\r\n\r\n", b"INVITE sip:x SIP/2.0\r\nContent-Length: 99999999\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", case.switch.port), 3, ("127.66.0.2", 0)) as stream:
            stream.settimeout(3)
            try:
                stream.sendall(head)
                for _ in range(20):
                    stream.sendall(source.randbytes(8000))
                while stream.recv(65536):
                    pass
            except (ConnectionResetError, BrokenPipeError):
                pass
            assert options(case.switch.port, timeout=3)
    clean(case)


def test_a_flood_of_invites_from_a_stranger_leaves_room_for_customers(case):
    case.begin()
    stranger = Peer(case.switch.port, host="127.66.0.3")
    case.peers.append(stranger)
    for _ in range(500):
        stranger.call_id = random.randbytes(8).hex()
        stranger.send(stranger.request("INVITE", case.number, SDP))
    vendor = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    assert case.cdr()["fee"] == "0.01"
