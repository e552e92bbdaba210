"""The dial plan language: the case table, its errors, and properties against a naive reading of the rules."""

import csv
import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.numbers.dialplan import NO_PLAN, BadDialPlan, DialPlan, parse_plan

_TABLE = Path(__file__).parents[2] / "data" / "dialplan_cases.csv"
with _TABLE.open(newline="", encoding="utf-8") as _file:
    CASES = list(csv.DictReader(_file))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['rules']} {case['input']}")
def test_case_table(case):
    plan, expected = parse_plan(case["rules"]), case["expected"]
    made = [plan.apply(case["input"], Random(seed)) for seed in range(40)]
    if expected.startswith("/"):
        assert all(re.search(expected.strip("/"), number) for number in made), made
        assert len(set(made)) > 1
    else:
        assert set(made) == {expected}


def test_separators_and_pairs_give_the_same_plan():
    texts = ["0:1,00:", "0:1 00:", "0:1\n00:\n", " 0:1 ,\r\n\t00: "]
    plans = {parse_plan(text) for text in texts} | {parse_plan([("0", "1"), ["00", ""]])}
    assert len(plans) == 1
    assert plans.pop().text == "0:1,00:"


def test_empty_plan_is_false_and_changes_nothing():
    for empty in ("", " , \n", []):
        assert parse_plan(empty) is NO_PLAN
    assert not NO_PLAN
    assert NO_PLAN.apply("123", Random(0)) == "123"


@pytest.mark.parametrize(
    ("text", "rule", "position", "expected"),
    [
        ("0", 1, 2, "a colon and the target"),
        ("0:1 5", 2, 2, "a colon and the target"),
        ("0:1,E:5", 2, 2, "a number of digits"),
        ("13L1234:5", 1, 4, "a number of digits"),
        ("0E7x:5", 1, 4, "nothing may follow the operator"),
        ("0*1:5", 1, 3, "nothing may follow the operator"),
        ("0-1:5", 1, 2, "a digit, letter"),
        ("0:1:2", 1, 4, "a digit, letter"),
        ("0\\:5", 1, 5, "a colon"),
        ("0:5\\", 1, 5, "a printable character"),
        ("01:$$$", 1, 6, "only 2 characters"),
        ("*:$", 1, 3, "only 0 characters"),
        ("0:10-9", 1, 6, "a number of 2 digits"),
        ("0:19-10", 1, 6, "a number of 2 digits that is not below 19"),
        ("0:-9", 1, 3, "digits only before"),
        ("0:1?-19", 1, 5, "digits only before"),
        ("0:10-19x", 1, 8, "after the range"),
        ("0:1 0:2", 2, 1, "a source that no other rule has"),
        ("E8:1 E08:2", 2, 1, "a source that no other rule has"),
        ("\\0:1 0:2", 2, 1, "a source that no other rule has"),
        ("0:é", 1, 3, "a digit, letter"),
        ("0:" + "1" * 300, 1, 256, "at most 256 characters"),
    ],
)
def test_refusal_names_rule_position_and_expectation(text, rule, position, expected):
    with pytest.raises(BadDialPlan) as caught:
        parse_plan(text)
    error = caught.value
    assert (error.rule, error.position) == (rule, position)
    assert expected in error.expected
    assert str(error).startswith(f"rule {rule} (")


@pytest.mark.parametrize("pair", [("0,1", "2"), ("0", "1 2"), ("0:1", "2"), ("0\\", "2")])
def test_pairs_cannot_smuggle_separators(pair):
    with pytest.raises(BadDialPlan):
        parse_plan([pair])


def test_rule_that_can_empty_a_number_is_warned_of():
    assert len(parse_plan("911:").warnings) == 1
    assert "rule 2 (0:1;)" in parse_plan("1:2 0:1;").warnings[0]
    for safe in ("911:911", "*:", "E8:", "0*:", ":"):
        assert parse_plan(safe).warnings == ()


def test_tighter_length_wins_among_equals():
    assert parse_plan("L10:1* L8:2*").apply("1234567", Random(0)) == "21234567"
    assert parse_plan("G3:1* G5:2*").apply("1234567", Random(0)) == "21234567"
    assert parse_plan("0:1 0*:2").apply("05", Random(0)) == "15"
    assert parse_plan("0*:2 0:1").apply("05", Random(0)) == "2"


