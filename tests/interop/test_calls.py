"""Calls through a running switch between sipp peers: what the peers saw, the CDR, and the balances."""

from __future__ import annotations

from decimal import Decimal

from tests.support.sipp import ANSWER, CALL, called, caller


def paid(case, account="C1", opening="10"):
    return Decimal(opening) - Decimal(case.switch.balance(account))


def test_a_call_is_bridged_billed_and_recorded(case):
    case.begin()
    vendor = case.vendor("first", called(ANSWER))
    call = case.call(caller(CALL))
    assert call.wait() == 0, call.errors()
    assert vendor.wait() == 0, vendor.errors()
    (cdr,) = case.switch.cdrs(1)
    assert cdr["caller"] == "4312345"
    assert cdr["callee"] == "4930123"
    assert (cdr["mapping_gateway"], cdr["routing_gateway"], cdr["account"]) == ("customer", "first", "C1")
    assert cdr["end_reason"] == "normal"
    assert cdr["sip_status"] == 200
    assert cdr["end_direction"] == 0
    assert 50 <= cdr["hold_time_ms"] < 1000
    assert cdr["billed_seconds"] == 1
    assert cdr["fee"] == "0.01"
    assert cdr["cost"] == "0.005"
    assert cdr["rate_prefix"] == "49"
    assert cdr["codec"] == "PCMA"
    assert cdr["caller_sip_call_id"] != cdr["callee_sip_call_id"]
    assert [attempt["reason"] for attempt in cdr["attempts"]] == ["answered"]
    assert paid(case) == Decimal("0.01")
    assert paid(case, "V1", "0") == Decimal("0.005")


def test_a_503_goes_on_to_the_next_gateway(case):
    case.begin()
    first = case.vendor("first", called(["receive INVITE", "send 100", "send 503", "receive ACK"]))
    second = case.vendor("second", called(ANSWER))
    call = case.call(caller(CALL))
    assert call.wait() == 0, call.errors()
    assert first.wait() == 0, first.errors()
    assert second.wait() == 0, second.errors()
    (cdr,) = case.switch.cdrs(1)
    assert cdr["routing_gateway"] == "second"
    assert [(a["name"], a["status"], a["reason"]) for a in cdr["attempts"]] == [
        ("first", 503, "service_unavailable"),
        ("second", 200, "answered"),
    ]
    assert paid(case) == Decimal("0.01")


def test_a_busy_number_is_not_tried_elsewhere(case):
    case.begin()
    first = case.vendor("first", called(["receive INVITE", "send 180", "send 486", "receive ACK"]))
    call = case.call(caller(["invite", "expect? 100", "expect? 180", "expect 486", "failack"]))
    assert call.wait() == 0, call.errors()
    assert first.wait() == 0, first.errors()
    (cdr,) = case.switch.cdrs(1)
    assert (cdr["end_reason"], cdr["code"], cdr["sip_status"]) == ("busy", 486, 486)
    assert cdr["end_direction"] == 1
    assert len(cdr["attempts"]) == 1
    assert cdr["fee"] == "0"
    assert paid(case) == 0


def test_a_caller_who_gives_up_is_cancelled_at_the_vendor(case):
    case.begin()
    first = case.vendor(
        "first", called(["receive INVITE", "send 100", "send 180", "receive CANCEL", "send 200 notag"])
    )
    call = case.call(
        caller(["invite", "expect? 100", "expect 180", "pause 200", "cancel", "expect 200", "expect 487", "failack"])
    )
    assert call.wait() == 0, call.errors()
    assert first.wait() == 0, first.errors()
    (cdr,) = case.switch.cdrs(1)
    assert (cdr["end_reason"], cdr["code"], cdr["sip_status"]) == ("caller_abandoned", -1, 487)
    assert cdr["end_direction"] == 0
    assert paid(case) == 0


def test_early_media_reaches_the_caller(case):
    case.begin()
    first = case.vendor(
        "first",
        called(["receive INVITE", "send 183 sdp", "pause 100", "send 200 sdp INVITE", "receive ACK", "receive BYE", "send 200"]),
    )
    call = case.call(caller(["invite", "expect? 100", "expect 183", "expect 200", "ack", "pause 100", "bye", "expect 200"]))
    assert call.wait() == 0, call.errors()
    assert first.wait() == 0, first.errors()
    (cdr,) = case.switch.cdrs(1)
    assert cdr["end_reason"] == "normal"
    assert cdr["pdd_ms"] is not None


def test_a_number_without_rate_is_refused(case):
    case.begin()
    call = case.call(caller(["invite", "expect? 100", "expect 403", "failack"]), number="33123")
    assert call.wait() == 0, call.errors()
    (cdr,) = case.switch.cdrs(1)
    assert (cdr["end_reason"], cdr["code"]) == ("no_rate", -14)
    assert cdr["attempts"] == []


def test_an_account_without_money_is_refused(case):
    case.begin(balance="0")
    call = case.call(caller(["invite", "expect? 100", "expect 403", "failack"]))
    assert call.wait() == 0, call.errors()
    (cdr,) = case.switch.cdrs(1)
    assert (cdr["end_reason"], cdr["code"]) == ("insufficient_balance", -12)


def test_a_prepaid_call_is_cut_when_its_money_is_spoken(case):
    case.begin(balance="0.02")
    first = case.vendor(
        "first", called(["receive INVITE", "send 180", "send 200 sdp INVITE", "receive ACK", "receive BYE", "send 200"])
    )
    call = case.call(caller(["invite", "expect? 100", "expect? 180", "expect 200", "ack", "receive BYE", "sendok"]))
    assert call.wait() == 0, call.errors()
    assert first.wait() == 0, first.errors()
    (cdr,) = case.switch.cdrs(1)
    assert (cdr["end_reason"], cdr["code"], cdr["fee"]) == ("balance_exhausted", -13, "0.02")
    assert cdr["hold_time_ms"] == 2000
    assert Decimal(case.switch.balance("C1")) == 0


def test_the_callee_may_hang_up(case):
    case.begin()
    first = case.vendor(
        "first", called(["receive INVITE", "send 180", "send 200 sdp INVITE", "receive ACK", "pause 100", "bye", "expect 200"])
    )
    call = case.call(caller(["invite", "expect? 100", "expect? 180", "expect 200", "ack", "receive BYE", "sendok"]))
    assert call.wait() == 0, call.errors()
    assert first.wait() == 0, first.errors()
    (cdr,) = case.switch.cdrs(1)
    assert (cdr["end_reason"], cdr["end_direction"]) == ("normal", 1)
