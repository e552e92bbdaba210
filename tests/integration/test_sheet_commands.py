"""The commands of rate sheets, on real databases without a running switch."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from tests.integration.test_simulation import Node, record, write
from vosswitch.store import schema
from vosswitch.store.rate_leftovers import leftovers


@pytest.fixture
def node(database_url, tmp_path, monkeypatch):
    monkeypatch.setattr("os.nice", lambda _by: 0)
    return Node(tmp_path, database_url)


def prices(node, group="buy"):
    text = node.run("rates", "export", group, "-").stdout
    return [(row["prefix"], row["per_minute"]) for row in csv.DictReader(io.StringIO(text))]


def test_a_sheet_from_its_check_to_its_undo(node):
    sheet = node.file("acme.csv", "Rates of ACME\nDial Code;Destination;Rate (EUR/min);Billing\n49,43;=A;0.40;60/1\n")
    done = node.run("rates", "sheet", "check", "buy", sheet, "--csv", node.folder / "out.csv")
    assert "columns (guessed): prefix = Dial Code, name = Destination, per_minute = Rate (EUR/min)" in done.stderr
    assert "1 dearer, 1 new" in done.stdout
    assert "'=A" in (node.folder / "out.csv").read_text()
    assert prices(node) == [("49", "0.30")]
    rows = {row["prefix"]: row for row in node.json("rates", "sheet", "check", "buy", sheet)}
    assert (rows["49"]["kind"], rows["49"]["percent"]) == ("dearer", 33.33)
    assert rows["49"]["warnings"] == ["increase with less than 7 days notice"]
    (applied,) = node.json("rates", "sheet", "apply", "buy", sheet)
    assert (applied["dearer"], applied["new"], applied["total"]) == (1, 1, 3)
    assert prices(node) == [("43", "0.40"), ("49", "0.30"), ("49", "0.40")]
    (listed,) = node.json("rates", "sheet", "list", "buy")
    assert (listed["id"], listed["kind"], listed["file"]) == (applied["id"], "sheet", "acme.csv")
    assert "nothing to change" in node.run("rates", "sheet", "apply", "buy", sheet).stderr
    node.run("rates", "sheet", "undo", applied["id"])
    assert prices(node) == [("49", "0.30")]
    refused = node.run("rates", "sheet", "undo", applied["id"], code=1)
    assert "have changed since" in refused.stderr


def test_a_sheet_that_does_not_fit(node):
    sheet = node.file("bad.csv", "code,rate\n49,0.1\n49,0.2\n43,cheap\n1-22,1\n44,\n")
    done = node.run("rates", "sheet", "apply", "buy", sheet, code=1)
    assert [line.split(": ")[1] for line in done.stderr.splitlines()[:4]] == ["line 3", "line 4", "line 5", "line 6"]
    assert prices(node) == [("49", "0.30")]
    assert (
        "expected headings of codes and prices"
        in node.run("rates", "sheet", "check", "buy", node.file("x.csv", "a,b\n1,2\n"), code=1).stderr
    )
    assert (
        'there is no "nope"'
        in node.run("rates", "sheet", "check", "buy", sheet, "--sheet-format", "nope", code=1).stderr
    )


def test_adjusting_and_a_workbook(node):
    done = node.run("rates", "adjust", "buy", "--percent", "+5", "--round", "0.01", "--dry-run")
    assert "1 dearer" in done.stdout
    assert prices(node) == [("49", "0.30")]
    (applied,) = node.json("rates", "adjust", "buy", "--percent", "+5", "--round", "0.01", "--prefix", "4*")
    assert prices(node) == [("49", "0.30"), ("49", "0.32")]
    assert node.json("rates", "sheet", "list")[0]["kind"] == "adjust"
    path = node.folder / "own.xlsx"
    node.run("rates", "export", "buy", path)
    assert "nothing to change" in node.run("rates", "sheet", "apply", "buy", path).stderr
    node.run("rates", "sheet", "undo", applied["id"])
    node.run("rates", "import", "buy", path, "--replace")
    assert prices(node) == [("49", "0.30"), ("49", "0.32")]
    for wrong in (["--percent", "x"], ["--percent", "-101"], ["--percent", "1", "--round", "0"]):
        assert node.run("rates", "adjust", "buy", *wrong, code=2)


def test_the_impact_on_yesterday(node, database):
    """Two calls of a minute over the vendor whose price doubles, from next month on."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    at = int(yesterday.timestamp() * 1000)
    write(database, [record(1, at), record(2, at + 600_000), record(3, at - 86_400_000)])
    later = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    sheet = node.file("acme.csv", f"code,rate,effective date\n4930,0.59,{later}\n")
    (report,) = node.json("rates", "sheet", "impact", "buy", sheet, "--mode", "merge")
    total = report["total"]
    assert (total["calls_old"], total["changed"], total["cost_old"]) == (2, 2, "0.6")
    assert total["fee_old"] == total["fee_new"] == "1.2"
    gateways = {row["gateway"]: row for row in report["by"]["gateway"]}
    assert set(gateways) <= {"a", "b"}
    assert (total["margin_old"], total["margin_new"], total["gain"]) == ("0.6", "0.02", "-0.58")
    assert prices(node) == [("49", "0.30")]


def test_former_rates_go_in_time_by_themselves(node, database):
    node.run("params", "set", "VS_RATE_HISTORY_DAYS", "1")
    for price in ("0.4", "0.5"):
        node.run("rates", "import", "buy", node.file("l.csv", f"prefix,rate\n49,{price}\n"), "--replace")

    def stored():
        with database.read() as connection:
            return connection.scalar(select(func.count()).select_from(schema.rate))

    before = stored()
    assert list(leftovers(database, lambda _seconds: None)) == []
    with database.write() as connection:
        connection.execute(schema.changes.update().values(at=schema.changes.c.at - 86_400_000 - 1000))
    assert list(leftovers(database, lambda _seconds: None)) == [1, 1]
    assert stored() == before - 2
