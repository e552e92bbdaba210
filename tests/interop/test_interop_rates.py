"""Rates of all kinds, currencies and records that are kept out, at a running switch."""

from __future__ import annotations

import signal
import time
from decimal import ROUND_HALF_UP, Decimal

from tests.support.sipp import ANSWER, CALL
from tests.support.switch import until

RINGS = ["receive INVITE", "send 180", "receive CANCEL", "send 200", "send 487 invite", "receive ACK"]
GIVES_UP = ["invite", "expect? 100", "expect 180", "pause 200", "cancel", "expect 200", "expect 487", "failack"]
FOREIGN = """
[[parameters]]
name = "VS_CURRENCY"
value = "EUR"
[[exchange_rates]]
name = "GBP/USD"
values = [{from = 2020-01-01, rate = "9"}, {from = 2024-01-01, rate = "1.25"}, {from = 2090-01-01, rate = "9"}]
[[exchange_rates]]
name = "EUR/USD"
values = [{from = 2024-01-01, rate = "1.1"}]
[[rate_groups]]
name = "own{n}"
currency = "GBP"
[[rate_groups.rates]]
prefix = "49"
per_minute = "60"
attempt_fee = "0.05"
minimum = "1.5"
sections = "1:120"
tax = "10"
"""


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def foreign_fee(seconds: int) -> Decimal:
    """A minute costs 60 GBP, beyond the first second 120, at least 1.5; 0.05 an attempt; 1.25 USD each; tax 10 %."""
    talk = max(Decimal("1.5"), Decimal(1 + 2 * (seconds - 1))) if seconds else Decimal(0)
    return rounded((Decimal("0.05") + talk) * Decimal("1.25") * Decimal("1.1"))


def begin_foreign(case):
    return case.begin(account='currency = "USD"', access=f'rate_group = "own{case.n}"', more=FOREIGN)


def test_all_terms_of_a_rate_in_a_foreign_currency(alone):
    case = begin_foreign(alone)
    vendor = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    fee = foreign_fee(cdr["billed_seconds"])
    assert cdr["billed_seconds"] in (1, 2)
    assert (Decimal(cdr["fee"]), cdr["currency"], cdr["cost_currency"]) == (fee, "USD", "EUR")
    assert Decimal(cdr["tax"]) == fee - rounded(fee / Decimal("1.1"))
    assert case.paid() == fee
    assert case.paid("V") == Decimal(cdr["cost"])
    (booked,) = [row for row in case.switch.json("account", "ledger", f"C{case.n}") if row["kind"] == "call"]
    assert Decimal(booked["amount"]) == -fee
    (shown,) = case.switch.json("account", "show", f"C{case.n}")
    assert shown["currency"] == "USD"
    (told,) = case.switch.json("route", "4312345", case.number, "--mapping-gateway", f"customer{case.n}")
    assert "75 USD by the exchange rate 5/4" in " ".join(told["steps"])


def test_an_unanswered_call_costs_its_attempt_fee_alone(alone):
    case = begin_foreign(alone)
    vendor = case.vendor("first", RINGS)
    case.call(GIVES_UP).succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["answer"], Decimal(cdr["fee"])) == ("caller_abandoned", None, Decimal("0.0688"))
    assert case.paid() == Decimal("0.0688")


def test_a_currency_is_not_changed_while_there_is_money(alone):
    case = begin_foreign(alone)
    path = case.folder / "other.toml"
    path.write_text(f'[[accounts]]\nnumber = "C{case.n}"\ncurrency = "GBP"\n')
    refused = case.switch.cli("load", str(path), check=False)
    assert refused.returncode != 0
    assert 'currency: expected "USD" as before: its balance or a grant is not zero' in refused.stderr


def test_without_an_exchange_rate_calls_are_refused(alone):
    case = alone
    case.begin(account='currency = "CHF"', access=f'rate_group = "own{case.n}"', more=FOREIGN)
    case.call(["invite", "expect? 100", "expect 403", "failack"]).succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["fee"]) == ("no_rate", "0")
    assert "no exchange rate from GBP to CHF" in str(cdr["decision"]["notes"])


