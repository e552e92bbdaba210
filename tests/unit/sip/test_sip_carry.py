"""INFO, MESSAGE and unknown methods within dialogs, by the policy of the gateway they come from."""

from __future__ import annotations

import pytest
from sip_world import ANSWER, REALM, UAC, UAS, World, reply

from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.peer import PeerProfile
from vosswitch.model.signals import Answer, Carried, Carry, Digit, Release
from vosswitch.sip.grammar import digest
from vosswitch.sip.legs.carry import LARGEST, MOST

SESSION = sdp.parse(ANSWER)


@pytest.fixture
def world():
    world = World()
    world.credentials.profiles[UAC[0]] = PeerProfile(messages="pass")
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
        if getattr(found, "method", "") == "BYE":
            caller.answer(found)


def connected(world, **changes):
    """An outgoing leg in an answered call."""
    leg = world.place(**changes)
    world.put(reply(world.one(UAS), 200, ANSWER), UAS)
    world.take()
    world.calls.of(leg)
    return leg


def hang_up(world, leg):
    leg.send(Release(cause("normal")))
    world.put(reply(world.take(UAS)[-1], 200), UAS)


@pytest.mark.parametrize("method", ["MESSAGE", "INFO", "FROBNICATE"])
def test_a_request_waits_for_the_far_side(world, pair, method):
    caller, leg = pair
    caller.request(method, b"hello", content_type="text/plain", subject="not carried")
    assert caller.take() == []
    assert world.calls.of(leg) == [Carry(1, method, b"hello", "text/plain")]
    leg.send(Carried(1, 202))
    leg.send(Carried(1, 500))
    assert caller.statuses() == [202]


@pytest.mark.parametrize("method", ["MESSAGE", "INFO", "FROBNICATE"])
def test_the_headers_of_both_lists_go_along(world, method):
    world.credentials.profiles[UAC[0]] = PeerProfile(messages="pass", headers_in=("*",))
    caller = world.invite()
    leg, _ = world.calls.offered.pop()
    leg.send(Answer(SESSION))
    caller.join(caller.take()[-1])
    caller.ack()
    world.calls.of(leg)
    caller.request(method, b"x", content_type="text/plain", subject="hi", x_account="7", info_package="p", privacy="id")
    (carry,) = world.calls.of(leg)
    assert carry.passed == (("subject", "hi"), ("x-account", "7"))
    leg.send(Carried(1, 200))
    assert caller.statuses() == [200]
    other = connected(world, profile=PeerProfile(headers_out=("x-account",)))
    other.send(carry)
    sent = world.one(UAS)
    assert (sent.get("x-account"), sent.get("subject"), sent.body) == ("7", None, b"x")
    assert sent.headers.get("info-package") == (["p"] if method == "INFO" else None)
    world.put(reply(sent, 200), UAS)
    hang_up(world, other)
    leg.send(Release(cause("normal")))
    caller.answer(caller.take()[-1])


@pytest.mark.parametrize(("method", "status"), [("MESSAGE", 405), ("INFO", 415), ("FROBNICATE", 501)])
def test_refused_where_the_gateway_may_not(world, method, status):
    world.credentials.profiles.clear()
    caller = world.invite()
    leg, _ = world.calls.offered.pop()
    leg.send(Answer(SESSION))
    caller.join(caller.take()[-1])
    caller.ack()
    world.calls.of(leg)
    caller.request(method, b"hello", content_type="text/plain")
    (refusal,) = caller.take()
    assert refusal.status == status
    assert world.calls.of(leg) == []
    if method == "INFO":
        caller.request(method, b"hello", content_type="text/plain", info_package="x")
        (refusal,) = caller.take()
        assert (refusal.status, refusal.get("recv-info")) == (469, "nil")
    leg.send(Release(cause("normal")))
    caller.answer(caller.take()[-1])


@pytest.mark.parametrize("method", ["MESSAGE", "REFER", "NOTIFY", "SUBSCRIBE", "PUBLISH", "FROBNICATE"])
def test_outside_a_dialog_they_are_refused_with_what_is_allowed(world, method):
    caller = world.invite()
    leg, _ = world.calls.offered.pop()
    leg.send(Release(cause("no_route")))
    caller.ack_refusal(caller.take()[-1])
    caller.call_id, caller.to = "other", "<sip:4940@192.0.2.1>"
    caller.request(method)
    (refusal,) = caller.take()
    assert refusal.status == (501 if method == "FROBNICATE" else 405)
    assert "INVITE" in refusal.get("allow")
    assert "REFER" not in refusal.get("allow")


def test_methods_that_belong_to_no_call_are_not_handed_through(world, pair):
    caller, leg = pair
    caller.request("SUBSCRIBE")
    assert caller.statuses() == [405]
    assert world.calls.of(leg) == []


