"""Callers that prove themselves by digest."""

from __future__ import annotations

import pytest
from sip_world import OFFER, REALM, STRANGER, UAC, World

from vosswitch.model.causes import cause
from vosswitch.model.signals import Release
from vosswitch.sip.grammar import digest
from vosswitch.sip.grammar.parse import parse


@pytest.fixture
def world():
    world = World()
    world.credentials.trusted = set()
    world.credentials.add("gate", "secret")
    world.credentials.asks = True
    yield world
    world.close()


def challenged(caller, status=401):
    """The challenges of the one response that came."""
    (response,) = caller.take()
    assert response.status == status
    name = "proxy-authenticate" if status == 407 else "www-authenticate"
    values = response.headers[name]
    caller.ack_refusal(response)
    return values


def prove(caller, challenge, user="gate", password="secret", nc=1, header="authorization", **changes):
    value = digest.answer(challenge, user, password, "INVITE", caller.uri, "cnonce", nc)
    caller.request("INVITE", OFFER, **{header: value, **changes})


def accepted(world, caller):
    assert caller.statuses() == [100]
    leg, offered = world.calls.offered.pop()
    leg.send(Release(cause("no_route")))
    caller.ack_refusal(caller.take()[0])
    return offered


def test_the_algorithms_are_offered_in_the_order_of_the_parameter(world):
    caller = world.invite()
    values = challenged(caller)
    assert [digest.algorithm_of(digest.parse_authorization(value)) for value in values] == ["SHA-256", "MD5"]
    assert {digest.parse_authorization(value)["realm"] for value in values} == {REALM}
    assert world.calls.refusals == []


@pytest.mark.parametrize("agent", ["Old Phone v1.2", "older"])
def test_devices_that_fail_on_other_algorithms_are_asked_for_md5_only(world, agent):
    values = challenged(world.invite(user_agent=agent))
    assert [digest.algorithm_of(digest.parse_authorization(value)) for value in values] == ["MD5"]
    assert len(challenged(world.invite(user_agent="A new one"))) == 2


@pytest.mark.parametrize("place", [0, 1])
def test_a_proven_caller(world, place):
    caller = world.invite()
    prove(caller, challenged(caller)[place])
    assert accepted(world, caller).user == "gate"


def test_407_when_the_parameter_says_so(world):
    world.parameters["SS_SIP_AUTHENTICATION_CODE"] = 407
    caller = world.invite()
    prove(caller, challenged(caller, 407)[0], header="proxy_authorization")
    assert accepted(world, caller).user == "gate"


def test_where_nobody_may_prove_himself_the_name_in_the_request_changes_nothing(world):
    world.credentials.asks = False
    world.credentials.add("4930", "pin")
    for _ in range(2):
        caller = world.invite()
        (response,) = caller.take()
        assert response.status == 403
        caller.ack_refusal(response)
        world.credentials.users.pop("4930", None)
    assert [reason for _, reason in world.calls.refusals] == ["unauthorized"] * 2


def test_wrong_passwords_are_challenged_again_then_suspended(world):
    caller = world.invite()
    values = challenged(caller)
    for _ in range(2):
        prove(caller, values[1], password="wrong")
        values = challenged(caller)
    prove(caller, values[1], password="wrong")
    (response,) = caller.take()
    assert response.status == 403
    caller.ack_refusal(response)
    assert [(offered.user, reason) for offered, reason in world.calls.refusals] == [("gate", "authentication_failed")]
    prove(caller, values[1])
    assert caller.take()[0].status == 403
    caller.ack_refusal(_any(caller))
    other = world.invite(peer=STRANGER)
    prove(other, challenged(other)[1])
    assert accepted(world, other).user == "gate"
    world.clock.pump([30.0] * 7)
    again = world.invite()
    prove(again, challenged(again)[1])
    assert accepted(world, again).user == "gate"


def _any(caller):
    """A response that an ACK can be made for."""
    return parse(caller.sent)


def test_known_and_unknown_users_look_alike(world):
    texts = []
    for user in ("gate", "nobody"):
        caller = world.invite()
        prove(caller, challenged(caller)[1], user=user, password="wrong")
        (response,) = caller.take()
        caller.ack_refusal(response)
        fields = digest.parse_authorization(response.headers["www-authenticate"][0])
        fields.pop("nonce")
        texts.append((response.status, response.reason, fields, [*response.headers]))
    assert texts[0] == texts[1]


def test_a_nonce_count_serves_once(world):
    caller = world.invite()
    values = challenged(caller)
    prove(caller, values[1])
    accepted(world, caller)
    prove(caller, values[1])
    stale = challenged(caller)
    assert digest.parse_authorization(stale[0])["stale"] == "true"
    prove(caller, values[1], nc=2)
    assert accepted(world, caller).user == "gate"
    assert world.calls.refusals == []


def test_an_old_nonce_is_stale_and_no_failure(world):
    caller = world.invite()
    values = challenged(caller)
    world.clock.pump([50.0] * 7)
    for _ in range(4):
        prove(caller, values[1])
        fresh = challenged(caller)
        assert digest.parse_authorization(fresh[0])["stale"] == "true"
    prove(caller, fresh[0])
    assert accepted(world, caller).user == "gate"


def test_credentials_made_for_another_number_do_not_serve(world):
    caller = world.invite()
    value = digest.answer(challenged(caller)[1], "gate", "secret", "INVITE", "sip:999@192.0.2.1", "c", 1)
    caller.request("INVITE", OFFER, authorization=value)
    challenged(caller)
    value = digest.answer(digest.challenge(REALM, "forged", "MD5"), "gate", "secret", "INVITE", caller.uri, "c", 1)
    caller.request("INVITE", OFFER, authorization=value)
    challenged(caller)
    assert world.calls.offered == []


def test_credentials_of_another_realm_are_none_at_all(world):
    caller = world.invite()
    challenged(caller)
    prove(caller, digest.challenge("elsewhere", "n", "MD5"))
    challenged(caller)
    assert world.calls.refusals == []


def test_unreadable_credentials_are_400(world):
    caller = world.invite(authorization='Digest username="x')
    (response,) = caller.take()
    assert response.status == 400
    caller.ack_refusal(response)


def test_a_trusted_source_is_not_asked(world):
    world.credentials.trusted = {UAC[0]}
    assert accepted(world, world.invite()).user is None
