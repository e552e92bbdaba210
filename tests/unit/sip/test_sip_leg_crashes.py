"""Crashes: an answer is written down before its ACK, and legs of a former life are told until they answer."""

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


def resumable(world):
    """What is written down of a leg that is up."""
    leg, _ = answer(world, Listener(world))
    world.take(UAS)
    data = leg.resume_data()
    leg.send(Release(cause("normal")))
    world.put(reply(world.one(UAS), 200), UAS)
    return data


@pytest.mark.parametrize("status", [200, 481])
def test_an_orphan_is_settled_when_its_peer_has_answered(world, status):
    settled = []
    world.service.end_orphan(resumable(world), lambda: settled.append(1))
    bye = world.one(UAS)
    assert settled == []
    world.put(reply(bye, status), UAS)
    world.put(reply(bye, status), UAS)
    assert settled == [1]


def test_an_orphan_of_a_silent_peer_is_given_up(world):
    settled = []
    world.service.end_orphan(resumable(world), lambda: settled.append(1))
    world.clock.pump([0.5] * 70)
    assert settled == [1]
    assert len(world.take(UAS)) > 5


@pytest.mark.parametrize("data", [{}, {"protocol": "h323"}, {"protocol": "sip", "dialog": 5}])
def test_an_orphan_that_cannot_be_told_is_settled_at_once(world, data):
    settled = []
    world.service.end_orphan(data, lambda: settled.append(1))
    assert settled == [1]
