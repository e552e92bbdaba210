"""Calls through a running switch between sipp peers: what the peers saw, the CDR, and the balances."""

from __future__ import annotations

from decimal import Decimal

from tests.support.peer import SDP, Peer, accepted
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import until
from vosswitch.sip.grammar.message import render

RING = ["invite", "expect? 100", "expect? 180", "expect 200", "ack"]


def test_a_call_is_bridged_billed_and_recorded(case):
    case.begin()
    vendor = case.vendor("first", ANSWER)
    call = case.call(CALL)
    call.succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    n = case.n
    assert (cdr["caller"], cdr["callee"]) == ("4312345", case.number)
    assert (cdr["mapping_gateway"], cdr["routing_gateway"], cdr["account"]) == (f"customer{n}", f"first{n}", f"C{n}")
    assert (cdr["end_reason"], cdr["code"], cdr["end_direction"]) == ("normal", 0, 0)
    assert cdr["sip_status"] == 200
    assert 50 <= cdr["hold_time_ms"] < 1000
    assert cdr["billed_seconds"] == 1
    assert (cdr["fee"], cdr["cost"], cdr["rate_prefix"]) == ("0.01", "0.005", case.prefix)
    assert cdr["codec"] == "PCMA"
    assert cdr["caller_sip_call_id"] == call.heard("SIP/2.0 200")[0].call_id
    assert cdr["callee_sip_call_id"] == vendor.heard("INVITE")[0].call_id
    assert cdr["caller_sip_call_id"] != cdr["callee_sip_call_id"]
    assert [attempt["reason"] for attempt in cdr["attempts"]] == ["answered"]
    assert case.paid() == Decimal("0.01")
    assert case.paid("V") == Decimal("0.005")


def test_twenty_calls_at_once_are_billed_one_by_one(case):
    case.begin(balance="20")
    vendor = case.vendor("first", ANSWER, calls=20)
    call = case.call([*CALL[:-3], "pause 300", *CALL[-2:]], calls=20, rate=100)
    call.succeeds()
    vendor.succeeds()
    assert call.counts() == vendor.counts() == {"successful": 20, "failed": 0}
    cdrs = case.cdrs(20)
    assert {cdr["end_reason"] for cdr in cdrs} == {"normal"}
    assert len({cdr["call_id"] for cdr in cdrs}) == 20
    assert case.paid() == sum(Decimal(cdr["fee"]) for cdr in cdrs) == Decimal("0.2")


def test_a_caller_who_gives_up_is_cancelled_at_the_vendor(case):
    case.begin()
    vendor = case.vendor(
        "first",
        [*("receive INVITE", "send 100", "send 180", "receive CANCEL", "send 200"), "send 487 invite", "receive ACK"],
    )
    call = case.call(
        ["invite", "expect? 100", "expect 180", "pause 200", "cancel", "expect 200", "expect 487", "failack"]
    )
    call.succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["sip_status"]) == ("caller_abandoned", -1, 487)
    assert (cdr["end_direction"], cdr["answer"]) == (0, None)
    assert cdr["attempts"][0]["reason"] == "caller_abandoned"
    assert case.paid() == 0


def test_an_answer_that_crosses_the_cancel_is_hung_up_and_free(case):
    case.begin()
    vendor = case.vendor(
        "first",
        [
            *("receive INVITE", "send 180", "receive CANCEL", "send 200 sdp INVITE invite", "receive ACK"),
            *("receive BYE", "send 200"),
        ],
    )
    call = case.call(
        ["invite", "expect? 100", "expect 180", "pause 100", "cancel", "expect 200", "expect 487", "failack"]
    )
    call.succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["fee"], cdr["cost"], cdr["answer"]) == ("caller_abandoned", "0", "0", None)
    assert case.paid() == case.paid("V") == 0


def pair(case):
    """A caller and a vendor of our own, for messages out of step; the call is at the vendor: its INVITE comes too."""
    vendor = Peer(case.switch.port)
    case.ports["first"] = vendor.port
    case.begin()
    caller = Peer(case.switch.port, host=case.host)
    case.peers += [caller, vendor]
    invite = caller.request("INVITE", case.number, SDP)
    caller.send(invite)
    return caller, invite, vendor, vendor.expect("INVITE")


def finish(caller, answered, vendor):
    """The caller hangs up."""
    caller.send(caller.request("BYE", "", answered=answered))
    vendor.reply(vendor.expect("BYE"), 200)
    caller.expect(accepted("BYE"))


