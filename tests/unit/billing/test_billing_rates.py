"""Price lists: the longest prefix with a rate in force, in memory, in a compiled file, and both together."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosswitch.billing.extra import Extra
from vosswitch.billing.files import compile_rates, open_rate_file, open_rates, verify_rates
from vosswitch.billing.ratefile import BadRateFile, RateFile
from vosswitch.billing.rates import Rate, RateTable, terms
from vosswitch.model.rating import Terms
from vosswitch.model.values import UNITS
from vosswitch.params.system import Parameters

PREFIXES = st.text("01", max_size=5)
EFFECTIVE = st.integers(0, 3)
NUMBERS = st.text("01", max_size=7)


def row(prefix, effective=0, price="1"):
    return [prefix, effective, price, 1, 1, "0", "0", "domestic"]


rows_of = st.lists(st.tuples(PREFIXES, EFFECTIVE, st.integers(0, 99)), max_size=25)
changes_of = st.lists(st.tuples(PREFIXES, st.one_of(st.none(), EFFECTIVE), st.integers(0, 99)), max_size=25)


def as_rows(items):
    return [[p, None] if e is None else row(p, e, str(price)) for p, e, price in items]


def apply_naively(table, rows):
    for one in rows:
        if one[1] is None:
            table.pop(one[0], None)
        else:
            table.setdefault(one[0], {})[one[1]] = Rate(*one)


def naive(table, number, at):
    for length in range(len(number), -1, -1):
        usable = [effective for effective in table.get(number[:length], ()) if effective <= at]
        if usable:
            return table[number[:length]][max(usable)]
    return None


def price_of(table, number, at):
    return table.price(table.heads(number), at)


def expected_units(rate):
    return None if rate is None else int(rate.per_minute) * UNITS


@given(changes_of, changes_of, NUMBERS, EFFECTIVE)
def test_overlay_equals_naive_longest_match(first, second, number, at):
    table = defaultdict(dict)
    apply_naively(table, as_rows(first))
    before = RateTable.build(as_rows(first))
    expected_before = naive(table, number, at)
    after = before.with_changes(as_rows(second))
    apply_naively(table, as_rows(second))
    assert after.lookup(number, at) == naive(table, number, at)
    assert before.lookup(number, at) == expected_before
    assert price_of(before, number, at) == expected_units(expected_before)
    assert price_of(after, number, at) == expected_units(naive(table, number, at))


@settings(deadline=None, max_examples=60)
@given(rows_of, changes_of, st.lists(NUMBERS, min_size=1, max_size=8), EFFECTIVE)
def test_file_with_overlay_equals_naive_longest_match(tmp_path_factory, rows, changes, numbers, at):
    path = str(tmp_path_factory.mktemp("rates") / "g.rates")
    table = {}
    apply_naively(table, as_rows(rows))
    count = compile_rates(sorted(rate for group in table.values() for rate in group.values()), path)
    assert count == verify_rates(path) == len(open_rates(path))
    plain = open_rates(path)
    changed = plain.with_changes(as_rows(changes))
    for number in numbers:
        assert plain.lookup(number, at) == naive(table, number, at)
    apply_naively(table, as_rows(changes))
    for number in numbers:
        assert changed.lookup(number, at) == naive(table, number, at)
        assert price_of(changed, number, at) == expected_units(naive(table, number, at))


def test_no_change_makes_no_other_list():
    before = RateTable.build([row("4420"), row("8610")])
    assert before.with_changes([row("44207")]) is not before
    assert before.with_changes([]) is before


def test_rate_to_come_leaves_the_number_to_the_shorter_prefix():
    table = RateTable.build([row("44", 0, "1"), row("4420", 500, "2")])
    assert table.lookup("442071", 499).per_minute == "1"
    assert table.lookup("442071", 500).per_minute == "2"


def test_tombstone_hides_every_row_of_the_file_and_new_rows_stand(tmp_path):
    path = str(tmp_path / "g.rates")
    compile_rates([row("44", 0, "1"), row("4420", 0, "2"), row("4420", 5, "3")], path)
    table = open_rates(path).with_changes([["4420", None]])
    assert table.lookup("44201", 9).prefix == "44"
    assert table.with_changes([row("4420", 7, "4")]).lookup("44201", 6).prefix == "44"
    assert table.with_changes([row("4420", 7, "4")]).lookup("44201", 7).per_minute == "4"


def test_prefixes_that_are_no_digits_are_kept_beside_the_index(tmp_path):
    path = str(tmp_path / "g.rates")
    rows = sorted([row("#31"), row("+1"), row("12345678901234567"), row("1234567890123456"), row("٣٤"), row("9")])
    assert compile_rates(rows, path) == 6
    table = open_rates(path)
    assert table.lookup("#3155", 0).prefix == "#31"
    assert table.lookup("+1555", 0).prefix == "+1"
    assert table.lookup("123456789012345678", 0).prefix == "12345678901234567"
    assert table.lookup("1234567890123456", 0).prefix == "1234567890123456"
    assert table.lookup("٣٤5", 0).prefix == "٣٤"
    assert table.lookup("9abc", 0).prefix == "9"
    assert table.lookup("abc", 0) is None
    assert table.lookup("", 0) is None


def test_unsorted_or_double_rows_are_refused_and_leave_nothing(tmp_path):
    path = tmp_path / "g.rates"
    for rows in ([row("2"), row("1")], [row("1", 5), row("1", 5)], [row("1", 5), row("1", 4)]):
        with pytest.raises(ValueError, match="not ascending"):
            compile_rates(rows, str(path))
    assert list(tmp_path.iterdir()) == []


def test_damage_is_named(tmp_path):
    path = tmp_path / "g.rates"
    compile_rates([row(f"{n:03d}", 0, str(n)) for n in range(1000)], str(path))
    good = path.read_bytes()
    for bad, words in (
        (good[:-1], "cut off"),
        (good[:100], "not a compiled rate file"),
        (b"x" + good[1:], "not a compiled rate file"),
        (good[:20] + b"\xff" + good[21:], "damaged"),
        (good[:8] + b"\x09" + good[9:], "another version"),
        (b"", "cannot be opened"),
    ):
        path.write_bytes(bad)
        with pytest.raises(BadRateFile, match=words):
            open_rates(str(path))
    path.write_bytes(good[:2000] + b"\xff" + good[2001:])
    with pytest.raises(BadRateFile, match="keys is damaged"):
        verify_rates(str(path))
    with pytest.raises(BadRateFile, match="cannot be opened"):
        open_rates(str(tmp_path / "missing"))


@settings(max_examples=200)
@given(st.integers(256, 5000), st.binary(min_size=1, max_size=8), st.text("0123456789", max_size=6))
def test_lookup_in_a_damaged_file_ends_in_a_rate_or_a_clear_error(good_file, place, junk, number):
    place %= len(good_file) - len(junk)
    found = RateFile(good_file[: max(place, 256)] + junk + good_file[max(place, 256) + len(junk) :], "g")
    try:
        found.lookup(number, 0)
        found.groups(number)
    except BadRateFile:
        pass


@pytest.fixture(scope="session")
def good_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "g.rates"
    compile_rates(sorted([row(str(n)) for n in range(60)] + [row(str(n), 7) for n in range(60)]), str(path))
    return path.read_bytes()


def test_reopened_mapping_outlives_its_replacement(tmp_path):
    path = str(tmp_path / "g.rates")
    compile_rates([row("1", 0, "1")], path)
    old = open_rates(path)
    compile_rates([row("1", 0, "2")], path)
    assert old.lookup("12", 0).per_minute == "1"
    assert open_rate_file(path).lookup("12", 0).per_minute == "2"


def test_terms_take_the_parameters_in_force():
    parameters = Parameters({"SERVER_BILLING_FREE_TIME": "6", "SERVER_BILLING_FEE_UNIT": "0.005"})
    assert terms(Rate(*row("44", 0, "0.6")), parameters) == Terms("0.6", 1, 1, "0", "0", 6, 50, 4, "0.005")


def test_rates_compare_in_units_and_carry_their_level():
    rate = Rate("44", 0, "0.01234565", 1, 1, "0", "0", "international")
    assert rate.per_minute_units == 123_457
    assert rate.level_code == 5


# ---- further terms

EXTRAS = st.one_of(st.none(), st.one_of(st.none(), EFFECTIVE).map(lambda until: [until, "2", "0", "", "day:1"]))
extra_rows = st.dictionaries(st.tuples(PREFIXES, EFFECTIVE), EXTRAS, max_size=20)


def further(rows):
    return [[*row(prefix, effective), *([extra] if extra else [])] for (prefix, effective), extra in rows.items()]


def naive_until(rows, number, at):
    for length in range(len(number), -1, -1):
        usable = [
            effective
            for (prefix, effective), extra in rows.items()
            if prefix == number[:length] and effective <= at and not (extra and extra[0] is not None and extra[0] <= at)
        ]
        if usable:
            return number[:length], max(usable), rows[number[:length], max(usable)]
    return None


def found_in(table, number, at):
    rate = table.lookup(number, at)
    return None if rate is None else (rate.prefix, rate.effective_ms, list(rate.extra) if rate.extra else None)


@settings(deadline=None, max_examples=80)
@given(extra_rows, extra_rows, st.lists(NUMBERS, min_size=1, max_size=8), EFFECTIVE)
def test_rates_that_have_ended_give_way_in_memory_and_in_files(tmp_path_factory, rows, changed, numbers, at):
    path = str(tmp_path_factory.mktemp("rates") / "g.rates")
    compile_rates(sorted(further(rows), key=lambda one: one[:2]), path)
    memory, filed = RateTable.build(further(rows)), open_rates(path)
    both = open_rates(path).with_changes(further(changed))
    for number in numbers:
        expected = naive_until(rows, number, at)
        assert found_in(memory, number, at) == found_in(filed, number, at) == expected
        assert found_in(both, number, at) == naive_until({**rows, **changed}, number, at)
        assert price_of(memory, number, at) == (None if expected is None else UNITS)


def test_long_terms_and_plain_ones_share_a_file(tmp_path):
    path = str(tmp_path / "g.rates")
    periods = ",".join(f"{'ü' * 20}{n}:0.{'1' * 18}" for n in range(8))
    sections = ",".join(f"{n}:0.{'3' * 10}" for n in range(1, 17))
    rows = [row("43"), [*row("44"), [7, "0.1", "0.2", sections, periods]], row("45", price="3")]
    compile_rates(rows, path)
    table = open_rates(path)
    assert verify_rates(path) == 3
    assert table.lookup("441", 6) == Rate(*row("44"), Extra(7, "0.1", "0.2", sections, periods))
    assert table.lookup("451", 6) == Rate(*row("45", price="3"))
    assert table.lookup("441", 7) is None


def test_plain_rates_take_no_more_room_in_a_file(tmp_path):
    plain, other = tmp_path / "plain", tmp_path / "other"
    compile_rates([row("1"), row("2")], str(plain))
    compile_rates([row("1"), [*row("2"), [None, "0.1", "0", "", ""]]], str(other))
    assert plain.read_bytes().count(b"1|1|1|0|0|domestic") == 1
    assert other.read_bytes().count(b"1|1|1|0|0|domestic") == 2


def test_terms_have_what_is_further_and_the_exchange_rate():
    found = terms(Rate(*row("1"), Extra(None, "0.1", "0.2", "60:3", "x:1")), Parameters({}), "11/10")
    assert found == Terms("1", attempt_fee="0.1", minimum="0.2", sections="60:3", exchange="11/10")
    assert terms(Rate(*row("1")), Parameters({})) == Terms("1")


def test_a_list_in_another_currency_keeps_it_over_changes():
    table = RateTable.build([row("1")]).in_currency("USD")
    assert (table.plain, table.with_changes([row("2")]).currency) == (False, "USD")
    assert table.in_currency("USD") is table
    assert price_of(table, "1", 0) == UNITS
