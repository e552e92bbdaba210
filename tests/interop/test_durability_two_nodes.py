"""Two nodes on one MariaDB: both take calls of one account, and the end of one of them costs no call of the other."""

from __future__ import annotations

import time

import pytest

from tests.support.load import Load
from tests.support.mariadb import MariaDb
from tests.support.switch import Switch, until

pytestmark = [pytest.mark.mariadb, pytest.mark.alone]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = MariaDb(tmp_path_factory.mktemp("mariadb"))
    yield made
    made.stop()


@pytest.fixture
def load(tmp_path, server):
    made = Load(tmp_path, server.new_url())
    yield made
    made.close()


@pytest.fixture
def second(load, tmp_path):
    """Another node of the same deployment."""
    (tmp_path / "second").mkdir()
    node = {"id": 1, "name": "second"}
    load.keep(tmp_path / "second" / "spool")
    made = Switch(tmp_path / "second", load.url, node=node, media={"address": "127.0.5.2"}).start()
    yield made
    assert made.stop() == 0, made.log()[-4000:]
    assert "Traceback" not in made.log()


def test_two_nodes_take_calls_of_one_postpaid_account(load, second):
    load.vendor()
    load.caller("here", 40, 600, "open")
    load.caller("there", 40, 600, "open", second.port)
    time.sleep(2.5)
    load.end()
    load.unharmed("here", "there")
    load.judge(answered=150)
    assert min(load.peers[name].counts()["successful"] for name in ("here", "there")) > 70


def test_the_end_of_a_node_costs_no_call_of_the_other(load, second):
    for account, amount in (("R", "500"), ("P", "3")):
        load.switch.cli("account", "pay", account, amount)  # what is free then is shared among the nodes
    paid = load.ask("status")["seq"]
    until(lambda: second.json("node", "status")[0]["seq"] >= paid, 5, "the payments on the second node")
    time.sleep(0.3)
    load.vendor()
    load.caller("rich", 30, 1000)
    load.caller("poor", 5, 1000)
    load.caller("there", 30, 1000, "rich", second.port)
    load.caller("poor there", 5, 1000, "poor", second.port)
    time.sleep(2)
    load.kill()
    time.sleep(1)
    load.switch.start()
    time.sleep(1)
    load.end()
    load.gone()
    load.unharmed("there")
    load.judge(answered=150)
