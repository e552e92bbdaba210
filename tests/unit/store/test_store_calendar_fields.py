"""Calendars and number groups in provisioning: what is read, what is written back, what is refused."""

from __future__ import annotations

import pytest

from vosswitch.model.calendar import Calendar
from vosswitch.numbers.groups import NumberGroup
from vosswitch.store.document import parse_toml, read_document
from vosswitch.store.fields import Deployment
from vosswitch.store.provision_schema import TABLES
from vosswitch.store.secrets import Secrets
from vosswitch.store.toml_text import table_lines

HERE = Deployment("test", Secrets("/nonexistent/key"))


def read(text: str):
    return read_document(parse_toml(text, "f.toml"), HERE, "f.toml")


def values(kind: str, text: str):
    document = read(f'[[{kind}]]\nname = "x"\n{text}')
    assert document.problems == []
    return document.entries[kind]["x"].complete(TABLES[kind])


def test_a_calendar_in_every_form_and_written_back():
    text = (
        'time_zone = "Europe/Vienna"\ndefault = "non_working"\nentries = [\n'
        '{ weekdays = "fri-mon", start = 08:30:00, end = "24:00" },\n'
        '{ weekdays = ["TUE", "wed"], working = false },\n'
        "{ date = 2026-12-24, end = 12:00:00 },\n"
        '{ from = "2026-12-25", to = "2026-12-31", working = false }, { start = "22:00", end = "06:00" } ]'
    )
    found = values("calendars", text)
    assert found["entries"] == [
        {"weekdays": ["mon", "fri", "sat", "sun"], "start": "08:30:00", "end": "23:59:59"},
        {"weekdays": ["tue", "wed"], "working": False},
        {"date": "2026-12-24", "end": "12:00:00"},
        {"from": "2026-12-25", "to": "2026-12-31", "working": False},
        {"start": "22:00:00", "end": "06:00:00"},
    ]
    again = read("\n".join(table_lines("calendars", found)))
    assert (again.problems, again.entries["calendars"]["x"].values) == ([], found)
    assert Calendar.from_body(found).zone == "Europe/Vienna"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('time_zone = "Vienna"', 'time_zone: expected a time zone such as Europe/Vienna, got "Vienna"'),
        ("entries = 5", "entries: expected a list of at most 400 entries, got 5"),
        ("entries = [5]", "entries: entry 1: expected a table with date, from"),
        ("entries = [{ }]", "entries: entry 1: expected at least one of date"),
        ('entries = [{ date = "2026-02-30" }]', "entry 1: date: expected a date such as 2026-12-24"),
        ('entries = [{ date = "2026-02-03", weekdays = "mon" }]', "entry 1: expected one of date, from and to, or"),
        ('entries = [{ from = "2026-02-03" }]', "entry 1: expected one of date, from and to, or weekdays"),
        ('entries = [{ from = "2026-02-03", to = "2026-02-01" }]', "entry 1: to: expected a date not before from"),
        ('entries = [{ start = "8" }]', "entry 1: start: expected a time of day such as 08:30"),
        ('entries = [{ start = "08:00" }, { weekdays = "mo" }]', "entry 2: weekdays: expected weekdays such as"),
        ("entries = [{ weekdays = [] }]", "entry 1: weekdays: expected weekdays such as"),
        ('entries = [{ day = "mon" }]', "entry 1: day: unknown, expected date, from"),
    ],
)
def test_what_is_no_calendar(text, problem):
    (line,) = read(f'[[calendars]]\nname = "x"\n{text}').problems
    assert problem in line


def test_an_entry_of_one_second_is_warned_of():
    (line,) = read('[[calendars]]\nname = "x"\nentries = [{ start = "00:00", end = "00:00" }]').warnings
    assert "lasts one second" in line


def test_a_number_group_and_written_back():
    found = values("number_groups", 'numbers = [112, "911", "43*", "100-199", \'/49\\d+/\', 112]')
    assert found["numbers"] == ["112", "911", "43*", "100-199", r"/49\d+/"]
    again = read("\n".join(table_lines("number_groups", found)))
    assert (again.problems, again.entries["number_groups"]["x"].complete(TABLES["number_groups"])) == ([], found)
    group = NumberGroup.from_body(found)
    assert (group.emergency, group.match("4912")) == (False, r"/49\d+/")
    assert values("number_groups", 'emergency = true\nnumbers = [112, "100-199"]')["emergency"]


@pytest.mark.parametrize(
    ("numbers", "problem"),
    [
        ("5", "numbers: expected a list of at most 10000 numbers, got 5"),
        ("[true]", "numbers: expected numbers such as 4312345"),
        (str([f"/4{number}/" for number in range(501)]), "numbers: expected at most 500 patterns"),
        ('["200-100"]', "numbers: '200-100': expected a range of numbers of one length"),
        ('["/(1+)+/"]', "numbers: '/(1+)+/': expected a ( for every ), and no repetition of a group"),
    ],
)
def test_what_is_no_number_group(numbers, problem):
    (line,) = read(f'[[number_groups]]\nname = "x"\nnumbers = {numbers}').problems
    assert problem in line


@pytest.mark.parametrize("wide", ["911*", "*", "/911.*/"])
def test_an_emergency_group_has_whole_numbers_so_that_no_other_call_is_free(wide):
    table = TABLES["number_groups"]
    body = table.defaults() | {"name": "sos", "numbers": ["112", "100-199", wide]}
    table.check(body)
    with pytest.raises(ValueError, match=r"numbers: expected whole numbers and ranges in an emergency group, got '"):
        table.check(body | {"emergency": True})
