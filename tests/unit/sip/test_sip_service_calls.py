"""Whole calls through the service: both legs, a fake wire."""

from __future__ import annotations

import pytest
from sip_world import ANSWER, OFFER, UAS, World, reply

from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.signals import Answer, Confirm, Proceed, Release, Ring


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def test_call_over_two_legs(world):
    caller = world.invite()
    assert caller.statuses() == [100]
    incoming, offered = world.calls.offered[0]
    assert (offered.caller, offered.callee, offered.user) == ("4930", "4940", None)
    assert sdp.render(offered.session) == OFFER
    outgoing = world.place()
    invite = world.one(UAS)
    assert invite.method == "INVITE"
    assert invite.uri == "sip:4940@192.0.2.20:5080"
    world.put(reply(invite, 100), UAS)
    world.put(reply(invite, 180), UAS)
    assert world.calls.of(outgoing) == [Proceed(), Ring(None)]
    incoming.send(Ring())
    assert caller.statuses() == [180]
    world.put(reply(invite, 200, ANSWER), UAS)
    assert world.one(UAS).method == "ACK"
    assert world.calls.of(outgoing) == [Answer(sdp.parse(ANSWER))]
    incoming.send(Answer(sdp.parse(ANSWER)))
    ok = caller.take()[0]
    assert ok.status == 200
    assert ok.body == ANSWER
    caller.join(ok)
    caller.ack()
    assert world.calls.of(incoming) == [Confirm(None)]
    caller.request("BYE")
    assert caller.statuses() == [200]
    assert world.calls.of(incoming) == [Release(cause("normal")._replace(text=""))]
    outgoing.send(Release(cause("normal")))
    bye = world.one(UAS)
    assert bye.method == "BYE"
    assert bye.cseq.number == 2
    world.put(reply(bye, 200), UAS)
    assert world.service._stack.dialogs == {}
