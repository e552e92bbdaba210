"""Accounts at a running switch: ordinary ones at their limit, vendors with too little left, locks by hand."""

from __future__ import annotations

from decimal import Decimal

from tests.support.sipp import ANSWER, CALL
from tests.support.switch import until

LOCKED = ["invite", "expect? 100", "expect 403", "failack"]
CUT = ["invite", "expect? 100", "expect? 180", "expect 200", "ack", "receive BYE", "reply 200"]
POSTPAID = """
[[accounts]]
number = "C{n}"
name = "Customer"
overdraft_limit = "0.005"
rate_group = "sell{n}"
"""


def account(case, name="C"):
    return case.switch.json("account", "show", f"{name}{case.n}")[0]


def test_an_ordinary_account_runs_into_its_limit_and_pays(case):
    """Locked by the call that takes the last; refused; lifted by a sufficient payment only; all of it proved."""
    case.begin(balance="0.005", access="")
    case.switch.provision(POSTPAID.format(n=case.n))
    vendor = case.vendor("first", ANSWER, calls=2)
    case.call(CALL).succeeds()
    case.cdrs(1)
    until(lambda: account(case)["locked"], what="the lock")
    assert (account(case)["lock_reason"], account(case)["balance"]) == ("balance", "-0.005")
    case.call(LOCKED, name="refused").succeeds()
    assert case.cdrs(2)[0]["end_reason"] == "account_locked"
    done = case.switch.cli("account", "correct", f"C{case.n}", "-0.001", "--why", "postage")
    assert done.stdout == f"C{case.n}: corrected by -0.001, balance -0.006, still locked (balance)\n"
    paid = case.switch.cli("account", "pay", f"C{case.n}", "1", "--reference", f"bank {case.n}")
    assert paid.stdout == f"C{case.n}: paid 1, balance 0.994, unlocked\n"
    again = case.switch.cli("account", "pay", f"C{case.n}", "1", "--reference", f"bank {case.n}")
    assert "nothing was booked; balance 0.994" in again.stdout
    case.call(CALL, name="after").succeeds()
    vendor.succeeds()
    newest = case.cdrs(3)[0]
    assert (newest["end_reason"], newest["fee"]) == ("normal", "0.01")
    rows = case.switch.json("ledger", "list", "--call-id", newest["call_id"])
    assert sorted((row["kind"], row["contra"], row["amount"]) for row in rows) == [
        ("call", "revenue", "-0.01"), ("cost", "cost", "-0.005"),
    ]  # fmt: skip
    (row,) = [row for row in rows if row["kind"] == "call"]
    done = case.switch.cli("account", "reverse", str(row["id"]), "--why", "no audio")
    assert done.stdout == f"C{case.n}: reversed by 0.01, balance 0.994\n"
    twice = case.switch.cli("account", "reverse", str(row["id"]), "--why", "no audio", check=False)
    assert (twice.returncode, "reverses it already" in twice.stderr) == (1, True)
    assert Decimal(case.switch.balance(f"C{case.n}")) == Decimal("0.994")
    proof = case.switch.cli("ledger", "check")
    assert proof.stdout == ""
    assert proof.stderr.endswith("everything adds up\n")
    assert sum(Decimal(row["amount"]) for row in case.switch.json("ledger", "books")) == 0


def test_gateways_of_a_vendor_with_too_little_left_get_no_calls(case):
    other = '[[accounts]]\nnumber = "W{n}"\nkind = "clearing"\nleast_balance = "-0.005"\nrate_group = "buy{n}"\n'
    case.begin(more=other, cheaper="W")
    case.switch.cli("account", "pay", f"V{case.n}", "0.005")
    case.switch.provision(
        f'[[accounts]]\nnumber = "V{case.n}"\nkind = "clearing"\noverdraft_limit = "unlimited"\n'
        f'rate_group = "buy{case.n}"\nleast_balance = "0"\n'
    )
    first, second = case.vendor("first", ANSWER), case.vendor("second", ANSWER)
    for number, gateway in enumerate(("first", "second"), 1):
        case.call(CALL, name=f"caller{number}").succeeds()
        assert case.cdrs(number)[0]["routing_gateway"] == f"{gateway}{case.n}"
    case.call(["invite", "expect? 100", "expect 503", "failack"], name="nobody").succeeds()
    refused = case.cdrs(3)[0]
    assert refused["end_reason"] == "no_route"
    (route,) = case.switch.json("route", "4312345", case.number, "--mapping-gateway", f"customer{case.n}")
    assert [row["why"] for row in route["candidates"][:2]] == [
        f"clearing account V{case.n}: 0 left, least 0", f"clearing account W{case.n}: -0.005 left, least -0.005",
    ]  # fmt: skip
    case.switch.cli("account", "pay", f"W{case.n}", "1")
    (route,) = case.switch.json("route", "4312345", case.number, "--mapping-gateway", f"customer{case.n}")
    assert route["candidates"][0]["gateway"] == f"second{case.n}"
    for peer in (first, second):
        peer.succeeds()


def test_a_lock_by_hand_is_live_and_ends_calls_where_that_is_wanted(case):
    case.begin(VS_LOCKED_CALLS="operator")
    vendor = case.vendor("first", ANSWER)
    call = case.call(CUT)
    until(lambda: [row for row in case.running() if row["answer"]], what="an answered call")
    assert case.switch.cli("account", "lock", f"C{case.n}", "--why", "letter of today").stdout == f"C{case.n}: locked\n"
    call.succeeds()
    vendor.succeeds()
    assert case.cdrs(1)[0]["end_reason"] == "account_locked"
    case.call(LOCKED, name="refused").succeeds()
    case.cdrs(2)
    case.switch.cli("account", "pay", f"C{case.n}", "1")
    assert account(case)["lock_reason"] == "operator"
    case.switch.cli("account", "unlock", f"C{case.n}")
    assert not account(case)["locked"]
