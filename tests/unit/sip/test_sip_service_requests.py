"""What the service does with requests outside dialogs, by RFC 3261 8.2 and 18.2."""

from __future__ import annotations

import pytest
from sip_world import OFFER, STRANGER, UAC, Peer, World

from vosswitch.model.causes import cause
from vosswitch.model.signals import Release
from vosswitch.sip.grammar.parse import parse


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def peer(world, address=UAC):
    return Peer(world, address, f"c{world.next()}")


def refused(world, method="INVITE", body=OFFER, **changes):
    caller = peer(world)
    caller.request(method, body if method == "INVITE" else b"", **changes)
    (response,) = caller.take()
    if method == "INVITE":
        caller.ack_refusal(response)
    assert world.calls.offered == []
    return response


def test_options_is_answered(world):
    response = refused(world, "OPTIONS")
    assert response.status == 200
    assert "INVITE" in response.get("allow")
    assert "application/sdp" in response.get("accept")


def test_answers_go_where_the_request_came_from_when_asked(world):
    world.put(peer(world).text("OPTIONS", branch="z9hG4bKa"), ("192.0.2.10", 40000))
    (response,) = world.take(("192.0.2.10", 40000))
    assert response.via.params["rport"] == "40000"
    assert response.via.params["received"] == "192.0.2.10"


def test_answers_go_to_the_via_port_otherwise(world):
    world.put(peer(world).text("OPTIONS", via="SIP/2.0/UDP phone.example:5071;branch=z9hG4bKa"), ("192.0.2.10", 40000))
    (response,) = world.take(("192.0.2.10", 5071))
    assert response.via.params["received"] == "192.0.2.10"
    world.put(peer(world).text("OPTIONS", via="SIP/2.0/UDP phone.example;branch=z9hG4bKb"), ("192.0.2.10", 40000))
    assert world.one(("192.0.2.10", 5060)).status == 200


@pytest.mark.parametrize(
    ("changes", "status", "header"),
    [
        ({"max_forwards": "0"}, 483, None),
        ({"uri": "http://192.0.2.1/"}, 416, None),
        ({"require": "100rel"}, 420, ("unsupported", "100rel")),
        ({"require": "timer, foo"}, 420, ("unsupported", "foo")),
        ({"content_encoding": "gzip"}, 415, ("accept-encoding", "identity")),
        ({"content_type": "text/plain"}, 415, ("accept", "application/sdp, multipart/mixed")),
        ({"contact": ""}, 400, None),
        ({"contact": "*"}, 400, None),
        ({"record_route": "<nonsense"}, 400, None),
    ],
)
def test_what_an_invite_must_fulfil(world, changes, status, header):
    response = refused(world, **changes)
    assert response.status == status
    if header is not None:
        assert response.get(header[0]) == header[1]
    assert world.service._stack.dialogs == {}


def test_unusable_description(world):
    assert refused(world, body=b"rubbish").status == 400


@pytest.mark.parametrize(
    ("method", "status"),
    [("BYE", 481), ("INFO", 481), ("UPDATE", 481), ("PRACK", 481), ("SUBSCRIBE", 405), ("XYZZY", 501)],
)
def test_other_methods(world, method, status):
    response = refused(world, method)
    assert response.status == status
    if status > 481 or status == 405:
        assert "INVITE" in response.get("allow")


def test_requests_with_a_strange_tag_are_481(world):
    for method in ("INVITE", "BYE", "OPTIONS"):
        assert refused(world, method, to="<sip:4940@192.0.2.1>;tag=gone").status == 481


def test_the_same_request_over_two_paths_is_one_call(world):
    caller = world.invite()
    caller.take()
    (leg, _) = world.calls.offered.pop()
    world.put(caller.text("INVITE", OFFER, number="1"))
    loop = caller.take()[0]
    assert loop.status == 482
    caller.ack_refusal(loop)
    assert world.calls.offered == []
    leg.send(Release(cause("no_route")))
    refusal = caller.take()[0]
    world.put(caller.text("ACK", branch="z9hG4bK2", number="1", to=refusal.headers["to"][0]))


