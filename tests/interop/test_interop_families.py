"""One side of a call by IPv4, the other by IPv6: signalling, and media that crosses both ways."""

from __future__ import annotations

import socket

import pytest

from tests.support.case import Case, provisioned
from tests.support.peer import Peer, description
from tests.support.sipp import ANSWER, CALL, called
from tests.support.switch import free_port, media_port, until
from vosswitch import sdp
from vosswitch.media import rtp

PACKET = rtp.build(rtp.RtpPacket(8, 1, 0, 7, b"x" * 160))


@pytest.fixture
def both(tmp_path):
    """A case in a switch that listens, and relays media, on both families."""
    switch = provisioned(tmp_path, hosts=("127.0.0.1", "[::1]"), media={"address": ["127.0.0.1", "::1"]})
    case = Case(tmp_path, switch)
    yield case
    case.end()
    assert case.switch.stop() == 0
    assert "Traceback" not in case.log(), case.log()[-4000:]


@pytest.mark.parametrize(("caller", "vendor"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
@pytest.mark.parametrize("mode", ["off", "on"])
def test_packets_cross_both_ways(both, caller, vendor, mode):
    """The vendor is a sipp that sends every RTP packet back; the caller has an RTP socket of the test."""
    both.host, both.vendor_host = caller, vendor
    both.begin(vendor=f'media_proxy = "{mode}"', access=f'media_proxy = "{mode}"')
    port = media_port(vendor)
    scenario = called(ANSWER)
    echo = both.peer("first", scenario, "-m", "1", "-rtp_echo", "-mp", str(port), host=vendor)
    peer = Peer(both.switch.port, caller, caller)
    both.peers.append(peer)
    family = socket.AF_INET6 if ":" in caller else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as media:
        media.bind((caller, 0))
        media.settimeout(1)
        peer.send(peer.request("INVITE", both.number, description(caller, media.getsockname()[1])))
        answer = peer.expect(200, 15)
        peer.send(peer.request("ACK", both.number, answered=answer))
        told = sdp.parse(answer.body)
        assert told.host == caller
        assert crossed(media, (caller, told.media[0].port))
    peer.send(peer.request("BYE", both.number, answered=answer))
    peer.expect(lambda message: message.cseq.method == "BYE" and message.status == 200)
    echo.succeeds()
    (invite,) = echo.heard("INVITE")
    assert (invite.via.host, invite.contacts[0].uri.host) == (vendor, vendor)
    assert f"IN IP{6 if ':' in vendor else 4} {vendor}".encode() in invite.body
    assert caller.encode() not in invite.body
    cdr = both.cdr()
    assert (cdr["caller_ip"], cdr["callee_ip"], cdr["media_proxied"]) == (caller, vendor, True)


def crossed(media, target):
    """Whether a packet came back from the far side."""
    for _ in range(10):
        media.sendto(PACKET, target)
        try:
            if media.recv(2048) == PACKET:
                return True
        except TimeoutError:
            continue
    return False


def test_without_media_of_both_families_the_vendor_is_passed_over(tmp_path):
    case = Case(tmp_path, provisioned(tmp_path, hosts=("127.0.0.1", "[::1]")))
    case.vendor_host = "::1"
    case.begin()
    case.call(["invite", "expect? 100", "expect 503", "failack"]).succeeds()
    notes = case.cdr()["decision"]["notes"]
    assert any("media needs an address of both families" in why for _, why in notes)
    case.end()
    assert case.switch.stop() == 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_calls_leave_by_the_listener_that_the_gateway_names(tmp_path, transport):
    """Two listeners on one address: in on one, out on the other, which shows another address."""
    port = free_port()
    listen = ({"address": f"{transport}:127.0.0.1:{port}", "advertise": "127.0.0.9"},)
    case = Case(tmp_path, provisioned(tmp_path, listen=listen, media={"address": "0.0.0.0"}))
    case.begin(vendor=f'local_address = "127.0.0.1:{port}"\ntransport = "{transport}"')
    peer = case.vendor("first", ANSWER, *(["-t", "t1"] if transport == "tcp" else []))
    case.call(CALL).succeeds()
    peer.succeeds()
    (invite,) = peer.heard("INVITE")
    assert (invite.via.host, invite.via.port) == ("127.0.0.9", port)
    assert (invite.contacts[0].uri.host, invite.contacts[0].uri.port) == ("127.0.0.9", port)
    assert b"c=IN IP4 127.0.0.9" in invite.body
    (ok,) = [message for message in case.peers[-1].heard("SIP/2.0 200") if message.cseq.method == "INVITE"]
    assert ok.contacts[0].uri.port == case.switch.port
    until(lambda: not case.running(), 5)
    case.end()
    assert case.switch.stop() == 0
