"""Prefix entries with settings: read, refused with words, written so that loading them again changes nothing."""

import tomllib
from datetime import UTC, datetime

import pytest

from vosswitch.routing.bounds import Bound
from vosswitch.routing.gateways import RoutingGateway
from vosswitch.store.document import read_document
from vosswitch.store.fields import Deployment, Expected
from vosswitch.store.order_fields import idle_strategies, prefix_entries, prefix_entries_written
from vosswitch.store.provision_schema import ROUTING_GATEWAYS, TABLES
from vosswitch.store.resolve import resolve
from vosswitch.store.toml_text import table_lines

HERE = Deployment("realm", None)
WRITTEN = """
prefixes = ["43", {prefix = "4366", priority = 2}, {prefix = "43", calendar = "office", when = "non_working"},
            {prefix = "49", valid_from = 2026-01-01, valid_to = 2026-07-01T12:00:00Z}, {prefix = "44", priority = 0},
            "43"]
"""
JANUARY = 1_767_225_600_000


def entries(text=WRITTEN):
    return prefix_entries(tomllib.loads(text)["prefixes"], HERE)


def test_entries_become_texts_or_what_is_set():
    july = int(datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp()) * 1000
    assert entries() == [
        "43",
        {"prefix": "4366", "priority": 2},
        {"prefix": "43", "calendar": "office", "when": "non_working"},
        {"prefix": "49", "valid_from": JANUARY, "valid_to": july},
        "44",
    ]


def test_what_is_written_is_read_as_the_same():
    text = "\n".join(table_lines("x", {"prefixes": prefix_entries_written(entries())}))
    assert prefix_entries(tomllib.loads(text)["x"][0]["prefixes"], HERE) == entries()


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("{priority = 1}", "a prefix, or a table with prefix and perhaps priority, calendar"),
        ('{prefix = "43", weight = 1}', "a prefix, or a table with prefix and perhaps"),
        ('{prefix = "43", priority = -1}', "a whole number 0-1000000 as priority of a prefix"),
        ('{prefix = "4 3"}', "a prefix of at most 32 digits as prefix of a prefix"),
        ('{prefix = "43", calendar = "x", when = "often"}', "working, non_working or any as when of a prefix"),
        ('{prefix = "43", when = "any"}', "a calendar beside when"),
        (
            '{prefix = "43", valid_from = 2026-02-01, valid_to = 2026-01-01}',
            "valid_to of a prefix after its valid_from",
        ),
        ("43", "a prefix of at most 32 digits"),
    ],
)
def test_wrong_entries_are_refused(item, words):
    with pytest.raises(Expected, match=words.replace("(", "\\(")):
        entries(f"prefixes = [{item}]")


def test_the_gateway_takes_them_over():
    body = ROUTING_GATEWAYS.defaults() | {
        "name": "g", "account": None, "address": "192.0.2.1", "password": "", "prefixes": entries(),
        "prefix_mode": "terminal", "protect": True,
    }  # fmt: skip
    gateway = RoutingGateway.from_body(body)
    assert gateway.prefixes[:2] == ("43", Bound("4366", 2))
    assert (gateway.terminal, gateway.protect) == (True, True)
    plain = RoutingGateway.from_body(ROUTING_GATEWAYS.defaults() | {"name": "g", "account": None, "password": ""})
    assert (plain.prefixes, plain.terminal, plain.protect) == ((), False, False)


CALLER = '[[accounts]]\nnumber = "1"\n[[mapping_gateways]]\nname = "m"\naccount = "1"\naddresses = ["192.0.2.9"]\n'


def warnings(more):
    named = {"routing_strategies": frozenset({"asr", "acd", "weight"})}
    deployment = Deployment("realm", None, plugins=named)
    document = read_document(tomllib.loads(CALLER + more), deployment, "f.toml")
    assert document.problems == []
    found = resolve(document, {name: {} for name in TABLES}, deployment)
    assert found.problems == []
    return list(idle_strategies(document.entries, found.state))


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        ('routing_strategies = ["weight"]', []),
        (
            'routing_strategies = ["asr"]\nrouting_order = ["weight", "acd"]',
            [
                'mapping_gateways "m": routing_strategies: asr decides nothing while SS_GATEWAY_ASR_CALCULATE is off',
                'mapping_gateways "m": routing_order: acd decides nothing while SS_GATEWAY_ACD_CALCULATE is off',
            ],
        ),
        (
            'routing_strategies = ["asr"]\n[[parameters]]\nname = "SS_GATEWAY_ASR_CALCULATE"\nvalue = "On"',
            [],
        ),
        (
            'routing_strategies = ["asr"]\n[[routing_gateways]]\nname = "r"\naddress = "192.0.2.1"\n'
            'asr_calculate = "on"',
            [],
        ),
    ],
)
def test_a_strategy_without_figures_is_warned_of(more, lines):
    assert warnings(more) == lines
