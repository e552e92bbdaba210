"""The switch's side of the recorder, with a child that does not exist."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from twisted.internet import error
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import Logger
from twisted.python.failure import Failure

from vosswitch.cdr.journal import Position
from vosswitch.cdr.record import Cdr, Charge
from vosswitch.recorder.service import RecorderService, RecorderStopped
from vosswitch.recorder.wire import Lines, pack


class Reactor(Clock):
    """Starts no process; keeps what it was told."""

    def __init__(self):
        super().__init__()
        self.spawned = []
        self.factory = None

    def spawnProcess(self, protocol, executable, args, env, childFDs):
        assert os.fstat(childFDs[3])
        process = SimpleNamespace(protocol=protocol, args=args, env=env, signals=[])
        process.signalProcess = process.signals.append
        self.spawned.append(process)
        return process

    def adoptStreamConnection(self, fd, family, factory):
        assert os.fstat(fd)
        self.link = factory.buildProtocol(None)
        self.link.makeConnection(StringTransport())


class Switch:
    """The service, and what it told."""

    def __init__(self):
        self.reactor = Reactor()
        self.configs, self.money, self.drained, self.troubles, self.aside = [], [], [], [], []
        self.ready = 0
        self.service = RecorderService(
            self.reactor, SimpleNamespace(path="/etc/x.toml"), self.configs.append, self.money.append,
            self.drained.append, self.count, self.troubles.append, Logger(), on_aside=self.aside.append,
        )  # fmt: skip

    def count(self):
        self.ready += 1

    def said(self):
        """What the child was told since the last time."""
        transport = self.reactor.link.transport
        found = Lines().feed(transport.value()) if transport.value() else []
        transport.clear()
        return found

    def hear(self, op, **message):
        self.reactor.link.dataReceived(pack({"op": op, **message}))

    def exit(self, how=error.ProcessTerminated):
        self.reactor.spawned[-1].protocol.processEnded(Failure(how(9) if how is error.ProcessTerminated else how(0)))

    def ended(self, offset, *charged):
        cdr = Cdr(offset, "20261120", 0, 0)
        cdr.charges = [Charge(account, amount, "call") for account, amount in charged]
        self.service.note_end(Position(1, offset), cdr)


@pytest.fixture
def switch():
    made = Switch()
    made.service.startService()
    yield made
    if made.service.running:
        made.service.stop()
        made.exit(error.ProcessDone)
    assert not made.reactor.getDelayedCalls()


def row(balance, grant=0, **more):
    return {"balance": balance, "grant": grant, **more}


def test_tells_the_switch_what_it_hears(switch):
    switch.hear("config", seq=4, more=False)
    switch.hear("money", segment=1, offset=0, accounts={"a": row(5)})
    switch.hear("ready", seq=4)
    switch.hear("a message of a newer version")
    assert switch.configs == [{"op": "config", "seq": 4, "more": False}]
    assert switch.money == [{"a": row(5)}]
    assert switch.ready == 1


def test_counts_what_of_this_runs_charges_is_in_the_database(switch):
    switch.ended(10, ("a", 3), ("v", 1))
    switch.ended(20, ("a", 4))
    switch.ended(30, ("b", 5))
    switch.hear("drained", segment=1, offset=20, accounts={"a": row(93, drained=1000), "v": row(-1), "old": row(1)})
    assert switch.drained == [{"a": row(93, drained=7), "v": row(-1, drained=1), "old": row(1, drained=0)}]


def test_counts_right_when_the_recorder_died_between_commit_and_message(switch):
    switch.ended(10, ("a", 3))
    switch.ended(20, ("a", 4), ("v", 2))
    switch.exit()
    switch.reactor.advance(0.1)
    switch.hear("money", segment=1, offset=10, accounts={"a": row(97), "v": row(0)})
    assert switch.drained == [{"a": row(97, drained=3)}]
    assert switch.money == [{"v": row(0)}]
    switch.hear("drained", segment=1, offset=20, accounts={"a": row(93), "v": row(-2)})
    assert switch.drained[1] == {"a": row(93, drained=4), "v": row(-2, drained=2)}


def test_charges_of_an_account_that_is_gone_are_settled_too(switch):
    switch.ended(10, ("gone", 3))
    switch.hear("drained", segment=1, offset=10, accounts={})
    assert switch.drained == [{"gone": row(0, drained=3)}]


def test_a_dead_child_is_started_again_with_what_the_switch_has(switch):
    switch.hear("config", seq=4, more=True)
    switch.hear("config", seq=4, more=False)
    switch.hear("config", seq=7, more=True)
    assert switch.reactor.spawned[0].args[-2:] == ["/etc/x.toml", "0"]
    switch.exit()
    assert switch.troubles[-1].startswith("recorder: ")
    switch.reactor.advance(0.1)
    assert switch.reactor.spawned[1].args[-2:] == ["/etc/x.toml", "4"]
    switch.hear("ready", seq=7)
    assert switch.troubles[-1] == ""


def test_a_child_that_keeps_dying_is_started_less_and_less_often(switch):
    for wait in (0.1, 0.5, 1.0, 2.0, 5.0, 5.0):
        count = len(switch.reactor.spawned)
        switch.exit()
        switch.reactor.advance(wait - 0.01)
        assert len(switch.reactor.spawned) == count
        switch.reactor.advance(0.02)
        assert len(switch.reactor.spawned) == count + 1
    switch.reactor.advance(31)
    switch.exit()
    switch.reactor.advance(0.11)
    assert len(switch.reactor.spawned) == count + 2


def test_apply_fires_when_the_change_is_live_even_over_a_restart(switch):
    seqs = []
    switch.service.apply().addCallback(seqs.append)
    (asked,) = switch.said()
    assert asked["op"] == "apply"
    switch.exit()
    switch.reactor.advance(0.1)
    assert switch.said() == [asked]
    switch.hear("applied", id=asked["id"], seq=12)
    switch.hear("applied", id=asked["id"], seq=12)
    assert seqs == [12]


def test_asks_for_money_once_until_it_is_answered(switch):
    switch.service.want("a", 5)
    switch.service.want("a", 6)
    assert switch.said() == [{"op": "want", "account": "a", "amount": 5}]
    switch.hear("money", segment=1, offset=0, accounts={"a": row(5, 5)})
    switch.service.want("a", 7)
    assert switch.said() == [{"op": "want", "account": "a", "amount": 7}]


def test_a_stop_waits_for_the_child(switch):
    stopped, failed = [], []
    switch.service.apply().addErrback(failed.append)
    switch.service.stop().addCallback(stopped.append)
    assert switch.said()[-1] == {"op": "stop"}
    assert not stopped
    switch.exit(error.ProcessDone)
    assert stopped == [None]
    assert failed[0].check(RecorderStopped)
    assert len(switch.reactor.spawned) == 1


def test_a_stop_does_not_wait_for_ever(switch):
    stopped = []
    switch.service.stop().addCallback(stopped.append)
    switch.reactor.advance(10)
    assert switch.reactor.spawned[0].signals == ["KILL"]
    switch.exit()
    assert stopped == [None]


def test_a_stop_while_there_is_no_child(switch):
    switch.exit()
    stopped = []
    switch.service.stop().addCallback(stopped.append)
    assert stopped == [None]


def test_says_how_the_database_is(switch):
    switch.hear("trouble", text="database: gone")
    switch.hear("fine")
    assert switch.troubles == ["database: gone", ""]


def test_a_long_queue_is_told_once_and_again_when_half_of_it_is_written(switch):
    told = []
    switch.service.longest, switch.service.on_backlog = 10, told.append
    for offset in range(1, 13):
        switch.ended(offset)
        assert told == [True] * (offset >= 10)
    assert switch.service.backlog == 12
    switch.hear("drained", segment=1, offset=6, accounts={})
    assert (switch.service.backlog, told) == (6, [True])
    switch.hear("drained", segment=1, offset=7, accounts={})
    assert (switch.service.backlog, told) == (5, [True, False])


def test_a_queue_without_end_is_kept_in_little_memory_and_settled_exactly(switch):
    count = 25_500
    for offset in range(1, count + 1):
        switch.ended(offset, ("a", 1), ("b" if offset % 2 else "c", 2))
    assert switch.service.backlog == count
    assert len(switch.service._charged) < 10_020
    settled = {"a": 0, "b": 0, "c": 0}
    for offset in (5000, 10_500, 12_345, 25_499, count):
        switch.hear("drained", segment=1, offset=offset, accounts={})
        assert switch.service.backlog >= count - offset
        for number, row in switch.drained.pop().items():
            settled[number] += row["drained"]
        assert settled["a"] == count - switch.service.backlog
    assert settled == {"a": count, "b": count, "c": count}
    assert switch.service.backlog == 0


def test_the_parts_of_a_configuration_are_taken_one_a_turn(switch):
    """What comes behind them keeps its place, and nothing more is read meanwhile."""
    parts = [{"op": "config", "seq": 4, "more": more} for more in (True, True, False)]
    link = switch.reactor.link
    link.dataReceived(b"".join(map(pack, [*parts, {"op": "trouble", "text": "disk"}])))
    assert (len(switch.configs), link.transport.producerState) == (1, "paused")
    assert switch.troubles == []
    (turn,) = switch.reactor.getDelayedCalls()
    turn.cancel()
    link._go_on()
    assert (len(switch.configs), link.transport.producerState, switch.troubles) == (2, "paused", [])
    switch.reactor.advance(0)
    assert (switch.configs, link.transport.producerState, switch.troubles) == (parts, "producing", ["disk"])


def test_a_lost_link_takes_nothing_of_what_was_read(switch):
    link = switch.reactor.link
    link.dataReceived(b"".join(pack({"op": "config", "seq": 4, "more": more}) for more in (True, True, False)))
    link.connectionLost(Failure(error.ConnectionDone()))
    assert len(switch.configs) == 3
    switch.reactor.advance(0)
    assert len(switch.configs) == 3


def test_what_lies_in_the_spool_is_told_and_what_is_over_is_logged_only(switch, monkeypatch):
    said = []
    monkeypatch.setattr(switch.service, "_said", said.append)
    switch.hear("aside", text="1 calls that the database refuses are kept in /x")
    switch.hear("note", text="call 7: refused")
    switch.hear("aside", text="")
    assert switch.aside == ["1 calls that the database refuses are kept in /x", ""]
    assert said == ["call 7: refused"]
    assert not switch.troubles
