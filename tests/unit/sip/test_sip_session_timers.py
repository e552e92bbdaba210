"""Session timers on the legs (RFC 4028): refreshes of both sides, their refusals, 422, the end of silent sessions."""

from __future__ import annotations

import pytest
from sip_world import ANSWER, OFFER, UAC, UAS, World, reply

from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.peer import PeerProfile
from vosswitch.model.signals import Accept, Answer, Confirm, Offer, Progress, Refuse, Release
from vosswitch.sip.grammar.message import Response

SESSION = sdp.parse(ANSWER)
CHANGED = OFFER.replace(b"4000", b"4100")
LOST = Release(cause("session_timeout"))


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def answered(world, **headers):
    """A caller in an answered call, its leg, and our 200."""
    caller = world.invite(**headers)
    leg, offered = world.calls.offered.pop()
    leg.send(Answer(SESSION))
    ok = caller.take()[-1]
    assert ok.status == 200
    caller.join(ok)
    caller.ack()
    world.calls.of(leg)
    return caller, leg, ok, offered


def hang_up(leg, caller):
    leg.send(Release(cause("normal")))
    for found in caller.take():
        if not isinstance(found, Response) and found.method == "BYE":
            caller.answer(found)


def wait(world, seconds):
    for _ in range(round(seconds)):
        world.clock.advance(1.0)


def takes(caller, request, body, **headers):
    """The caller answers a re-INVITE."""
    caller.answer(request, 200, body, contact="", **headers)


def sole(messages):
    """The one message, however often it was sent."""
    assert len({(found.method, found.cseq.number) for found in messages}) == 1, messages
    return messages[0]


def bye(caller):
    """The BYE that the caller got, answered."""
    found = sole([found for found in caller.take() if not isinstance(found, Response) and found.method == "BYE"])
    caller.answer(found)
    return found


# -- the caller's side


def test_a_caller_without_timer_has_none(world):
    caller, leg, ok, offered = answered(world, min_se="90")
    assert (offered.timer, ok.get("session-expires"), ok.get("require"), leg.session) == (False, None, None, None)
    wait(world, 1300)
    assert caller.take() == []
    hang_up(leg, caller)


def test_a_caller_that_shows_support_is_refreshed_by_update(world):
    caller, leg, ok, offered = answered(world, supported="timer", allow="INVITE, ACK, BYE, UPDATE")
    assert (offered.timer, ok.get("session-expires"), ok.get("require")) == (True, "600;refresher=uas", "timer")
    for _ in range(3):
        wait(world, 299)
        assert caller.take() == []
        wait(world, 2)
        update = sole(caller.take())
        assert (update.method, update.body, update.get("supported")) == ("UPDATE", b"", "timer")
        assert update.get("session-expires") == "600;refresher=uac"
        caller.answer(update, session_expires="600;refresher=uac", require="timer")
    assert world.calls.of(leg) == []
    hang_up(leg, caller)


def test_without_update_in_allow_the_refresh_is_a_reinvite_with_the_same_session(world):
    caller, leg, _, _ = answered(world, session_expires="120;refresher=uas", allow="INVITE, ACK, BYE")
    wait(world, 61)
    invite = sole(caller.take())
    assert (invite.method, invite.body) == ("INVITE", ANSWER)
    assert invite.get("session-expires") == "120;refresher=uac"
    takes(caller, invite, OFFER, session_expires="120;refresher=uac")
    assert caller.take()[0].method == "ACK"
    assert world.calls.of(leg) == []  # the far side hears nothing of it
    wait(world, 61)
    assert caller.take()[0].method == "INVITE"
    hang_up(leg, caller)


