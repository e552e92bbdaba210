"""A partner's records are read as he writes them."""

from __future__ import annotations

from contextlib import suppress
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.cdr.partner import BadColumns, BadRow, Format, Numbers, call_of, columns_of

PLACES = {"caller": (0,), "callee": (1,), "start": (2,), "duration": (3,), "fee": (4,)}
PLAIN = Format(PLACES)
AT = 1_790_000_000_000


def read(start="1790000000", duration="60", fee="0.6", form=PLAIN, numbers=None, caller="100", callee="4930"):
    return call_of([caller, callee, start, duration, fee], 7, form, numbers or Numbers())


@pytest.mark.parametrize(
    ("heading", "found"),
    [
        ("src,dst,calldate,billsec,cost", PLACES),
        ("Caller ID,Called Number,Start Time,Duration (s),Charge", PLACES),
        ("ANI;DNIS;Setup Time;Duration;Amount", PLACES),
        ("dst,answer_time,holdTime", {"callee": (0,), "answer": (1,), "duration": (2,)}),
    ],
)
def test_columns_are_found_by_their_names(heading, found):
    assert columns_of(heading.replace(";", ",").split(",")) == found


def test_columns_that_are_named():
    heading = ["Day", "Clock", "Who", "Whom", "Sec"]
    given_ = {"start": "Day+clock", "caller": "Who", "callee": "4", "duration": "sec"}
    assert columns_of(heading, given_) == {"start": (0, 1), "caller": (2,), "callee": (3,), "duration": (4,)}


@pytest.mark.parametrize(
    ("heading", "given_", "words"),
    [
        ("a,b,c", {}, "expected --column duration=HEADING: the columns are a, b, c"),
        ("dst,start", {}, "--column duration"),
        ("dst,billsec", {}, "--column start"),
        ("dst,billsec,start", {"fee": "nothing"}, "there is no column 'nothing'"),
        ("dst,billsec,start", {"feee": "start"}, "expected one of caller"),
    ],
)
def test_columns_that_cannot_be_told(heading, given_, words):
    with pytest.raises(BadColumns, match=words.replace("(", r"\(")):
        columns_of(heading.split(","), given_)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1790000000", AT), ("1790000000.25", AT + 250), ("1790000000250", AT + 250), ("2026-09-21T14:13:20Z", AT),
        ("2026-09-21 14:13:20+00:00", AT), ("2026-09-21 16:13:20", AT), ("2026/09/21 16:13:20", AT),
    ],
)  # fmt: skip
def test_times(text, ms):
    assert read(text, form=PLAIN._replace(zone=ZoneInfo("Europe/Vienna"))).at == ms


def test_a_pattern_an_offset_and_winter_time():
    form = PLAIN._replace(zone=ZoneInfo("Europe/Vienna"), pattern="%d.%m.%Y %H:%M:%S", offset=1500)
    assert read("21.09.2026 16:13:20", form=form).at == AT + 1500
    assert read("21.12.2026 16:13:20", form=form).at - AT == 91 * 86_400_000 + 3_600_000 + 1500


@pytest.mark.parametrize(
    ("text", "unit", "ms"),
    [("60", "s", 60_000), ("60.5", "s", 60_500), ("1:00", "s", 60_000), ("01:01:01.5", "s", 3_661_500),
     ("1.5", "min", 90_000), ("1500", "ms", 1500), ("", "s", 0)],
)  # fmt: skip
def test_lengths(text, unit, ms):
    assert read(duration=text, form=PLAIN._replace(unit=unit)).ms == ms


@pytest.mark.parametrize(
    ("text", "comma", "units"),
    [("0.6", False, 6_000_000), ("1,234.5", False, 12_345_000_000), ("1.234,5", True, 12_345_000_000),
     ("", False, None), ("0.00000004", False, 0), ("-1", False, -10_000_000)],
)  # fmt: skip
def test_fees(text, comma, units):
    assert read(fee=text, form=PLAIN._replace(comma=comma)).fee == units


@pytest.mark.parametrize(
    "what",
    [{"start": "yesterday"}, {"start": ""}, {"duration": "-1"}, {"duration": "long"}, {"fee": "1e99"}, {"fee": "nan"},
     {"duration": "99999999999"}, {"start": "9999999999999999"}],
)  # fmt: skip
def test_rows_that_are_no_calls(what):
    with pytest.raises(BadRow):
        read(**what)
    with pytest.raises(BadRow, match="too few columns"):
        call_of(["1", "2"], 1, PLAIN, Numbers())


@pytest.mark.parametrize(
    ("numbers", "number", "compared"),
    [
        (Numbers(), "+43 1 234-5", "4312345"), (Numbers(("00", "0")), "0043", "43"),
        (Numbers(("00", "0"), "43"), "01", "431"),
        (Numbers(last=4), "004312345", "2345"), (Numbers(("99",), "", 3), "9912345", "345"), (Numbers(), "", ""),
    ],
)  # fmt: skip
def test_numbers(numbers, number, compared):
    assert numbers.of(number) == compared


def test_what_was_not_answered_need_not_be_there():
    assert read(duration="0", fee="").optional
    assert not read(duration="0", fee="0.01").optional


@given(st.lists(st.text(max_size=30), min_size=5, max_size=5))
def test_whatever_a_partner_writes_is_a_call_or_no_call(row):
    with suppress(BadRow):
        call_of(row, 1, PLAIN, Numbers())
