"""Calls that change on the way, between peers that began in different ways: hold and its end, codecs, fax, progress."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import pytest

from tests.interop.test_before_the_answer import RELIABLE_CALLER, RELIABLE_VENDOR
from tests.support.h323 import through
from tests.support.h323.responder import CAPABILITIES
from tests.support.h323.script import calls
from tests.support.peer import SDP, accepted, description
from tests.support.switch import until
from vosswitch import sdp
from vosswitch.h323 import q931
from vosswitch.h323.h245.fax import mode as fax_mode
from vosswitch.sip.grammar.message import Request

EMPTY = {"protocolIdentifier": (0, 0, 8, 245, 0, 15), "sequenceNumber": 77}
HOLD = ("request", ("terminalCapabilitySet", EMPTY))
RESUME = ("request", ("terminalCapabilitySet", CAPABILITIES[1][1] | {"sequenceNumber": 78}))
MANY = 1500
"""RTP packets: half a minute of them."""
PCMU = SDP.replace(b"RTP/AVP 8 0", b"RTP/AVP 0")
FAX = b"v=0\r\no=peer 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=image 40002 udptl t38\r\n"


def answered_by(case, caller, name, more=""):
    """A call by SIP that an endpoint has answered, with media."""
    case.begin(vendor=through.vendor_like(name, more))
    vendor = through.called(case, name, patient=True, packets=MANY)
    caller.send(caller.request("INVITE", case.number, SDP))
    answered = caller.expect(accepted("INVITE"), 15)
    caller.send(caller.request("ACK", "", answered=answered))
    until(lambda: vendor.target, 5, "media")
    time.sleep(0.3)
    return vendor, answered


def changed(caller, answered, body, seconds=20):
    """What a re-INVITE of the caller is answered with."""
    caller.send(caller.request("INVITE", "", body, answered=answered))
    found = caller.expect(lambda got: not isinstance(got, Request) and got.status >= 200, seconds)
    caller.send(caller.request("ACK", "", answered=found if found.status == 200 else answered))
    return found


def hang_up(caller, answered):
    caller.send(caller.request("BYE", "", answered=answered))
    caller.expect(accepted("BYE"))


def formats(message):
    """The codecs and the direction that a description names."""
    (media,) = sdp.parse(message.body).media
    return media.kind, media.formats, [line for line in media.lines if line in ("a=inactive", "a=sendonly")]


def heard_more(endpoint):
    """Its peer's RTP comes (again)."""
    before = len(endpoint.rtp)
    until(lambda: len(endpoint.rtp) > before + 3, 5, "RTP")


# Hold, and its end.


WAYS = itertools.product(["fast", "slowtun", "slowsep"], repeat=2)


@pytest.mark.parametrize(
    ("name", "vendor_name"),
    [*(pair for pair in WAYS if pair != ("fast", "fast")), ("a_fastQ", "slowsep")],  # "fast" has no H.245 to say it by
)
def test_an_endpoint_holds_another_and_takes_it_back(h323_case, name, vendor_name):
    """However either side began: the caller stops and resumes, and media flows both ways again."""
    case = h323_case
    case.begin(access=through.CUSTOMER, vendor=through.vendor_like(vendor_name))
    vendor = through.called(case, vendor_name, patient=True, packets=MANY)
    caller = through.caller(case, name, hold=6.0, packets=MANY)
    until(lambda: caller.rtp and vendor.rtp, 10, "media")
    if name == "fast":  # the other one does
        caller, vendor = vendor, caller
    caller.order(HOLD)
    until(lambda: vendor.responder.capabilities == [], 5, "hold")
    caller.order(RESUME)
    until(lambda: vendor.responder.capabilities, 5, "the end of hold")
    heard_more(caller)
    heard_more(vendor)
    caller.finish()
    vendor.finish()
    assert case.cdr()["end_reason"] == "normal"
    through.well_formed(caller, vendor)


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
@pytest.mark.parametrize("name", ["fast", "slowtun", "slowsep", "a_fastQ"])
def test_a_sip_caller_holds_and_takes_back(h323_case, sip_caller, name, direction):
    vendor, answered = answered_by(h323_case, sip_caller, name)
    held = changed(sip_caller, answered, description(direction=direction))
    assert held.status == 200
    until(lambda: vendor.responder.capabilities == [], 5, "hold")
    resumed = changed(sip_caller, answered, SDP)
    assert formats(resumed)[::2] == ("audio", [])
    assert until(lambda: vendor.responder.capabilities, 5, "the end of hold")
    hang_up(sip_caller, answered)
    vendor.finish()
    through.well_formed(vendor)


