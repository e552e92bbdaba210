"""Two nodes, one MariaDB, one Redis: a change made on one is live on the other at once, without Redis in a second."""

from __future__ import annotations

import time

import pytest

from tests.support.redis import Redis
from tests.support.switch import Switch, until
from vosswitch.control.client import ControlClient

pytestmark = [pytest.mark.mariadb, pytest.mark.redis]


class Nodes:
    """The nodes 0 and 1."""

    def __init__(self, folder, url: str, redis_url: str) -> None:
        self.all: list[Switch] = []
        redis = {"redis": {"url": redis_url}} if redis_url else {}
        for number in (0, 1):
            place = folder / f"node{number}"
            place.mkdir()
            media = {"media": {"address": f"127.0.5.{number + 1}"}}  # its ports never meet another node's listeners
            node = Switch(place, url, node={"id": number, "name": f"node{number}"}, **media, **redis)
            if not number:
                node.cli("migrate")
            self.all.append(node.start(wait=False))
        for node in self.all:
            until(node.alive, 60, what="start of a node")

    def seq(self, number: int) -> int:
        """The last change that is live on a node."""
        with ControlClient(str(self.all[number].folder / "run" / "control.sock")) as client:
            return client.call("status")["seq"]

    def change(self, value: int) -> float:
        """Set a parameter through node 0's command line; seconds from its return until node 1 has it."""
        self.all[0].cli("params", "set", "VS_DRAIN_SECONDS", str(value))
        began, wanted = time.monotonic(), self.seq(0)
        until(lambda: self.seq(1) >= wanted, 5, "the change on node 1")
        return time.monotonic() - began

    def said(self, number: int, what: str) -> int:
        """How many log lines of a node hold *what*."""
        return sum(what in line for line in self.all[number].log().splitlines())

    def stop(self) -> None:
        """End them; nothing went wrong in them."""
        codes = [node.stop() for node in self.all]
        logs = "\n".join(node.log() for node in self.all)
        assert codes == [0, 0], logs[-4000:]
        assert "Traceback" not in logs, logs[-4000:]
        assert "Unhandled" not in logs, logs[-4000:]


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path)
    yield server
    server.stop()


def test_hints_make_changes_live_at_once_and_their_loss_is_said_once(tmp_path, mariadb_server, redis, record_property):
    nodes = Nodes(tmp_path, mariadb_server.new_url(), f"redis://127.0.0.1:{redis.port}/0")
    try:
        with_redis = sorted(nodes.change(value) for value in range(1, 4))
        assert with_redis[1] < 0.3, with_redis
        redis.kill()
        without = sorted(nodes.change(value) for value in range(11, 13))
        assert without[-1] < 2, without
        until(lambda: all(nodes.said(number, "connection lost") == 1 for number in (0, 1)), 5, "a word of the loss")
        redis.start()
        until(lambda: all(nodes.said(number, "works again") == 1 for number in (0, 1)), 15, "a word of the return")
        again = sorted(nodes.change(value) for value in range(21, 24))
        assert again[1] < 0.3, again
        for number in (0, 1):
            assert nodes.said(number, "redis 127.0.0.1") == 2, nodes.all[number].log()
        record_property("delays", [with_redis, without, again])
    finally:
        nodes.stop()


def test_a_redis_that_is_never_there_hinders_nothing(tmp_path, mariadb_server, redis):
    redis.kill()
    nodes = Nodes(tmp_path, mariadb_server.new_url(), f"redis://127.0.0.1:{redis.port}")
    try:
        assert nodes.change(1) < 2
        assert nodes.said(0, "redis 127.0.0.1") == nodes.said(1, "redis 127.0.0.1") == 1
    finally:
        nodes.stop()


@pytest.fixture
def single(tmp_path):
    """Makes single switches on SQLite, with a Redis URL each."""
    made = []

    def make(url: str) -> Switch:
        place = tmp_path / f"single{len(made)}"
        place.mkdir()
        made.append(Switch(place, redis={"url": url}))
        made[-1].cli("migrate")
        return made[-1]

    yield make
    for switch in made:
        if switch.process.poll() is None:
            assert switch.stop() == 0


def test_a_redis_that_asks_for_a_password_gets_it(tmp_path, single):
    server = Redis(tmp_path, "--requirepass", "se cret")
    try:
        good = single(f"redis://:se%20cret@127.0.0.1:{server.port}/3").start()
        bad = single(f"redis://127.0.0.1:{server.port}").start()
        until(lambda: "NOAUTH" in bad.log(), 5, "a word of the missing password")
        assert bad.log().count("redis 127.0.0.1") == 1
        assert "redis 127.0.0.1" not in good.log()
    finally:
        server.stop()


def test_a_url_that_is_none_ends_the_start_with_one_line(single):
    switch = single("redis://127.0.0.1:port").start(wait=False)
    assert switch.process.wait(15) == 1
    (line,) = switch.log().strip().splitlines()
    assert "[redis] url: expected redis://" in line
