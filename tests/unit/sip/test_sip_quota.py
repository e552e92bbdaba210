"""Connections and half messages are bounded by source, and one source's bound is nobody else's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vosswitch.sip.transport.quota import ALL_BYTES, MOST_FRESH, SOURCE_BYTES, Quota


def test_a_source_has_its_bound_and_others_theirs():
    quota = Quota(1000, 2)
    assert [quota.take("192.0.2.1") for _ in range(3)] == ["192.0.2.1", "192.0.2.1", ""]
    assert quota.take("192.0.2.2") == "192.0.2.2"
    assert quota.refused == 1
    quota.give_back("192.0.2.1", fresh=True)
    assert quota.take("192.0.2.1")


def test_a_network_of_ipv6_is_one_source():
    quota = Quota(1000, 2)
    assert quota.take("2001:db8::1")
    assert quota.take("2001:db8::2:3")
    assert not quota.take("2001:db8::ffff")
    assert quota.take("2001:db8:0:1::1")


def test_half_of_all_at_most():
    quota = Quota(4, 500)
    assert [bool(quota.take("192.0.2.1")) for _ in range(3)] == [True, True, False]
    assert [bool(quota.take(f"192.0.2.{n}")) for n in (2, 3, 4)] == [True, True, False]


def test_connections_that_bring_nothing_are_fewer():
    quota = Quota(10_000, 5000)
    sources = [quota.take("192.0.2.1") for _ in range(MOST_FRESH + 1)]
    assert not sources[-1]
    quota.spoken("192.0.2.1")
    assert quota.take("192.0.2.1")


def test_half_messages_are_bounded():
    quota = Quota(100_000, 100_000)
    assert quota.hold("a", SOURCE_BYTES)
    assert not quota.hold("a", 1)
    assert quota.hold("b", 1)
    quota.hold("a", -SOURCE_BYTES)
    for number in range(ALL_BYTES // SOURCE_BYTES - 1):
        assert quota.hold(f"s{number}", SOURCE_BYTES)
    assert not quota.hold("c", SOURCE_BYTES)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=200))
def test_what_is_given_back_is_forgotten(steps):
    quota = Quota(20, 5)
    open_: list[tuple[str, bool]] = []
    for host, begin in steps:
        if begin:
            source = quota.take(f"192.0.2.{host}")
            assert quota.connections <= 20
            if source:
                open_.append((source, True))
        elif open_:
            source, fresh = open_.pop()
            if host % 2 and fresh:
                quota.spoken(source)
                fresh = False
            quota.give_back(source, fresh)
    for source, fresh in open_:
        quota.give_back(source, fresh)
    assert quota.idle
