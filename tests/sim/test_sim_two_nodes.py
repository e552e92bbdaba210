"""Two nodes on one database: either dies at every write in turn, and no story of the other changes."""

from __future__ import annotations

import os
import random

import pytest

from tests.sim.sim_pair import Pair
from tests.sim.sim_world import template
from tests.sim.test_sim_crashes import SAME_AS_BEFORE, SEEDS, schedule
from tests.unit.call.call_world import PREPAID
from vosswitch.model.values import UNITS

SCENARIO = [
    (None, "record"),
    (0, "pay", "p", 4 * UNITS),  # what is free then is divided
    (1, "time", 1.5),
    (1, "record"),
    (0, "call", "4312345", PREPAID),  # both nodes talk for one prepaid account
    (1, "call", "4312345", PREPAID),
    (0, "answer", 0),
    (1, "answer", 0),
    (None, "time", 0.06),
    (0, "call", "4312345"),
    (0, "answer", 1),
    (None, "time", 10),
    (1, "call", "4412345", PREPAID),  # runs out of money
    (1, "answer", 1),
    (None, "record"),
    (0, "pay", "p", UNITS // 10),
    (None, "time", 20),
    (0, "callee", 0, "hangs_up"),
    (None, "record"),
    (None, "time", 30),
    (None, "record"),
    (1, "caller", 0, "hangs_up"),
    (0, "call", "4412345", PREPAID),  # is up at the end
    (0, "answer", 2),
    (None, "time", 1),
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return template(tmp_path_factory.mktemp("template"))


def trial(folder, prepared, crash_at=((), ()), how="kill", steps=SCENARIO):
    pair = Pair(folder / "pair", prepared, crash_at, how)
    try:
        pair.run(steps)
    except AssertionError as error:
        raise AssertionError(f"{how} at points {crash_at}: {error}") from error
    return pair


def test_a_calm_day_of_two(prepared, folder):
    pair = trial(folder, prepared)
    assert pair.crashes == 0
    answered = [{flowno for kind, flowno, _ in node.written if kind == "answer"} for node in pair.nodes]
    assert all(answered)
    assert not answered[0] & answered[1]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("how", ["kill", "torn", "power", "recorder"])
def test_one_of_two_nodes_dies_at_any_write(prepared, folder, which, how):
    points = trial(folder, prepared).nodes[which].points
    wanted = {"torn": ("start before", "answer before", "end before", "extend before"), "recorder": ("commit",)}
    for number, label in enumerate(points):
        if label in SAME_AS_BEFORE or not label.startswith(wanted.get(how, "")):
            continue
        if number % (1 if "SIM_SEEDS" in os.environ else 3):
            continue
        crash_at = [(), ()]
        crash_at[which] = (number,)
        assert trial(folder, prepared, crash_at, how).crashes == 1, (number, label)


@pytest.mark.parametrize("seed", range(max(SEEDS // 2, 3)))
def test_random_days_of_two(prepared, folder, seed):
    source = random.Random(seed)
    how = source.choice(["kill", "torn", "power", "recorder"])
    crash_at = [sorted(source.sample(range(120), source.randrange(4))) for _ in range(2)]
    steps = [
        (None if name in ("time", "record") else which, name, *rest)
        for one, two in zip(schedule(source, 40), schedule(source, 40), strict=False)
        for which, (name, *rest) in ((0, one), (1, two))
    ]
    trial(folder, prepared, crash_at, how, steps)
