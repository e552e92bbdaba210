"""Reliable provisional responses to callers (RFC 3262), and changes before the answer (RFC 3311)."""

from __future__ import annotations

import pytest
from sip_world import ANSWER, OFFER, UAC, World

from vosswitch import sdp
from vosswitch.model.causes import cause, from_sip
from vosswitch.model.peer import PeerProfile
from vosswitch.model.signals import Accept, Answer, Confirm, Offer, Progress, Refuse, Release, Ring

SESSION = sdp.parse(ANSWER)
OTHER = sdp.parse(ANSWER.replace(b"RTP/AVP 0", b"RTP/AVP 0 8"))
CHANGE = sdp.parse(OFFER.replace(b"4000", b"4002"))
HERE = "<sip:4930@192.0.2.10:5070>"
ALLOW = "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE"


@pytest.fixture
def world():
    world = World()
    world.credentials.profiles[UAC[0]] = PeerProfile(reliable="supported")
    yield world
    world.close()


def offered(world, body=OFFER, **changes):
    caller = world.invite(body, **{"supported": "timer, 100rel", "allow": ALLOW} | changes)
    assert caller.statuses() == [100]
    leg, tried = world.calls.offered.pop()
    assert tried.early
    return caller, leg


def prack(caller, response, body=b"", **changes):
    caller.join(response)
    number = response.cseq.number
    caller.request("PRACK", body, **{"rack": f"{response.get('rseq')} {number} INVITE"} | changes)


def progressed(world, **changes):
    """A caller that has acknowledged the first description."""
    caller, leg = offered(world, **changes)
    leg.send(Progress(SESSION))
    (progress,) = caller.take()
    prack(caller, progress)
    assert caller.statuses() == [200]
    return caller, leg


def confirmed(world, caller, leg):
    (ok,) = caller.take()
    assert ok.status == 200
    caller.ack_number = ok.cseq.number
    world.put(caller.text("ACK", number=str(ok.cseq.number), branch=f"z9hG4bK{world.next()}"), caller.address)
    return ok


def hang_up(caller, leg):
    leg.send(Release(cause("normal")))
    bye = caller.take()[-1]
    assert bye.method == "BYE"
    caller.answer(bye)


@pytest.mark.parametrize(
    ("policy", "headers", "status"),
    [
        ("off", {"require": "100rel"}, 420),
        ("required", {}, 421),
        ("required", {"supported": "timer"}, 421),
        ("supported", {"require": "100rel, foo"}, 420),
    ],
)
def test_policy_refuses(world, policy, headers, status):
    world.credentials.profiles[UAC[0]] = PeerProfile(reliable=policy)
    caller = world.invite(**headers)
    (refused,) = caller.take()
    assert refused.status == status
    assert refused.get("unsupported" if status == 420 else "require") == ("foo" if "foo" in str(headers) else "100rel")
    assert world.calls.offered == []
    caller.ack_refusal(refused)


@pytest.mark.parametrize(("policy", "headers"), [("off", {"supported": "100rel"}), ("supported", {})])
def test_unreliable_as_ever(world, policy, headers):
    world.credentials.profiles[UAC[0]] = PeerProfile(reliable=policy)
    caller = world.invite(**headers)
    caller.take()
    leg, tried = world.calls.offered.pop()
    assert not tried.early
    leg.send(Progress(SESSION))
    (progress,) = caller.take()
    assert (progress.get("rseq"), progress.get("require")) == (None, None)
    prack(caller, progress, rack="1 1 INVITE")
    assert caller.statuses() == [481]
    leg.send(Release(from_sip(486)))
    caller.ack_refusal(caller.take()[0])


def test_each_response_has_its_number_and_waits_for_the_one_before(world):
    caller, leg = offered(world, require="100rel")
    leg.send(Ring())
    leg.send(Progress(SESSION))
    (ringing,) = caller.take()
    assert (ringing.status, ringing.get("require")) == (180, "100rel")
    assert "PRACK" in ringing.get("allow")
    prack(caller, ringing)
    ok, progress = caller.take()
    assert (ok.status, ok.cseq.method) == (200, "PRACK")
    assert (progress.status, progress.body) == (183, ANSWER)
    assert int(progress.get("rseq")) == int(ringing.get("rseq")) + 1
    prack(caller, progress)
    caller.take()
    leg.send(Answer(None))
    assert confirmed(world, caller, leg).body == b""
    assert world.calls.of(leg) == [Confirm(None)]
    hang_up(caller, leg)


def test_a_stranger_and_a_second_prack_get_481(world):
    caller, leg = offered(world)
    leg.send(Ring())
    (ringing,) = caller.take()
    prack(caller, ringing, rack="1 1 INVITE")
    assert caller.statuses() == [481]
    prack(caller, ringing)
    prack(caller, ringing)
    assert caller.statuses() == [200, 481]
    leg.send(Release(from_sip(486)))
    caller.ack_refusal(caller.take()[0])


