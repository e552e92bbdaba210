"""Prefix index and number lists against naive scans; dialled user parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.model.numberlist import NumberList
from vosswitch.numbers.e164 import BadNumber, dialable, dialled
from vosswitch.numbers.prefixes import PrefixIndex

_DIGITS = st.text("012", max_size=6)


@given(st.dictionaries(_DIGITS, st.integers() | st.none()), _DIGITS)
def test_index_equals_naive_scan(values, number):
    index = PrefixIndex(values)
    naive = sorted(((p, v) for p, v in values.items() if number.startswith(p)), key=lambda pair: -len(pair[0]))
    assert index.matches(number) == naive
    assert index.longest(number) == (naive[0] if naive else None)
    assert (len(index), set(index)) == (len(values), set(values))


@given(st.lists(st.builds(str.__add__, _DIGITS, st.sampled_from(["", "*"])).filter(bool)), _DIGITS)
def test_list_equals_naive_scan(entries, number):
    found = NumberList(entries)
    naive = any(number.startswith(e[:-1]) if e.endswith("*") else number == e for e in entries)
    assert (number in found) is naive
    assert bool(found) is bool(entries)


def test_list_names_the_entry_that_covers():
    found = NumberList.from_text("911, 0800*; 08*\n117")
    assert len(found) == 4
    assert [found.match(n) for n in ("911", "08001", "0855", "9111")] == ["911", "0800*", "08*", None]
    assert NumberList(["*"]).match("anything") == "*"


@pytest.mark.parametrize(
    ("user", "number"),
    [
        ("02584316146", "02584316146"),
        ("+1-212-555.0100", "+12125550100"),
        ("(0)20-7946", "0207946"),
        ("*67#12", "*67#12"),
        ("+123;phone-context=example.com", "+123"),
        ("alice.smith", "alice.smith"),
        ("bad-beef", "bad-beef"),
        ("", ""),
        ("---", ""),
    ],
)
def test_dialled_drops_only_visual_separators(user, number):
    assert dialled(user) == number


@pytest.mark.parametrize("user", ["1" * 65, "12\r\n34", "12 34", "a\x00", "1\u202e2", "12\t"])
def test_dialled_refuses(user):
    with pytest.raises(BadNumber):
        dialled(user)
    assert not dialable(user)


@given(st.text(max_size=80))
def test_whatever_is_dialled_is_dialable_or_empty(user):
    try:
        number = dialled(user)
    except BadNumber:
        return
    assert number == "" or dialable(number)