def test_a_reinvite_after_a_change_has_the_changed_session(world):
    caller, leg, _, _ = answered(world, session_expires="120;refresher=uas")
    held = ANSWER.replace(b"bob 1 1", b"bob 1 2") + b"a=sendonly\r\n"
    leg.send(Offer(sdp.parse(held)))
    invite = sole(caller.take())
    assert invite.get("session-expires") == "120;refresher=uac"
    takes(caller, invite, CHANGED, session_expires="120;refresher=uac")
    caller.take()
    assert world.calls.of(leg) == [Accept(sdp.parse(CHANGED))]
    leg.send(Offer(SESSION))
    refused = caller.take()[-1]
    caller.answer(refused, 488)
    assert world.calls.of(leg) == [Refuse(488)]
    caller.take()
    wait(world, 61)
    invite = sole(caller.take())
    assert invite.body == held  # a refused change has left the session as it was
    takes(caller, invite, CHANGED)
    hang_up(leg, caller)


def test_an_answer_to_a_refresh_that_differs_is_told(world):
    caller, leg, _, _ = answered(world, session_expires="120;refresher=uas")
    wait(world, 61)
    takes(caller, caller.take()[0], CHANGED)
    assert world.calls.of(leg) == [Accept(sdp.parse(CHANGED))]
    hang_up(leg, caller)


@pytest.mark.parametrize("status", [408, 481])
@pytest.mark.parametrize("allow", ["INVITE, UPDATE", "INVITE"])
def test_a_refresh_answered_408_or_481_ends_the_call_at_once(world, status, allow):
    caller, leg, _, _ = answered(world, supported="timer", allow=allow)
    wait(world, 301)
    caller.answer(caller.take()[0], status)
    assert world.calls.of(leg) == [LOST]
    assert bye(caller).get("reason").startswith("Q.850;cause=102")


@pytest.mark.parametrize("allow", ["INVITE, UPDATE", "INVITE"])
def test_a_refresh_not_answered_at_all_ends_the_call(world, allow):
    caller, leg, _, _ = answered(world, supported="timer", allow=allow)
    wait(world, 335)
    assert world.calls.of(leg) == [LOST]
    bye(caller)


def test_another_error_tries_the_other_method(world):
    caller, leg, _, _ = answered(world, supported="timer", allow="UPDATE")
    wait(world, 301)
    caller.answer(caller.take()[0], 405)
    invite = sole(caller.take())
    assert (invite.method, invite.body) == ("INVITE", ANSWER)
    takes(caller, invite, OFFER, session_expires="600;refresher=uac")
    caller.take()
    wait(world, 301)
    assert caller.take()[0].method == "INVITE"  # what has worked is tried first from now on
    hang_up(leg, caller)


def test_when_both_methods_are_refused_the_session_runs_to_its_expiry(world):
    caller, leg, _, _ = answered(world, supported="timer", allow="UPDATE")
    wait(world, 301)
    caller.answer(caller.take()[0], 500)
    caller.answer(caller.take()[0], 503)
    assert caller.take()[0].method == "ACK"
    wait(world, 265)
    assert (caller.take(), world.calls.of(leg)) == ([], [])
    wait(world, 4)
    assert world.calls.of(leg) == [LOST]
    bye(caller)


def test_a_refresh_that_meets_491_is_sent_again_after_a_while(world):
    caller, leg, _, _ = answered(world, supported="timer", allow="UPDATE")
    wait(world, 301)
    caller.answer(caller.take()[0], 491)
    assert caller.take() == []
    wait(world, 3)
    again = sole(caller.take())
    assert again.method == "UPDATE"
    caller.answer(again)
    wait(world, 200)
    assert caller.take() == []
    hang_up(leg, caller)


def test_a_refresh_refused_with_422_goes_out_again_with_the_interval_raised(world):
    caller, leg, _, _ = answered(world, supported="timer", allow="UPDATE")
    wait(world, 301)
    caller.answer(caller.take()[0], 422, min_se="900")
    wait(world, 3)
    again = sole(caller.take())
    assert (again.get("session-expires"), again.get("min-se")) == ("900;refresher=uac", "900")
    caller.answer(again, session_expires="900;refresher=uac")
    wait(world, 440)
    assert caller.take() == []
    hang_up(leg, caller)


