"""Calls over TCP and IPv6, and over a wire that loses datagrams."""

from __future__ import annotations

import socket
from decimal import Decimal

import pytest

from tests.support.case import Case, provisioned
from tests.support.lossy import LossyWire, first_of_each, share
from tests.support.peer import SDP, Peer
from tests.support.sipp import ANSWER, CALL

TCP = ("-t", "t1")
PATIENT = [*CALL[:6], "pause 1500", *CALL[-2:]]
"""Talks until the ACK has made it: sipp takes a repeated 200 of the INVITE for that of its BYE."""
CALLEE_LEAVES = ["receive INVITE", "send 180", "send 200 sdp INVITE", "receive ACK", "pause 100", "bye", "expect 200"]
CALLER_STAYS = ["invite", "expect? 100", "expect? 180", "expect 200", "ack", "receive BYE", "reply 200"]


def billed_once(case, fee="0.01"):
    """The one record of a call that went well, and its money."""
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["fee"]) == ("normal", fee)
    assert case.paid() == Decimal(fee)
    assert case.paid("V") == Decimal(fee) / 2
    return cdr


def test_a_caller_over_tcp(case):
    case.begin()
    vendor = case.vendor("first", ANSWER)
    case.call(CALL, *TCP).succeeds()
    vendor.succeeds()
    billed_once(case)


def test_a_vendor_over_tcp(case):
    case.begin(vendor='transport = "tcp"')
    vendor = case.vendor("first", ANSWER, *TCP)
    call = case.call(CALL)
    call.succeeds()
    vendor.succeeds()
    (invite,) = vendor.heard("INVITE")
    assert invite.via.transport == "tcp"
    assert "transport=tcp" in invite.get("contact").lower()
    assert "tcp" not in call.heard("SIP/2.0 200")[0].get("contact").lower()
    billed_once(case)


def test_both_over_tcp_and_the_callee_hangs_up(case):
    case.begin(vendor='transport = "tcp"')
    vendor = case.vendor("first", CALLEE_LEAVES, *TCP)
    case.call(CALLER_STAYS, *TCP).succeeds()
    vendor.succeeds()
    assert billed_once(case)["end_direction"] == 1


def test_a_tcp_vendor_that_is_not_there_is_left_at_once(case):
    case.begin(vendor='transport = "tcp"')
    second = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    second.succeeds()
    first, _ = case.cdr()["attempts"]
    assert (first["reason"], first["status"]) == ("connection_timeout", None)
    assert first["duration_ms"] < 500


