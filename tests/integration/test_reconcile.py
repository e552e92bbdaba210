"""`vosswitch reconcile` on real databases: a partner's file against our records."""

from __future__ import annotations

import csv
import random
import tracemalloc

import pytest

from tests.integration.test_simulation import START, Node, record, write
from vosswitch.cdr.matching import Call
from vosswitch.cli.sorting import in_order
from vosswitch.model.values import money_text


@pytest.fixture
def node(database_url, tmp_path):
    return Node(tmp_path, database_url)


def vendors(number, at, **more):
    made = record(number, at, **more)
    made |= {"clearing_account": "V1", "caller_out": "0043100", "callee_out": f"99{made['callee']}"}
    return made


def rows_of(calls, side="customer"):
    """What the partner would have written."""
    names = ("caller_in", "callee_in", "fee") if side == "customer" else ("caller_out", "callee_out", "cost")
    return [
        [one[names[0]], one[names[1]], one["start"] / 1000, one["hold_time_ms"] // 1000, money_text(one[names[2]])]
        for one in calls
    ]


def document(node, rows, heading="src,dst,calldate,billsec,cost", delimiter=","):
    path = node.folder / "theirs.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file, delimiter=delimiter)
        out.writerow(heading.split(","))
        out.writerows(rows)
    return path


def reconcile(node, path, *arguments, side="customer", account="C1"):
    (report,) = node.json("reconcile", path, "--side", side, "--account", account, *arguments)
    return report, {row["what"]: (row["ours"], row["theirs"], row["difference"]) for row in report["sums"]}


def some(count, make=record):
    return [make(at + 1, START + at * 7_000, seconds=10 + at % 90, callee=f"4930{at % 7}") for at in range(count)]


def test_a_shuffled_copy_matches_wholly(node, database):
    calls = some(60)
    write(database, calls)
    rows = rows_of(calls)
    random.Random(1).shuffle(rows)
    report, sums = reconcile(node, document(node, rows))
    assert sums["matched"] == sums["total"] == (60, 60, "0")
    assert (report["rows"], report["bad"], report["columns"]) == (
        60,
        0,
        "caller 1, callee 2, start 3, duration 4, fee 5",
    )
    assert {what for what, row in sums.items() if row[:2] != (0, 0)} == {"matched", "total"}


def test_every_difference_is_told(node, database):
    calls = some(12)
    write(database, calls)
    rows = rows_of(calls)
    rows[3][3] += 5
    rows[4][4] = "9"
    rows[5][2] += 4
    rows.append(list(rows[6]))
    rows.append(["100", "491", calls[2]["start"] / 1000, 30, "0.3"])
    del rows[7:9]
    target = node.folder / "differences.csv"
    _, sums = reconcile(node, document(node, rows), "--csv", target)
    assert sums["total"][:2] == (12, 12)
    assert sums["matched"][:2] == (8, 8)
    assert {name: row[:2] for name, row in sums.items() if name not in ("total", "matched")} == {
        "length_differs": (1, 1), "fee_differs": (1, 1), "missing_ours": (0, 1), "missing_theirs": (2, 0),
        "duplicate_theirs": (0, 1), "duplicate_ours": (0, 0),
    }  # fmt: skip
    with target.open() as file:
        lines = {(row["what"], row["call_id"], row["line"]): row for row in csv.DictReader(file)}
    assert set(lines) == {
        ("different", "4", "5"), ("different", "5", "6"), ("missing_theirs", "8", ""), ("missing_theirs", "9", ""),
        ("missing_ours", "", "13"), ("duplicate_theirs", "", "12"),
    }  # fmt: skip
    assert lines["different", "4", "5"]["seconds_difference"] == "5"


def test_a_vendor_sees_the_numbers_that_he_was_sent(node, database):
    calls = some(5, vendors)
    write(database, calls)
    path = document(node, rows_of(calls, "vendor"))
    assert reconcile(node, path, side="vendor", account="V1")[1]["matched"] == (5, 5, "0")
    assert reconcile(node, path, side="vendor", account="V2")[1]["missing_ours"][:2] == (0, 5)
    assert reconcile(node, path, "--numbers", "billed", side="vendor", account="V1")[1]["matched"][:2] == (0, 0)
    found = reconcile(
        node, path, "--numbers", "billed", "--strip", "99", "--strip", "0043", side="vendor", account="V1"
    )
    assert found[1]["matched"] == (5, 5, "0")


def test_numbers_times_and_columns_of_all_kinds(node, database):
    calls = some(4)
    write(database, calls)
    rows = [
        [f"+1{one['caller_in']}", f"00{one['callee_in']}", "21.09.2026", f"16:13:{22 + 7 * at}", f"0:{10 + at}", "0,1"]
        for at, one in enumerate(calls)
    ]  # fmt: skip
    path = document(node, rows, "Von,Nach,Tag,Zeit,Dauer,Preis", ";")
    columns = ["caller=Von", "callee=Nach", "start=Tag+Zeit", "duration=Dauer", "fee=6"]
    arguments = [item for one in columns for item in ("--column", one)]
    _, sums = reconcile(
        node, path, *arguments, "--zone", "Europe/Vienna", "--time-format", "%d.%m.%Y %H:%M:%S", "--offset", "-2",
        "--last", "3", "--decimal-comma", "--fee-tolerance", "1",
    )  # fmt: skip
    assert sums["matched"][:2] == (4, 4)


def test_the_ends_of_the_period(node, database):
    """A call just outside may be the partner of one inside; it is missing nowhere."""
    calls = some(10)
    write(database, calls)
    rows = rows_of(calls[3:6])
    assert reconcile(node, document(node, rows))[1]["total"][:2] == (3, 3)
    rows[0][2] -= 3
    _, sums = reconcile(node, document(node, rows), "--from", calls[3]["start"], "--to", calls[6]["start"])
    assert (sums["matched"][:2], sums["total"][:2]) == ((3, 3), (3, 3))
    _, sums = reconcile(node, document(node, rows), "--from", START, "--to", calls[9]["start"])
    assert sums["missing_theirs"][:2] == (6, 0)


def test_rows_that_are_no_calls_are_counted(node, database):
    calls = some(2)
    write(database, calls)
    path = document(node, [*rows_of(calls), ["100", "49", "never", "1", "1"], [], ["x"]])
    report, sums = reconcile(node, path)
    assert (report["bad"], sums["matched"][:2]) == (2, (2, 2))
    done = node.run("reconcile", path, "--side", "customer", "--account", "C1")
    assert (
        "2 rows are no calls: line 4: expected a date and time, got 'never'; line 6: it has too few columns"
        in done.stderr
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected --column callee=HEADING"),
        ("dst,start,billsec\n", "no calls"),
        ("dst,start,billsec\n1,2,3\n", "no calls: line 2: expected a date and time, got '2'"),
        ("dst,start,billsec\n" + "1" * 5000 + ",2,3\n", "field larger than field limit"),
    ],
)
def test_files_that_cannot_be_read(node, text, words):
    path = node.file("bad.csv", text)
    done = node.run("reconcile", path, "--side", "customer", "--account", "C1", code=1)
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_has_to_be_said(node):
    path = node.file("some.csv", "dst,start,billsec\n")
    assert (
        "expected --account NUMBER or --gateway NAME" in node.run("reconcile", path, "--side", "vendor", code=2).stderr
    )


def test_calls_are_put_in_order_in_parts(tmp_path):
    chance = random.Random(3)
    calls = [Call(chance.randrange(1000), "1", "2", 3, None, at, bool(at % 2)) for at in range(1000)]
    found = list(in_order(calls, str(tmp_path), "x", 64))
    assert found == sorted(calls, key=lambda one: (one.at, one.ref))
    assert len(list(tmp_path.iterdir())) == 15


def test_memory_does_not_grow_with_the_rows(tmp_path):
    def peak(count, name):
        tracemalloc.start()
        last = 0
        for call in in_order(
            (Call(at * 7919 % 100_003, "1", "2", 3, 4, at) for at in range(count)), str(tmp_path), name, 1000
        ):
            assert call.at >= last
            last = call.at
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(40_000, "b") < 2 * peak(8_000, "a")
