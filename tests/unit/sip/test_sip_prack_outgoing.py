"""Reliable provisional responses of vendors, forked branches and changes before the answer."""

from __future__ import annotations

import pytest
from sip_world import ANSWER, OFFER, UAS, World, reply

from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.peer import PeerProfile
from vosswitch.model.signals import Accept, Answer, Confirm, Offer, Proceed, Progress, Refuse, Release, Ring

OTHER_ANSWER = ANSWER.replace(b"4000", b"5000")
SESSION, OTHER = sdp.parse(ANSWER), sdp.parse(OTHER_ANSWER)
CHANGE = sdp.parse(OFFER.replace(b"4000", b"4002"))
ALLOW = "INVITE, ACK, BYE, PRACK, UPDATE"


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def placed(world, reliable="supported", **changes):
    leg = world.place(profile=PeerProfile(reliable=reliable), **changes)
    return leg, world.one(UAS)


def reliably(world, invite, rseq, body=b"", status=183, tag="b1", **changes):
    changes = {"require": "100rel", "rseq": str(rseq), "allow": ALLOW} | changes
    world.put(reply(invite, status, body, tag, **changes), UAS)


def refused(world, invite):
    world.put(reply(invite, 486), UAS)
    assert world.take(UAS)[-1].method == "ACK"


def answered(world, leg, invite, body=b"", tag="b1"):
    world.put(reply(invite, 200, body, tag), UAS)
    ack = world.one(UAS)
    assert (ack.method, ack.cseq.number) == ("ACK", invite.cseq.number)
    return ack


def hang_up(world, leg, number):
    leg.send(Release(cause("normal")))
    bye = world.one(UAS)
    assert (bye.method, bye.cseq.number) == ("BYE", number)
    world.put(reply(bye, 200), UAS)
    assert world.service._stack.dialogs == {}


@pytest.mark.parametrize(
    ("policy", "more", "supported", "required"),
    [
        ("off", {}, None, None),
        ("supported", {}, "100rel", None),
        ("required", {}, None, "100rel"),
        ("required", {"session": None, "early": True}, None, "100rel"),
        ("required", {"session": None}, None, None),
    ],
)
def test_the_invite_says_what_the_policy_is(world, policy, more, supported, required):
    _, invite = placed(world, policy, **more)
    assert ("100rel" in invite.all("supported")) == (supported is not None)
    assert ("100rel" in invite.all("require")) == (required is not None)
    assert "PRACK" in invite.get("allow")
    refused(world, invite)


def test_each_new_response_is_acknowledged_once_and_in_order(world):
    leg, invite = placed(world)
    world.put(reply(invite, 100), UAS)
    reliably(world, invite, 2000, status=180, record_route="<sip:192.0.2.20:5080;lr>")
    prack = world.one(UAS)
    assert (prack.method, prack.get("rack"), prack.cseq.number) == ("PRACK", "2000 1 INVITE", 2)
    assert prack.to.tag == "b1"
    assert prack.all("route") == ["<sip:192.0.2.20:5080;lr>"]
    world.put(reply(prack, 200), UAS)
    reliably(world, invite, 2000, status=180)
    reliably(world, invite, 2002, ANSWER)
    assert world.take() == []
    reliably(world, invite, 2001, ANSWER)
    second = world.one(UAS)
    assert (second.get("rack"), second.cseq.number, second.body) == ("2001 1 INVITE", 3, b"")
    world.put(reply(second, 200), UAS)
    assert world.calls.of(leg) == [Proceed(), Ring(None), Progress(SESSION)]
    answered(world, leg, invite)
    assert world.calls.of(leg) == [Answer(None)]
    hang_up(world, leg, 4)


def test_a_prack_is_repeated_until_it_is_answered(world):
    leg, invite = placed(world)
    reliably(world, invite, 1, ANSWER)
    prack = world.one(UAS)
    world.clock.pump([0.1] * 6)
    assert [found.via.branch for found in world.take(UAS)] == [prack.via.branch]
    world.put(reply(prack, 200), UAS)
    refused(world, invite)
    assert leg.state == "over"


@pytest.mark.parametrize("status", [408, 481])
def test_a_prack_that_nobody_knows_ends_the_attempt(world, status):
    leg, invite = placed(world)
    reliably(world, invite, 1, ANSWER)
    world.put(reply(world.one(UAS), status), UAS)
    assert world.calls.of(leg) == [Progress(SESSION), Release(cause("response_timeout"))]
    assert world.one(UAS).method == "CANCEL"
    world.put(reply(invite, 487), UAS)
    world.take()


def test_a_prack_without_response_ends_the_attempt(world):
    leg, invite = placed(world)
    reliably(world, invite, 1, ANSWER)
    world.clock.pump([0.5] * 70)
    assert world.calls.of(leg)[-1] == Release(cause("response_timeout"))
    assert world.take(UAS)[-1].method == "CANCEL"
    world.put(reply(invite, 487), UAS)
    world.take()


