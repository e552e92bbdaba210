"""Listeners on all addresses of both families: whose packets come from where, and what becomes of registered phones."""

from __future__ import annotations

import signal

import pytest

from tests.support.case import Case, provisioned
from tests.support.peer import Peer
from tests.support.sipp import ANSWER, CALL, called
from tests.support.switch import until
from vosswitch.sip.grammar import digest

PHONE = """
[[phones]]
number = "6{n}1"
account = "C{n}"
password = "one"
"""


@pytest.fixture
def case(tmp_path):
    """A switch that listens on 0.0.0.0 and [::], UDP and TCP, at one port."""
    switch = provisioned(tmp_path, hosts=("0.0.0.0", "[::]"), media={"address": ["0.0.0.0", "::"]})
    made = Case(tmp_path, switch)
    yield made
    made.end()
    assert switch.stop() == 0
    assert "Traceback" not in made.log(), made.log()[-4000:]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_calls_leave_from_the_local_address_of_the_gateway(case, transport):
    case.begin(vendor=f'local_address = "127.0.0.77"\ntransport = "{transport}"')
    peer = case.peer("first", called(ANSWER), "-m", "1", *(["-t", "t1"] if transport == "tcp" else []))
    case.call(CALL).succeeds()
    peer.succeeds()
    for message in peer.heard("INVITE") + peer.heard("ACK") + peer.heard("BYE"):
        assert message.via.host == "127.0.0.77"
    (invite,) = peer.heard("INVITE")
    assert (invite.contacts[0].uri.host, invite.contacts[0].uri.port) == ("127.0.0.77", case.switch.port)
    assert b"c=IN IP4 127.0.0.77" in invite.body


def test_datagrams_bear_the_local_address_as_their_source(case):
    vendor = Peer(case.switch.port)
    case.peers.append(vendor)
    case.ports["first"] = vendor.port
    case.begin(vendor='local_address = "127.0.0.77"')
    call = case.call(["invite", "expect? 100", "expect 486", "failack"])
    invite = vendor.expect("INVITE")
    assert vendor.source[:2] == ("127.0.0.77", case.switch.port)
    vendor.reply(invite, 486)
    assert vendor.expect("ACK")
    assert vendor.source[:2] == ("127.0.0.77", case.switch.port)
    call.succeeds()


def test_a_connection_shows_the_address_that_it_was_made_to(case):
    case.switch_host = "127.0.0.55"
    case.begin()
    vendor = case.vendor("first", ANSWER)
    call = case.call(CALL, "-t", "t1")
    call.succeeds()
    vendor.succeeds()
    (ok,) = [message for message in call.heard("SIP/2.0 200") if message.cseq.method == "INVITE"]
    assert (ok.contacts[0].uri.host, ok.contacts[0].uri.port) == ("127.0.0.55", case.switch.port)
    assert b"c=IN IP4 127.0.0.55" in ok.body


def test_both_families_call_at_one_port(case):
    case.host = case.vendor_host = "::1"
    case.switch_host = "[::1]"
    case.begin()
    peer = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    peer.succeeds()
    assert case.cdr()["caller_ip"] == "::1"


def register(peer, number, password):
    """Register over UDP."""
    made = peer.request("REGISTER", number)
    made.set("from", f"<sip:{number}@127.0.0.1>;tag={peer.tag}")
    peer.send(made)
    challenge = peer.expect(401)
    again = peer.request("REGISTER", number)
    again.set("from", f"<sip:{number}@127.0.0.1>;tag={peer.tag}")
    asked = challenge.headers["www-authenticate"][0]
    again.add("authorization", digest.answer(asked, number, password, "REGISTER", again.uri, "c", 1))
    peer.send(again)
    return peer.expect(200)


def test_a_registered_phone_is_kept_alive_and_there_after_a_crash(case):
    case.begin(SS_SIP_NAT_KEEP_ALIVE_PERIOD="10", more=PHONE)
    number = f"6{case.n}1"
    phone = Peer(case.switch.port, "127.0.0.31")
    case.peers.append(phone)
    register(phone, number, "one")
    phone.socket.settimeout(15)
    data, source = phone.socket.recvfrom(100)
    assert data == b"HELLO"
    assert source[1] == case.switch.port
    case.switch.stop(signal.SIGKILL)
    case.switch.start()
    (row,) = until(lambda: case.switch.json("registrations", "--number", number), 10, "the registration")
    assert row["address"] == f"udp:127.0.0.31:{phone.port}"