def test_who_refreshes_by_itself_is_ended_when_it_does_not(world):
    caller, leg, ok, _ = answered(world, session_expires="300;refresher=uac", supported="timer")
    assert (ok.get("session-expires"), ok.get("require")) == ("300;refresher=uac", "timer")
    wait(world, 267)
    assert (caller.take(), world.calls.of(leg)) == ([], [])
    wait(world, 2)
    assert world.calls.of(leg) == [LOST]
    bye(caller)


@pytest.mark.parametrize(("method", "body"), [("UPDATE", b""), ("INVITE", OFFER), ("UPDATE", OFFER)])
def test_every_refresh_of_the_peer_begins_a_new_period(world, method, body):
    """A description that it has sent before is answered at once with ours: the far side hears nothing of it."""
    caller, leg, _, _ = answered(world, session_expires="300;refresher=uac", supported="timer")
    for _ in range(3):
        wait(world, 250)
        caller.request(method, body, session_expires="300;refresher=uac", supported="timer")
        ok = caller.take()[-1]
        assert (ok.status, ok.body) == (200, ANSWER if body else b"")
        assert (ok.get("session-expires"), ok.get("require")) == ("300;refresher=uac", "timer")
        if method == "INVITE":
            caller.ack()
    assert world.calls.of(leg) == []
    hang_up(leg, caller)


def test_refreshes_without_number_set_no_timers_without_number(world):
    caller, leg, _, _ = answered(world, session_expires="300;refresher=uac", supported="timer")
    before = sum(len(bucket) for bucket in world.service.timers._buckets.values())
    for _ in range(300):
        caller.request("UPDATE", session_expires="300;refresher=uac", supported="timer")
        wait(world, 1)
    caller.take()
    wait(world, 35)  # their transactions are over
    after = sum(len(bucket) for bucket in world.service.timers._buckets.values())
    assert after <= before
    wait(world, 232)
    assert world.calls.of(leg) == []
    wait(world, 4)
    assert world.calls.of(leg) == [LOST]
    bye(caller)


def test_a_change_that_the_far_side_takes_is_a_refresh_too_and_a_refused_one_is_none(world):
    caller, leg, _, _ = answered(world, session_expires="300;refresher=uac", supported="timer")
    wait(world, 200)
    caller.request("INVITE", CHANGED, session_expires="300;refresher=uac")
    leg.send(Accept(SESSION))
    assert caller.take()[-1].get("session-expires") == "300;refresher=uac"
    caller.ack()
    wait(world, 200)
    caller.request("INVITE", OFFER, session_expires="300;refresher=uac")
    leg.send(Refuse(488))
    caller.ack_refusal(caller.take()[-1])
    world.calls.of(leg)
    wait(world, 66)
    assert world.calls.of(leg) == []
    wait(world, 4)
    assert world.calls.of(leg) == [LOST]
    bye(caller)


def test_a_peer_that_drops_the_timer_from_its_request_is_refreshed_by_us(world):
    caller, leg, _, _ = answered(world, session_expires="300;refresher=uac", supported="timer", allow="UPDATE")
    caller.request("UPDATE")
    (ok,) = caller.take()
    assert (ok.get("session-expires"), ok.get("require")) == ("600;refresher=uas", None)
    wait(world, 301)
    assert caller.take()[0].method == "UPDATE"
    hang_up(leg, caller)


def test_the_timer_may_begin_within_the_call(world):
    caller, leg, _, _ = answered(world)
    caller.request("UPDATE", session_expires="120;refresher=uac", supported="timer")
    assert caller.take()[0].get("session-expires") == "120;refresher=uac"
    wait(world, 90)
    assert world.calls.of(leg) == [LOST]
    bye(caller)


