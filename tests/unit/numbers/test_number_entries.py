"""Sets of numbers against a reference that tries everything one by one."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.numbers.entries import NumberSet, is_pattern, read_entry
from vosswitch.numbers.groups import BadNumberEntry
from vosswitch.numbers.pattern import BadPattern, read_pattern
from vosswitch.numbers.patternset import MOST_FOLLOWING, MOST_STATES, PatternSet, alternatives

NUMBERS = st.text("0129+#*a", max_size=12)
ONE = st.sampled_from(
    ["0", "1", "2", "9", "a", ".", r"\d", r"\+", r"\*", "[12]", "[0-2]", "[+-]", "[0-1-9]", "[a^]", "[^1]", "[^0-2a]"]
)
TIMES = st.sampled_from(["", "", "", "?", "*", "+", "{2}", "{1,2}", "{0,3}", "{2,}", "{,2}", "{0}"])
PIECE = st.tuples(ONE, TIMES).map("".join)
ROW = st.lists(PIECE, max_size=4).map("".join)
GROUP = st.lists(ROW, min_size=1, max_size=3).map(lambda rows: f"({'|'.join(rows)})")


def legal(pattern):
    """Whether the language takes it: few places with more than one way."""
    try:
        read_pattern(pattern)
    except BadPattern:
        return False
    return True


PATTERNS = st.lists(st.one_of(PIECE, PIECE, GROUP), min_size=1, max_size=5).map("".join).filter(legal)
LENGTHS = st.tuples(st.integers(1, 12), st.integers(0, 4)).map(lambda pair: f"length {pair[0]}-{sum(pair)}")
ENTRIES = st.one_of(
    st.text("0129+#a", min_size=1, max_size=5),
    st.text("0129+#a", max_size=4).map(lambda text: text + "*"),
    st.tuples(st.integers(10, 50), st.integers(0, 49)).map(lambda pair: f"{pair[0]}-{sum(pair)}"),
    PATTERNS.map(lambda text: f"/{text}/"),
    LENGTHS,
)


def fits(pattern, number):
    """One pattern by Python's own regular expressions."""
    return re.fullmatch(pattern, number, re.ASCII) is not None


def covers(entry, number):
    """One entry, the plain way."""
    if is_pattern(entry):
        return fits(entry[1:-1], number)
    first, _, last = entry.removeprefix("length ").partition("-")
    if entry.startswith("length "):
        return int(first) <= len(number) <= int(last)
    if last:
        return len(number) == len(first) and number.isdigit() and first <= number <= last
    return number.startswith(entry[:-1]) if entry.endswith("*") else number == entry


@given(st.lists(PATTERNS, max_size=8), st.lists(NUMBERS, min_size=1, max_size=5))
def test_patterns_side_by_side_match_what_each_matches_alone(patterns, numbers):
    """Whatever numbers were asked before."""
    together = PatternSet(patterns)
    for number in numbers:
        alone = [pattern for pattern in patterns if fits(pattern, number)]
        assert together.match(number) == (alone[0] if alone else None)


def test_what_is_remembered_is_bounded():
    """Numbers that all differ, with characters that no telephone has, over patterns that never give up."""
    patterns = [rf".*{n:03d}\d*" for n in range(60)]
    together = PatternSet(patterns)
    for n in range(3000):
        number = f"{n * 7919 % 100_000_007:09d}{chr(0x400 + n)}{n * 104_729 % 1_000_003}"
        alone = [pattern for pattern in patterns if fits(pattern, number)]
        assert together.match(number) == (alone[0] if alone else None)
        assert len(together._states) <= MOST_STATES
    assert all(len(state.after) <= MOST_FOLLOWING for state in together._states.values())


def test_a_set_that_has_remembered_enough_begins_anew():
    together = PatternSet(["43.*1", ".*99"])
    together._most = 3
    for number in ("43551", "4399", "123456", "99", "43551", "43552", "0099"):
        assert (together.match(number) is not None) == (fits("43.*1", number) or fits(".*99", number))
        assert len(together._states) <= 3


@given(st.lists(ENTRIES, max_size=10), NUMBERS)
def test_a_set_covers_what_one_of_its_entries_covers(entries, number):
    assert [read_entry(entry) for entry in entries] == entries
    found = NumberSet(entries).match(number)
    assert (found is not None) is any(covers(entry, number) for entry in entries)


def test_the_number_itself_comes_first_then_the_longest_prefix_then_the_first_pattern_then_the_length():
    entries = ["length 5", "/4.*/", "/43.*/", "4*", "43*", "43123"]
    assert NumberSet(entries).match("43123") == "43123"
    assert NumberSet(entries[:5]).match("43123") == "43*"
    assert NumberSet(entries[:3]).match("43123") == "/4.*/"
    assert NumberSet(entries[:1]).match("43123") == "length 5"


@pytest.mark.parametrize("entry", ["length 0", "length 9-3", "length 1-65", "length 5-10-3", "length x"])
def test_lengths_that_cannot_be_are_refused(entry):
    with pytest.raises(BadNumberEntry):
        read_entry(entry)


def test_no_pattern_takes_more_time_than_its_length():
    """What makes regular expressions slow: runs that can be split in many ways, and none that fits."""
    evil = PatternSet([rf"\d*\d*{digit}{{3,64}}x" for digit in range(10)] * 50)
    begun = time.process_time()
    assert evil.match("1" * 64) is None
    assert time.process_time() - begun < 5  # minutes, if it went back


def test_a_pattern_of_very_many_alternatives_is_asked_by_itself():
    many = "".join(f"({'|'.join(map(str, range(10)))})" for _ in range(3))
    assert alternatives(many) is None
    found = PatternSet([many, "43"])
    assert (found.match("193"), found.match("43"), found.match("4x")) == (many, "43", None)


def test_brackets_and_runs():
    found = PatternSet([r"43[1-37]\d{4,6}", "(49|41)0*1+", r"\+.*[^5]"])
    hits = {
        number: found.match(number) for number in ("4371234", "4341234", "4300", "490011", "4111", "490", "+12", "+5")
    }
    assert [number for number, hit in hits.items() if hit] == ["4371234", "490011", "4111", "+12"]
