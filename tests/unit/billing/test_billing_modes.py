"""Fees: the published cases, exactness against Decimal arithmetic, monotony and the funded length."""

import csv
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from vosswitch.billing.modes import BUILT_IN
from vosswitch.hooks.interfaces import IBillingMode
from vosswitch.model.rating import Terms, hold_seconds, longest_funded
from vosswitch.model.values import money

MODES = {mode.name: mode for mode in BUILT_IN}
CASES = list(
    csv.DictReader((Path(__file__).parents[2] / "data" / "billing_cases.csv").read_text(encoding="utf-8").splitlines())
)


def amounts(most="50", places=7):
    return st.decimals(0, most, places=places, allow_nan=False).map(lambda d: f"{d:f}")


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


@given(some_terms(), lengths)
def test_fee_equals_decimal_arithmetic(terms, ms):
    fee = MODES["increment"].fee(ms, terms)
    seconds = Decimal(fee.billed_seconds)
    step = max(Decimal(terms.fee_unit), Decimal(1).scaleb(-terms.fee_precision))

    def rounded(amount_times_60):
        steps = (amount_times_60 / 60 / step).quantize(Decimal(1), ROUND_HALF_UP)
        return money((steps or Decimal(1 if amount_times_60 else 0)) * step)

    net = (Decimal(terms.connect_fee) * 60 + seconds * Decimal(terms.per_minute)) if seconds else Decimal(0)
    assert fee.net == rounded(net)
    assert fee.fee == rounded(net * (100 + Decimal(terms.tax)) / 100)
    assert fee.tax == fee.fee - fee.net >= 0


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
    else:
        assert mode.fee(funded, terms).fee <= amount < mode.fee(funded + 1, terms).fee


@given(some_terms(), st.integers(0, 300_000_000))
def test_search_agrees_with_the_closed_form(terms, amount):
    mode = MODES["increment"]
    assert (
        longest_funded(lambda ms: mode.fee(ms, terms).fee, amount) == mode.funded_until(amount, terms)
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
    ],
)
def test_unusable_terms_are_refused(fields):
    with pytest.raises(ValueError, match="expected"):
        Terms(**fields)
