"""The database of a running switch goes away and comes back: calls go on from grants, and no record is lost."""

from __future__ import annotations

import time

import pytest

from tests.support.load import Load
from tests.support.mariadb import MariaDb
from tests.support.switch import until

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


def trouble(load) -> str:
    return load.switch.json("node", "status")[0]["trouble"] or ""


def test_calls_go_on_while_the_database_is_dead(load, server):
    load.begin()
    time.sleep(1.5)
    server.kill()
    until(lambda: "database:" in trouble(load), 30, "a word of the trouble")
    before = load.peers["rich"].counts()["successful"]
    until(lambda: load.ask("status")["backlog"] > 0, 20, "a backlog")
    until(lambda: load.peers["rich"].counts()["successful"] > before + 60, 30, "calls that go well")
    server.start()
    until(lambda: "database:" not in trouble(load), 60, "the end of the trouble")
    load.end()
    load.unharmed()
    load.judge(answered=300)


def test_calls_go_on_while_the_database_says_nothing(load, server):
    load.begin()
    time.sleep(1.5)
    server.freeze()
    before = load.peers["rich"].counts()["successful"]
    until(lambda: load.peers["rich"].counts()["successful"] > before + 100, 30, "calls that go well")
    server.thaw()
    load.end()
    load.unharmed()
    load.judge(answered=250)


def test_kill_9_while_the_database_is_dead_loses_nothing(load, server):
    load.begin()
    time.sleep(1.5)
    server.kill()
    time.sleep(1)
    load.kill()
    server.start()
    load.switch.start()
    time.sleep(1)
    load.end()
    load.gone()
    load.judge(answered=200)