def test_escapes_in_targets():
    assert parse_plan("0:\\*\\$\\?\\;\\-").apply("05", Random(0)) == "*$?;-5"


def test_range_keeps_its_width():
    assert {parse_plan("*:000-002").apply("9", Random(seed)) for seed in range(60)} == {"000", "001", "002"}


def test_same_seed_same_number():
    plan = parse_plan("*:1??;2??;300-399")
    assert [plan.apply("5", Random(7)) for _ in range(5)] == [plan.apply("5", Random(7))] * 5


# --- properties ---------------------------------------------------------------------------------------------------

_SMALL = "0123AE"


@st.composite
def sources(draw):
    """Parts of a source: tokens (escaped where needed) and an operator."""
    literal = draw(st.lists(st.sampled_from([*"0123A", "\\E", "?"]), max_size=4))
    operator = draw(st.sampled_from(["", "", "*", "E", "L", "G"]))
    count = draw(st.integers(0, 5)) if operator in tuple("ELG") else ""
    return "".join(literal) + f"{operator}{count}"


@st.composite
def targets(draw, source):
    longest = len(re.match(r"(\\.|[0-9A?])*", source)[0].replace("\\", ""))
    several = []
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.booleans()) and draw(st.booleans()):
            low, high = sorted(draw(st.tuples(st.integers(0, 99), st.integers(0, 99))))
            several.append(f"{low:02d}-{high:02d}")
        else:
            tokens = draw(st.lists(st.sampled_from([*"019A", "\\*", "?", "*", "$"]), max_size=4))
            several.append("".join("9" if t == "$" and i >= longest else t for i, t in enumerate(tokens)))
    return ";".join(several)


@st.composite
def plans(draw):
    found = draw(st.lists(sources(), max_size=6, unique=True))
    return [(source, draw(targets(source))) for source in found]


def naive_source(text):
    """(regular expression of the literal part, its length, characters before ?, operator, count)."""
    operator, count = "", 0
    found = re.fullmatch(r"((?:\\.|[^\\*LEG])*)(\*|[LEG]\d+)?", text)
    body, tail = found[1], found[2] or ""
    if tail:
        operator, count = tail[0], int(tail[1:] or 0)
    tokens = re.findall(r"\\.|.", body)
    chars = [re.escape(t[-1]) if t != "?" else "[0-9]" for t in tokens]
    before = tokens.index("?") if "?" in tokens else len(tokens)
    return "".join(chars), len(tokens), before, operator, count


def naive_choice(pairs, number):
    """The index of the rule to apply, straight from the words of the rules; None when none matches."""
    best = None
    for index, (source, _) in enumerate(pairs):
        pattern, length, before, operator, count = naive_source(source)
        rest = len(number) - length
        fits = {"E": rest == count, "L": rest <= count, "G": rest > count}.get(operator, True)
        if not re.match(pattern, number) or not fits:
            continue
        tight = -count if operator == "G" else count
        mark = (-length, -before, operator not in tuple("ELG"), "ELG".find(operator), tight, index)
        if operator not in tuple("ELG"):
            mark = (-length, -before, True, 0, 0, index)
        if best is None or mark < best:
            best = mark
    return None if best is None else best[-1]


@given(plans(), st.text(_SMALL, max_size=8))
def test_compiled_choice_equals_naive_reading(pairs, number):
    plan = parse_plan(pairs)
    rule = plan.rule_for(number)
    expected = naive_choice(pairs, number)
    assert (None if rule is None else plan.rules.index(rule)) == expected


@given(plans(), st.text(max_size=12), st.integers())
def test_never_fails_on_a_call(pairs, number, seed):
    plan = parse_plan(pairs)
    made = plan.apply(number, Random(seed))
    assert isinstance(made, str)
    if plan.rule_for(number) is None:
        assert made == number


@given(plans(), st.text(_SMALL, max_size=8), st.integers())
def test_text_round_trip(pairs, number, seed):
    plan = parse_plan(pairs)
    again = parse_plan(plan.text)
    assert again.text == plan.text
    assert again == plan
    assert again.apply(number, Random(seed)) == plan.apply(number, Random(seed))


@given(st.text(max_size=30) | st.text("0123*?$;:-\\LEG, ", max_size=30))
def test_any_text_is_a_plan_or_a_clear_refusal(text):
    try:
        found = parse_plan(text)
    except BadDialPlan as error:
        found = error
    assert isinstance(found, DialPlan) or (found.position >= 1 and found.expected)
