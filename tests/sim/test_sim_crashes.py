"""The node dies at every write in turn, and the four stories agree all the same."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.sim.sim_world import CUSTOMER, Sim, template
from tests.unit.call.call_world import PREPAID
from vosswitch.cdr.files import segments
from vosswitch.cdr.service import CARRY_AFTER
from vosswitch.model.values import UNITS

SAME_AS_BEFORE = ("tick before", "sync before")
"""Points at which nothing has happened since the one before."""
SEEDS = int(os.environ.get("SIM_SEEDS", "15"))

SCENARIO = [
    ("call", "4312345", PREPAID),  # 0: prepaid, grows, hangs up
    ("callee", 0, "rings"),
    ("answer", 0),
    ("time", 0.06),
    ("call", "4312345"),  # 1: the first gateway fails
    ("callee", 1, "fails", 503),
    ("answer", 1),
    ("time", 10),
    ("record",),
    ("call", "4312345", PREPAID),  # 2: given up while it rings
    ("caller", 2, "gives_up"),
    ("time", 20),
    ("caller", 1, "hangs_up"),
    ("record",),
    ("call", "4412345", PREPAID),  # 3: runs out of money
    ("answer", 3),
    ("pay", "p", UNITS // 10),
    ("time", 20),
    ("record",),
    ("time", 30),
    ("callee", 0, "hangs_up"),
    ("call", "4312345"),  # 4: is up at the end
    ("answer", 4),
    ("time", 1),
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return template(tmp_path_factory.mktemp("template"))


def trial(folder, prepared, crash_at=(), how="kill", steps=SCENARIO, **more):
    sim = Sim(folder / "node", prepared, crash_at, how, **more)
    try:
        sim.run(steps)
    except AssertionError as error:
        labels = [sim.points[number] for number in crash_at if number < len(sim.points)]
        raise AssertionError(f"{how} at points {crash_at} ({', '.join(labels)}): {error}") from error
    return sim


@pytest.fixture(scope="module")
def points(prepared, folder):
    """The points of a run that nothing interrupts."""
    return trial(folder, prepared).points


def test_a_calm_day(prepared, folder):
    sim = trial(folder, prepared)
    assert sim.crashes == 0
    assert not sim.farewells
    assert not [text for text in sim.troubles if text]
    assert {label.split()[0] for label in sim.points} == {
        "start", "answer", "extend", "end", "tick", "sync", "commit", "settle",
    }  # fmt: skip


@pytest.mark.parametrize("how", ["kill", "torn", "power"])
def test_a_node_that_dies_at_any_write(prepared, points, folder, how):
    for number, label in enumerate(points):
        if label in SAME_AS_BEFORE or (how == "power" and label in ("end before", "extend before", "commit before")):
            continue
        if how == "torn" and (not label.endswith("before") or label.split()[0] in ("sync", "commit", "tick")):
            continue
        sim = trial(folder, prepared, [number], how)
        assert sim.crashes == 1, (number, label)


@pytest.mark.parametrize("how", ["kill", "power"])
def test_a_node_that_dies_again_while_it_starts(prepared, points, folder, how):
    first = next(number for number, label in enumerate(points) if label == "sync after" and number > up(points))
    calm = trial(folder, prepared, [first], how)
    farewells = [number for number, label in enumerate(calm.points) if label == "farewell"]
    assert farewells
    assert calm.farewells
    for second in range(first + 1, farewells[-1] + 2):
        sim = trial(folder, prepared, [first, second], how)
        assert sim.crashes == 2
        assert set(sim.farewells) >= set(calm.farewells), calm.points[second]


def up(points):
    """The last answer: from there to the end a call is up."""
    return max(number for number, label in enumerate(points) if label == "answer after")


def test_a_recorder_that_dies_at_any_commit(prepared, points, folder):
    for number, label in enumerate(points):
        if label.startswith("commit"):
            sim = trial(folder, prepared, [number], "recorder")
            assert sim.crashes == 1
            assert not sim.farewells


@pytest.fixture(scope="module")
def careful(tmp_path_factory):
    """A database in which the 200 waits for the disk."""
    return template(tmp_path_factory.mktemp("careful"), VS_JOURNAL_SYNC_ANSWER="On")


def test_a_200_that_waits_for_the_disk_is_never_forgotten(careful, folder):
    calm = trial(folder, careful, sync_answer=True)
    assert calm.passed_on
    for number, label in enumerate(calm.points):
        if label.startswith(("answer", "sync", "end")):
            trial(folder, careful, [number], "power", sync_answer=True)


LONG = [
    ("call", "4312345", PREPAID),  # outlasts its segments, is extended before and after
    ("answer", 0),
    ("time", 30),
    *[
        step
        for number in range(1, 110)
        for step in (("call", "99"), ("time", 0.06), ("time", 1.0), *([("record",)] if number % 4 == 0 else []))
    ],
    ("callee", 0, "hangs_up"),
    ("time", 1),
]


def test_a_long_call_keeps_no_segments(prepared, folder):
    sim = Sim(folder / "node", prepared)
    for name, *arguments in LONG[:-2]:
        sim.guarded(getattr(sim, name), *arguments)
    carried = [flowno for kind, flowno, _ in sim.written if kind == "carry"]
    assert set(carried) == {sim.peers["in0"].flowno}
    spool = Path(sim.boot.spool_directory)
    first = min(position.segment for _, _, position in sim.written)
    assert len(segments(spool)) <= CARRY_AFTER + 3 < sim.writer.position.segment - first
    sim.run(LONG[-2:])


@pytest.mark.parametrize("how", ["kill", "torn", "power"])
def test_a_node_that_dies_while_a_long_call_is_carried(prepared, folder, how):
    calm = trial(folder, prepared, steps=LONG)
    near = [number for number, label in enumerate(calm.points) if label.startswith(("carry", "settle"))]
    assert len(near) > 6
    turns = sorted({at for number in near for at in range(number - 2, number + 12) if at < len(calm.points)})
    turns = [at for at in turns if calm.points[at] not in SAME_AS_BEFORE]
    for number in turns[:: 1 if "SIM_SEEDS" in os.environ else 3]:
        trial(folder, prepared, [number], how, LONG)


def schedule(source, size):
    """A day of *size* random steps."""
    steps, calls = [], 0
    for _ in range(size):
        pick = max(calls - 1 - int(source.expovariate(0.6)), 0)
        kind = source.choice(["call", "call", "answer", "answer", "callee", "caller", "time", "time", "record", "pay"])
        if kind == "call":
            steps.append(("call", source.choice(["4312345", "4412345", "99"]), source.choice([CUSTOMER, PREPAID])))
            calls += 1
        elif kind == "time":
            steps.append(("time", source.choice([0.02, 0.06, 1.0, 7.5, 31.0, 80.0])))
        elif kind == "pay":
            steps.append(("pay", source.choice("cp"), source.randrange(1, UNITS)))
        elif kind == "record":
            steps.append(("record",))
        elif calls:
            steps.append(EVENTS[kind](source, pick))
    return steps


EVENTS = {
    "answer": lambda source, pick: ("answer", pick),
    "caller": lambda source, pick: ("caller", pick, "hangs_up"),
    "callee": lambda source, pick: source.choice(
        [("callee", pick, "rings"), ("callee", pick, "fails", 503), ("callee", pick, "fails", 486),
         ("callee", pick, "hangs_up")]
    ),
}  # fmt: skip


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_days(prepared, folder, seed):
    source = random.Random(seed)
    how = source.choice(["kill", "torn", "power", "recorder"])
    crash_at = sorted(source.sample(range(160), source.randrange(5)))
    trial(folder, prepared, crash_at, how, schedule(source, 60))
