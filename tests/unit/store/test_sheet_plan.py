"""What a sheet makes of a price list, without a database."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.store.sheet_codes import BadCodes, codes_of
from vosswitch.store.sheet_plan import MODES, Rules, Totals, compared, in_force, merged

NOW = 1_800_000_000_000
DAY = 86_400_000


def rate(prefix, effective, price, until=None, connect="0", name=""):
    return (prefix, effective, name, price, 1, 1, connect, "0", "domestic", until, "0", "0", "", "")


def taken(existing, sheet, mode="full", closed=(), effective=0, **more):
    first = effective or min((row[1] for row in sheet), default=0)
    rules = Rules(mode, NOW, max(first, NOW), empty=not existing, **more)
    totals, told = Totals(), []
    rows = list(merged(sorted(existing), sorted(sheet), closed, rules, totals, told.append))
    assert totals.rows == len(rows)
    return rows, [(one.kind, one.prefix) for one in told if one.kind != "unchanged"], told


def price_at(rows, prefix, at):
    found = in_force([row for row in rows if row[0] == prefix], at)
    return None if found is None else found[3]


def test_an_empty_group_gets_the_sheet_as_it_is():
    sheet = [rate("43", 0, "1"), rate("44", NOW + DAY, "2")]
    rows, kinds, _ = taken([], sheet)
    assert rows == sheet
    assert kinds == [("new", "43"), ("new", "44")]


def test_a_rate_without_a_date_is_in_force_from_now_on_and_the_past_stays():
    rows, kinds, told = taken([rate("43", 0, "1")], [rate("43", 0, "2")], mode="merge")
    assert kinds == [("dearer", "43")]
    assert told[0].percent == Decimal(100)
    assert (price_at(rows, "43", NOW - 1), price_at(rows, "43", NOW)) == ("1", "2")


def test_a_full_sheet_ends_what_it_does_not_have():
    rows, kinds, _ = taken([rate("43", 0, "1"), rate("44", 0, "1")], [rate("43", 0, "1")])
    assert kinds == [("gone", "44")]
    assert (price_at(rows, "44", NOW - 1), price_at(rows, "44", NOW)) == ("1", None)


def test_a_full_sheet_of_a_later_date_ends_it_then():
    later = NOW + 7 * DAY
    rows, kinds, _ = taken([rate("43", 0, "1"), rate("44", 0, "1")], [rate("43", later, "0.5")])
    assert kinds == [("cheaper", "43"), ("gone", "44")]
    assert [price_at(rows, "44", at) for at in (later - 1, later)] == ["1", None]
    assert [price_at(rows, "43", at) for at in (later - 1, later)] == ["1", "0.5"]


def test_a_merge_leaves_other_codes_alone():
    rows, kinds, _ = taken([rate("43", 0, "1"), rate("44", 0, "1")], [rate("45", 0, "1")], mode="merge")
    assert kinds == [("new", "45")]
    assert rows[:2] == [rate("43", 0, "1"), rate("44", 0, "1")]


@pytest.mark.parametrize(("mode", "prices"), [("increase-only", ("2", "1")), ("decrease-only", ("1", "0.5"))])
def test_only_increases_or_decreases(mode, prices):
    old = [rate("43", 0, "1"), rate("44", 0, "1")]
    rows, kinds, _ = taken(old, [rate("43", 0, "2"), rate("44", 0, "0.5"), rate("45", 0, "1")], mode=mode)
    assert (price_at(rows, "43", NOW), price_at(rows, "44", NOW), price_at(rows, "45", NOW)) == (*prices, None)
    assert [kind for kind, _ in kinds].count("skipped") == 2


def test_a_price_that_was_to_come_is_cancelled_by_a_full_sheet():
    old = [rate("43", 0, "1"), rate("43", NOW + DAY, "3")]
    rows, kinds, _ = taken(old, [rate("43", 0, "1")])
    assert rows == old[:1]
    assert kinds == [("cancelled", "43")]
    assert taken(old, [rate("43", 0, "1")], mode="merge")[0] == old


def test_a_rate_with_an_end_does_not_bring_the_former_one_back():
    later = NOW + DAY
    rows, _, _ = taken([rate("43", 0, "1")], [rate("43", later, "2", until=later + DAY)], mode="merge")
    assert [price_at(rows, "43", at) for at in (later - 1, later, later + DAY)] == ["1", "2", None]


def test_a_price_for_some_days_falls_back_to_the_undated_one_of_the_same_sheet():
    later = NOW + DAY
    sheet = [rate("43", 0, "1"), rate("43", later, "2", until=later + DAY)]
    rows, _, _ = taken([rate("4", 0, "1")], sheet, effective=NOW)
    assert [price_at(rows, "43", at) for at in (NOW, later, later + DAY)] == ["1", "2", "1"]


def test_a_closed_code_ends():
    rows, kinds, _ = taken([rate("43", 0, "1")], [], mode="merge", closed=[("43", NOW + DAY)])
    assert [price_at(rows, "43", at) for at in (NOW, NOW + DAY)] == ["1", None]
    assert kinds == [("gone", "43")]


def test_a_sheet_that_is_older_than_what_is_in_force_is_in_force_from_now_on():
    old = [rate("43", 0, "1"), rate("43", NOW - DAY, "2")]
    rows, _, _ = taken(old, [rate("43", NOW - 2 * DAY, "3")], mode="merge")
    assert rows == [*old, rate("43", NOW, "3")]


def test_warnings():
    warned = {
        (one.prefix, *one.warnings)
        for one in taken(
            [rate(code, 0, "1") for code in ("1", "2", "3", "4")],
            [rate("1", NOW + 6 * DAY, "2"), rate("2", NOW + 7 * DAY, "2"), rate("3", 0, "0"), rate("4", 0, "0.01")],
            notice_days=7,
        )[2]
    }
    assert warned == {
        ("1", "increase with less than 7 days notice"),
        ("2",),
        ("3", "costs nothing"),
        ("4", "10 times the price, or a tenth of it"),
    }


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (rate("1", 0, "0.09"), rate("1", 5, "0.0900"), "unchanged"),
        (rate("1", 0, "1"), rate("1", 0, "1", connect="0.1"), "dearer"),
        (rate("1", 0, "1", connect="1"), rate("1", 0, "1"), "cheaper"),
        (rate("1", 0, "1"), rate("1", 0, "1", name="x"), "changed"),
        (None, rate("1", 0, "1"), "new"),
    ],
)
def test_what_a_difference_is(old, new, kind):
    assert compared(old, new) == kind


MOMENTS = st.sampled_from([0, NOW - 3 * DAY, NOW - DAY, NOW, NOW + DAY, NOW + 3 * DAY])


@st.composite
def lists(draw):
    found = {}
    for prefix, at, price, until in draw(
        st.lists(
            st.tuples(
                st.sampled_from(["4", "43", "44"]),
                MOMENTS,
                st.sampled_from(["1", "1.0", "2", "0.5"]),
                st.none() | MOMENTS,
            ),
            max_size=8,
        )
    ):
        if until is None or until > at:
            found[prefix, at] = rate(prefix, at, price, until)
    return sorted(found.values())


@given(lists(), st.sampled_from(MODES))
def test_a_list_applied_to_itself_changes_nothing(rows, mode):
    after, kinds, _ = taken(rows, rows, mode=mode)
    assert after == rows
    assert kinds == []


@given(lists(), lists())
def test_after_a_full_sheet_the_prices_are_those_of_the_sheet_and_the_past_is_as_it_was(old, sheet):
    rows, _, _ = taken(old, sheet, effective=NOW)
    assert rows == sorted(rows)
    assert len({row[:2] for row in rows}) == len(rows)
    for prefix in ("4", "43", "44"):
        first = min((row[1] for row in sheet if row[0] == prefix), default=0)
        for at in (at for at in (NOW, NOW + DAY, NOW + 3 * DAY, NOW + 9 * DAY) if at >= first):
            wanted, got = price_at(sheet, prefix, at), price_at(rows, prefix, at)
            assert (got and Decimal(got)) == (wanted and Decimal(wanted)), (prefix, at)
        dated = {row[1] for row in sheet if row[0] == prefix and 0 < row[1] < NOW}
        if old and not dated:
            was, now = price_at(old, prefix, NOW - 1), price_at(rows, prefix, NOW - 1)
            assert (was and Decimal(was)) == (now and Decimal(now))


COMING = (NOW, NOW + 1, NOW + DAY - 1, NOW + DAY, NOW + 2 * DAY, NOW + 3 * DAY, NOW + 9 * DAY)


def number(price):
    return None if price is None else Decimal(price)


def merged_price(old, sheet, prefix, at):
    """What a merge shall leave in force: of the sheet's and of those that were to come the one that begins last."""
    theirs, lines = [[row for row in rows if row[0] == prefix] for rows in (old, sheet)]
    stands = in_force(theirs, NOW)
    says = [
        row
        for row in lines
        if not old or row[9] is None or row[9] > NOW or (row[1] and stands is not None and stands[1] == row[1])
    ]
    begins = min((max(row[1], NOW) for row in says), default=None)
    if begins is None or at < begins:
        return price_at(old, prefix, at)
    found = [(max(row[1], NOW), 1, row[3]) for row in (in_force(says, at),) if row is not None]
    dates = {row[1] for row in lines}
    later = in_force([row for row in theirs if row[1] > NOW and row[1] not in dates], at)
    if later is not None:
        found.append((later[1], 0, later[3]))
    return max(found, default=(0, 0, None))[2]