@pytest.mark.parametrize("name", ["slowtun", "slowsep", "a_fastQ"])
def test_an_endpoint_holds_a_sip_vendor_and_takes_it_back(h323_case, sip_vendor, name):
    case = h323_case
    case.begin(access=through.CUSTOMER)
    caller = through.caller(case, name, patient=True, packets=MANY)
    invite = sip_vendor.expect("INVITE")
    sip_vendor.reply(invite, 200, SDP)
    sip_vendor.expect("ACK")
    until(lambda: caller.target, 5, "media")
    time.sleep(0.3)
    caller.order(HOLD)
    held = sip_vendor.expect("INVITE")
    assert formats(held)[2]
    sip_vendor.reply(held, 200, description(direction="inactive"))
    sip_vendor.expect("ACK")
    caller.order(RESUME)
    resumed = sip_vendor.expect("INVITE")
    assert formats(resumed)[::2] == ("audio", [])
    sip_vendor.reply(resumed, 200, SDP)
    sip_vendor.expect("ACK")
    until(lambda: caller.responder.channels or not caller.heard("closeLogicalChannel"), 5, "our channel")
    sip_vendor.send(sip_vendor.within(invite, "BYE"))
    sip_vendor.expect(accepted("BYE"))
    caller.finish()
    through.well_formed(caller)


# Another codec.


@pytest.mark.parametrize("name", ["fast", "slowtun", "slowsep", "a_fastQ"])
def test_a_sip_caller_changes_the_codec(h323_case, sip_caller, name):
    """The endpoint's channels are of the new codec, and so is what the caller is told."""
    vendor, answered = answered_by(h323_case, sip_caller, name)
    found = changed(sip_caller, answered, PCMU)
    assert found.status == 200
    assert formats(found)[1] == ("0",)
    assert set(vendor.responder.channels.values()) == {"g711Ulaw64k"}
    hang_up(sip_caller, answered)
    vendor.finish()
    assert h323_case.cdr()["end_reason"] == "normal"
    through.well_formed(vendor)


# Fax that one side does not take.


@pytest.mark.parametrize("name", ["slowtun", "slowsep", "a_fastQ"])
@pytest.mark.parametrize("how", ["rejected", "off", "silence"])
def test_fax_that_an_endpoint_does_not_take(h323_case, sip_caller, name, how):
    """488 for the caller, and speech goes on."""
    vendor, answered = answered_by(h323_case, sip_caller, name, "h323_t38 = false" if how == "off" else "")
    sip_caller.send(sip_caller.request("INVITE", "", FAX, answered=answered))
    if how == "rejected":
        until(lambda: any("requestMode" in each.what for each in vendor.said) or vendor_refused(sip_caller), 5, "it")
        vendor.order(("response", ("requestModeReject", {"sequenceNumber": 1, "cause": ("requestDenied", 0)})))
    found = sip_caller.expect(lambda got: not isinstance(got, Request) and got.status >= 200, 20)
    sip_caller.send(sip_caller.request("ACK", "", answered=answered))
    assert found.status == 488
    heard_more_or_same = changed(sip_caller, answered, SDP)
    assert heard_more_or_same.status == 200
    hang_up(sip_caller, answered)
    vendor.finish()
    assert h323_case.cdr()["end_reason"] == "normal"


