"""The incoming leg: answers, refusals, CANCEL and its races, lost messages."""

from __future__ import annotations

import pytest
from sip_world import ANSWER, OFFER, UAC, World

from vosswitch import sdp
from vosswitch.model.causes import cause, from_sip
from vosswitch.model.signals import Answer, Confirm, Digit, Offer, Proceed, Progress, Refuse, Release, Ring

SESSION = sdp.parse(ANSWER)


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def offered(world, **changes):
    caller = world.invite(**changes)
    assert caller.statuses() == [100]
    leg, tried = world.calls.offered.pop()
    return caller, leg, tried


def connected(world):
    caller, leg, _ = offered(world)
    leg.send(Answer(SESSION))
    caller.join(caller.take()[0])
    caller.ack()
    assert world.calls.of(leg) == [Confirm(None)]
    return caller, leg


def hang_up(world, caller, leg):
    leg.send(Release(cause("normal")))
    (bye,) = caller.take()
    assert bye.method == "BYE"
    caller.answer(bye)


def test_try_holds_what_the_caller_sent(world):
    caller, leg, tried = offered(world, user_agent="Phone/1", max_forwards="12")
    assert (tried.caller, tried.callee, tried.display) == ("4930", "4940", "Alice")
    assert (tried.source.host, tried.source.port, tried.source.transport) == (*UAC, "udp")
    assert str(tried.local) == "udp:192.0.2.1:5060"
    assert (tried.user, tried.user_agent, tried.max_forwards) == (None, "Phone/1", 12)
    assert tried.peer_call_id == leg.peer_call_id == caller.call_id
    assert leg.user_agent == "Phone/1"
    leg.send(Release(cause("no_rate")))
    caller.ack_refusal(caller.take()[0])


def test_provisional_responses_and_answer_share_one_tag(world):
    caller, leg, _ = offered(world)
    leg.send(Proceed())
    leg.send(Ring())
    leg.send(Progress(SESSION))
    leg.send(Answer(None))
    ringing, progress, ok = caller.take()
    assert [found.status for found in (ringing, progress, ok)] == [180, 183, 200]
    assert len({found.to.tag for found in (ringing, progress, ok)}) == 1
    assert (ringing.body, progress.body, ok.body) == (b"", ANSWER, ANSWER)
    assert ok.contacts[0].uri.text == "sip:4940@192.0.2.1:5060"
    caller.join(ok)
    caller.ack()
    hang_up(world, caller, leg)


def test_record_route_is_copied_and_used(world):
    caller, leg, _ = offered(world, record_route="<sip:192.0.2.77:5062;lr>")
    leg.send(Answer(SESSION))
    (ok,) = caller.take()
    assert ok.all("record-route") == ["<sip:192.0.2.77:5062;lr>"]
    caller.join(ok)
    caller.ack()
    leg.send(Release(cause("normal")))
    bye = world.one(("192.0.2.77", 5062))
    assert bye.uri == "sip:4930@192.0.2.10:5070"
    caller.answer(bye)


def test_answer_is_repeated_until_ack(world):
    caller, leg, _ = offered(world)
    leg.send(Answer(SESSION))
    first = caller.take()[0]
    world.clock.pump([0.1] * 40)
    assert caller.statuses() == [200] * 3  # after 0.5, 1.5 and 3.5 s
    caller.join(first)
    caller.ack()
    caller.ack()
    assert world.calls.of(leg) == [Confirm(None)]
    world.clock.pump([1.0] * 20)
    assert caller.take() == []
    hang_up(world, caller, leg)


def test_no_ack_ends_the_call_with_bye(world):
    caller, leg, _ = offered(world)
    leg.send(Answer(SESSION))
    world.clock.pump([0.25] * 140)
    sent = caller.take()
    assert sent[-1].method == "BYE"
    assert world.calls.of(leg) == [Release(cause("session_timeout"))]
    caller.answer(sent[-1])


