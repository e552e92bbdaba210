"""Agents, phone cards and bound numbers on live calls: records, ledger and balances, to the unit."""

from __future__ import annotations

from decimal import Decimal

from tests.support.sipp import ANSWER, CALL
from tests.support.switch import until

TREE = """
[[rate_groups]]
name = "near{n}"
[[rate_groups.rates]]
prefix = "49"
per_minute = "0.48"
first = 60
next = 60
tax = "25"
[[rate_groups]]
name = "top{n}"
[[rate_groups.rates]]
prefix = "49"
per_minute = "0.3"
connect_fee = "0.002"
[[accounts]]
number = "N{n}"
name = "Near"
kind = "agent"
agent = "T{n}"
balance = "5"
anti_overdraft = true
rate_group = "near{n}"
[[accounts]]
number = "T{n}"
name = "Top"
kind = "agent"
balance = "4"
lines = 1
rate_group = "top{n}"
"""
REFUSED = ["invite", "expect? 100", "expect 403", "failack"]


def ledger(case, letter):
    """The bookings of calls on an account: kind and amount."""
    rows = case.switch.json("account", "ledger", f"{letter}{case.n}")
    return [(row["kind"], row["amount"], row["balance_after"]) for row in rows if row["call_id"]]


def test_a_call_below_two_agents_is_paid_at_each_level(case):
    case.begin(account=f'agent = "N{case.n}"', more=TREE)
    vendor = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    cdr, n = case.cdr(), case.n
    assert (cdr["billed_seconds"], cdr["fee"], cdr["cost"]) == (1, "0.01", "0.005")
    assert (cdr["agent_account"], cdr["agent_name"], cdr["agent_fee"], cdr["agent_tax"]) == (
        f"N{n}",
        "Near",
        "0.6",
        "0.12",
    )
    assert cdr["agent_billed_seconds"] == 60
    assert cdr["agents"] == [
        {"account": f"N{n}", "name": "Near", "fee": "0.6", "tax": "0.12", "billed_seconds": 60, "income": "-0.59"},
        {"account": f"T{n}", "name": "Top", "fee": "0.007", "tax": "0", "billed_seconds": 1, "income": "0.593"},
    ]
    assert ledger(case, "C") == [("call", "-0.01", "9.99")]
    assert ledger(case, "N") == [("agent", "-0.6", "4.4")]
    assert ledger(case, "T") == [("agent", "-0.007", "3.993")]
    assert ledger(case, "V") == [("cost", "-0.005", "-0.005")]
    told = case.switch.cli("cdr", "explain", cdr["call_id"]).stdout
    assert f"agent    N{n} Near: pays 0.6, keeps -0.59" in told
    assert "fee 0.01, cost 0.005, margin 0.002" in told
    answer = case.switch.json("route", "4312345", case.number, "--mapping-gateway", f"customer{n}")[0]
    assert [
        step for step in answer["steps"] if step.startswith(f"agent: T{n} Top: prefix 49 of top{n}: 0.3 per minute")
    ]


def test_an_agent_bounds_its_tree_and_refuses_without_money(case):
    case.begin(account=f'agent = "N{case.n}"', more=TREE)
    vendor = case.vendor("first", ANSWER, calls=2)
    held = case.call([*CALL[:-3], "pause 1500", *CALL[-2:]])
    until(lambda: [one for one in case.running() if one["answer"]], 5, "the first call")
    second = case.call(["invite", "expect? 100", "expect 503", "failack"], name="second")
    second.succeeds()
    held.succeeds()
    assert [cdr["end_reason"] for cdr in case.cdrs(2)] == ["line_limit", "normal"]
    case.switch.cli("account", "pay", f"N{case.n}", "-4")  # 0.4 is left, a call needs 0.6
    third = case.call(REFUSED, name="third")
    third.succeeds()
    cdr = case.cdrs(3)[0]
    assert cdr["end_reason"] == "insufficient_balance"
    assert f"account N{case.n}" in dict(cdr["decision"]["notes"])["money"]
    assert case.switch.balance(f"N{case.n}") == "0.4"
    case.switch.cli("account", "pay", f"N{case.n}", "1")
    case.call(CALL, name="fourth").succeeds()
    vendor.succeeds()
    until(lambda: case.switch.balance(f"N{case.n}") == "0.8", 5, "the agent's fee")


PIN = "7351946280"
CARD = """
[[accounts]]
number = "K{n}"
kind = "phone_card"
pin = "7351946280"
balance = "2"
anti_overdraft = true
rate_group = "sell{n}"
valid_days = 10
[[accounts]]
number = "B{n}"
balance = "3"
rate_group = "sell{n}"
bound_numbers = ["777{n}"]
"""


def test_a_card_pays_by_its_pin_which_is_nowhere(alone):
    case = alone
    case.begin(access='card_access = ["0900:10"]\n', more=CARD, VS_CARD_PIN_TRIES=2)
    vendor = case.vendor("first", ANSWER)
    case.call(CALL, to=f"0900{PIN}*{case.number}").succeeds()
    vendor.succeeds()
    (cdr,) = case.switch.cdrs(1, "--account", f"K{case.n}")
    assert (cdr["callee"], cdr["callee_in"]) == (case.number, f"0900***********{case.number}")
    assert (cdr["fee"], cdr["account"]) == ("0.01", f"K{case.n}")
    assert case.switch.balance(f"K{case.n}") == "1.99"
    assert case.paid() == Decimal(0)
    (shown,) = case.switch.json("account", "show", f"K{case.n}")
    assert shown["expires"] is not None
    for at in range(2):
        case.call(REFUSED, to=f"09000000000000{case.number}", name=f"wrong{at}").succeeds()
    case.call(REFUSED, to=f"0900{PIN}{case.number}", name="late").succeeds()
    rows = until(lambda: (rows := case.switch.json("cdr", "list")) and len(rows) == 4 and rows, 10, "records")
    assert [row["end_reason"] for row in rows[:3]] == ["authentication_failed"] * 3
    assert "too many wrong PINs" in dict(rows[0]["decision"]["notes"])["card"]
    assert PIN not in case.switch.cli("--format", "json", "cdr", "list").stdout
    assert PIN not in case.switch.log()
    assert PIN not in case.switch.cli("dump", "--with-secrets").stdout
    for path in case.switch.folder.glob("*.sqlite*"):
        assert PIN.encode() not in path.read_bytes(), path


def test_a_bound_number_pays_for_its_calls(case):
    case.begin(access="bound_billing = true\n", more=CARD.replace(PIN, f"73519{case.n:05}"))
    vendor = case.vendor("first", ANSWER)
    case.call(CALL, number=f"777{case.n}").succeeds()
    vendor.succeeds()
    (cdr,) = case.switch.cdrs(1, "--account", f"B{case.n}")
    assert cdr["fee"] == "0.01"
    assert case.switch.balance(f"B{case.n}") == "2.99"
    assert case.paid() == Decimal(0)
