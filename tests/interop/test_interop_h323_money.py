"""Money and records of calls with an H.323 side when something goes wrong on the way."""

from __future__ import annotations

import signal
from decimal import Decimal

import pytest

from tests.support.case import Case, h323_switch
from tests.support.h323 import through
from tests.support.peer import Peer
from tests.support.processes import child, own
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import until

BEGINS = ["expect? 100", "expect? 180", "expect? 183", "expect 200"]
LATE = ["invite late", *BEGINS, "ack sdp", "pause 600", "bye", "expect 200"]
WAITS = ["invite", *BEGINS, "ack", "receive BYE", "reply 200"]
LONG = 400
"""RTP packets, 8 s of them: media is still there after a failover."""


@pytest.fixture
def own_case(tmp_path):
    """A case in a switch of its own, whose H.323 process may be killed."""
    (tmp_path / "switch").mkdir()
    made = Case(tmp_path, h323_switch(tmp_path / "switch"))
    yield made
    made.end()
    made.switch.stop()


def ready(case):
    """Its H.323 process listens."""
    until(lambda: any("h323" in one for one in case.switch.json("node", "status")[0]["listen"]), 60, "H.323")


def tried(case):
    """The record of the case's only call, and how each of its attempts ended."""
    cdr = case.cdr()
    return cdr, [attempt["reason"] for attempt in cdr["attempts"]]


@pytest.mark.parametrize("name", ["fast", "slowtun", "slowsep"])
def test_a_late_offer_of_a_sip_caller(h323_case, name):
    """An INVITE without a description: the endpoint's capabilities are the offer."""
    case = h323_case
    case.begin(vendor=through.vendor_like(name))
    vendor = through.called(case, name, patient=True)
    case.call(LATE, "-rtp_echo").succeeds()
    vendor.finish()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["codec"]) == ("normal", "PCMA")
    assert case.paid() == cdr["billed_seconds"] * Decimal("0.01") > 0
    through.talked(vendor, b"called")


@pytest.mark.parametrize("name", ["fast", "slowtun", "slowsep", "a_fastQ"])
def test_a_call_ends_with_the_money(h323_case, name):
    case = h323_case
    case.begin(balance="0.02", access=through.CUSTOMER)
    vendor = case.vendor("first", ANSWER)
    caller = through.caller(case, name, patient=True)
    caller.finish()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["hold_time_ms"], cdr["fee"]) == ("balance_exhausted", 2000, "0.02")
    assert case.paid() == Decimal("0.02")


def test_a_call_without_money_is_refused(h323_case):
    case = h323_case
    case.begin(balance="0", access=through.CUSTOMER)
    caller = through.caller(case, "fast", patient=True)
    caller.finish()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["sip_status"], caller.cause) == ("insufficient_balance", 403, 21)
    assert (cdr["fee"], case.paid()) == ("0", 0)


@pytest.mark.parametrize("second", ["sip", "h323"])
@pytest.mark.parametrize("name", ["fast", "slowtun", "slowsep"])
def test_a_vendor_that_fails_with_its_channels_open(h323_case, name, second):
    """It was heard already (Progress); the next one has the call, and its media."""
    case = h323_case
    other = through.vendor_like("slowsep") if second == "h323" else ""
    case.begin(access=through.CUSTOMER, vendor=through.vendor_like("a_183"), other=other)
    first = through.called(case, "a_183", hang_up="Progress", cause=41, pause=0.5)
    if second == "sip":
        case.vendor("second", ANSWER, "-rtp_echo")
    else:
        through.called(case, "slowsep", "second", patient=True)
    caller = through.caller(case, name, hold=1.0, packets=LONG)
    first.finish()
    caller.finish()
    cdr, reasons = tried(case)
    assert (reasons, cdr["end_reason"], cdr["codec"]) == (["service_unavailable", "answered"], "normal", "PCMA")
    assert case.paid() == cdr["billed_seconds"] * Decimal("0.01") > 0
    through.talked(caller, b"caller" if second == "sip" else b"called")


@pytest.mark.parametrize("name", ["a_slowsep", "a_slowtun"])
def test_a_vendor_that_hangs_up_before_its_media(h323_case, name):
    """Connect, and no channel: the attempt says both, and the next vendor has the call."""
    case = h323_case
    case.begin(vendor=through.vendor_like(name))
    first = through.called(case, name, leave_out=("Alerting",), hang_up="Connect", pause=0)
    second = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    first.finish()
    second.succeeds()
    cdr = case.cdr()
    outcomes = [(attempt["status"], attempt["reason"]) for attempt in cdr["attempts"]]
    assert (outcomes, cdr["end_reason"]) == ([(200, "rtp_timeout"), (200, "answered")], "normal")
    assert case.paid() == cdr["billed_seconds"] * Decimal("0.01") > 0


