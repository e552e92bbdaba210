"""Failed passwords: who is suspended, who is not, and that nobody can push anybody out of the tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.model.source import plain_host, source_key
from vosswitch.sip.gate import suspension
from vosswitch.sip.gate.suspension import LEAST_NAMES, Suspensions


def fail(table, source, name, times=1, now=0.0, most=3):
    return [table.failed(source, name, now, most, 180.0) for _ in range(times)]


def test_a_name_is_suspended_at_the_source_where_it_failed():
    table = Suspensions()
    assert fail(table, "a", "1001", 3) == ["", "", "user"]
    assert table.suspended("a", "1001", 179.9)
    assert not table.suspended("a", "1002", 0)
    assert not table.suspended("b", "1001", 0)
    assert not table.suspended("a", "1001", 180)


def test_many_failing_names_suspend_the_source():
    table = Suspensions()
    assert [fail(table, "a", f"n{number}", most=5)[0] for number in range(5)] == ["", "", "", "", "source"]
    assert table.suspended("a", "anybody", 1)
    assert not table.suspended("b", "n1", 1)


def test_one_wrong_name_never_suspends_its_neighbours():
    table = Suspensions()
    fail(table, "a", "1001", 100, most=1)
    assert table.suspended("a", "1001", 0)
    assert not table.suspended("a", "1002", 0)
    assert LEAST_NAMES > 1


def test_success_and_time_wipe_out_failures():
    table = Suspensions()
    fail(table, "a", "1001", 2)
    table.proved("a", "1001")
    assert len(table) == 0
    assert fail(table, "a", "1001", 2) == ["", ""]
    assert fail(table, "a", "1001", 2, now=181) == ["", ""]
    assert fail(table, "a", "1001", 1, now=182) == ["user"]


def test_zero_means_never():
    assert fail(Suspensions(), "a", "1001", 50, most=0) == [""] * 50


def test_a_flood_of_counted_sources_displaces_no_suspension(monkeypatch):
    monkeypatch.setattr(suspension, "SOURCES", 10)
    table = Suspensions()
    fail(table, "bad", "1001", 3)
    for number in range(100):
        fail(table, f"s{number}", "x")
    assert table.suspended("bad", "1001", 0)
    assert len(table) <= 20


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.text(max_size=3), st.floats(0, 20)), max_size=300))
def test_the_tables_are_bounded_whatever_comes(failures):
    table = Suspensions()
    now = 0.0
    for source, name, later in failures:
        now += later
        table.failed(source, name, now, 100, 180.0)
    assert len(table._counted) <= 4
    assert all(len(found.names) <= suspension.NAMES for found in table._counted.values())


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9%eth0", "2001:db8:1:2::/64"),
        ("gateway.example", "gateway.example"),
    ],
)
def test_what_counts_as_one_source(host, key):
    assert source_key(host) == key
    assert plain_host("::ffff:192.0.2.1") == "192.0.2.1"
