"""Pools of calling numbers: the choice, the reuse limit, what happens when all are in use."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.accounts.limits import Limit, Limits
from vosswitch.numbers.groups import NumberGroup
from vosswitch.numbers.pools import NumberPool, Turns, with_groups


def pool(*entries, **more):
    return NumberPool("p", entries, **more)


def free(_key):
    return 0


def test_every_place_has_its_number():
    many = pool("911", "098-101", "+43", "7-9")
    assert (many.size, [many.at(place) for place in range(many.size)]) == (
        9,
        ["911", "098", "099", "100", "101", "+43", "7", "8", "9"],
    )


def test_in_turn_and_a_question_keeps_the_turn():
    turns, source, three = Turns(), random.Random(1), pool("1-3", in_turn=True)
    asked = [turns.pick(three, free, source, keep_turn=True).number for _ in range(3)]
    taken = [turns.pick(three, free, source).number for _ in range(4)]
    assert (asked, taken) == (["1"] * 3, ["1", "2", "3", "1"])
    assert turns.pick(pool("1-2", in_turn=True), free, source).number == "2"


def test_at_random_every_number_comes():
    source, turns = random.Random(1), Turns()
    found = Counter(turns.pick(pool("100-109"), free, source).number for _ in range(1000))
    assert set(found) == {str(number) for number in range(100, 110)}
    assert max(found.values()) < 3 * min(found.values())


def test_a_number_in_use_is_passed_over():
    used = {"pool:p:1": 2, "pool:p:2": 1}
    picked = Turns().pick(pool("1-3", in_turn=True, reuse=2), lambda key: used.get(key, 0), random.Random(1))
    assert (picked.number, picked.bounded) == ("2", True)
    picked = Turns().pick(pool("1-3", in_turn=True, reuse=1), lambda key: used.get(key, 0), random.Random(1))
    assert picked.number == "3"


@pytest.mark.parametrize("seed", range(20))
def test_the_few_free_numbers_of_a_large_pool_are_found(seed):
    """One of a hundred is free, all of them side by side."""
    large, source = pool("10000-59999", reuse=1), random.Random(seed)
    picked = Turns().pick(large, lambda key: int(key[7:]) < 59500, source)
    assert picked is not None
    assert (int(picked.number) >= 59500, picked.bounded) == (True, True)


def test_when_all_are_in_use():
    def full(_key):
        return 1

    source = random.Random(1)
    assert Turns().pick(pool("1-3", reuse=1), full, source) is None
    assert Turns().pick(pool("1-3", reuse=1, when_full="refuse"), full, source) is None
    again = Turns().pick(pool("1-3", reuse=1, when_full="reuse"), full, source)
    assert (again.number in "123", again.bounded) == (True, False)
    assert Turns().pick(pool(when_full="reuse"), free, source) is None


def test_the_numbers_of_a_group_belong_to_it():
    groups = {"g": NumberGroup.of("g", "5", "70-79", "3*", "/8./")}
    pools = with_groups({"p": pool("1", group="g"), "q": NumberPool("q", ["2"])}, groups)
    assert (pools["p"].size, [pools["p"].at(place) for place in (0, 1, 2, 11)]) == (12, ["1", "5", "70", "79"])
    assert with_groups(pools, groups) is pools
    assert with_groups(pools, {})["p"].size == 1


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=60)


@given(STEPS, st.integers(1, 3), st.booleans(), st.sampled_from(["keep", "refuse", "reuse"]), st.integers(0, 9))
def test_counts_never_drift_and_never_pass_the_limit(steps, reuse, in_turn, when_full, seed):
    """Calls begin and end in any order: no number is in more calls than allowed, unless the pool reuses when full."""
    few = pool("10-13", reuse=reuse, in_turn=in_turn, when_full=when_full)
    limits, turns, source, held = Limits(), Turns(), random.Random(seed), []
    for begins, which in steps:
        if begins:
            picked = turns.pick(few, limits.in_use, source)
            full = all(limits.in_use(few.key(few.at(place))) >= reuse for place in range(few.size))
            assert (picked is None) == (full and when_full != "reuse")
            if picked is not None:
                limit = Limit(few.key(picked.number), reuse if picked.bounded else None)
                assert limits.take([limit], 0.0) is None
                assert picked.bounded is not full
                held.append(limit.key)
        elif held:
            limits.free([held.pop(which % len(held))])
        assert limits.view() == dict(Counter(held))
    limits.free(held)
    assert limits.view() == {}
