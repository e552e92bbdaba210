"""Limits of several nodes: their parts are the whole, never more, whatever the nodes take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.accounts.limits import Limit, Limits, Share
from vosswitch.accounts.portions import Portion, portion_of

_NODES = st.sets(st.integers(0, 1023), min_size=1, max_size=9)


@given(_NODES, st.integers(0, 10_000))
def test_the_parts_are_the_whole(nodes, most):
    parts = [portion.of(most) if (portion := portion_of(node, nodes)) else most for node in sorted(nodes)]
    assert sum(parts) == most
    assert parts == sorted(parts, reverse=True)  # the lowest numbers have what is left over
    assert max(parts) - min(parts) <= 1


@given(_NODES, st.integers(1, 60), st.integers(1, 6), st.integers(0, 10))
def test_reserved_lines_of_all_members_fit_into_the_part(nodes, lines, members, reserved):
    if reserved * members > lines:
        return
    whole = Limit("mapping_group:g", lines, None, Share("own", ("own",) * members, reserved))
    parts = [(portion_of(node, nodes) or Portion(1, 0)).limit(whole) for node in nodes]
    assert all(mine.share.reserved * members <= mine.lines for mine in parts)
    assert reserved - len(nodes) < sum(mine.share.reserved for mine in parts) <= reserved


def test_a_reserved_line_goes_to_a_node_that_has_lines_enough():
    whole = Limit("routing_group:g", 3, None, Share("own", ("own", "other"), 1))
    assert [Portion(2, rank).limit(whole)[1::2] for rank in (0, 1)] == [
        (2, Share("own", ("own", "other"), 1)),
        (1, Share("own", ("own", "other"), 0)),
    ]


def test_who_is_alone_has_everything():
    assert portion_of(3, [3]) is None
    assert portion_of(3, []) is None
    assert portion_of(3, [7]) == (2, 0)  # itself, though nobody has told
    assert portion_of(7, [3, 7]) == (2, 1)


@pytest.mark.parametrize("key", ["system", "phone:1001", "pool:p:4312", "emergency"])
def test_what_is_each_nodes_own_is_not_divided(key):
    assert Portion(2, 1).limit(Limit(key, 5, 5)) == Limit(key, 5, 5)


@pytest.mark.parametrize(
    "key", ["account:1", "mapping:a", "routing:a", "mapping_group:g", "routing_group:g", "destination:d\ta"]
)
def test_what_all_have_together_is(key):
    assert Portion(2, 1).limit(Limit(key, 5, 1)) == Limit(key, 2, 0)
    assert Portion(2, 0).limit(Limit(key, 5, 1)) == Limit(key, 3, 1)
    assert Portion(2, 0).limit(Limit(key)) == Limit(key)


@given(st.integers(0, 9), st.integers(0, 9), st.lists(st.integers(0, 2), max_size=60))
def test_three_nodes_admit_the_limit_together_and_say_whose_part_is_full(lines, cps, calls):
    wanted, counters = [Limit("system", 1000, 1000), Limit("account:1", lines, cps)], []
    for node in range(3):
        counters.append(Limits())
        counters[-1].portion = portion_of(node, range(3))
    told = [counters[node].take(wanted, 0.0) for node in calls]
    assert told.count(None) <= min(lines, cps)
    for node, full in enumerate(counters):
        portion = portion_of(node, range(3))
        assert full.in_use("account:1") == min(calls.count(node), portion.of(lines), portion.of(cps))
        if calls.count(node) > portion.of(lines) and portion.of(lines) <= portion.of(cps):
            words = f"lines account:1, {portion.of(lines)} of {lines} are this node's"
            assert full.full(wanted, 0.0) == full.take(wanted, 0.0) == words
        full.free(["system", "account:1"] * full.in_use("account:1"))
        assert full.view() == {}


def test_a_part_that_shrinks_while_calls_are_up_drifts_nothing():
    limits, wanted = Limits(), [Limit("routing:r", 4)]
    assert [limits.take(wanted, 0.0) for _ in range(4)] == [None] * 4
    limits.portion = portion_of(0, [0, 1])
    assert limits.take(wanted, 1.0) == "lines routing:r, 2 of 4 are this node's"
    for _ in range(3):
        limits.free(["routing:r"])
    assert limits.take(wanted, 1.0) is None
    limits.portion = None
    assert limits.take(wanted, 1.0) is None
    limits.free(["routing:r"] * 3)
    assert limits.view() == {}
