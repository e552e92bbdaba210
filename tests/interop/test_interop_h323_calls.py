"""Each recorded H.323 call against the running switch: the scripted side calls a SIP vendor, a SIP caller calls it."""

from __future__ import annotations

import itertools
import socket
from decimal import Decimal

import pytest

from tests.support.h323 import through
from tests.support.h323.script import calls
from tests.support.peer import SDP, Peer
from tests.support.sipp import ANSWER, CALL
from vosswitch.h323.h225 import Facility, ReleaseComplete, Setup, read, write
from vosswitch.h323.tpkt import Framer, framed
from vosswitch.model.values import Address

ANSWERED = [name for name, call in calls().items() if call.answered]
PROMPT = [*ANSWER[:4], "receive ACK", "receive BYE", "send 200"]
HANGS_UP = [*ANSWER[:4], "receive ACK", "pause 600", "bye", "expect 200"]
CALLED_UP = ["invite", "expect? 100", "expect? 183", "expect? 180", "expect? 183", "expect 200", "ack"]
WAITS = [*CALLED_UP, "receive BYE", "reply 200"]
ENDS = [*CALLED_UP, "pause 600", "bye", "expect 200"]


def billed(case, direction=None, codec="PCMA"):
    """The record of the case's only call, which was answered, and paid."""
    cdr = case.cdr()
    assert (cdr["caller"], cdr["callee"], cdr["end_reason"]) == ("4312345", case.number, "normal")
    assert (cdr["codec"], cdr["rate_prefix"]) == (codec, case.prefix)
    assert 100 <= cdr["hold_time_ms"] < 8000
    assert [attempt["reason"] for attempt in cdr["attempts"]] == ["answered"]
    assert direction is None or cdr["end_direction"] == direction
    fee = cdr["billed_seconds"] * Decimal("0.01")
    assert (Decimal(cdr["fee"]), Decimal(cdr["cost"])) == (fee, fee / 2)
    assert (case.paid(), case.paid("V")) == (fee, fee / 2)
    return cdr


@pytest.mark.parametrize("name", ANSWERED)
def test_a_recorded_caller_reaches_a_sip_vendor(h323_case, name):
    """Numbers arrive, media comes back through the relay, whoever hung up does, and the call is billed."""
    case, recorded = h323_case, calls()[name]
    case.begin(access=through.CUSTOMER)
    vendor = case.vendor("first", PROMPT if recorded.releaser == "caller" else HANGS_UP, "-rtp_echo")
    caller = through.caller(case, name, hold=0.6)
    caller.finish()
    vendor.succeeds()
    (invite,) = vendor.heard("INVITE")
    assert (invite.target.user, invite.from_.uri.user) == (case.number, "4312345")
    billed(case, 0 if recorded.releaser == "caller" else 1)
    through.talked(caller, b"caller")
    through.well_formed(caller)


@pytest.mark.parametrize("name", ANSWERED)
def test_a_sip_caller_reaches_a_recorded_vendor(h323_case, name):
    """The switch begins the call as the recorded caller did."""
    case, recorded = h323_case, calls()[name]
    case.begin(vendor=through.vendor_like(name))
    vendor = through.called(case, name, hold=0.6)
    call = case.call(ENDS if recorded.releaser == "caller" else WAITS, "-rtp_echo")
    vendor.finish()
    call.succeeds()
    assert vendor.heard("Setup")
    billed(case, 0 if recorded.releaser == "caller" else 1, "PCMU" if name == "iw-1" else "PCMA")
    through.talked(vendor, b"called")
    through.well_formed(vendor)


