"""Number tables are imported all or nothing, changed row by row, and reach the switch as a mapped file."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from vosswitch.accounts.areas import address_of
from vosswitch.call.snapshot import Snapshot
from vosswitch.numbers.files import number_table
from vosswitch.numbers.table import NumberTable
from vosswitch.recorder import files
from vosswitch.recorder.feed import Feed
from vosswitch.store import number_import, number_rows, schema
from vosswitch.store.database import Database
from vosswitch.store.document import BadDocument
from vosswitch.store.fields import Deployment
from vosswitch.store.generations import CannotImport
from vosswitch.store.number_import import import_table
from vosswitch.store.number_rows import BadRow, NoSuchTable
from vosswitch.store.provision import apply_load
from vosswitch.store.secrets import Secrets


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment("test", Secrets(str(tmp_path / "key")))


@pytest.fixture
def ported(database: Database, deployment: Deployment) -> str:
    with database.write() as connection:
        apply_load(connection, {"number_tables": [{"name": "a/b", "kind": "lrn"}]}, deployment)
    return "a/b"


@pytest.fixture
def csv(tmp_path: Path):
    def write(text: str) -> str:
        path = tmp_path / "rows.csv"
        path.write_text(text)
        return str(path)

    return write


def quick(database: Database, name: str, file: str, **more: object):
    return import_table(database, name, file, who="tester", pause=lambda _seconds: None, **more)


def held(database: Database, name: str) -> dict[str, str]:
    with database.read() as connection:
        return dict(number_rows.stream(connection, number_rows.find(connection, name)))


def stored_rows(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(schema.number_row)).scalar_one())


def test_rows_merge_and_replace(database, ported, csv):
    report = quick(database, ported, csv("\ufeffPhone Number;LRN\r\n14155550001; 14150000000\r\n\r\n1415;x\r\n"))
    assert (report.refused, report.imported, report.total) == ([], 2, 2)
    report = quick(database, ported, csv("number,value,else\n1415,y,1\n1416,,2\n"))
    assert (report.imported, report.total) == (2, 3)
    assert held(database, ported) == {"14155550001": "14150000000", "1415": "y", "1416": ""}
    report = quick(database, ported, csv("number\n1\n"), replace=True)
    assert (report.imported, report.total) == (1, 1)
    assert held(database, ported) == {"1": ""}
    assert stored_rows(database) == 1  # what is not in force is removed


def test_the_time_zone_of_an_area_has_to_be_one(database, deployment, csv):
    with database.write() as connection:
        apply_load(connection, {"number_tables": [{"name": "areas", "kind": "area"}]}, deployment)
    report = quick(database, "areas", csv("prefix,area\n431,Vienna|Europe/Viena\n432,B|UTC\n433,C\n"))
    assert [(line.line, line.field) for line in report.refused] == [(2, "value")]
    assert "expected a name, or NAME|ZONE with a time zone such as Europe/Vienna" in report.refused[0].problem
    report = quick(database, "areas", csv("prefix,area\n431,Vienna|Europe/Vienna\n433,C\n"))
    assert (report.refused, report.imported) == ([], 2)


def test_columns_by_name(database, ported, csv):
    quick(database, ported, csv("A;B;C\n1;2;3\n"), columns={"number": "C", "value": "A"})
    assert held(database, ported) == {"3": "1"}
    with pytest.raises(CannotImport, match="expected a column 'D' for value, got A, B, C"):
        quick(database, ported, csv("A;B;C\n1;2;3\n"), columns={"number": "C", "value": "D"})
    with pytest.raises(CannotImport, match="expected a column number, got A, B, C"):
        quick(database, ported, csv("A;B;C\n1;2;3\n"))


def test_many_pieces_are_put_in_order(database, ported, csv, monkeypatch):
    monkeypatch.setattr(number_import, "_PIECE", 7)
    lines = [f"{number * 7919 % 1000},{number}" for number in range(1000)]
    seen = []
    report = quick(
        database,
        ported,
        csv("\n".join(["number,value", *lines])),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert report.total == 1000
    assert held(database, ported) == {line.split(",")[0]: line.split(",")[1] for line in lines}
    assert seen[-1] == (2000, 2000)


def test_lines_that_do_not_fit_change_nothing(database, ported, csv):
    quick(database, ported, csv("number,value\n5,old\n"))
    long = "x" * 129
    report = quick(database, ported, csv(f"number,value\n1,\n1 2,\n3,{long}\n4\n"))
    assert [(one.line, one.field) for one in report.refused] == [(3, "number"), (4, "value"), (5, "line")]
    assert held(database, ported) == {"5": "old"}


def test_a_number_twice_is_refused_wherever_it_stands(database, ported, csv, monkeypatch):
    monkeypatch.setattr(number_import, "_PIECE", 2)
    report = quick(database, ported, csv("number,value\n1,a\n2,b\n3,c\n1,d\n"))
    assert [str(one) for one in report.refused] == ['line 5: number: "1" stands twice, in line 2 too']
    assert held(database, ported) == {}
    assert stored_rows(database) == 0


def test_unreadable_files(database, ported, tmp_path):
    with pytest.raises(CannotImport, match="cannot read"):
        quick(database, ported, str(tmp_path / "none.csv"))
    (tmp_path / "bad.csv").write_bytes(b"number\n\xff\xfe\n")
    with pytest.raises(CannotImport, match="not a CSV file in UTF-8"):
        quick(database, ported, str(tmp_path / "bad.csv"))
    with pytest.raises(NoSuchTable, match='there is no "x"'):
        quick(database, "x", str(tmp_path / "bad.csv"))


def put(database, name, number, value):
    with database.write() as connection:
        return number_rows.put(connection, name, number, value, "tester")


def test_single_rows(database, ported):
    assert put(database, ported, "1", "a") is not None
    assert put(database, ported, "1", "a") is None
    assert put(database, ported, "1", "b") is not None
    assert put(database, ported, "2", "") is not None
    assert put(database, ported, "1", None) is not None
    assert put(database, ported, "1", None) is None
    assert held(database, ported) == {"2": ""}


def test_what_is_no_number():
    with pytest.raises(BadRow, match="at most 64 digits or letters"):
        number_rows.checked_number("1'; DROP")
    with pytest.raises(BadRow, match="printable"):
        number_rows.checked_value("a\nb")


def test_a_deleted_table_leaves_nothing_to_the_next_of_its_name(database, ported, deployment):
    put(database, ported, "1", "a")
    with database.write() as connection:
        apply_load(connection, {"number_tables": [{"name": ported, "delete": True}]}, deployment)
        apply_load(connection, {"number_tables": [{"name": ported}]}, deployment)
    assert held(database, ported) == {}
    assert stored_rows(database) == 0


@pytest.fixture
def feed(database, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "IN_MEMORY", 3)
    found = Feed(database, str(tmp_path / "run"), str(tmp_path / "key"), 0, pytest.fail)
    found.seq = found.full()["seq"]
    return found


def live(feed: Feed, name: str, before: NumberTable | None = None) -> NumberTable | None:
    message = feed.changes()
    if message is None or name not in message["number_tables"]:
        return before
    feed.seq = message["seq"]
    return number_table(message["number_tables"][name])


def test_the_switch_follows_imports_and_single_rows(database, ported, csv, feed, tmp_path):
    quick(database, ported, csv("number,value\n1,a\n2,b\n"))
    table = live(feed, ported)
    assert (table.get("1"), len(table), table.kind) == ("a", 2, "lrn")
    quick(database, ported, csv("number,value\n" + "".join(f"{number},c\n" for number in range(3, 100))))
    table = live(feed, ported)
    assert (table.get("1"), table.get("50"), len(table)) == ("a", "c", 99)
    assert len(list((tmp_path / "run").glob("table-*.bin"))) == 1
    old = table
    put(database, ported, "50", None)
    put(database, ported, "501", "new")
    table = live(feed, ported)
    assert (table.get("50"), table.longest("5012"), table.longest("509"), len(table)) == (
        None, ("501", "new"), ("5", "c"), 99,
    )  # fmt: skip
    assert old.get("50") == "c"  # running calls keep theirs
    full = feed.full()["number_tables"][ported]
    assert number_table(full).get("501") == "new"


def test_many_changes_make_a_new_file(database, ported, csv, feed, tmp_path):
    quick(database, ported, csv("number,value\n" + "".join(f"{number},c\n" for number in range(10))))
    live(feed, ported)
    for number in range(20, 26):
        put(database, ported, str(number), "d")
    table = live(feed, ported)
    assert (table.get("23"), len(table)) == ("d", 16)
    assert len(list((tmp_path / "run").glob("table-*.bin"))) == 1


def test_the_database_can_be_asked_itself(database, ported, csv):
    quick(database, ported, csv("number,value\n1,a\n12,b\n"))
    with database.read() as connection:
        table = number_rows.stored_tables(connection)[ported]
        assert (table.get("12"), table.get("123"), table.longest("129"), len(table)) == ("b", None, ("12", "b"), 2)


@pytest.fixture
def world_table(database: Database, deployment: Deployment, csv) -> str:
    with database.write() as connection:
        tables = [{"name": "geo", "kind": "networks"}]
        fences = [{"name": "alps", "networks": ["203.0.113.7"], "table": "geo", "areas": ["AT", "CH"]}]
        apply_load(connection, {"number_tables": tables, "geofences": fences}, deployment)
    rows = "".join(f"10.{n // 256}.{n % 256}.0/24,DE\n" for n in range(6000))  # is compiled
    rows += "192.0.2.0/24,AT\n192.0.2.128/25,CH\n192.0.2.128/32,DE\n2001:DB8::/32,AT\n"
    report = quick(database, "geo", csv("network,country_iso_code\n" + rows))
    assert (report.refused, report.total) == ([], 6004)
    return "geo"


INSIDE = {"192.0.2.1": True, "192.0.2.129": True, "192.0.2.128": False, "192.0.3.0": False, "10.1.1.1": False,
          "2001:db8:1::1": True, "2001:db9::": False, "203.0.113.7": True}  # fmt: skip


def test_networks_reach_the_switch_as_a_mapped_file(database, deployment, world_table, tmp_path):
    feed = Feed(database, str(tmp_path / "run"), str(tmp_path / "key"), 0, pytest.fail)
    full = feed.full()
    assert full["number_tables"]["geo"]["file"]
    snapshot = Snapshot().applied(full)
    alps = snapshot.geofences["alps"]
    assert len(snapshot.number_tables["geo"]) == 6004
    assert {host: address_of(host) in alps for host in INSIDE} == INSIDE
    feed.seq = full["seq"]
    put(database, "geo", "192.0.3.0/24", "CH")
    change = feed.changes()
    assert change["geofences"] == {}
    after = snapshot.applied(change).geofences["alps"]
    assert address_of("192.0.3.0") in after
    assert address_of("192.0.3.0") not in alps
    with database.read() as connection:
        stored = alps.with_table(number_rows.stored_tables(connection)["geo"])
        expected = INSIDE | {"192.0.3.0": True}
        assert {host: address_of(host) in stored for host in INSIDE} == expected
        held_ = number_rows.around(number_rows.find(connection, "geo"), "192.0.2.129")
        assert held_[:2] == ["192.0.2.129", "192.0.2.128/31"]


def test_what_is_no_network_is_refused(database, world_table, csv):
    report = quick(database, "geo", csv("network,area\n4312345,AT\n192.0.2.1/24,AT\n10.0.0.0/33,\n2001:db9::/31,US\n"))
    assert [one.line for one in report.refused] == [2, 3, 4, 5]
    assert "expected a network such as 192.0.2.0/24, got '4312345'" in str(report.refused[0])


def test_a_table_is_named_only_where_its_kind_can_do_something(database, deployment, world_table, ported):
    wrong = {
        "geofences": [{"name": "x", "table": ported}],
        "number_lists": [{"name": "l", "tables": ["geo"]}],
    }
    with database.write() as connection, pytest.raises(BadDocument) as told:
        apply_load(connection, wrong, deployment, "f")
    assert [line.partition(": ")[2] for line in told.value.problems] == [
        'number_lists[1] "l": tables: expected a number table of any kind but networks, "geo" is networks',
        'geofences[1] "x": table: expected a number table of kind networks, "a/b" is lrn',
    ]
    with database.write() as connection, pytest.raises(BadDocument, match='geofences "alps": table: expected'):
        apply_load(connection, {"number_tables": [{"name": "geo", "kind": "list"}]}, deployment, "f")


def test_no_more_odd_numbers_than_can_be_compiled(database, ported, csv, monkeypatch):
    for module in (number_import, number_rows):
        monkeypatch.setattr(module, "ODD_LIMIT", 3)
    quick(database, ported, csv("number,value\n+1,\n1234567890123456,\n5,\n"))
    report = quick(database, ported, csv("number,value\n+1,x\n+2,\n+3,\n+4,\n7,\n"))
    assert [one.field for one in report.refused] == ["number", "number"]
    assert "at most 3 numbers that are not of up to 15 digits" in report.refused[0].problem
    assert len(held(database, ported)) == 3
    assert stored_rows(database) == 3
    put(database, ported, "a", "")
    with database.read() as connection:
        for known in ("8", "123456789012345", "", "+1"):
            number_rows.check_room(connection, ported, known)
        with pytest.raises(BadRow, match="at most 3"):
            number_rows.check_room(connection, ported, "+2")
