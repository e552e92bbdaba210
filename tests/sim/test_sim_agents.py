"""A chain of two agents outlives the node: whatever write it dies at, each level is charged once, by its own rates."""

from __future__ import annotations

import pytest

from tests.sim.sim_world import DOCUMENT, Sim, template
from tests.unit.call.call_world import plugins
from vosswitch.model.rating import Terms
from vosswitch.model.values import UNITS, Address, money
from vosswitch.store.database import open_database
from vosswitch.store.fields import Deployment
from vosswitch.store.provision import apply_load
from vosswitch.store.secrets import Secrets

BELOW = Address("192.0.2.60", 5060)
MORE = {
    "rate_groups": [
        {"name": "reseller", "rates": [
            {"prefix": "43", "per_minute": "0.5", "first": 60, "next": 60}, {"prefix": "44", "per_minute": "1"},
        ]},
        {"name": "master", "rates": [
            {"prefix": "43", "per_minute": "0.4", "connect_fee": "0.01", "tax": "20"},
            {"prefix": "44", "per_minute": "0.9"},
        ]},
    ],
    "accounts": [
        {"number": "q", "agent": "n", "balance": "1.5", "anti_overdraft": True, "rate_group": "retail"},
        {"number": "n", "kind": "agent", "agent": "t", "balance": "2", "anti_overdraft": True,
         "rate_group": "reseller"},
        {"number": "t", "kind": "agent", "balance": "1", "anti_overdraft": True, "rate_group": "master"},
    ],
    "mapping_gateways": [{"name": "mq", "account": "q", "addresses": [BELOW.host]}],
}  # fmt: skip
OPENING = {"q": 3 * UNITS // 2, "n": 2 * UNITS, "t": UNITS}
TERMS = {
    ("n", "43"): Terms("0.5", 60, 60), ("n", "44"): Terms("1"),
    ("t", "43"): Terms("0.4", 1, 1, "0.01", "20"), ("t", "44"): Terms("0.9"),
}  # fmt: skip
SCENARIO = [
    ("call", "4312345", BELOW),  # 0: grows
    ("callee", 0, "rings"),
    ("answer", 0),
    ("time", 30),
    ("call", "4412345", BELOW),  # 1: beside it
    ("answer", 1),
    ("record",),
    ("time", 20),
    ("call", "4312345", BELOW),  # 2: given up
    ("caller", 2, "gives_up"),
    ("caller", 1, "hangs_up"),
    ("record",),
    ("pay", "t", UNITS // 10),
    ("time", 60),  # the topmost agent runs out of money
    ("callee", 0, "hangs_up"),
    ("call", "4312345", BELOW),  # 3: is up at the end, or refused
    ("answer", 3),
    ("time", 1),
]


class AgentsSim(Sim):
    """The money of each level."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.paid.update(OPENING)

    def money_story(self, records, rows):
        """Each level of each call is booked once, at the price of the call's length."""
        super().money_story(records, rows)
        fee = plugins().billing_modes["increment"].fee
        for cdr in records:
            assert [level["account"] for level in cdr["agents"]] == ["n", "t"], cdr
            below = cdr["fee"]
            for level in cdr["agents"]:
                paid = money(level["fee"])
                if cdr["answer"] is None:
                    assert paid == 0
                else:
                    assert paid == fee(cdr["hold_time_ms"], TERMS[level["account"], cdr["callee"][:2]]).fee, cdr
                assert money(level["income"]) == below - paid
                below = paid
            assert cdr["agent_fee"] == money(cdr["agents"][0]["fee"])


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = template(tmp_path_factory.mktemp("agents"))
    database = open_database(f"sqlite:///{folder}/db.sqlite")
    with database.write() as connection:
        apply_load(connection, MORE, Deployment(realm="vosswitch", secrets=Secrets(str(folder / "key"))))
    database.close()
    assert DOCUMENT["accounts"]
    return folder


def trial(folder, prepared, crash_at=(), how="kill"):
    sim = AgentsSim(folder / "agents", prepared, crash_at, how)
    sim.run(SCENARIO)
    return sim


def test_a_chain_is_charged_once_whatever_write_the_node_dies_at(prepared, folder):
    calm = trial(folder, prepared)
    assert calm.crashes == 0
    assert "extend after" in calm.points
    for how in ("kill", "power"):
        for number, label in enumerate(calm.points):
            if label not in ("tick before", "tick after", "sync before"):
                assert trial(folder, prepared, [number], how).crashes == 1, (how, number, label)
