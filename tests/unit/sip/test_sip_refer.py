"""REFER, its NOTIFYs, and the names of legs (RFC 3515, 3891, 4488)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip_world import ANSWER, OFFER, REALM, UAC, UAS, Peer, World, reply

from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.peer import PeerProfile
from vosswitch.model.signals import Answer, Carried, Carry, Release, Replaces, Transfer, Transferred
from vosswitch.sip.grammar import digest
from vosswitch.sip.grammar.message import BadMessage
from vosswitch.sip.legs.refer import Referrals, leg_of, read_replaces

SESSION = sdp.parse(ANSWER)


@pytest.fixture
def world():
    world = World()
    world.credentials.profiles[UAC[0]] = PeerProfile(transfers="internal")
    yield world
    world.close()


def connected(world):
    """A caller in an answered call, and its leg."""
    caller = world.invite()
    leg, _ = world.calls.offered.pop()
    leg.send(Answer(SESSION))
    ok = caller.take()[-1]
    caller.join(ok)
    caller.ack()
    world.calls.of(leg)
    return caller, leg, ok


@pytest.fixture
def pair(world):
    caller, leg, _ = connected(world)
    yield caller, leg
    hang_up(caller, leg)


def hang_up(caller, leg):
    caller.take()
    leg.send(Release(cause("normal")))
    for found in caller.take():
        if getattr(found, "method", "") == "BYE":
            caller.answer(found)


def refer(caller, to="<sip:4355@192.0.2.1>", **changes):
    """Send a REFER; the response, and the first NOTIFY where there is one."""
    caller.request("REFER", refer_to=to, **changes)
    found = caller.take()
    for other in found[1:]:
        caller.answer(other)
    return found


def test_a_refer_is_accepted_and_told_of(world, pair):
    caller, leg = pair
    accepted, notify = refer(caller)
    assert accepted.status == 202
    assert accepted.contacts
    assert (notify.method, notify.get("event"), notify.body) == ("NOTIFY", "refer", b"SIP/2.0 100 Trying\r\n")
    assert notify.get("content-type") == "message/sipfrag;version=2.0"
    assert notify.get("subscription-state").startswith("active;expires=")
    assert world.calls.of(leg) == [Transfer("4355")]
    for status in (180, 180, 183):
        leg.send(Transferred(status))
    bodies = caller.take()
    assert [found.body for found in bodies] == [b"SIP/2.0 180 Ringing\r\n", b"SIP/2.0 183 Session Progress\r\n"]
    for found in bodies:
        caller.answer(found)
    leg.send(Transferred(200))
    (last,) = caller.take()
    assert (last.body, last.get("subscription-state")) == (b"SIP/2.0 200 OK\r\n", "terminated;reason=noresource")
    caller.answer(last)
    leg.send(Transferred(486))
    assert caller.take() == []


def test_a_second_refer_waits_for_the_end_of_the_first(world, pair):
    caller, leg = pair
    refer(caller)
    (busy,) = refer(caller)
    assert busy.status == 491
    leg.send(Transferred(486))
    caller.answer(caller.take()[0])
    accepted, notify = refer(caller)
    assert accepted.status == 202
    assert notify.get("event") == f"refer;id={accepted.cseq.number}"


def test_a_switch_that_drains_transfers_nothing(world, pair):
    caller, leg = pair
    world.service.draining = True
    (refusal,) = refer(caller)
    assert (refusal.status, refusal.get("retry-after")) == (503, "10")
    assert world.calls.of(leg) == []
    world.service.draining = False
    assert refer(caller)[0].status == 202


def test_a_caller_that_wants_no_notify_gets_none(world, pair):
    caller, leg = pair
    (accepted,) = refer(caller, refer_sub="false")
    assert (accepted.status, accepted.get("refer-sub")) == (202, "false")
    leg.send(Transferred(200))
    assert caller.take() == []
    assert world.calls.of(leg) == [Transfer("4355")]


def test_nothing_more_is_told_to_who_does_not_listen(world, pair):
    caller, leg = pair
    caller.request("REFER", refer_to="<sip:4355@192.0.2.1>")
    _, notify = caller.take()
    caller.answer(notify, 481)
    leg.send(Transferred(180))
    assert caller.take() == []
    assert Release not in {type(signal) for signal in world.calls.of(leg)}


def test_the_outcome_is_told_behind_a_bye(world, pair):
    caller, leg = pair
    refer(caller)
    caller.request("BYE")
    assert caller.statuses() == [200]
    leg.send(Transferred(200))
    (notify,) = caller.take()
    assert notify.body == b"SIP/2.0 200 OK\r\n"
    caller.answer(notify)


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("", 400),
        ("<sip:192.0.2.1>", 400),
        ("<tel:+4355>", 416),
        ("<http://x/>", 416),
        ("<mailto:a@b>", 416),
        ("<sip:4355@192.0.2.1;method=BYE>", 400),
        ("<sip:4355@192.0.2.1?Replaces=x>", 400),
        ("<sip:4355@192.0.2.1?Replaces=%3Bto-tag%3Da%3Bfrom-tag%3Db>", 400),
        ("<sip:" + "4" * 300 + "@192.0.2.1>", 400),
        ("<sip:4355@192.0.2.1", 400),
    ],
)
def test_what_cannot_be_called_is_refused(world, pair, to, status):
    caller, leg = pair
    (response, *_) = refer(caller, to)
    assert response.status == status
    assert world.calls.of(leg) == []


def test_two_targets_are_refused(world, pair):
    caller, leg = pair
    text = caller.text("REFER", refer_to="<sip:1@192.0.2.1>").replace(b"Refer-To:", b"Refer-To: <sip:2@h>\r\nRefer-To:")
    world.put(text, caller.address)
    assert caller.statuses() == [400]
    assert world.calls.of(leg) == []


def test_of_the_headers_in_a_uri_only_replaces_is_taken(world, pair):
    caller, leg = pair
    to = "<sip:4355@192.0.2.1?Replaces=a%40b%3Bto-tag%3Dx%3Bfrom-tag%3Dy&Route=%3Csip:evil%3E&X=%0D%0AY:%20z>"
    accepted, _ = refer(caller, to, referred_by="<sip:me@secret>")
    assert accepted.status == 202
    assert world.calls.of(leg) == [Transfer("4355", Replaces("a@b", "x", "y"))]


@given(st.text(max_size=80))
def test_any_replaces_is_read_or_refused(text):
    try:
        found = read_replaces(text)
    except BadMessage:
        return
    assert found.call_id


def test_by_default_transfers_are_refused_and_not_announced(world):
    world.credentials.profiles.clear()
    caller, leg, ok = connected(world)
    assert "REFER" not in ok.get("allow")
    (response,) = refer(caller)
    assert response.status == 405
    assert world.calls.of(leg) == []
    hang_up(caller, leg)


def test_who_may_transfer_is_told_so(world):
    caller, leg, ok = connected(world)
    assert "REFER" in ok.get("allow")
    hang_up(caller, leg)


def test_a_challenged_notify_is_answered(world):
    profile = PeerProfile(transfers="internal")
    leg = world.place(username="us", password="secret", realm=REALM, profile=profile)
    invite = world.one(UAS)
    world.put(reply(invite, 200, ANSWER), UAS)
    world.take()
    head = (
        f"REFER sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {UAS[0]}:{UAS[1]};branch=z9hG4bKr\r\n"
        f"From: {invite.headers['to'][0]};tag=b1\r\nTo: {invite.headers['from'][0]}\r\nCall-ID: {invite.call_id}\r\n"
        "CSeq: 7 REFER\r\nMax-Forwards: 70\r\nRefer-To: <sip:4355@x>\r\nContact: <sip:192.0.2.20:5080>\r\n\r\n"
    )
    world.put(head.encode(), UAS)
    _, notify = world.take(UAS)
    world.put(reply(notify, 407, proxy_authenticate=digest.challenge(REALM, "n", "MD5")), UAS)
    again = world.one(UAS)
    assert (again.method, again.body, again.get("event")) == ("NOTIFY", notify.body, "refer")
    assert again.get("proxy-authorization")
    assert len(again.headers["contact"]) == 1
    world.put(reply(again, 200), UAS)
    leg.send(Release(cause("normal")))
    world.put(reply(world.take(UAS)[-1], 200), UAS)


# ---- passed on


@pytest.fixture
def passed(world):
    world.credentials.profiles[UAC[0]] = PeerProfile(transfers="pass")
    caller, leg, _ = connected(world)
    yield caller, leg
    hang_up(caller, leg)


def far(world):
    """The far side's leg in an answered call."""
    leg = world.place()
    invite = world.one(UAS)
    world.put(reply(invite, 200, ANSWER), UAS)
    world.take()
    world.calls.of(leg)
    return leg, invite