def test_a_cancel_that_comes_after_the_answer_changes_nothing(case):
    caller, invite, vendor, received = pair(case)
    vendor.reply(received, 200, SDP)
    vendor.expect("ACK")
    answered = caller.expect(accepted("INVITE"))
    caller.send(caller.follow("CANCEL", invite))
    caller.expect(accepted("CANCEL"))
    caller.send(caller.request("ACK", "", answered=answered))
    assert vendor.silent(0.3)
    finish(caller, answered, vendor)
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["sip_status"]) == ("normal", 200)


def test_a_cancel_waits_for_the_vendors_first_word(case):
    """RFC 3261 9.1: no CANCEL before a provisional response; the caller does not wait for it."""
    caller, invite, vendor, received = pair(case)
    caller.send(caller.follow("CANCEL", invite))
    refused = caller.expect(487)
    caller.send(caller.follow("ACK", invite, refused))
    assert vendor.silent(0.3)
    vendor.reply(received, 180)
    cancel = vendor.expect("CANCEL")
    assert (cancel.via.branch, cancel.cseq.number) == (received.via.branch, received.cseq.number)
    vendor.reply(cancel, 200)
    vendor.reply(received, 487)
    assert vendor.expect("ACK").via.branch == received.via.branch
    assert case.cdr()["end_reason"] == "caller_abandoned"


def test_repetitions_make_no_second_call(case):
    """INVITE, 200 and BYE once more than needed: one call, one bill, and every one of them is answered again."""
    caller, invite, vendor, received = pair(case)
    caller.send(invite)
    caller.expect(100)
    caller.expect(100)
    answer = vendor.reply(received, 200, SDP)
    vendor.expect("ACK")
    answered = caller.expect(accepted("INVITE"))
    caller.send(caller.request("ACK", "", answered=answered))
    vendor.send(answer, vendor.source)
    vendor.expect("ACK")
    bye = caller.request("BYE", "", answered=answered)
    caller.send(bye)
    vendor.reply(vendor.expect("BYE"), 200)
    caller.expect(accepted("BYE"))
    caller.send(bye)
    caller.expect(accepted("BYE"))
    assert vendor.silent(0.3)
    case.cdrs(1)


def test_a_second_branch_of_a_forking_vendor_is_ended(case):
    """Two 2xx with different tags: the first is the call, the second is acknowledged and hung up."""
    caller, _, vendor, received = pair(case)
    vendor.reply(received, 200, SDP)
    vendor.expect("ACK")
    answered = caller.expect(accepted("INVITE"))
    caller.send(caller.request("ACK", "", answered=answered))
    first, vendor.tag = vendor.tag, "another"
    vendor.reply(received, 200, SDP)
    acknowledged, ended = vendor.expect("ACK"), vendor.expect("BYE")
    assert acknowledged.to.tag == ended.to.tag == "another"
    vendor.reply(ended, 200)
    vendor.tag = first
    finish(caller, answered, vendor)
    assert case.cdr()["end_reason"] == "normal"


def test_an_answer_without_ack_is_repeated_and_given_up(case):
    """Without the caller's ACK the 200 is repeated; when it never comes both sides are released."""
    caller, _, vendor, received = pair(case)
    vendor.reply(received, 200, SDP)
    vendor.expect("ACK")
    first, second = caller.expect(accepted("INVITE")), caller.expect(accepted("INVITE"))
    assert first.get("to") == second.get("to")
    caller.send(caller.request("BYE", "", answered=first))
    caller.expect(accepted("BYE"))
    vendor.reply(vendor.expect("BYE"), 200)
    assert case.cdr()["end_reason"] == "normal"


def test_a_redirection_is_not_followed(case):
    caller, invite, vendor, received = pair(case)
    vendor.reply(received, 302)
    vendor.expect("ACK")
    refused = caller.expect(480)
    caller.send(caller.follow("ACK", invite, refused))
    assert case.cdr()["code"] == 302


def test_a_vendors_nonsense_in_the_answer_ends_the_call(case):
    """An answer whose description cannot be read is acknowledged, hung up, and tried elsewhere."""
    caller, _, vendor, received = pair(case)
    second = case.vendor("second", ANSWER)
    vendor.reply(received, 200, b"this is no description\r\n")
    vendor.expect("ACK")
    vendor.reply(vendor.expect("BYE"), 200)
    answered = caller.expect(accepted("INVITE"))
    caller.send(caller.request("ACK", "", answered=answered))
    caller.send(caller.request("BYE", "", answered=answered))
    caller.expect(accepted("BYE"))
    second.succeeds()
    assert [row["reason"] for row in case.cdr()["attempts"]] == ["protocol_error", "answered"]