@pytest.mark.parametrize(
    ("name", "vendor_name"),
    [
        *itertools.product(["fast", "slowsep", "slowtun", "h245setup"], ["fast", "slowsep", "slowtun", "y_sep"]),
        *itertools.product(["ao_fast", "ao_slow"], ["ao_slow", "ao_q931"]),
        *(("fast", "h245setup"), ("a_slowtun", "h245setup"), ("a_fastQ", "a_slowtun"), ("mixT", "a_180slow")),
    ],
)
def test_a_recorded_caller_reaches_a_recorded_vendor(h323_case, name, vendor_name):
    """Any way to begin on one side, any other on the other."""
    case = h323_case
    case.begin(access=through.CUSTOMER, vendor=through.vendor_like(vendor_name))
    vendor = through.called(case, vendor_name, hold=0.6)
    caller = through.caller(case, name, hold=0.6)
    caller.finish()
    vendor.finish()
    billed(case)
    through.talked(caller, b"called")
    through.talked(vendor, b"caller")
    assert vendor.facts.identifier  # each leg has its own
    through.well_formed(caller, vendor)


# Refused.


@pytest.mark.parametrize(("name", "status"), [("a_rel404", 404), ("a_rel480", 480), ("a_rel486", 486), ("iw-2", 404)])
def test_a_recorded_refusal_is_a_sip_status(h323_case, name, status):
    case = h323_case
    case.begin(vendor=through.vendor_like(name))
    vendor = through.called(case, name)
    call = case.call(["invite", "expect? 100", f"expect {status}", "failack"])
    vendor.finish()
    call.succeeds()
    cdr = case.cdr()
    assert cdr["sip_status"] == status
    assert (cdr["answer"], case.paid()) == (None, 0)
    through.well_formed(vendor)


@pytest.mark.parametrize(("status", "cause"), [(404, 1), (480, 18), (486, 17), (503, 41)])
def test_a_sip_status_is_a_cause(h323_case, status, cause):
    case = h323_case
    case.begin(access=through.CUSTOMER)
    refuse = ["receive INVITE", "send 100", f"send {status}", "receive ACK"]
    first = case.vendor("first", refuse)
    if status == 503:
        case.vendor("second", refuse)
    caller = through.caller(case, "fast")
    caller.finish()
    first.succeeds()
    assert caller.cause == cause
    assert (case.cdr()["sip_status"], case.paid()) == (status, 0)
    through.well_formed(caller)


def test_a_vendor_that_has_no_line_is_passed_over(h323_case):
    """The first vendor refuses with a cause that another one may do better with: the second, of SIP, has the call."""
    case = h323_case
    case.begin(access=through.CUSTOMER, vendor=through.vendor_like("fast"))
    first = through.called(case, "fast", hang_up="Setup", cause=34)
    second = case.vendor("second", ANSWER, "-rtp_echo")
    caller = through.caller(case, "fast", hold=0.6)
    caller.finish()
    first.finish()
    second.succeeds()
    cdr = case.cdr()
    assert [attempt["name"] for attempt in cdr["attempts"]] == [f"first{case.n}", f"second{case.n}"]
    assert cdr["end_reason"] == "normal"
    through.talked(caller, b"caller")


def test_a_vendor_that_is_not_there_is_passed_over(h323_case):
    """Nobody listens at its address."""
    case = h323_case
    case.begin(vendor=through.vendor_like("fast"))
    second = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    second.succeeds()
    assert [attempt["reason"] for attempt in case.cdr()["attempts"]][1:] == ["answered"]


# Hung up early.


