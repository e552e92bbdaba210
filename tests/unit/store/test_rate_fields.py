"""What rates and currencies are provisioned with: read, checked, written back."""

from datetime import UTC, datetime

import pytest

from vosswitch.store.currency_fields import CURRENCY, EXCHANGE_RATES
from vosswitch.store.document import explain, read_document
from vosswitch.store.fields import Deployment, Expected
from vosswitch.store.provision_schema import RATE
from vosswitch.store.rates import COLUMNS, TAKEN, taken, taken_of

DEPLOYMENT = Deployment("realm", None)


def read(name, value, table=RATE):
    try:
        return table.field(name).read(value, DEPLOYMENT)
    except Expected as error:
        return explain(error, value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("attempt_fee", "0.02", "0.02"),
        ("attempt_fee", "0.000", "0"),
        ("minimum", "x", 'expected a decimal not below zero such as "0.0125", got "x"'),
        ("sections", " 60:0.5 , 300:0.30", "60:0.5,300:0.30"),
        ("sections", "", ""),
        ("sections", 60, 'expected a text such as "60:0.5,300:0.3", got 60'),
        ("sections", "60", "expected SECONDS:PRICE such as 60:0.5, got '60'"),
        ("sections", "60:0.5,30:1", "expected more seconds than 60, got '30:1'"),
        ("sections", "60:-1", "expected a decimal not below zero such as \"0.0125\", got '-1'"),
        ("periods", "night:0.2, week end:0.3:0.05", "night:0.2,week end:0.3:0.05"),
        ("periods", "night", "expected CALENDAR:PER_MINUTE[:CONNECT_FEE], got 'night'"),
        ("periods", "night:0.2:1:2", "expected CALENDAR:PER_MINUTE[:CONNECT_FEE], got 'night:0.2:1:2'"),
        ("periods", "night:x", "expected a decimal not below zero such as \"0.0125\", got 'x'"),
        ("periods", ",".join(f"c{n}:1" for n in range(9)), "expected at most 8, got 9"),
        ("sections", ",".join(f"{n}:0.{'1' * 18}" for n in range(1, 17)), "expected at most 255 characters, got 374"),
    ],
)
def test_further_terms_are_read_and_made_canonical(name, value, expected):
    assert read(name, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("EUR", "EUR"), ("", ""), ("USDT", "USDT"),
        ("eur", 'expected a currency of 2-8 capital letters and digits such as EUR, got "eur"'),
    ],
)  # fmt: skip
def test_currencies_are_codes(value, expected):
    try:
        found = CURRENCY.read(value, DEPLOYMENT)
    except Expected as error:
        found = explain(error, value)
    assert found == expected


def value(day, rate):
    return {"from": datetime(2026, 1, day, tzinfo=UTC), "rate": rate}


def test_exchange_rates_are_sorted_and_written_back():
    item = EXCHANGE_RATES.field("values")
    found = item.read([value(2, "1.2"), value(1, "1.1")], DEPLOYMENT)
    assert [one["rate"] for one in found] == ["1.1", "1.2"]
    assert item.read(item.write(found), DEPLOYMENT) == found


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("name", "EUR", 'expected two currencies such as EUR/USD, got "EUR"'),
        ("name", "EUR/EUR", 'expected two currencies such as EUR/USD, got "EUR/EUR"'),
        ("values", [], 'expected at least one value, such as { from = 2026-01-01, rate = "1.0845" }, got []'),
        ("values", [value(1, "1"), value(1, "2")], "expected each moment once"),
        ("values", [value(1, "0.0")], 'entry 1: rate: expected a decimal above zero such as "1.0845"'),
        ("values", [{"rate": "1"}], "entry 1: from: expected, but missing"),
    ],
)
def test_exchange_rates_that_are_none_are_refused(name, given, expected):
    assert read(name, given, EXCHANGE_RATES) == expected


def test_a_rate_has_to_end_after_it_begins():
    rates = [{"prefix": "43", "per_minute": "1", "effective": "2026-02-01", "until": "2026-02-01"}]
    found = read_document({"rate_groups": [{"name": "a", "rates": rates}]}, DEPLOYMENT, "f")
    assert [problem.partition(": until")[2] for problem in found.problems] == [": expected a moment after effective"]


def test_plain_rates_go_to_the_switch_as_they_always_did():
    plain = RATE.defaults() | {"prefix": "43", "per_minute": "1"}
    assert taken_of(plain) == ["43", 0, "1", 1, 1, "0", "0", "domestic"]
    assert taken_of({name: found for name, found in plain.items() if name not in TAKEN[8:]}) == taken_of(plain)
    assert taken_of(plain | {"minimum": "2"})[8:] == [[None, "0", "2", "", ""]]
    assert list(taken(tuple(plain[name] for name in TAKEN))) == taken_of(plain)
    assert set(COLUMNS) == {field.name for field in RATE.fields}
