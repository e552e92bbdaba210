"""Checks of a number, and what goes before mobile numbers of other areas."""

from __future__ import annotations

import pytest

from vosswitch.numbers.areas import area_of, zone_of
from vosswitch.numbers.checks import MobileArea, NumberCheck, Surroundings, kind_of
from vosswitch.numbers.groups import NumberGroup
from vosswitch.numbers.numbering import PLAIN_NUMBERING, Numbering
from vosswitch.numbers.table import NumberTable

AREAS = NumberTable.of({"010": "Beijing|Asia/Shanghai", "0571": "Hangzhou", "43": "Austria | Europe/Vienna"}, "area")
MOBILES = NumberTable.of({"1380571": "571", "1390010": "10"}, "area")
AROUND = Surroundings({"friends": NumberGroup.of("friends", "43*", "911")}, AREAS, MOBILES)


def objection(number, other="1", **body):
    return NumberCheck.from_body(body).objection(number, other, AROUND)


@pytest.mark.parametrize(
    ("body", "good", "bad", "why"),
    [
        ({"lengths": [[3, 3], [5, 7]]}, ["123", "12345", "1234567"], ["", "12", "1234", "12345678"], "characters"),
        ({"digits_only": True}, ["0123", "9"], ["", "+43", "a", "\u0661"], "only digits"),
        ({"prefixes_allowed": ["43", "49"]}, ["43", "4911"], ["", "4", "44"], "no allowed prefix"),
        ({"prefixes_denied": ["43", "439"]}, ["", "4", "44"], ["43", "4391"], "prefix 43 is denied"),
        ({"groups_allowed": ["friends"]}, ["431", "911"], ["", "44", "9111"], "none of the number groups friends"),
        ({"groups_denied": ["friends", "gone"]}, ["44", "9111"], ["43", "911"], "number group friends has"),
        ({"groups_allowed": ["gone"]}, [], ["1"], "none of the number groups gone"),
        ({"kinds": ["mobile"]}, ["13805710000"], ["01088", "7"], "numbers are not allowed"),
        ({"kinds": ["city", "other"]}, ["01088", "7"], ["13805710000"], "mobile numbers are not allowed"),
        ({}, ["", "1", "+x"], [], ""),
    ],
)
def test_each_rule(body, good, bad, why):
    assert [objection(number, **body) for number in good] == [""] * len(good)
    for number in bad:
        assert why in objection(number, **body)


def test_numbers_of_one_area():
    assert objection("01012", "01034", other_area=True) == "both numbers are of the area Beijing"
    assert objection("13805711", "13805712", other_area=True) == "both numbers are of the area 571"
    for number, other in (("01012", "057134"), ("77", "78"), ("01012", "77"), ("13805711", "13900101")):
        assert objection(number, other, other_area=True) == ""


def test_kinds_without_tables():
    assert kind_of("13805711", Surroundings({})) == "other"


def test_areas_and_their_zones():
    assert [area_of(AREAS, number) for number in ("01012", "43660", "9", "")] == ["Beijing", "Austria", "", ""]
    assert [zone_of(AREAS, number) for number in ("01012", "43660", "0571", "9")] == [
        "Asia/Shanghai", "Europe/Vienna", "", "",
    ]  # fmt: skip
    assert area_of(None, "1") == zone_of(None, "1") == ""


def test_mobile_numbers_of_other_areas_get_a_prefix():
    own = MobileArea.from_body({"area": "571"})
    numbers = ("13805710000", "13900100000", "013900100000", "010123", "")
    assert [own.apply(number, MOBILES) for number in numbers] == [
        "13805710000", "013900100000", "013900100000", "010123", "",
    ]  # fmt: skip
    coded = MobileArea.from_body({"area": "571", "add": "0{area}"})
    assert coded.apply("13900100000", MOBILES) == "01013900100000"
    assert coded.apply("13900100000", None) == "13900100000"


@pytest.mark.parametrize(
    ("numbers", "caller", "callee"), [("caller", True, False), ("callee", False, True), ("both", True, True)]
)
def test_which_numbers_are_meant(numbers, caller, callee):
    found = MobileArea.from_body({"area": "1", "numbers": numbers})
    assert (found.caller, found.callee) == (caller, callee)


def test_a_gateway_without_any_of_it_shares_one_value():
    body = {"caller_check": None, "callee_check": {}, "forward_dial_plan": "", "mobile_area": None, "caller_pool": None}
    assert Numbering.from_body(body) is PLAIN_NUMBERING
    assert Numbering.from_body({}) is PLAIN_NUMBERING
    assert Numbering.from_body({"caller_pool": "p"}).caller_pool == "p"