def test_bodies_are_bounded(world, pair):
    caller, _ = pair
    caller.request("MESSAGE", b"x" * (LARGEST + 1), content_type="text/plain")
    assert caller.statuses() == [413]


def test_requests_that_wait_are_bounded_in_number_and_time(world, pair):
    caller, leg = pair
    for _ in range(MOST):
        caller.request("MESSAGE", b"x", content_type="text/plain")
    caller.request("MESSAGE", b"x", content_type="text/plain")
    assert caller.statuses() == [500]
    assert len(world.calls.of(leg)) == MOST
    world.clock.advance(32.1)
    assert caller.statuses() == [408] * MOST


def test_what_waits_ends_with_the_leg(world, pair):
    caller, leg = pair
    caller.request("MESSAGE", b"x", content_type="text/plain")
    leg.send(Release(cause("normal")))
    response, bye = caller.take()
    assert response.status == 481
    caller.answer(bye)


def test_digits_are_dropped_where_the_gateway_says_so(world):
    world.credentials.profiles[UAC[0]] = PeerProfile(dtmf_info="ignore")
    caller = world.invite()
    leg, _ = world.calls.offered.pop()
    leg.send(Answer(SESSION))
    caller.join(caller.take()[-1])
    caller.ack()
    world.calls.of(leg)
    caller.request("INFO", b"Signal=5", content_type="application/dtmf-relay")
    assert caller.statuses() == [200]
    assert world.calls.of(leg) == []
    leg.send(Release(cause("normal")))
    caller.answer(caller.take()[-1])


def test_it_goes_out_with_body_type_and_named_headers(world):
    leg = connected(world)
    leg.send(Carry(4, "INFO", b"body", "application/x", (("Info-Package", "a\r\nX: y"),)))
    info = world.one(UAS)
    assert (info.method, info.body, info.get("content-type")) == ("INFO", b"body", "application/x")
    assert (info.get("info-package"), info.get("x")) == ("a X: y", None)
    world.put(reply(info, 200), UAS)
    assert world.calls.of(leg) == [Carried(4, 200)]
    leg.send(Carry(5, "MESSAGE", b"body", "text/plain"))
    world.put(reply(world.one(UAS), 481), UAS)
    assert world.calls.of(leg) == [Carried(5, 481)]
    hang_up(world, leg)


@pytest.mark.parametrize(
    "signal", [Digit("5"), Carry(1, "INFO", b"b", "text/plain"), Carry(1, "MESSAGE", b"b", "text/plain")]
)
@pytest.mark.parametrize("status", [401, 407])
def test_a_challenge_within_the_dialog_is_answered(world, signal, status):
    leg = connected(world, username="us", password="secret", realm=REALM)
    leg.send(signal)
    request = world.one(UAS)
    name, place = (
        ("authorization", "www_authenticate") if status == 401 else ("proxy-authorization", "proxy_authenticate")
    )
    for _ in range(2):  # once answered, the next one may be challenged again
        world.put(reply(request, status, **{place: digest.challenge(REALM, f"n{world.next()}", "MD5")}), UAS)
        again = world.one(UAS)
        assert (again.method, again.body, again.cseq.number) == (
            request.method, request.body, request.cseq.number + 1,
        )  # fmt: skip
        assert again.headers["content-type"] == request.headers["content-type"]
        fields = digest.parse_authorization(again.get(name))
        assert digest.verify(fields, again.method, digest.ha1("us", REALM, "secret", "MD5"), uri=again.uri)
        world.put(reply(again, 200), UAS)
        leg.send(signal)
        request = world.one(UAS)
    world.put(reply(request, 200), UAS)
    hang_up(world, leg)


@pytest.mark.parametrize("changes", [{}, {"username": "us", "password": "x", "realm": "elsewhere"}])
def test_a_challenge_that_is_not_ours_is_never_answered_nor_passed_on(world, changes):
    leg = connected(world, **changes)
    leg.send(Carry(1, "MESSAGE", b"b", "text/plain"))
    world.put(reply(world.one(UAS), 401, www_authenticate=digest.challenge(REALM, "n", "MD5")), UAS)
    assert world.take() == []
    assert world.calls.of(leg) == [Carried(1, 403)]
    hang_up(world, leg)


def test_the_callers_side_is_never_answered(world, pair):
    caller, leg = pair
    leg.send(Digit("5"))
    (info,) = caller.take()
    caller.answer(info, 401, www_authenticate=digest.challenge(REALM, "n", "MD5"))
    assert caller.take() == []


def test_silence_of_the_far_side_is_408(world):
    leg = connected(world)
    leg.send(Carry(1, "MESSAGE", b"b", "text/plain"))
    world.clock.pump([1.0] * 40)
    world.take()
    assert world.calls.of(leg) == [Carried(1, 408)]
    hang_up(world, leg)
