"""Requests within dialogs and CANCELs from where the peer is not: 481, and nothing changes."""

from __future__ import annotations

import pytest
from sip_world import ANSWER, OFFER, STRANGER, UAC, UAS, World, reply

from vosswitch import sdp
from vosswitch.model.signals import Answer, Confirm, Release


@pytest.fixture
def world():
    world = World()
    yield world
    world.service.timers.stop()


def talk(world, **changes):
    """A caller's dialog that is up; its leg and the caller."""
    caller = world.invite(**changes)
    leg, _ = world.calls.offered.pop()
    leg.send(Answer(sdp.parse(ANSWER)))
    caller.join(caller.take()[-1])
    caller.ack()
    assert any(isinstance(signal, Confirm) for signal in world.calls.of(leg))
    return leg, caller


@pytest.mark.parametrize("method", ["BYE", "INVITE", "INFO", "UPDATE", "PRACK", "OPTIONS", "MESSAGE", "NOISE"])
def test_a_forged_request_gets_481_and_changes_nothing(world, method):
    leg, caller = talk(world)
    before = leg.dialog.to_data()
    world.put(caller.text(method, OFFER if method == "INVITE" else b""), STRANGER)
    assert world.one(STRANGER).status == 481
    assert world.take() == []
    assert leg.dialog.to_data() == before
    assert world.calls.of(leg) == []
    (event,) = [event for event in world.logged if event.get("event") == "dialog_refused"]
    assert (event["source"], event["reason"], event["method"]) == (STRANGER[0], "not_the_peer", method)
    caller.cseq = 1
    caller.request("BYE")
    assert world.one(UAC).status == 200
    assert isinstance(world.calls.of(leg)[0], Release)


def test_the_port_may_change_behind_nat(world):
    leg, caller = talk(world)
    world.put(caller.text("BYE"), (UAC[0], 61000))
    assert world.one().status == 200
    assert isinstance(world.calls.of(leg)[0], Release)


def test_a_peer_may_use_the_address_of_its_contact(world):
    leg, caller = talk(world, contact=f"<sip:a@{STRANGER[0]}>")
    world.put(caller.text("BYE"), STRANGER)
    assert world.one().status == 200
    assert world.calls.of(leg)


def test_proxies_that_recorded_themselves_may_speak(world):
    leg, caller = talk(world, record_route=f"<sip:192.0.2.99;lr>, <sip:{STRANGER[0]};lr>")
    world.put(caller.text("BYE"), STRANGER)
    assert world.one(STRANGER).status == 200
    assert world.calls.of(leg)


def test_another_address_of_the_same_gateway_may_speak(world):
    world.credentials.groups = [{UAC[0], STRANGER[0]}]
    leg, caller = talk(world)
    world.put(caller.text("BYE"), STRANGER)
    assert world.one(STRANGER).status == 200
    assert world.calls.of(leg)


def test_a_forged_ack_confirms_nothing(world):
    caller = world.invite()
    leg, _ = world.calls.offered.pop()
    leg.send(Answer(sdp.parse(ANSWER)))
    caller.join(caller.take()[-1])
    world.put(caller.text("ACK"), STRANGER)
    assert world.calls.of(leg) == []
    assert world.service.statistics.stray == 1
    caller.ack()
    assert isinstance(world.calls.of(leg)[0], Confirm)


def test_a_forged_cancel_cancels_nothing(world):
    caller = world.invite()
    leg, _ = world.calls.offered.pop()
    caller.take()
    cancel = caller.text("CANCEL")
    world.put(cancel, STRANGER)
    assert world.one(STRANGER).status == 481
    assert world.calls.of(leg) == []
    world.put(cancel, (UAC[0], 61000))
    assert sorted(answer.status for answer in world.take()) == [200, 487]
    assert isinstance(world.calls.of(leg)[0], Release)


def test_a_forged_ack_of_a_refusal_does_not_stop_it(world):
    caller = world.invite(max_forwards="0")
    (refusal,) = caller.take()
    ack = caller.text("ACK", to=refusal.headers["to"][0])
    world.put(ack, STRANGER)
    world.clock.advance(0.6)
    assert [answer.status for answer in world.take(UAC)] == [483]
    world.put(ack, UAC)
    world.clock.advance(5)
    assert world.take(UAC) == []


def test_the_vendor_s_side_too(world):
    leg = world.place()
    invite = world.one(UAS)
    world.put(reply(invite, 200, ANSWER), UAS)
    ack = world.one(UAS)
    bye = (
        f"BYE {ack.contacts[0].uri.text if ack.contacts else invite.contacts[0].uri.text} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {UAS[0]}:{UAS[1]};branch=z9hG4bKb;rport\r\nFrom: {ack.headers['to'][0]}\r\n"
        f"To: {ack.headers['from'][0]}\r\nCall-ID: {ack.call_id}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    world.calls.of(leg)
    world.put(bye, STRANGER)
    assert world.one(STRANGER).status == 481
    world.put(bye, UAS)
    assert world.one(UAS).status == 200
    assert isinstance(world.calls.of(leg)[0], Release)


def test_a_response_is_believed_by_its_branch(world):
    """A machine with several addresses answers from any of them; only who saw the request knows the branch."""
    leg = world.place()
    invite = world.one(UAS)
    world.put(reply(invite, 200, ANSWER).replace(b"branch=z9hG4bK", b"branch=z9hG4bKx"), STRANGER)
    assert world.calls.of(leg) == []
    world.put(reply(invite, 200, ANSWER), STRANGER)
    assert isinstance(world.calls.of(leg)[0], Answer)
