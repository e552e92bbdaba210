"""Tables by number against what a dict says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vosswitch.numbers.table import NumberTable

NUMBERS = st.text("012", max_size=6)
ENTRIES = st.dictionaries(NUMBERS, st.text("ab", max_size=2), max_size=40)


def naive_longest(entries, number):
    """The longest prefix, by trying all of them."""
    for length in range(len(number), -1, -1):
        if number[:length] in entries:
            return number[:length], entries[number[:length]]
    return None


@given(ENTRIES, NUMBERS)
def test_a_table_in_memory_answers_as_a_dict(entries, number):
    table = NumberTable.of(entries)
    assert table.get(number) == entries.get(number)
    assert (number in table) == (number in entries)
    assert table.longest(number) == naive_longest(entries, number)
    assert len(table) == len(entries)


def test_an_empty_value_is_a_value():
    table = NumberTable.of({"4930": ""})
    assert table.get("4930") == ""
    assert table.longest("49301") == ("4930", "")


def test_any_text_may_be_a_number():
    table = NumberTable.of({"+49": "plus", "anonymous": "x", "12345678901234567890": "long"})
    assert table.longest("+4930") == ("+49", "plus")
    assert table.get("anonymous") == "x"
    assert table.get("12345678901234567890") == "long"


def test_an_empty_table_has_nothing():
    table = NumberTable.of({})
    assert table.get("1") is None
    assert table.longest("1") is None
    assert len(table) == 0