def test_a_refused_prack_changes_nothing(world):
    leg, invite = placed(world)
    reliably(world, invite, 1, ANSWER)
    world.put(reply(world.one(UAS), 500), UAS)
    world.calls.of(leg)
    answered(world, leg, invite)
    hang_up(world, leg, 3)


def test_a_challenged_prack_is_proved(world):
    leg, invite = placed(world, username="us", password="secret")
    reliably(world, invite, 1, ANSWER)
    world.put(reply(world.one(UAS), 401, www_authenticate='Digest realm="v",nonce="n1"'), UAS)
    proved = world.one(UAS)
    assert (proved.get("rack"), proved.cseq.number) == ("1 1 INVITE", 3)
    assert "Digest" in proved.get("authorization")
    world.put(reply(proved, 200), UAS)
    refused(world, invite)
    world.calls.of(leg)


@pytest.mark.parametrize("rseq", ["", "x", "0", "4294967296"])
def test_a_reliable_response_without_a_number_is_passed_over(world, rseq):
    leg, invite = placed(world)
    reliably(world, invite, rseq or "-", ANSWER)
    assert world.take() == []
    assert world.calls.of(leg) == []
    refused(world, invite)


# ---- late offers


def test_a_late_offer_is_answered_in_the_prack(world):
    leg, invite = placed(world, session=None, early=True)
    reliably(world, invite, 1, ANSWER)
    assert world.take() == []
    assert world.calls.of(leg) == [Progress(SESSION)]
    leg.send(Confirm(sdp.parse(OFFER)))
    prack = world.one(UAS)
    assert (prack.method, b"m=audio 4000 RTP/AVP 0" in prack.body) == ("PRACK", True)
    world.put(reply(prack, 200), UAS)
    ack = answered(world, leg, invite)
    assert ack.body == b""
    assert world.calls.of(leg) == [Answer(None)]
    hang_up(world, leg, 3)


def test_a_late_offer_that_was_only_shown_is_answered_in_the_ack(world):
    leg, invite = placed(world, session=None, early=True)
    world.put(reply(invite, 183, ANSWER), UAS)
    leg.send(Confirm(sdp.parse(OFFER)))
    assert world.take() == []
    world.put(reply(invite, 200, ANSWER), UAS)
    leg.send(Confirm(None))
    ack = world.one(UAS)
    assert (ack.method, ack.body) == ("ACK", OFFER)
    hang_up(world, leg, 2)


def test_each_branch_gets_the_answer_to_its_own_offer(world):
    leg, invite = placed(world, session=None, early=True)
    reliably(world, invite, 1, ANSWER, tag="a")
    reliably(world, invite, 7, OTHER_ANSWER, tag="b")
    leg.send(Confirm(sdp.parse(OFFER)))
    reliably(world, invite, 3, ANSWER, tag="c")
    pracks = world.take(UAS)
    assert [(found.to.tag, found.get("rack")) for found in pracks] == [
        ("a", "1 1 INVITE"),
        ("b", "7 1 INVITE"),
        ("c", "3 1 INVITE"),
    ]
    assert all(b"m=audio 4000" in found.body for found in pracks)
    for prack in pracks:
        world.put(reply(prack, 200), UAS)
    refused(world, invite)


# ---- forks


def test_the_winner_without_a_description_has_that_of_its_own_branch(world):
    leg, invite = placed(world)
    world.put(reply(invite, 183, ANSWER, "a"), UAS)
    world.put(reply(invite, 183, OTHER_ANSWER, "b"), UAS)
    assert world.calls.of(leg) == [Progress(SESSION), Progress(OTHER)]
    answered(world, leg, invite, tag="a")
    assert world.calls.of(leg) == [Answer(SESSION)]
    hang_up(world, leg, 2)


def test_a_tag_never_heard_before_is_taken_for_the_branch_heard_last(world):
    leg, invite = placed(world)
    world.put(reply(invite, 183, ANSWER, "a"), UAS)
    answered(world, leg, invite, tag="z")
    assert world.calls.of(leg) == [Progress(SESSION), Answer(None)]
    hang_up(world, leg, 2)


