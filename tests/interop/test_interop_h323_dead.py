"""Peers that stop to answer: asked for signs of life, released, billed up to then; those that answer go on."""

from __future__ import annotations

import pytest

from tests.support.h323 import through
from tests.support.sipp import ANSWER
from tests.support.switch import until

WAITS = ["invite", "expect? 100", "expect? 180", "expect? 183", "expect 200", "ack", "receive BYE", "reply 200"]
QUICK = {"VS_H323_KEEPALIVE_INTERVAL": "1", "VS_H323_KEEPALIVE_COUNT": "2"}
LIMIT = 3.0
"""Seconds of silence that end a call then."""
MODES = pytest.mark.parametrize("name", ["fast", "slowtun", "slowsep", "a_fastsep", "h245setup"])


def asked(endpoint):
    """How often it was asked for a sign of life, in either way."""
    return endpoint.has("heard", "roundTripDelayRequest") + endpoint.has("heard", "StatusInquiry")


@MODES
def test_a_vendor_that_is_dead(h323_case, name):
    case = h323_case
    case.begin(vendor=through.vendor_like(name), **QUICK)
    vendor = through.called(case, name, patient=True)
    call = case.call(WAITS)
    through.talking(case)
    until(lambda: asked(vendor), 10, "a question")
    vendor.freeze()
    call.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["end_direction"]) == ("session_timeout", -27, 1)
    assert LIMIT * 1000 - 500 < cdr["hold_time_ms"] < 20_000
    assert case.paid() > 0


@MODES
def test_a_caller_that_is_dead(h323_case, name):
    case = h323_case
    case.begin(access=through.CUSTOMER + '\nh323_keep_alive = "strict"', **QUICK)
    vendor = case.vendor("first", ANSWER)
    caller = through.caller(case, name, patient=True)
    through.talking(case)
    caller.freeze()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["end_direction"]) == ("session_timeout", -27, 0)
    assert LIMIT * 1000 - 500 < cdr["hold_time_ms"] < 20_000
    assert case.paid() > 0


@MODES
def test_a_silent_peer_that_answers_is_not_dead(h323_case, name):
    """Asked again and again for longer than a dead one would last."""
    case = h323_case
    case.begin(vendor=through.vendor_like(name), access=through.CUSTOMER, **QUICK)
    vendor = through.called(case, name, patient=True)
    caller = through.caller(case, name, patient=True)
    through.talking(case)
    until(lambda: asked(vendor) > 3 and asked(caller) > 3, 30, "questions")
    through.talking(case)
    vendor.stop()
    caller.finish()
    assert case.cdr()["end_reason"] == "session_timeout"
    through.well_formed(caller)
