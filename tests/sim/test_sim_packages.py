"""Calls that begin in gift seconds: the node dies at every write in turn, and no gift is lost, doubled or overdrawn."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.sim.sim_world import DOCUMENT, Sim, price, template
from tests.sim.test_sim_crashes import SAME_AS_BEFORE
from tests.unit.call.call_world import PREPAID
from vosswitch.billing.packages import SECOND
from vosswitch.model.values import UNITS
from vosswitch.store.schema import account, ledger

GIVEN = {"#c/basic/1": 25 * SECOND, "#c/basic/money": UNITS // 20, "#p/basic/1": 25 * SECOND,
         "#p/basic/money": UNITS // 20}  # fmt: skip
PACKAGE = {"name": "basic", "gift_minutes": [{"seconds": 25, "prefixes": ["43"]}], "gift_money": "0.05"}
ACCOUNTS = [one | ({"packages": ["basic"]} if one["number"] in "cp" else {}) for one in DOCUMENT["accounts"]]
STEPS = [
    ("call", "4312345", PREPAID),  # 0: side by side with 1, together more than is given
    ("answer", 0),
    ("call", "4312345", PREPAID),
    ("answer", 1),
    ("time", 8),
    ("call", "4312345"),  # 2: an account without anti-overdraft
    ("answer", 2),
    ("record",),
    ("time", 12),
    ("caller", 1, "hangs_up"),
    ("time", 20),
    ("record",),
    ("caller", 0, "hangs_up"),
    ("call", "4412345", PREPAID),  # 3: is not given, but for money
    ("answer", 3),
    ("time", 15),
    ("caller", 2, "hangs_up"),
    ("record",),
    ("call", "4312345", PREPAID),  # 4: is up at the end
    ("answer", 4),
    ("time", 1),
]


class Given(Sim):
    """A world in which two accounts have a package."""

    def money_story(self, records, rows):
        """Fee and gifts make the price of every call, and each of them is in a ledger once."""
        booked = {(number, call_id): amount for number, call_id, amount in rows}
        assert len(booked) == len(rows)
        for cdr in records:
            flowno, number = int(cdr["call_id"]), cdr["account"]
            whole = price(cdr["callee"], cdr["hold_time_ms"]) if cdr["answer"] is not None else 0
            assert cdr["fee"] + cdr["package_fee"] == whole, cdr
            money = booked.pop((f"#{number}/basic/money", flowno), 0)
            assert booked.pop((f"#{number}/basic/1", flowno), 0) == -cdr["package_seconds"] * SECOND
            assert -money <= cdr["package_fee"]
            assert booked.pop((number, flowno), 0) == -cdr["fee"]
            assert booked.pop((cdr["clearing_account"], flowno), 0) == -cdr["cost"]
        assert not booked
        self.purses_story()

    def purses_story(self):
        """What is left in a purse is what was given less what was used, and not below zero."""
        with self.database.read() as connection:
            balances = dict(connection.execute(select(account.c.number, account.c.balance)).all())
            used = connection.execute(select(ledger.c.account, ledger.c.amount, ledger.c.call_id)).all()
        for number, given in GIVEN.items():
            assert [row.amount for row in used if row.account == number and row.call_id is None] == [given]
            assert balances[number] == sum(row.amount for row in used if row.account == number) >= 0
            state = self.life.balances.state(number)
            assert (state.balance, state.reserved, state.undrained) == (balances[number], 0, 0), number


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return template(tmp_path_factory.mktemp("packages"), {"accounts": ACCOUNTS, "packages": [PACKAGE]})


def trial(folder, prepared, crash_at=(), how="kill"):
    sim = Given(folder / "node", prepared, crash_at, how)
    try:
        sim.run(STEPS)
    except AssertionError as error:
        labels = [sim.points[number] for number in crash_at if number < len(sim.points)]
        raise AssertionError(f"{how} at points {crash_at} ({', '.join(labels)}): {error}") from error
    return sim


def test_gifts_of_a_calm_day(prepared, folder):
    sim = trial(folder, prepared)
    assert sim.crashes == 0
    assert sim.life.balances.state("#p/basic/1").balance == 0


@pytest.mark.parametrize("how", ["kill", "power"])
def test_gifts_survive_a_death_at_any_write(prepared, folder, how):
    points = trial(folder, prepared).points
    for number, label in enumerate(points):
        if label in SAME_AS_BEFORE or (how == "power" and label in ("end before", "extend before", "commit before")):
            continue
        trial(folder, prepared, [number], how)


def test_gifts_survive_a_recorder_that_dies_at_any_commit(prepared, folder):
    for number, label in enumerate(trial(folder, prepared).points):
        if label.startswith("commit"):
            trial(folder, prepared, [number], "recorder")
