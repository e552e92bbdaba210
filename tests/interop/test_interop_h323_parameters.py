"""What each system parameter of H.323 changes, in a running switch."""

from __future__ import annotations

import socket
import time

import pytest

from tests.support.case import Case, h323_switch
from tests.support.h323 import through
from tests.support.h323.script import uuie
from tests.support.peer import SDP, Peer, accepted
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import until
from vosswitch.h323 import q931


@pytest.fixture(scope="module")
def switch(tmp_path_factory):
    """One of its own: a case takes its parameters back to their defaults, not to those of the shared switch."""
    made = h323_switch(tmp_path_factory.mktemp("switch"))
    made.start()
    until(lambda: any("h323" in one for one in made.json("node", "status")[0]["listen"]), 60, "H.323")
    yield made
    assert made.stop() == 0
    assert "Traceback" not in made.log()


@pytest.fixture
def case(tmp_path, switch):
    made = Case(tmp_path, switch)
    yield made
    made.end()


@pytest.fixture
def silent_vendor(case):
    """It takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        case.ports["first"] = listening.getsockname()[1]
        yield listening


def attempts(case):
    return [(row["reason"], 900 <= row["duration_ms"] < 4000) for row in case.cdr()["attempts"]]


def test_how_long_anything_is_waited_for(case, silent_vendor):
    case.begin(vendor=through.vendor_like("fast"), SS_H323_TIMEOUT_SETUP="1")
    case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    assert attempts(case)[0] == ("connection_timeout", True)
    assert case.cdr()["routing_gateway"] == f"second{case.n}"


@pytest.mark.parametrize(
    ("parameter", "name", "reason"),
    [
        ("SS_H323_TIMEOUT_CALLPROCEEDING", "fast", "response_timeout"),
        ("SS_H323_TIMEOUT_CALLPROCEEDING_OLC", "a_183", "no_answer"),
        ("SS_H323_TIMEOUT_ALERTING", "a_180slow", "no_answer"),
    ],
)
def test_how_long_the_next_step_is_waited_for(case, parameter, name, reason):
    """Each counts from the message that it is named after; the others are longer."""
    case.begin(vendor=through.vendor_like(name), other="locked = true", **{parameter: "1"})
    left_out = ("Connect",) if "ALERTING" in parameter else ("Connect", "Alerting")
    vendor = through.called(case, name, patient=True, leave_out=left_out)
    caller = case.call(["invite", "expect? 100", "expect? 183", "expect? 180", "expect? 183", "expect 408", "failack"])
    until(lambda: case.switch.json("cdr", "list", "--account", f"C{case.n}"), 15, "the record")
    assert attempts(case) == [(reason, True)]
    caller.stop()
    vendor.stop()


@pytest.mark.parametrize(
    ("method", "told"), [("H.245 alphanumeric", "alphanumeric"), ("H.245 signal", "signal"), ("Q.931 keypad", "keypad")]
)
def test_how_digits_are_sent(case, method, told):
    """To a gateway that has no method of its own."""
    case.begin(vendor=through.vendor_like("slowtun"), SS_H323_DTMF_METHOD=method)
    vendor = through.called(case, "slowtun", patient=True)
    caller = Peer(case.switch.port, host=case.host)
    case.peers.append(caller)
    caller.send(caller.request("INVITE", case.number, SDP))
    answered = caller.expect(accepted("INVITE"), 15)
    caller.send(caller.request("ACK", "", answered=answered))
    time.sleep(0.3)
    info = caller.request("INFO", "", answered=answered)
    info.add("content-type", "application/dtmf-relay")
    info.body = b"Signal=7\r\nDuration=200\r\n"
    caller.send(info)
    caller.expect(accepted("INFO"))
    if told == "keypad":
        (heard,) = until(lambda: vendor.heard("Information"), 5, "it")
        assert q931.decode(heard.data).element(q931.KEYPAD) == b"7"
    else:
        (heard,) = until(lambda: vendor.heard("userInput"), 5, "it")
        assert told.encode() in repr(through.decoded(heard)).encode()
    caller.send(caller.request("BYE", "", answered=answered))
    caller.expect(accepted("BYE"))
    vendor.finish()


def test_where_h245_is_waited_for(case):
    case.begin(access=through.CUSTOMER, SS_H245_PORT_RANGE="24100,24109")
    vendor = case.vendor("first", ANSWER)
    caller = through.caller(case, "slowsep")
    caller.finish()
    vendor.succeeds()
    told = [uuie(each.data)["h323-message-body"][1].get("h245Address") for each in caller.heard("h245Address")]
    assert told
    assert all(24100 <= address[1]["port"] <= 24109 for address in told)
    assert case.cdr()["end_reason"] == "normal"


def test_a_node_that_is_drained_takes_no_call_and_keeps_those_that_are_up(case):
    """Cause 42 (congestion) at once, as 503 by SIP; the call before it goes on and is billed."""
    case.begin(access=through.CUSTOMER, vendor=through.vendor_like("slowtun"))
    vendor = through.called(case, "slowtun", patient=True)
    first = through.caller(case, "fast", hold=3.0)
    until(lambda: [call for call in case.running() if call["state"] == "talking"], 10, "the call")
    case.switch.cli("drain")
    try:
        refused = through.caller(case, "fast", patient=True)
        refused.finish()
        assert refused.cause == 42
        assert not refused.heard("Connect")
        first.finish()
        vendor.finish()
    finally:
        case.switch.cli("drain", "--off")
    assert ("normal", 3) in [(row["end_reason"], round(row["hold_time_ms"] / 1000)) for row in case.cdrs(1)]
    again = through.called(case, "slowtun", patient=True)
    through.caller(case, "fast").finish()
    again.finish()
