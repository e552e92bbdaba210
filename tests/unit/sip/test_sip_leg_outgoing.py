"""The outgoing leg: provisional phases and their timers, failover causes, CANCEL races, forks, digest."""

from __future__ import annotations

import pytest
from sip_world import ANSWER, OFFER, REALM, UAS, World, reply

from vosswitch import sdp
from vosswitch.model.call import LegTimers
from vosswitch.model.causes import cause, from_sip, switches
from vosswitch.model.signals import Answer, Confirm, Offer, Proceed, Progress, Refuse, Release, Ring
from vosswitch.model.values import Address
from vosswitch.sip.grammar import digest

SESSION = sdp.parse(ANSWER)


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def placed(world, **changes):
    leg = world.place(**changes)
    return leg, world.one(UAS)


def answered(world, **changes):
    leg, invite = placed(world, **changes)
    world.put(reply(invite, 200, ANSWER), UAS)
    ack = world.one(UAS)
    assert ack.method == "ACK"
    assert world.calls.of(leg) == [Answer(SESSION)]
    return leg, invite, ack


def hang_up(world, leg):
    leg.send(Release(cause("normal")))
    bye = world.one(UAS)
    assert bye.method == "BYE"
    world.put(reply(bye, 200), UAS)


def acked(world, invite):
    """The refusal of *invite* was acknowledged in its own transaction."""
    ack = world.one(UAS)
    assert (ack.method, ack.via.branch, ack.cseq.number) == ("ACK", invite.via.branch, invite.cseq.number)


def test_invite_shows_nothing_of_the_other_side(world):
    leg, invite = placed(world, display='A "B" \\ C\r\nX: y', max_forwards=12)
    text = str(invite.headers)
    assert "192.0.2.10" not in text
    assert invite.from_.uri.text == "sip:4930@192.0.2.1"
    assert invite.from_.display == 'A "B" \\ C X: y'
    assert "x" not in invite.headers
    assert invite.to.uri.text == "sip:4940@192.0.2.20:5080"
    assert invite.to.tag == ""
    assert invite.contacts[0].uri.text == "sip:4930@192.0.2.1:5060"
    assert invite.max_forwards == 12
    assert invite.get("user-agent") == "vosswitch/test"
    assert invite.call_id == leg.peer_call_id
    assert invite.body == OFFER
    world.put(reply(invite, 486), UAS)
    acked(world, invite)


def test_a_registered_contact_is_asked_for_by_its_own_uri(world):
    _, invite = placed(world, request_uri="sip:1001@10.0.0.9:5062;line=7", caller="49#30", callee="1001")
    assert invite.uri == "sip:1001@10.0.0.9:5062;line=7"
    assert invite.from_.uri.user == "49#30"
    assert "%23" in invite.from_.uri.text
    world.put(reply(invite, 486), UAS)
    acked(world, invite)


def test_nothing_back_is_connection_timeout_and_the_invite_rests(world):
    leg, invite = placed(world)
    world.clock.pump([0.25] * 39)
    assert [found.via.branch for found in world.take(UAS)] == [invite.via.branch] * 4  # 0.5 1.5 3.5 7.5
    world.clock.pump([0.25] * 4)
    assert world.calls.of(leg) == [Release(cause("connection_timeout"))]
    world.clock.pump([0.25] * 100)
    assert world.take() == []


def test_end_of_the_resend_list_is_connection_timeout(world):
    leg, _ = placed(world, timers=LegTimers(resend=(0.5, 0.5)))
    world.clock.pump([0.1] * 13)
    assert len(world.take(UAS)) == 1
    assert world.calls.of(leg) == [Release(cause("connection_timeout"))]


def test_a_provisional_behind_the_end_is_cancelled(world):
    leg, invite = placed(world)
    world.clock.pump([0.5] * 22)
    world.take()
    world.calls.of(leg)
    world.put(reply(invite, 180), UAS)
    cancel = world.one(UAS)
    assert (cancel.method, cancel.via.branch, cancel.uri) == ("CANCEL", invite.via.branch, invite.uri)
    world.put(reply(invite, 180), UAS)
    assert world.take() == []
    world.put(reply(cancel, 200), UAS)
    world.put(reply(invite, 487), UAS)
    acked(world, invite)
    assert world.calls.of(leg) == []


