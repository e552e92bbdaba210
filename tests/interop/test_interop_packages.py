"""Packages and spending limits at a running switch: gifts before money, rents once, exact records and ledgers."""

from __future__ import annotations

from decimal import Decimal

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
