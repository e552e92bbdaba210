"""Fees: the published cases, exactness against Decimal arithmetic, monotony and the funded length."""

import csv
from decimal import Decimal
from fractions import Fraction
from math import floor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from vosswitch.billing.meter import Meter
from vosswitch.billing.modes import BUILT_IN
from vosswitch.hooks.interfaces import IBillingMode
from vosswitch.model.rating import NOTHING, Terms, hold_seconds, longest_funded
from vosswitch.model.values import UNITS, money

MODES = {mode.name: mode for mode in BUILT_IN}
CASES = list(
    csv.DictReader((Path(__file__).parents[2] / "data" / "billing_cases.csv").read_text(encoding="utf-8").splitlines())
)


def amounts(most="50", places=7):
    return st.decimals(0, most, places=places, allow_nan=False).map(lambda d: f"{d:f}")


def sections():
    """Up to three tiers by charged length."""
    prices = st.dictionaries(st.integers(1, 3000), amounts("9", 3), max_size=3)
    return prices.map(lambda found: ",".join(f"{begin}:{found[begin]}" for begin in sorted(found)))


EXCHANGES = st.sampled_from(["1", "1", "1.0845", "25/27", "0.0001"])


def further():
    """The terms that few rates have; mostly some of them are left out."""
    amount = st.one_of(st.just("0"), amounts("2", 5))
    return st.fixed_dictionaries(
        {},
        optional={"attempt_fee": amount, "minimum": amount, "sections": sections(), "exchange": EXCHANGES},
    )


@st.composite
def some_terms(draw):
    precision = draw(st.integers(0, 7))
    return Terms(
        draw(amounts(places=9)),
        draw(st.integers(0, 90)),
        draw(st.integers(1, 90)),
        draw(st.one_of(st.just("0"), amounts("3"))),
        draw(st.one_of(st.just("0"), amounts("100", 2))),
        draw(st.integers(0, 20)),
        draw(st.integers(0, 999)),
        precision,
        f"{Decimal(draw(st.integers(0, 500))).scaleb(-precision):f}",
        **draw(further()),
    )


lengths = st.integers(0, 4_000_000)


@pytest.mark.parametrize("row", CASES, ids=lambda row: f"{row['case']}-{row['raw_seconds']}-{row['fee_unit']}")
def test_published_case(row):
    terms = Terms(
        row["rate_per_minute"],
        int(row["increment_first"]),
        int(row["increment_next"]),
        row["connect_fee"],
        row["tax_percent"],
        int(row["free_time"]),
        int(row["hold_precision_ms"]),
        int(row["fee_precision"]),
        row["fee_unit"],
    )
    fee = MODES["increment"].fee(int(Decimal(row["raw_seconds"]) * 1000), terms)
    assert fee.billed_seconds == int(row["expected_seconds"])
    assert fee.fee == money(row["expected_fee"])
    assert fee.tax == money(row["expected_tax"])
    assert fee.net == fee.fee - fee.tax


@pytest.mark.parametrize("mode", BUILT_IN, ids=lambda mode: mode.name)
def test_built_in_mode_provides_the_interface(mode):
    assert verifyObject(IBillingMode, mode)


@pytest.mark.parametrize("precision", [0, 1, 50, 500, 999])
@pytest.mark.parametrize("ms", [0, 1, 49, 50, 499, 500, 999, 1000, 1001, 21_049, 21_050])
def test_whole_seconds_are_the_same_in_records_and_in_fees(ms, precision):
    terms = Terms("1", hold_precision=precision)
    assert MODES["per_second"].billed_seconds(ms, terms) == hold_seconds(ms, precision)


def by_the_book(terms, seconds):
    """The net price in currency of some charged seconds, second by second where there are sections."""
    minutes = Fraction(0)
    tiers = [(0, Fraction(terms.per_minute))]
    tiers += [
        (int(begin), Fraction(price))
        for begin, _, price in (x.partition(":") for x in terms.sections.split(","))
        if begin
    ]
    for place, (begin, price) in enumerate(tiers):
        end = tiers[place + 1][0] if place + 1 < len(tiers) else seconds
        minutes += max(min(end, seconds) - begin, 0) * price / 60
    spoken = max(Fraction(terms.connect_fee) + minutes, Fraction(terms.minimum)) if seconds else Fraction(0)
    return (Fraction(terms.attempt_fee) + spoken) * Fraction(terms.exchange)


def half_up(amount, terms):
    step = max(Fraction(terms.fee_unit), Fraction(1, 10**terms.fee_precision))
    return int((floor(amount / step + Fraction(1, 2)) or (1 if amount else 0)) * step * UNITS)