def test_a_peer_of_rfc_2543_without_magic_cookie(world):
    caller = world.invite(branch="1")
    invite = caller.sent
    assert caller.statuses() == [100]
    world.put(invite)
    assert caller.statuses() == [100]
    assert len(world.calls.offered) == 1
    leg, _ = world.calls.offered[0]
    leg.send(Release(cause("no_route")))
    refusal = caller.take()[0]
    world.put(caller.text("ACK", branch="1", to=refusal.headers["to"][0]))
    world.clock.pump([0.5] * 10)
    assert caller.take() == []


def test_cancel_by_rfc_2543(world):
    caller = world.invite(branch="1")
    caller.take()
    leg, _ = world.calls.offered[0]
    caller.request("CANCEL", branch="1")
    assert sorted(caller.statuses()) == [200, 487]
    assert world.calls.of(leg) == [Release(cause("caller_abandoned"))]
    world.put(caller.text("ACK", branch="1"))


def test_draining_refuses_what_is_new(world):
    caller = world.invite()
    leg, _ = world.calls.offered.pop()
    caller.take()
    world.service.draining = True
    assert world.service.draining
    for method in ("OPTIONS", "INVITE"):
        response = refused(world, method)
        assert (response.status, response.get("retry-after")) == (503, "10")
    leg.send(Release(cause("switch_restart")))
    refusal = caller.take()[0]
    assert refusal.status == 503
    caller.ack_refusal(refusal)


def test_an_unknown_source_is_refused_and_recorded(world):
    caller = world.invite(peer=STRANGER)
    (response,) = caller.take()
    assert response.status == 403
    caller.ack_refusal(response)
    ((offered, reason),) = world.calls.refusals
    assert (reason, offered.source.host, offered.callee) == ("unauthorized", STRANGER[0], "4940")


def test_an_unknown_source_gets_silence_when_so_wished(world):
    world.parameters["SS_REPLY_UNAUTHORIZED"] = False
    caller = world.invite(peer=STRANGER)
    world.put(caller.sent, STRANGER)
    assert world.take() == []
    assert {(offered.peer_call_id, reason) for offered, reason in world.calls.refusals} == {
        (caller.call_id, "unauthorized")
    }
    assert world.service.statistics.dropped == 2
    assert world.service._layer.servers == {}


def test_a_bad_request_that_can_be_answered_is(world):
    data = peer(world).text("OPTIONS").replace(b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE")
    world.put(data)
    assert world.one(UAC).status == 400
    world.put(b"rubbish" * 5)
    world.put(b"\r\n\r\n")
    world.put(b"\0\0\0\0")
    assert world.take() == []
    assert world.service.statistics.bad == 2


def test_bad_messages_are_logged_once_in_a_while_and_escaped(world):
    for _ in range(5):
        world.put(b"\x1b[2Jrubbish rubbish\r\n\r\n")
    assert len(world.logged) == 1
    assert "\x1b" not in world.logged[0]["head"]
    world.clock.advance(11)
    world.put(b"\x1b[2Jrubbish rubbish\r\n\r\n")
    assert len(world.logged) == 2


def test_stray_responses_and_acks_are_counted(world):
    world.put(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2"
              b"\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n")  # fmt: skip
    peer(world).request("ACK")
    assert world.take() == []
    assert world.service.statistics.stray == 2


def test_a_failing_call_room_gets_the_caller_a_500():
    world = World()
    world.calls.incoming = lambda leg, offered: 1 // 0
    caller = world.invite()
    assert caller.statuses() == [100, 500]
    caller.ack_refusal(parse(caller.sent))
    caller.request("OPTIONS")
    assert caller.statuses() == [200]
    assert any("log_failure" in event for event in world.logged)
    world.service.timers.stop()
    assert world.clock.getDelayedCalls() == []


def test_statistics_and_addresses(world):
    refused(world, "OPTIONS")
    refused(world, "XYZZY")
    numbers = world.service.statistics
    assert (numbers.requests["OPTIONS"], numbers.requests["other"]) == (1, 1)
    assert (numbers.responses[200], numbers.responses[501], numbers.received, numbers.sent) == (1, 1, 2, 2)
    assert [str(found) for found in world.service.addresses] == ["udp:192.0.2.1:5060", "tcp:192.0.2.1:5060"]
    assert world.service.busy() == 0
