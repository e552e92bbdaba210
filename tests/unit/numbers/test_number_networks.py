"""Texts by network, against asking every network in turn."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address

from hypothesis import given
from hypothesis import strategies as st

from vosswitch.numbers.files import number_table
from vosswitch.numbers.networks import NetworkTable, around, normal, span


def network(version, number, bits):
    width = 32 if version == 4 else 128
    bits = min(bits, width)
    rest = width - bits
    return normal(str((IPv4Network if version == 4 else IPv6Network)((number >> rest << rest, bits))))


SPOTS = st.integers(0, 15).map(lambda n: n * 0x11111111)
HERE = st.one_of(SPOTS, st.integers(0, 2**32 - 1))
FOUR = st.builds(network, st.just(4), HERE, st.sampled_from([0, 1, 8, 15, 24, 31, 32]))
THERE = st.one_of(SPOTS.map(lambda n: n << 96), SPOTS.map(lambda n: (0x20010DB8 << 96) + n), st.integers(0, 2**128 - 1))
SIX = st.builds(network, st.just(6), THERE, st.sampled_from([0, 1, 32, 48, 63, 64, 65, 127, 128]))


@given(st.dictionaries(st.one_of(FOUR, SIX), st.sampled_from(["AT", "US", "", "é" * 60])), st.data())
def test_the_smallest_network_around_an_address_counts(rows, data):
    table = NetworkTable.of(rows.items())
    assert len(table) == len(rows)
    edges = [(version, at) for version, begin, end in map(span, rows) for at in (begin - 1, begin, end, end + 1)]
    some = data.draw(st.lists(st.one_of(st.tuples(st.just(4), HERE), st.tuples(st.just(6), THERE)), max_size=5))
    for version, at in edges + some:
        if not 0 <= at < 1 << (32 if version == 4 else 128):
            continue
        containing = around((version, at))
        expected = next((rows[one] for one in containing if one in rows), None)
        assert table.value_of((version, at)) == expected, (version, at)
        text = str(ip_address(at.to_bytes(4 if version == 4 else 16, "big")))
        assert table.get(text) == expected
        assert (table.longest(text) is None) == (expected is None)
        assert len(containing) == (33 if version == 4 else 129)


def test_what_is_no_address_is_in_no_network():
    table = NetworkTable.of([("0.0.0.0/0", "all"), ("::/0", "all")])
    assert [table.get(text) for text in ("", "anonymous", "4312345", "+1", "1" * 64)] == [None] * 5
    assert "192.0.2.1" in table
    assert table.get("2001:db8::1") == "all"
    assert NetworkTable.of([]).get("192.0.2.1") is None


def test_a_table_whose_rows_stay_in_the_database_is_empty():
    assert len(number_table({"name": "world", "kind": "networks", "help": ""})) == 0