@pytest.mark.parametrize(
    ("status", "body", "seconds", "reason"),
    [
        (100, b"", 20, "response_timeout"),
        (183, b"", 20, "response_timeout"),
        (183, ANSWER, 120, "no_answer"),
        (180, b"", 120, "no_answer"),
    ],
)
def test_each_phase_has_its_timer(world, status, body, seconds, reason):
    leg, invite = placed(world)
    world.put(reply(invite, status, body), UAS)
    world.calls.of(leg)
    world.clock.pump([0.5] * (seconds * 2 - 1))
    assert world.calls.of(leg) == []
    world.clock.pump([0.5] * 2)
    assert world.calls.of(leg) == [Release(cause(reason))]
    cancel = world.one(UAS)
    assert cancel.method == "CANCEL"
    world.put(reply(cancel, 200), UAS)
    world.put(reply(invite, 487), UAS)
    acked(world, invite)


def test_repeated_provisionals_do_not_prolong_ringing(world):
    leg, invite = placed(world)
    for _ in range(13):
        world.put(reply(invite, 180), UAS)
        world.put(reply(invite, 183), UAS)
        world.clock.pump([1.0] * 10)
    assert Release(cause("no_answer")) in world.calls.of(leg)
    world.take()
    world.put(reply(invite, 487), UAS)
    acked(world, invite)


def test_provisional_responses_are_reported(world):
    leg, invite = placed(world)
    for status, body in ((100, b""), (181, b""), (183, ANSWER), (180, b""), (180, b"rubbish")):
        world.put(reply(invite, status, body), UAS)
    assert world.calls.of(leg) == [Proceed(), Progress(None), Progress(SESSION), Ring(None), Ring(None)]
    assert leg.status == 180
    world.put(reply(invite, 486, server="Gateway/2"), UAS)
    acked(world, invite)


@pytest.mark.parametrize("status", [404, 408, 480, 486, 488, 500, 503, 600, 603])
def test_a_refusal_is_reported_with_its_cause(world, status):
    leg, invite = placed(world)
    world.put(reply(invite, status, reason="Some words"), UAS)
    acked(world, invite)
    assert world.calls.of(leg) == [Release(from_sip(status, "Some words"))]
    assert leg.status == status
    world.put(reply(invite, status), UAS)
    acked(world, invite)
    assert world.calls.of(leg) == []


def test_redirection_is_a_refusal_and_not_followed(world):
    leg, invite = placed(world)
    world.put(reply(invite, 302, contact="<sip:4940@192.0.2.99>"), UAS)
    acked(world, invite)
    (release,) = world.calls.of(leg)
    assert (release.cause.reason, release.cause.code) == ("client_error", 302)
    assert release.cause.answerable == 480
    assert not switches(release.cause)


def test_a_lost_ack_is_sent_again_for_every_repeated_answer(world):
    leg, invite, ack = answered(world)
    world.put(reply(invite, 200, ANSWER), UAS)
    again = world.one(UAS)
    assert (again.method, again.headers) == ("ACK", ack.headers)
    assert world.calls.of(leg) == []
    hang_up(world, leg)
    world.put(reply(invite, 200, ANSWER), UAS)
    assert world.one(UAS).method == "ACK"


def test_release_before_any_response_waits_for_one(world):
    leg, invite = placed(world)
    leg.send(Release(cause("caller_abandoned")))
    world.clock.pump([0.5] * 10)
    assert world.take() == []
    world.put(reply(invite, 100), UAS)
    assert world.one(UAS).method == "CANCEL"
    world.put(reply(invite, 487), UAS)
    acked(world, invite)
    assert world.calls.of(leg) == []


def test_release_while_ringing_cancels(world):
    leg, invite = placed(world)
    world.put(reply(invite, 180), UAS)
    world.calls.of(leg)
    leg.send(Release(cause("caller_abandoned")))
    assert world.one(UAS).method == "CANCEL"
    world.put(reply(invite, 487), UAS)
    acked(world, invite)
    assert world.calls.of(leg) == []


def test_an_answer_that_crosses_the_cancel_is_taken_and_ended(world):
    leg, invite = placed(world)
    world.put(reply(invite, 180), UAS)
    leg.send(Release(cause("caller_abandoned")))
    world.calls.of(leg)
    cancel = world.one(UAS)
    world.put(reply(invite, 200, ANSWER), UAS)
    ack, bye = world.take(UAS)
    assert (ack.method, bye.method, bye.cseq.number) == ("ACK", "BYE", 2)
    world.put(reply(cancel, 481), UAS)
    world.put(reply(bye, 200), UAS)
    assert world.calls.of(leg) == []
    assert world.service._stack.dialogs == {}