@given(some_terms(), lengths)
def test_fee_equals_exact_arithmetic(terms, ms):
    fee = MODES["increment"].fee(ms, terms)
    net = by_the_book(terms, fee.billed_seconds)
    assert fee.net == half_up(net, terms)
    assert fee.fee == half_up(net * (100 + Fraction(terms.tax)) / 100, terms)
    assert fee.tax == fee.fee - fee.net >= 0


@given(some_terms(), st.integers(0, 100_000), st.integers(0, 3_000_000_000))
def test_affordable_is_the_inverse_of_fee(terms, seconds, amount):
    assert terms.fee(seconds).fee <= terms.fee(seconds + 1).fee
    most = terms.affordable(amount)
    if most is None:
        assert terms.fee(10**9).fee <= amount
    elif most:
        assert terms.fee(most).fee <= amount < terms.fee(most + 1).fee
    else:
        assert terms.fee(1).fee > amount


@given(mode=st.sampled_from(BUILT_IN), terms=some_terms(), one=lengths, other=lengths)
def test_fee_never_falls_with_the_length(mode, terms, one, other):
    short, long = sorted((one, other))
    assert mode.fee(short, terms).fee <= mode.fee(long, terms).fee
    assert mode.billed_seconds(long, terms) == mode.fee(long, terms).billed_seconds or mode.name in ("free", "flat")


@given(mode=st.sampled_from(BUILT_IN), terms=some_terms(), amount=st.integers(0, 300_000_000))
def test_funded_until_is_the_longest_length_that_the_money_covers(mode, terms, amount):
    funded = mode.funded_until(amount, terms)
    if funded is None:
        assert mode.fee(30_000_000_000, terms).fee <= amount
    elif mode.fee(0, terms).fee > amount:
        assert funded == 0
    else:
        assert mode.fee(funded, terms).fee <= amount < mode.fee(funded + 1, terms).fee


@given(some_terms(), st.integers(0, 300_000_000))
def test_search_agrees_with_the_closed_form(terms, amount):
    mode = MODES["increment"]
    assert (
        max(longest_funded(lambda ms: mode.fee(ms, terms).fee, amount) or 0, 0) == mode.funded_until(amount, terms)
        or mode.fee(366 * 86_400_000, terms).fee <= amount
        or (mode.funded_until(amount, terms) or 0) >= 366 * 86_400_000
    )


def test_modes_differ_in_their_increments():
    terms = Terms("0.60", 30, 6)
    seconds = {name: MODES[name].billed_seconds(31_000, terms) for name in MODES}
    assert seconds == {"increment": 36, "per_second": 31, "per_minute": 60, "block": 36, "flat": 31, "free": 0}
    assert MODES["block"].billed_seconds(7_000, terms) == 12


def test_flat_charges_the_connection_fee_once():
    terms = Terms("9", connect_fee="0.05", tax="10", free_time=3)
    assert MODES["flat"].fee(3_000, terms).fee == 0
    assert MODES["flat"].fee(4_000, terms) == (550_000, 50_000, 1, 500_000)
    assert MODES["flat"].fee(4_000_000, terms).fee == 550_000
    assert MODES["flat"].funded_until(549_999, terms) == 3_049
    assert MODES["flat"].funded_until(550_000, terms) is None


@given(some_terms())
def test_terms_survive_json(terms):
    again = Terms.from_data(terms.to_data())
    assert again == terms
    assert again.fee(61) == terms.fee(61)


@pytest.mark.parametrize(
    "fields",
    [
        {"per_minute": "abc"},
        {"per_minute": "NaN"},
        {"per_minute": "-1"},
        {"per_minute": "1", "next": 0},
        {"per_minute": "1", "fee_precision": 2, "fee_unit": "0.001"},
        {"per_minute": "1", "fee_precision": 8},
        {"per_minute": "1", "tax": "x"},
        {"per_minute": "1", "attempt_fee": "-1"},
        {"per_minute": "1", "minimum": "x"},
        {"per_minute": "1", "sections": "60"},
        {"per_minute": "1", "sections": "60:x"},
        {"per_minute": "1", "sections": "0:1"},
        {"per_minute": "1", "sections": "-5:1"},
        {"per_minute": "1", "sections": "60:1,60:2"},
        {"per_minute": "1", "sections": "60:1,,90:2"},
        {"per_minute": "1", "sections": ",".join(f"{n}:1" for n in range(1, 19))},
        {"per_minute": "1", "exchange": "0"},
        {"per_minute": "1", "exchange": "-1"},
        {"per_minute": "1", "exchange": "1/0"},
        {"per_minute": "1", "exchange": "x"},
    ],
)
def test_unusable_terms_are_refused(fields):
    with pytest.raises(ValueError, match="expected"):
        Terms(**fields)


