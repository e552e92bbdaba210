"""``vosswitch ledger`` and the bookings of ``vosswitch account``: what they print and how they end."""

from __future__ import annotations

import json
import sqlite3

import pytest
from click.testing import CliRunner

from vosswitch.cli.main import cli

ACCOUNTS = """
[[accounts]]
number = "1000"
balance = "50"
expires = 2020-01-01
[[accounts]]
number = "V1"
kind = "clearing"
"""


@pytest.fixture
def node(tmp_path):
    """Runs a command on a node of its own that is not running."""
    (tmp_path / "v.toml").write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/db.sqlite"\nkey_file = "{tmp_path}/key"\n'
        f'[run]\ndirectory = "{tmp_path}/run"\nspool = "{tmp_path}/spool"\n[node]\ntimezone = "Europe/Vienna"\n'
    )
    (tmp_path / "p.toml").write_text(ACCOUNTS)

    def run(*arguments):
        return CliRunner().invoke(cli, ["--config", str(tmp_path / "v.toml"), *arguments])

    run.damage = lambda sql: _execute(tmp_path / "db.sqlite", sql)
    assert run("migrate").exit_code == 0
    assert run("load", str(tmp_path / "p.toml")).exit_code == 0
    return run


def _execute(path, sql):
    connection = sqlite3.connect(path)
    connection.execute(sql)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["account", "credit", "1000", "-5"], 2, "expected an amount above zero"),
        (["account", "correct", "1000", "5"], 2, "--why"),
        (["account", "correct", "1000", "--why", "x"], 2, "expected AMOUNT or --to BALANCE"),
        (["account", "correct", "1000", "5", "--to", "5", "--why", "x"], 2, "expected AMOUNT or --to BALANCE"),
        (["account", "correct", "1000", "--to", "50", "--why", "x"], 1, "1000: its balance is 50 already"),
        (["account", "reverse", "77", "--why", "x"], 1, "ledger: there is no row 77"),
        (["account", "pay", "none", "5"], 1, 'accounts: there is no "none"'),
        (["account", "pay", "1000", "100000000000"], 1, "expected a balance not beyond 100000000000"),
        (["account", "lock", "none"], 1, 'accounts: there is no "none"'),
        (["account", "pay", "1000", "1e3"], 2, "expected an amount such as 12.50, got '1e3'"),
        (["account", "pay", "1000", "1_000"], 2, "expected an amount such as 12.50, got '1_000'"),
        (["account", "correct", "1000", "--to", "NaN", "--why", "x"], 2, "expected an amount such as 12.50"),
        (["ledger", "list", "--kind", "paymnt"], 2, "'paymnt' is not one of 'opening'"),
        (["ledger", "list", "--book", "till"], 2, "'till' is not one of 'cash'"),
        (["ledger", "list", "--account", "none"], 1, 'accounts: there is no "none"'),
        (["cdr", "list", "--account", "none"], 1, 'accounts: there is no "none"'),
        (["cdr", "list", "--agent", "none"], 1, 'accounts: there is no "none"'),
    ],
)
def test_what_cannot_be_booked(node, arguments, code, words):
    done = node(*arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert words in done.stderr
    assert node("account", "ledger", "1000").stdout.count("\n") == 2  # the title and the opening balance


def test_bookings_say_what_became_of_the_account(node):
    paid = node("account", "pay", "1000", "12.5", "--reference", "bank 4711", "--why", "invoice 17")
    assert paid.stdout.startswith("1000: paid 12.5, balance 62.5, expires 20")
    again = node("account", "pay", "1000", "12.5", "--reference", "bank 4711")
    assert again.stdout.startswith("1000: booked already with this reference, row 2 of 20")
    assert (again.stderr, again.exit_code) == ("", 0)  # nothing that had to become live
    assert node("account", "correct", "1000", "--to", "0", "--why", "end").stdout == (
        "1000: corrected by -62.5, balance 0, locked (balance)\n"
    )
    row = json.loads(node("--format", "json", "account", "credit", "1000", "5").stdout)[0]
    assert (row["kind"], row["amount"], row["balance"], row["booked"], row["unlocked"]) == (
        "credit", "5", "5", True, True
    )  # fmt: skip
    assert node("account", "reverse", str(row["id"]), "--why", "paid").stdout == (
        "1000: reversed by -5, balance 0, locked (balance)\n"
    )
    assert node("account", "lock", "1000").stdout == "1000: locked\n"
    assert node("account", "lock", "1000").stdout == "1000: was locked already: operator\n"
    assert node("account", "unlock", "1000").stdout == "1000: unlocked\n"
    assert node("account", "unlock", "1000").stdout == "1000: was not locked\n"
    lines = node("ledger", "list").stdout.splitlines()
    assert lines[0].split() == ["id", "at", "account", "kind", "contra", "amount", "who", "remark"]
    assert lines[-2].endswith("ref bank 4711; invoice 17")
    assert [line for line in lines if len(line) > 110] == []
    (found,) = json.loads(node("--format", "json", "ledger", "list", "--book", "cash").stdout)
    assert (found["reference"], found["contra"], found["call_id"]) == ("bank 4711", "cash", None)


def test_the_books_and_the_proof(node):
    node("account", "pay", "V1", "100")
    rows = json.loads(node("--format", "json", "ledger", "books").stdout)
    assert [(row["book"], row["amount"]) for row in rows] == [
        ("accounts", "150"),
        ("vendors", "-100"),
        ("opening", "-50"),
    ]
    done = node("ledger", "check")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "2 bookings of 2 accounts, 0 records of calls: everything adds up\n"
    node.damage("UPDATE account SET balance = balance - 1 WHERE number = '1000'")
    done = node("ledger", "check")
    assert (done.exit_code, done.stdout.splitlines()) == (1, [
        "account 1000: balance 49.9999999, but its bookings add up to 50",
        "books: all balances and books together are -0.0000001, not 0",
    ])  # fmt: skip
    assert done.stderr == "vosswitch: 2 findings in 2 bookings of 2 accounts, 0 records of calls\n"
    done = node("--format", "json", "ledger", "check")
    assert [row["what"] for row in json.loads(done.stdout)] == ["account 1000", "books"]