def test_repeated_with_doubled_waits_until_acknowledged(world):
    caller, leg = offered(world)
    leg.send(Ring())
    (first,) = caller.take()
    world.clock.pump([0.1] * 80)  # again after 0.5, 1.5, 3.5 and 7.5 s
    repeated = caller.take()
    assert [found.get("rseq") for found in repeated] == [first.get("rseq")] * 4
    prack(caller, first)
    caller.take()
    world.clock.pump([1.0] * 40)
    assert caller.take() == []
    leg.send(Release(from_sip(486)))
    caller.ack_refusal(caller.take()[0])


def test_never_acknowledged_ends_the_call_with_a_5xx(world):
    caller, leg = offered(world)
    leg.send(Progress(SESSION))
    caller.take()
    world.clock.pump([0.5] * 63)
    assert 504 not in caller.statuses()
    world.clock.pump([0.5] * 2)
    last = caller.take()[-1]
    assert last.status == 504
    caller.ack_refusal(last)
    assert world.calls.of(leg) == [Release(cause("session_timeout"))]


def test_the_answer_waits_for_the_prack_of_a_description(world):
    caller, leg = offered(world)
    leg.send(Progress(SESSION))
    (progress,) = caller.take()
    leg.send(Answer(SESSION))
    world.clock.pump([0.1] * 3)
    assert caller.take() == []
    assert leg.status == 183
    prack(caller, progress)
    ok = caller.take()[-1]
    assert (ok.status, ok.cseq.method, ok.body) == (200, "INVITE", b"")
    assert leg.status == 200
    world.put(caller.text("ACK", number="1", branch="z9hG4bKack"), caller.address)
    assert world.calls.of(leg) == [Confirm(None)]
    hang_up(caller, leg)


def test_the_answer_does_not_wait_for_ringing(world):
    caller, leg = offered(world)
    leg.send(Ring())
    (ringing,) = caller.take()
    leg.send(Answer(SESSION))
    (ok,) = caller.take()
    assert (ok.status, ok.body) == (200, ANSWER)
    prack(caller, ringing)  # it was on its way
    assert caller.statuses() == [200]
    world.clock.pump([0.1] * 6)
    assert [found.status for found in caller.take()] == [200]  # the 2xx again, and no 180
    world.put(caller.text("ACK", number="1", branch="z9hG4bKack"), caller.address)
    hang_up(caller, leg)


def test_a_release_while_the_answer_waits_is_a_refusal(world):
    caller, leg = offered(world)
    leg.send(Progress(SESSION))
    leg.send(Answer(SESSION))
    leg.send(Release(cause("normal")))
    refused = caller.take()[-1]
    assert refused.status == 480
    caller.ack_refusal(refused)
    world.clock.pump([0.5] * 100)
    assert caller.take() == []


def test_a_cancel_while_the_answer_waits(world):
    caller, leg = offered(world)
    leg.send(Progress(SESSION))
    caller.take()
    leg.send(Answer(SESSION))
    caller.request("CANCEL")
    ok, gone = caller.take()
    assert (ok.status, gone.status, leg.status) == (200, 487, 487)
    caller.ack_refusal(gone)
    assert world.calls.of(leg) == [Release(cause("caller_abandoned"))]


def test_a_late_offer_is_answered_in_the_prack(world):
    caller, leg = offered(world, b"")
    leg.send(Ring())
    (ringing,) = caller.take()
    assert ringing.get("rseq") is None  # the first reliable response would have to bear the offer
    leg.send(Progress(SESSION))
    (progress,) = caller.take()
    assert progress.body == ANSWER
    prack(caller, progress, OFFER)
    assert caller.statuses() == [200]
    assert world.calls.of(leg) == [Confirm(sdp.parse(OFFER))]
    leg.send(Answer(SESSION))
    assert confirmed(world, caller, leg).body == b""
    assert world.calls.of(leg) == [Confirm(None)]
    hang_up(caller, leg)


def test_a_prack_that_owes_the_answer_ends_the_call(world):
    caller, leg = offered(world, b"")
    leg.send(Progress(SESSION))
    (progress,) = caller.take()
    prack(caller, progress)
    bad, refused = caller.take()
    assert (bad.status, refused.status) == (400, 400)
    caller.ack_refusal(refused)
    assert world.calls.of(leg) == [Release(cause("protocol_error"))]


def test_an_offer_in_a_prack_is_answered_in_its_response(world):
    caller, leg = offered(world)
    leg.send(Progress(SESSION))
    (progress,) = caller.take()
    prack(caller, progress, sdp.render(CHANGE))
    assert caller.take() == []
    assert world.calls.of(leg) == [Offer(CHANGE)]
    leg.send(Accept(OTHER))
    (ok,) = caller.take()
    assert (ok.status, ok.cseq.method, ok.body) == (200, "PRACK", sdp.render(OTHER))
    leg.send(Release(from_sip(486)))
    caller.ack_refusal(caller.take()[0])


