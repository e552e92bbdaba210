"""Forged datagrams cannot lock a user out, and a nonce serves only where it was given."""

from __future__ import annotations

import pytest
from sip_world import OFFER, STRANGER, UAC, World

from vosswitch.sip.grammar import digest
from vosswitch.sip.grammar.digest import Nonces


@pytest.fixture
def world():
    world = World()
    world.credentials.trusted.clear()
    world.credentials.asks = True
    world.credentials.add("gate", "secret")
    yield world
    world.close()


def challenged(world, peer):
    caller = world.invite(peer=peer)
    return caller, refused(caller)


def refused(caller):
    (response,) = [found for found in caller.take() if found.status >= 200]
    caller.ack_refusal(response)
    return response


def prove(caller, challenge, password="secret", count=1):
    value = digest.answer(challenge, "gate", password, "INVITE", caller.uri, "c", count)
    caller.request("INVITE", OFFER, authorization=value)


def first(response):
    return response.headers["www-authenticate"][0]


def test_failures_count_only_with_a_nonce_that_its_source_has_got(world):
    """Who forges a customer's address does not see the challenges sent there, so he cannot have him suspended."""
    _, seen = challenged(world, STRANGER)
    for challenge in (first(seen), digest.challenge("test.example", "A" * 40, "MD5")):
        for _ in range(10):
            forged = world.invite(peer=UAC)
            refused(forged)
            prove(forged, challenge, "wrong")
            response = refused(forged)
            assert response.status == 401
            assert digest.parse_authorization(first(response))["stale"] == "true"
    caller, response = challenged(world, UAC)
    prove(caller, first(response))
    assert caller.statuses() == [100]
    (leg, _), *_ = world.calls.offered
    caller.request("CANCEL")
    assert set(caller.statuses()) == {200, 487}
    assert leg.state == "over"


def test_the_same_failures_with_his_own_nonce_do_count(world):
    """The positive control."""
    caller, response = challenged(world, UAC)
    for expected in (401, 401, 403):
        prove(caller, first(response), "wrong")
        response = refused(caller)
        assert response.status == expected


def test_a_right_password_tells_nothing_with_a_nonce_of_somebody_else(world):
    """Else the answer to it would be an uncounted way of trying passwords."""
    _, seen = challenged(world, STRANGER)
    answers = []
    for password in ("secret", "wrong"):
        caller, _ = challenged(world, UAC)
        prove(caller, first(seen), password)
        response = refused(caller)
        answers.append((response.status, digest.parse_authorization(first(response)).get("stale")))
    assert answers == [(401, "true")] * 2


def test_a_nonce_is_known_where_it_was_given_and_until_it_expires():
    nonces = Nonces(b"k", lifetime=60.0)
    nonce = nonces.new(1000.0, "192.0.2.1")
    assert nonces.knows(nonce, 1060.0, "192.0.2.1")
    assert not nonces.knows(nonce, 1061.0, "192.0.2.1")
    assert not nonces.knows(nonce, 1001.0, "192.0.2.2")
    assert nonces.check(nonce, 1, 1001.0, "192.0.2.2") == "stale"
    assert nonces.check(nonce, 1, 1001.0, "192.0.2.1") == "ok"
    assert nonces.check(nonce, 1, 1002.0, "192.0.2.1") == "replay"
    assert not nonces.knows("", 1001.0, "192.0.2.1")