def test_branches_have_their_own_numbers(world):
    leg, invite = placed(world)
    reliably(world, invite, 5, ANSWER, tag="a")
    reliably(world, invite, 9, OTHER_ANSWER, tag="b")
    reliably(world, invite, 6, status=180, tag="a")
    pracks = world.take(UAS)
    assert [(found.to.tag, found.cseq.number, found.get("rack")) for found in pracks] == [
        ("a", 2, "5 1 INVITE"),
        ("b", 2, "9 1 INVITE"),
        ("a", 3, "6 1 INVITE"),
    ]
    for prack in pracks:
        world.put(reply(prack, 200), UAS)
    assert world.calls.of(leg) == [Progress(SESSION), Progress(OTHER), Ring(None)]
    answered(world, leg, invite, tag="a")
    assert world.calls.of(leg) == [Answer(SESSION)]
    world.put(reply(invite, 200, OTHER_ANSWER, "b"), UAS)
    ack, bye = world.take(UAS)
    assert (ack.method, ack.to.tag, bye.method, bye.to.tag) == ("ACK", "b", "BYE", "b")
    assert bye.cseq.number > 2
    world.put(reply(bye, 200), UAS)
    hang_up(world, leg, 4)


def test_one_lost_branch_leaves_the_other(world):
    leg, invite = placed(world)
    reliably(world, invite, 5, ANSWER, tag="a")
    reliably(world, invite, 9, OTHER_ANSWER, tag="b")
    first, second = world.take(UAS)
    world.put(reply(first, 481), UAS)
    world.put(reply(second, 200), UAS)
    assert world.take() == []
    answered(world, leg, invite, tag="b")
    assert world.calls.of(leg)[-1] == Answer(None)
    hang_up(world, leg, 3)


def test_branches_are_bounded(world):
    leg, invite = placed(world)
    for number in range(40):
        reliably(world, invite, 1, ANSWER, tag=f"t{number}")
    pracks = world.take(UAS)
    assert len(pracks) == 16
    for prack in pracks:
        world.put(reply(prack, 200), UAS)
    world.calls.of(leg)
    refused(world, invite)


# ---- UPDATE


def early(world):
    leg, invite = placed(world)
    reliably(world, invite, 1, ANSWER)
    world.put(reply(world.one(UAS), 200), UAS)
    assert world.calls.of(leg) == [Progress(SESSION)]
    return leg, invite


def asked(world, invite, method, number, body=b"", tag="b1"):
    kind = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n"
    world.put(
        f"{method} sip:4930@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.20:5080;branch=z9hG4bKu{world.next()}\r\n"
        f"From: {invite.headers['to'][0]};tag={tag}\r\nTo: {invite.headers['from'][0]}\r\nCall-ID: {invite.call_id}\r\n"
        f"CSeq: {number} {method}\r\nContact: <sip:192.0.2.20:5080>\r\n{kind}".encode()
        + body,
        UAS,
    )


def test_an_update_of_the_vendor(world):
    leg, invite = early(world)
    asked(world, invite, "UPDATE", 10, OTHER_ANSWER)
    assert world.calls.of(leg) == [Offer(OTHER)]
    asked(world, invite, "UPDATE", 11, OTHER_ANSWER)
    assert world.one(UAS).status == 500
    leg.send(Accept(CHANGE))
    ok = world.one(UAS)
    assert (ok.status, ok.cseq.number, ok.body) == (200, 10, sdp.render(CHANGE))
    asked(world, invite, "UPDATE", 12)
    assert world.one(UAS).status == 200
    asked(world, invite, "UPDATE", 5, OTHER_ANSWER)
    assert world.one(UAS).status == 500
    answered(world, leg, invite)
    asked(world, invite, "OPTIONS", 12)
    assert world.one(UAS).status == 500  # the counters of the early dialog go on
    hang_up(world, leg, 3)


@pytest.mark.parametrize(("method", "tag"), [("UPDATE", "other"), ("BYE", "b1"), ("BYE", "other"), ("PRACK", "b1")])
def test_strangers_and_an_early_bye_get_481(world, method, tag):
    leg, invite = early(world)
    asked(world, invite, method, 10, OTHER_ANSWER if method == "UPDATE" else b"", tag)
    assert world.one(UAS).status == 481
    assert world.calls.of(leg) == []
    refused(world, invite)


def test_an_update_to_the_vendor(world):
    leg, invite = early(world)
    leg.send(Offer(CHANGE))
    update = world.one(UAS)
    assert (update.method, update.cseq.number, update.body) == ("UPDATE", 3, sdp.render(CHANGE))
    asked(world, invite, "UPDATE", 10, OTHER_ANSWER)
    assert world.one(UAS).status == 491
    world.put(reply(update, 200, OTHER_ANSWER), UAS)
    assert world.calls.of(leg) == [Accept(OTHER)]
    answered(world, leg, invite)
    hang_up(world, leg, 4)


def test_a_vendor_without_early_dialog_cannot_be_asked(world):
    leg, invite = placed(world)
    leg.send(Offer(CHANGE))
    world.put(reply(invite, 183, ANSWER), UAS)
    leg.send(Offer(CHANGE))
    assert world.calls.of(leg) == [Refuse(504), Progress(SESSION), Refuse(504)]
    refused(world, invite)
