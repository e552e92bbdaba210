"""Messages between switch and recorder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.recorder.wire import Lines, config_slices, pack, sliced

messages = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers(-(1 << 53), 1 << 53)))


@given(messages, st.integers(min_value=1, max_value=40))
def test_any_cut_of_the_stream_gives_the_same_messages(rows, size):
    data = b"".join(map(pack, rows))
    lines, found = Lines(), []
    for at in range(0, len(data), size):
        found += lines.feed(data[at : at + size])
    assert found == rows


def test_a_line_that_is_no_object_is_an_error():
    with pytest.raises(ValueError, match="expected a JSON object"):
        Lines().feed(b"[1]\n")


@given(st.dictionaries(st.text(max_size=3), st.integers(), max_size=20), st.integers(min_value=1, max_value=7))
def test_slices_hold_everything_once(accounts, size):
    parts = list(sliced(accounts, size))
    assert all(len(part) <= size for part in parts)
    assert parts
    joined = {}
    for part in parts:
        assert not joined.keys() & part.keys()
        joined |= part
    assert joined == accounts


def test_a_configuration_in_parts_is_full_once_and_says_when_it_is_whole():
    message = {
        "op": "config", "seq": 9, "full": True, "parameters": {"P": "1"}, "rate_groups": {"g": {}},
        "accounts": {str(number): {} for number in range(5)}, "mapping_gateways": {"m": None},
        "routing_gateways": {}, "phones": {},
    }  # fmt: skip
    parts = list(config_slices(message, 2))
    assert [part["full"] for part in parts] == [True] + [False] * 4
    assert [part["more"] for part in parts] == [True] * 4 + [False]
    assert {part["seq"] for part in parts} == {9}
    assert parts[0]["parameters"] == {"P": "1"}
    assert parts[0]["accounts"] == {}
    assert [list(part["accounts"]) for part in parts[1:4]] == [["0", "1"], ["2", "3"], ["4"]]
    assert parts[4]["mapping_gateways"] == {"m": None}


def test_a_configuration_without_gateways_is_one_part():
    message = {"op": "config", "seq": 9, "full": False} | {
        kind: {} for kind in ("parameters", "rate_groups", "accounts", "mapping_gateways", "routing_gateways", "phones")
    }
    assert list(config_slices(message)) == [message | {"more": False}]
