"""Two nodes on one MariaDB have a customer's lines together, and who is left has all of them."""

from __future__ import annotations

import pytest

from tests.support.load import Load
from tests.support.mariadb import MariaDb
from tests.support.switch import Switch, until

pytestmark = pytest.mark.mariadb
LINES = 3
MORE = """
[[mapping_gateways]]
name = "open"
account = "O"
auth = "ip"
addresses = ["{host}"]
lines = {lines}
[[parameters]]
name = "VS_LIMITS_SHARED"
value = "{shared}"
"""


@pytest.fixture
def server(tmp_path):
    made = MariaDb(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def load(tmp_path, server):
    made = Load(tmp_path, server.new_url(), node={"id": 4})
    yield made
    made.close()


@pytest.fixture
def second(load, tmp_path):
    (tmp_path / "second").mkdir()
    node = {"id": 9, "name": "second"}
    made = Switch(tmp_path / "second", load.url, node=node, media={"address": "127.0.5.2"}).start()
    yield made
    made.stop()


def share(switch):
    """Calls of the customer's gateway on a node, its part of the lines, and the whole."""
    rows = switch.json("limits", "--kind", "mapping")
    return next(((row["calls"], row["lines_here"], row["lines"]) for row in rows if row["name"] == "open"), None)


def provide(load, shared="divided"):
    load.switch.provision(MORE.format(host=load.hosts["open"], lines=LINES, shared=shared), "limits.toml")


def test_lines_are_divided_and_come_back_when_a_node_dies_or_stops(load, second):
    provide(load)
    until(lambda: share(load.switch) == (0, 2, 3) and share(second) == (0, 1, 3), 5, "the parts")
    assert load.switch.json("node", "status")[0]["nodes"] == second.json("node", "status")[0]["nodes"] == [4, 9]
    load.vendor()
    load.caller("here", 5, 60_000, "open")
    load.caller("there", 5, 60_000, "open", second.port)
    until(lambda: share(load.switch) == (2, 2, 3) and share(second) == (1, 1, 3), 10, "full parts")
    refused = load.switch.cdrs(3, "--account", "O")
    assert {row["end_reason"] for row in refused} == {"line_limit"}
    explained = load.switch.cli("cdr", "explain", refused[0]["call_id"]).stdout
    assert "are this node's" in explained, explained
    second.process.kill()
    second.process.wait()
    until(lambda: share(load.switch) == (3, 3, 3), 25, "the dead node's part")
    second.start()
    until(lambda: share(load.switch)[1:] == (2, 3) and share(second)[1:] == (1, 3), 10, "the part of who is back")
    assert second.stop() == 0
    until(lambda: share(load.switch)[1:] == (3, 3), 4, "the part of the one that has stopped")
    provide(load, "local")
    second.start()
    until(lambda: share(load.switch)[1:] == share(second)[1:] == (3, 3), 5, "the whole for each")
    assert "alive: 4, 9" in load.switch.log()
    assert "Traceback" not in load.switch.log() + second.log()
