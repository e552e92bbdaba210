"""What is removed when it is too old, and what is not; calls out of the day tables for sinks; on real databases."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import inspect, select

from vosswitch.cdr.record import Attempt, Cdr
from vosswitch.delivery import files
from vosswitch.delivery.files import SinkState
from vosswitch.delivery.records import told
from vosswitch.recorder.cleaning import doomed, needed_day, old_text_files, removing
from vosswitch.store import cdrs
from vosswitch.store.changes import last_seq
from vosswitch.store.cleaning import Ages, Cleaning, Doomed
from vosswitch.store.fields import Deployment
from vosswitch.store.history import Lost, as_it_was
from vosswitch.store.pastrecords import past_page
from vosswitch.store.provision import apply_load
from vosswitch.store.schema import cdr_table, changes
from vosswitch.store.secrets import Secrets

NOW = 1_798_718_400_000  # 2026-12-31 12:00 UTC
DAYS = ("20261201", "20261220", "20261230")


def start_of(day):
    return int(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def kept(database):
    """Three days with two calls each."""
    cdrs.ensure_days(database, DAYS)
    with database.write() as connection:
        for number, day in enumerate(DAYS):
            begin = start_of(day)
            rows = [
                asdict(
                    Cdr(number * 10 + each, day, begin, begin + 1000 * each, answer=begin, account="a", fee=12_500_000,
                        attempts=[Attempt("v", "1", "2")], decision={"steps": []})
                )
                for each in (1, 2)
            ]  # fmt: skip
            cdrs.insert_cdrs(connection, day, rows, "one")
    return database


def days(database):
    with database.read() as connection:
        known = sorted(connection.scalars(select(cdr_table.c.day)))
        tables = sorted(name[6:] for name in inspect(connection).get_table_names() if name.startswith("e_cdr_"))
    assert known == tables
    return known


def decisions(database, day):
    table = cdrs.day_table(day)
    with database.read() as connection:
        return sum(item is not None for item in connection.scalars(select(table.c.decision)))


def test_old_day_tables_and_decisions_go_and_young_ones_stay(kept):
    cleaning = Cleaning(kept, Ages(20, 5, 0), NOW, UTC)
    assert cleaning.doomed() == [Doomed("records", "20261201", 2), Doomed("decisions", "20261220", 2)]
    assert days(kept) == list(DAYS)
    assert [item.kind for item in cleaning.steps()] == ["records", "decisions"]
    assert days(kept) == list(DAYS[1:])
    assert [decisions(kept, day) for day in DAYS[1:]] == [0, 2]
    assert cleaning.doomed() == []
    assert list(cleaning.steps(everywhere=True)) == []


def test_nothing_goes_when_nothing_is_said(kept):
    cleaning = Cleaning(kept, Ages(0, 0, 0), NOW, UTC)
    assert cleaning.doomed() == list(cleaning.steps(everywhere=True)) == []


def test_what_somebody_still_needs_stays(kept):
    assert list(Cleaning(kept, Ages(1, 1, 0), NOW, UTC, needed="20261201").steps()) == []
    list(Cleaning(kept, Ages(1, 0, 0), NOW, UTC, needed="20261215").steps())
    assert days(kept) == list(DAYS[1:])


def test_a_table_that_is_not_listed_any_more_goes_too(kept):
    with kept.write() as connection:
        connection.execute(cdr_table.delete().where(cdr_table.c.day == DAYS[0]))
    list(Cleaning(kept, Ages(20, 0, 0), NOW, UTC).steps())
    assert days(kept) == list(DAYS[1:])


def load(database, tmp_path, name):
    deployment = Deployment("test", Secrets(str(tmp_path / "key")))
    with database.write() as connection:
        return apply_load(connection, {"cdr_targets": [{"name": name, "url": "http://192.0.2.1/"}]}, deployment)


def test_the_log_of_changes_is_cut_in_order_and_says_so(database, tmp_path):
    for name in "abcd":
        load(database, tmp_path, name)
    with database.write() as connection:
        for seq, day in ((1, DAYS[0]), (2, DAYS[1]), (3, DAYS[0]), (4, DAYS[2])):
            connection.execute(changes.update().where(changes.c.seq == seq).values(at=start_of(day)))
        assert set(as_it_was(connection, start_of(DAYS[0]) - 1).state["cdr_targets"]) == set()
    cleaning = Cleaning(database, Ages(0, 0, 20), NOW, UTC)
    assert cleaning.doomed() == [Doomed("changes", "20261211", 1)]
    assert sum(item.rows for item in cleaning.steps()) == 1
    with database.read() as connection:
        assert list(connection.scalars(select(changes.c.seq).order_by(changes.c.seq))) == [2, 3, 4]
        assert last_seq(connection) == 4
        assert set(as_it_was(connection, start_of(DAYS[1])).state["cdr_targets"]) == {"a", "b", "c"}
        with pytest.raises(Lost, match="VS_CLEAN_CHANGES_DAYS"):
            as_it_was(connection, start_of(DAYS[0]))
    list(Cleaning(database, Ages(0, 0, 1), NOW + 86_400_000 * 90, UTC).steps())
    with database.read() as connection:
        assert list(connection.scalars(select(changes.c.seq))) == [4]


def boot_of(tmp_path):
    return SimpleNamespace(spool_directory=str(tmp_path), cdr_directory=str(tmp_path / "cdr"))


def test_sinks_and_text_files_are_respected(kept, tmp_path):
    boot = boot_of(tmp_path)
    files.write_state(tmp_path, SinkState("web", 5, 0, ranges=[[start_of(DAYS[1]), NOW, "", 0]]))
    files.write_state(tmp_path, SinkState("hourly_files", 5, 0, keep={"file": "2026110112.txt"}))
    assert needed_day(str(tmp_path), UTC) == "20261218"
    (tmp_path / "cdr").mkdir()
    for name in ("2026110111.txt", "2026110112.txt", "2026123110.txt", "notes.txt"):
        (tmp_path / "cdr" / name).touch()
    assert [path.name for path in old_text_files(boot, 10, NOW, UTC)] == ["2026110111.txt"]
    names = ("VS_CLEAN_CDR_DAYS", "VS_CLEAN_DECISION_DAYS", "VS_CLEAN_CHANGES_DAYS", "VS_CLEAN_CDR_FILES_DAYS")
    parameters = dict(zip(names, (1, 0, 0, 10), strict=True))
    would = doomed(boot, kept, parameters, NOW, UTC)
    assert [(item.kind, item.what) for item in would] == [("records", DAYS[0]), ("text files", "2026110111.txt")]
    done = removing(boot, kept, parameters, NOW, UTC, everywhere=False)
    assert [(item.kind, item.what) for item in done] == [(item.kind, item.what) for item in would]
    assert days(kept) == list(DAYS[1:])
    assert len(list((tmp_path / "cdr").iterdir())) == 3
    files.ask(tmp_path, "web", 0, 5)
    assert needed_day(str(tmp_path), UTC) == "00000000"


def test_calls_come_out_of_the_day_tables_in_pages(kept):
    with kept.read() as connection:
        found, day, row = [], "", 0
        while True:
            page, day, row = past_page(connection, "one", 0, NOW, day, row, 3)
            if not day:
                break
            found += page
        assert [item["flowno"] for item in found] == [1, 2, 11, 12, 21, 22]
        assert past_page(connection, "two", 0, NOW, "", 0, 3) == ([], "", 0)
        begin = start_of(DAYS[1])
        some, *_ = past_page(connection, "one", begin + 2000, begin + 2000, "", 0, 9)
    assert [item["flowno"] for item in some] == [12]
    shown = told(some[0], "one")
    assert (shown["fee"], shown["account"], shown["day"], shown["attempts"][0]["gateway"]) == (
        "1.25",
        "a",
        DAYS[1],
        "v",
    )
