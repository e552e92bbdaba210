"""Redirections by a vendor: refused, passed on, or followed within bounds."""

from __future__ import annotations

import pytest
from sip_world import ANSWER, UAC, UAS, World, reply

from vosswitch.model.causes import Cause, cause
from vosswitch.model.peer import PeerProfile
from vosswitch.model.signals import Answer, Progress, Redirected, Release
from vosswitch.model.values import Address

OTHER = ("192.0.2.21", 5060)


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def placed(world, policy="follow", hosts=(), **changes):
    leg = world.place(profile=PeerProfile(redirects=policy, redirect_hosts=tuple(hosts)), **changes)
    return leg, world.one(UAS)


def redirected(world, invite, contact, peer=UAS, status=302):
    """Send a 3xx; what follows its ACK."""
    world.put(reply(invite, status, contact=contact, reason="Moved"), peer)
    ack, *rest = world.take()
    assert (ack.method, ack.via.branch) == ("ACK", invite.via.branch)
    return rest


def refused(world, invite, peer=UAS, status=486):
    world.put(reply(invite, status), peer)
    ack, *rest = world.take()
    assert ack.method == "ACK"
    return rest


def test_a_contact_of_the_gateway_itself_is_called(world):
    leg, invite = placed(world)
    (again,) = redirected(world, invite, "<sip:4911@192.0.2.20:5080;foo=bar?Route=x>;q=0.5")
    assert again.uri == "sip:4911@192.0.2.20:5080"
    assert (again.call_id, again.cseq.number) == (invite.call_id, 2)
    assert again.via.branch != invite.via.branch
    assert "route" not in again.headers
    assert world.calls.of(leg) == [Redirected(Address(*UAS), "4911", again.uri)]
    world.put(reply(again, 200, ANSWER), UAS)
    assert world.one(UAS).method == "ACK"
    assert [type(signal) for signal in world.calls.of(leg)] == [Answer]
    leg.send(Release(cause("normal")))
    world.put(reply(world.one(UAS), 200), UAS)


@pytest.mark.parametrize(
    ("hosts", "followed"), [((), False), (("192.0.2.21",), True), (("*",), True), (("192.0.2.22",), False)]
)
def test_another_host_only_where_the_operator_allows_it(world, hosts, followed):
    leg, invite = placed(world, hosts=hosts)
    rest = redirected(world, invite, "<sip:4911@192.0.2.21>")
    if not followed:
        assert rest == []
        assert world.calls.of(leg) == [Release(Cause("client_error", 302, 480, 127, "Moved"))]
        return
    assert rest[0].uri == "sip:4911@192.0.2.21"
    assert leg.remote == Address(*OTHER)
    assert refused(world, rest[0], OTHER) == []
    assert world.calls.of(leg)[-1].cause.reason == "busy"


def test_the_preferred_contact_comes_first_and_the_next_after_a_failure(world):
    leg, invite = placed(world)
    contacts = "<sip:1@192.0.2.20>;q=0.1, <sip:2@192.0.2.20>;q=0.7, <sip:3@192.0.2.20>;q=x, <mailto:a@b>, <tel:+49>"
    peer = (UAS[0], 5060)
    (second,) = redirected(world, invite, contacts)
    assert second.target.user == "2"
    (first,) = refused(world, second, peer)
    assert first.target.user == "1"
    (third,) = refused(world, first, peer, 503)
    assert third.target.user == "3"
    assert refused(world, third, peer, 404) == []
    assert [type(signal) for signal in world.calls.of(leg)] == [Redirected] * 3 + [Release]


def test_a_6xx_ends_it(world):
    leg, invite = placed(world)
    (first,) = redirected(world, invite, "<sip:1@192.0.2.20:5080>, <sip:2@192.0.2.20:5080>")
    assert refused(world, first, status=603) == []
    assert world.calls.of(leg)[-1].cause.reason == "rejected"


def test_no_contact_is_called_twice(world):
    leg, invite = placed(world)
    (first,) = redirected(world, invite, "<sip:1@192.0.2.20:5080>")
    assert redirected(world, first, f"<sip:1@192.0.2.20:5080>, <{invite.uri}>") == []
    assert world.calls.of(leg)[-1].cause.code == 302


