"""Rates by routing number and jurisdiction outlive the node: each call is billed by the terms of its answer record."""

from __future__ import annotations

import pytest

from tests.sim.sim_world import DOCUMENT, Sim, template
from tests.unit.call.call_world import plugins
from vosswitch.model.rating import Terms
from vosswitch.model.values import Address
from vosswitch.store import number_rows
from vosswitch.store.database import open_database
from vosswitch.store.fields import Deployment
from vosswitch.store.provision import apply_load
from vosswitch.store.secrets import Secrets

NANP = Address("192.0.2.50", 5060)
NEW_YORK, LOS_ANGELES = "12125550000", "13105550000"
PORTED, PLAIN = "14155550001", "12125550009"
LRN = "16505550000"


def rate(prefix, per_minute, **more):
    return {"prefix": prefix, "per_minute": per_minute} | more


MORE = {
    "number_tables": [{"name": "lrn", "kind": "lrn"}, {"name": "states", "kind": "nanp"}],
    "portability": [{"name": "dip", "table": "lrn", "rate_by": "lrn", "result": "parameter"}],
    "rate_groups": [
        {"name": "near", "rates": [rate("1", "0.9"), rate("1650", "0.2")]},
        {"name": "far", "rates": [rate("1", "0.8"), rate("1650", "1.0", first=30, next=6, connect_fee="0.03")]},
        {"name": "buynear", "rates": [rate("1", "0.1"), rate("1650", "0.15")]},
        {"name": "buyfar", "rates": [rate("1", "0.4"), rate("1650", "0.5", first=6, next=6)]},
    ],
    "mapping_gateways": [
        {
            "name": "mn", "account": "c", "addresses": [NANP.host], "portability": "dip", "jurisdiction": "states",
            "rate_group_interstate": "far", "rate_group_intrastate": "near",
        },
    ],
    "routing_gateways": [
        gateway | {"rate_group_interstate": "buyfar", "rate_group_intrastate": "buynear"}
        for gateway in DOCUMENT["routing_gateways"]
    ],
}  # fmt: skip
AFTERWARDS = {
    "rate_groups": [{"name": name, "rates": [rate("1", "7"), rate("1650", "7")]} for name in ("far", "near", "buyfar")],
    "mapping_gateways": [
        MORE["mapping_gateways"][0] | {"rate_group_interstate": "near", "rate_group_intrastate": "far"}
    ],
}
TERMS = {
    (NEW_YORK, PORTED): ("far", "1650", Terms("1.0", 30, 6, "0.03"), Terms("0.5", 6, 6)),
    (LOS_ANGELES, PORTED): ("near", "1650", Terms("0.2"), Terms("0.15")),
    (LOS_ANGELES, PLAIN): ("far", "1", Terms("0.8"), Terms("0.4")),
}
SCENARIO = [
    ("call", PORTED, NANP, NEW_YORK),  # 0: between states, by its routing number
    ("callee", 0, "rings"),
    ("answer", 0),
    ("call", PORTED, NANP, LOS_ANGELES),  # 1: within a state; the first gateway fails
    ("callee", 1, "fails", 503),
    ("answer", 1),
    ("time", 7),
    ("call", PLAIN, NANP, LOS_ANGELES),  # 2: between states, not ported
    ("answer", 2),
    ("change",),  # other prices and routing numbers, for calls after this
    ("time", 8.4),
    ("record",),
    ("caller", 0, "hangs_up"),
    ("time", 31),
    ("callee", 1, "hangs_up"),
    ("record",),
    ("time", 3),
]


class Ported(Sim):
    """A node whose prices hang on routing numbers and states, both of which change while calls are up."""

    def change(self):
        with self.database.real.write() as connection:
            apply_load(connection, AFTERWARDS, Deployment("vosswitch", Secrets(str(self.boot.key_file))))
            number_rows.put(connection, "lrn", PORTED, "12125550000", "test")
            number_rows.put(connection, "states", "310", "NY", "test")
        self.recorder._turn()
        self.recorder._follow()

    def money_story(self, records, rows):
        booked = {(number, call_id): amount for number, call_id, amount in rows}
        increment = plugins().billing_modes["increment"]
        talked = 0
        for cdr in records:
            if cdr["answer"] is None:
                assert (cdr["fee"], cdr["cost"]) == (0, 0), cdr
                continue
            group, prefix, sell, buy = TERMS[cdr["caller"], cdr["callee"]]
            ms, call_id = cdr["hold_time_ms"], int(cdr["call_id"])
            assert (cdr["rate_group"], cdr["rate_prefix"], cdr["cost_prefix"]) == (group, prefix, prefix), cdr
            fee, cost = increment.fee(ms, sell).fee, increment.fee(ms, buy).fee
            assert (cdr["fee"], cdr["cost"]) == (fee, cost), cdr
            assert (booked.get(("c", call_id), 0), booked.get(("v", call_id), 0)) == (-fee, -cost), cdr
            talked += fee > 0
        if not self.crashes:
            assert talked == 3


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = template(tmp_path_factory.mktemp("ported"))
    database = open_database(f"sqlite:///{folder}/db.sqlite")
    with database.write() as connection:
        apply_load(connection, MORE, Deployment("vosswitch", Secrets(str(folder / "key"))))
        number_rows.put(connection, "lrn", PORTED, LRN, "test")
        for code, state in (("212", "NY"), ("310", "CA"), ("650", "CA"), ("415", "NV")):
            number_rows.put(connection, "states", code, state, "test")
    database.close()
    return folder


def trial(folder, prepared, crash_at=(), how="kill"):
    sim = Ported(folder / "node", prepared, crash_at, how)
    try:
        sim.run(SCENARIO)
    except AssertionError as error:
        raise AssertionError(
            f"{how} at {[sim.points[one] for one in crash_at if one < len(sim.points)]}: {error}"
        ) from error
    return sim


def test_a_node_that_dies_at_any_write_bills_by_the_answer_record(prepared, folder):
    calm = trial(folder, prepared)
    assert calm.crashes == 0
    for how in ("kill", "torn", "power"):
        for number, label in enumerate(calm.points):
            if label in ("tick before", "sync before") or (how == "torn" and not label.endswith("before")):
                continue
            assert trial(folder, prepared, [number], how).crashes <= 1