def test_a_passed_refer_shows_the_far_side_our_address(world, passed):
    caller, leg = passed
    caller.request("REFER", refer_to="<sip:4355@192.0.2.1:5060;x=y?Subject=z>", referred_by="<sip:me@secret>")
    assert caller.take() == []
    (carry,) = world.calls.of(leg)
    other, _ = far(world)
    other.send(carry)
    request = world.one(UAS)
    assert (request.method, request.get("refer-to")) == ("REFER", "<sip:4355@192.0.2.1:5060>")
    assert request.get("referred-by") is None
    world.put(reply(request, 202), UAS)
    assert world.calls.of(other) == [Carried(1, 202)]
    leg.send(Carried(1, 202))
    assert caller.statuses() == [202]
    other.send(Release(cause("normal")))
    world.put(reply(world.take(UAS)[-1], 200), UAS)


def test_foreign_targets_and_names_go_as_they_are(world, passed):
    caller, leg = passed
    caller.request("REFER", refer_to="<sip:4355@[2001:db8::7]:5099?Replaces=a%40b%3Bto-tag%3Dx%3Bfrom-tag%3Dy>")
    (carry,) = world.calls.of(leg)
    assert carry.headers == (("Refer-To", "<sip:4355@[2001:db8::7]:5099?Replaces=a%40b%3Bto-tag%3Dx%3Bfrom-tag%3Dy>"),)
    leg.send(Carried(1, 603))
    assert caller.statuses() == [603]


