"""Periods: the first that is in force counts, with what it has of its own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.unit.call.call_world import bodies, mapping, routing
from vosswitch.accounts.periods import in_force
from vosswitch.call.snapshot import Snapshot
from vosswitch.model.calendar import Calendar
from vosswitch.numbers.table import NumberTable
from vosswitch.routing.gateways import RoutingGateway

NOON = 1_793_016_000_000
"""2026-10-26 12:00:00 UTC, a Monday."""
HOUR = 3_600_000


def office(**changes):
    body = {
        "name": "office", "time_zone": "UTC", "destination_time": False, "default": "none",
        "entries": [{"weekdays": ["mon"], "start": "08:00:00", "end": "18:00:00"},
                    {"start": "12:30:00", "end": "13:00:00", "working": False}],
    }  # fmt: skip
    return body | changes


def world(*periods, calendar=None, **more):
    snapshot = Snapshot().applied(
        bodies(
            calendars={"office": calendar or office()},
            routing_gateways={"r1": routing("r1", priority=4, lines=7, periods=list(periods))},
            **more,
        )
    )
    return snapshot, snapshot.gateways.gateways["r1"]


def place(snapshot, gateway, at, callee=""):
    found = in_force(gateway.periods, snapshot, at, callee)
    return found and found.place


def test_the_first_that_is_in_force_counts():
    snapshot, gateway = world(
        {"calendar": "office", "priority": 1}, {"calendar": "office", "when": "any", "priority": 2}, {"priority": 3}
    )
    assert [place(snapshot, gateway, NOON + step * HOUR) for step in (-5, 0, 7)] == [3, 1, 3]
    assert in_force(gateway.periods, snapshot, NOON).gateway.priority == 1


def test_what_a_period_does_not_have_is_the_gateways():
    _, gateway = world({"lines": None, "callee_dial_plan": "4:5"}, {"cps": 3})
    first, second = (period.gateway for period in gateway.periods)
    assert (first.lines, first.cps, first.priority, first.callee_dial_plan.text) == (None, None, 4, "4:5")
    assert (second.lines, second.cps, second.priority, bool(second.callee_dial_plan)) == (7, 3, 4, False)
    assert first.periods == ()


def test_valid_from_and_valid_to():
    snapshot, gateway = world({"valid_from": NOON, "valid_to": NOON + HOUR})
    assert [place(snapshot, gateway, NOON + step) for step in (-1, 0, HOUR - 1, HOUR)] == [None, 1, 1, None]


def test_non_working_times_are_entries_that_say_so():
    lunch = {"calendar": "office", "when": "non_working"}
    snapshot, gateway = world(
        lunch, calendar=office(entries=[{"start": "12:30:00", "end": "13:00:00", "working": False}])
    )
    half_past = NOON + HOUR // 2
    assert [place(snapshot, gateway, at) for at in (half_past - 1, half_past, NOON + HOUR, NOON + HOUR + 1000)] == [
        None, 1, 1, None,
    ]  # fmt: skip


def test_a_calendar_that_is_not_there_is_never_in_force():
    snapshot, gateway = world({"calendar": "office"})
    assert place(SimpleNamespace(calendars={}), gateway, NOON) is None
    changed = snapshot.applied({"seq": 2, "calendars": {"office": office(entries=[])}})
    assert (place(snapshot, gateway, NOON), place(changed, gateway, NOON)) == (1, None)


def test_the_time_zone_of_the_called_area():
    snapshot, gateway = world({"calendar": "office"}, calendar=office(destination_time=True))
    areas = {"43": "Austria|Europe/Vienna", "1": "New York|America/New_York", "7": "Moscow"}
    there = SimpleNamespace(calendars=snapshot.calendars, areas=NumberTable.of(areas, "area"))
    nine = NOON - 3 * HOUR
    found = {callee: place(there, gateway, nine, callee) for callee in ("431", "1212", "7495", "99", "")}
    assert found == {"431": 1, "1212": None, "7495": 1, "99": 1, "": 1}
    assert isinstance(snapshot.calendars["office"], Calendar)


def test_a_plain_gateway_has_no_periods():
    assert RoutingGateway.from_body(routing("r")).periods == ()


@pytest.mark.parametrize("kind", ["routing_gateways", "mapping_gateways"])
def test_both_kinds_of_gateways_have_them(kind):
    build = routing if kind == "routing_gateways" else mapping
    snapshot = Snapshot().applied(
        bodies(**{kind: {"g": build("g", periods=[{"lines": 2, "caller_dial_plan": "1:2"}])}})
    )
    found = snapshot.gateways.gateways["g"] if kind == "routing_gateways" else snapshot.mapping_gateways["g"]
    assert found.periods[0].gateway.caller_dial_plan.text == "1:2"
    assert (found.lines, found.periods[0].gateway.lines) == (None, 2)
