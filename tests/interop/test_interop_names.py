"""Vendors given by name: a real name server, real sipp peers behind it."""

from __future__ import annotations

import time

import pytest

from tests.support.case import Case, provisioned
from tests.support.nameserver import NameServer
from tests.support.sipp import ANSWER, CALL, called
from tests.support.switch import free_port, until

REFUSES = ["receive INVITE", "send 503", "receive ACK"]


@pytest.fixture
def named(tmp_path):
    """A case whose vendor is ``sip.vendor.test``; its name server does not run yet."""
    folder = tmp_path / "names"
    folder.mkdir()
    server = NameServer(folder)
    case = Case(tmp_path, provisioned(tmp_path, dns={"servers": [f"127.0.0.1:{server.port}"]}))
    case.server = server
    case.vendor_host = "sip.vendor.test"
    case.ports = {"first": 0, "second": free_port()}
    yield case
    server.stop()
    case.end()
    assert case.switch.stop() == 0
    assert "Traceback" not in case.log(), case.log()[-4000:]


def vendor(case, name, steps, port, calls=1):
    """A sipp that listens on *port*."""
    return case.peer(name, called(steps), "-m", str(calls), port=port)


def srv(priority, port, service="_sip._udp", ttl=60):
    return f'SRV("{service}.sip.vendor.test", {priority}, 10, {port}, "a.vendor.test", ttl={ttl})'


A = 'A("a.vendor.test", "127.0.0.1", ttl=60)'


def shown(case):
    """The name of the first vendor, as operators see it."""
    (row,) = [row for row in case.switch.json("gateway", "names") if row["port"] == 0]
    return row


def test_service_records_lead_past_a_vendor_that_is_silent(named):
    silent, alive = free_port(), free_port()
    named.server.start(srv(10, silent), srv(20, alive), A)
    named.begin(SS_SIP_TIMEOUT_INVITE="4")
    until(lambda: shown(named)["state"] == "fresh", what="the name")
    assert shown(named)["targets"] == [f"udp:127.0.0.1:{silent}", f"udp:127.0.0.1:{alive}"]
    peer = vendor(named, "alive", ANSWER, alive)
    named.call(CALL).succeeds()
    peer.succeeds()
    cdr = named.cdr()
    assert [row["reason"] for row in cdr["attempts"]] == ["answered"]
    assert cdr["callee_ip"] == "127.0.0.1"
    (invite,) = peer.heard("INVITE")[:1]
    assert str(invite.target.host) == "sip.vendor.test"
    assert invite.cseq.number == 2


def test_a_503_goes_on_to_the_next_address_of_the_name(named):
    busy, alive = free_port(), free_port()
    named.server.start(srv(10, busy), srv(20, alive), A)
    named.begin()
    until(lambda: shown(named)["state"] == "fresh", what="the name")
    first, second = vendor(named, "busy", REFUSES, busy), vendor(named, "alive", ANSWER, alive)
    named.call(CALL).succeeds()
    first.succeeds()
    second.succeeds()
    assert [row["reason"] for row in named.cdr()["attempts"]] == ["answered"]


def test_naptr_chooses_tcp(named):
    port = free_port()
    naptr = 'NAPTR("sip.vendor.test", 10, 10, b"S", b"SIP+D2T", b"", "_sip._tcp.sip.vendor.test", ttl=60)'
    named.server.start(naptr, srv(10, port, "_sip._tcp"), srv(10, free_port()), A)
    named.begin()
    until(lambda: shown(named)["state"] == "fresh", what="the name")
    peer = named.peer("stream", called(ANSWER), "-m", "1", "-t", "t1", port=port)
    named.call(CALL).succeeds()
    peer.succeeds()
    (invite,) = peer.heard("INVITE")
    assert invite.via.transport.upper() == "TCP"


def test_an_answer_holds_for_its_time_and_the_last_one_while_no_server_answers(named):
    before, after = free_port(), free_port()
    named.server.start(srv(10, before, ttl=1), A)
    named.begin()
    until(lambda: shown(named)["state"] == "fresh", what="the name")
    peer = vendor(named, "before", ANSWER, before)
    named.call(CALL, name="one").succeeds()
    peer.succeeds()
    named.server.stop()
    named.server.start(srv(10, after, ttl=1), A)
    until(lambda: shown(named)["targets"] == [f"udp:127.0.0.1:{after}"], 20, "the new address")
    peer = vendor(named, "after", ANSWER, after, calls=2)
    named.call(CALL, name="two").succeeds()
    named.server.stop()
    until(lambda: shown(named)["state"] == "stale", 30, "the end of the answer's time")
    began = time.monotonic()
    named.call(CALL, name="three").succeeds()
    assert time.monotonic() - began < 5
    peer.succeeds()
    assert [row["end_reason"] for row in named.cdrs(3)] == ["normal"] * 3


def test_without_any_answer_a_call_is_refused_in_time(named):
    named.begin(SS_SIP_TIMEOUT_INVITE="2")
    began = time.monotonic()
    named.call(["invite", "expect? 100", "expect 480", "failack"]).wait()
    assert time.monotonic() - began < 8
    cdr = named.cdr()
    assert cdr["attempts"][0]["reason"] == "connection_timeout"