def test_the_number_of_contacts_is_bounded(world):
    _, invite = placed(world)
    count = 0
    while True:
        rest = redirected(world, invite, ", ".join(f"<sip:{count}-{n}@192.0.2.20:5080>" for n in range(30)))
        if not rest:
            break
        count += 1
        (invite,) = rest
    # what a response brings beyond the bound is never called
    assert count == 8


def test_never_back_to_where_we_listen():
    world = World()
    world.service._stack.own = frozenset({("192.0.2.1", 5060)})
    leg, invite = placed(world, hosts=("*",))
    assert redirected(world, invite, "<sip:1@192.0.2.1>") == []
    assert [type(signal) for signal in world.calls.of(leg)] == [Release]
    world.close()


def test_credentials_are_not_shown_to_another_host(world):
    leg, invite = placed(world, hosts=("*",), username="us", password="secret")
    (again,) = redirected(world, invite, "<sip:1@192.0.2.21>")
    world.put(reply(again, 401, www_authenticate='Digest realm="r",nonce="n"'), OTHER)
    assert world.one(OTHER).method == "ACK"
    assert world.calls.of(leg)[-1].cause.code == 401


def test_a_silent_contact_is_left_for_the_next(world):
    leg, invite = placed(world, hosts=("*",))
    (first,) = redirected(world, invite, "<sip:1@192.0.2.21>, <sip:2@192.0.2.20:5080>")
    world.clock.pump([0.5] * 21)
    second = world.take(UAS)[0]
    assert second.target.user == "2"
    world.take()
    world.put(reply(first, 200, ANSWER, contact="<sip:192.0.2.21>"), OTHER)  # answered after all
    assert [found.method for found in world.take(OTHER)] == ["ACK", "BYE"]
    assert refused(world, second) == []
    assert world.calls.of(leg)[-1].cause.reason == "busy"


def test_early_media_of_the_first_is_forgotten(world):
    leg, invite = placed(world)
    world.put(reply(invite, 183, ANSWER), UAS)
    (again,) = redirected(world, invite, "<sip:1@192.0.2.20:5080>")
    world.put(reply(again, 200, tag="b2"), UAS)
    ack, bye = world.take(UAS)
    assert (ack.method, bye.method) == ("ACK", "BYE")
    world.put(reply(bye, 200), UAS)
    heard = world.calls.of(leg)
    assert [type(signal) for signal in heard] == [Progress, Redirected, Release]
    assert heard[-1].cause.reason == "protocol_error"


@pytest.mark.parametrize("contact", ["<nonsense", "*", "<sip:1@192.0.2.20;transport=sctp>", "<tel:+4930>"])
def test_useless_contacts_are_a_refusal(world, contact):
    leg, invite = placed(world)
    assert redirected(world, invite, contact) == []
    assert world.calls.of(leg)[-1].cause.answerable == 480


def test_contacts_are_passed_on(world):
    leg, invite = placed(world, "pass")
    assert redirected(world, invite, "<sip:1@192.0.2.30>;q=0.2, <sip:2@192.0.2.30>;q=0.9;x=y", status=301) == []
    (release,) = world.calls.of(leg)
    assert release.cause.answerable == 301
    caller = world.invite()
    caller.take()
    incoming, _ = world.calls.offered.pop()
    incoming.send(release)
    (moved,) = caller.take()
    assert moved.status == 301
    assert moved.all("contact") == ["<sip:2@192.0.2.30>;q=0.9", "<sip:1@192.0.2.30>;q=0.2"]
    caller.ack_refusal(moved)
    assert caller.address == UAC


@pytest.mark.parametrize("place", ["224.0.1.75", "127.0.0.1:6379", "0.0.0.0", "255.255.255.255", "[::1]", "[ff02::1]"])
def test_a_contact_where_nothing_may_be_sent_is_not_followed(world, place):
    leg, invite = placed(world, hosts=["*"])
    assert redirected(world, invite, f"<sip:1@{place}>") == []
    assert isinstance(world.calls.of(leg)[0], Release)