def test_a_cancelled_invite_without_final_response_is_given_up(world):
    leg, invite = placed(world)
    world.put(reply(invite, 180), UAS)
    leg.send(Release(cause("caller_abandoned")))
    world.put(reply(world.one(UAS), 200), UAS)
    world.clock.pump([1.0] * 40)
    assert world.service._layer.clients == {}


def test_a_second_fork_is_acknowledged_and_ended(world):
    leg, invite, _ = answered(world)
    for _ in range(2):
        world.put(reply(invite, 200, ANSWER, tag="b2", contact="<sip:192.0.2.21:5081>"), UAS)
    ack, bye, again = world.take(("192.0.2.21", 5081))
    assert [found.method for found in (ack, bye, again)] == ["ACK", "BYE", "ACK"]
    assert {found.to.tag for found in (ack, bye)} == {"b2"}
    assert bye.headers["reason"][0] == 'SIP;cause=200;text="Call completed elsewhere"'
    world.put(reply(bye, 200), ("192.0.2.21", 5081))
    assert leg.dialog.local_tag in world.service._stack.dialogs
    hang_up(world, leg)


def test_early_dialogs_of_several_forks(world):
    leg, invite = placed(world)
    world.put(reply(invite, 180, tag="b1"), UAS)
    world.put(reply(invite, 183, ANSWER, tag="b2"), UAS)
    world.put(reply(invite, 200, ANSWER, tag="b2"), UAS)
    assert world.one(UAS).to.tag == "b2"
    assert world.calls.of(leg) == [Ring(None), Progress(SESSION), Answer(SESSION)]
    hang_up(world, leg)


def test_late_offer(world):
    leg, invite = placed(world, session=None)
    assert invite.body == b""
    world.put(reply(invite, 200, OFFER), UAS)
    assert world.take() == []
    assert world.calls.of(leg) == [Answer(sdp.parse(OFFER))]
    leg.send(Offer(SESSION))
    assert world.calls.of(leg) == [Refuse(491)]
    leg.send(Confirm(SESSION))
    ack = world.one(UAS)
    assert (ack.method, ack.body) == ("ACK", ANSWER)
    world.put(reply(invite, 200, OFFER), UAS)
    assert world.one(UAS).body == ANSWER
    hang_up(world, leg)


def test_release_instead_of_confirm(world):
    leg, invite = placed(world, session=None)
    world.put(reply(invite, 200, OFFER), UAS)
    world.calls.of(leg)
    leg.send(Release(cause("normal")))
    ack, bye = world.take(UAS)
    assert (ack.method, bye.method) == ("ACK", "BYE")
    world.put(reply(bye, 200), UAS)


@pytest.mark.parametrize(("offer", "body"), [(sdp.parse(OFFER), b"rubbish"), (None, b"")])
def test_an_unusable_answer_ends_the_call(world, offer, body):
    leg, invite = placed(world, session=offer)
    world.put(reply(invite, 200, body), UAS)
    ack, bye = world.take(UAS)
    assert (ack.method, bye.method) == ("ACK", "BYE")
    assert world.calls.of(leg) == [Release(cause("protocol_error"))]
    world.put(reply(bye, 200), UAS)


def test_answer_without_description_behind_early_media(world):
    leg, invite = placed(world)
    world.put(reply(invite, 183, ANSWER), UAS)
    world.put(reply(invite, 200), UAS)
    assert world.one(UAS).method == "ACK"
    assert world.calls.of(leg) == [Progress(SESSION), Answer(None)]
    hang_up(world, leg)


def test_bye_of_the_callee(world):
    leg, invite, _ = answered(world)
    bye = (
        f"BYE sip:4930@192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.20:5080;branch=z9hG4bKq\r\n"
        f"From: {invite.headers['to'][0]};tag=b1\r\nTo: {invite.headers['from'][0]}\r\n"
        f"Call-ID: {invite.call_id}\r\nCSeq: 1 BYE\r\n\r\n"
    )
    world.put(bye.encode(), UAS)
    assert world.one(UAS).status == 200
    assert world.calls.of(leg) == [Release(cause("normal")._replace(text=""))]
    world.put(bye.encode(), UAS)
    assert world.one(UAS).status == 200


def test_no_listener_for_the_transport_is_reported_in_a_later_turn(world):
    leg = world.place(target=Address("2001:db8::1", 5060))
    assert world.calls.of(leg) == []
    world.clock.advance(0.1)
    assert world.calls.of(leg) == [Release(cause("connection_timeout"))]


