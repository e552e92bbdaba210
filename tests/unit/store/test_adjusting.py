"""Rates made dearer or cheaper by a percentage."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.store.test_sheet_plan import COMING, lists, number, price_at, taken
from vosswitch.store.adjusting import Adjustment, adjusted
from vosswitch.store.generations import CannotImport

NOW = 1_800_000_000_000
DAY = 86_400_000


def rate(prefix, effective, price, sections="", periods=""):
    return (prefix, effective, "", price, 1, 1, "0.5", "0", "domestic", None, "0", "0", sections, periods)


@pytest.mark.parametrize(
    ("percent", "step", "price", "after"),
    [
        ("5", None, "0.0125", "0.013125"),
        ("5", "0.0001", "0.0125", "0.0131"),
        ("5", "0.0001", "0.0110", "0.0116"),  # half up
        ("-100", None, "0.0125", "0"),
        ("100", "0.5", "10", "20"),
    ],
)
def test_prices(percent, step, price, after):
    assert Adjustment(Decimal(percent), step and Decimal(step)).price(price) == after


def test_a_price_beyond_what_rates_may_be():
    with pytest.raises(CannotImport, match="not beyond 1000000"):
        Adjustment(Decimal(5)).price("1000000")


def test_what_is_in_force_and_what_comes_later():
    how = Adjustment(Decimal(10), prefixes=("43*", "1"))
    rows = [
        rate("1", 0, "1", "60:0.5", "night:0.2:0.3"),
        rate("12", 0, "1"),
        rate("43", 0, "1"),
        rate("43", NOW - DAY, "2"),
        rate("43", NOW + DAY, "3"),
        rate("4366", NOW + DAY, "4"),
    ]
    assert list(adjusted(rows, how, NOW)) == [
        rate("1", 0, "1.1", "60:0.55", "night:0.22:0.3"),
        rate("43", 0, "2.2"),
        rate("43", NOW + DAY, "3.3"),
        rate("4366", NOW + DAY, "4.4"),
    ]
    later = NOW + 2 * DAY
    assert list(adjusted(rows, how, NOW, later))[1:] == [rate("43", later, "3.3"), rate("4366", later, "4.4")]


@given(lists(), st.sampled_from([0, NOW, NOW + DAY]))
def test_at_every_moment_the_price_is_the_former_one_adjusted(rows, effective):
    """Also of rates that are in force again when a temporary one has ended."""
    sheet = sorted(adjusted(rows, Adjustment(Decimal(10)), NOW, effective))
    found, _, _ = taken(rows, sheet, mode="merge", effective=effective)
    for prefix in ("4", "43", "44"):
        for at in (NOW - 1, *COMING):
            was, got = [number(price_at(some, prefix, at)) for some in (rows, found)]
            factor = Decimal("1.1") if at >= max(effective, NOW) else 1
            assert got == (None if was is None else was * factor), (prefix, at)
