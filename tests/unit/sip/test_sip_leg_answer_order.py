"""The 2xx of a vendor is acknowledged when the call has written its answer down, and not before."""

from __future__ import annotations

import pytest
from sip_world import ANSWER, UAS, World, reply

from vosswitch.model.causes import cause
from vosswitch.model.signals import Answer, Release


class Listener:
    """Notes what had been sent when the answer was reported."""

    def __init__(self, world: World, then=lambda leg: None) -> None:
        self.world, self.then = world, then
        self.sent_before: list | None = None

    def heard(self, leg, signal):
        if isinstance(signal, Answer):
            self.sent_before = self.world.take(UAS)
            self.then(leg)


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def answer(world, listener):
    leg = world.place()
    leg.listen(listener)
    invite = world.one(UAS)
    world.put(reply(invite, 200, ANSWER), UAS)
    return leg, invite


def test_the_answer_is_told_before_it_is_acknowledged(world):
    listener = Listener(world)
    leg, invite = answer(world, listener)
    assert listener.sent_before == []
    ack = world.one(UAS)
    assert ack.method == "ACK"
    world.put(reply(invite, 200, ANSWER), UAS)
    assert world.one(UAS).via.branch == ack.via.branch
    leg.send(Release(cause("normal")))
    world.put(reply(world.one(UAS), 200), UAS)


def test_an_answer_that_is_not_taken_is_acknowledged_once_and_ended(world):
    listener = Listener(world, lambda leg: leg.send(Release(cause("degraded"))))
    answer(world, listener)
    ack, bye = world.take(UAS)
    assert (ack.method, bye.method) == ("ACK", "BYE")
    world.put(reply(bye, 200), UAS)
