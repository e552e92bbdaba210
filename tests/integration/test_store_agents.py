"""What trees of agents a database takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from vosswitch.accounts.agents import MOST_LEVELS
from vosswitch.store.database import Database
from vosswitch.store.document import BadDocument
from vosswitch.store.fields import Deployment
from vosswitch.store.provision import apply_load
from vosswitch.store.secrets import Secrets


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment("test", Secrets(str(tmp_path / "key")))


def load(database: Database, deployment: Deployment, *rows: dict) -> None:
    with database.write() as connection:
        apply_load(connection, {"accounts": list(rows)}, deployment)


def refused(database: Database, deployment: Deployment, *rows: dict) -> str:
    with pytest.raises(BadDocument) as caught:
        load(database, deployment, *rows)
    return str(caught.value)


def agent(number: str, above: str = "") -> dict:
    return {"number": number, "kind": "agent", "agent": above}


def line(count: int) -> list[dict]:
    """Agents a0 (the lowest) to the topmost one."""
    return [agent(f"a{at}", f"a{at + 1}" if at + 1 < count else "") for at in range(count)]


def test_wrong_kinds_circles_and_deep_trees_are_refused(database: Database, deployment: Deployment) -> None:
    load(database, deployment, agent("1"), agent("2", "1"), {"number": "c", "agent": "2"}, {"number": "o"})
    assert 'expected an account of kind agent, "o" is ordinary' in refused(
        database, deployment, {"number": "d", "agent": "o"}
    )
    assert "expected none, for kind is clearing" in refused(
        database, deployment, {"number": "v", "kind": "clearing", "agent": "1"}
    )
    assert "expected no circle, 1 -> 2 -> 1" in refused(database, deployment, agent("1", "2"))
    assert "expected no circle, 1 -> 1" in refused(database, deployment, agent("1", "1"))
    assert 'there is no "9"' in refused(database, deployment, {"number": "d", "agent": "9"})
    assert 'kind: expected agent, for accounts "c" is its customer' in refused(
        database, deployment, {"number": "2", "agent": "1"}
    )
    assert 'still used by accounts "c"' in refused(database, deployment, {"number": "2", "delete": True})
    load(database, deployment, {"number": "2", "delete": True}, {"number": "c", "delete": True})


def test_the_depth_is_bounded_from_both_ends(database: Database, deployment: Deployment) -> None:
    load(database, deployment, *line(MOST_LEVELS), {"number": "c", "agent": "a0"}, agent("top"), {"number": "d"})
    text = refused(database, deployment, {"number": "e", "kind": "agent", "agent": "a0"}, {"number": "d", "agent": "e"})
    assert f"expected at most {MOST_LEVELS} agents above an account, there would be {MOST_LEVELS + 1}" in text
    text = refused(database, deployment, agent(f"a{MOST_LEVELS - 1}", "top"))
    assert f"below this one there would be {MOST_LEVELS + 1}" in text


def test_an_agents_currency_stays_that_of_its_customers(database: Database, deployment: Deployment) -> None:
    load(database, deployment, agent("1"), agent("2", "1"), {"number": "c", "agent": "2"})
    text = refused(database, deployment, agent("2", "1") | {"currency": "USD"})
    assert 'expected an account of the same currency, "1" has another one' in text
    text = refused(database, deployment, agent("1") | {"currency": "USD"})
    assert 'currency: expected that of its customer "2"' in text
    tree = [agent("1"), agent("2", "1"), {"number": "c", "agent": "2"}]
    load(database, deployment, *[row | {"currency": "USD"} for row in tree])
