"""Money is exact, call ids never repeat."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.model.values import Address, CallIds, Level, Side, money, money_text


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_money_survives_its_text(units):
    assert money(money_text(units)) == units
    assert Decimal(money_text(units)) * 10_000_000 == units


@pytest.mark.parametrize("text", ["", "x", "1,5", "NaN", "Infinity", "0.00000001", "1e999999999"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        money(text)


@pytest.mark.parametrize(("units", "text"), [(0, "0"), (12_500_000, "1.25"), (-1, "-0.0000001"), (30_000_000, "3")])
def test_money_is_written_short(units, text):
    assert money_text(units) == text


@given(st.lists(st.integers(min_value=1_600_000_000_000, max_value=1_900_000_000_000), min_size=2, max_size=200))
def test_call_ids_rise_whatever_the_clock_does(moments):
    ids = CallIds(1023)
    made = [ids.next(moment) for moment in moments]
    assert made == sorted(set(made))
    assert all(0 < one < 2**63 for one in made)
    assert {one & 1023 for one in made} == {1023}


def test_nodes_never_make_the_same_id():
    assert CallIds(1).next(1_700_000_000_000) != CallIds(2).next(1_700_000_000_000)


@given(st.integers(min_value=0, max_value=2**42))
def test_call_ids_go_on_above_those_of_the_last_run(back):
    last = CallIds(7).next(1_700_000_000_000)
    assert CallIds(7, last).next(max(1_700_000_000_000 - back, 0)) > last


@pytest.mark.parametrize("node", [-1, 1024])
def test_a_node_id_out_of_range_is_refused(node):
    with pytest.raises(ValueError, match="0-1023"):
        CallIds(node)


def test_addresses_read_as_configured():
    assert str(Address("127.0.0.1", 5060)) == "udp:127.0.0.1:5060"
    assert str(Address("::1", 5061, "tcp")) == "tcp:[::1]:5061"


def test_levels_include_those_before():
    assert [level.rank for level in Level] == [0, 1, 2, 3]
    assert [level.code for level in Level] == [1, 2, 4, 5]


def test_sides_have_their_column_numbers():
    assert [side.code for side in (Side.CALLER, Side.CALLEE, Side.SERVER)] == [0, 1, 2]
    assert Side.CALLER.other is Side.CALLEE
    assert Side.SERVER.other is Side.SERVER
