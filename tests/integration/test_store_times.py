"""Calendars, groups, pools and what names them, through real databases: loaded, dumped, warned of, refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.test_store_provision import load, refused
from vosswitch.store.database import Database
from vosswitch.store.dump import dump
from vosswitch.store.fields import Deployment
from vosswitch.store.secrets import Secrets

TEXT = r"""
[[calendars]]
name = "office"
time_zone = "Europe/Vienna"
entries = [{ weekdays = "mon-fri", start = "08:00", end = "18:00" }, { date = 2090-12-24, working = false }]

[[number_groups]]
name = "friends"
numbers = ["43*", "100-199", '/49\d+/']

[[number_pools]]
name = "pool"
numbers = ["4312300-4312399"]
group = "friends"
reuse = 2

[[number_tables]]
name = "mobiles"
kind = "area"

[[parameters]]
name = "VS_MOBILE_TABLE"
value = "mobiles"

[[routing_gateways]]
name = "vendor"
address = "192.0.2.1"
caller_pool = "pool"
caller_check = { lengths = ["4-12"], groups_denied = ["friends"] }
mobile_area = { area = "571" }
prefixes = ["44", { prefix = "43", calendar = "office", when = "any" }]
periods = [
    { calendar = "office", lines = "unlimited", valid_from = 2026-01-01, valid_to = 2090-01-01 },
    { calendar = "office", when = "non_working", priority = 2 },
]
"""


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment("test", Secrets(str(tmp_path / "key")))


def test_a_dump_is_what_was_loaded(database: Database, deployment: Deployment) -> None:
    assert load(database, TEXT, deployment).warnings == []
    with database.read() as connection:
        written = dump(connection, deployment)
    assert "valid_to = 2090-01-01T00:00:00.000Z" in written
    again = load(database, written, deployment)
    assert (again.differences, again.seq) == ([], None)


def test_what_is_named_cannot_be_deleted(database: Database, deployment: Deployment) -> None:
    load(database, TEXT, deployment)
    found = {
        table: refused(database, f'[[{table}]]\nname = "{name}"\ndelete = true', deployment)
        for table, name in (("calendars", "office"), ("number_groups", "friends"), ("number_pools", "pool"))
    }
    used = [problem for problems in found.values() for problem in problems]
    assert sorted(problem.partition("still ")[2] for problem in used) == [
        'used by number_pools "pool"',
        *['used by routing_gateways "vendor"'] * 4,
    ]


def test_what_can_never_be_in_force_is_warned_of(database: Database, deployment: Deployment) -> None:
    load(database, TEXT, deployment)
    closed = load(database, '[[calendars]]\nname = "office"\nentries = [{ date = 2020-01-01 }]', deployment)
    assert closed.warnings == [
        'routing_gateways "vendor": periods: entry 1: never in force: calendar office has no such times (working)',
        'routing_gateways "vendor": periods: entry 2: never in force: calendar office has no such times (non_working)',
        'routing_gateways "vendor": prefixes: entry 2: never in force: calendar office has no such times (any)',
    ]
    assert load(database, '[[accounts]]\nnumber = "1"', deployment).warnings == []
