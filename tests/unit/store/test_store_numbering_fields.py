"""Checks, mobile areas and pools in provisioning: what is read and written back, what is refused."""

from __future__ import annotations

import pytest

from vosswitch.numbers.numbering import Numbering
from vosswitch.numbers.pools import NumberPool
from vosswitch.store.document import parse_toml, read_document
from vosswitch.store.entities import Stored
from vosswitch.store.fields import Deployment
from vosswitch.store.provision import shown
from vosswitch.store.provision_schema import TABLES
from vosswitch.store.resolve import resolve
from vosswitch.store.secrets import Secrets
from vosswitch.store.toml_text import table_lines

HERE = Deployment("test", Secrets("/nonexistent/key"))
GATEWAY = '[[routing_gateways]]\nname = "x"\naddress = "192.0.2.1"\n'
POOL = '[[number_pools]]\nname = "x"\n'


def read(text: str):
    return read_document(parse_toml(text, "f.toml"), HERE, "f.toml")


def both_ways(kind: str, text: str):
    """The values of the entry, which are the same after they were written and read again."""
    document = read(text)
    assert document.problems == []
    values = document.entries[kind]["x"].complete(TABLES[kind])
    again = read("\n".join(table_lines(kind, shown(TABLES[kind], Stored(values)))))
    assert again.problems == []
    assert again.entries[kind]["x"].complete(TABLES[kind]) == values
    return values


def test_a_check_with_everything():
    values = both_ways(
        "routing_gateways",
        GATEWAY + 'caller_check = { lengths = [11, "7-8"], digits_only = true, prefixes_allowed = ["43"], '
        'prefixes_denied = ["439"], groups_allowed = ["g"], groups_denied = ["h"], kinds = ["other", "city"], '
        "other_area = true }\n"
        'forward_dial_plan = "0:43"\nmobile_area = { area = 571, add = "0{area}", numbers = "both" }\n'
        'caller_pool = "p"',
    )
    assert values["caller_check"]["lengths"] == [[11, 11], [7, 8]]
    found = Numbering.from_body(values)
    assert found.caller_check.lengths == ((11, 11), (7, 8))
    assert found.caller_check.kinds == ("city", "other")
    assert (found.mobile_area.area, found.mobile_area.add, found.caller_pool) == ("571", "0{area}", "p")
    assert found.callee_check is None


def test_a_pool():
    values = both_ways("number_pools", POOL + 'numbers = [4312345, "100-199"]\ngroup = "g"\nchoice = "turn"\nreuse = 2')
    pool = NumberPool.from_body(values)
    assert (pool.size, pool.in_turn, pool.reuse, pool.when_full, pool.group) == (101, True, 2, "keep", "g")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GATEWAY + "caller_check = 5", "caller_check: expected a table with lengths, digits_only"),
        (GATEWAY + "caller_check = { length = 5 }", "caller_check: length: unknown, expected lengths, digits_only"),
        (GATEWAY + 'caller_check = { lengths = "9-7" }', "caller_check: lengths: expected lengths such as"),
        (GATEWAY + "caller_check = { lengths = [99] }", "caller_check: lengths: expected lengths such as"),
        (GATEWAY + "caller_check = { lengths = [true] }", "caller_check: lengths: expected lengths such as"),
        (
            GATEWAY + 'callee_check = { kinds = ["fixed"] }',
            "callee_check: kinds: expected a list of city",
        ),
        (GATEWAY + 'callee_check = { prefixes_denied = ["4 3"] }', "callee_check: prefixes_denied: expected a prefix"),
        (GATEWAY + 'forward_check = { groups_allowed = "g" }', "groups_allowed: expected a list of names of number"),
        (GATEWAY + 'mobile_area = { add = "0" }', "mobile_area: area: expected, but missing"),
        (GATEWAY + 'mobile_area = { area = "1", add = "{code}" }', "mobile_area: add: expected 1-16 of digits"),
        (GATEWAY + 'mobile_area = { area = "1", numbers = "all" }', "numbers: expected callee, caller or both"),
        (POOL + 'numbers = ["43*"]', "numbers: expected numbers and ranges 100-199 only"),
        (POOL + 'numbers = ["/4/"]', "numbers: expected numbers and ranges 100-199 only"),
        (POOL + 'when_full = "wait"', "when_full: expected keep, refuse or reuse"),
    ],
)
def test_what_is_refused(text, problem):
    (line,) = read(text).problems
    assert problem in line


def test_what_is_named_has_to_be_there():
    text = GATEWAY + 'caller_pool = "p"\ncallee_check = { groups_denied = ["h"] }\n' + POOL + 'group = "g"'
    found = resolve(read(text), {name: {} for name in TABLES}, HERE)
    assert sorted(found.problems) == [
        'f.toml: number_pools[1] "x": group: expected one of number_groups, there is no "g"',
        'f.toml: routing_gateways[1] "x": callee_check: expected one of number_groups, there is no "h"',
        'f.toml: routing_gateways[1] "x": caller_pool: expected one of number_pools, there is no "p"',
    ]
