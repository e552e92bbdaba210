"""Dynamic blacklists and fraud rules on live calls: refused, released by operators, cut while they are up."""

from __future__ import annotations

import signal
import time
from decimal import Decimal

from tests.interop.test_interop_screening import passes, refused
from tests.support.switch import until

MALICIOUS = "SS_BLACK_LIST_CALLER_MALICIOUS_CALL_"


def begin(case, **how):
    case.calls_made = 0
    case.begin(**how)


def test_a_malicious_caller_is_held_off_until_it_is_released(case):
    begin(case, **{f"{MALICIOUS}LIMIT": "3", f"{MALICIOUS}CHECK_INTERVAL": "600"})
    number = f"4366{case.n:03}1"
    for name in ("first", "second"):
        passes(case, number=number, name=f"{name} call")
    for name in ("third", "fourth"):
        cdr = refused(case, "blacklisted", -18, number=number, name=f"{name} call")
        assert "3 calls within 600 s" in str(cdr["decision"])
    (row,) = case.switch.json("blacklist", "list", number)
    assert (row["of"], row["kind"], row["hits"]) == ("caller", "malicious_caller", 1)
    told = case.switch.json("route", number, case.number, "-g", f"customer{case.n}")[0]
    assert told["outcome"] == "blacklisted"
    assert case.switch.json("blacklist", "release", number) == [{"number": number, "released": 1}]
    assert case.switch.cli("blacklist", "release", number, check=False).returncode == 1
    passes(case, number=number, name="fifth call")


def test_a_number_that_an_operator_blocks_stays_blocked_over_a_restart(alone):
    begin(alone)
    alone.switch.cli("blacklist", "block", alone.number, "--of", "callee", "--minutes", "5", "--why", "test")
    refused(alone, "blacklisted", -18, name="before")
    time.sleep(1)  # blocks are written a quarter of a second behind
    alone.switch.stop(signal.SIGKILL)
    alone.switch.start()
    cdr = refused(alone, "blacklisted", -18, name="after")
    assert "operator: callee" in str(cdr["decision"])
    alone.switch.cli("blacklist", "release", alone.number)
    passes(alone, name="free")


RULE = """
[[fraud_rules]]
name = "money{n}"
accounts = ["C{n}"]
money_per_hour = {{ warn = "0.01", block = "0.02" }}
cut = true
lock_account = {lock}
"""
UNTIL_CUT = ["invite", "expect? 100", "expect 200", "ack", "receive BYE", "reply 200"]
CUT = ["receive INVITE", "send 200 sdp INVITE", "receive ACK", "receive BYE", "send 200"]


def rule(case, lock="false"):
    return RULE.format(n=case.n, lock=lock)


def test_a_running_call_is_cut_by_what_it_costs_and_billed_exactly(case):
    begin(case, more=rule(case))
    vendor = case.vendor("first", CUT)
    case.call(UNTIL_CUT).succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    case.calls_made = 1
    assert (cdr["end_reason"], cdr["code"]) == ("fraud_blocked", -38)
    assert 1900 <= cdr["hold_time_ms"] <= 5000
    assert Decimal(cdr["fee"]) == case.paid() >= Decimal("0.02")
    assert Decimal(cdr["fee"]) == Decimal(-(-cdr["hold_time_ms"] // 1000)) / 100
    rows = case.switch.json("fraud", "list", "--account", f"C{case.n}")
    assert [(row["rule"], row["measure"], row["state"]) for row in rows] == [
        (f"money{case.n}", "money_per_hour", "blocked")
    ]
    assert "fraud_warn" in case.log()
    assert "fraud_block" in case.log()
    again = refused(case, "fraud_blocked", -38, name="again")
    assert f"rule money{case.n}: account C{case.n} is blocked" in str(again["decision"])
    case.switch.cli("fraud", "release", f"C{case.n}")
    passes(case, name="released")


def test_an_account_is_locked_for_fraud_on_wish(case):
    begin(case, more=rule(case, "true"))
    vendor = case.vendor("first", CUT)
    case.call(UNTIL_CUT).succeeds()
    vendor.succeeds()
    shown = lambda: case.switch.json("account", "show", f"C{case.n}")[0]  # noqa: E731
    until(lambda: shown()["lock_reason"] == "fraud", 5, "the lock")
    case.calls_made = 1
    refused(case, "account_locked", -10, name="locked")
