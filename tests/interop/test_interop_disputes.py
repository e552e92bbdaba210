"""Real calls rated again while the switch runs, and compared with what the partner has written."""

from __future__ import annotations

from decimal import Decimal

from tests.interop.test_interop_simulate import document, talk


def rerated(case, *arguments):
    (report,) = case.switch.json("rerate", "--from", "2020-01-01", "--account", f"C{case.n}", *arguments)
    return report


def live_balance(case):
    """What the running switch says that the account has free, through the decision on a call."""
    told = case.switch.json("route", "--mapping-gateway", f"customer{case.n}", "1000", case.number)[0]
    return told["outcome"]


def test_corrections_change_the_balance_of_a_running_switch(case):
    """A dearer list takes all that the account has: its next call is refused; taken back, it is made."""
    case.begin(balance="1")
    rows = talk(case, 2)
    fee = sum(Decimal(row["fee"]) for row in rows)
    assert rerated(case)["changed"] == 0
    path = case.folder / "dear.csv"
    path.write_text(f"prefix,per_minute\n{case.prefix},400\n")
    report = rerated(case, "--rates", f"sell{case.n}={path}", "--side", "customer", "--apply", "--why", "test")
    due = Decimal(report["accounts"][0]["new"])
    assert due > 1
    assert case.paid() == due
    assert live_balance(case) in ("insufficient_balance", "account_locked")
    case.switch.cli("rerate", "undo", str(report["run"]), "--why", "test")
    assert case.paid() == fee
    assert live_balance(case) == "route"
    assert [row["fee"] for row in case.cdrs(2)] == [row["fee"] for row in rows]


def test_a_vendors_records_against_ours(case):
    case.begin()
    rows = talk(case, 3)
    lines = ["ani,dnis,start,duration,amount"]
    lines += [
        f"{row['caller_out']},{row['callee_out']},{row['start']},{row['hold_time_ms'] / 1000},{row['cost']}"
        for row in rows
    ]
    path = document(case, "vendor.csv", "\n".join([*lines[:3], lines[3].rsplit(",", 1)[0] + ",7"]) + "\n")
    (report,) = case.switch.json("reconcile", str(path), "--side", "vendor", "--account", f"V{case.n}")
    sums = {row["what"]: (row["ours"], row["theirs"]) for row in report["sums"]}
    assert (sums["matched"], sums["fee_differs"], sums["total"]) == ((2, 2), (1, 1), (3, 3))
