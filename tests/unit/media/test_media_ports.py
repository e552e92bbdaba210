"""Port pairs: ranges, parts and rest."""

from hypothesis import given
from hypothesis import strategies as st

from vosswitch.media.ports import QUARANTINE, PortPool, pairs, part


def unmixed(_):
    pass


def test_a_pair_is_an_even_port_and_the_next():
    assert pairs(10000, 10005) == [10000, 10002, 10004]
    assert pairs(10001, 10006) == [10002, 10004]
    assert pairs(10001, 10002) == []


@given(st.integers(1, 65535), st.integers(0, 300), st.integers(1, 9))
def test_parts_are_disjoint_and_lose_nothing(low, length, count):
    high = min(low + length, 65535)
    found = [pairs(*part(low, high, number, count)) for number in range(count)]
    assert [pair for some in found for pair in some] == pairs(low, high)
    assert max(map(len, found)) - min(map(len, found)) <= 1


def test_a_released_pair_rests():
    pool = PortPool(10, 13, unmixed)
    assert (pool.take(0), pool.take(0), pool.take(0)) == (10, 12, None)
    pool.give_back(12, 100)
    assert pool.take(100 + QUARANTINE - 0.1) is None
    assert pool.take(100 + QUARANTINE) == 12
    assert pool.used == 2


def test_a_pair_in_other_hands_is_tried_again_and_counted_until_then():
    pool = PortPool(10, 15, unmixed)
    pool.refuse(pool.take(0), 0)
    assert (pool.take(0), pool.held, pool.tried) == (12, {10}, 2)
    pool.take(0)
    assert pool.take(QUARANTINE) == 10
    assert (pool.held, pool.tried) == (set(), 3)


def test_another_range_forgets_who_was_in_other_hands():
    pool = PortPool(10, 13, unmixed)
    pool.refuse(pool.take(0), 0)
    pool.change(20, 23, unmixed)
    assert (pool.held, pool.tried) == (set(), 0)


def test_a_claimed_pair_is_not_given_out():
    pool = PortPool(10, 13, unmixed)
    pool.claim(10)
    pool.claim(98)
    assert (pool.take(0), pool.take(0)) == (12, None)
    pool.give_back(98, 0)
    assert pool.take(99) is None  # outside of the range: it does not come back


def test_another_range_keeps_what_is_in_use_and_what_rests():
    pool = PortPool(10, 13, unmixed)
    pool.take(0)
    pool.take(0)
    pool.give_back(12, 0)
    pool.change(12, 17, unmixed)
    assert (pool.take(0), pool.take(0), pool.take(0)) == (14, 16, None)
    pool.give_back(10, 0)
    assert (pool.take(9), pool.take(9)) == (12, None)


@given(st.lists(st.tuples(st.sampled_from(["take", "back"]), st.integers(0, 5)), max_size=60))
def test_no_pair_is_out_twice(steps):
    pool, out, now = PortPool(10, 25, unmixed), [], 0.0
    for what, number in steps:
        now += number
        if what == "back" and out:
            pool.give_back(out.pop(number % len(out)), now)
        elif (pair := pool.take(now)) is not None:
            assert pair not in out
            out.append(pair)