@pytest.mark.parametrize("value", ["89", "0", "1;refresher=uac"])
def test_a_too_small_interval_is_422_outside_and_within_the_call(world, value):
    caller = world.invite(session_expires=value)
    refusal = caller.take()[-1]
    assert (refusal.status, refusal.get("min-se")) == (422, "90")
    caller.ack_refusal(refusal)
    assert world.calls.offered == []
    caller, leg, _, _ = answered(world, supported="timer")
    caller.request("UPDATE", session_expires=value)
    (refusal,) = caller.take()
    assert (refusal.status, refusal.get("min-se")) == (422, "90")
    hang_up(leg, caller)


@pytest.mark.parametrize("value", ["x", "-1", "9" * 300, ";;;", "600;refresher", ""])
def test_strange_intervals_do_no_harm(world, value):
    caller, leg, ok, _ = answered(world, session_expires=value, supported="timer", allow="UPDATE")
    assert ok.get("session-expires") == "600;refresher=uas"
    hang_up(leg, caller)


def test_a_gateway_without_session_timers(world):
    world.credentials.profiles[UAC[0]] = PeerProfile(session_timer="off")
    caller, leg, ok, offered = answered(world, session_expires="300;refresher=uac", supported="timer")
    assert (ok.get("session-expires"), offered.timer, leg.session) == (None, False, None)
    hang_up(leg, caller)
    caller = world.invite(require="timer")
    refusal = caller.take()[-1]
    assert (refusal.status, refusal.get("unsupported")) == (420, "timer")
    caller.ack_refusal(refusal)


def test_a_gateway_that_must_have_session_timers(world):
    world.credentials.profiles[UAC[0]] = PeerProfile(session_timer="required", session_ttl=1800)
    caller = world.invite()
    refusal = caller.take()[-1]
    assert (refusal.status, refusal.get("require")) == (421, "timer")
    caller.ack_refusal(refusal)
    caller, leg, ok, _ = answered(world, require="timer", supported="timer")
    assert ok.get("session-expires") == "1800;refresher=uas"
    hang_up(leg, caller)


# -- changes and refreshes that meet


def test_a_refresh_waits_for_a_change_of_the_peer(world):
    caller, leg, _, _ = answered(world, supported="timer", allow="UPDATE")
    wait(world, 299)
    caller.request("INVITE", CHANGED)
    wait(world, 4)
    assert caller.statuses() == [100]
    leg.send(Accept(SESSION))
    caller.take()
    caller.ack()
    wait(world, 200)
    assert caller.take() == []  # the change was a refresh
    hang_up(leg, caller)


def test_a_change_of_the_call_waits_for_our_refresh(world):
    caller, leg, _, _ = answered(world, supported="timer")
    wait(world, 301)
    refresh = sole(caller.take())
    leg.send(Offer(sdp.parse(CHANGED)))
    assert caller.take() == []
    leg.send(Offer(sdp.parse(CHANGED)))
    assert world.calls.of(leg) == [Refuse(491)]  # there can only be one
    takes(caller, refresh, OFFER)
    ack, change = caller.take()
    assert (ack.method, change.method, change.body) == ("ACK", "INVITE", CHANGED)
    takes(caller, change, OFFER)
    assert world.calls.of(leg) == [Accept(sdp.parse(OFFER))]
    hang_up(leg, caller)


def test_a_change_that_waited_goes_out_even_if_the_refresh_is_refused(world):
    caller, leg, _, _ = answered(world, supported="timer")
    wait(world, 301)
    refresh = sole(caller.take())
    leg.send(Offer(sdp.parse(CHANGED)))
    caller.answer(refresh, 488)
    sent = caller.take()
    assert [(found.method, found.body) for found in sent] == [("ACK", b""), ("INVITE", CHANGED), ("UPDATE", b"")]
    takes(caller, sent[1], OFFER)
    caller.answer(sent[2], 500)
    assert world.calls.of(leg) == [Accept(sdp.parse(OFFER))]
    hang_up(leg, caller)


