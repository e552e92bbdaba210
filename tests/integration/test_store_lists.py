"""Lists, areas and what accounts say of them: loaded, dumped, changed singly, on real databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vosswitch.store.document import BadDocument, parse_toml
from vosswitch.store.dump import dump
from vosswitch.store.entities import read_all
from vosswitch.store.fields import Deployment
from vosswitch.store.lists import BadAreas, NoSuchList, change, import_areas, read_areas
from vosswitch.store.provision import apply_load
from vosswitch.store.provision_schema import TABLES
from vosswitch.store.secrets import Secrets

if TYPE_CHECKING:
    from pathlib import Path

    from vosswitch.store.database import Database

TEXT = """
[[number_groups]]
name = "g"
numbers = ["1*"]
[[number_tables]]
name = "t"
kind = "list"
[[number_lists]]
name = "black"
of = "callee"
entries = ["4312345", "4399*", "431-439", '/43\\d{6}/', "length 3-5", "4312345"]
groups = ["g"]
tables = ["t"]
prefix_tables = ["t"]
system = true
[[number_lists]]
name = "white"
action = "allow"
[[geofences]]
name = "AT"
networks = ["192.0.2.0/24", "2001:db8::/32", "203.0.113.7/32"]
[[accounts]]
number = "1"
lists = ["black", "white"]
level = "local"
areas_allowed = ["AT"]
areas_forbidden = ["AT"]
sections = ["100-199", "43*"]
section_policy = "replace"
default_caller = "100"
[[mapping_gateways]]
name = "m"
account = "1"
addresses = ["192.0.2.1"]
lists = ["white"]
[[routing_gateways]]
name = "r"
address = "192.0.2.2"
lists = ["black"]
[[phones]]
number = "200"
account = "1"
password = "x"
lists = ["black", "p"]
"""


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment("test", Secrets(str(tmp_path / "key")), plugins={"blacklists": frozenset({"p"})})


def load(database: Database, text: str, deployment: Deployment) -> Any:
    with database.write() as connection:
        return apply_load(connection, parse_toml(text, "f"), deployment, "f", "tester")


def values(database: Database, table: str, key: str) -> dict[str, Any]:
    with database.read() as connection:
        return dict(read_all(connection, TABLES[table]))[key].values


def test_a_dump_loads_again_and_changes_nothing(database, deployment):
    assert len(load(database, TEXT, deployment).differences) == 9
    found = values(database, "number_lists", "black")
    assert found["entries"] == ["4312345", "4399*", "431-439", "/43\\d{6}/", "length 3-5"]
    assert values(database, "geofences", "AT")["networks"] == ["192.0.2.0/24", "2001:db8::/32", "203.0.113.7"]
    with database.read() as connection:
        text = dump(connection, deployment, with_secrets=True)
    assert load(database, text, deployment).differences == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[number_lists]]\nname = "p"', "name: expected another name, for a plugin's blacklist has this one"),
        ('[[number_lists]]\nname = "x"\nentries = ["1 2"]', 'not "1 2"'),
        ('[[number_lists]]\nname = "x"\nentries = ["/(a+)+/"]', "no repetition of a group"),
        ('[[number_lists]]\nname = "x"\ntables = ["nowhere"]', 'expected one of number_tables, there is no "nowhere"'),
        ('[[geofences]]\nname = "x"\nnetworks = ["192.0.2.1/24"]', 'not "192.0.2.1/24"'),
        ('[[accounts]]\nnumber = "9"\nlists = ["nowhere"]', 'expected one of number_lists, there is no "nowhere"'),
        ('[[accounts]]\nnumber = "9"\nsections = ["200-100"]', 'not "200-100"'),
        ('[[accounts]]\nnumber = "9"\nsection_policy = "replace"', "default_caller: expected a number"),
        ('[[geofences]]\nname = "AT"\ndelete = true', 'still used by accounts "1"'),
    ],
)
def test_what_does_not_fit_is_refused(database, deployment, text, problem):
    load(database, TEXT, deployment)
    with pytest.raises(BadDocument) as caught:
        load(database, text, deployment)
    assert problem in "\n".join(caught.value.problems)


def test_too_many_entries_and_patterns_are_refused(database, deployment):
    for entries, words in (
        ([str(n) for n in range(10_001)], "at most 10000"),
        ([f"/{n}.*/" for n in range(501)], "at most 500"),
    ):
        with pytest.raises(BadDocument, match=words), database.write() as connection:
            apply_load(connection, {"number_lists": [{"name": "x", "entries": entries}]}, deployment)


def test_single_entries_are_added_and_removed_and_all_else_stays(database, deployment):
    load(database, TEXT, deployment)
    before = values(database, "number_lists", "black")
    with database.write() as connection:
        done = change(connection, deployment, "black", ["4366*", "4312345"], ["4399*"], "tester")
        assert done.seq is not None
    after = values(database, "number_lists", "black")
    assert after["entries"] == ["4312345", "431-439", "/43\\d{6}/", "length 3-5", "4366*"]
    assert {**after, "entries": 0} == {**before, "entries": 0}
    with database.write() as connection:
        assert change(connection, deployment, "black", [], ["4399*"], "tester").seq is None
    with pytest.raises(BadDocument), database.write() as connection:
        change(connection, deployment, "black", ["not one"], [], "tester")
    with pytest.raises(NoSuchList), database.write() as connection:
        change(connection, deployment, "grey", ["1"], [], "tester")


def test_areas_from_a_file(database, deployment):
    load(database, TEXT, deployment)
    lines = ["Network,Country", "10.0.0.0/25,AT", "10.0.0.128/25,AT", "2001:db8:1::/48,AT", "10.1.0.0/16,DE"]
    with database.write() as connection:
        import_areas(connection, deployment, read_areas(lines, "f.csv"), "f.csv", "tester")
    assert values(database, "geofences", "AT")["networks"] == ["10.0.0.0/24", "2001:db8:1::/48"]
    assert values(database, "geofences", "DE")["networks"] == ["10.1.0.0/16"]


def test_ranges_of_addresses_and_only_some_areas():
    lines = ["first,last,area", "10.0.0.0,10.0.0.255,AT", "167772416,167772927,AT", "1.0.0.0,1.0.0.0,DE"]
    assert list(read_areas(lines, "f", ["AT"])) == [("AT", ["10.0.0.0/23", "10.0.2.0/24"])]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["a,b", "1,2"], "line 1: expected columns"),
        (["network,area", "10.0.0.1/8,AT"], "line 2: expected networks"),
        (["first,last,area", "10.0.0.2,10.0.0.1,AT"], "line 2: expected networks"),
        (["first,last,area", "10.0.0.2,2001:db8::1,AT"], "line 2: expected networks"),
        (["network,area", "10.0.0.0/8"], "line 2: expected networks"),
        (["network,area", "10.0.0.0/8,DE"], 'no networks of area "AT"'),
        (
            ["network,area", *(f"{n // 65536}.{n // 256 % 256}.{n % 256}.1,AT" for n in range(1, 10_002))],
            "at most 5000",
        ),
    ],
)
def test_files_that_cannot_be_read(lines, words):
    with pytest.raises(BadAreas, match=words):
        list(read_areas(lines, "f", ["AT"]))