def test_two_messages_in_one_segment_and_one_in_two(case):
    """A stream knows no message borders."""
    case.begin()
    with socket.create_connection(("127.0.0.1", case.switch.port), 5, (case.host, 0)) as stream:
        head = (
            "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP {host};branch=z9hG4bK{n}\r\nMax-Forwards: 70\r\n"
            "From: <sip:a@b>;tag=1\r\nTo: <sip:x>\r\nCall-ID: {n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        texts = [head.format(host=case.host, n=f"{case.n}-{i}").encode() for i in range(3)]
        stream.sendall(texts[0] + texts[1] + texts[2][:50])
        stream.sendall(texts[2][50:])
        stream.settimeout(5)
        got = b""
        while got.count(b"\r\n\r\n") < 3:
            got += stream.recv(65536)
    assert got.count(b"SIP/2.0 200 OK\r\n") == 3


@pytest.fixture
def six(tmp_path):
    """A case of IPv6 peers."""
    made = Case(tmp_path, provisioned(tmp_path, hosts=("127.0.0.1", "[::1]")))
    made.host = made.vendor_host = "::1"
    made.switch_host = "[::1]"
    yield made
    made.end()
    assert made.switch.stop() == 0
    assert "Traceback" not in made.log()


def test_both_sides_over_ipv6(six):
    six.begin(vendor='media_proxy = "off"')
    vendor = six.vendor("first", ANSWER)
    call = six.call(CALL)
    call.succeeds()
    vendor.succeeds()
    (invite,) = vendor.heard("INVITE")
    assert invite.via.host == "::1"
    assert invite.contacts[0].uri.host == "::1"
    assert b"IN IP6 ::1" in invite.body
    assert billed_once(six)["caller_ip"] == "::1"


# Lost datagrams.


@pytest.fixture
def wires(case):
    """Makes the customer and the first vendor speak through lossy wires."""

    def make(loses_here, loses_there):
        here = LossyWire(("127.0.0.1", case.switch.port), loses_here, case.host)
        there = LossyWire(("127.0.0.1", case.ports["first"]), loses_there)
        case.peers += [here, there]
        vendor_port = case.ports["first"]
        case.ports["first"] = there.near[1]
        case.begin()
        case.ports["first"] = vendor_port
        return here, there

    return make


def lossy_call(case, here, there, answer, steps, *options, calls=1, rate=1):
    """The peers of calls over two wires: whatever they send goes through them."""
    vendor = case.vendor("first", answer, calls=calls, contact=f"127.0.0.1:{there.near[1]}", retrans=100)
    far = f"{here.near[0]}:{here.near[1]}"
    call = case.call(steps, "-rsa", far, *options, calls=calls, rate=rate, retrans=100)
    return call, vendor


def test_every_message_is_lost_once_and_the_call_is_billed_once(case, wires):
    """First transmissions of all requests and responses get lost, both ways, on both sides."""
    here, there = wires(first_of_each(), first_of_each())
    case.switch.cli("params", "set", "SS_SIP_RESEND_INTERVAL", "0.1,0.2,0.4,0.8,0.8,0.8,0.8,0.8,0.8,0.8")
    case._parameters.append("SS_SIP_RESEND_INTERVAL")
    call, vendor = lossy_call(case, here, there, ANSWER, PATIENT)
    call.succeeds()
    vendor.succeeds()
    for wire in (here, there):
        assert wire.lost["there"] >= 3  # INVITE, ACK, BYE
        assert wire.lost["back"] >= 2  # the 200 of INVITE and BYE
    cdr = billed_once(case, f"{case.cdr()['billed_seconds'] / 100:g}")
    assert len(cdr["attempts"]) == 1
    assert cdr["hold_time_ms"] < 4000


@pytest.mark.parametrize("seed", [1, 2])
def test_a_fifth_of_all_datagrams_is_lost_and_every_call_is_billed_once(case, wires, seed):
    here, there = wires(share(0.2, seed), share(0.2, seed + 100))
    case.switch.cli("params", "set", "SS_SIP_RESEND_INTERVAL", "0.1,0.2,0.4,0.8,0.8,0.8,0.8,0.8,0.8,0.8")
    case._parameters.append("SS_SIP_RESEND_INTERVAL")
    answer = [*ANSWER[:-3], "receive? ACK", *ANSWER[-2:]]  # a BYE may overtake the last try of the ACK
    call, vendor = lossy_call(case, here, there, answer, PATIENT, calls=8, rate=20)
    call.succeeds()
    vendor.succeeds()
    assert call.counts()["successful"] == vendor.counts()["successful"] == 8
    cdrs = case.cdrs(8)
    assert {cdr["end_reason"] for cdr in cdrs} == {"normal"}
    assert case.paid() == sum(Decimal(cdr["fee"]) for cdr in cdrs)
    assert here.lost.total() + there.lost.total() > 10


def test_a_lost_ack_of_a_refusal_is_asked_for_again(case):
    """The final response is repeated until its ACK comes, and the repetitions make no further record."""
    case.begin()
    peer = Peer(case.switch.port, host=case.host)
    case.peers.append(peer)
    invite = peer.request("INVITE", "44123", SDP)
    peer.send(invite)
    first = peer.expect(403)
    again = peer.expect(403)
    assert (again.get("to"), again.via.branch) == (first.get("to"), invite.via.branch)
    peer.send(invite)  # a late repetition of the request
    peer.expect(403)
    peer.send(peer.follow("ACK", invite, first))
    assert peer.silent(1.5)
    assert case.cdr()["end_reason"] == "no_rate"
