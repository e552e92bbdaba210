"""Changes of an answered session, digits, and other requests within a dialog."""

from __future__ import annotations

import pytest
from sip_world import ANSWER, OFFER, REALM, UAS, World, reply

from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.signals import Accept, Answer, Confirm, Digit, Offer, Refuse, Release
from vosswitch.sip.grammar import digest

SESSION = sdp.parse(ANSWER)
CHANGED = OFFER.replace(b"4000", b"4100")


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


@pytest.fixture
def pair(world):
    """A caller in an answered call, and its leg."""
    caller = world.invite()
    leg, _ = world.calls.offered.pop()
    leg.send(Answer(SESSION))
    caller.join(caller.take()[-1])
    caller.ack()
    world.calls.of(leg)
    yield caller, leg
    caller.take()
    leg.send(Release(cause("normal")))
    for found in caller.take():
        if found.method == "BYE":
            caller.answer(found)


def test_reinvite_of_the_peer(world, pair):
    caller, leg = pair
    caller.request("INVITE", CHANGED, contact="<sip:moved@192.0.2.10:5099>")
    assert caller.statuses() == [100]
    assert world.calls.of(leg) == [Offer(sdp.parse(CHANGED))]
    leg.send(Accept(SESSION))
    (ok,) = caller.take()
    assert (ok.status, ok.body) == (200, ANSWER)
    assert ok.contacts[0].uri.text == "sip:4940@192.0.2.1:5060"
    world.clock.pump([0.1] * 8)
    assert caller.statuses() == [200]
    caller.ack()
    world.clock.pump([0.1] * 30)
    assert caller.take() == []
    assert world.calls.of(leg) == []
    leg.send(Digit("1"))
    info = world.one(("192.0.2.10", 5099))
    assert info.uri == "sip:moved@192.0.2.10:5099"
    caller.answer(info)


def test_reinvite_without_offer(world, pair):
    caller, leg = pair
    caller.request("INVITE")
    assert world.calls.of(leg) == [Offer(None)]
    leg.send(Accept(SESSION))
    ok = caller.take()[-1]
    assert ok.body == ANSWER
    caller.ack(CHANGED)
    assert world.calls.of(leg) == [Confirm(sdp.parse(CHANGED))]


@pytest.mark.parametrize(
    ("theirs", "ours"), [(488, 488), (491, 491), (603, 603), (302, 488), (401, 488), (407, 488), (420, 488), (422, 488)]
)
def test_reinvite_refused_leaves_the_call(world, pair, theirs, ours):
    """What was between the far side and us is not shown: a challenge without its header is of no use to anybody."""
    caller, leg = pair
    caller.request("INVITE", CHANGED)
    leg.send(Refuse(theirs))
    refusal = caller.take()[-1]
    assert refusal.status == ours
    caller.ack_refusal(refusal)
    caller.request("OPTIONS")
    assert caller.statuses() == [200]


def test_reinvite_with_rubbish_is_488(world, pair):
    caller, leg = pair
    caller.request("INVITE", b"rubbish")
    refusal = caller.take()[-1]
    assert refusal.status == 488
    caller.ack_refusal(refusal)
    assert world.calls.of(leg) == []


def test_reinvite_without_ack_ends_the_call(world, pair):
    caller, leg = pair
    caller.request("INVITE", CHANGED)
    leg.send(Accept(SESSION))
    world.calls.of(leg)
    world.clock.pump([0.5] * 66)
    assert caller.take()[-1].method == "BYE"
    assert world.calls.of(leg) == [Release(cause("session_timeout"))]


def test_second_reinvite_of_the_peer_waits(world, pair):
    caller, leg = pair
    caller.request("INVITE", CHANGED)
    first = caller.branch
    caller.request("INVITE", CHANGED)
    refusal = caller.take()[-1]
    assert refusal.status == 500
    assert refusal.get("retry-after") is not None
    caller.ack_refusal(refusal)
    leg.send(Accept(SESSION))
    assert caller.take()[-1].status == 200
    world.put(caller.text("ACK", number="2", branch="z9hG4bKother"))
    assert first != caller.branch


def test_glare_gets_491_both_ways(world, pair):
    caller, leg = pair
    leg.send(Offer(sdp.parse(CHANGED)))
    ours = caller.take()[-1]
    caller.request("INVITE", CHANGED)
    refusal = caller.take()[-1]
    assert refusal.status == 491
    caller.ack_refusal(refusal)
    caller.answer(ours, 491)
    assert caller.take()[-1].method == "ACK"
    assert world.calls.of(leg) == [Refuse(491)]


