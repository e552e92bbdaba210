"""The switch's end of the socket to its recorder: a long configuration comes in parts, one a turn of the loop."""

import pytest

from vosswitch.recorder.service import _Link
from vosswitch.recorder.wire import pack


class Transport:
    def __init__(self):
        self.reading = True

    def pauseProducing(self):
        self.reading = False

    def resumeProducing(self):
        self.reading = True


class Turns:
    """A reactor: what is called later during a turn comes in the next one."""

    def __init__(self):
        self.calls = []

    def callLater(self, _seconds, function):
        self.calls.append(function)


class Service:
    def __init__(self):
        self._reactor = Turns()
        self.heard = []

    def _linked(self, link):
        pass

    def _heard(self, message):
        self.heard.append(message["n"])


@pytest.fixture
def link():
    found = _Link(Service())
    found.transport = Transport()
    return found


def part(number, more=True):
    return pack({"op": "config", "n": number, "more": more})


def turn(link):
    calls, link._service._reactor.calls = link._service._reactor.calls, []
    for call in calls:
        call()


def test_each_part_has_a_turn_of_its_own(link):
    link.dataReceived(part(1) + part(2) + part(3, more=False) + pack({"op": "money", "n": 4}))
    assert link._service.heard == [1]
    assert not link.transport.reading
    turn(link)
    assert link._service.heard == [1, 2]
    assert not link.transport.reading
    turn(link)
    assert link._service.heard == [1, 2, 3, 4]
    assert link.transport.reading


def test_nothing_is_read_in_the_turn_of_a_part(link):
    link.dataReceived(part(1))
    assert not link.transport.reading  # what comes now would be a second part in this turn
    turn(link)
    assert link.transport.reading
    link.dataReceived(part(2, more=False))
    assert link._service.heard == [1, 2]
    assert link.transport.reading


def test_other_messages_wait_for_nothing(link):
    link.dataReceived(pack({"op": "money", "n": 1}) + pack({"op": "money", "n": 2}))
    assert link._service.heard == [1, 2]
    assert link.transport.reading