FURTHER_CASES = [
    # terms, raw seconds, billed seconds, fee, tax
    ("attempt fee of an answered call", {"attempt_fee": "0.02"}, "30", 30, "0.32", "0"),
    ("attempt fee within the free time", {"attempt_fee": "0.02", "free_time": 6}, "5", 0, "0.02", "0"),
    ("attempt fee with tax, rounded once", {"attempt_fee": "0.00005", "tax": "10"}, "1", 1, "0.0111", "0.001"),
    ("attempt fee is never rounded to nothing", {"attempt_fee": "0.00001", "free_time": 9}, "1", 0, "0.0001", "0"),
    ("minimum of a short call", {"minimum": "0.25"}, "7", 7, "0.25", "0"),
    ("minimum is reached exactly", {"minimum": "0.25"}, "25", 25, "0.25", "0"),
    ("minimum of a longer call", {"minimum": "0.25"}, "26", 26, "0.26", "0"),
    ("minimum counts the connection fee", {"minimum": "0.25", "connect_fee": "0.2"}, "6", 6, "0.26", "0"),
    ("minimum does not count the attempt fee", {"minimum": "0.25", "attempt_fee": "0.02"}, "7", 7, "0.27", "0"),
    ("no minimum within the free time", {"minimum": "0.25", "free_time": 6}, "6", 0, "0", "0"),
    ("minimum with tax", {"minimum": "0.25", "tax": "20"}, "7", 7, "0.3", "0.05"),
    ("first section", {"sections": "60:0.3,120:0.06"}, "60", 60, "0.6", "0"),
    ("second section", {"sections": "60:0.3,120:0.06"}, "61", 61, "0.605", "0"),
    ("third section", {"sections": "60:0.3,120:0.06"}, "150", 150, "0.93", "0"),
    ("dearer section", {"sections": "60:1.2"}, "90", 90, "1.2", "0"),
    ("free section", {"sections": "60:0"}, "90", 90, "0.6", "0"),
    ("sections by increments", {"sections": "60:0.3", "first": 30, "next": 30}, "61", 90, "0.75", "0"),
    ("exchange", {"exchange": "1.0845"}, "61", 61, "0.6615", "0"),
    ("exchange the other way round", {"exchange": "1/1.0845"}, "61", 61, "0.5625", "0"),
    ("all together",
     {"exchange": "0.9", "attempt_fee": "0.02", "minimum": "1", "sections": "60:0.3,120:1.2", "tax": "19"},
     "130", 130, "1.1995", "0.1915"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "raw", "seconds", "fee", "tax"),
    [case[1:] for case in FURTHER_CASES],
    ids=[case[0] for case in FURTHER_CASES],
)
def test_further_term(fields, raw, seconds, fee, tax):
    if fields.get("exchange") == "1/1.0845":
        fields = fields | {"exchange": str(1 / Fraction("1.0845"))}
    found = MODES["increment"].fee(int(raw) * 1000, Terms("0.60", **fields))
    assert (found.billed_seconds, found.fee, found.tax) == (seconds, money(fee), money(tax))


@pytest.mark.parametrize("mode", BUILT_IN, ids=lambda mode: mode.name)
def test_an_unanswered_call_costs_its_attempt_fee_unless_nothing_is_charged(mode):
    meter = Meter(mode, Terms("0.6", attempt_fee="0.02", tax="10"))
    assert meter.nothing().fee == (0 if mode.name == "free" else 220_000)
    assert meter.first_amount() >= meter.nothing().fee
    assert Meter(mode, Terms("0.6", connect_fee="1")).nothing() is NOTHING


def test_a_mode_that_charges_no_attempts_is_heeded():
    class Kind:
        name = "kind"

        def fee(self, ms, terms):
            return NOTHING

    assert Meter(Kind(), Terms("0.6", attempt_fee="0.02")).nothing() == NOTHING


def test_terms_that_few_rates_have_are_written_only_where_they_are_set():
    assert set(Terms("0.6").to_data()) == {
        "per_minute", "first", "next", "connect_fee", "tax", "free_time", "hold_precision", "fee_precision", "fee_unit",
    }  # fmt: skip
    assert Terms("0.6", minimum="0.1").to_data()["minimum"] == "0.1"


def test_flat_charges_at_least_the_minimum():
    terms = Terms("9", connect_fee="0.05", minimum="0.07", attempt_fee="0.01")
    assert MODES["flat"].fee(4_000, terms) == (800_000, 0, 4, 800_000)
    assert MODES["flat"].fee(0, terms).fee == 100_000
