"""Rate sheets at a running switch: what live calls cost before, with and after them."""

from __future__ import annotations

from decimal import Decimal

from tests.support.sipp import ANSWER, CALL
from tests.support.switch import until
from vosswitch.store.workbook_writing import write_workbook

FORMAT = """
[[sheet_formats]]
name = "acme{n}"
columns = { prefix = "Dial Code", per_minute = "D", increments = "Billing", effective = "Valid" }
date_format = "DD.MM.YYYY"
decimal_comma = true
closed_words = ["gone"]
"""
HEADING = ("Country", "Destination", "Dial Code", "Price", "Billing", "Valid")
STAYS = ["invite", "expect? 100", "expect? 180", "expect? 183", "expect 200", "ack", "pause 4000", "bye", "expect 200"]


def sheets(case, *arguments):
    return case.switch.json("rates", *arguments)


def begin(case):
    mode = f'sheet_format = "acme{case.n}"'
    case.begin(mode=mode, more=FORMAT)
    return f"sell{case.n}"


def talk(case, name):
    """Make a call; what it costs a charged second, and its record."""
    case.call(CALL, name=name).succeeds()
    cdr = case.cdrs(int(name[-1]))[0]
    return Decimal(cdr["fee"]) / cdr["billed_seconds"], cdr


def test_calls_before_a_sheet_with_it_and_after_its_undo(case):
    """Whatever is applied: a call costs what was in force at its answer."""
    group = begin(case)
    vendor = case.vendor("first", ANSWER, calls=4)
    first, before = talk(case, "call1")
    path = case.folder / "acme.xlsx"
    rows = [
        ("Austria", "A", case.prefix, "6,00", "1/1", ""),
        ("Austria", "A", case.number, "12", "60/60", "02.01.2090"),
    ]
    write_workbook(str(path), HEADING, rows, {3})
    (applied,) = sheets(case, "sheet", "apply", group, str(path))
    assert (applied["dearer"], applied["new"], applied["gone"]) == (1, 1, 1)
    second, between = talk(case, "call2")
    for at, price in (("2090-01-01", "6"), ("2090-01-02", "12")):
        asked = ("route", "4312345", case.number, "--mapping-gateway", f"customer{case.n}", "--at", at)
        (told,) = case.switch.json(*asked)
        assert told["price"] == price
    (undone,) = sheets(case, "sheet", "undo", str(applied["id"]))
    third, after = talk(case, "call3")
    sheets(case, "sheet", "undo", str(undone["id"]))
    fourth, again = talk(case, "call4")
    vendor.succeeds()
    assert [first, second, third, fourth] == [Decimal("0.01"), Decimal("0.1"), Decimal("0.01"), Decimal("0.1")]
    assert case.paid() == sum(Decimal(cdr["fee"]) for cdr in (before, between, after, again))
    (report,) = case.switch.json("rerate", "--from", "2020-01-01", "--account", f"C{case.n}", "--side", "customer")
    assert report["changed"] == 1  # the third: the first was answered before the sheet, which leaves the past alone


def test_a_call_that_is_up_keeps_the_price_of_its_answer(case):
    group = begin(case)
    vendor = case.vendor("first", ANSWER)
    call = case.call(STAYS)
    until(lambda: [row for row in case.running() if row["answer"]], what="an answered call")
    path = case.folder / "acme.csv"
    path.write_text(f"{';'.join(HEADING)}\n;;{case.prefix};66,00;60/60;\n")
    (applied,) = sheets(case, "sheet", "apply", group, str(path), "--mode", "increase-only")
    call.succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    assert Decimal(cdr["fee"]) == Decimal("0.01") * cdr["billed_seconds"] == case.paid()
    sheets(case, "sheet", "undo", str(applied["id"]))
    assert [row["prefix"] for row in sheets(case, "sheet", "check", group, str(path)) if row["kind"] == "dearer"]
