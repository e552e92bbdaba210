"""What the node holds off is written down behind, read again, and told in the log."""

from __future__ import annotations

import pytest
from twisted.internet.defer import fail, succeed
from twisted.internet.task import Clock
from twisted.logger import Logger, formatEvent

from vosswitch.app import holding
from vosswitch.app.holding import BEHIND, PAUSE, Holding
from vosswitch.call.fraud.counters import FraudEvent
from vosswitch.call.fraud.files import BlockFile
from vosswitch.call.fraud.guard import Guard


class Node:
    """A guard with its file, on a clock that the test moves."""

    def __init__(self, folder):
        self.clock = Clock()
        self.guard = Guard(self.clock.seconds, lambda: 1_000_000 + int(self.clock.seconds() * 1000))
        self.file = BlockFile(str(folder))
        self.broken = False
        self.calls = []
        self.trouble = []
        self.events = []
        self.holding = Holding(
            self.clock, self.guard, self.file, self._in_thread, self.trouble.append,
            Logger("test", observer=self.events.append),
        )  # fmt: skip

    def _in_thread(self, function, argument):
        self.calls.append(function.__name__)
        if self.broken:
            return fail(OSError(28, "No space left on device"))
        return succeed(function(argument))

    def block(self, number, seconds=600):
        self.guard.blocks.hold("caller", (number,), "malicious_caller", "so", seconds, self.clock.seconds())

    def kept(self):
        return {row["key"][0]: row["until"] for row in self.file.load()[0]}


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path)
    assert made.holding.start() == ""
    return made


def test_changes_are_written_together_a_moment_later(node):
    node.block("1")
    node.block("2")
    node.guard.release("caller", ("1",))
    assert node.kept() == {}
    node.clock.advance(BEHIND)
    assert node.kept() == {"1": 0, "2": 1_600_000}
    assert node.calls == ["append"]
    assert not node.clock.getDelayedCalls()


def test_the_next_run_takes_over_what_is_still_in_force(node, tmp_path):
    node.block("1")
    node.block("2", seconds=5)
    node.holding.stop()
    node.block("3")  # nobody writes that down any more
    later = Node(tmp_path)
    later.clock.advance(10)
    later.holding.start()
    assert [block.key for block in later.guard.blocks.of("caller", later.clock.seconds())] == [("1",)]
    later.clock.advance(BEHIND)
    assert (later.calls, later.kept()) == (["replace"], {"1": 1_600_000})


def test_a_full_disk_is_told_and_all_is_written_later(node):
    node.broken = True
    node.block("1")
    node.clock.advance(BEHIND)
    assert node.trouble == ["blocks are not kept: [Errno 28] No space left on device"]
    node.broken = False
    node.block("2")
    node.clock.advance(PAUSE)
    assert node.kept() == {"1": 1_600_000, "2": 1_600_250}
    assert node.trouble[-1] == ""


def test_the_file_is_written_anew_when_it_has_grown(node, monkeypatch):
    monkeypatch.setattr(holding, "MOST_LINES", 4)
    for _ in range(6):
        node.block("1")
        node.clock.advance(BEHIND)
        node.guard.release("caller", ("1",))
        node.clock.advance(BEHIND)
    assert len(node.file.load()[0]) < 4
    assert "replace" in node.calls


def test_damage_is_told_in_one_line(tmp_path):
    node = Node(tmp_path)
    node.file.path.write_bytes(b"garbage\n[1]\n")
    assert node.holding.start() == f"{node.file.path}: 2 lines cannot be read and are left out"


def test_a_level_is_one_line_of_the_log_and_not_more_than_so_many_a_second(node):
    event = FraudEvent("block", "x", "c", "", "money_per_hour", 3, 2, "3 of 2 within an hour")
    for _ in range(holding.LINES_A_SECOND + 5):
        node.guard.told(event)
    assert len(node.events) == holding.LINES_A_SECOND
    assert formatEvent(node.events[0]) == ("fraud rule x: block: account c, destination all: 3 of 2 within an hour")
    assert (node.events[0]["event"], node.events[0]["value"]) == ("fraud_block", 3)
    node.clock.advance(1)
    node.guard.told(event)
    assert node.events[-1]["unsaid"] == 5
