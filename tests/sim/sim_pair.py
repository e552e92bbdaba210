"""Two whole nodes on one database: each has its journal, its recorder and its peers, and may die at every write."""

from __future__ import annotations

import shutil

from tests.sim.sim_world import Sim, opened
from vosswitch.store import grants

NODES = (3, 4)


class Pair:
    """Both nodes, which share accounts and nothing else.

    :param crash_at: by node, the points at which it dies.
    """

    def __init__(self, folder, prepared, crash_at=((), ()), how="kill"):
        url = f"sqlite:///{folder}/db.sqlite"
        opened(url).close()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(prepared / "db.sqlite", folder / "db.sqlite")
        self.nodes = [
            Sim(folder / str(node), prepared, points, how, node=node, shared=url)
            for node, points in zip(NODES, crash_at, strict=True)
        ]
        for node in self.nodes[1:]:
            node.paid = self.nodes[0].paid
        self.database = opened(url)

    @property
    def crashes(self):
        return sum(node.crashes for node in self.nodes)

    def step(self, which, name, *arguments):
        """One step of a node, None = of both; afterwards no account has less than calls hold of it."""
        for node in self.nodes if which is None else [self.nodes[which]]:
            node.guarded(getattr(node, name), *arguments)
        for node in self.nodes:
            held = node.life.balances.state("p")
            assert held.reserved >= 0
            assert held.reserved + held.undrained <= held.grant
        with self.database.read() as connection:
            mine = [grants.holdings(connection, node, ["p"])["p"] for node in NODES]
        assert sum(held.grant for held in mine) <= mine[0].balance, mine

    def run(self, steps):
        """All of them, and then the stories."""
        for step in steps:
            self.step(*step)
        self.step(None, "stop_calls")
        for _ in range(4):  # a crash in between leaves something to be done
            self.step(None, "time", 2.0)
            self.step(None, "record")
        self.stories()
        for node in self.nodes:
            node.shut()

    def stories(self):
        """Each node's own stories agree, and the money of both is that of the database."""
        records, _, granted, _ = self.nodes[0].money_in_order()
        for node in self.nodes:
            node.own_stories([cdr for cdr in records if cdr["node"] == node.boot.node_name])
        assert {cdr["node"] for cdr in records} <= {node.boot.node_name for node in self.nodes}
        for number in self.nodes[0].paid:
            states = [node.life.balances.state(number) for node in self.nodes]
            assert [(state.undrained, state.reserved) for state in states] == [(0, 0), (0, 0)], number
            assert granted[number] == sum(state.grant for state in states), number