def test_private_rates_live_and_at_an_import(case):
    more = f'[[rate_groups]]\nname = "private{case.n}"\n[[rate_groups.rates]]\n'
    more += f'prefix = "{case.number}"\nper_minute = "6"\n'
    case.begin(account=f'private_rates = "private{case.n}"', more=more)
    vendor = case.vendor("first", ANSWER, calls=2)
    case.call(CALL).succeeds()
    case.call(CALL, to=f"{case.prefix}9", name="usual").succeeds()
    vendor.succeeds()
    rows = {row["rate_group"]: row for row in case.cdrs(2)}
    assert {group: Decimal(row["fee"]) / row["billed_seconds"] for group, row in rows.items()} == {
        f"private{case.n}": Decimal("0.1"),
        f"sell{case.n}": Decimal("0.01"),
    }


def test_a_rate_table_that_applies_next_monday(case):
    sheet = case.folder / "sheet.csv"
    sheet.write_text(
        "prefix;rate;effective from;valid to;attempt fee;min charge;tiers\n"
        f"{case.prefix};6;2090-01-02;;;;\n{case.prefix};3;2020-01-01;2090-01-02;0.1;0.7;30:1.5\n"
        f"{case.number};9;2020-01-01;2021-01-01;;;\n"
    )
    case.begin()
    case.switch.cli("rates", "import", f"sell{case.n}", str(sheet), "--replace")
    vendor = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    assert (case.cdr()["rate_prefix"], Decimal(case.cdr()["fee"])) == (case.prefix, Decimal("0.8"))
    for at, price in (("2090-01-01", "3"), ("2090-01-02", "6")):
        (told,) = case.switch.json(
            "route", "4312345", case.number, "--mapping-gateway", f"customer{case.n}", "--at", at
        )
        assert told["price"] == price


def test_rates_are_found_without_the_routing_prefix(alone):
    case = alone
    case.begin(access=f'callee_dial_plan = "{case.prefix}:888{case.prefix}"', SERVER_BILLING_GATEWAY_ROUTE_PREFIX="On")
    case.switch.provision(
        f'[[routing_gateways]]\nname = "tech"\naccount = "V{case.n}"\naddress = "127.0.0.1"\n'
        f'port = {case.ports["first"]}\nprefixes = ["888"]\nstrip_prefix = true\n',
        "tech.toml",
    )
    vendor = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["callee"], cdr["callee_out"]) == (f"888{case.number}", case.number)
    assert (cdr["rate_prefix"], cdr["cost_prefix"]) == (case.prefix, case.prefix)
    assert Decimal(cdr["fee"]) == Decimal("0.01") * cdr["billed_seconds"]


def test_records_kept_out_come_with_money_and_obey_after_a_crash(alone):
    case = alone
    free = f"{case.prefix}000"
    case.begin(
        SERVER_BILLING_FREE_E164S=f"{case.prefix}0*",
        SERVER_BILLING_NO_CDR_E164S=f"{case.prefix}*",
        SERVER_BILLING_RECORD_ZERO_HOLD_TIME="Off",
        SERVER_BILLING_RECORD_SERVER_HANG_UP="Off",
    )
    case.vendor("first", ANSWER, calls=2)
    vendor = f'[[accounts]]\nnumber = "V{case.n}"\nkind = "clearing"\noverdraft_limit = "unlimited"\n'
    case.switch.provision(vendor, "vendor.toml")  # without rates it costs nothing
    for number in (free, case.number):
        case.call(["invite", "expect? 100", "expect? 180", "expect 200", "ack", "pause 8000"], to=number, name=number)
    until(lambda: len([row for row in case.running() if row["answer"]]) == 2, what="two answered calls")
    time.sleep(2)
    assert case.switch.stop(signal.SIGKILL) == -signal.SIGKILL
    case.switch.start()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["callee"]) == ("switch_restart", case.number)
    assert case.paid() == Decimal(cdr["fee"]) > 0