@given(lists(), lists())
def test_at_every_moment_after_a_merge_the_price_is_the_sheets_or_one_that_was_to_come(old, sheet):
    rows, kinds, _ = taken(old, sheet, mode="merge")
    assert [row[:2] for row in rows] == sorted({row[:2] for row in rows})
    for prefix in ("4", "43", "44"):
        for at in COMING:
            assert number(price_at(rows, prefix, at)) == number(merged_price(old, sheet, prefix, at)), (prefix, at)
    assert (rows != old) == any(kind != "skipped" for kind, _ in kinds)  # what is told is what is written


@given(lists(), lists(), st.sampled_from([("increase-only", 1), ("decrease-only", -1)]))
def test_at_every_moment_only_what_rises_or_falls_is_taken_and_no_price_is_lost(old, sheet, mode):
    rows, kinds, _ = taken(old, sheet, mode=mode[0])
    assert [row[:2] for row in rows] == sorted({row[:2] for row in rows})
    for prefix in ("4", "43", "44"):
        known = any(row[0] == prefix and (row[9] is None or row[9] > NOW) for row in old)
        for at in COMING:
            was, got, says = [number(price_at(some, prefix, at)) for some in (old, rows, sheet)]
            if was is None:  # a new code is not taken; one that was taken may last longer than it did
                assert got is None or (known and got == says)
            else:
                assert got == (says if says is not None and (says - was) * mode[1] > 0 else was), (prefix, at)
        if old and not any(row[0] == prefix and 0 < row[1] < NOW for row in sheet):
            for at in (0, NOW - 2 * DAY, NOW - 1):
                assert number(price_at(rows, prefix, at)) == number(price_at(old, prefix, at))
    assert (rows != old) == any(kind not in ("skipped", "unchanged") for kind, _ in kinds)