def test_early_media_reaches_the_caller(case):
    case.begin()
    vendor = case.vendor(
        "first",
        [
            *("receive INVITE", "send 183 sdp", "pause 200", "send 200 sdp INVITE"),
            *("receive ACK", "receive BYE", "send 200"),
        ],
    )
    call = case.call(["invite", "expect? 100", "expect 183", "expect 200", "ack", "pause 100", "bye", "expect 200"])
    call.succeeds()
    vendor.succeeds()
    (early,) = call.heard("SIP/2.0 183")
    assert b"m=audio " in early.body
    cdr = case.cdr()
    assert cdr["end_reason"] == "normal"
    assert cdr["pdd_ms"] < 200  # the early media ends the post dial delay, not the answer
    assert cdr["hold_time_ms"] < 300


def test_a_number_without_rate_is_refused(case):
    case.begin()
    case.call(["invite", "expect? 100", "expect 403", "failack"], to="44123").succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["sip_status"]) == ("no_rate", -14, 403)
    assert (cdr["attempts"], cdr["end_direction"]) == ([], 2)
    assert case.paid() == 0


def test_a_number_that_no_vendor_takes_is_refused(case):
    case.begin()
    case.call(["invite", "expect? 100", "expect 503", "failack"], to=f"33{case.n:03}1").succeeds()
    assert (case.cdr()["end_reason"], case.cdr()["code"]) == ("no_route", -20)


def test_an_account_without_money_is_refused(case):
    case.begin(balance="0")
    case.call(["invite", "expect? 100", "expect 403", "failack"]).succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"]) == ("insufficient_balance", -12)


def test_a_payment_lets_the_account_call_again(case):
    case.begin(balance="0")
    case.switch.cli("account", "pay", f"C{case.n}", "1")
    vendor = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    assert case.cdr()["fee"] == "0.01"
    assert Decimal(case.switch.balance(f"C{case.n}")) == Decimal("0.99")


def test_a_locked_account_is_refused(case):
    case.begin(account="locked = true")
    case.call(["invite", "expect? 100", "expect 403", "failack"]).succeeds()
    assert case.cdr()["end_reason"] == "account_locked"


def test_a_prepaid_call_is_cut_when_its_money_is_spoken(case):
    case.begin(balance="0.02")
    vendor = case.vendor("first", ANSWER)
    call = case.call([*RING, "receive BYE", "reply 200"])
    call.succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["fee"]) == ("balance_exhausted", -13, "0.02")
    assert (cdr["hold_time_ms"], cdr["end_direction"]) == (2000, 2)
    assert Decimal(case.switch.balance(f"C{case.n}")) == 0


def test_the_callee_may_hang_up(case):
    case.begin()
    vendor = case.vendor(
        "first",
        ["receive INVITE", "send 180", "send 200 sdp INVITE", "receive ACK", "pause 100", "bye", "expect 200"],
    )
    call = case.call([*RING, "receive BYE", "reply 200"])
    call.succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["end_direction"]) == ("normal", 1)
    assert case.paid() == Decimal("0.01")


def test_an_operator_may_release_a_call(case):
    case.begin()
    vendor = case.vendor("first", ANSWER)
    call = case.call([*RING, "receive BYE", "reply 200"])
    (running,) = until(lambda: [row for row in case.running() if row["answer"]], what="an answered call")
    assert (running["mapping_gateway"], running["routing_gateway"]) == (f"customer{case.n}", f"first{case.n}")
    case.switch.cli("release", running["call_id"])
    call.succeeds()
    vendor.succeeds()
    assert (case.cdr()["end_reason"], case.cdr()["code"]) == ("operator_release", -31)


def test_a_late_offer_is_settled_in_the_ack(case):
    case.begin()
    vendor = case.vendor("first", ANSWER)
    call = case.call(
        ["invite late", "expect? 100", "expect? 180", "expect 200", "ack sdp", "pause 100", "bye", "expect 200"]
    )
    call.succeeds()
    vendor.succeeds()
    assert vendor.heard("INVITE")[0].body == b""
    assert b"m=audio " in call.heard("SIP/2.0 200")[0].body
    assert b"m=audio " in vendor.heard("ACK")[0].body
    assert case.cdr()["end_reason"] == "normal"


def test_nothing_of_one_side_reaches_the_other(case):
    case.begin()
    vendor = case.vendor("first", ANSWER)
    call = case.call(CALL)
    call.succeeds()
    vendor.succeeds()
    seen_there = b"".join(render(message) for message in vendor.heard(""))
    seen_here = b"".join(render(message) for message in call.heard("SIP/2.0 2"))
    assert case.host.encode() not in seen_there
    assert b"sipp caller" not in seen_there
    assert case.cdr()["caller_sip_call_id"].encode() not in seen_there
    assert f":{case.ports['first']}".encode() not in seen_here
    assert b"53655765" not in seen_there + seen_here  # the origin of the peers' descriptions
    assert case.cdr()["media_proxied"] is True
