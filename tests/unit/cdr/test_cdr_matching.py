"""Calls of two parties are paired one to one, whatever order and small differences they come with."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.cdr import matching
from vosswitch.cdr.matching import Call, Tolerance, compare, pair

TOLERANCE = Tolerance(time=5000, length=1000)


def call(ref, at, ms=10_000, callee="43", caller="1", fee=100, optional=False):
    return Call(at, caller, callee, ms, fee, ref, optional)


def compared(ours, theirs, tolerance=TOLERANCE):
    return list(compare(sorted(ours, key=lambda one: one.at), sorted(theirs, key=lambda one: one.at), tolerance))


def kinds(found):
    return sorted(
        (one.kind, one.ours.ref if one.ours else None, one.theirs.ref if one.theirs else None) for one in found
    )


NUMBERS = st.sampled_from(["43", "44", "45"])


@given(st.data())
def test_perturbed_copies_match_as_they_were_built(data):
    """Calls of the same numbers stand further apart than twice the tolerance; some are dropped on either side."""
    ours, theirs, expected = [], [], []
    clocks = dict.fromkeys(("43", "44", "45"), 1000000)
    for ref in range(data.draw(st.integers(0, 30))):
        number = data.draw(NUMBERS)
        clocks[number] += data.draw(st.integers(10_001, 60_000))
        at, ms = clocks[number], data.draw(st.integers(1, 100_000))
        fate = data.draw(st.sampled_from(["same", "length", "fee", "only ours", "only theirs"]))
        mine = call(ref, at, ms, number)
        shift = data.draw(st.integers(-5000, 5000))
        longer = data.draw(st.integers(-1000, 1000)) + (2001 if fate == "length" else 0)
        other = call(ref + 1000, at + shift, ms + longer, number, fee=100 + (fate == "fee"))
        if fate != "only theirs":
            ours.append(mine)
        if fate != "only ours":
            theirs.append(other)
        expected.append(
            {
                "same": ("matched", ref, ref + 1000), "only ours": ("missing_theirs", ref, None),
                "only theirs": ("missing_ours", None, ref + 1000),
            }.get(fate, ("different", ref, ref + 1000))
        )  # fmt: skip
    assert set(kinds(compared(ours, theirs))) == set(expected)
    assert len(compared(ours, theirs)) == len(expected)


@given(st.lists(st.integers(0, 12_000), max_size=3), st.lists(st.integers(0, 12_000), max_size=5), st.data())
def test_pairs_are_as_many_as_can_be_and_differ_least(ours, theirs, data):
    lengths = st.integers(0, 9000)
    mine = [call(at, when, data.draw(lengths)) for at, when in enumerate(ours)]
    others = [call(at, when, data.draw(lengths)) for at, when in enumerate(theirs)]
    found = pair(mine, others, 5000)
    assert len(set(found.values())) == len(found)
    assert all(abs(mine[a].at - others[b].at) <= 5000 for a, b in found.items())
    assert worth(mine, others, found) == best(mine, others)


def worth(mine, others, pairs):
    return -len(pairs), sum(matching._cost(mine[a], others[b]) for a, b in pairs.items())


def best(mine, others):
    """By trying everything."""
    places = [*range(len(others)), *[None] * len(mine)]
    return min(
        worth(mine, others, {a: b for a, b in enumerate(way) if b is not None})
        for way in set(permutations(places, len(mine)))
        if all(b is None or abs(mine[a].at - others[b].at) <= 5000 for a, b in enumerate(way))
    )


@given(st.lists(st.tuples(st.integers(0, 40_000), NUMBERS, st.integers(1, 30_000)), max_size=25), st.randoms())
def test_a_copy_matches_wholly_in_any_order(rows, chance):
    ours = [call(at, when, ms, number) for at, (when, number, ms) in enumerate(rows)]
    theirs = [one._replace(ref=one.ref + 1000) for one in ours]
    chance.shuffle(theirs)
    found = compared(ours, theirs)
    assert [one.kind for one in found] == ["matched"] * len(rows)
    assert sorted(one.ours.ref for one in found) == list(range(len(rows)))
    assert sorted(one.theirs.ref for one in found) == list(range(1000, 1000 + len(rows)))


CALLS = st.lists(st.tuples(st.integers(0, 400_000), NUMBERS), max_size=40)


@given(CALLS, CALLS)
def test_every_call_is_told_once(ours, theirs):
    mine = [call(at, when, callee=number) for at, (when, number) in enumerate(ours)]
    others = [call(at, when, callee=number) for at, (when, number) in enumerate(theirs)]
    found = compared(mine, others)
    assert sorted(one.ours.ref for one in found if one.ours) == list(range(len(mine)))
    assert sorted(one.theirs.ref for one in found if one.theirs) == list(range(len(others)))


def test_a_call_that_stands_there_twice_is_a_duplicate():
    found = compared([call(1, 0)], [call(2, 0), call(3, 500), call(4, 900, ms=60_000)])
    assert kinds(found) == [("duplicate_theirs", None, 3), ("matched", 1, 2), ("missing_ours", None, 4)]
    found = compared([call(1, 0), call(2, 100)], [call(3, 0)])
    assert kinds(found) == [("duplicate_ours", 2, None), ("matched", 1, 3)]


def test_calls_that_were_not_answered_are_missed_by_nobody_but_found_when_they_are_billed():
    quiet = call(1, 0, ms=0, fee=0, optional=True)
    assert compared([quiet], []) == []
    assert kinds(compared([quiet], [call(2, 100)])) == [("different", 1, 2)]
    assert kinds(compared([quiet, call(3, 3000)], [call(2, 100)])) == [("matched", 3, 2)]


@pytest.mark.parametrize(
    ("fee", "percent", "theirs", "difference"),
    [(0, 0, 101, 1), (1, 0, 101, 0), (0, 1, 101, 0), (0, 1, 102, 2), (5, 1, 105, 0), (5, 0, 94, -6)],
)
def test_fees_within_the_tolerance_are_the_same(fee, percent, theirs, difference):
    (found,) = compared([call(1, 0)], [call(2, 0, fee=theirs)], TOLERANCE._replace(fee=fee, percent=percent))
    assert found.fee == difference


def test_a_side_without_fees_differs_in_none():
    (found,) = compared([call(1, 0)], [call(2, 0, fee=None)])
    assert found.kind == "matched"


def test_calling_numbers_count_unless_they_may_be_others():
    ours, theirs = [call(1, 0, caller="1")], [call(2, 0, caller="2")]
    assert len(compared(ours, theirs)) == 2
    assert kinds(compared(ours, theirs, TOLERANCE._replace(callers=False))) == [("matched", 1, 2)]


@pytest.mark.parametrize("apart", [1000, 1])
def test_what_is_in_memory_is_bounded(monkeypatch, apart):
    """A number that is called without end does not gather all its calls."""
    most = 0
    told = matching._told

    def watched(cluster, *how, **more):
        nonlocal most
        most = max(most, *map(len, cluster.sides))
        return told(cluster, *how, **more)

    monkeypatch.setattr(matching, "_told", watched)
    ours = [call(at, at * apart) for at in range(500)]
    theirs = [call(at + 1000, at * apart) for at in range(500)]
    found = compared(ours, theirs)
    assert [one.kind for one in found] == ["matched"] * 500
    assert most <= matching.MOST
