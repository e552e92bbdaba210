"""The UDP port: what waits is read before it is served, and what comes while the first is served, in the same turn."""

from __future__ import annotations

import pytest

from vosswitch.sip.transport.draining import DrainingPort

SOURCE = ("192.0.2.10", 5060)


class Socket:
    """Gives what waits in it; *looks* counts how often it was asked."""

    def __init__(self, *waiting):
        self.waiting = list(waiting)
        self.looks = 0

    def recvfrom(self, most):
        self.looks += 1
        if not self.waiting:
            raise BlockingIOError
        return self.waiting.pop(0), SOURCE


@pytest.fixture
def story():
    return []


def port_of(story, *waiting, answers=()):
    """A port whose peer sends one of *answers* each time that something is served."""
    made = DrainingPort(0, None)
    made.socket, made.connected, made.now = Socket(*waiting), True, lambda: 0.0
    made.take = lambda data, source, now: story.append(data)
    answers = list(answers)

    def serve():
        story.append("served")
        made.socket.waiting += [answers.pop(0)] if answers else []

    made.serve = serve
    return made


def test_a_lone_datagram_costs_two_looks(story):
    port = port_of(story, b"1")
    port.doRead()
    assert story == [b"1", "served"]
    assert port.socket.looks == 2


def test_an_answer_that_comes_meanwhile_is_served_in_the_same_turn(story):
    port = port_of(story, b"1", answers=[b"2"])
    port.doRead()
    assert story == [b"1", "served", b"2", "served"]


def test_behind_the_first_all_that_waits_is_read_before_more_is_served(story):
    port = port_of(story, b"1", b"2", b"3", b"4")
    port.doRead()
    assert story == [b"1", "served", b"2", b"3", b"4", "served"]


def test_a_port_that_is_closed_meanwhile_is_not_read(story):
    port = port_of(story, b"1", b"2")
    port.serve = lambda: setattr(port, "connected", False)
    port.doRead()
    assert story == [b"1"]


def test_a_turn_ends_in_time(story):
    port = port_of(story, b"1", answers=[b"2"] * 100)
    times = iter(range(100))
    port.now = lambda: next(times) * 0.002
    port.doRead()
    assert story.count("served") == 3
