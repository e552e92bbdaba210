"""Packages and spending limits at a running switch: gifts before money, rents once, exact records and ledgers."""

from __future__ import annotations

import shutil
from decimal import Decimal

import pytest

from tests.support.baresip import MODULES, Baresip
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import until

PACKAGE = """
[[packages]]
name = "basic{n}"
rent = "2.50"
gift_minutes = [{seconds = 2, prefixes = ["49"]}]
gift_money = "0.01"
"""
HUNG_UP = ["invite", "expect? 100", "expect? 180", "expect 200", "ack", "receive BYE", "reply 200"]


def four_seconds():
    """A call that takes just under 4 s, which are 4 charged ones."""
    return ["invite", "expect? 100", "expect? 180", "expect 200", "ack", "pause 3600", "bye", "expect 200"]


def ledger(case, number):
    """What was booked, oldest first, as kind and amount."""
    rows = case.switch.json("account", "ledger", number, "--limit", "0")
    return [(row["kind"], row["amount"]) for row in reversed(rows)]


def left(case):
    """The package as operators see it."""
    return case.switch.json("packages", "show", f"C{case.n}")[0]


def test_a_call_begins_in_gift_seconds_and_ends_in_money(case):
    case.begin(account=f'packages = ["basic{case.n}"]', more=PACKAGE)
    number, package = f"C{case.n}", f"basic{case.n}"
    assert Decimal(case.switch.balance(number)) == Decimal("7.5")
    assert (left(case)["state"], left(case)["gift_seconds"], left(case)["gift_money"]) == ("active", 2, "0.01")
    (route,) = case.switch.json("route", "4312345", case.number, "--mapping-gateway", f"customer{case.n}")
    assert f"package: {package} pays before the account: 2 gift seconds left" in route["steps"]
    vendor = case.vendor("first", ANSWER)
    case.call(four_seconds()).succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["package"], cdr["package_seconds"], cdr["billed_seconds"]) == (package, 2, 4)
    assert (cdr["fee"], cdr["package_fee"]) == ("0.01", "0.03")
    until(lambda: left(case)["gift_seconds"] == 0, what="the gifts are booked")
    assert ledger(case, number) == [("opening", "10"), ("rent", "-2.5"), ("call", "-0.01")]
    assert ledger(case, f"#{number}/{package}/1") == [("gift", "2"), ("gift", "-2")]
    assert ledger(case, f"#{number}/{package}/money") == [("gift", "0.01"), ("gift", "-0.01")]
    assert Decimal(case.switch.balance(number)) == Decimal("7.49")
    assert left(case)["gift_money"] == "0"
    case.switch.cli("ledger", "check")  # purses and gifts add up, too


def test_an_account_without_money_calls_on_its_gifts_and_is_cut_at_their_end(case):
    case.begin(balance="2.50", account=f'packages = ["basic{case.n}"]', more=PACKAGE)
    vendor = case.vendor("first", ANSWER)
    call = case.call(HUNG_UP)
    call.succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["billed_seconds"], cdr["fee"]) == ("balance_exhausted", 3, "0")
    assert (cdr["package_seconds"], cdr["package_fee"]) == (2, "0.03")


def test_a_package_rests_until_it_is_paid(case):
    case.begin(balance="1", account=f'packages = ["basic{case.n}"]', more=PACKAGE)
    assert left(case)["state"] == "resting"
    case.switch.cli("account", "pay", f"C{case.n}", "2")
    until(lambda: left(case)["state"] == "active", what="the rent is taken")
    assert Decimal(case.switch.balance(f"C{case.n}")) == Decimal("0.5")
    vendor = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    assert (case.cdr()["fee"], case.cdr()["package_seconds"]) == ("0", 1)


@pytest.mark.skipif(
    shutil.which("baresip") is None or not (MODULES / "sndfile.so").exists(),
    reason="baresip is not installed (Debian package baresip-core)",
)
def test_a_phone_is_cut_at_its_spending_limit(case):
    number = f"{case.n:03}1001"
    more = f'[[phones]]\nnumber = "{number}"\naccount = "C{{n}}"\npassword = "p"\nspending_limit = "0.02"\n'
    case.begin(more=more)
    vendor = case.vendor("first", ANSWER)
    account = f"<sip:{number}@127.0.0.1:{case.switch.port}>;auth_user={number};auth_pass=p;regint=120"
    phone = Baresip(case.folder / number, account, 440)
    case.peers.append(phone)
    phone.says("200 OK () [1 binding]")
    phone.command("dial", f"sip:{case.number}@127.0.0.1:{case.switch.port}")
    phone.expect("CALL_ESTABLISHED")
    phone.expect("CALL_CLOSED")
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["phone"], cdr["end_reason"], cdr["fee"]) == (number, "balance_exhausted", "0.02")
    assert ledger(case, f"#phone/{number}") == [("limit", "0.02"), ("limit", "-0.02")]
    assert Decimal(case.switch.balance(f"C{case.n}")) == Decimal("9.98")
    phone.command("dial", f"sip:{case.number}@127.0.0.1:{case.switch.port}")
    phone.expect("CALL_CLOSED")
    assert case.cdrs(2)[0]["end_reason"] == "insufficient_balance"
