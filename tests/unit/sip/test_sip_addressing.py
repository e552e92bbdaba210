"""Where responses and requests go, by the peer's profile."""

from __future__ import annotations

import pytest

from tests.unit.sip.sip_world import ANSWER, UAC, UAS, World, reply
from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.signals import Answer, Release
from vosswitch.sip.identity.addressing import usable

SEEN = ("192.0.2.10", 40001)
"""Where the caller's packets come from: not the port that it names."""


UNUSABLE = (
    "224.0.1.75:5060", "255.255.255.255", "0.0.0.0:5060", "240.0.0.1", "127.0.0.1:6379", "169.254.1.1",
    "198.51.100.9:0", "[ff02::1]", "[::]", "[::1]:5060", "[::ffff:224.0.0.1]", "[2001:db8::9]:5060",
)  # fmt: skip
"""Where no request to a peer that is seen at an IPv4 address of the net may go."""


@pytest.fixture
def world():
    world = World()
    world.service._replies.own = frozenset({("192.0.2.1", 5060)})
    yield world
    world.close()


def answered_at(world, via, policy):
    """Where the 501 of a request with this Via goes."""
    world.credentials.profiles[SEEN[0]] = PeerProfile(reply_address=policy)
    text = (
        f"SING sip:4940@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {via};branch=z9hG4bK{world.next()}\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:1@x>;tag=1\r\nTo: <sip:2@x>\r\n"
        "Call-ID: c\r\nCSeq: 1 SING\r\nContent-Length: 0\r\n\r\n"
    )
    world.put(text.encode(), SEEN)
    ((_, where),) = world.udp.written
    world.udp.written = []
    return where


@pytest.mark.parametrize(
    ("via", "auto", "socket", "via_port", "via_all"),
    [
        ("192.0.2.10:5070", 5070, 40001, 5070, ("192.0.2.10", 5070)),
        ("192.0.2.10:5070;rport", 40001, 40001, 5070, ("192.0.2.10", 5070)),
        ("10.1.2.3:5070;rport", 40001, 40001, 5070, ("10.1.2.3", 5070)),
        ("198.51.100.7", 5060, 40001, 5060, ("198.51.100.7", 5060)),
        ("host.example:5070", 5070, 40001, 5070, SEEN),
        ("[2001:db8::1]:5070", 5070, 40001, 5070, SEEN),
        ("127.0.0.1:5070", 5070, 40001, 5070, SEEN),
        ("224.0.1.75:5070", 5070, 40001, 5070, SEEN),
        ("255.255.255.255:5070", 5070, 40001, 5070, SEEN),
        ("0.0.0.0:5070", 5070, 40001, 5070, SEEN),
        ("192.0.2.1:5060", 5060, 40001, 5060, SEEN),
    ],
)
def test_responses_go_where_the_gateway_wants_them(world, via, auto, socket, via_port, via_all):
    assert answered_at(world, via, "auto") == (SEEN[0], auto)
    assert answered_at(world, via, "socket") == (SEEN[0], socket)
    assert answered_at(world, via, "via_port") == (SEEN[0], via_port)
    assert world.service.statistics.misaddressed == 0
    assert answered_at(world, via, "via") == via_all
    assert world.service.statistics.misaddressed == (via_all == SEEN)


def test_port_0_is_no_port(world):
    assert answered_at(world, "192.0.2.10:0", "via_port") == SEEN
    assert answered_at(world, "192.0.2.10:0", "via") == SEEN


def test_private_and_loopback_addresses_keep_to_themselves():
    assert usable("127.0.0.2", 5060, "127.0.0.1")
    assert not usable("127.0.0.2", 5060, "192.0.2.1")
    assert not usable("169.254.1.1", 5060, "192.0.2.1")
    assert usable("2001:db8::2", 5060, "2001:db8::1")
    assert not usable("::ffff:127.0.0.1", 0, "::1")
    assert not usable("192.0.2.1", 65536, "192.0.2.2")


def test_repeated_requests_and_acks_of_refusals_keep_the_way(world):
    world.credentials.profiles[UAC[0]] = PeerProfile(reply_address="via")
    caller = world.invite(via="SIP/2.0/UDP 198.51.100.7:5090;branch=z9hG4bKone;rport")
    there = ("198.51.100.7", 5090)
    assert world.one(there).status == 100
    world.put(caller.sent, UAC)
    assert world.one(there).status == 100
    leg, _ = world.calls.offered[0]
    leg.send(Release(cause("no_route")))
    assert world.one(there).status == 503
    world.clock.advance(0.6)
    assert world.one(there).status == 503


