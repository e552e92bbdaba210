"""Causes across both protocols: the tables, Reason before and after the answer, and what an operator sets."""

from __future__ import annotations

import pytest

from tests.support.h323 import through
from tests.support.peer import SDP, accepted
from vosswitch.sip.grammar.message import Request

TO_SIP = {1: 404, 17: 486, 18: 408, 20: 480, 21: 403, 22: 410, 27: 502, 28: 484, 34: 503, 65: 488, 102: 504, 127: 500}


def refused(case, caller):
    """The final answer to a call by SIP."""
    invite = caller.request("INVITE", case.number, SDP)
    caller.send(invite)
    found = caller.expect(lambda got: not isinstance(got, Request) and got.status >= 300, 15)
    caller.send(caller.follow("ACK", invite, found))
    return found


@pytest.mark.parametrize(("cause", "status"), [*TO_SIP.items(), (16, 480), (31, 480)])
def test_a_cause_is_a_status_and_a_reason(h323_case, sip_caller, cause, status):
    case = h323_case
    case.begin(vendor=through.vendor_like("fast"), other="locked = true")
    vendor = through.called(case, "fast", hang_up="CallProceeding", cause=cause, pause=0)
    found = refused(case, sip_caller)
    vendor.finish()
    assert found.status == status
    assert f"Q.850;cause={cause}" in (found.get("reason") or "")
    assert case.cdr()["sip_status"] == status


def test_an_operator_has_other_tables(h323_case, sip_caller):
    case = h323_case
    case.begin(vendor=through.vendor_like("fast"), other="locked = true", VS_H323_CAUSE_TO_SIP="17=600")
    vendor = through.called(case, "fast", hang_up="CallProceeding", cause=17, pause=0)
    assert refused(case, sip_caller).status == 600
    vendor.finish()


@pytest.mark.parametrize(
    ("reason", "parameters", "cause"),
    [
        ("", {}, 18),
        ('Q.850;cause=20;text="absent"', {}, 20),
        ("SIP;cause=200", {}, 18),
        ("", {"VS_H323_SIP_TO_CAUSE": "480=19"}, 19),
        ("Q.850;cause=20", {"VS_H323_SIP_TO_CAUSE": "480=19"}, 20),
    ],
)
def test_a_reason_header_wins_over_the_table(h323_case, sip_vendor, reason, parameters, cause):
    case = h323_case
    case.begin(access=through.CUSTOMER, **parameters)
    caller = through.caller(case, "fast", patient=True)
    invite = sip_vendor.expect("INVITE")
    made = invite.reply(480, "", sip_vendor.tag)
    if reason:
        made.add("reason", reason)
    sip_vendor.send(made, sip_vendor.source)
    caller.finish()
    assert caller.cause == cause
    assert case.cdr()["sip_status"] == 480


@pytest.mark.parametrize("cause", [16, 31, 38])
def test_the_cause_of_a_release_is_in_the_bye(h323_case, sip_caller, cause):
    """Of an answered call, with the record's reason."""
    case = h323_case
    case.begin(vendor=through.vendor_like("fast"))
    vendor = through.called(case, "fast", hang_up="Connect", cause=cause, pause=0.5)
    sip_caller.send(sip_caller.request("INVITE", case.number, SDP))
    answered = sip_caller.expect(accepted("INVITE"))
    sip_caller.send(sip_caller.request("ACK", "", answered=answered))
    bye = sip_caller.expect("BYE")
    sip_caller.reply(bye, 200)
    vendor.finish()
    assert f"Q.850;cause={cause}" in (bye.get("reason") or "")
    assert (case.cdr()["end_direction"], case.cdr()["answer"] is not None) == (1, True)


def test_a_reason_of_a_bye_is_the_cause_of_the_release(h323_case, sip_vendor):
    case = h323_case
    case.begin(access=through.CUSTOMER)
    caller = through.caller(case, "slowsep", patient=True)
    invite = sip_vendor.expect("INVITE")
    sip_vendor.reply(invite, 200, SDP)
    sip_vendor.expect("ACK")
    bye = sip_vendor.within(invite, "BYE")
    bye.add("reason", 'Q.850;cause=38;text="network out of order"')
    sip_vendor.send(bye)
    sip_vendor.expect(accepted("BYE"))
    caller.finish()
    assert caller.cause == 38
