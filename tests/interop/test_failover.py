"""What becomes of a call when a vendor refuses it, is silent, or only half answers."""

from __future__ import annotations

from decimal import Decimal

from tests.support.sipp import ANSWER, CALL


def attempts(cdr):
    """Gateway (without the case's number), status and reason of every attempt."""
    return [(row["name"].rstrip("0123456789"), row["status"], row["reason"]) for row in cdr["attempts"]]


def refused(status):
    """A caller who gets this final response."""
    return ["invite", "expect? 100", "expect? 180", "expect? 183", f"expect {status}", "failack"]


def test_a_503_goes_on_to_the_next_gateway(case):
    case.begin()
    first = case.vendor("first", ["receive INVITE", "send 100", "send 503", "receive ACK"])
    second = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    first.succeeds()
    second.succeeds()
    cdr = case.cdr()
    assert cdr["routing_gateway"] == f"second{case.n}"
    assert attempts(cdr) == [("first", 503, "service_unavailable"), ("second", 200, "answered")]
    assert case.paid() == Decimal("0.01")


def test_a_vendor_that_cannot_what_we_ask_of_it_is_left_for_the_next_one(case):
    case.begin(vendor='session_timer = "required"')
    first = case.vendor("first", ["receive INVITE", "send 420", "receive ACK"])
    second = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    first.succeeds()
    second.succeeds()
    assert first.heard("INVITE")[0].get("require") == "timer"
    assert attempts(case.cdr()) == [("first", 420, "client_error"), ("second", 200, "answered")]


def test_a_vendor_that_fails_after_another_gives_the_caller_its_own_status(case):
    case.begin()
    first = case.vendor("first", ["receive INVITE", "send 503", "receive ACK"])
    second = case.vendor("second", ["receive INVITE", "send 500", "receive ACK"])
    case.call(refused(500)).succeeds()
    first.succeeds()
    second.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["sip_status"]) == ("server_failure", 500, 500)
    assert attempts(cdr) == [("first", 503, "service_unavailable"), ("second", 500, "server_failure")]
    assert case.paid() == 0


def test_a_busy_number_is_not_tried_elsewhere(case):
    case.begin()
    first = case.vendor("first", ["receive INVITE", "send 180", "send 486", "receive ACK"])
    case.call(refused(486)).succeeds()
    first.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["sip_status"]) == ("busy", 486, 486)
    assert cdr["end_direction"] == 1
    assert len(cdr["attempts"]) == 1
    assert cdr["fee"] == "0"
    assert case.paid() == 0


def test_a_number_that_does_not_exist_is_not_tried_elsewhere(case):
    case.begin()
    first = case.vendor("first", ["receive INVITE", "send 404", "receive ACK"])
    case.call(refused(404)).succeeds()
    first.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"]) == ("not_found", 404)
    assert attempts(cdr) == [("first", 404, "not_found")]


def test_after_ringing_a_failure_is_final(case):
    case.begin()
    first = case.vendor("first", ["receive INVITE", "send 180", "pause 50", "send 503", "receive ACK"])
    case.call(refused(503)).succeeds()
    first.succeeds()
    assert attempts(case.cdr()) == [("first", 503, "service_unavailable")]


def test_a_silent_vendor_is_left_for_the_next_one(case):
    case.begin(SS_SIP_TIMEOUT_INVITE="1")
    second = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    second.succeeds()
    cdr = case.cdr()
    assert attempts(cdr) == [("first", None, "connection_timeout"), ("second", 200, "answered")]
    assert 900 <= cdr["attempts"][0]["duration_ms"] <= 1600


def test_two_silent_vendors_end_in_408(case):
    case.begin(SS_SIP_TIMEOUT_INVITE="1")
    case.call(refused(408)).succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["sip_status"]) == ("connection_timeout", -4, 408)
    assert attempts(cdr) == [("first", None, "connection_timeout"), ("second", None, "connection_timeout")]
    assert case.paid() == 0


def test_a_vendor_that_only_says_trying_is_cancelled_for_the_next_one(case):
    case.begin(SS_SIP_TIMEOUT_TRYING="1")
    first = case.vendor(
        "first", ["receive INVITE", "send 100", "receive CANCEL", "send 200", "send 487 invite", "receive ACK"]
    )
    second = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    first.succeeds()
    second.succeeds()
    assert attempts(case.cdr()) == [("first", None, "response_timeout"), ("second", 200, "answered")]


def test_progress_without_media_that_leads_nowhere_is_cancelled_for_the_next_one(case):
    case.begin(SS_SIP_TIMEOUT_SESSION_PROGRESS="1")
    first = case.vendor(
        "first", ["receive INVITE", "send 183", "receive CANCEL", "send 200", "send 487 invite", "receive ACK"]
    )
    second = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    first.succeeds()
    second.succeeds()
    assert attempts(case.cdr()) == [("first", None, "response_timeout"), ("second", 200, "answered")]


def test_nobody_picks_up(case):
    case.begin(SS_SIP_TIMEOUT_RINGING="1")
    first = case.vendor(
        "first", ["receive INVITE", "send 180", "receive CANCEL", "send 200", "send 487 invite", "receive ACK"]
    )
    case.call(refused(480)).succeeds()
    first.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["sip_status"]) == ("no_answer", -2, 480)
    assert len(cdr["attempts"]) == 1
    assert case.paid() == 0


def test_announcements_do_not_last_for_ever(case):
    case.begin(SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP="1")
    first = case.vendor(
        "first", ["receive INVITE", "send 183 sdp", "receive CANCEL", "send 200", "send 487 invite", "receive ACK"]
    )
    case.call(refused(480)).succeeds()
    first.succeeds()
    assert (case.cdr()["end_reason"], len(case.cdr()["attempts"])) == ("no_answer", 1)


def test_the_number_of_attempts_is_limited(case):
    case.begin(SS_GATEWAY_SWITCH_LIMIT="1")
    first = case.vendor("first", ["receive INVITE", "send 503", "receive ACK"])
    case.call(refused(503)).succeeds()
    first.succeeds()
    assert len(case.cdr()["attempts"]) == 1
