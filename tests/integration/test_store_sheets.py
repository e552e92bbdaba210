"""Rate sheets: read, compared, applied, taken back, exported."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from vosswitch.store import rate_export, rates, schema
from vosswitch.store.database import open_database
from vosswitch.store.fields import Deployment
from vosswitch.store.generations import CannotImport
from vosswitch.store.migrations import migrate
from vosswitch.store.provision import apply_load
from vosswitch.store.rate_import import import_rates
from vosswitch.store.secrets import Secrets
from vosswitch.store.sheet_reading import read_sheet
from vosswitch.store.sheets import Order, applied, apply, compare, format_of, undo
from vosswitch.store.workbook import BadWorkbook, rows_of
from vosswitch.store.workbook_writing import write_workbook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vosswitch.store.database import Database

NOW = 1_800_000_000_000
FORMAT = {
    "name": "acme",
    "columns": {"country_code": "CC", "prefix": "Codes", "per_minute": "D", "effective": "From", "status": "F"},
    "skip": 2,
    "date_format": "DD.MM.YYYY",
    "decimal_comma": True,
    "defaults": {"first": 60, "next": 60},
}


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment("test", Secrets(str(tmp_path / "key")))


@pytest.fixture
def group(database: Database, deployment: Deployment) -> str:
    rows = [{"prefix": "43", "per_minute": "1"}, {"prefix": "44", "per_minute": "1"}]
    with database.write() as connection:
        raw = {
            "sheet_formats": [FORMAT],
            "rate_groups": [{"name": "acme", "sheet_format": "acme", "rates": rows}, {"name": "other"}],
        }
        apply_load(connection, raw, deployment)
    return "acme"


def all_rows(database: Database, group: str) -> list[Any]:
    return list(rate_export.stored(database, group))


def ordered(
    database: Database, group: str, path: Path, deployment: Deployment, mode: str = "full", **more: Any
) -> Order:
    with database.read() as connection:
        form = format_of(connection, group, more.pop("form", None))
    sheet = read_sheet(str(path), form, deployment, more.get("effective", 0))
    assert sheet.report.refused == []
    return Order.of(group, sheet, mode, more.pop("now", NOW), **more)


SHEET = """ACME Telecom;;;;
Rates;;;;
CC;Country;Codes;Price;From;Change
43;Austria;;0,0125;;
43;Austria Mobile;660, 664-665;"0,09";01.02.2027;new
44;UK;;;;closed
;;;;;
"""


def test_a_sheet_by_its_format(database: Database, deployment: Deployment, group: str, tmp_path: Path) -> None:
    path = tmp_path / "acme.csv"
    path.write_text(SHEET)
    order = ordered(database, group, path, deployment)
    told: list[Any] = []
    totals = compare(database, order, told.append)
    assert [(one.kind, one.prefix) for one in told] == [
        ("cheaper", "43"),
        ("new", "43660"),
        ("new", "43664"),
        ("new", "43665"),
        ("gone", "44"),
    ]
    before = all_rows(database, group)
    done = apply(database, order, "tester", pause=lambda _seconds: None)
    assert done.totals == totals
    assert [row[:2] + row[3:6] for row in all_rows(database, group)] == [
        ("43", 0, "1", 1, 1),
        ("43", NOW, "0.0125", 60, 60),
        *((code, 1801440000000, "0.09", 60, 60) for code in ("43660", "43664", "43665")),
        ("44", 0, "1", 1, 1),
    ]
    with database.read() as connection:
        newest = next(applied(connection, group))
        assert connection.scalar(select(schema.changes.c.who).where(schema.changes.c.seq == done.seq)) == "tester"
    assert (newest["id"], newest["file"], newest["sheet_format"], newest["new"]) == (done.seq, "acme.csv", "acme", 3)
    assert len(newest["sha256"]) == 64
    assert done.seq is not None
    assert undo(database, done.seq, "tester", pause=lambda _seconds: None)[:2] == (group, 2)
    assert all_rows(database, group) == before


def test_nothing_to_change(database: Database, deployment: Deployment, group: str, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    rate_export.write(all_rows(database, group), str(path))
    with database.read() as connection:
        seq = rates.find_group(connection, group).rates_seq
    order = Order.of(group, read_sheet(str(path), {}, deployment), "full", NOW)
    assert apply(database, order, "tester", pause=lambda _seconds: None).seq is None
    with database.read() as connection:
        assert rates.find_group(connection, group).rates_seq == seq


def test_what_has_changed_since_is_not_lost_unless_forced(
    database: Database, deployment: Deployment, group: str, tmp_path: Path
) -> None:
    path = tmp_path / "acme.csv"
    path.write_text(SHEET)
    before = all_rows(database, group)
    done = apply(database, ordered(database, group, path, deployment), "tester", pause=lambda _seconds: None)
    assert done.seq is not None
    raw = {"rate_groups": [{"name": group, "sheet_format": "acme", "rates": [{"prefix": "1", "per_minute": "2"}]}]}
    with database.write() as connection:
        apply_load(connection, raw, deployment, who="somebody")
    with pytest.raises(CannotImport, match=r"have changed since .* of somebody"):
        undo(database, done.seq, "tester", pause=lambda _seconds: None)
    undo(database, done.seq, "tester", force=True, pause=lambda _seconds: None)
    assert all_rows(database, group) == before


def test_undo_of_what_is_not_kept(database: Database, deployment: Deployment, group: str, tmp_path: Path) -> None:
    with database.write() as connection:
        connection.execute(schema.parameter.insert().values(name="VS_RATE_HISTORY_DAYS", value="0"))
    path = tmp_path / "acme.csv"
    path.write_text(SHEET)
    done = apply(database, ordered(database, group, path, deployment), "tester", pause=lambda _seconds: None)
    after = all_rows(database, group)
    assert done.seq is not None
    for seq in (done.seq, 1, 999_999):
        with pytest.raises(CannotImport):
            undo(database, seq, "tester", pause=lambda _seconds: None)
    assert all_rows(database, group) == after


def test_odd_prefixes_are_bounded_at_the_import(database: Database, deployment: Deployment, group: str) -> None:
    before = all_rows(database, group)
    lines = [["prefix", "per_minute"], *([f"{number}*", "1"] for number in range(10_001))]
    with pytest.raises(CannotImport, match=r"at most 10000 that are not of up to 16 digits"):
        import_rates(database, group, lines, deployment, pause=lambda _seconds: None)
    assert all_rows(database, group) == before
    import_rates(database, group, lines[:-1], deployment, pause=lambda _seconds: None)


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(str.strip)
PRICE = st.from_regex(r"[0-9]{1,5}(\.[0-9]{1,18})?", fullmatch=True)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"prefix": st.from_regex(r"[0-9+#*A]{0,12}", fullmatch=True), "per_minute": PRICE, "name": TEXT},
        optional={
            "effective": st.just("2026-03-01T00:00:00.250Z") | st.just("2030-01-01"),
            "until": st.just("2031-01-01"),
            "first": st.integers(1, 60),
            "connect_fee": PRICE,
            "minimum": PRICE,
            "sections": st.just("60:0.5,300:0.3"),
            "level": st.sampled_from(["net", "international"]),
        },
    ),
    max_size=12,
    unique_by=lambda row: (row["prefix"], row.get("effective")),
)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path_factory.mktemp('sheets')}/test.sqlite"
    migrate(url)
    opened = open_database(url)
    yield opened
    opened.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, other=ROWS, suffix=st.sampled_from([".csv", ".xlsx"]))
def test_export_and_import_and_apply_and_undo_are_the_identity(
    one: Database, tmp_path: Path, rows: list[Any], other: list[Any], suffix: str
) -> None:
    deployment = Deployment("test", Secrets(str(tmp_path / "key")))
    with one.write() as connection:
        connection.execute(schema.rate.delete())
        connection.execute(schema.rate_group.delete())
        raw = {"rate_groups": [{"name": "a", "rates": rows}, {"name": "b", "rates": other}, {"name": "empty"}]}
        apply_load(connection, raw, deployment)
    path = tmp_path / f"list{suffix}"
    mine, theirs = all_rows(one, "a"), all_rows(one, "b")
    assert rate_export.write(iter(mine), str(path)) == len(rows)

    def run(group: str, mode: str = "full") -> int | None:
        order = Order.of(group, read_sheet(str(path), {}, deployment), mode, NOW)
        return apply(one, order, "tester", pause=lambda _seconds: None).seq

    assert run("a") is None  # a list changes nothing about itself
    run("empty")
    assert all_rows(one, "empty") == mine
    import_rates(one, "empty", str(path), deployment, replace=True, pause=lambda _seconds: None)
    assert all_rows(one, "empty") == mine
    seq = run("b")
    if seq is not None:
        again = undo(one, seq, "tester", pause=lambda _seconds: None)[2]
        assert all_rows(one, "b") == theirs
        undo(one, again, "tester", pause=lambda _seconds: None)  # and the way back can be taken back
        undo(one, again + 1, "tester", pause=lambda _seconds: None)
        assert all_rows(one, "b") == theirs


def book(path: Path, cells: str, styles: str = "", texts: str = "") -> str:
    """A workbook as others write it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        sheets = '<sheet name="Info" sheetId="1" r:id="a"/><sheet name="Rates" sheetId="2" r:id="b"/>'
        archive.writestr(
            "xl/workbook.xml", f'<x:workbook xmlns:x="m" xmlns:r="r"><sheets>{sheets}</sheets></x:workbook>'
        )
        relations = '<Relationship Id="a" Target="/xl/i.xml"/><Relationship Id="b" Target="s.xml"/>'
        archive.writestr("xl/_rels/workbook.xml.rels", f"<Relationships>{relations}</Relationships>")
        archive.writestr("xl/i.xml", "<worksheet/>")
        archive.writestr("xl/styles.xml", styles or "<styleSheet/>")
        archive.writestr("xl/sharedStrings.xml", f"<sst>{texts}</sst>")
        archive.writestr("xl/s.xml", f"<worksheet><sheetData>{cells}</sheetData></worksheet>")
    return str(path)