def test_names_of_our_legs_are_replaced_by_such_as_tell_nothing(world, passed):
    caller, leg = passed
    second, other, _ = connected(world)
    tag = second.to.partition(";tag=")[2]
    name = f"{second.call_id};to-tag={tag};from-tag={second.tag}".replace("@", "%40").replace(";", "%3B")
    caller.request("REFER", refer_to=f"<sip:4355@192.0.2.1?Replaces={name.replace('=', '%3D')}>")
    (carry,) = world.calls.of(leg)
    value = carry.headers[0][1]
    assert second.call_id.replace("@", "%40") not in value
    assert tag not in value
    given_name = read_replaces(value.partition("Replaces=")[2].rstrip(">").replace("%3B", ";").replace("%3D", "="))
    stack = world.service._stack
    assert leg_of(stack, given_name) == (other, True)
    assert leg_of(stack, Replaces(second.call_id, tag, second.tag)) == (other, False)
    assert leg_of(stack, Replaces(second.call_id, tag, "guess")) == (None, False)
    world.clock.advance(Referrals.LIFE + 1)
    assert leg_of(stack, given_name) == (None, False)
    leg.send(Carried(1, 202))
    hang_up(second, other)


def test_given_names_are_bounded(world):
    referrals = Referrals()
    for number in range(Referrals.MOST + 50):
        referrals.give(str(number), world.service._stack)
    assert len(referrals._given) == Referrals.MOST


def notify(world, invite, body=b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1\r\n", event="refer", number=9):
    head = (
        f"NOTIFY sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {UAS[0]}:{UAS[1]};branch=z9hG4bKn{number}\r\n"
        f"From: {invite.headers['to'][0]};tag=b1\r\nTo: {invite.headers['from'][0]}\r\nCall-ID: {invite.call_id}\r\n"
        f"CSeq: {number} NOTIFY\r\nMax-Forwards: 70\r\nEvent: {event}\r\nSubscription-State: terminated;reason=x\r\n"
        f"Contact: <sip:192.0.2.20:5080>\r\nContent-Type: message/sipfrag\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    world.put(head.encode() + body, UAS)


def test_notifies_of_a_passed_refer_go_back_with_their_status_line_alone(world, passed):
    caller, leg = passed
    other, invite = far(world)
    notify(world, invite)
    assert world.one(UAS).status == 405  # nothing was passed yet
    other.send(Carry(1, "REFER", headers=(("Refer-To", "<sip:1@{here}>"),)))
    world.put(reply(world.one(UAS), 202), UAS)
    world.calls.of(other)
    notify(world, invite, event="presence", number=10)
    assert world.one(UAS).status == 481
    notify(world, invite, body=b"garbage", number=11)
    assert world.one(UAS).status == 400
    notify(world, invite, number=12)
    (carry,) = world.calls.of(other)
    assert (carry.method, carry.body) == ("NOTIFY", b"SIP/2.0 200 OK\r\n")
    leg.send(carry)
    (told,) = caller.take()
    assert (told.method, told.get("event"), told.body) == ("NOTIFY", "refer", b"SIP/2.0 200 OK\r\n")
    assert told.get("subscription-state") == "terminated;reason=noresource"
    caller.answer(told)
    assert world.calls.of(leg) == [Carried(carry.number, 200)]
    other.send(Carried(carry.number, 200))
    assert world.one(UAS).status == 200
    other.send(Release(cause("normal")))
    world.put(reply(world.take(UAS)[-1], 200), UAS)


# ---- INVITE with Replaces


def test_an_invite_may_name_the_leg_whose_place_it_takes(world):
    caller = world.invite(replaces="a@b;from-tag=y;to-tag=x;early-only", require="replaces")
    leg, offered = world.calls.offered.pop()
    assert offered.replaces == Replaces("a@b", "x", "y", early_only=True)
    leg.send(Release(cause("no_route")))
    caller.ack_refusal(caller.take()[-1])


@pytest.mark.parametrize("value", ["", "a@b", "a@b;to-tag=x", ";to-tag=x;from-tag=y", 'a@b;to-tag="x'])
def test_a_replaces_that_cannot_be_read_is_400(world, value):
    caller = Peer(world, UAC, "c1")
    text = caller.text("INVITE", OFFER, replaces="PUT")
    world.put(text.replace(b"PUT", value.encode()), caller.address)
    response = caller.take()[-1]
    assert response.status == 400
    caller.ack_refusal(response)
    assert world.calls.offered == []


def test_two_replaces_are_400(world):
    caller = Peer(world, UAC, "c1")
    text = caller.text("INVITE", OFFER, replaces="a;to-tag=x;from-tag=y")
    world.put(text.replace(b"Replaces:", b"Replaces: b;to-tag=x;from-tag=y\r\nReplaces:"), caller.address)
    response = caller.take()[-1]
    assert response.status == 400
    caller.ack_refusal(response)