def test_a_repeated_invite_gets_the_last_provisional_again(world):
    caller, leg, _ = offered(world)
    leg.send(Ring())
    caller.take()
    world.put(caller.sent)
    assert caller.statuses() == [180]
    assert world.calls.offered == []
    leg.send(Release(from_sip(486)))
    busy = caller.take()[0]
    world.put(caller.sent)
    assert caller.statuses() == [486]
    caller.ack_refusal(busy)


def test_refusal_is_repeated_until_ack(world):
    caller, leg, _ = offered(world)
    leg.send(Release(from_sip(486)))
    busy = caller.take()[0]
    assert (busy.status, busy.get("retry-after")) == (486, None)
    assert busy.get("reason").startswith("Q.850;cause=17;")
    world.clock.pump([0.05] * 36)
    assert caller.statuses() == [486, 486]
    caller.ack_refusal(busy)
    world.clock.pump([1.0] * 20)
    assert caller.take() == []
    assert world.calls.of(leg) == []


@pytest.mark.parametrize(
    ("reason", "status", "waits"),
    [("overload", 503, True), ("switch_restart", 503, True), ("no_route", 503, False), ("normal", 480, False)],
)
def test_only_overload_and_restart_send_the_peer_away(world, reason, status, waits):
    caller, leg, _ = offered(world)
    leg.send(Release(cause(reason)))
    refusal = caller.take()[0]
    assert refusal.status == status
    assert (refusal.get("retry-after") is not None) == waits
    caller.ack_refusal(refusal)


def test_cancel(world):
    caller, leg, _ = offered(world)
    leg.send(Ring())
    caller.take()
    caller.request("CANCEL")
    of_cancel, terminated = caller.take()
    assert (of_cancel.status, of_cancel.cseq.method) == (200, "CANCEL")
    assert (terminated.status, terminated.cseq.method) == (487, "INVITE")
    assert of_cancel.to.tag == terminated.to.tag
    assert world.calls.of(leg) == [Release(cause("caller_abandoned"))]
    leg.send(Answer(SESSION))
    caller.request("CANCEL")
    assert caller.statuses() == [200]
    caller.ack_refusal(terminated)


def test_cancel_that_crosses_the_answer_changes_nothing(world):
    caller, leg, _ = offered(world)
    leg.send(Answer(SESSION))
    ok = caller.take()[0]
    caller.request("CANCEL")
    assert caller.statuses() == [200]
    caller.join(ok)
    caller.ack()
    assert world.calls.of(leg) == [Confirm(None)]
    hang_up(world, caller, leg)


def test_cancel_of_nothing(world):
    caller = world.invite()
    caller.take()
    leg, _ = world.calls.offered.pop()
    caller.request("CANCEL", branch="z9hG4bKother")
    assert caller.statuses() == [481]
    leg.send(Release(cause("no_route")))
    caller.ack_refusal(caller.take()[0])


def test_release_before_ack_waits_with_the_bye(world):
    caller, leg, _ = offered(world)
    leg.send(Answer(SESSION))
    caller.join(caller.take()[0])
    leg.send(Release(cause("normal")))
    assert caller.take() == []
    caller.ack()
    bye = caller.take()[0]
    assert bye.method == "BYE"
    caller.answer(bye)
    assert world.calls.of(leg) == []


def test_bye_of_the_caller(world):
    caller, leg = connected(world)
    caller.request("BYE", reason='Q.850;cause=16;text="had enough"')
    assert caller.statuses() == [200]
    (release,) = world.calls.of(leg)
    assert release.cause._replace(text="") == cause("normal")._replace(text="")
    assert release.cause.text == "had enough"
    caller.request("BYE")
    assert caller.statuses() == [481]