def test_cells_of_workbooks(tmp_path: Path) -> None:
    styles = (
        '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd\\.mm\\.yyyy"/><numFmt numFmtId="165" '
        'formatCode="&quot;day&quot; 0.00"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>'
        '<xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>'
    )
    cells = (
        '<row r="3"><c r="A3" t="s"><v>0</v></c><c r="C3"><v>1.2300000000000001E-2</v></c>'
        '<c r="D3" s="1"><v>46054</v></c><c r="E3" s="2"><v>46054.5</v></c><c r="F3" s="3"><v>0.5</v></c></row>'
        '<row><c t="str"><f>1+1</f><v>2</v></c><c t="b"><v>1</v></c><c><f>A1</f></c><c t="e"><v>#N/A</v></c>'
        '<c t="inlineStr"><is><r><t>a</t></r><r><t>b_x000D_</t></r></is></c><c><v>0.0900</v></c></row>'
    )
    path = book(tmp_path / "b.xlsx", cells, styles, "<si><t>43</t><rPh><t>no</t></rPh></si>")
    assert list(rows_of(path, "Rates")) == [
        (3, ["43", "", "0.0123", "2026-02-01", "2026-02-01T12:00:00", "0.5"]),
        (4, ["2", "TRUE", "", "#N/A", "ab\r", "0.0900"]),
    ]
    assert list(rows_of(path)) == []
    with pytest.raises(BadWorkbook, match=r'no sheet "3", only Info, Rates'):
        list(rows_of(path, "3"))


