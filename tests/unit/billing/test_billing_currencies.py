"""Currencies: what one is in another at a moment, exactly, both ways and by way of the deployment's."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.billing.currencies import NO_CURRENCIES, Currencies, ExchangeRate


def pair(name, *values):
    body = {"name": name, "values": [{"from": begin, "rate": value} for begin, value in values]}
    return name, ExchangeRate.from_body(body)


def currencies(*pairs, own="EUR", **more):
    return Currencies(dict(pairs), own, **more)


def test_the_value_in_force_counts():
    found = currencies(pair("EUR/USD", (10, "1.1"), (20, "1.2")))
    assert [found.rate("EUR", "USD", at) for at in (9, 10, 19, 20, 99)] == [
        None, Fraction("1.1"), Fraction("1.1"), Fraction("1.2"), Fraction("1.2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("EUR", "EUR", Fraction(1)),
        ("XXX", "XXX", Fraction(1)),
        ("", "EUR", Fraction(1)),
        ("USD", "", 1 / Fraction("1.1")),
        ("EUR", "USD", Fraction("1.1")),
        ("USD", "EUR", 1 / Fraction("1.1")),
        ("GBP", "USD", Fraction("1.2") * Fraction("1.1")),
        ("USD", "GBP", 1 / (Fraction("1.2") * Fraction("1.1"))),
        ("GBP", "CHF", None),
        ("CHF", "EUR", None),
    ],
)
def test_rates_count_both_ways_and_by_way_of_the_own_currency(source, target, expected):
    found = currencies(pair("EUR/USD", (1, "1.1")), pair("GBP/EUR", (1, "1.2")), pair("CHF/JPY", (1, "150")))
    assert found.rate(source, target, 5) == expected


def test_the_rate_as_it_is_written_comes_before_its_inverse():
    found = currencies(pair("EUR/USD", (1, "2")), pair("USD/EUR", (1, "0.4")))
    assert (found.rate("EUR", "USD", 5), found.rate("USD", "EUR", 5)) == (Fraction(2), Fraction("0.4"))


def test_without_a_name_the_own_currency_is_none_of_the_others():
    found = currencies(pair("EUR/USD", (1, "2")), own="")
    assert found.rate("", "EUR", 5) is None
    assert found.rate("", "", 5) == 1
    assert found.rate("EUR", "USD", 5) == 2


@given(
    st.lists(st.tuples(st.integers(0, 50), st.decimals("0.0001", "99", places=4)), min_size=1, max_size=6),
    st.integers(0, 60),
)
def test_there_and_back_is_the_identity(values, at):
    found = currencies(pair("EUR/USD", *[(begin, f"{value:f}") for begin, value in dict(values).items()]))
    there, back = found.rate("EUR", "USD", at), found.rate("USD", "EUR", at)
    assert (there is None) == (back is None) == (at < min(begin for begin, _ in values))
    assert there is None or there * back == 1


class Group:
    def __init__(self, currency):
        self.currency = currency


@pytest.mark.parametrize(
    ("accounts", "groups", "mixed"),
    [({}, {}, False), ({"1": "EUR"}, {}, False), ({"1": "USD"}, {}, True), ({}, {"a": Group("USD")}, True),
     ({}, {"a": Group(""), "b": Group("EUR")}, False)],
)  # fmt: skip
def test_nothing_is_converted_where_all_is_in_the_own_currency(accounts, groups, mixed):
    assert currencies(accounts=accounts, groups=groups).mixed == mixed


def test_changes_are_taken_over_and_nothing_else_is_made_anew():
    groups, rates = {"a": Group("")}, dict([pair("EUR/USD", (1, "2"))])
    first = NO_CURRENCIES.after({"1": {"currency": "USD"}, "2": {"currency": ""}, "3": {}}, rates, groups, "EUR")
    assert (first.of("1"), first.of("2"), first.of("9"), first.mixed) == ("USD", "EUR", "EUR", True)
    assert first.after({"2": {"currency": ""}, "4": None}, rates, groups, "EUR") is first
    gone = first.after({"1": None}, rates, groups, "EUR")
    assert (gone.of("1"), gone.mixed) == ("EUR", False)
    assert first.after({}, rates, groups, "USD").of("9") == "USD"