def test_an_offer_while_the_peers_is_open_is_refused(world, pair):
    caller, leg = pair
    caller.request("INVITE", CHANGED)
    world.calls.of(leg)
    leg.send(Offer(SESSION))
    assert world.calls.of(leg) == [Refuse(491)]
    leg.send(Refuse(488))
    caller.ack_refusal(caller.take()[-1])


def test_our_reinvite(world, pair):
    caller, leg = pair
    leg.send(Offer(sdp.parse(CHANGED)))
    (invite,) = caller.take()
    assert (invite.method, invite.body, invite.cseq.number) == ("INVITE", CHANGED, 1)
    assert invite.uri == "sip:4930@192.0.2.10:5070"
    caller.answer(invite, 100)
    caller.answer(invite, 200, ANSWER, contact="<sip:moved@192.0.2.10:5099>")
    ack = world.one(("192.0.2.10", 5099))
    assert (ack.method, ack.cseq.number, ack.uri) == ("ACK", 1, "sip:moved@192.0.2.10:5099")
    assert world.calls.of(leg) == [Accept(SESSION)]
    caller.answer(invite, 200, ANSWER)
    assert world.one(("192.0.2.10", 5099)).method == "ACK"
    assert world.calls.of(leg) == []
    leg.send(Release(cause("normal")))
    caller.answer(world.one(("192.0.2.10", 5099)))


def test_an_answer_without_a_description_leaves_what_was_said(world, pair):
    """Not allowed, but seen: the far side is told what the peer said before, and refreshes have something to repeat."""
    caller, leg = pair
    leg.send(Offer(sdp.parse(CHANGED)))
    (invite,) = caller.take()
    caller.answer(invite, 200, contact="")
    assert caller.take()[0].method == "ACK"
    assert world.calls.of(leg) == [Accept(sdp.parse(OFFER))]
    assert (leg.told, leg.heard) == (sdp.parse(CHANGED), sdp.parse(OFFER))


@pytest.mark.parametrize("body", [CHANGED, b""])
def test_a_change_that_is_taken_without_a_description_is_answered_with_what_was_told_last(world, pair, body):
    caller, leg = pair
    caller.request("INVITE", body)
    leg.send(Accept(None))
    assert caller.take()[-1].body == ANSWER
    assert leg.told == SESSION
    caller.ack(b"" if body else CHANGED)


def test_our_reinvite_without_offer(world, pair):
    caller, leg = pair
    leg.send(Offer(None))
    (invite,) = caller.take()
    assert invite.body == b""
    caller.answer(invite, 200, OFFER, contact="")
    assert caller.take() == []
    assert world.calls.of(leg) == [Accept(sdp.parse(OFFER))]
    leg.send(Offer(SESSION))
    assert world.calls.of(leg) == [Refuse(491)]
    leg.send(Confirm(SESSION))
    (ack,) = caller.take()
    assert (ack.method, ack.body) == ("ACK", ANSWER)


@pytest.mark.parametrize("status", [481, 408])
def test_a_peer_that_lost_the_dialog_ends_the_call(world, pair, status):
    caller, leg = pair
    leg.send(Offer(SESSION))
    caller.answer(caller.take()[0], status)
    assert [found.method for found in caller.take()] == ["ACK", "BYE"]
    assert world.calls.of(leg) == [Release(cause("session_timeout"))]


def test_a_peer_that_does_not_answer_a_reinvite_ends_the_call(world, pair):
    caller, leg = pair
    leg.send(Offer(SESSION))
    world.clock.pump([0.5] * 66)
    assert caller.take()[-1].method == "BYE"
    assert world.calls.of(leg) == [Release(cause("session_timeout"))]


def test_a_peer_that_thinks_too_long_about_a_reinvite_is_asked_to_stop(world, pair):
    caller, leg = pair
    leg.send(Offer(SESSION))
    (invite,) = caller.take()
    caller.answer(invite, 100)
    world.clock.pump([1.0] * 33)
    cancel = caller.take()[0]
    assert cancel.method == "CANCEL"
    caller.answer(cancel)
    caller.answer(invite, 487)
    caller.take()
    assert world.calls.of(leg) == [Refuse(487)]


def test_bye_while_a_change_is_open(world, pair):
    caller, leg = pair
    caller.request("INVITE", CHANGED)
    invite = caller.branch
    caller.take()
    world.calls.of(leg)
    caller.request("BYE")
    assert sorted(found.status for found in caller.take()) == [200, 487]
    assert world.calls.of(leg) == [Release(cause("normal")._replace(text=""))]
    world.put(caller.text("ACK", branch=invite, number="2"))