def test_an_update_of_the_caller(world):
    caller, leg = progressed(world)
    caller.request("UPDATE", sdp.render(CHANGE))
    caller.request("UPDATE", sdp.render(CHANGE))
    (busy,) = caller.take()
    assert (busy.status, busy.get("retry-after")) == (500, "2")
    assert world.calls.of(leg) == [Offer(CHANGE)]
    leg.send(Accept(SESSION))
    (ok,) = caller.take()
    assert (ok.status, ok.cseq.method, ok.body) == (200, "UPDATE", ANSWER)
    assert ok.contacts
    caller.request("UPDATE", sdp.render(CHANGE))
    leg.send(Refuse(488))
    assert caller.statuses() == [488]
    leg.send(Answer(None))
    ok = caller.take()[0]
    assert ok.body == b""
    world.put(caller.text("ACK", number="1", branch="z9hG4bKack"), caller.address)
    world.calls.of(leg)
    hang_up(caller, leg)


@pytest.mark.parametrize(("body", "status"), [(b"", 200), (OFFER, 500), (b"rubbish", 488)])
def test_an_update_before_the_first_answer(world, body, status):
    caller, leg = offered(world)
    leg.send(Ring())
    (ringing,) = caller.take()
    prack(caller, ringing)
    caller.take()
    caller.request("UPDATE", body)
    assert caller.statuses() == [status]
    leg.send(Release(from_sip(486)))
    caller.ack_refusal(caller.take()[0])


def test_an_update_to_the_caller(world):
    caller, leg = progressed(world)
    leg.send(Offer(CHANGE))
    (update,) = caller.take()
    assert (update.method, update.body) == ("UPDATE", sdp.render(CHANGE))
    caller.request("UPDATE", OFFER)
    assert caller.statuses() == [491]
    leg.send(Offer(OTHER))
    assert world.calls.of(leg) == [Refuse(491)]
    caller.answer(update, 200, OFFER, contact=HERE)
    assert world.calls.of(leg) == [Accept(sdp.parse(OFFER))]
    leg.send(Offer(OTHER))
    caller.answer(caller.take()[0], 488)
    assert world.calls.of(leg) == [Refuse(488)]
    leg.send(Release(from_sip(486)))
    caller.ack_refusal(caller.take()[0])


def test_a_caller_without_update_cannot_be_asked(world):
    caller, leg = progressed(world, allow="INVITE, ACK, BYE, CANCEL, PRACK")
    leg.send(Offer(CHANGE))
    assert world.calls.of(leg) == [Refuse(504)]
    leg.send(Release(from_sip(486)))
    caller.ack_refusal(caller.take()[0])


@pytest.mark.parametrize("status", [408, 481])
def test_a_caller_that_has_forgotten_the_call_is_gone(world, status):
    caller, leg = progressed(world)
    leg.send(Offer(CHANGE))
    caller.answer(caller.take()[0], status)
    (refused,) = caller.take()
    assert refused.status == 500
    caller.ack_refusal(refused)
    assert world.calls.of(leg) == [Release(cause("session_timeout"))]


def test_another_description_goes_in_an_update(world):
    """The next gateway, or another branch, answers otherwise."""
    caller, leg = progressed(world)
    leg.send(Progress(SESSION))
    (again,) = caller.take()
    assert again.body == b""
    prack(caller, again)
    caller.take()
    leg.send(Progress(OTHER))
    update, progress = caller.take()
    assert (update.method, update.body) == ("UPDATE", sdp.render(OTHER))
    assert (progress.status, progress.body) == (183, b"")
    caller.answer(update, 200, OFFER, contact=HERE)
    prack(caller, progress)
    caller.take()
    leg.send(Answer(OTHER))
    ok = caller.take()[0]
    assert (ok.status, ok.body) == (200, b"")
    world.put(caller.text("ACK", number="1", branch="z9hG4bKack"), caller.address)
    assert caller.take() == []
    hang_up(caller, leg)


def test_what_cannot_be_told_before_the_answer_is_told_behind_it(world):
    caller, leg = progressed(world, allow="INVITE, ACK, BYE, CANCEL, PRACK")
    leg.send(Answer(OTHER))
    ok = caller.take()[0]
    assert ok.body == b""
    world.put(caller.text("ACK", number="1", branch="z9hG4bKack"), caller.address)
    (change,) = caller.take()
    assert (change.method, change.body) == ("INVITE", sdp.render(OTHER))
    caller.answer(change, 200, OFFER, contact=HERE)
    assert world.one(UAC).method == "ACK"
    assert world.calls.of(leg) == [Confirm(None), Accept(sdp.parse(OFFER))]
    hang_up(caller, leg)
