"""Headers that pass from one side to the other, and those that never do."""

from __future__ import annotations

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from tests.unit.sip.sip_world import UAC, World
from vosswitch.model.peer import PeerProfile
from vosswitch.sip.grammar.message import Response
from vosswitch.sip.identity.carried import LONGEST, MOST, MOST_CHARACTERS, NAMED, NEVER, given, passes, taken


def message(**headers):
    return Response(200, "OK", {name.replace("_", "-"): list(values) for name, values in headers.items()})


def test_both_lists_have_to_name_a_header():
    found = taken(message(x_one=["1", "2"], x_two=["3"], subject=["hi"]), ("x-one", "subject"))
    assert found == (("x-one", "1"), ("x-one", "2"), ("subject", "hi"))
    assert given(found, ("x-one",)) == ["X-One: 1", "X-One: 2"]
    assert given(found, ()) == []


@pytest.mark.parametrize("names", [("*",), tuple(sorted(NEVER))])
def test_the_protocol_and_who_calls_never_pass_as_they_are(names):
    everything = Response(200, "OK", {name: ["x"] for name in NEVER})
    assert taken(everything, names) == ()
    assert given(tuple((name, "x") for name in NEVER), names) == []


def test_security_passes_only_by_name():
    for name in NAMED:
        assert not passes(name, ("*",))
        assert passes(name, ("*", name))


def test_number_and_size_are_bounded():
    many = taken(message(x_a=["v"] * 500, x_b=["v"]), ("*",))
    assert len(many) == MOST
    assert taken(message(x_a=["v" * (LONGEST + 1)]), ("*",)) == ()
    large = taken(message(x_a=["v" * LONGEST] * 500), ("*",))
    assert sum(len(value) for _, value in large) <= MOST_CHARACTERS


@examples(st.text(max_size=40))
def test_what_passes_has_no_line_break(value):
    for line in given(taken(message(x_a=[value]), ("*",)), ("*",)):
        assert "\r" not in line
        assert "\n" not in line
        assert "\0" not in line


def test_a_call_is_offered_with_the_headers_that_its_gateway_lets_in():
    world = World()
    world.credentials.profiles[UAC[0]] = PeerProfile(headers_in=("x-account",))
    caller = world.invite(x_account="17", x_other="18")
    assert world.calls.offered[0][1].headers == (("x-account", "17"),)
    caller.request("CANCEL")
    world.close()