def test_glare_of_two_refreshes(world):
    """Both sides send a re-INVITE: each gets 491, and ours goes out again within two seconds (it is their Call-ID)."""
    caller, leg, _, _ = answered(world, supported="timer")
    wait(world, 301)
    ours = sole(caller.take())
    caller.request("INVITE", OFFER)
    refusal = caller.take()[-1]
    assert refusal.status == 491
    caller.ack_refusal(refusal)
    caller.answer(ours, 491)
    assert caller.take()[-1].method == "ACK"
    wait(world, 3)
    again = sole(caller.take())
    assert (again.method, again.body) == ("INVITE", ANSWER)
    takes(caller, again, OFFER)
    hang_up(leg, caller)


def test_an_update_without_body_is_answered_while_a_change_is_open(world):
    caller, leg, _, _ = answered(world, supported="timer")
    caller.request("INVITE", CHANGED)
    caller.take()
    first = caller.branch, caller.cseq
    caller.request("UPDATE", supported="timer", session_expires="120;refresher=uac")
    assert caller.statuses() == [200]
    caller.request("UPDATE", OFFER)
    assert caller.statuses() == [500]
    leg.send(Refuse(488))
    refusal = caller.take()[-1]
    world.put(caller.text("ACK", to=refusal.headers["to"][0], branch=first[0], number=str(first[1])), UAC)
    hang_up(leg, caller)


def test_bye_while_a_refresh_is_open(world):
    caller, leg, _, _ = answered(world, supported="timer", allow="UPDATE")
    wait(world, 301)
    update = sole(caller.take())
    caller.request("BYE")
    assert caller.statuses() == [200]
    assert world.calls.of(leg) == [Release(cause("normal")._replace(text=""))]
    caller.answer(update, 481)
    assert caller.take() == []


def test_release_by_the_call_while_a_refresh_is_open(world):
    caller, leg, _, _ = answered(world, supported="timer")
    wait(world, 301)
    refresh = sole(caller.take())
    hang_up(leg, caller)
    caller.answer(refresh, 481)
    assert [found.method for found in caller.take()] == ["ACK"]
    assert world.calls.of(leg) == []


# -- the vendor's side


def called(world, *, session=True, ok=None, **fields):
    """An outgoing leg that is answered, and its INVITE."""
    leg = world.place(**fields)
    invite = world.one(UAS)
    world.put(reply(invite, 200, ANSWER if session else b"", **(ok or {})), UAS)
    assert world.one(UAS).method == "ACK"
    world.calls.of(leg)
    return leg, invite


def end(world, leg):
    leg.send(Release(cause("normal")))
    world.put(reply(world.take(UAS)[-1], 200), UAS)


def test_our_invite_offers_a_session_timer(world):
    leg, invite = called(world)
    assert (invite.get("session-expires"), invite.get("supported"), invite.get("require")) == ("600", "timer", None)
    assert leg.session is None  # the vendor shows no support
    end(world, leg)
    leg, invite = called(world, profile=PeerProfile(session_timer="off"), ok={"session_expires": "90;refresher=uac"})
    assert (invite.get("session-expires"), invite.get("supported"), leg.session) == (None, None, None)
    end(world, leg)
    leg, invite = called(world, profile=PeerProfile(session_timer="required", session_ttl=900))
    assert (invite.get("session-expires"), invite.get("require")) == ("900", "timer")
    end(world, leg)


def test_the_vendor_chooses_that_we_refresh(world):
    leg, _ = called(world, ok={"session_expires": "200;refresher=uac", "require": "timer", "allow": "UPDATE"})
    wait(world, 101)
    update = world.one(UAS)
    assert (update.method, update.get("session-expires")) == ("UPDATE", "200;refresher=uac")
    world.put(reply(update, 200, session_expires="200;refresher=uas"), UAS)  # and then that it does
    wait(world, 166)
    assert (world.take(UAS), world.calls.of(leg)) == ([], [])
    wait(world, 4)
    assert world.calls.of(leg) == [LOST]
    world.put(reply(sole(world.take(UAS)), 200), UAS)


