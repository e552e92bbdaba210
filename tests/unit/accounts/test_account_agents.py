"""The tree of agents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.accounts.agents import MOST_LEVELS, BrokenChain, above, chain, is_own, tree
from vosswitch.accounts.values import Account

NUMBERS = "abcdefg"
forests = st.lists(st.integers(min_value=-1, max_value=6), min_size=7, max_size=7).map(
    lambda picks: {
        number: NUMBERS[pick] if 0 <= pick < at else None
        for at, (number, pick) in enumerate(zip(NUMBERS, picks, strict=True))
    }
)
"""Each account's agent is one before it, so there is no circle."""


@given(forests)
def test_an_account_is_an_agents_own_when_the_way_up_meets_the_agent(parents):
    for agent in NUMBERS:
        for number in NUMBERS:
            at = number
            while at is not None and at != agent:
                at = parents[at]
            assert is_own(parents, agent, number) == (at == agent)


@given(forests)
def test_a_tree_shows_each_account_once_below_its_agent(parents):
    for top in NUMBERS:
        rows = list(tree(parents, top))
        assert sorted(number for _, number in rows) == sorted(n for n in NUMBERS if is_own(parents, top, n))
        assert all(depth == above(parents, number).index(top) + 1 for depth, number in rows if number != top)
        assert rows[0] == (0, top)


@given(forests)
def test_all_trees_have_everybody_with_somebody_above_or_below(parents):
    shown = [number for _, number in tree(parents)]
    assert sorted(shown) == sorted(n for n in NUMBERS if parents[n] or n in parents.values())


def test_a_circle_ends():
    parents = {"a": "b", "b": "a", "c": None}
    assert above(parents, "a") == ["b", "a"]
    assert [number for _, number in tree(parents, "a")] == ["a", "b"]
    assert not is_own(parents, "c", "a")
    assert not is_own(parents, "a", "nobody")


def test_a_chain_is_bounded():
    line = {str(at): Account(str(at), kind="agent", agent=str(at + 1)) for at in range(MOST_LEVELS + 2)}
    with pytest.raises(BrokenChain, match="does not exist"):
        chain({"0": Account("0")}, Account("c", agent="1"))
    with pytest.raises(BrokenChain, match="more than"):
        chain(line, Account("c", agent="0"))
    last = str(MOST_LEVELS - 1)
    line[last] = Account(last, kind="agent")
    assert len(chain(line, Account("c", agent="0"))) == MOST_LEVELS
    with pytest.raises(BrokenChain, match="is no agent"):
        chain({"o": Account("o")}, Account("c", agent="o"))
