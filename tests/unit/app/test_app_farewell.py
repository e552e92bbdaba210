"""Legs of a former life are told at a pace that peers can take, and remembered until they have answered."""

from __future__ import annotations

import orjson
import pytest
from twisted.internet.task import Clock

from vosswitch.app.restart import Orphans

LEGS = [{"leg": number} for number in range(120)]


class Peers:
    """Notes who was told; each settles when it is asked to."""

    def __init__(self):
        self.settle = []

    def end(self, leg, settled):
        self.settle.append(settled)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "orphans.json").write_bytes(orjson.dumps(LEGS))
    return tmp_path / "orphans.json"


def test_legs_are_told_some_at_a_time(file):
    clock, peers = Clock(), Peers()
    Orphans(str(file.parent)).tell(peers.end, clock.callLater)
    counts = []
    while clock.getDelayedCalls():
        counts.append(len(peers.settle))
        clock.advance(0.02)
    assert counts == [50, 100]
    assert len(peers.settle) == 120


def test_the_file_stays_until_the_last_one_has_answered(file):
    clock, peers = Clock(), Peers()
    orphans = Orphans(str(file.parent))
    orphans.tell(peers.end, clock.callLater)
    for settled in peers.settle[:50]:
        settled()
    assert orjson.loads(file.read_bytes()) == LEGS
    clock.pump([0.02] * 3)
    for settled in peers.settle[50:-1]:
        settled()
    assert file.exists()
    peers.settle[-1]()
    assert not file.exists()
    assert orphans.legs == []


def test_who_answers_at_once_is_no_trouble(file):
    clock = Clock()
    Orphans(str(file.parent)).tell(lambda leg, settled: settled(), clock.callLater)
    clock.pump([0.02] * 3)
    assert not file.exists()


def test_nobody_to_tell(tmp_path):
    Orphans(str(tmp_path)).tell(lambda leg, settled: pytest.fail("nobody"), Clock().callLater)
