"""Compiled number tables against a dict, damaged ones, and changes on top of them."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.numbers.files import compile_table, number_table, open_table_file, verify_table
from vosswitch.numbers.sections import HEADER
from vosswitch.numbers.table import NumberTable
from vosswitch.numbers.tablefile import LAYOUT, BadTableFile, TableCompiler, TableFile

NUMBERS = st.one_of(
    st.text("0129", max_size=6), st.text("09", min_size=12, max_size=18), st.text("01+a_ \u0661", max_size=4)
)
ENTRIES = st.dictionaries(NUMBERS, st.text("ab\u00fc", max_size=3), max_size=40)


def compiled(entries):
    """The file of *entries* in memory."""
    compiler = TableCompiler()
    for number in sorted(entries):
        compiler.add(number, entries[number])
    parts = dict.fromkeys(LAYOUT.sections, b"")
    for chunk in [compiler.flush(), *compiler.finish()]:
        for name, data in chunk.items():
            parts[name] += data
    body, sections, at = b"", [], HEADER
    for name in LAYOUT.sections:
        data = parts[name]
        sections.append((at + len(body), len(data), zlib.crc32(data)))
        body += data + bytes(-len(data) % 8)
    return LAYOUT.header(compiler.count, sections) + body


def naive_longest(entries, number):
    """The longest prefix, by trying all of them."""
    for length in range(len(number), -1, -1):
        if entries.get(number[:length]) is not None:
            return number[:length], entries[number[:length]]
    return None


@given(ENTRIES, st.dictionaries(NUMBERS, st.none() | st.just("new"), max_size=10), st.lists(NUMBERS, max_size=20))
def test_a_compiled_table_answers_as_a_dict_with_changes_and_without(entries, changes, asked):
    file = TableFile(compiled(entries), "t")
    for table, truth in (
        (NumberTable(file), entries),
        (NumberTable(file, changes.items()), {k: v for k, v in (entries | changes).items() if v is not None}),
    ):
        assert len(table) == len(truth)
        for number in [*asked, *entries, *changes]:
            assert table.get(number) == truth.get(number)
            assert table.longest(number) == naive_longest(truth, number)
            assert table.longest(number + "0") == naive_longest(truth, number + "0")


def test_what_looks_like_a_number_to_python_is_none():
    file = TableFile(compiled({"012": "x", "12": "y"}), "t")
    assert [file.get(one) for one in ("1_2", "+12", " 12", "\u0661\u0662", "012", "12")] == [None] * 4 + ["x", "y"]


def test_a_file_on_disk(tmp_path):
    path = str(tmp_path / "t.bin")
    turns = []
    assert compile_table(((f"{i:06}", "v") for i in range(30_000)), path, lambda: turns.append(1)) == 30_000
    assert len(turns) > 3
    assert verify_table(path) == 30_000
    table = number_table({"file": path, "overlay": [["000007", None], ["+1", "plus"]], "kind": "lrn"})
    assert (table.get("000007"), table.get("000008"), table.get("+1"), len(table)) == (None, "v", "plus", 30_000)
    assert table.kind == "lrn"
    assert [one.name for one in tmp_path.iterdir()] == ["t.bin"]


def test_rows_out_of_order_leave_no_file(tmp_path):
    with pytest.raises(ValueError, match="'1': not ascending, comes after '2'"):
        compile_table([("2", ""), ("1", "")], str(tmp_path / "t.bin"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", ["1", "x"])
def test_too_long_a_value(number):
    with pytest.raises(ValueError, match="longer than 255 bytes"):
        TableCompiler().add(number, "x" * 256)


def test_damage_is_told():
    data = bytearray(compiled({str(i): "value" for i in range(100)}))
    with pytest.raises(BadTableFile, match="not a compiled number table"):
        TableFile(b"something else" * 100, "t")
    with pytest.raises(BadTableFile, match="cut off"):
        TableFile(bytes(data[:-8]), "t")
    data[HEADER] ^= 1
    with pytest.raises(BadTableFile, match="section keys is damaged"):
        list(TableFile(bytes(data), "t").verify())
    with pytest.raises(BadTableFile, match="cannot be opened"):
        open_table_file("/nonexistent/t.bin")


@given(st.data())
def test_damage_anywhere_is_no_endless_loop_and_no_other_error(data):
    entries = {str(i): str(i % 3) for i in range(40)}
    good = compiled(entries)
    flipped = bytearray(good)
    for _ in range(4):
        flipped[data.draw(st.integers(HEADER, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        file = TableFile(bytes(flipped), "t")
        for number in ("1", "17", "399", "5"):
            file.get(number)
            file.longest(number)
    except BadTableFile:
        pass
