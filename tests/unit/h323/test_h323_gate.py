"""What a source may have of the H.323 process, and what is remembered of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.h323.gate import Gate
from vosswitch.h323.settings import KNOWN_ROOM, STRANGER_SECONDS, STRANGERS, URGENT_CPS

SETTINGS = {
    "VS_H323_CONNECTIONS": 10,
    "VS_H323_CONNECTIONS_SOURCE": 5,
    "VS_H323_HALF_OPEN_SOURCE": 3,
    "VS_SOURCE_CPS": 2,
}


@pytest.fixture
def gate():
    return Gate(dict(SETTINGS))


def test_a_source_has_so_many_half_open_connections(gate):
    assert [bool(gate.take("192.0.2.1", 0.0)) for _ in range(5)] == [True] * 3 + [False] * 2
    assert gate.take("192.0.2.2", 0.0)
    gate.opened("192.0.2.1")
    assert gate.take("192.0.2.1", 0.0)
    assert gate.counts == {"too_many_half_open": 2}


def test_one_that_is_known_has_more_of_them_until_nobody_knows_it_any_more():
    gate = Gate({**SETTINGS, "VS_H323_CONNECTIONS": 100, "VS_H323_CONNECTIONS_SOURCE": 100})
    gate.known("192.0.2.1", 0.0)
    later = 1000.0 * STRANGER_SECONDS
    assert sum(bool(gate.take("192.0.2.1", later)) for _ in range(50)) == 3 * KNOWN_ROOM
    assert sum(bool(gate.take("192.0.2.2", later)) for _ in range(50)) == 3
    gate.stranger("192.0.2.1", later)
    assert not gate.take("192.0.2.1", later + STRANGER_SECONDS)
    assert gate.counts["too_many_half_open"] == 20 + 47 + 1


def test_emergency_calls_of_a_source_that_pass_are_bounded(gate):
    assert sum(gate.is_urgent("192.0.2.1", 5.0) for _ in range(100)) == URGENT_CPS
    assert gate.is_urgent("192.0.2.2", 5.0)
    assert gate.is_urgent("192.0.2.1", 6.0)
    assert gate.counts["urgent"] == URGENT_CPS + 2


def test_a_source_has_so_many_connections(gate):
    for _ in range(5):
        gate.opened(gate.take("192.0.2.1", 0.0))
    assert not gate.take("192.0.2.1", 0.0)
    gate.give_back("192.0.2.1", half_open=False)
    assert gate.take("192.0.2.1", 0.0)


def test_all_sources_together_have_so_many(gate):
    found = [gate.take(f"192.0.2.{number}", 0.0) for number in range(12)]
    assert sum(map(bool, found)) == 10
    assert gate.counts == {"too_many_connections": 2}


def test_an_ipv6_network_is_one_source(gate):
    assert gate.take("2001:db8::1", 0.0) == gate.take("2001:db8::2", 0.0) == "2001:db8::/64"


def test_strangers_are_refused_for_a_while_without_a_question(gate):
    gate.stranger("192.0.2.1", 10.0)
    assert not gate.take("192.0.2.1", 10.0 + STRANGER_SECONDS / 2)
    assert gate.take("192.0.2.1", 10.0 + STRANGER_SECONDS)
    gate.stranger("192.0.2.2", 10.0)
    gate.forget_strangers()
    assert gate.take("192.0.2.2", 10.0)


def test_so_many_strangers_are_remembered(gate):
    for number in range(STRANGERS + 5):
        gate.stranger(f"s{number}", 0.0)
    assert gate.take("s0", 0.0)
    assert not gate.take(f"s{STRANGERS + 4}", 0.0)


def test_setups_per_second_of_a_source(gate):
    assert [gate.may_call("a", 0.0) for _ in range(3)] == [True, True, False]
    assert gate.may_call("b", 0.0)
    assert gate.may_call("a", 0.5)
    gate.settings["VS_SOURCE_CPS"] = None
    assert all(gate.may_call("a", 0.5) for _ in range(100))


@given(st.lists(st.tuples(st.sampled_from(["take", "open", "end"]), st.integers(0, 3)), max_size=60))
def test_nothing_is_counted_once_all_are_gone(steps):
    gate = Gate(dict(SETTINGS))
    half, whole = [], []
    for what, host in steps:
        if what == "take":
            source = gate.take(f"192.0.2.{host}", 0.0)
            half += [source] if source else []
        elif what == "open" and half:
            gate.opened(half[0])
            whole.append(half.pop(0))
        elif what == "end" and whole:
            gate.give_back(whole.pop(), half_open=False)
        assert gate.connections == len(half) + len(whole)
        assert gate.half_open == len(half)
    for source in half:
        gate.give_back(source, half_open=True)
    for source in whole:
        gate.give_back(source, half_open=False)
    assert gate.idle
