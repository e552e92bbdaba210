"""National numbers become international ones."""

import pytest

from plugins.home_country.plugin import NAME, HomeCountry, Plugin
from vosswitch.hooks import kit
from vosswitch.params.system import DECLARED

TRANSFORM = HomeCountry(lambda: "43")


def test_keeps_the_contract():
    kit.check_number_transform(TRANSFORM)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("0664123", "43664123"), ("0049301", "49301"), ("+49301", "49301"), ("49301", "49301"), ("", "")],
)
def test_both_numbers_are_made_international(given, expected):
    assert TRANSFORM.transform(given, given, kit.attempt()) == (expected, expected)


def test_without_a_country_national_numbers_stay():
    assert HomeCountry(lambda: "").transform("0664", "0664", kit.attempt()) == ("0664", "0664")


def test_its_parameter_can_be_declared():
    assert NAME in DECLARED.with_more(Plugin(lambda: "").parameters())
