"""What goes between switch and process comes out as it went in, whatever peers have written into it."""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.h323.wire import LONGEST, BadLine, LegState, Lines, pack, unpack
from vosswitch.model.call import Placement
from vosswitch.model.signals import Signal
from vosswitch.model.values import Address

TEXT = st.text(max_size=12)
LEAVES = {
    str: TEXT,
    int: st.integers(-(2**31), 2**31),
    float: st.floats(allow_nan=False, allow_infinity=False, width=32),
    bool: st.booleans(),
    bytes: st.binary(max_size=12),
    type(None): st.none(),
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type as the model's dataclasses name it."""
    if hint in LEAVES:
        return LEAVES[hint]
    origin = getattr(hint, "__origin__", None)
    if isinstance(hint, types.UnionType):
        return st.one_of(*map(values_of, get_args(hint)))
    if origin is tuple:
        inner = get_args(hint)
        if inner[-1] is Ellipsis:
            return st.lists(values_of(inner[0]), max_size=3).map(tuple)
        return st.tuples(*map(values_of, inner))
    if origin is dict:
        return st.dictionaries(TEXT, TEXT, max_size=2)
    return instances(hint)


def instances(kind: type) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    names = [item.name for item in fields(kind)] if is_dataclass(kind) else list(kind._fields)
    return st.builds(kind, **{name: values_of(hints[name]) for name in names})


ANY_SIGNAL = st.one_of(*map(instances, get_args(Signal)))


@given(ANY_SIGNAL)
def test_every_signal_comes_out_as_it_went_in(signal):
    line = pack("say", 7, signal)
    assert line.count(b"\n") == 1
    assert unpack(line) == ("say", 7, signal)


@given(instances(Placement))
def test_a_placement_comes_out_as_it_went_in(placement):
    assert unpack(pack("place", 2, placement)) == ("place", 2, placement)


@given(TEXT, instances(Address), st.integers(0, 699))
def test_what_is_known_of_a_leg_comes_out_as_it_went_in(text, remote, status):
    state = LegState(text, remote, text, status, {"protocol": "h323", "address": (remote.host, remote.port)})
    assert unpack(pack("state", 1, state)) == ("state", 1, state)


def test_half_characters_become_question_marks():
    assert unpack(pack("log", "a\ud800b")) == ("log", "a?b")


@given(st.lists(st.binary(max_size=20).map(lambda data: data.replace(b"\n", b"")), max_size=6), st.data())
def test_lines_are_cut_wherever_the_stream_is(lines, data):
    stream, found, cutter = b"".join(line + b"\n" for line in lines), [], Lines()
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += cutter.feed(stream[:size])
        stream = stream[size:]
    assert found == lines


def test_a_line_without_end_is_given_up():
    cutter = Lines()
    assert cutter.feed(b"x" * LONGEST) == []
    with pytest.raises(BadLine, match="at most"):
        cutter.feed(b"x")


@pytest.mark.parametrize(
    "line", [b"", b"7", b"[]", b"{}", b'[{"os": []}]', b'[{"Address": [1,2,3,4]}]', b"\xff", b'[{"a":1,"b":2}]']
)
def test_what_is_not_ours_is_refused(line):
    with pytest.raises(BadLine):
        unpack(line)