def test_a_vendor_without_interval_that_shows_support_is_refreshed(world):
    leg, _ = called(world, ok={"supported": "timer"})
    wait(world, 301)
    invite = world.one(UAS)
    assert (invite.method, invite.body) == ("INVITE", OFFER)
    world.put(reply(invite, 481), UAS)
    assert world.calls.of(leg) == [LOST]
    world.put(reply(world.take(UAS)[-1], 200), UAS)


def test_a_reinvite_of_ours_waits_longer_after_491_since_the_call_id_is_ours(world):
    leg, _ = called(world, ok={"supported": "timer"})
    wait(world, 301)
    world.put(reply(world.one(UAS), 491), UAS)
    assert world.one(UAS).method == "ACK"
    wait(world, 2)
    assert world.take(UAS) == []
    wait(world, 2)
    world.put(reply(world.one(UAS), 200, ANSWER), UAS)
    assert world.one(UAS).method == "ACK"
    end(world, leg)


def test_422_is_followed_within_the_attempt(world):
    leg = world.place()
    first = world.one(UAS)
    world.put(reply(first, 422, min_se="1200"), UAS)
    ack, second = world.take(UAS)
    assert (ack.method, second.method, second.cseq.number) == ("ACK", "INVITE", first.cseq.number + 1)
    assert (second.call_id, second.from_.tag) == (first.call_id, first.from_.tag)
    assert (second.get("session-expires"), second.get("min-se")) == ("1200", "1200")
    world.put(reply(second, 200, ANSWER, session_expires="1200;refresher=uac", allow="UPDATE"), UAS)
    world.take(UAS)
    assert world.calls.of(leg) == [Answer(SESSION)]
    wait(world, 599)
    assert world.take(UAS) == []
    wait(world, 2)
    world.put(reply(world.one(UAS), 200), UAS)
    end(world, leg)


@pytest.mark.parametrize("least", ["", "600", "0", "x", "99999999999"])
def test_a_422_that_cannot_be_followed_is_a_refusal(world, least):
    leg = world.place()
    world.put(reply(world.one(UAS), 422, min_se=least), UAS)
    assert world.one(UAS).method == "ACK"
    (release,) = world.calls.of(leg)
    assert release.cause.code == 422


def test_endless_422_end(world):
    leg = world.place()
    for number in range(4):
        invite = world.take(UAS)[-1]
        assert invite.method == "INVITE"
        world.put(reply(invite, 422, min_se=str(1000 + number)), UAS)
    assert world.one(UAS).method == "ACK"
    (release,) = world.calls.of(leg)
    assert release.cause.code == 422


def test_the_refresh_is_challenged(world):
    leg, _ = called(world, username="us", password="secret", ok={"supported": "timer", "allow": "UPDATE"})
    wait(world, 301)
    world.put(reply(world.one(UAS), 401, www_authenticate='Digest realm="x",nonce="n",algorithm=MD5'), UAS)
    again = world.one(UAS)
    assert again.method == "UPDATE"
    assert again.get("authorization") is not None
    assert again.get("session-expires") == "600;refresher=uac"
    world.put(reply(again, 200), UAS)
    wait(world, 100)
    assert (world.take(UAS), world.calls.of(leg)) == ([], [])
    end(world, leg)


@pytest.mark.parametrize("allow", ["UPDATE", "INVITE"])
def test_every_refresh_may_be_challenged_anew(world, allow):
    leg, _ = called(world, username="us", password="secret", ok={"supported": "timer", "allow": allow})
    for _ in range(4):
        wait(world, 301)
        world.put(reply(sole(world.take(UAS)), 401, www_authenticate='Digest realm="x",nonce="n",algorithm=MD5'), UAS)
        again = world.take(UAS)[-1]
        assert again.get("authorization") is not None
        world.put(reply(again, 200, b"" if allow == "UPDATE" else ANSWER), UAS)
        world.take(UAS)
    assert world.calls.of(leg) == []
    end(world, leg)


