"""`vosswitch simulate` on real databases: calls of several days, drafts, price lists and the past."""

from __future__ import annotations

import csv
import json
import time
import tracemalloc
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from vosswitch.cdr.record import Attempt, Cdr
from vosswitch.cli.main import cli
from vosswitch.model.values import UNITS
from vosswitch.simulation.replay import recorded
from vosswitch.simulation.report import Report
from vosswitch.simulation.run import Period, simulate
from vosswitch.store import cdrs
from vosswitch.store.database import open_database
from vosswitch.store.migrations import migrate
from vosswitch.store.pastcalls import count_calls, past_calls

START = 1_790_000_000_000
DAY_MS = 86_400_000

PROVISION = """
[[rate_groups]]
name = "sell"
[[rate_groups.rates]]
prefix = "49"
per_minute = "0.60"
[[rate_groups]]
name = "buy"
[[rate_groups.rates]]
prefix = "49"
per_minute = "0.30"
[[rate_groups]]
name = "dear"
[[rate_groups.rates]]
prefix = "4930"
per_minute = "0.50"
[[accounts]]
number = "C1"
balance = "100"
rate_group = "sell"
[[accounts]]
number = "V1"
kind = "clearing"
rate_group = "buy"
[[accounts]]
number = "V2"
kind = "clearing"
rate_group = "dear"
[[mapping_gateways]]
name = "shop"
account = "C1"
addresses = ["192.0.2.1"]
[[routing_gateways]]
name = "a"
account = "V1"
address = "192.0.2.11"
[[routing_gateways]]
name = "b"
account = "V2"
address = "192.0.2.12"
priority = 5
"""


class Node:
    """A migrated database with a configuration, and the command line on it."""

    def __init__(self, folder, url):
        self.folder = folder
        self.config = folder / "vosswitch.toml"
        self.config.write_text(
            f'[database]\nurl = "{url}"\nkey_file = "secret.key"\n[run]\ndirectory = "run"\nspool = "spool"\n'
            '[plugins]\npath = []\n[node]\ntimezone = "UTC"\n'
        )
        self.run("migrate")
        self.load(PROVISION)

    def run(self, *arguments, code=0):
        done = CliRunner().invoke(cli, ["--config", str(self.config), *map(str, arguments)])
        assert done.exit_code == code, (done.output, done.stderr, done.exception)
        return done

    def json(self, *arguments):
        return json.loads(self.run("--format", "json", *arguments).stdout)

    def simulate(self, *arguments):
        (report,) = self.json("simulate", "--from", START, *arguments)
        return report

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def load(self, text):
        self.run("load", self.file("load.toml", text))


@pytest.fixture
def node(database_url, tmp_path, monkeypatch):
    monkeypatch.setattr("os.nice", lambda _by: 0)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return Node(tmp_path, database_url)


def record(flowno, at=START, gateway="a", seconds=60, callee="4930123"):
    """An answered call over *gateway*, of the configuration above."""
    cost = {"a": 3, "b": 5}[gateway] * UNITS // 10 * seconds // 60
    cdr = Cdr(
        flowno, datetime.fromtimestamp(at / 1000, UTC).strftime("%Y%m%d"), at, at + 3000 + seconds * 1000,
        caller="100", callee=callee, caller_in="100", callee_in=callee, mapping_gateway="shop", routing_gateway=gateway,
        account="C1", answer=at + 3000, hold_time_ms=seconds * 1000, rate_prefix="49", rate_group="sell",
        fee=6 * UNITS // 10 * seconds // 60, cost=cost, caller_ip="192.0.2.1",
        attempts=[Attempt(gateway, "100", callee, 200, "answered", 3000)],
    )  # fmt: skip
    return asdict(cdr)


def write(database, records):
    days = {one["day"] for one in records}
    cdrs.ensure_days(database, days)
    for day in days:
        with database.write() as connection:
            cdrs.insert_cdrs(connection, day, [one for one in records if one["day"] == day], "n1")


