"""Calendars against a naive evaluation of every minute, and what their rules say in so many words."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosswitch.model.calendar import ADMITTING, LAST_SECOND, Calendar, CalendarEntry, clock_seconds, known_zone

ZONES = ("UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu")


def ms(text: str, zone: str = "UTC", fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


def calendar(*entries: dict[str, object], zone: str = "UTC", default: str = "none") -> Calendar:
    return Calendar("c", [CalendarEntry.from_body(entry) for entry in entries], zone, default)


def naive(entries: list[CalendarEntry], zone: str, default: str, wall_ms: int) -> bool | None:
    """The state at a moment, straight from the rules."""
    local = datetime.fromtimestamp(wall_ms // 1000, UTC).astimezone(ZoneInfo(zone))
    second = local.hour * 3600 + local.minute * 60 + local.second
    today, yesterday = local.date(), local.date() - timedelta(days=1)

    def of(entry: CalendarEntry, day: date) -> bool:
        if entry.rank in (0, 1):
            return entry.first <= day <= entry.last
        return entry.rank == 3 or day.weekday() in entry.weekdays

    def covers(entry: CalendarEntry) -> bool:
        if entry.start <= entry.end:
            return of(entry, today) and entry.start <= second <= entry.end
        return (of(entry, today) and second >= entry.start) or (of(entry, yesterday) and second <= entry.end)

    for rank in range(4):
        for entry in entries:
            if entry.rank == rank and covers(entry):
                return entry.working
    return {"working": True, "non_working": False, "none": None}[default]


DAYS = st.dates(date(2026, 3, 20), date(2026, 4, 5)) | st.dates(date(2026, 10, 20), date(2026, 11, 5))
TIMES = st.integers(0, 96).map(lambda quarter: min(quarter * 900, LAST_SECOND)) | st.integers(0, LAST_SECOND)


@st.composite
def entries(draw: st.DrawFn) -> CalendarEntry:
    kind = draw(st.integers(0, 3))
    first = last = None
    week: frozenset[int] = frozenset()
    if kind == 0:
        first = last = draw(DAYS)
    elif kind == 1:
        first = draw(DAYS)
        last = first + timedelta(days=draw(st.integers(1, 9)))
    elif kind == 2:
        week = draw(st.frozensets(st.integers(0, 6), min_size=1))
    return CalendarEntry(draw(st.booleans()), first, last, week, draw(TIMES), draw(TIMES))


MOMENTS = st.datetimes(datetime(2026, 3, 26), datetime(2026, 4, 2)) | st.datetimes(
    datetime(2026, 10, 22), datetime(2026, 11, 3)
)


@given(
    st.lists(entries(), max_size=6),
    st.sampled_from(ZONES),
    st.sampled_from(["working", "non_working", "none"]),
    st.lists(MOMENTS, min_size=1, max_size=12),
)
@settings(deadline=None)
def test_the_same_as_a_naive_evaluation_in_any_order_of_asking(found, zone, default, moments):
    """Also between the moments: what is kept from one answer must not be used for another moment."""
    asked = Calendar("c", found, zone, default)
    for moment in moments:
        base = int(moment.replace(tzinfo=UTC).timestamp() * 1000)
        for step in (0, 1, 999, 60_000, 3_599_000, 900_000):
            state = naive(found, zone, default, base + step)
            assert asked.admits(base + step, "working") is (state is True)
            assert asked.admits(base + step, "non_working") is (state is False)
            assert asked.admits(base + step, "any") is (state is not None)


@given(st.lists(entries(), max_size=4), st.sampled_from(ZONES), st.sampled_from(["none", "working", "non_working"]))
@settings(deadline=None, max_examples=40)
def test_every_minute_of_the_days_of_a_clock_change(found, zone, default):
    asked = Calendar("c", found, zone, default)
    for start in (ms("2026-03-28T22:00"), ms("2026-10-24T22:00")):
        for minute in range(0, 60 * 30, 7):
            moment = start + minute * 60_000
            assert asked.admits(moment) is (naive(found, zone, default, moment) is True)


@given(st.lists(entries(), max_size=4), st.sampled_from(ADMITTING))
@settings(deadline=None, max_examples=40)
def test_a_binding_that_can_never_admit_is_known(found, when):
    asked = Calendar("c", found)
    start = ms("2026-03-15T00:00")
    days = [start + day * 86_400_000 for day in range(300)]
    seconds = {0, *(entry.start for entry in found), *((entry.end + 1) % 86_400 for entry in found)}
    admitted = any(asked.admits(day + second * 1000, when) for day in days for second in seconds)
    assert asked.ever(when, start) is admitted


def test_a_date_beats_a_range_beats_weekdays_beats_a_time():
    week = {"weekdays": ["fri"], "start": "08:00", "end": "18:00"}
    every = {"start": "00:00", "end": "23:59:59", "working": False}
    range_ = {"from": "2026-12-20", "to": "2026-12-31", "working": False}
    day = {"date": "2026-12-25", "start": "09:00", "end": "10:00"}
    friday, moment = ms("2026-12-18T09:30"), ms("2026-12-25T09:30")
    assert calendar(every, week).admits(friday)
    assert not calendar(every, week).admits(friday - 3600_000 * 2)
    assert not calendar(every, week, range_).admits(moment)
    assert calendar(every, week, range_, day).admits(moment)
    assert not calendar(day, range_, week, every).admits(ms("2026-12-25T10:30"))


def test_of_one_kind_the_first_decides():
    a, b = {"weekdays": ["mon"]}, {"weekdays": ["mon", "tue"], "working": False}
    monday = ms("2026-11-23T12:00")
    assert calendar(a, b).admits(monday)
    assert not calendar(b, a).admits(monday)


def test_of_one_kind_the_first_decides_over_midnight_too():
    night, closed = {"weekdays": ["fri"], "start": "22:00", "end": "06:00"}, {"weekdays": ["sat"], "working": False}
    saturday = ms("2026-11-21T03:00")
    assert calendar(night, closed).admits(saturday)
    assert not calendar(closed, night).admits(saturday)


def test_over_midnight_belongs_to_the_day_it_began():
    night = calendar({"weekdays": ["fri"], "start": "22:00", "end": "06:00"})
    friday = "2026-11-20"
    assert not night.admits(ms(f"{friday}T05:00"))
    assert night.admits(ms(f"{friday}T22:00"))
    assert night.admits(ms("2026-11-21T06:00:00") + 999)
    assert not night.admits(ms("2026-11-21T06:00:01"))
    assert not night.admits(ms("2026-11-21T22:00"))


def test_the_end_second_is_included():
    day = calendar({"start": "08:00", "end": "18:00"})
    assert not day.admits(ms("2026-11-20T08:00") - 1)
    assert day.admits(ms("2026-11-20T18:00") + 999)
    assert not day.admits(ms("2026-11-20T18:00:01"))


def test_an_hour_that_is_skipped_never_comes_and_one_that_is_repeated_counts_twice():
    two_to_three = {"start": "02:00", "end": "02:59:59"}
    spring = calendar(two_to_three, zone="Europe/Vienna")
    midnight = ms("2026-03-29T00:00", "Europe/Vienna")
    assert not any(spring.admits(midnight + minute * 60_000) for minute in range(23 * 60))
    midnight = ms("2026-10-25T00:00", "Europe/Vienna")
    assert sum(spring.admits(midnight + minute * 60_000) for minute in range(25 * 60)) == 120


def test_each_calendar_has_its_own_zone():
    office = {"start": "09:00", "end": "17:00"}
    moment = ms("2026-07-01T13:30", "Europe/Vienna")
    assert calendar(office, zone="Europe/Vienna").admits(moment)
    assert not calendar(office, zone="America/New_York").admits(moment)


def test_the_destinations_zone():
    here = Calendar("c", [CalendarEntry(start=9 * 3600, end=17 * 3600)], "Europe/Vienna", by_destination=True)
    moment = ms("2026-07-01T13:30", "Europe/Vienna")
    assert here.at_zone("").admits(moment)
    assert not here.at_zone("America/New_York").admits(moment)
    assert here.at_zone("America/New_York") is here.at_zone("America/New_York")
    with patch("vosswitch.model.calendar.known_zone", return_value=False) as asked:
        assert [here.at_zone("No/Such") is here for _ in range(3)] == [True] * 3
    asked.assert_called_once_with("No/Such")  # a call never looks for the same file again
    fixed = calendar({"start": "09:00"}, zone="Europe/Vienna")
    assert fixed.at_zone("America/New_York") is fixed


def test_nothing_matches_is_the_default():
    moment = ms("2026-11-20T12:00")
    states = {
        default: [calendar(default=default).admits(moment, when) for when in ADMITTING]
        for default in ("none", "working", "non_working")
    }
    assert states == {
        "none": [False, False, False],
        "working": [True, False, True],
        "non_working": [False, True, True],
    }


def test_what_can_never_admit():
    now = ms("2026-11-20T12:00")
    assert not calendar({"date": "2026-11-19"}).ever("working", now)
    assert calendar({"date": "2026-11-20"}).ever("working", now)
    assert calendar({"date": "2026-11-19", "start": "22:00", "end": "02:00"}).ever("any", ms("2026-11-20T01:00"))
    assert not calendar({"weekdays": ["mon"], "working": False}).ever("working", now)
    closed = {"from": "2020-01-01", "to": "2099-12-31", "working": False}
    assert calendar({"weekdays": ["mon"]}, closed).ever("working", now)  # after 2099
    assert not calendar({"date": "2030-01-01"}, closed | {"working": True}, default="working").ever("non_working", now)
    assert not calendar().ever("any", now)
    assert calendar(default="working").ever("working", now)


@pytest.mark.parametrize(
    ("text", "seconds"), [("00:00", 0), ("08:30", 30_600), ("23:59:59", 86_399), ("24:00", 86_399)]
)
def test_times_of_day(text, seconds):
    assert clock_seconds(text) == seconds


@pytest.mark.parametrize("text", ["8:00", "24:01", "12:60", "12:00:60", "12", "1:2:3:4", "a:bc", "\uff11\uff12:00"])
def test_what_is_no_time_of_day(text):
    with pytest.raises(ValueError, match=f"^.*{re.escape(text)}"):
        clock_seconds(text)


def test_zones_are_known_by_name():
    assert known_zone("Europe/Vienna")
    for name in ("Vienna", "", "../etc/passwd", "/etc/passwd", "Europe"):
        assert not known_zone(name)
