"""Price lists are imported all or nothing, and nobody sees half of one."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from vosswitch.store import schema
from vosswitch.store.database import Database
from vosswitch.store.fields import Deployment
from vosswitch.store.provision import apply_load
from vosswitch.store.rate_import import CannotImport, Report, import_rates, remove_leftovers
from vosswitch.store.rates import NoSuchGroup, RateRow, find_group, rate_rows
from vosswitch.store.secrets import Secrets


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment("test", Secrets(str(tmp_path / "key")))


@pytest.fixture
def group(database: Database, deployment: Deployment) -> str:
    rows = [{"prefix": "43", "per_minute": "9"}, {"prefix": "1", "per_minute": "8"}]
    with database.write() as connection:
        apply_load(connection, {"rate_groups": [{"name": "g/1", "rates": rows}]}, deployment)
    keep_for(database, 0)
    return "g/1"


def keep_for(database: Database, days: int) -> None:
    """Set how long former rates are kept."""
    with database.write() as connection:
        connection.execute(schema.parameter.delete())
        connection.execute(schema.parameter.insert().values(name="VS_RATE_HISTORY_DAYS", value=str(days)))


def test_former_rates_are_kept_for_some_days(database: Database, deployment: Deployment, group: str) -> None:
    keep_for(database, 7)
    quick(database, group, [["prefix", "per_minute"], ["43", "1"]], deployment)
    assert stored_rows(database) == 4
    assert held(database, group) == {("1", 0): "8", ("43", 0): "1"}
    with database.write() as connection:
        older = schema.changes.update().values(at=schema.changes.c.at - 7 * 86_400_000 - 1000)
        connection.execute(older)
    assert remove_leftovers(database, pause=lambda _seconds: None) == 2
    assert stored_rows(database) == 2


def quick(database: Database, group: str, source: object, deployment: Deployment, **more: object) -> Report:
    return import_rates(database, group, source, deployment, who="tester", pause=lambda _seconds: None, **more)


def held(database: Database, group: str) -> dict[tuple[str, int], str]:
    with database.read() as connection:
        return {(row.prefix, row.effective): row.per_minute for row in rate_rows(connection, group)}


def stored_rows(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(schema.rate)).scalar_one())


def test_a_file_with_every_column(database: Database, deployment: Deployment, group: str, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(
        "\ufeffCode;Destination;Rate;first;next;Connect-Fee;tax;level;Effective Date;ignored\r\n"
        '4366;"Mobile; all";0.0900;30;6;0.01;20;international;2026-01-01;x\r\n'
        "\r\n"
        " 44 ;;0.02;;;;;;;\r\n"
    )
    report = quick(database, group, str(file), deployment, replace=True)
    assert (report.refused, report.imported, report.total) == ([], 2, 2)
    with database.read() as connection:
        assert list(rate_rows(connection, group)) == [
            RateRow("4366", 1767225600000, "0.0900", 30, 6, "0.01", "20", "international"),
            RateRow("44", 0, "0.02", 1, 1, "0", "0", "domestic"),
        ]


def test_lists_merge_unless_told_otherwise(database: Database, deployment: Deployment, group: str) -> None:
    head = ["prefix", "per_minute"]
    assert quick(database, group, [head, ["43", "1"], ["44", "2"]], deployment).total == 3
    assert held(database, group) == {("1", 0): "8", ("43", 0): "1", ("44", 0): "2"}
    quick(database, group, [head, ["49", "3"]], deployment, replace=True)
    assert held(database, group) == {("49", 0): "3"}
    assert stored_rows(database) == 1


def test_refused_lines_are_reported_and_nothing_is_imported(
    database: Database, deployment: Deployment, group: str
) -> None:
    rows = [
        ["prefix", "per_minute", "first", "level"],
        ["44", "0.1", "1", ""], ["45", "abc", "1", ""], ["46", "1", "0", ""], ["4x6/", "1", "1", ""], ["47"],
        ["48", "1", "1", "far"], ["44", "0.2", "1", ""], ["", "", "1", "net"],
    ]  # fmt: skip
    before = held(database, group)
    report = quick(database, group, rows, deployment)
    assert [(line.line, line.field) for line in report.refused] == [
        (3, "per_minute"), (4, "first"), (5, "prefix"), (6, "line"), (7, "level"), (8, "prefix"), (9, "per_minute"),
    ]  # fmt: skip
    assert str(report.refused[0]) == (
        'line 3: per_minute: expected a decimal not below zero such as "0.0125", got "abc"'
    )
    assert (report.refused_count, report.imported, report.seq) == (7, 0, None)
    assert held(database, group) == before


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["prefix", "name"]], "expected a column per_minute, got prefix, name"),
        ([], "expected a column prefix, got nothing"),
        ([["prefix", "rate", "price"]], "two columns for per_minute"),
    ],
)
def test_headings(database: Database, deployment: Deployment, group: str, rows: object, words: str) -> None:
    with pytest.raises(CannotImport, match=words):
        quick(database, group, rows, deployment)


def test_files_that_are_none(database: Database, deployment: Deployment, group: str, tmp_path: Path) -> None:
    with pytest.raises(CannotImport, match="cannot read"):
        quick(database, group, str(tmp_path / "none.csv"), deployment)
    (tmp_path / "latin.csv").write_bytes(b"prefix,per_minute,name\n43,1,\xd6sterreich\n")
    with pytest.raises(CannotImport, match="UTF-8"):
        quick(database, group, str(tmp_path / "latin.csv"), deployment)
    with pytest.raises(NoSuchGroup, match='there is no "x"'):
        quick(database, "x", [["prefix", "per_minute"]], deployment)


def test_half_an_import_is_never_seen(database: Database, deployment: Deployment, group: str) -> None:
    """While it runs the old list is in force; a crash in the middle leaves nothing behind."""
    before = held(database, group)
    rows = [["prefix", "per_minute"], *([str(number), "1"] for number in range(10_000, 20_000))]
    steps: list[int] = []

    def watch(done: int, total: int) -> None:
        assert held(database, group) == before
        assert total == 10_002
        steps.append(done)
        if len(steps) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quick(database, group, rows, deployment, progress=watch)
    assert held(database, group) == before
    assert stored_rows(database) == 2
    assert quick(database, group, rows, deployment).total == len(held(database, group)) == 10_002


def test_two_imports_of_one_group_exclude_each_other(database: Database, deployment: Deployment, group: str) -> None:
    rows = [["prefix", "per_minute"], ["44", "1"]]

    def second(_done: int, _total: int) -> None:
        with pytest.raises(CannotImport, match="another import is running"):
            quick(database, group, rows, deployment)

    assert quick(database, group, rows, deployment, progress=second).total == 3


def test_a_load_during_an_import_is_not_lost(database: Database, deployment: Deployment, group: str) -> None:
    def other(_done: int, _total: int) -> None:
        rates = [{"prefix": "999", "per_minute": "7"}]
        with database.write() as connection:
            apply_load(connection, {"rate_groups": [{"name": group, "rates": rates}]}, deployment)

    with pytest.raises(CannotImport, match="changed during the import"):
        quick(database, group, [["prefix", "per_minute"], ["44", "1"]], deployment, progress=other)
    assert held(database, group) == {("43", 0): "9", ("1", 0): "8", ("999", 0): "7"}
    assert stored_rows(database) == 3


def test_what_a_killed_import_left_goes_with_the_next_one(
    database: Database, deployment: Deployment, group: str
) -> None:
    with database.write() as connection:
        found = find_group(connection, group)
        row = {"prefix": "5", "effective": 0, "name": "", "per_minute": "1", "first": 1, "next": 1, "connect_fee": "0"}
        dead = {**row, "tax": "0", "level": "net", "generation": 2}
        connection.execute(schema.rate.insert(), [{**dead, "group_id": found.id}, {**dead, "group_id": found.id + 99}])
        connection.execute(schema.rate_group.update().values(last_generation=2, import_at=1))
    assert remove_leftovers(database) == 2
    assert stored_rows(database) == 2
    assert quick(database, group, [["prefix", "per_minute"], ["44", "1"]], deployment).total == 3


def test_leftovers_of_a_large_group_go_in_slices(database: Database, deployment: Deployment, group: str) -> None:
    rows = [["prefix", "per_minute"], *([str(number), "1"] for number in range(10_000, 22_000))]
    quick(database, group, rows, deployment)
    with database.write() as connection:
        apply_load(connection, {"rate_groups": [{"name": group, "delete": True}]}, deployment)
    assert stored_rows(database) == 12_002
    assert remove_leftovers(database, pause=lambda _seconds: None) == 12_002
    assert stored_rows(database) == 0


def test_an_import_is_one_change(database: Database, deployment: Deployment, group: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("prefix,per_minute\n44,1\n")
    report = quick(database, group, str(tmp_path / "list.csv"), deployment)
    with database.read() as connection:
        row = connection.execute(schema.changes.select().where(schema.changes.c.seq == report.seq)).one()
        assert find_group(connection, group).rates_seq == report.seq
    assert (row.table, row.key, row.who) == ("rate_group", group, "tester")
    assert row.before == {"generation": 1, "total": 2}
    assert row.after == {"generation": 2, "rows": 1, "total": 3, "replace": False, "file": "list.csv"}
