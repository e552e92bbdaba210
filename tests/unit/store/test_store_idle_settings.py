"""Settings that do nothing as things stand are warned of when they are loaded."""

from __future__ import annotations

import pytest

from vosswitch.store.document import parse_toml, read_document
from vosswitch.store.fields import Deployment
from vosswitch.store.idle_settings import idle_settings
from vosswitch.store.provision_schema import TABLES
from vosswitch.store.resolve import resolve
from vosswitch.store.secrets import Secrets

HERE = Deployment("test", Secrets("/nonexistent/key"))
GATEWAY = '[[routing_gateways]]\nname = "g"\naddress = "192.0.2.1"\n'
GROUP = '[[number_groups]]\nname = "n"\nnumbers = '
POOL = '[[number_pools]]\nname = "p"\n'


def tables(kind="area"):
    return "".join(
        f'[[number_tables]]\nname = "{name}"\nkind = "{kind}"\n[[parameters]]\nname = "{parameter}"\nvalue = "{name}"\n'
        for name, parameter in (("a", "VS_AREA_TABLE"), ("b", "VS_MOBILE_TABLE"))
    )


def warned(text):
    document = read_document(parse_toml(text, "f.toml"), HERE, "f.toml")
    assert document.problems == []
    found = resolve(document, {name: {} for name in TABLES}, HERE)
    assert found.problems == []
    return list(idle_settings(document.entries, found.state))


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (GATEWAY + 'mobile_area = { area = "1" }', 'routing_gateways "g": mobile_area: it changes nothing: VS_MOBILE'),
        (
            GATEWAY + 'callee_check = { kinds = ["mobile"] }',
            "callee_check: kinds: no number is known as mobile: VS_MOB",
        ),
        (GATEWAY + 'caller_check = { kinds = ["city"] }', "caller_check: kinds: no number is known as city: VS_AREA"),
        (GATEWAY + "caller_check = { other_area = true }", "caller_check: other_area: it is not asked: VS_AREA_TABLE"),
        ('[[calendars]]\nname = "c"\ndestination_time = true', 'calendars "c": destination_time: its own time zone'),
        (POOL, 'number_pools "p": it has no numbers'),
        (GROUP + '["43*", "/4\\\\d/"]\n' + POOL + 'group = "n"', 'number_pools "p": it has no numbers'),
        ('[[parameters]]\nname = "VS_AREA_TABLE"\nvalue = "aeras"', 'VS_AREA_TABLE": there is no number table "aeras"'),
    ],
)
def test_what_does_nothing_is_warned_of(text, warning):
    (line,) = warned(text)
    assert warning in line


@pytest.mark.parametrize(
    "text",
    [
        GATEWAY + 'mobile_area = { area = "1" }\ncaller_check = { kinds = ["city", "mobile"], other_area = true }',
        '[[calendars]]\nname = "c"\ndestination_time = true',
    ],
)
def test_with_both_tables_nothing_is_warned_of(text):
    assert warned(tables() + text) == []


def test_a_table_of_another_kind():
    assert warned(tables("list")) == [
        'parameters "VS_AREA_TABLE": number table "a" is not of kind area',
        'parameters "VS_MOBILE_TABLE": number table "b" is not of kind area',
    ]


def test_what_works_is_not_warned_of():
    assert warned(GATEWAY + 'caller_check = { kinds = ["other"], lengths = [3] }') == []
    assert warned(GROUP + '["43", "50-59"]\n' + POOL + 'group = "n"') == []
