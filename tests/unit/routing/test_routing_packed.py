"""A plan is kept small and read back as it was."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.model.call import Candidate
from vosswitch.routing.decision import Look, rows
from vosswitch.routing.packed import MOST_DROPPED, MOST_NAMED, MOST_REASONS, MOST_VALUED, packed, unpacked
from vosswitch.routing.plan import Plan
from vosswitch.routing.strategies import DEFAULT_ORDER

NAMES = st.text("abcdefgh-0123", min_size=1, max_size=12)
PREFIXES = st.text("0123456789", max_size=6)
FIGURES = st.none() | st.floats(0, 100)
CANDIDATES = st.builds(
    Candidate,
    NAMES,
    PREFIXES,
    st.integers(0, 3),
    st.integers(0, 10),
    st.none() | st.integers(0, 10**9),
    FIGURES,
    FIGURES,
    st.integers(0, 50),
    st.none() | st.integers(1, 50),
    st.integers(0, 10**5),
    st.integers(0, 3),
)
WHYS = st.sampled_from(["locked", "it is not registered", "prefix does not match", "lines full: 5 of 5"])
LOOKS = st.builds(
    Look, NAMES, st.none(), kept=st.just(value=False), why=WHYS, priority=st.none(), weight=st.none(), price=st.none()
)


@st.composite
def plans(draw):
    candidates = tuple(draw(st.lists(CANDIDATES, max_size=MOST_VALUED, unique_by=lambda one: one.gateway)))
    free = draw(st.integers(0, len(candidates)))
    last = {one.gateway: "put aside" for one in candidates[:free] if draw(st.booleans())}
    dropped = tuple(draw(st.lists(LOOKS, max_size=MOST_DROPPED)))
    strategies = draw(st.sampled_from([DEFAULT_ORDER, ("asr", *DEFAULT_ORDER)]))
    return Plan(candidates, free, dropped, strategies, ("gone",), draw(st.none() | st.integers(0, 10**9)), last)


def through_json(plan):
    return unpacked(orjson.loads(orjson.dumps(packed(plan))))


@given(plans())
def test_what_was_kept_is_read_back(plan):
    """Every look and every value, within the bounds; dropped gateways stand together by reason."""
    back = through_json(plan)
    count = len(plan.candidates)
    expected = rows(plan.looks[:count], None)
    shown = [{name: row[name] for name in Look._fields} for row in back["gateways"][:count]]
    assert shown == [{name: row[name] for name in Look._fields} for row in expected]
    for row, one in zip(back["gateways"], plan.candidates, strict=False):
        assert (row["lines"], row["line_limit"], row["calls_today"]) == (one.lines, one.line_limit, one.calls_today)
        assert (row["asr"], row["acd"]) == (one.asr, one.acd)
        if plan.sell is not None and one.price is not None:
            assert row["margin"] == plan.sell - one.price
    assert sorted((row["gateway"], row["why"]) for row in back["gateways"][count:]) == sorted(
        (look.gateway, look.why) for look in plan.dropped
    )
    assert (back["strategies"], back["missing"]) == (list(plan.strategies), ["gone"])
    assert (back["more"], back["left_out"]) == (0, {})


def test_more_than_the_bounds_is_counted():
    candidates = tuple(Candidate(f"g{n:03}", "43", n, 1) for n in range(60))
    dropped = tuple(Look(f"d{n}", "43", kept=False, why="locked", priority=0, weight=1) for n in range(500))
    kept = through_json(Plan(candidates, 60, dropped, DEFAULT_ORDER, (), None))
    named = [row["gateway"] for row in kept["gateways"]]
    assert named[: MOST_VALUED + MOST_NAMED] == [one.gateway for one in candidates[: MOST_VALUED + MOST_NAMED]]
    assert (kept["more"], kept["left_out"]) == (60 - MOST_VALUED - MOST_NAMED, {"locked": 500 - MOST_DROPPED})


def test_reasons_with_figures_of_their_own_are_bounded_too():
    dropped = tuple(
        Look(f"d{n}", "43", kept=False, why=f"lines full: {n} of {n}", priority=0, weight=1) for n in range(300)
    )
    kept = packed(Plan((), 0, dropped, DEFAULT_ORDER, (), None))
    assert len(kept["d"]) <= MOST_REASONS + 1
    assert sum(count for count, *_ in kept["d"].values()) == 300


def test_values_of_another_version_are_passed_over():
    kept = {"g": [["a", "43", 7]], "v": ["moon"], "e": {"tide": 3}}
    assert [row["gateway"] for row in unpacked(kept)["gateways"]] == ["a"]
