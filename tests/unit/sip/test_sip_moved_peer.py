"""A peer known by its password goes on with its call from another address; nobody else does."""

from __future__ import annotations

import pytest
from sip_world import ANSWER, OFFER, STRANGER, UAC, UAS, World, reply

from vosswitch import sdp
from vosswitch.model.signals import Answer, Confirm, Offer, Release
from vosswitch.model.values import Address
from vosswitch.sip.grammar import digest
from vosswitch.sip.registrations.location import Binding, Contact

MOVED = ("198.51.100.8", 5060)


@pytest.fixture
def world():
    world = World()
    world.credentials.trusted = set()
    world.credentials.asks = True
    world.credentials.add("1001", "secret")
    yield world
    world.service.timers.stop()


def proof(method, caller, response, user="1001", password="secret"):
    (value,) = response.headers["www-authenticate"][:1]
    return digest.answer(value, user, password, method, caller.uri, "cnonce", 1)


def talk(world):
    """A proven caller in an answered call; its leg, the caller, and the credentials that it showed."""
    caller = world.invite()
    (challenge,) = caller.take()
    caller.ack_refusal(challenge)
    shown = proof("INVITE", caller, challenge)
    caller.request("INVITE", OFFER, authorization=shown)
    leg, _ = world.calls.offered.pop()
    leg.send(Answer(sdp.parse(ANSWER)))
    caller.join(caller.take()[-1])
    caller.ack()
    assert any(isinstance(signal, Confirm) for signal in world.calls.of(leg))
    return leg, caller, shown


def registered(world, name, host):
    contact = Contact(f"sip:{name}@{host}", Address(host, 5060), Address("192.0.2.1", 5060), 3600.0)
    world.service.registrar.restore(name, (Binding(contact, "reg", 1),))


def test_a_phone_that_has_registered_from_there_may_hang_up(world):
    leg, caller, _ = talk(world)
    world.put(caller.text("BYE"), MOVED)
    assert world.one(MOVED).status == 481
    registered(world, "1001", MOVED[0])
    world.put(caller.text("BYE"), STRANGER)
    assert world.one(STRANGER).status == 481
    assert world.calls.of(leg) == []
    world.put(caller.text("BYE"), MOVED)
    assert world.one(MOVED).status == 200
    assert isinstance(world.calls.of(leg)[0], Release)


def test_it_may_change_the_session_and_is_asked_there_from_then_on(world):
    leg, caller, _ = talk(world)
    registered(world, "1001", MOVED[0])
    world.put(caller.text("INVITE", OFFER.replace(b"4000", b"4008"), contact="<sip:1001@10.0.0.8>"), MOVED)
    assert isinstance(world.calls.of(leg)[0], Offer)
    assert leg.flow.remote.host == MOVED[0]


def test_so_may_a_phone_that_was_called(world):
    leg = world.place(registered="1002")
    invite = world.one(UAS)
    world.put(reply(invite, 200, ANSWER), UAS)
    ack = world.one(UAS)
    world.calls.of(leg)
    bye = (
        f"BYE {invite.contacts[0].uri.text} SIP/2.0\r\nVia: SIP/2.0/UDP {MOVED[0]};branch=z9hG4bKb;rport\r\n"
        f"From: {ack.headers['to'][0]}\r\nTo: {ack.headers['from'][0]}\r\nCall-ID: {ack.call_id}\r\n"
        "CSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    world.put(bye, MOVED)
    assert world.one(MOVED).status == 481
    registered(world, "1002", MOVED[0])
    world.put(bye.replace(b"bKb", b"bKc"), MOVED)
    assert world.one(MOVED).status == 200
    assert isinstance(world.calls.of(leg)[0], Release)


def test_one_that_shows_credentials_is_asked_for_fresh_ones(world):
    leg, caller, shown = talk(world)
    world.put(caller.text("BYE", authorization=shown), MOVED)
    challenge = world.one(MOVED)
    assert challenge.status == 401
    assert "stale=true" in challenge.headers["www-authenticate"][0]
    assert world.calls.of(leg) == []
    world.put(caller.text("BYE", authorization=proof("BYE", caller, challenge)), MOVED)
    assert world.one(MOVED).status == 200
    assert isinstance(world.calls.of(leg)[0], Release)


def test_another_s_password_and_a_wrong_one_are_worth_nothing(world):
    world.credentials.add("1003", "other")
    leg, caller, shown = talk(world)
    world.put(caller.text("BYE", authorization=shown), MOVED)
    challenge = world.one(MOVED)
    for user, password in (("1003", "other"), ("1001", "guess"), ("nobody", "x")):
        value = proof("BYE", caller, challenge, user, password)
        world.put(caller.text("BYE", authorization=value), MOVED)
        assert world.one(MOVED).status == 481
    assert [event["user"] for event in world.logged if event.get("event") == "auth_failed"] == ["1001"]
    world.parameters["SS_AUTHENTICATION_MAX_RETRY"] = 2
    world.put(caller.text("BYE", authorization=proof("BYE", caller, challenge, "1001", "again")), MOVED)
    assert world.one(MOVED).status == 481
    assert [event["user"] for event in world.logged if event.get("event") == "auth_suspended"] == ["1001"]
    world.put(caller.text("BYE", authorization="Digest nonsense"), MOVED)
    assert world.one(MOVED).status in {400, 481}
    assert world.calls.of(leg) == []


def test_strangers_that_get_no_answers_get_no_challenge(world):
    leg, caller, shown = talk(world)
    world.parameters["SS_REPLY_UNAUTHORIZED"] = False
    world.put(caller.text("BYE", authorization=shown), MOVED)
    assert world.take() == []
    assert world.calls.of(leg) == []


def test_a_peer_known_by_its_address_has_nothing_to_prove(world):
    world.credentials.trusted = {UAC[0]}
    caller = world.invite()
    leg, _ = world.calls.offered.pop()
    leg.send(Answer(sdp.parse(ANSWER)))
    caller.join(caller.take()[-1])
    caller.ack()
    world.calls.of(leg)
    registered(world, "1001", MOVED[0])
    world.put(caller.text("BYE"), MOVED)
    assert world.one(MOVED).status == 481
    assert world.calls.of(leg) == []


def test_a_moved_phone_may_give_up_and_acknowledge(world):
    caller = world.invite()
    (challenge,) = caller.take()
    caller.ack_refusal(challenge)
    caller.request("INVITE", OFFER, authorization=proof("INVITE", caller, challenge))
    leg, _ = world.calls.offered.pop()
    caller.take()
    registered(world, "1001", MOVED[0])
    world.put(caller.text("CANCEL"), STRANGER)
    assert world.one(STRANGER).status == 481
    world.put(caller.text("CANCEL"), MOVED)
    assert sorted(found.status for found in world.take()) == [200, 487]
    assert isinstance(world.calls.of(leg)[0], Release)