def test_an_increase_for_a_day_is_over_after_the_day():
    sheet = [rate("43", 0, "2"), rate("43", NOW + DAY, "1")]
    rows, _, _ = taken([rate("43", 0, "1")], sheet, mode="increase-only")
    assert [price_at(rows, "43", at) for at in (NOW - 1, NOW, NOW + DAY)] == ["1", "2", "1"]


def test_a_merge_of_prices_that_are_over_changes_nothing():
    old = [rate("43", 0, "1")]
    rows, kinds, _ = taken(old, [rate("43", NOW - 3 * DAY, "2", until=NOW - DAY)], mode="merge")
    assert rows == old
    assert kinds == [("skipped", "43")]


def test_the_end_of_an_undated_price_does_not_bring_the_former_one_back():
    rows, _, _ = taken([rate("43", 0, "1")], [rate("43", 0, "2", until=NOW + DAY)], mode="merge")
    assert [price_at(rows, "43", at) for at in (NOW - 1, NOW, NOW + DAY)] == ["1", "2", None]


@pytest.mark.parametrize("mode", ["increase-only", "decrease-only"])
def test_a_closed_code_is_neither_dearer_nor_cheaper(mode):
    old = [rate("43", 0, "1")]
    rows, kinds, _ = taken(old, [], mode=mode, closed=[("43", NOW + DAY)])
    assert rows == old
    assert kinds == [("skipped", "43")]


def test_a_closed_code_that_has_a_price_again_later():
    sheet = [rate("43", NOW + 2 * DAY, "3")]
    for mode in ("full", "merge"):
        rows, _, _ = taken([rate("43", 0, "1")], sheet, mode=mode, closed=[("43", NOW + DAY)])
        assert [price_at(rows, "43", at) for at in (NOW, NOW + DAY, NOW + 2 * DAY)] == ["1", None, "3"], mode


@pytest.mark.parametrize(
    ("text", "country", "codes"),
    [
        ("43660", "", ["43660"]),
        ("43660, 43664-43666", "", ["43660", "43664", "43665", "43666"]),
        ("660;664 - 665", "43", ["43660", "43664", "43665"]),
        (" 43 660 ", "", ["43660"]),
        ("", "43", ["43"]),
        ("009-011", "1", ["1009", "1010", "1011"]),
        ("1\n2/3|4", "", ["1", "2", "3", "4"]),
    ],
)
def test_codes(text, country, codes):
    assert codes_of(text, country) == codes


def test_codes_as_nobody_dials_them_are_told():
    rows = [rate("+43", 0, "1"), rate("0043", 0, "1"), rate("049", 0, "1"), rate("43", 0, "1")]
    warned = {one.prefix for one in taken([rate("43", 0, "1")], rows, mode="merge")[2] if one.warnings}
    assert warned == {"+43", "0043"}


@pytest.mark.parametrize(
    "text", ["4,366E+11", "4.36e+11", "4E+11", "43-660", "9-1", "0-99999", ",".join(["0-9999"] * 2)]
)
def test_codes_that_cannot_be_counted(text):
    with pytest.raises(BadCodes):
        codes_of(text)