def test_update_with_and_without_offer(world, pair):
    caller, leg = pair
    caller.request("UPDATE", CHANGED)
    assert world.calls.of(leg) == [Offer(sdp.parse(CHANGED))]
    leg.send(Accept(SESSION))
    ok = caller.take()[-1]
    assert (ok.status, ok.body, ok.cseq.method) == (200, ANSWER, "UPDATE")
    world.clock.pump([0.5] * 10)
    caller.request("UPDATE")
    assert caller.statuses() == [200]
    assert world.calls.of(leg) == []


@pytest.mark.parametrize(
    ("kind", "body", "digit"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=240\r\n", Digit("5", 240)),
        ("application/dtmf-relay", b"Signal= *\nDuration= x\n", Digit("*")),
        ("application/dtmf-relay", b"Signal=11", Digit("#")),
        ("application/dtmf-relay;x=y", b"Signal=b\r\nDuration=99999\r\n", Digit("B", 10000)),
        ("application/dtmf", b"9", Digit("9")),
    ],
)
def test_digits_in_info(world, pair, kind, body, digit):
    caller, leg = pair
    caller.request("INFO", body, content_type=kind)
    assert caller.statuses() == [200]
    assert world.calls.of(leg) == [digit]


@pytest.mark.parametrize(
    ("kind", "body"), [("application/dtmf", b"hello"), ("text/plain", b"5"), ("application/dtmf-relay", b"\xff")]
)
def test_other_info_bodies_are_415(world, pair, kind, body):
    caller, leg = pair
    caller.request("INFO", body, content_type=kind)
    refusal = caller.take()[0]
    assert refusal.status == 415
    assert "application/dtmf-relay" in refusal.get("accept")
    assert world.calls.of(leg) == []


def test_info_without_body_is_taken(world, pair):
    caller, leg = pair
    caller.request("INFO")
    assert caller.statuses() == [200]
    assert world.calls.of(leg) == []


def test_digit_goes_out_as_info(world, pair):
    caller, leg = pair
    leg.send(Digit("7", 200))
    (info,) = caller.take()
    assert (info.method, info.get("content-type")) == ("INFO", "application/dtmf-relay")
    assert info.body == b"Signal=7\r\nDuration=200\r\n"
    caller.answer(info)
    assert world.calls.of(leg) == []


@pytest.mark.parametrize(
    ("method", "status"), [("OPTIONS", 200), ("PRACK", 481), ("REFER", 405), ("NOTIFY", 405), ("FROBNICATE", 501)]
)
def test_other_requests_within_the_dialog(world, pair, method, status):
    caller, _ = pair
    caller.request(method)
    (response,) = caller.take()
    assert response.status == status
    if status in {200, 405, 501}:
        assert "INVITE" in response.get("allow")


def test_requests_out_of_order_are_500(world, pair):
    caller, _ = pair
    caller.request("OPTIONS", number="1")
    assert caller.statuses() == [500]


def test_requests_of_somebody_else_are_481(world, pair):
    caller, _ = pair
    caller.request("BYE", **{"from": "<sip:x@y>;tag=guess"})
    assert caller.statuses() == [481]
    caller.request("BYE", call_id="guess")
    assert caller.statuses() == [481]


def test_required_extensions_within_the_dialog_are_420(world, pair):
    caller, _ = pair
    caller.request("OPTIONS", require="foo, 100rel")
    (response,) = caller.take()
    assert (response.status, response.get("unsupported")) == (420, "foo")


def test_reinvite_is_challenged_on_the_outgoing_side(world):

    leg = world.place(username="us", password="secret")
    world.put(reply(world.one(UAS), 200, ANSWER), UAS)
    world.take()
    world.calls.of(leg)
    leg.send(Offer(SESSION))
    invite = world.one(UAS)
    world.put(reply(invite, 407, proxy_authenticate=digest.challenge(REALM, "n", "MD5")), UAS)
    _, again = world.take(UAS)
    assert again.cseq.number == invite.cseq.number + 1
    assert again.get("proxy-authorization") is not None
    world.put(reply(again, 200, OFFER), UAS)
    assert world.calls.of(leg) == [Accept(sdp.parse(OFFER))]
    leg.send(Release(cause("normal")))
    world.put(reply(world.take(UAS)[-1], 200), UAS)
