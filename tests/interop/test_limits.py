"""Lines and calls per second: of accounts, gateways on both sides and the whole switch."""

from __future__ import annotations

import os
import time

from tests.support.peer import SDP, Peer
from tests.support.sipp import ANSWER, CALL, called
from tests.support.switch import until

TALK = ["invite", "expect? 100", "expect? 180", "expect 200", "ack", "pause 1500", "bye", "expect 200"]
FULL = ["invite", "expect? 100", "expect 503", "failack"]


def held(case):
    """A call that is up for a second and a half, and its vendor."""
    vendor = case.vendor("first", ANSWER)
    call = case.call(TALK, name="holder")
    until(lambda: [row for row in case.running() if row["answer"]], what="an answered call")
    return call, vendor


def second_is_refused(case, reason, code):
    """With one call up, the second one is refused for this reason, and a third after it goes through."""
    call, vendor = held(case)
    refused = case.call(FULL, name="refused")
    refused.succeeds()
    (answer,) = refused.heard("SIP/2.0 503")
    assert "retry-after" not in answer.headers  # a strict peer would stop all its traffic
    call.succeeds()
    vendor.succeeds()
    rows = case.cdrs(2)
    (row,) = [row for row in rows if row["end_reason"] != "normal"]
    assert (row["end_reason"], row["code"], row["sip_status"], row["fee"]) == (reason, code, 503, "0")
    again = case.peer("again", called(ANSWER), "-m", "1", port=case.ports["first"])
    case.call(CALL, name="third").succeeds()
    again.succeeds()
    return row


def test_lines_of_the_account(case):
    case.begin(account="lines = 1")
    row = second_is_refused(case, "line_limit", -24)
    assert row["attempts"] == []


def test_lines_of_the_mapping_gateway(case):
    case.begin(access="lines = 1")
    second_is_refused(case, "line_limit", -24)


def test_lines_of_every_routing_gateway(case):
    case.begin(vendor="lines = 1", other="lines = 0")
    second_is_refused(case, "all_gateways_busy", -21)


def test_a_full_gateway_is_passed_over(case):
    case.begin(vendor="lines = 1")
    call, vendor = held(case)
    second = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    second.succeeds()
    call.succeeds()
    vendor.succeeds()
    quick, slow = sorted(case.cdrs(2), key=lambda row: row["hold_time_ms"])
    assert (quick["routing_gateway"], slow["routing_gateway"]) == (f"second{case.n}", f"first{case.n}")


def test_lines_of_the_switch(case):
    case.begin(SS_MAX_CONCURRENT_CALLS="1")
    second_is_refused(case, "line_limit", -24)


def test_calls_per_second_of_the_account(case):
    """Of ten calls at once, as many reach the vendor as one second allows, and as many a second later."""
    case.begin(account="cps = 3")
    vendor = case.vendor("first", ["receive INVITE", "send 486", "receive ACK"], calls=6)
    caller = Peer(case.switch.port, host=case.host)
    case.peers.append(caller)
    for _ in range(2):
        invites = {}
        for _ in range(10):
            caller.call_id = f"{os.urandom(8).hex()}@{case.host}"
            invites[caller.call_id] = caller.request("INVITE", case.number, SDP)
            caller.send(invites[caller.call_id])
        got = []
        while len(got) < 10:
            answer = caller.expect(lambda message: message.status >= 200)
            caller.send(caller.follow("ACK", invites[answer.call_id], answer))
            got.append(answer.status)
        assert sorted(got) == [486] * 3 + [503] * 7
        time.sleep(1.1)
    vendor.succeeds()
    reasons = [(row["end_reason"], row["code"]) for row in case.cdrs(20)]
    assert reasons.count(("cps_limit", -25)) == 14
    assert reasons.count(("busy", 486)) == 6
