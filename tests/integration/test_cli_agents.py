"""The commands around agents and phone cards, on a database without a running switch."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict

import pytest

from tests.support.switch import Switch
from vosswitch.cdr.record import Cdr
from vosswitch.model.values import UNITS
from vosswitch.store import cdrs
from vosswitch.store.agent_income import incomes
from vosswitch.store.secrets import Secrets

TREE = """
[[rate_groups]]
name = "retail"
[[accounts]]
number = "top"
kind = "agent"
balance = "5"
[[accounts]]
number = "near"
name = "Near"
kind = "agent"
agent = "top"
[[accounts]]
number = "c1"
agent = "near"
[[accounts]]
number = "c2"
agent = "top"
[[accounts]]
number = "other"
"""


@pytest.fixture
def switch(tmp_path):
    made = Switch(tmp_path)
    made.quick = True
    made.cli("migrate")
    made.provision(TREE)
    return made


def level(account, fee, seconds=60):
    return {"account": account, "name": account, "fee": fee, "tax": "0", "billed_seconds": seconds, "income": "0"}


START = 1_798_700_000_000


def call(number, account, fee, *levels, start=START, answer=START):
    cdr = Cdr(
        number, "20261231", start, start, account=account, account_name="", answer=answer, fee=fee, billed_seconds=30
    )
    cdr.agents = list(levels) or None
    return asdict(cdr)


def test_a_tree_is_shown_below_its_agents(switch):
    rows = switch.json("account", "tree")
    assert [(row["account"], row["depth"]) for row in rows] == [("top", 0), ("c2", 1), ("near", 1), ("c1", 2)]
    assert rows[0]["balance"] == "5"
    assert [row["account"] for row in switch.json("account", "tree", "near")] == ["near", "c1"]
    text = switch.cli("account", "tree").stdout.splitlines()
    assert text[4].startswith("    c1 ")
    assert "other" not in "".join(text)
    assert switch.cli("account", "tree", "nobody", check=False).returncode == 1


def test_income_is_what_the_level_below_pays_less_the_own_fee(switch, database):
    cdrs.ensure_days(database, ["20261231"])
    rows = [
        call(1, "c1", 3 * UNITS, level("near", "2"), level("top", "1.5")),
        call(2, "c1", UNITS, level("near", "2", 120), level("top", "0.5")),
        call(3, "c2", UNITS, level("top", "0.25")),
        call(4, "c2", 0, level("top", "0"), answer=None),
        call(5, "other", UNITS),
        call(6, "c2", 9 * UNITS, level("top", "1"), start=START + 10_000),
    ]
    with database.write() as connection:
        cdrs.insert_cdrs(connection, "20261231", rows, "n")
    with database.read() as connection:
        for agent, calls in (("near", ["2", "1"]), ("top", ["6", "4", "3", "2", "1"])):
            assert [row["call_id"] for row in cdrs.list_cdrs(connection, agent=agent)] == calls
        (near,) = incomes(connection, "near", None, None)
        top = incomes(connection, "top", START, START + 10_000)
        assert incomes(connection, "c1", None, None) == []
    assert (near.account, near.calls, near.seconds, near.paid, near.fee, near.income) == (
        "c1", 2, 60, 4 * UNITS, 4 * UNITS, 0
    )  # fmt: skip
    assert [(one.account, one.calls, one.seconds, one.income) for one in top] == [
        ("near", 2, 180, 2 * UNITS), ("c2", 1, 60, 3 * UNITS // 4)
    ]  # fmt: skip


def test_cards_are_made_once_and_their_pins_are_only_in_the_file(switch, tmp_path):
    path = tmp_path / "batch.csv"
    switch.cli(
        "cards", "make", "--count", "3", "--prefix", "K", "--amount", "10", "--rate-group", "retail", "--agent", "near",
        "--valid-days", "30", "--output", str(path),
    )  # fmt: skip
    assert path.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert [row["number"] for row in rows] == ["K000001", "K000002", "K000003"]
    assert len({row["pin"] for row in rows}) == 3
    assert {len(row["pin"]) for row in rows} == {12}
    shown = switch.json("cards", "list")
    assert [(row["number"], row["balance"], row["agent"], row["valid_days"]) for row in shown] == [
        (f"K00000{at}", "10", "near", 30) for at in (1, 2, 3)
    ]
    dumped = switch.cli("dump", "--with-secrets").stdout
    secrets = Secrets(str(next(switch.folder.rglob("*key*"))))
    for row in rows:
        assert row["pin"] not in dumped
        assert secrets.keyed(row["pin"]) in dumped
    assert switch.cli("cards", "make", "--count", "1", "--prefix", "K", "--rate-group", "retail", "--output", str(path),
                      check=False).returncode == 1  # fmt: skip
    more = switch.cli("cards", "make", "--count", "1", "--prefix", "K", "--rate-group", "retail").stdout
    assert more.splitlines()[1].startswith("K000004,")


def test_too_many_cards_for_their_pins_are_refused(switch):
    done = switch.cli("cards", "make", "--count", "1001", "--prefix", "K", "--rate-group", "retail", "--length", "6",
                      check=False)  # fmt: skip
    assert done.returncode == 1
    assert "--length: expected more digits" in done.stderr


def test_cards_can_be_locked_by_number_and_by_batch(switch):
    switch.cli("cards", "make", "--count", "3", "--prefix", "K", "--rate-group", "retail")
    switch.cli("cards", "lock", "K000002", "--why", "lost")
    assert [row["locked"] for row in switch.json("cards", "list")] == [False, True, False]
    done = switch.cli("cards", "lock", "--prefix", "K")
    assert "2 cards locked, 1 were already" in done.stderr
    assert {row["lock_reason"] for row in switch.json("cards", "list")} == {"operator"}
    assert switch.cli("cards", "lock", "c1", check=False).returncode == 1
    assert switch.cli("cards", "lock", check=False).returncode == 2