def test_calls_stream_in_the_order_of_their_start(node, database):
    """Page by page over days, with many calls of one millisecond, each once."""
    records = [record(n, START + n // 7 * DAY_MS // 5) for n in range(100)]
    write(database, list(reversed(records)))
    until = START + 30 * DAY_MS
    found = [row.flowno for row in past_calls(database, START, until, page=3)]
    assert sorted(found) == list(range(100))
    starts = [row.start for row in past_calls(database, START, until, page=3)]
    assert starts == sorted(starts)
    with database.read() as connection:
        assert count_calls(connection, START, until) == 100
        assert count_calls(connection, START + 1, until) == 93
        assert count_calls(connection, START, until, "nobody") == 0
    some = [row.flowno for row in past_calls(database, START + 1, START + DAY_MS, page=2)]
    assert sorted(some) == list(range(7, 35))


def test_the_unchanged_configuration_changes_nothing(node, database):
    write(database, [record(n, START + n * 1000) for n in range(20)])
    report = node.simulate()
    assert (report["total"]["calls_old"], report["total"]["changed"]) == (20, 0)
    assert report["refusals"] == []


def test_a_draft_with_another_price_of_a_vendor_is_exact(node, database):
    write(database, [record(n, START + n * 1000) for n in range(10)])
    draft = node.file(
        "draft.toml", '[[rate_groups]]\nname = "buy"\n[[rate_groups.rates]]\nprefix = "49"\nper_minute = "0.10"\n'
    )
    report = node.simulate("--draft", draft)
    total = report["total"]
    assert (total["fee_old"], total["fee_new"], total["cost_old"], total["cost_new"]) == ("6", "6", "3", "1")
    assert (total["gain"], total["changed"], total["margin_new"]) == ("2", 10, "5")
    assert node.simulate()["total"]["changed"] == 0  # nothing was written


def test_a_draft_that_moves_calls_is_told_by_gateway_and_prefix(node, database, tmp_path):
    write(database, [record(n, START + n * 1000) for n in range(10)])
    draft = node.file("draft.toml", '[[routing_gateways]]\nname = "a"\naddress = "192.0.2.11"\nlocked = true\n')
    calls = tmp_path / "calls.csv"
    tables = tmp_path / "tables"
    report = node.simulate(
        "--draft", draft, "--calls", calls, "--csv", tables, "--by", "gateway,prefix", "--by", "customer"
    )
    rows = {(row["gateway"], row["prefix"]): row for row in report["by"]["gateway,prefix"]}
    assert (rows["a", "49"]["calls_old"], rows["a", "49"]["calls_new"]) == (10, 0)
    assert (rows["b", "49"]["calls_new"], rows["b", "49"]["cost_new"]) == (10, "5")
    assert report["by"]["customer"][0]["gain"] == "-2"
    with calls.open(newline="") as file:
        changed = list(csv.DictReader(file))
    assert len(changed) == 10
    assert {(row["gateway_old"], row["gateway_new"], row["margin_new"]) for row in changed} == {("a", "b", "0.1")}
    assert sorted(path.name for path in tables.iterdir()) == ["by-customer.csv", "by-gateway-prefix.csv"]


def test_a_price_list_from_a_file_takes_the_place_of_a_groups(node, database):
    write(database, [record(n, START + n * 1000) for n in range(4)])
    long = "prefix,per_minute\n49,0.15\n" + "".join(f"1{n:05},0.01\n" for n in range(6000))  # is compiled
    for text in ("prefix,per_minute\n49,0.15\n", long):
        total = node.simulate("--rates", f"buy={node.file('list.csv', text)}")["total"]
        assert (total["cost_old"], total["cost_new"]) == ("1.2", "0.6")
    done = node.run("simulate", "--from", START, "--rates", f"none={node.file('list.csv', text)}", code=1)
    assert 'there is no rate group "none"' in done.stderr


def test_a_missing_rate_is_a_refusal(node, database):
    write(database, [record(n, START + n * 1000) for n in range(4)])
    list_ = node.file("list.csv", "prefix,per_minute\n43,0.15\n")
    report = node.simulate("--rates", f"sell={list_}")
    assert report["refusals"] == [{"reason": "no_rate", "old": 0, "new": 4}]
    assert (report["total"]["refused_new"], report["total"]["fee_new"]) == (4, "0")
    text = node.run("simulate", "--from", START, "--rates", f"sell={list_}").stdout
    assert "no_rate" in text
    assert "2.40 -> 0.00" in text
    assert max(map(len, text.splitlines())) <= 110


def between():
    """A moment between two changes."""
    time.sleep(0.01)
    at = time.time_ns() // 1_000_000
    time.sleep(0.01)
    return at


def price(group, per_minute):
    return f'[[rate_groups]]\nname = "{group}"\n[[rate_groups.rates]]\nprefix = "49"\nper_minute = "{per_minute}"\n'


def test_the_configuration_as_it_was(node, database):
    """Entries, single rates and whole price lists are undone to the moment; what came later does not count."""
    write(database, [record(n, START + n * 1000) for n in range(10)])
    first = between()
    node.load(price("buy", "0.20"))
    second = between()
    node.load('[[routing_gateways]]\nname = "a"\naddress = "192.0.2.11"\nlocked = true\n')
    third = between()
    node.run("rates", "import", "buy", node.file("list.csv", "prefix,per_minute\n49,0.01\n"), "--replace")
    node.load('[[routing_gateways]]\nname = "a"\naddress = "192.0.2.11"\naccount = "V1"\n' + price("buy", "0.02"))

    def cost(*arguments):
        return node.simulate(*arguments)["total"]["cost_new"]

    assert cost("--config-at", first) == "3"
    assert cost("--config-at", second) == "2"
    assert cost("--config-at", third) == "5"
    assert cost() == "0.2"
    assert 'per_minute = "0.20"' in node.run("dump", "--at", second).stdout
    assert "locked" not in node.run("dump", "--at", second).stdout
    assert "locked = true" in node.run("dump", "--at", third).stdout


def test_a_price_list_that_is_not_kept_is_said(node, database):
    write(database, [record(1)])
    node.run("params", "set", "VS_RATE_HISTORY_DAYS", "0")
    at = between()
    node.run("rates", "import", "buy", node.file("list.csv", "prefix,per_minute\n49,0.01\n"), "--replace")
    done = node.run("simulate", "--from", START, "--config-at", at, code=1)
    assert 'rate_groups "buy"' in done.stderr
    assert "VS_RATE_HISTORY_DAYS" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    list_ = node.file("old.csv", "prefix,per_minute\n49,0.3\n")
    assert node.simulate("--config-at", at, "--rates", f"buy={list_}")["total"]["changed"] == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--by", "moon"], "--by: expected gateway, prefix, customer"),
        (["--rates", "buy"], "--rates: expected GROUP=FILE"),
        (["--draft", "{draft}", "--config-at", "2026-01-01"], "--draft or --config-at"),
    ],
)
def test_wrong_usage_is_one_line(node, arguments, problem):
    draft = node.file("d.toml", "")
    done = node.run("simulate", "--from", START, *[one.format(draft=draft) for one in arguments], code=2)
    assert problem in done.stderr