def test_a_vendor_that_rings_and_hangs_up_before_its_media(h323_case):
    """Nobody else is called after ringing: the caller hears 480 and pays nothing, nor does the vendor get anything."""
    case = h323_case
    case.begin(vendor=through.vendor_like("a_slowtun"))
    vendor = through.called(case, "a_slowtun", hang_up="Connect", pause=0)
    case.call(["invite", *BEGINS[:3], "expect 480", "failack"]).succeeds()
    vendor.finish()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["sip_status"], cdr["answer"]) == ("rtp_timeout", 480, None)
    assert [(attempt["status"], attempt["reason"]) for attempt in cdr["attempts"]] == [(200, "rtp_timeout")]
    assert (case.paid(), case.paid("V")) == (0, 0)


def test_open_channels_may_stop_the_failover(h323_case):
    case = h323_case
    case.begin(access=through.CUSTOMER, vendor=through.vendor_like("a_183"), SS_H323_STOP_SWITCH_AFTER_OLC="On")
    first = through.called(case, "a_183", hang_up="Progress", cause=41, pause=0.5)
    caller = through.caller(case, "fast")
    first.finish()
    caller.finish()
    assert tried(case)[1] == ["service_unavailable"]
    assert (caller.cause, case.paid()) == (41, 0)


def test_the_next_vendor_has_another_codec(h323_case):
    """The caller's channel stands with G.711A by then: it is changed."""
    case = h323_case
    case.begin(access=through.CUSTOMER, vendor=through.vendor_like("a_183"), other=through.vendor_like("fast"))
    first = through.called(case, "a_183", hang_up="Progress", cause=41, pause=0.5)
    through.called(case, "fast", "second", patient=True, codec=("g711Ulaw64k", 20))
    caller = through.caller(case, "a_fastQ", hold=1.5)
    first.finish()
    caller.finish()
    cdr, reasons = tried(case)
    assert (reasons[1:], cdr["codec"]) == (["answered"], "PCMU")
    assert list(caller.responder.channels.values())[-1:] == ["g711Ulaw64k"]


def test_a_vendor_of_sip_and_then_one_of_h323(h323_case):
    case = h323_case
    case.begin(access=through.CUSTOMER, other=through.vendor_like("slowsep"))
    case.vendor("first", ["receive INVITE", "send 503", "receive ACK"])
    second = through.called(case, "slowsep", "second", patient=True)
    caller = through.caller(case, "fast", hold=1.0)
    caller.finish()
    second.finish()
    cdr, reasons = tried(case)
    assert (reasons, cdr["codec"]) == (["service_unavailable", "answered"], "PCMA")
    through.talked(caller, b"called")


def test_the_connection_to_a_vendor_breaks(h323_case):
    """The caller is told at once, and pays for what he had."""
    case = h323_case
    case.begin(vendor=through.vendor_like("fast"))
    vendor = through.called(case, "fast", patient=True)
    call = case.call(WAITS)
    through.talking(case)
    vendor.stop()
    call.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["end_direction"], cdr["fee"]) == ("session_timeout", 1, "0.01")


def test_the_connection_of_a_caller_breaks(h323_case):
    case = h323_case
    case.begin(access=through.CUSTOMER)
    vendor = case.vendor("first", ANSWER)
    caller = through.caller(case, "fast", patient=True)
    through.talking(case)
    caller.stop()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["end_direction"], cdr["fee"]) == ("session_timeout", 0, "0.01")


def test_the_process_dies_while_a_vendor_rings_and_while_a_caller_waits(own_case):
    """The attempt by H.323 goes on with the next vendor, of SIP; a caller by H.323 is gone and pays nothing."""
    case = own_case
    case.begin(vendor=through.vendor_like("a_fastQ"))
    ready(case)
    first = through.called(case, "a_fastQ", leave_out=("Alerting", "Connect"), patient=True)
    case.vendor("second", ANSWER)
    call = case.call(CALL)
    until(lambda: first.has("heard", "Setup"), 10, "Setup")
    dead = child(case.switch.process.pid, "vosswitch.h323")
    own(dead, signal.SIGKILL)
    call.succeeds()
    assert tried(case)[1] == ["connection_timeout", "answered"]

    until(lambda: child(case.switch.process.pid, "vosswitch.h323") not in (None, dead), 10, "the next process")
    ready(case)
    vendor = Peer(case.switch.port)
    case.peers.append(vendor)
    case.ports["first"] = vendor.port
    case.begin(access=through.CUSTOMER)
    before = case.paid()
    through.caller(case, "fast", patient=True)
    invite = vendor.expect("INVITE")
    vendor.reply(invite, 180)
    own(child(case.switch.process.pid, "vosswitch.h323"), signal.SIGKILL)
    vendor.reply(vendor.expect("CANCEL"), 200)
    vendor.reply(invite, 487)
    assert case.cdrs(2)[0]["end_reason"] == "switch_restart"
    assert case.paid() == before
