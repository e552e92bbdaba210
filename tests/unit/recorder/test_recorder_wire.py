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
        "op": "config", "seq": 9, "full": True, "accounts": {str(number): {} for number in range(5)},
        "mapping_gateways": {"m": None}, "calendars": {"c": {"days": [1, 2, 3]}}, "routing_gateways": {}, "phones": {},
        "parameters": {"P": "1"}, "rate_groups": {"g": {"overlay": [[], []]}},
    }  # fmt: skip
    parts = list(config_slices(message, 4))
    assert [part["full"] for part in parts] == [True] + [False] * 5
    assert [part["more"] for part in parts] == [True] * 5 + [False]
    assert {part["seq"] for part in parts} == {9}
    assert (parts[0]["parameters"], list(parts[0]["rate_groups"])) == ({"P": "1"}, ["g"])
    assert parts[0]["accounts"] == parts[0]["calendars"] == {}
    assert list(parts[1]["calendars"]) == ["c"]
    assert [list(part["accounts"]) for part in parts[2:5]] == [["0", "1"], ["2", "3"], ["4"]]
    assert parts[5]["mapping_gateways"] == {"m": None}


@given(
    st.fixed_dictionaries(
        {
            kind: st.dictionaries(
                st.text("abc", max_size=3), st.fixed_dictionaries({"prefixes": st.lists(st.just("4"))})
            )
            for kind in ("rate_groups", "routing_gateways", "number_groups")
        }
    ),
    st.integers(1, 60),
)
def test_the_parts_of_a_configuration_hold_everything_once_and_none_is_heavy(kinds, size):
    found = {kind: {} for kind in kinds}
    for part in config_slices({"op": "config", "seq": 1, "full": False} | kinds, size):
        entries = [(kind, name, body) for kind in kinds for name, body in part[kind].items()]
        assert len(entries) <= 1 or sum(1 + len(body["prefixes"]) for _, _, body in entries) <= size
        for kind, name, body in entries:
            assert name not in found[kind]
            found[kind][name] = body
    assert found == kinds


def test_a_configuration_without_gateways_is_one_part():
    message = {"op": "config", "seq": 9, "full": False} | {
        kind: {} for kind in ("parameters", "rate_groups", "accounts", "mapping_gateways", "routing_gateways", "phones")
    }
    assert list(config_slices(message)) == [message | {"more": False}]