@pytest.mark.parametrize(
    ("cells", "texts", "message"),
    [
        ('<row><c t="inlineStr"><is><t>' + "x" * 40_000 + "</t></is></c></row>", "", "cells of at most 32767"),
        ('<row r="99999999"><c><v>1</v></c></row>', "", "at most 1048576 rows"),
        ("<row>", "", "mismatched tag"),
        ("<row><c " + "x" * 3_000_000, "", "a mark of more than 1 MB"),
        ('<row><c t="s"><v>5</v></c></row>', "", "a text is missing"),
        ("", "<si><t>" + "x" * 32_000 + "</t></si>" * 1, "ok"),
        ("", ("<si><t>" + "x" * 32_000 + "</t></si>") * 2_100, "at most 64000000 characters"),
    ],
    ids=["cell", "row", "broken", "mark", "text", "fine", "texts"],
)
def test_workbooks_that_are_too_large_or_broken(tmp_path: Path, cells: str, texts: str, message: str) -> None:
    path = book(tmp_path / "b.xlsx", cells, texts=texts)
    if message == "ok":
        assert list(rows_of(path, "2")) == []
        return
    with pytest.raises(BadWorkbook, match=message):
        list(rows_of(path, "2"))


def test_a_workbook_with_a_document_type_or_none_at_all(tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    with pytest.raises(BadWorkbook, match="document type"):
        list(rows_of(str(path)))
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(BadWorkbook, match="not a readable XLSX file"):
        list(rows_of(str(path)))


def test_cells_far_to_the_right_are_left_out(tmp_path: Path) -> None:
    path = book(tmp_path / "b.xlsx", '<row r="1"><c r="XFD1"><v>1</v></c><c r="B1"><v>2</v></c></row>')
    assert list(rows_of(path, "Rates")) == [(1, ["", "2"])]


def test_a_workbook_of_ours_has_exact_numbers(tmp_path: Path) -> None:
    path = str(tmp_path / "b.xlsx")
    rows = [("0012", "0.0900", "0.123456789012345678", "=1+1", "a_x0041_<&>")]
    write_workbook(path, ["a", "b", "c", "d", "e"], rows, {0, 1, 2})
    assert list(rows_of(path)) == [(1, ["a", "b", "c", "d", "e"]), (2, list(rows[0]))]
