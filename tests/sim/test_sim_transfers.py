"""The node dies at every write of transferred calls, and the four stories agree all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.sim_world import Sim, template
from tests.unit.call.call_world import PREPAID, offer
from vosswitch.model.signals import Accept, Replaces, Transfer

SCENARIO = [
    ("call", "4312345", PREPAID),  # 0: is transferred, and runs out of money
    ("answer", 0),
    ("time", 10),
    ("transfer", 0, "4412345"),
    ("partner", 0, "rings"),
    ("partner", 0, "answers"),
    ("takes", 0),
    ("time", 31),
    ("record",),
    ("call", "4312345"),  # 1 and 2: are joined
    ("answer", 1),
    ("call", "4312346"),
    ("answer", 2),
    ("time", 5),
    ("attend", 1, 2),
    ("takes", 1),
    ("stays", 0, "hangs_up"),
    ("call", "4312345"),  # 3: its transfer fails
    ("answer", 3),
    ("transfer", 3, "4312347"),
    ("partner", 3, "fails"),
    ("time", 7),
    ("record",),
    ("stays", 1, "hangs_up"),
    ("call", "4312345"),  # 4: the new call comes about and is still up at the end
    ("answer", 4),
    ("transfer", 4, "4312347"),
    ("caller", 4, "hangs_up"),
    ("partner", 4, "answers"),
    ("takes", 4),
    ("time", 3),
    ("caller", 3, "hangs_up"),
]
SAME_AS_BEFORE = ("tick before", "sync before")


class TransferSim(Sim):
    """A node whose callers transfer.

    :ivar seen: by call, the leg that stays, the leg that it is connected with, and the life they belong to.
    """

    def __init__(self, *arguments, **more):
        self.seen = {}
        super().__init__(*arguments, **more)

    def transfer(self, number, callee):
        leg, life = self.calls[number]
        stays = self.out(number)
        if stays is None:
            return
        placed = len(life.legs.placed)
        leg.say(Transfer(callee))
        self.note_partner(number, stays, life, life.legs.placed[placed:])

    def note_partner(self, number, stays, life, placed):
        self.seen[number] = stays, placed[0] if placed else None, life

    def attend(self, number, other):
        (leg, life), (second, later) = self.calls[number], self.calls[other]
        stays, partner = self.out(number), self.out(other)
        if stays is None or partner is None or later is not life:
            return
        life.legs.names["name"] = second, False
        self.seen[number] = stays, None, life
        leg.say(Transfer("x", Replaces("name", "t", "f")))
        stays.say(Accept(offer(5002)))
        partner.say(Accept(offer(7002)))

    def alive(self, number):
        stays, partner, life = self.seen.get(number, (None, None, None))
        return (stays, partner) if life is self.life else (None, None)

    def partner(self, number, what):
        _, leg = self.alive(number)
        if leg is not None and not leg.gone:
            getattr(leg, what)(*{"answers": [offer(7000)], "fails": [486]}.get(what, []))

    def takes(self, number):
        leg, _ = self.alive(number)
        if leg is not None and not leg.gone:
            leg.say(Accept(offer(5002)))

    def stays(self, number, what):
        leg, _ = self.alive(number)
        if leg is not None and not leg.gone:
            getattr(leg, what)()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return template(tmp_path_factory.mktemp("template"))


def trial(folder, prepared, crash_at=(), how="kill"):
    sim = TransferSim(Path(folder) / "node", prepared, crash_at, how)
    try:
        sim.run(SCENARIO)
    except AssertionError as error:
        labels = [sim.points[number] for number in crash_at if number < len(sim.points)]
        raise AssertionError(f"{how} at points {crash_at} ({', '.join(labels)}): {error}") from error
    return sim


@pytest.fixture(scope="module")
def calm(prepared, folder):
    return trial(folder, prepared)


def test_a_calm_day_of_transfers(calm):
    assert not [text for text in calm.troubles if text]
    assert not calm.farewells
    ends = [flowno for kind, flowno, _ in calm.written if kind == "end"]
    assert len(ends) == 8  # five calls, and the new ones of three transfers
    assert sum(kind == "answer" for kind, _, _ in calm.written) == 7


@pytest.mark.parametrize("how", ["kill", "power"])
def test_a_node_that_dies_at_any_write_of_a_transfer(prepared, calm, folder, how):
    for number, label in enumerate(calm.points):
        if label in SAME_AS_BEFORE or label.startswith(("tick", "commit")):
            continue
        sim = trial(folder, prepared, [number], how)
        assert sim.crashes == 1, (number, label)
