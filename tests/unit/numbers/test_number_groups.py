"""Number groups against a naive reading of their entries; patterns whose time is bounded."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.numbers.groups import BadNumberEntry, NumberEntries, NumberGroup, number_entry, with_tables
from vosswitch.numbers.pattern import BadPattern, read_pattern
from vosswitch.numbers.table import NumberTable

DIGITS = st.text("0123", min_size=1, max_size=4)


@st.composite
def spans(draw: st.DrawFn) -> str:
    size = draw(st.integers(1, 4))
    low, high = sorted(draw(st.integers(0, 10**size - 1)) for _ in range(2))
    return f"{low:0{size}d}-{high:0{size}d}"


ENTRIES = DIGITS | DIGITS.map(lambda text: text + "*") | spans() | st.just("/0[12]{2}/") | st.just("*")


def covers(entry: str, number: str) -> bool:
    if entry.startswith("/"):
        return re.fullmatch(entry[1:-1], number) is not None
    if "-" in entry:
        low, _, high = entry.partition("-")
        return len(low) == len(number) and low <= number <= high
    return number.startswith(entry[:-1]) if entry.endswith("*") else number == entry


@given(st.lists(ENTRIES, max_size=8), DIGITS)
def test_the_same_as_asking_every_entry(entries, number):
    group = NumberGroup.of("g", *entries)
    assert (group.match(number) is not None) is any(covers(entry, number) for entry in entries)


def test_what_matched_is_named():
    group = NumberGroup.of("g", "911", "43*", "4366*", "100-149", "140-199", r"/49\d{3}/")
    found = [group.match(number) for number in ("911", "431", "43660", "145", "49123", "9", "4912", "")]
    assert found == ["911", "43*", "4366*", "100-199", r"/49\d{3}/", None, None, None]


def test_a_table_belongs_to_its_group():
    bulk = NumberGroup.from_body({"name": "g", "numbers": ["1"], "emergency": False, "table": "t"})
    assert bulk.match("4312") is None
    listed = with_tables({"g": bulk}, {"t": NumberTable.of({"4312": ""}, "list")})
    assert (listed["g"].match("4312"), listed["g"].match("43123"), listed["g"].match("1")) == ("4312", None, "1")
    areas = with_tables(listed, {"t": NumberTable.of({"4312": "Vienna"}, "area")})
    assert areas["g"].match("43123") == "4312*"
    assert with_tables(areas, {"t": areas["g"]._bulk}) is areas


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a number"),
        ("4 3", "a number"),
        ("1*2", "a number"),
        ("200-100", "a range"),
        ("1-10", "a range"),
        ("/(a+)+/", "no repetition of a group"),
        ("/1*2*3*4*/", "at most 3 places"),
        ("/(?i)1/", "no \\(\\?"),
        ("/(1/", "a \\) for every"),
        ("/1)/", "a \\( for every"),
        ("/1**/", "one repetition"),
        ("/1{99}/", "at most 64"),
        ("/1{3,1}/", "a pattern"),
        ("/[9-1]/", "a pattern"),
        ("//", "a pattern of 1-128"),
        ("/^$/", "a pattern of 1-128"),
        ("/" + "1" * 200 + "/", "a pattern of 1-128"),
        ("/\\1/", "another character"),
    ],
)
def test_what_is_no_entry(text, words):
    with pytest.raises(BadNumberEntry, match=words):
        number_entry(text)


@given(st.text(r"01.d*+?{}()|[]-,23\^$", max_size=14))
def test_any_text_is_a_pattern_or_refused(text):
    try:
        pattern = read_pattern(text)
    except BadPattern:
        return
    pattern.fullmatch("0123" * 16)


def test_open_places_are_few_so_that_no_number_takes_long():
    slowest = NumberEntries([r"/\d*\d*\d*x/"])
    assert not any(slowest.match("1" * size) for size in range(65))
    with pytest.raises(BadPattern, match="at most 3"):
        read_pattern(r"\d?\d?\d?\d?x")
    with pytest.raises(BadPattern, match="at most 3"):
        read_pattern("(1|1)(1|1)(1|1)(1|1)x")


def test_a_pattern_describes_the_whole_number():
    assert NumberEntries([r"/^43\d{2,3}$/"]).match("4312")
    assert NumberEntries(["/43/"]).match("431") is None
    assert NumberEntries(["/.*/"]).match("1" * 65) is None


def test_prefixes_of_a_table_make_no_longer_number_an_emergency_number():
    bulk = NumberTable.of({"911": "x"}, "area")
    assert NumberGroup("g", NumberEntries(), bulk=bulk).match("91155") == "911*"
    sos = NumberGroup("sos", NumberEntries(), emergency=True, bulk=bulk)
    assert (sos.match("911"), sos.match("91155")) == ("911", None)
