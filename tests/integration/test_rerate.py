"""`vosswitch rerate` on real databases: differences, corrections that happen once, and taking them back."""

from __future__ import annotations

import csv
import re
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.test_simulation import START, Node, record, write
from vosswitch.cdr.record import Charge
from vosswitch.model.values import UNITS, money
from vosswitch.store import rerates
from vosswitch.store.charges import Batch, write_batch
from vosswitch.store.rerates import Filter

NEW = """
[[rate_groups]]
name = "sell"
[[rate_groups.rates]]
prefix = "49"
per_minute = "0.90"
"""


@pytest.fixture
def node(database_url, tmp_path, monkeypatch):
    monkeypatch.setattr("os.nice", lambda _by: 0)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return Node(tmp_path, database_url)


def booked(flowno, at=START, **more):
    """A call with what was booked for it, as the recorder writes it."""
    made = record(flowno, at, **more)
    vendor = {"a": "V1", "b": "V2"}[made["routing_gateway"]]
    made["clearing_account"] = vendor
    charges = [Charge("C1", made["fee"], "call"), Charge(vendor, made["cost"], "cost")]
    made["charges"] = [{"account": one.account, "amount": one.amount, "kind": one.kind} for one in charges]
    return made


def settle(database, calls):
    from vosswitch.store.cdrs import ensure_days  # noqa: PLC0415

    ensure_days(database, {one["day"] for one in calls})
    with database.write() as connection:
        write_batch(connection, 1, "n1", Batch(calls, (0, 0), (0, 0), START))


def balances(node):
    return {row["number"]: row["balance"] for row in node.json("account", "list")}


def rerate(node, *arguments):
    (report,) = node.json("rerate", "--from", START, *arguments)
    return report


def test_what_has_not_changed_is_no_difference(node, database):
    settle(database, [booked(1), booked(2, gateway="b"), booked(3, seconds=30)])
    report = rerate(node)
    assert (report["calls"], report["changed"], report["amount"], report["run"]) == (3, 0, "0", None)
    assert {(row["role"], row["account"]): (row["calls"], row["old"], row["new"]) for row in report["accounts"]} == {
        ("customer", "C1"): (3, "1.5", "1.5"), ("vendor", "V1"): (2, "0.45", "0.45"),
        ("vendor", "V2"): (1, "0.5", "0.5"),
    }  # fmt: skip


def test_a_dry_run_tells_and_books_nothing(node, database):
    settle(database, [booked(1), booked(2, seconds=90)])
    before = balances(node)
    target = node.folder / "calls.csv"
    path = node.file("new.csv", "prefix,per_minute\n49,0.90\n")
    report = rerate(node, "--rates", f"sell={path}", "--calls", target)
    assert (report["changed"], report["amount"]) == (2, "-0.75")
    (row,) = [row for row in report["accounts"] if row["role"] == "customer"]
    assert (row["old"], row["new"], row["difference"], row["changed"]) == ("1.5", "2.25", "0.75", 2)
    with target.open() as file:
        lines = list(csv.DictReader(file))
    assert [(line["call_id"], line["account"], line["old"], line["new"]) for line in lines] == [
        ("1", "C1", "0.6", "0.9"), ("2", "C1", "0.9", "1.35"),
    ]  # fmt: skip
    assert (balances(node), node.json("rerate", "list")) == (before, [])


def test_corrections_are_booked_once_and_taken_back_once(node, database):
    settle(database, [booked(1), booked(2, seconds=90)])
    before = balances(node)
    node.load(NEW)
    report = rerate(node, "--apply", "--why", "wrong list")
    assert (report["run"], report["changed"]) == (1, 2)
    assert money(balances(node)["C1"]) == money(before["C1"]) - money("0.75")
    assert balances(node)["V1"] == before["V1"]
    rows = node.json("rerate", "show", 1)
    assert [(row["account"], row["amount"], row["reference"]) for row in rows] == [
        ("C1", "-0.3", "rerate:1:1:call"), ("C1", "-0.45", "rerate:1:2:call"),
    ]  # fmt: skip
    assert rows[0]["why"] == "call 1 rated again (call): wrong list"
    again = rerate(node, "--apply")
    assert (again["changed"], again["amount"]) == (0, "0")
    assert money(balances(node)["C1"]) == money(before["C1"]) - money("0.75")
    node.run("rerate", "undo", 1, "--why", "was right")
    assert balances(node) == before
    node.run("rerate", "undo", 1, "--why", "again", code=1)
    (first, second) = node.json("rerate", "list")
    assert (first["state"], first["corrected"], first["amount"], first["why"]) == ("undone", 2, "-0.75", "wrong list")
    assert second["state"] == "applied"
    assert rerate(node)["changed"] == 2
    node.run("ledger", "check")


def test_a_second_change_is_a_difference_to_what_was_corrected(node, database):
    settle(database, [booked(1)])
    node.load(NEW)
    rerate(node, "--apply")
    node.load(NEW.replace("0.90", "0.50"))
    report = rerate(node, "--apply")
    assert (report["accounts"][0]["old"], report["amount"]) == ("0.9", "0.4")
    assert rerate(node)["changed"] == 0
    node.run("rerate", "undo", 1, "--why", "the first one")
    assert rerate(node)["accounts"][0]["old"] == "0.2"


