"""What a gateway may not do to us by its answer: change our side of the dialog, or take a call without a session."""

from __future__ import annotations

import pytest
from sip_world import ANSWER, OFFER, UAS, World, reply

from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.signals import Answer, Release

SESSION = sdp.parse(ANSWER)


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def placed(world, **changes):
    leg = world.place(**changes)
    return leg, world.one(UAS)


def twisted(invite, body=ANSWER, **lines):
    """A 200 with other header lines than a response to *invite* should bear."""
    text = reply(invite, 200, body).decode()
    for name, value in lines.items():
        start = {"from_": "From", "call_id": "Call-ID", "cseq": "CSeq"}[name] + ": "
        text = "\r\n".join(start + value if line.startswith(start) else line for line in text.split("\r\n"))
    return text.encode()


@pytest.mark.parametrize(
    "lines",
    [
        {"from_": "<sip:evil@192.0.2.20>;tag=evil"},
        {"from_": "<sip:evil@192.0.2.20>"},
        {"call_id": "evil"},
        {"cseq": "2147483647 INVITE"},
        {"from_": "<sip:evil@192.0.2.20>;tag=evil", "call_id": "evil", "cseq": "77 INVITE"},
    ],
)
def test_our_side_of_the_dialog_stays_as_we_sent_it(world, lines):
    leg, invite = placed(world)
    world.put(twisted(invite, **lines), UAS)
    assert world.calls.of(leg) == [Answer(SESSION)]
    leg.send(Release(cause("normal")))
    ack, bye = world.take(UAS)
    assert (ack.cseq.number, bye.cseq.number) == (1, 2)
    for message in (ack, bye):
        assert message.call_id == invite.call_id
        assert message.get("from") == invite.get("from")
    world.put(reply(bye, 200, tag=""), UAS)
    assert world.service._stack.dialogs == {}


def test_two_calls_answered_with_one_tag_do_not_meet(world):
    """A gateway that gives every answer the same From tag takes no call's dialog from another."""
    first, one = placed(world)
    second, two = placed(world)
    for invite in (one, two):
        world.put(twisted(invite, from_="<sip:x@192.0.2.20>;tag=same"), UAS)
    assert {ack.method for ack in world.take(UAS)} == {"ACK"}
    world.calls.signals.clear()
    first.send(Release(cause("normal")))
    world.put(reply(world.one(UAS), 200, tag=""), UAS)
    bye = (
        f"BYE sip:4930@192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.20:5080;branch=z9hG4bKq\r\n"
        f"From: {two.headers['to'][0]};tag=b1\r\nTo: {two.headers['from'][0]}\r\n"
        f"Call-ID: {two.call_id}\r\nCSeq: 1 BYE\r\n\r\n"
    )
    world.put(bye.encode(), UAS)
    assert world.one(UAS).status == 200
    assert world.calls.of(second) == [Release(cause("normal")._replace(text=""))]


@pytest.mark.parametrize("early", [0, 180, 183])
def test_an_answer_without_any_session_is_not_passed_on(world, early):
    """Nobody would hear anything, and the caller would pay for it."""
    leg, invite = placed(world, session=sdp.parse(OFFER))
    if early:
        world.put(reply(invite, early), UAS)
        world.calls.of(leg)
    world.put(reply(invite, 200), UAS)
    ack, bye = world.take(UAS)
    assert (ack.method, bye.method) == ("ACK", "BYE")
    assert world.calls.of(leg) == [Release(cause("protocol_error"))]
    world.put(reply(bye, 200, tag=""), UAS)


def test_a_session_that_came_early_need_not_come_again(world):
    leg, invite = placed(world, session=sdp.parse(OFFER))
    world.put(reply(invite, 183, ANSWER), UAS)
    world.put(reply(invite, 200), UAS)
    assert world.one(UAS).method == "ACK"
    assert world.calls.of(leg)[-1] == Answer(None)
    leg.send(Release(cause("normal")))
    world.put(reply(world.one(UAS), 200, tag=""), UAS)
