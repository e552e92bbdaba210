"""Who is known by one protocol is nobody by the other; where a peer cannot send us."""

from __future__ import annotations

import socket

import pytest

from tests.support.h323 import through
from tests.support.sipp import ANSWER, CALL


def test_the_address_of_a_sip_gateway_calls_in_vain_by_h323(h323_case):
    """Its connection is closed before anything is read; there is no record of it."""
    case = h323_case
    case.begin()
    caller = through.caller(case, "fast", patient=True)
    caller.join(10)
    assert not caller.heard("CallProceeding")
    assert not caller.heard("ReleaseComplete")
    assert caller.heard("closed") or caller.error is not None
    case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    assert case.cdr()["end_reason"] == "normal"


def test_the_address_of_an_h323_gateway_calls_in_vain_by_sip(h323_case):
    h323_case.begin(access=through.CUSTOMER)
    h323_case.call(["invite", "expect? 100", "expect 403", "failack"]).succeeds()


def test_h245_goes_to_no_other_place_of_this_machine(h323_case):
    """A vendor names the port of somebody else here: nobody connects to it, and the attempt fails at once."""
    case = h323_case
    with socket.create_server(("127.77.0.1", 0)) as other:
        other.settimeout(0.1)
        case.begin(vendor=through.vendor_like("slowsep"), other="locked = true")
        vendor = through.called(case, "slowsep", patient=True)
        vendor.facts.control = other.getsockname()
        case.call(["invite", "expect? 100", "expect? 180", "expect 480", "failack"]).succeeds()
        with pytest.raises(TimeoutError):
            other.accept()
    (attempt,) = case.cdr()["attempts"]
    assert (attempt["reason"], attempt["status"], case.paid()) == ("rtp_timeout", 200, 0)