def test_the_configuration_as_it_was(node, database):
    settle(database, [booked(1)])
    node.load(NEW)
    assert rerate(node)["changed"] == 1
    at = node.json("account", "show", "C1")[0]["created"]
    assert rerate(node, "--config-at", at.replace("Z", "+00:00"))["calls"] == 1


@pytest.mark.parametrize(
    ("arguments", "calls"),
    [
        (("--account", "C1"), 4), (("--account", "V1"), 0), (("--vendor", "V2"), 1), (("--gateway", "b"), 1),
        (("--gateway", "shop"), 4), (("--prefix", "4930"), 3), (("--prefix", "4931"), 1),
        (("--to", START + 1), 3),
    ],
)  # fmt: skip
def test_which_calls(node, database, arguments, calls):
    settle(database, [booked(1), booked(2, gateway="b"), booked(3, callee="4931"), booked(4, at=START + 1)])
    assert rerate(node, *arguments)["calls"] == calls


def test_whose_side(node, database):
    settle(database, [booked(1)])
    assert [row["role"] for row in rerate(node, "--side", "customer")["accounts"]] == ["customer"]
    assert [row["role"] for row in rerate(node, "--side", "vendor")["accounts"]] == ["vendor"]


def test_what_is_left_out_is_told(node, database):
    packaged, gone, back, moved = (booked(number) for number in (1, 2, 3, 4))
    packaged["package"] = "basic"
    gone["account"] = "C9"
    gone["charges"] = []
    moved["decision"] = {"transfer": {"by": "caller"}}
    settle(database, [packaged, gone, back, moved])
    (row,) = [row for row in node.json("account", "ledger", "C1") if row["call_id"] == "3"]
    node.run("account", "reverse", row["id"], "--why", "a gift")
    node.load(NEW)
    report = rerate(node)
    assert {(row["role"], row["why"]): row["calls"] for row in report["left_out"]} == {
        ("customer", "a package paid for it"): 1, ("customer", "the account is not there"): 1,
        ("vendor", "the account is not there"): 1, ("customer", "its booking was taken back by hand"): 1,
        ("vendor", "the call was transferred: how long the vendor's leg was up is not recorded"): 1,
    }  # fmt: skip


def test_a_number_without_a_rate_is_never_guessed(node, database):
    settle(database, [booked(1, callee="5512")])
    assert {row["why"] for row in rerate(node)["left_out"]} == {"there is no rate for the number"}


def test_an_interrupted_run_is_taken_back_before_anything_else(node, database):
    settle(database, [booked(1), booked(2)])
    before = balances(node)
    node.load(NEW)
    with database.write() as connection:
        run = rerates.begin(connection, "me", {})
    rerates.correct(database, run, [rerates.Correction(1, "C1", "call", -3 * UNITS // 10)], "")
    rerates.correct(database, run, [rerates.Correction(1, "C1", "call", -3 * UNITS // 10)], "")
    assert money(balances(node)["C1"]) == money(before["C1"]) - money("0.3")
    done = node.run("rerate", "--from", START, "--apply", code=1)
    assert "rerate 1 was interrupted: expected vosswitch rerate undo 1 first" in done.stderr
    node.run("rerate", "undo", 1, "--why", "it was killed")
    assert balances(node) == before
    assert rerate(node, "--apply")["changed"] == 2


def test_an_undo_goes_on_where_it_stopped(node, database):
    settle(database, [booked(1), booked(2)])
    before = balances(node)
    node.load(NEW)
    rerate(node, "--apply")
    first = node.json("rerate", "show", 1)[0]["id"]
    node.run("account", "reverse", first, "--why", "one by hand")
    with database.write() as connection:
        rerates.move(connection, 1, rerates.UNDOING)
    assert "1 corrections taken back" in node.run("rerate", "undo", 1, "--why", "on").stdout
    assert balances(node) == before
    node.run("ledger", "check")


def test_memory_does_not_grow_with_the_calls(database_url, database):
    calls = [record(number, START + number) for number in range(1, 3001)]
    write(database, calls)
    wanted = Filter(START, START + 10_000)

    def peak(upto):
        tracemalloc.start()
        for page in rerates.rated_calls(database, wanted._replace(until=START + upto), 200):
            assert len(page) <= 200
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(300)
    assert peak(3001) < 2 * peak(600)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(1, 200), st.sampled_from("ab")), min_size=1, max_size=5), st.integers(1, 99))
def test_by_the_same_rates_nothing_differs_and_by_others_the_ledger_ends_at_them(tmp_path_factory, calls, cents):
    folder = tmp_path_factory.mktemp("rerate")
    node = Node(folder, f"sqlite:///{folder}/db.sqlite")
    from vosswitch.store.database import open_database  # noqa: PLC0415

    database = open_database(f"sqlite:///{folder}/db.sqlite")
    try:
        settle(database, [booked(at + 1, seconds=3 * ms, gateway=where) for at, (ms, where) in enumerate(calls)])
        assert rerate(node)["changed"] == 0
        before = money(balances(node)["C1"])
        node.load(re.sub("0.90", f"0.{cents:02}", NEW))
        report = rerate(node, "--apply")
        (due,) = [money(row["difference"]) for row in report["accounts"] if row["role"] == "customer"]
        assert money(balances(node)["C1"]) == before - due
        assert rerate(node)["changed"] == 0
    finally:
        database.close()