@pytest.mark.parametrize("name", ["slowtun", "slowsep", "a_fastQ"])
def test_fax_that_a_sip_vendor_does_not_take(h323_case, sip_vendor, name):
    """The endpoint asks, the vendor's 488 is requestModeReject, and the call goes on."""
    case = h323_case
    case.begin(access=through.CUSTOMER)
    caller = through.caller(case, name, patient=True, packets=MANY)
    invite = sip_vendor.expect("INVITE")
    sip_vendor.reply(invite, 200, SDP)
    sip_vendor.expect("ACK")
    until(lambda: caller.target, 5, "media")
    time.sleep(0.7)
    fax = {"type": ("dataMode", fax_mode())}
    caller.order(("request", ("requestMode", {"sequenceNumber": 9, "requestedModes": [[fax]]})))
    asked = sip_vendor.expect("INVITE")
    assert formats(asked)[0] == "image"
    sip_vendor.reply(asked, 488)
    sip_vendor.expect("ACK")
    until(lambda: any("requestModeReject" in each.what.split() for each in caller.said), 5, "the refusal")
    sip_vendor.send(sip_vendor.within(invite, "BYE"))
    sip_vendor.expect(accepted("BYE"))
    caller.finish()
    assert case.cdr()["end_reason"] == "normal"


def vendor_refused(caller):
    """It was refused before the endpoint was asked: its capabilities do not name fax."""
    caller.socket.setblocking(False)
    try:
        return bool(caller.socket.recv(65536, 2))  # MSG_PEEK
    except BlockingIOError:
        return False
    finally:
        caller.socket.setblocking(True)


# Before the answer.


@pytest.mark.parametrize("name", ["fast", "a_fastQ"])
def test_a_reliable_vendor_behind_an_endpoint(h323_case, name):
    case = h323_case
    case.begin(access=through.CUSTOMER, vendor='reliable = "required"')
    steps = [*RELIABLE_VENDOR[:-2], "pause 500", "bye", "expect 200"]
    vendor = case.vendor("first", steps, "-rtp_echo")
    caller = through.caller(case, name, patient=True)
    caller.finish()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["codec"]) == ("normal", "PCMA")
    through.talked(caller, b"caller")
    heard = [*caller.heard("Progress"), *caller.heard("Alerting")]
    assert heard
    assert q931.decode(heard[0].data).element(q931.PROGRESS_INDICATOR) == b"\x80\x88"
    through.well_formed(caller)


@pytest.mark.parametrize("name", ["a_183", "a_fastQ"])
def test_a_reliable_caller_hears_an_endpoint_before_it_answers(h323_case, name):
    case = h323_case
    case.begin(access='reliable = "supported"', vendor=through.vendor_like(name))
    vendor = through.called(case, name, patient=True, pause=0.5, packets=MANY)
    steps = [step.replace("183", "180") if name == "a_fastQ" else step for step in RELIABLE_CALLER]
    if name == "a_183":  # and rings then
        steps[5:5] = ["expect 180 rseq", "prack", "expect 200"]
    call = case.call(steps, "-rtp_echo")
    call.succeeds()
    vendor.finish()
    assert case.cdr()["end_reason"] == "normal"
    through.talked(vendor, b"called")


def test_ringing_without_media_and_then_an_answer_with_fast_start(h323_case, sip_caller):
    case = h323_case
    fast, slow = calls()["fast"], calls()["a_slowtun"]
    at = next(place for place, step in enumerate(fast.steps) if step.kind == "CallProceeding") + 1
    (alerting,) = [step for step in slow.steps if step.kind == "Alerting"]
    rings = replace(fast, name="rings", steps=(*fast.steps[:at], alerting, *fast.steps[at:]))
    case.begin(vendor=through.vendor_like(rings))
    vendor = through.called(case, rings, patient=True, pause=0.3)
    sip_caller.send(sip_caller.request("INVITE", case.number, SDP))
    early = sip_caller.expect(180)
    assert early.body == b""
    answered = sip_caller.expect(accepted("INVITE"))
    assert formats(answered)[1] == ("8",)
    sip_caller.send(sip_caller.request("ACK", "", answered=answered))
    hang_up(sip_caller, answered)
    vendor.finish()
    assert case.cdr()["pdd_ms"] < 1000
