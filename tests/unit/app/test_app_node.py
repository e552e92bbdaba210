"""The node as a whole: what a stop does, and how money and configuration of the recorder arrive."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from twisted.internet.defer import Deferred, gatherResults

from tests.unit.app.app_world import Reactor
from tests.unit.call.call_world import PREPAID, FakeEngine, FakeLeg, FakeLegs, World, bodies, offer
from vosswitch.app.node import Switch
from vosswitch.cdr.files import JournalReader
from vosswitch.cdr.journal import Position
from vosswitch.model.signals import Try
from vosswitch.model.values import UNITS, Address
from vosswitch.params.boot import read


class Running:
    """A node with fake legs and media, as if the recorder had told everything."""

    def __init__(self, folder, parameters=None):
        self.folder = folder
        self.reactor = Reactor()
        self.switch = Switch(self.reactor, read({"plugins": {"path": []}, "run": {
            "directory": str(folder / "run"), "spool": str(folder / "spool")}}, str(folder / "v.toml")))  # fmt: skip
        world = World.__new__(World)  # its face for fakes: they tell it what happened
        world.story, world.happened = [], lambda what, value: None
        self.world = world
        board = self.switch.calls._board
        board.legs, board.media = self.legs, self.media = FakeLegs(world), FakeEngine()
        self.switch._configured(bodies(parameters=parameters or {}))
        self.switch._money({name: {"balance": 100 * UNITS, "grant": 100 * UNITS} for name in "cp"})

    def talk(self):
        leg = FakeLeg(self.world, "in", remote=PREPAID)
        self.switch.calls.incoming(leg, Try("1", "4312345", PREPAID, Address("h", 1), "x", session=offer()))
        self.legs.placed[-1].answers(offer(5000))
        return leg

    def records(self, kind):
        reader = JournalReader(str(self.folder / "spool"), Position(0, 0), pytest.fail)
        found = [item.value() for item in reader.read(1000) if item.kind == kind]
        reader.close()
        return found


@pytest.fixture
def node(tmp_path):
    return Running(tmp_path)


def test_a_stop_ends_and_bills_every_call(node):
    node.talk()
    node.reactor.advance(10)
    stopped = node.switch.stopService()
    assert stopped.called
    (end,) = node.records("end")
    assert (end["end_reason"], end["fee"]) == ("switch_restart", UNITS // 10)
    assert node.switch.balances.state("p").reserved == 0
    assert node.switch.draining
    assert not node.reactor.getDelayedCalls()


def test_a_stop_waits_for_calls_as_long_as_it_may(tmp_path):
    node = Running(tmp_path, {"VS_DRAIN_SECONDS": "30"})
    leg = node.talk()
    node.switch._stop_or_skip()
    stopped = node.switch.stopService()
    node.reactor.advance(10)
    assert not stopped.called
    leg.hangs_up()
    assert stopped.called
    assert node.reactor.stops == 1
    assert node.records("end")[0]["end_reason"] == "normal"


def test_calls_that_do_not_end_in_time_are_ended(tmp_path):
    node = Running(tmp_path, {"VS_DRAIN_SECONDS": "30"})
    node.talk()
    node.switch._stop_or_skip()
    stopped = node.switch.stopService()
    node.reactor.advance(30)
    assert stopped.called
    assert node.reactor.stops == 1
    assert node.records("end")[0]["end_reason"] == "switch_restart"


def test_a_second_signal_skips_the_wait_and_further_ones_do_nothing(tmp_path):
    node = Running(tmp_path, {"VS_DRAIN_SECONDS": "30"})
    node.talk()
    node.switch._stop_or_skip()
    stopped = node.switch.stopService()
    assert not stopped.called
    node.switch._stop_or_skip()
    assert stopped.called
    node.switch._stop_or_skip()
    assert node.reactor.stops == 1


def test_a_drained_node_stops_like_any_other(node):
    node.switch.draining = True
    node.switch._stop_or_skip()
    assert node.reactor.stops == 1
    assert node.switch.stopService().called


def test_money_of_the_recorder_arrives(node):
    node.talk()
    node.reactor.advance(10)
    node.switch.calls.stop_all()
    held = node.switch.balances.state("p")
    assert (held.balance, held.undrained) == (100 * UNITS, UNITS // 10)
    node.switch._money({"p": {"balance": 99 * UNITS, "grant": 99 * UNITS, "drained": UNITS // 10}})
    assert (held.balance, held.grant, held.undrained) == (99 * UNITS, 99 * UNITS, 0)
    node.switch.stopService()


def test_trouble_is_told_until_it_is_over(node):
    node.switch.note_trouble("database", "gone away")
    assert node.switch.trouble == {"database": "gone away"}
    node.switch.note_trouble("database", "")
    node.switch.note_trouble("journal", "")
    assert node.switch.trouble == {}
    node.switch.stopService()


def test_calls_are_decided_with_whole_configurations_only(node):
    before = node.switch.snapshot
    whole = bodies(seq=9)
    kinds = [name for name, value in whole.items() if isinstance(value, dict)]
    for number, kind in enumerate(kinds):
        assert node.switch.snapshot is before
        part = {name: whole[name] if name == kind else {} for name in kinds}
        head = {"op": "config", "seq": 9, "full": not number, "more": kind != kinds[-1]}
        node.switch._configured(head | part)
    assert node.switch.snapshot.seq == 9
    assert set(node.switch.snapshot.mapping_gateways) == set(whole["mapping_gateways"])
    node.switch.stopService()


class SlowMedia:
    """A media engine whose first ports take their time."""

    def __init__(self):
        self.ready = Deferred()

    def when_ready(self):
        return gatherResults([self.ready], consumeErrors=True)


def test_calls_wait_for_the_first_media_ports_but_not_for_ever(node):
    """A worker that takes seconds to start costs no call; one that never does is told in one line."""
    node.switch.media = media = SlowMedia()
    warned = []
    node.switch.log = SimpleNamespace(warn=lambda text, **_: warned.append(text))
    ready = node.switch._start_media()
    node.reactor.advance(10)
    assert not ready.called
    media.ready.callback(None)
    assert ready.called
    assert warned == []

    node.switch.media = SlowMedia()
    late = node.switch._start_media()
    node.reactor.advance(15)
    assert late.called
    assert late.result is None
    assert [line.split(":")[0] for line in warned] == ["no media ports after {seconds} s"]
