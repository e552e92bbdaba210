"""Money between nodes, with real recorders on one MariaDB; and what a node leaves behind that is gone."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.integration.test_recorder_process import DOCUMENT, UNITS, Switch
from vosswitch.billing.modes import BUILT_IN
from vosswitch.cdr.files import JournalWriter, Lock, SpoolBusy
from vosswitch.params import files as boot_files
from vosswitch.recorder.files import spool_identity
from vosswitch.recorder.recovering import recover
from vosswitch.store import grants, nodes
from vosswitch.store.database import open_database
from vosswitch.store.fields import Deployment
from vosswitch.store.migrations import migrate
from vosswitch.store.provision import apply_load
from vosswitch.store.schema import account
from vosswitch.store.secrets import Secrets


class Node(Switch):
    """A node of several, whose switch gives back what it is told to."""

    def __init__(self, url, folder, number):
        self.number = number
        self.alive = []
        folder.mkdir()
        super().__init__(url, folder)

    def start(self, seq=0):
        text = self.path.read_text()
        if "[node]" not in text:
            self.path.write_text(f'{text}[node]\nid = {self.number}\nname = "n{self.number}"\n')
        super().start(seq)

    def hear(self, op):
        heard = super().hear(op)
        self.alive = next((one["alive"] for one in reversed(heard) if one["op"] == "nodes"), self.alive)
        return heard

    def met(self, alive):
        while self.alive != alive:
            self.hear("nodes")

    def row(self):
        """What is told of account p next."""
        while True:
            for message in self.hear("money"):
                if message["op"] == "money" and "p" in message["accounts"]:
                    return message["accounts"]["p"]


@pytest.fixture
def two(mariadb_server, tmp_path):
    url = mariadb_server.new_url()
    migrate(url)
    database = open_database(url)
    with database.write() as connection:
        apply_load(connection, DOCUMENT, Deployment(realm="vosswitch", secrets=Secrets(str(tmp_path / "key"))))
    made = []
    for number in (1, 2):  # the first one is alone at its start: it takes everything
        made.append(Node(url, tmp_path / f"n{number}", number))
        made[-1].hear("ready")
    yield made
    for node in made:
        node.close()
    database.close()


@pytest.mark.mariadb
def test_a_node_in_need_gets_what_another_can_spare_in_time_for_a_call(two, record_property):
    first, second = two
    first.met([1, 2])
    second.met([1, 2])
    began = time.monotonic()
    second.say(op="want", account="p", amount=30 * UNITS)
    before = second.row()
    assert before["elsewhere"] > 0
    second.hear("call_others")
    recalls = first.hear("recall")[-1]["accounts"]
    assert 0 < recalls["p"] <= 30 * UNITS
    first.say(op="give", accounts={"p": recalls["p"]})
    while (after := second.row())["grant"] < before["grant"] + recalls["p"]:
        pass
    took = time.monotonic() - began
    record_property("seconds", took)
    with first.database.read() as connection:
        held = grants.held_by(connection, "p")
        assert grants.asked(connection, 1) == {}
    assert held[2] == after["grant"]
    assert sum(held.values()) <= 100 * UNITS


@pytest.mark.mariadb
def test_what_a_node_held_is_free_after_its_orderly_end(two):
    first, second = two
    second.met([1, 2])
    first.say(op="stop")
    first.child.wait(20)
    while second.row()["grant"] < 100 * UNITS:
        pass


# ---- nodes that are gone


def boot(url, tmp_path, number):
    path = tmp_path / f"v{number}.toml"
    path.write_text(
        f'[node]\nid = {number}\n[database]\nurl = "{url}"\nkey_file = "{tmp_path}/key"\n'
        f'[run]\ndirectory = "{tmp_path}/run{number}"\nspool = "{tmp_path}/spool{number}"\n'
    )
    return boot_files.load(str(path))


@pytest.fixture
def dead(database, database_url, tmp_path):
    """Node 5, killed with one call up: answered for 10 s, of 20 s that were reserved."""
    own = boot(database_url, tmp_path, 5)
    with database.write() as connection:
        apply_load(connection, DOCUMENT, Deployment(realm="vosswitch", secrets=Secrets(str(tmp_path / "key"))))
        assert nodes.claim(connection, 5, "five", spool_identity(own.spool_directory)) is None
        grants.seen(connection, 5, "five", 1)
        assert grants.take(connection, 5, "p", 60 * UNITS)
    writer = JournalWriter(own.spool_directory, 64 << 10)
    start = 1_793_000_000_000
    terms = {"per_minute": "0.6"}
    writer.append("start", {"flowno": 9, "day": "20261026", "start": start, "account": "p", "reserved": 0})
    writer.append(
        "answer",
        {
            "flowno": 9, "answer": start, "up": 0, "reserved": [20 * UNITS // 100], "funded_until_ms": start + 20_000,
            "charges_terms": [{"account": "p", "kind": "call", "mode": "increment", "terms": terms}],
            "legs": [], "cdr": {"day": "20261026", "start": start, "account": "p"},
        },
    )  # fmt: skip
    writer.append("tick", {"at": start + 10_000, "up": 10_000})
    writer.close()
    return own


def modes():
    return {mode.name: mode for mode in BUILT_IN}


def held(database):
    with database.read() as connection:
        return grants.held_by(connection, "p")


def test_the_spool_of_a_dead_node_is_replayed_once_and_its_money_is_free(database, dead):
    said = []
    lock = Lock(Path(dead.spool_directory) / "writer.lock")
    with pytest.raises(SpoolBusy):
        recover(dead, database, 5, dead.spool_directory, modes(), said.append)
    lock.release()
    done = recover(dead, database, 5, dead.spool_directory, modes(), said.append)
    assert (done.ended, done.granted) == (1, 60 * UNITS)
    assert held(database) == {}
    with database.read() as connection:
        (row,) = nodes.list_nodes(connection, 2)
        assert (row.state, row.granted, row.spool) == ("stopped", 0, "")
        assert grants.left_over(connection)["p"] == 100 * UNITS - UNITS // 10
    again = recover(dead, database, 5, dead.spool_directory, modes(), said.append)
    assert again.ended == 0
    with database.read() as connection:
        assert grants.left_over(connection)["p"] == 100 * UNITS - UNITS // 10


def test_a_node_that_lives_or_another_spool_is_not_recovered(database, dead, tmp_path):
    with database.write() as connection:
        grants.seen(connection, 5, "five", time.time_ns() // 1_000_000)
    with pytest.raises(nodes.BadNode, match="alive"):
        recover(dead, database, 5, dead.spool_directory, modes(), print)
    with database.write() as connection:
        grants.seen(connection, 5, "five", 1)
    JournalWriter(str(tmp_path / "other")).close()
    with pytest.raises(nodes.BadNode, match="not its spool"):
        recover(dead, database, 5, str(tmp_path / "other"), modes(), print)
    with pytest.raises(nodes.BadNode, match="no such node"):
        recover(dead, database, 6, dead.spool_directory, modes(), print)
    assert held(database) == {5: 60 * UNITS}


def test_the_number_of_a_node_that_owes_something_is_not_given_to_another_spool(database, dead):
    with database.write() as connection:
        assert "with another spool" in nodes.claim(connection, 5, "new", "other")
        assert nodes.claim(connection, 5, "five", spool_identity(dead.spool_directory)) is None
        found = nodes.write_off(connection, 5, "test", 20_000)
        assert found.granted == 60 * UNITS
        assert nodes.claim(connection, 5, "new", "other") is None
        with pytest.raises(nodes.BadNode):
            nodes.write_off(connection, 17, "test", 20_000)
    assert held(database) == {}


def test_what_is_granted_beyond_what_there_is_is_told(database, dead):
    with database.write() as connection:
        assert grants.beyond(connection) == {}
        connection.execute(account.update().where(account.c.number == "p").values(balance=45 * UNITS))
        assert grants.beyond(connection) == {"p": 15 * UNITS}
