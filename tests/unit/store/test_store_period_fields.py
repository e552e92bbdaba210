"""Periods in provisioning: what is read and written back, what is refused, what can never be in force."""

from __future__ import annotations

import pytest

from vosswitch.store.document import parse_toml, read_document
from vosswitch.store.entities import Stored
from vosswitch.store.fields import Deployment
from vosswitch.store.period_fields import idle_bindings
from vosswitch.store.provision import shown
from vosswitch.store.provision_schema import ROUTING_GATEWAYS, TABLES
from vosswitch.store.resolve import resolve
from vosswitch.store.secrets import Secrets
from vosswitch.store.toml_text import table_lines

HERE = Deployment("test", Secrets("/nonexistent/key"))
GATEWAY = '[[routing_gateways]]\nname = "g"\naddress = "192.0.2.1"\n'
CALENDAR = '[[calendars]]\nname = "c"\nentries = [{ weekdays = "mon", working = true }]\n'
NOW = 1_793_000_000_000


def read(text: str):
    return read_document(parse_toml(text, "f.toml"), HERE, "f.toml")


def state_of(document):
    found = resolve(document, {name: {} for name in TABLES}, HERE)
    return found.state, found.problems


def test_a_period_with_everything_and_written_back():
    text = GATEWAY + (
        'periods = [{ calendar = "c", when = "any", valid_from = 2027-01-01, valid_to = "2027-02-01T12:00:00Z", '
        'priority = 3, weight = "2", lines = "unlimited", cps = 5, callee_dial_plan = "00: 0:49", '
        'caller_dial_plan = "" }, {}]'
    )
    document = read(text)
    assert document.problems == []
    values = document.entries["routing_gateways"]["g"].complete(ROUTING_GATEWAYS)
    assert values["periods"] == [
        {
            "calendar": "c", "when": "any", "valid_from": 1798761600000, "valid_to": 1801483200000, "priority": 3,
            "weight": 2, "lines": None, "cps": 5, "callee_dial_plan": "00:,0:49", "caller_dial_plan": "",
        },
        {},
    ]  # fmt: skip
    again = read("\n".join(table_lines("routing_gateways", shown(ROUTING_GATEWAYS, Stored(values)))))
    assert again.problems == []
    assert again.entries["routing_gateways"]["g"].values["periods"] == values["periods"]


@pytest.mark.parametrize(
    ("periods", "problem"),
    [
        ("5", "periods: expected a list of at most 100 periods, got 5"),
        ('[{ when = "any" }]', "periods: entry 1: when: expected a calendar beside it"),
        ('[{ calendar = "c", when = "free" }]', "periods: entry 1: when: expected working, non_working or any"),
        ("[{}, { lines = -1 }]", 'periods: entry 2: lines: expected a whole number 0-1000000 or "unlimited"'),
        ('[{ callee_dial_plan = "x" }]', "periods: entry 1: callee_dial_plan: rule 1 (x), position 2: expected"),
        ("[{ valid_from = 2027-01-01, valid_to = 2027-01-01 }]", "entry 1: valid_to: expected a moment after"),
        ('[{ account = "c" }]', "periods: entry 1: account: unknown, expected calendar, when"),
    ],
)
def test_what_is_no_period(periods, problem):
    (line,) = read(f"{GATEWAY}periods = {periods}").problems
    assert problem in line


def test_a_mapping_gateway_has_no_priority():
    (line,) = read('[[mapping_gateways]]\nname = "m"\naccount = "1"\nperiods = [{ priority = 1 }]').problems
    assert "priority: unknown" in line


def test_the_calendar_has_to_be_there():
    _, problems = state_of(read(GATEWAY + 'periods = [{ calendar = "c" }]'))
    assert problems == [
        'f.toml: routing_gateways[1] "g": periods: expected one of calendars, there is no "c"',
    ]


@pytest.mark.parametrize(
    ("period", "why"),
    [
        ('calendar = "c"', ""),
        ('calendar = "c", when = "any"', ""),
        ('calendar = "c", when = "non_working"', "calendar c has no such times (non_working)"),
        ("valid_to = 2026-01-01", "its valid_to is over"),
        ("valid_to = 2036-01-01", ""),
        ("", ""),
    ],
)
def test_a_period_that_can_never_be_in_force_is_warned_of(period, why):
    document = read(f"{CALENDAR}{GATEWAY}periods = [{{ {period} }}]")
    state, problems = state_of(document)
    assert problems == []
    lines = list(idle_bindings(document.entries, state, NOW))
    assert lines == ([f'routing_gateways "g": periods: entry 1: never in force: {why}'] if why else [])
    nothing = read("")
    assert list(idle_bindings(nothing.entries, state, NOW)) == []