def test_early_bye_of_the_caller(world):
    caller, leg, _ = offered(world)
    leg.send(Ring())
    invite_branch = caller.branch
    caller.join(caller.take()[0])
    caller.request("BYE")
    bye, terminated = caller.take()
    assert (bye.status, terminated.status) == (200, 487)
    assert world.calls.of(leg) == [Release(cause("caller_abandoned"))]
    world.put(caller.text("ACK", branch=invite_branch, number="1"))


def test_bye_is_repeated_and_given_up(world):
    caller, leg = connected(world)
    leg.send(Release(cause("max_duration")))
    world.clock.pump([0.25] * 140)
    byes = caller.take()
    assert len(byes) == 10
    assert {found.method for found in byes} == {"BYE"}
    assert byes[0].get("reason").startswith("Q.850;cause=102")
    assert world.service._stack.dialogs == {}


def test_late_offer(world):
    caller, leg, tried = offered(world, body=b"")
    assert tried.session is None
    leg.send(Answer(sdp.parse(OFFER)))
    ok = caller.take()[0]
    assert ok.body == OFFER
    caller.join(ok)
    caller.ack(ANSWER)
    assert world.calls.of(leg) == [Confirm(SESSION)]
    hang_up(world, caller, leg)


def test_late_offer_without_an_answer_in_the_ack_ends_the_call(world):
    caller, leg, _ = offered(world, body=b"")
    leg.send(Answer(sdp.parse(OFFER)))
    caller.join(caller.take()[0])
    caller.ack()
    bye = caller.take()[0]
    assert bye.method == "BYE"
    assert world.calls.of(leg) == [Release(cause("protocol_error"))]
    caller.answer(bye)


def test_info_before_the_answer_does_not_confuse_the_ack(world):
    caller, leg, _ = offered(world)
    leg.send(Ring())
    caller.join(caller.take()[0])
    caller.request("INFO", b"5", content_type="application/dtmf")
    assert caller.statuses() == [200]
    assert world.calls.of(leg) == [Digit("5")]
    leg.send(Answer(SESSION))
    caller.take()
    world.put(caller.text("ACK", number="1", branch="z9hG4bKa"))
    assert world.calls.of(leg) == [Confirm(None)]
    hang_up(world, caller, leg)


def test_an_offer_of_the_far_side_before_ack_is_refused(world):
    caller, leg, _ = offered(world)
    leg.send(Answer(SESSION))
    caller.join(caller.take()[0])
    leg.send(Offer(SESSION))
    assert world.calls.of(leg) == [Refuse(491)]
    caller.ack()
    world.calls.of(leg)
    hang_up(world, caller, leg)


def test_requests_go_where_the_caller_is_seen_when_it_tells_a_private_address(world):
    world.credentials.trusted.add("8.8.8.8")
    caller = world.invite(peer=("8.8.8.8", 40000), contact="<sip:4930@192.168.1.5:5060>")
    caller.take()
    leg, _ = world.calls.offered.pop()
    leg.send(Answer(SESSION))
    caller.join(caller.take()[0])
    caller.ack()
    leg.send(Release(cause("normal")))
    (bye,) = caller.take()
    assert bye.uri == "sip:4930@192.168.1.5:5060"
    caller.answer(bye)


def test_resume_data_end_the_dialog_in_another_life(world):
    caller, leg = connected(world)
    data = leg.resume_data()
    assert data["protocol"] == "sip"
    caller.request("BYE")
    caller.take()
    other = World()
    other.service.end_orphan(data)
    bye = other.one(UAC)
    assert bye.method == "BYE"
    assert bye.call_id == caller.call_id
    assert bye.from_.tag == leg.dialog.local_tag
    assert bye.to.tag == caller.tag
    caller.world = other
    caller.answer(bye)
    other.close()


def test_damaged_resume_data_are_only_logged(world):
    for data in ({}, {"protocol": "sip"}, {"protocol": "h323"}, {"protocol": "sip", "dialog": 5}):
        world.service.end_orphan(data)
    assert world.take() == []