def test_no_refresh_before_the_ack(world):
    world.parameters["SS_SIP_SESSION_UPDATE_SEGMENT"] = 10
    caller = world.invite(session_expires="90;refresher=uas", allow="UPDATE")
    leg, _ = world.calls.offered.pop()
    leg.send(Answer(SESSION))
    ok = caller.take()[-1]
    wait(world, 20)
    assert {found.cseq.method for found in caller.take()} == {"INVITE"}
    caller.join(ok)
    caller.ack()
    wait(world, 3)
    assert sole(caller.take()).method == "UPDATE"
    hang_up(leg, caller)


@pytest.mark.parametrize("body", [b"", CHANGED])
def test_a_refresh_after_an_answer_in_parts_repeats_what_was_told(world, body):
    """An answer in a 183, and none or another one in the 200 (RFC 3261 13.2.1)."""
    leg = world.place()
    invite = world.one(UAS)
    world.put(reply(invite, 183, ANSWER), UAS)
    world.put(reply(invite, 200, body, supported="timer"), UAS)
    assert world.one(UAS).method == "ACK"
    heard = world.calls.of(leg)
    assert heard[-1] == Answer(sdp.parse(body) if body else None)
    wait(world, 301)
    refresh = sole(world.take(UAS))
    assert (refresh.method, refresh.body) == ("INVITE", OFFER)
    world.put(reply(refresh, 200, body or ANSWER), UAS)
    assert (world.one(UAS).method, world.calls.of(leg)) == ("ACK", [])
    end(world, leg)


def test_a_refresh_after_early_media_repeats_what_the_caller_was_told(world):
    caller = world.invite(session_expires="90;refresher=uas")
    leg, _ = world.calls.offered.pop()
    leg.send(Progress(SESSION))
    leg.send(Answer())
    caller.join(caller.take()[-1])
    caller.ack()
    wait(world, 46)
    refresh = sole(caller.take())
    assert (refresh.method, refresh.body) == ("INVITE", ANSWER)
    takes(caller, refresh, OFFER)
    hang_up(leg, caller)


def test_a_refresh_after_a_late_offer_repeats_our_answer(world):
    """The vendor offered in its 200 and got the answer in our ACK."""
    leg = world.place(session=None)
    world.put(reply(world.one(UAS), 200, ANSWER, supported="timer"), UAS)
    leg.send(Confirm(sdp.parse(OFFER)))
    assert world.one(UAS).body == OFFER
    world.calls.of(leg)
    wait(world, 301)
    refresh = sole(world.take(UAS))
    assert (refresh.method, refresh.body) == ("INVITE", OFFER)
    world.put(reply(refresh, 200, ANSWER), UAS)
    assert (world.one(UAS).method, world.calls.of(leg)) == ("ACK", [])
    end(world, leg)


def test_a_late_offer_within_the_call_is_a_refresh_and_its_answers_are_what_is_repeated(world):
    caller, leg, _, _ = answered(world, session_expires="300;refresher=uac", supported="timer")
    wait(world, 250)
    caller.request("INVITE", session_expires="300;refresher=uac")
    other = sdp.parse(ANSWER.replace(b"bob 1 1", b"bob 1 2"))
    assert world.calls.of(leg) == [Offer(None)]
    leg.send(Accept(other))
    caller.take()
    caller.ack(CHANGED)
    assert world.calls.of(leg) == [Confirm(sdp.parse(CHANGED))]
    wait(world, 250)
    caller.request("INVITE", CHANGED, session_expires="300;refresher=uac")
    assert caller.take()[-1].body == sdp.render(other)
    caller.ack()
    assert world.calls.of(leg) == []
    hang_up(leg, caller)


def test_a_lost_bye_leaves_no_call_up(world):
    """Who has sent a BYE that never came answers the next refresh with 481."""
    caller, leg, _, _ = answered(world, supported="timer", allow="UPDATE")
    wait(world, 301)
    caller.answer(caller.take()[0], 481)
    assert world.calls.of(leg) == [LOST]
    bye(caller)
