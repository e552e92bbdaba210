"""Documents are checked whole, and every message names file, entry, field and expectation."""

from __future__ import annotations

from decimal import Decimal

import pytest

from vosswitch.store.document import BadDocument, parse_toml, read_document
from vosswitch.store.fields import Deployment
from vosswitch.store.secrets import Secrets

HERE = Deployment("test", Secrets("/nonexistent/key"))


def problems(text: str) -> list[str]:
    return read_document(parse_toml(text, "f.toml"), HERE, "f.toml").problems


def test_a_whole_entry() -> None:
    text = '[[routing_gateways]]\nname = "v"\naddress = "192.0.2.1"\nlines = 5\n'
    document = read_document(parse_toml(text, "f.toml"), HERE, "f.toml")
    assert document.problems == []
    entry = document.entries["routing_gateways"]["v"]
    assert entry.values == {"name": "v", "address": "192.0.2.1", "lines": 5}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '[[routing_gateways]]\nname="b"\naddress="192.0.2.1"\n'
            '[[routing_gateways]]\nname="vendor-a"\naddress="192.0.2.1"\nport="abc"',
            'f.toml: routing_gateways[2] "vendor-a": port: expected a whole number 0-65535, got "abc"',
        ),
        ('[[accounts]]\nnumber="1"\nlinse=5', 'f.toml: accounts[1] "1": linse: unknown field, perhaps lines'),
        ('[[accounts]]\nnumber="1"\nzzz=5', 'f.toml: accounts[1] "1": zzz: unknown field, expected number, name'),
        ('[[accounts]]\nname="x"', "f.toml: accounts[1]: number: expected, but missing"),
        ('[[acounts]]\nname="x"', "f.toml: acounts: unknown table, expected rate_groups, accounts"),
        ("accounts = 5", "f.toml: accounts: expected [[accounts]] tables"),
        (
            '[[accounts]]\nnumber="1"\n[[accounts]]\nnumber=1',
            'f.toml: accounts[2] 1: given twice, first at f.toml: accounts[1] "1"',
        ),
        ('[[accounts]]\nnumber="1"\ndelete=1', 'f.toml: accounts[1] "1": delete: expected true or false, got 1'),
        (
            '[[rate_groups]]\nname="g"\n[[rate_groups.rates]]\nprefix="43"\nper_minute="x"',
            'f.toml: rate_groups[1] "g": rates[1] "43": per_minute: '
            'expected a decimal not below zero such as "0.0125", got "x"',
        ),
        (
            '[[rate_groups]]\nname="g"\n[[rate_groups.rates]]\nprefix="43"',
            'rates[1] "43": per_minute: expected, but missing',
        ),
        ('[[parameters]]\nname="SS_NO_SUCH"\nvalue="1"', "SS_NO_SUCH: no such parameter"),
        ('[[phones]]\nnumber="1"\naccount="1"\npassword=5', 'phones[1] "1": password: expected a text of at most 128'),
        (
            '[[routing_gateways]]\nname="b"\naddress="192.0.2.1"\ncodec=["PCMA"]',
            'routing_gateways[1] "b": codec: unknown field, perhaps codecs',
        ),
        (
            '[[routing_gateways]]\nname="b"\naddress="192.0.2.1"\ncallee_source="to"',
            'routing_gateways[1] "b": callee_source: unknown field here, it is one of mapping_gateways',
        ),
    ],
)  # fmt: skip
def test_problems(text: str, problem: str) -> None:
    found = problems(text)
    assert any(problem in line for line in found), found


def test_secrets_are_not_repeated_in_messages() -> None:
    found = problems('[[phones]]\nnumber="1"\naccount="1"\npassword="hidden\\u0000"')
    assert len(found) == 1
    assert "hidden" not in found[0]


def test_every_problem_is_told() -> None:
    assert len(problems('[[accounts]]\nnumber="1"\nlines=-1\ncps="x"\nlocked=5')) == 3


def test_many_problems_are_cut() -> None:
    error = BadDocument([f"p{number}" for number in range(30)])
    assert str(error).splitlines()[-1] == "... and 10 more problems"
    assert len(error.problems) == 30


def test_toml_errors_name_the_line() -> None:
    with pytest.raises(BadDocument, match=r"f.toml: not valid TOML: .*line 2"):
        parse_toml("a = 1\nb = \n", "f.toml")


def test_fractions_are_exact() -> None:
    assert parse_toml("a = 0.1", "f")["a"] == Decimal("0.1")


def test_dangerous_dial_plans_are_warned_of() -> None:
    text = '[[phones]]\nnumber="1"\naccount="1"\ncallee_dial_plan="911:"'
    warnings = read_document(parse_toml(text, "f.toml"), HERE, "f.toml").warnings
    assert len(warnings) == 1
    assert warnings[0].startswith('f.toml: phones[1] "1": callee_dial_plan: ')


def test_whole_numbers_stay_whole_in_parameters() -> None:
    text = '[[parameters]]\nname="SS_GATEWAY_SWITCH_LIMIT"\nvalue=3'
    document = read_document(parse_toml(text, "f.toml"), HERE, "f.toml")
    assert document.entries["parameters"]["SS_GATEWAY_SWITCH_LIMIT"].values["value"] == "3"


@pytest.mark.parametrize("name", ["*.vendor.example", "vendor.example", "192.0.2.1"])
def test_a_certificate_may_have_to_bear_a_wildcard(name: str) -> None:
    assert problems(f'[[routing_gateways]]\nname="v"\naddress="192.0.2.1"\ntls_name="{name}"') == []


@pytest.mark.parametrize("name", ["*", "*.", "a.*.example", "*vendor.example"])
def test_no_other_wildcard_is_taken(name: str) -> None:
    (line,) = problems(f'[[routing_gateways]]\nname="v"\naddress="192.0.2.1"\ntls_name="{name}"')
    assert 'tls_name: expected an IP address or a host name, or "*." and a domain' in line


def test_a_codec_that_nobody_knows_is_warned_of() -> None:
    text = '[[routing_gateways]]\nname="v"\naddress="192.0.2.1"\ncodecs=["pcma", "OPUSS", "G722", "opus"]'
    document = read_document(parse_toml(text, "f.toml"), HERE, "f.toml")
    assert document.problems == []
    assert document.warnings == [
        'f.toml: routing_gateways[1] "v": codecs: OPUSS is no codec known here: the names are those of a=rtpmap'
    ]