def test_a_draft_that_does_not_fit_is_refused(node):
    draft = node.file("d.toml", '[[accounts]]\nnumber = "C1"\nrate_group = "none"\n')
    done = node.run("simulate", "--from", START, "--draft", draft, code=1)
    assert 'expected one of rate_groups, there is no "none"' in done.stderr


def test_number_tables_are_part_of_it(node, database):
    """A blacklist over a number table refuses in a simulation as it would live."""
    write(database, [record(n, START + n * 1000) for n in range(3)])
    node.load('[[number_tables]]\nname = "bad"\nkind = "list"\n')
    node.run("table", "import", "bad", node.file("bad.csv", "number,value\n4930123,\n"))
    draft = node.file("draft.toml", '[[number_lists]]\nname = "no"\nsystem = true\ntables = ["bad"]\n')
    report = node.simulate("--draft", draft)
    assert (report["total"]["refused_old"], report["total"]["refused_new"]) == (0, 3)


def test_an_account_that_ran_out_of_money_since_is_open(node, database):
    """Locks of the switch's own are of the moment; those of an operator are configuration."""
    write(database, [record(1)])
    account = '[[accounts]]\nnumber = "C1"\nrate_group = "sell"\nlocked = true\nlock_reason = "{}"\n'
    node.load(account.format("balance"))
    assert node.simulate()["total"]["changed"] == 0
    node.load(account.format("operator"))
    assert node.simulate()["refusals"] == [{"reason": "account_locked", "old": 0, "new": 1}]


class Same:
    """A replay that finds everything as it was."""

    def call(self, past):
        return recorded(past)

    def own(self, amount, _currency, _at):
        return amount


def peak(database, until):
    """Bytes that a simulation needed at most."""
    tracemalloc.start()
    report = Report((("gateway",), ("prefix", "customer")))
    simulate(database, Period(START, until), Same(), report)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return report.total.old[0], used


def test_ten_times_the_calls_need_no_more_memory(tmp_path):
    url = f"sqlite:///{tmp_path}/test.sqlite"
    migrate(url)
    database = open_database(url)
    write(database, [record(n, START + n) for n in range(50_000)])
    peak(database, START + 100)  # what is made once
    few, small = peak(database, START + 5_000)
    many, large = peak(database, START + 50_000)
    database.close()
    assert (few, many) == (5_000, 50_000)
    assert large < small * 1.3