@pytest.mark.parametrize(
    ("policy", "target"),
    [
        ("contact", ("198.51.100.9", 5099)),
        ("contact_port", (UAS[0], 5099)),
        ("socket", UAS),
    ],
)
def test_requests_of_a_dialog_go_where_the_gateway_wants_them(world, policy, target):
    leg = world.place(profile=PeerProfile(request_address=policy))
    world.put(reply(world.one(UAS), 200, ANSWER, contact="<sip:bob@198.51.100.9:5099>"), UAS)
    assert world.one(target).method == "ACK"
    orphan = leg.resume_data()
    leg.send(Release(cause("normal")))
    bye = world.one(target)
    assert bye.method == "BYE"
    world.put(reply(bye, 200), UAS)
    world.service.end_orphan(orphan)
    assert world.one(target).method == "BYE"


def test_the_caller_gets_its_bye_there_too(world):
    world.credentials.profiles[UAC[0]] = PeerProfile(request_address="socket")
    caller = world.invite(contact="<sip:4930@198.51.100.9:5099>")
    leg, _ = world.calls.offered[0]
    leg.send(Answer(sdp.parse(ANSWER)))
    caller.join(caller.take()[-1])
    caller.ack()
    leg.send(Release(cause("normal")))
    assert world.one(UAC).method == "BYE"


def test_a_gateway_known_by_password_is_answered_its_way_once_it_is_known(world):
    """Its dialog's requests too: the source alone does not tell who it is."""
    world.credentials.profile_at = lambda source: PLAIN
    world.credentials.profiles[UAC[0]] = PeerProfile(reply_address="via", user_agent="Box 1")
    there = ("198.51.100.7", 5090)
    via = "SIP/2.0/UDP 198.51.100.7:5090;branch=z9hG4bK{};rport"
    caller = world.invite(via=via.format("one"))
    world.calls.offered[0][0].send(Answer(sdp.parse(ANSWER)))
    trying, answer = world.take(there)
    assert [found.get("server") for found in (trying, answer)] == ["Box 1", "Box 1"]
    caller.join(answer)
    caller.ack()
    caller.request("BYE", via=via.format("two"))
    bye = world.one(there)
    assert (bye.status, bye.get("server")) == (200, "Box 1")


def test_the_answer_to_a_cancel_goes_where_its_invite_is_answered(world):
    world.credentials.profiles[UAC[0]] = PeerProfile(reply_address="via")
    via = "SIP/2.0/UDP 198.51.100.7:5090;branch=z9hG4bKone;rport"
    caller = world.invite(via=via)
    caller.request("CANCEL", via=via)
    assert [found.status for found in world.take(("198.51.100.7", 5090))] == [100, 200, 487]


@pytest.mark.parametrize("whole", [False, True])
def test_the_request_line_to_a_registered_gateway(world, whole):
    contact = f"sip:reg77@{UAS[0]}:{UAS[1]};ob"
    world.place(contact=contact, request_uri=contact if whole else None)
    invite = world.one(UAS)
    assert invite.to.uri.user == "4940"
    assert invite.uri == (contact if whole else contact.replace("reg77", "4940"))
    world.put(reply(invite, 486), UAS)
    world.take()


@pytest.mark.parametrize("place", UNUSABLE)
def test_a_contact_that_leads_nowhere_is_passed_over(world, place):
    leg = world.place()
    world.put(reply(world.one(UAS), 200, ANSWER, contact=f"<sip:bob@{place}>"), UAS)
    assert world.one(UAS).method == "ACK"
    leg.send(Release(cause("normal")))
    bye = world.one(UAS)
    assert bye.method == "BYE"
    world.put(reply(bye, 200), UAS)


@pytest.mark.parametrize("place", UNUSABLE)
def test_a_recorded_route_that_leads_nowhere_is_passed_over(world, place):
    caller = world.invite(record_route=f"<sip:{place};lr>")
    leg, _ = world.calls.offered[0]
    leg.send(Answer(sdp.parse(ANSWER)))
    caller.join(caller.take()[-1])
    caller.ack()
    leg.send(Release(cause("normal")))
    assert world.one(UAC).method == "BYE"


def test_a_contact_port_of_zero_is_none(world):
    leg = world.place(profile=PeerProfile(request_address="contact_port"))
    world.put(reply(world.one(UAS), 200, ANSWER, contact="<sip:bob@198.51.100.9:0>"), UAS)
    assert world.one(UAS).method == "ACK"
    leg.send(Release(cause("normal")))
    assert world.one(UAS).method == "BYE"