def test_refused_tcp_connection_is_connection_timeout(world):
    leg = world.place(target=Address(*UAS, "tcp"))
    host, port, factory = world.clock.connecting.pop()
    assert (host, port) == UAS
    assert world.calls.of(leg) == []
    factory.clientConnectionFailed(None, None)
    assert world.calls.of(leg) == [Release(cause("connection_timeout"))]


def challenged(world, invite, *, kind="MD5", stale=False, status=401, realm=REALM):
    name = "www_authenticate" if status == 401 else "proxy_authenticate"
    value = digest.challenge(realm, f"nonce{world.next()}", kind, stale)
    world.put(reply(invite, status, **{name: value}), UAS)
    ack, *rest = world.take(UAS)
    assert ack.method == "ACK"
    return rest


@pytest.mark.parametrize("kind", ["MD5", "SHA-256"])
@pytest.mark.parametrize("status", [401, 407])
def test_a_challenge_is_answered(world, kind, status):
    leg, invite = placed(world, username="us", password="secret", realm=REALM)
    (again,) = challenged(world, invite, kind=kind, status=status)
    name = "authorization" if status == 401 else "proxy-authorization"
    fields = digest.parse_authorization(again.get(name))
    assert digest.verify(fields, "INVITE", digest.ha1("us", REALM, "secret", kind), uri=again.uri)
    assert (again.call_id, again.from_.tag, again.cseq.number) == (invite.call_id, invite.from_.tag, 2)
    assert again.via.branch != invite.via.branch
    world.put(reply(again, 200, ANSWER), UAS)
    ack = world.one(UAS)
    assert (ack.method, ack.cseq.number, ack.get(name)) == ("ACK", 2, again.get(name))
    assert world.calls.of(leg) == [Answer(SESSION)]
    leg.send(Release(cause("normal")))
    bye = world.one(UAS)
    assert bye.cseq.number == 3
    world.put(reply(bye, 401, www_authenticate=digest.challenge(REALM, "n", kind)), UAS)
    proven = world.one(UAS)
    assert proven.method == "BYE"
    assert digest.verify(
        digest.parse_authorization(proven.get("authorization")), "BYE", digest.ha1("us", REALM, "secret", kind)
    )
    world.put(reply(proven, 200), UAS)


def test_wrong_credentials_end_the_attempt(world):
    leg, invite = placed(world, username="us", password="secret")
    (again,) = challenged(world, invite)
    assert challenged(world, again) == []
    (release,) = world.calls.of(leg)
    assert (release.cause.code, release.cause.answerable) == (401, 403)


def test_stale_nonces_are_answered_as_often_as_the_system_says(world):
    leg, invite = placed(world, username="us", password="secret", timers=LegTimers(authentications=3))
    (again,) = challenged(world, invite)
    (third,) = challenged(world, again, stale=True)
    (fourth,) = challenged(world, third, stale=True)
    assert challenged(world, fourth, stale=True) == []
    assert world.calls.of(leg)[-1].cause.code == 401


def test_challenges_are_answered_for_so_long_as_the_system_says(world):
    leg, invite = placed(world, username="us", password="secret", timers=LegTimers(invite=60.0, authentication=5))
    (again,) = challenged(world, invite)
    world.clock.advance(5.1)
    world.take(UAS)  # it was sent again meanwhile
    assert challenged(world, again, stale=True) == []
    assert world.calls.of(leg)[-1].cause.code == 401


def test_no_answer_at_all_when_the_system_says_so(world):
    leg, invite = placed(world, username="us", password="secret", timers=LegTimers(authentications=0))
    assert challenged(world, invite) == []
    assert world.calls.of(leg)[-1].cause.code == 401


def test_a_proxy_and_the_server_behind_it_may_both_ask(world):
    _, invite = placed(world, username="us", password="secret")
    (again,) = challenged(world, invite, status=407, realm="proxy")
    (third,) = challenged(world, again, status=401, realm="server")
    assert third.get("proxy-authorization") == again.get("proxy-authorization")
    assert 'realm="server"' in third.get("authorization")
    world.put(reply(third, 486), UAS)


@pytest.mark.parametrize("placement", [{}, {"username": "us", "password": "x", "realm": "elsewhere"}])
def test_a_challenge_without_fitting_credentials_ends_the_attempt(world, placement):
    leg, invite = placed(world, **placement)
    assert challenged(world, invite, status=407) == []
    assert world.calls.of(leg) == [Release(from_sip(407, "Text"))]