@pytest.mark.parametrize("stage", ["Setup", "CallProceeding", "Alerting", "Connect"])
@pytest.mark.parametrize("name", ["fast", "slowsep", "slowtun"])
def test_the_caller_may_hang_up_at_each_stage(h323_case, name, stage):
    case = h323_case
    case.begin(access=through.CUSTOMER, vendor=through.vendor_like("a_slowtun"))
    through.called(case, "a_slowtun", patient=True, pause=0.2)
    caller = through.caller(case, name, hang_up=stage)
    caller.finish()
    cdr = case.cdr()
    assert cdr["end_direction"] == 0
    assert cdr["end_reason"] in (("normal",) if stage == "Connect" else ("caller_abandoned",))


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        *itertools.product(["a_fastQ", "a_slowsep", "a_slowtun"], ["Setup", "CallProceeding", "Alerting"]),
        ("a_fastQ", "Connect"),  # in slow start the call is answered only when media stands
    ],
)
def test_the_vendor_may_hang_up_at_each_stage(h323_case, name, stage):
    case = h323_case
    case.begin(access=through.CUSTOMER, vendor=through.vendor_like(name))
    vendor = through.called(case, name, hang_up=stage, cause=16 if stage == "Connect" else 17)
    caller = through.caller(case, "fast", patient=True)
    vendor.finish()
    caller.finish()
    assert caller.cause == (16 if stage == "Connect" else 17)
    assert case.cdr()["end_reason"] == ("normal" if stage == "Connect" else "busy")
    through.well_formed(vendor, caller)


@pytest.mark.parametrize("name", ["a_fastQ", "a_slowsep", "a_slowtun"])
def test_a_sip_caller_gives_up_while_an_endpoint_rings(h323_case, name):
    case = h323_case
    case.begin(vendor=through.vendor_like(name))
    vendor = through.called(case, name, leave_out=("Connect",), patient=True)
    caller = Peer(case.switch.port, host=case.host)
    case.peers.append(caller)
    invite = caller.request("INVITE", case.number, SDP)
    caller.send(invite)
    caller.expect(180)
    caller.send(caller.follow("CANCEL", invite))
    caller.send(caller.follow("ACK", invite, caller.expect(487)))
    vendor.finish()
    assert vendor.cause == 16
    assert (case.cdr()["end_reason"], case.paid()) == ("caller_abandoned", 0)


# Sent elsewhere.


def forwards(listener, to):
    """Take one call there and send it elsewhere, to a port of this host; gives all that was said on the connection."""
    connection, _ = listener.accept()
    with connection:
        framer, heard = Framer(), []
        while data := connection.recv(4096):
            for message in framer.feed(data):
                heard.append(read(message))
                if isinstance(heard[-1], Setup):
                    marks = {"reference": heard[0].reference, "call_identifier": heard[0].call_identifier}
                    there = Address("127.0.0.1", to, "h323")
                    said = Facility(**marks, reason="callForwarded", alternative_address=there)
                    connection.sendall(framed(write(said, from_destination=True)))
    return heard


def test_a_vendor_sends_the_call_elsewhere(h323_case):
    """Its gateway is set to follow: the same attempt goes on there, with a Setup of its own."""
    case = h323_case
    case.begin(vendor=through.vendor_like("fast", 'redirects = "follow"'))
    with socket.create_server((case.vendor_host, case.ports["first"])) as listener:
        listener.settimeout(20)
        call = case.call(ENDS, "-rtp_echo")
        vendor = through.called(case, "fast", "second", hold=5)
        setup, release = forwards(listener, case.ports["second"])
    vendor.finish()
    call.succeeds()
    assert release.reason == "facilityCallDeflection"
    assert vendor.facts.identifier != setup.call_identifier
    (attempt,) = billed(case, 0)["attempts"]
    assert attempt["redirects"] == [f"h323:{case.number}@127.0.0.1:{case.ports['second']}"]
    through.talked(vendor, b"called")
    through.well_formed(vendor)


def test_a_vendor_that_may_not_send_the_call_elsewhere(h323_case):
    """The default: a refusal, as a 3xx is."""
    case = h323_case
    case.begin(vendor=through.vendor_like("fast"))
    with socket.create_server((case.vendor_host, case.ports["first"])) as listener:
        listener.settimeout(20)
        call = case.call(["invite", "expect? 100", "expect 480", "failack"])
        _, release = forwards(listener, case.ports["second"])
    call.succeeds()
    assert isinstance(release, ReleaseComplete)
    (attempt,) = case.cdr()["attempts"]
    assert (attempt["status"], attempt["reason"], case.paid()) == (302, "client_error", 0)
