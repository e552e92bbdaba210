"""What responses and later requests say by the peer's profile: our name, who answers, passed and added headers."""

from __future__ import annotations

import pytest

from tests.unit.sip.sip_world import ANSWER, OFFER, UAC, UAS, World, reply
from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.identity import NOBODY, Identity
from vosswitch.model.peer import PeerProfile
from vosswitch.model.signals import Answer, Progress, Release, Ring

BOB = Identity("4940", "Bob")
PASSED = (("x-account", "7"), ("x-other", "8"))


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def called(world, **profile):
    """A caller with that profile, and the leg to it."""
    world.credentials.profiles[UAC[0]] = PeerProfile(**profile)
    caller = world.invite()
    return caller, world.calls.offered[-1][0]


def names(message, *wanted):
    return {name: message.headers.get(name) for name in wanted if name in message.headers}


@pytest.mark.parametrize(
    ("setting", "provisional", "final", "requests"),
    [("", None, ["vosswitch/test"], None), ("-", None, None, None), ("Box 1", ["Box 1"], ["Box 1"], ["Box 1"])],
)
def test_our_name_is_hidden_or_set_in_every_message(world, setting, provisional, final, requests):
    caller, leg = called(world, user_agent=setting)
    leg.send(Ring())
    leg.send(Answer(sdp.parse(ANSWER)))
    trying, ringing, answer = caller.take()
    assert [trying.headers.get("server"), ringing.headers.get("server")] == [provisional, provisional]
    assert answer.headers.get("server") == final
    caller.join(answer)
    caller.ack()
    caller.request("INFO")
    assert caller.take()[0].headers.get("server") == provisional
    leg.send(Release(cause("normal")))
    bye = world.one(UAC)
    assert bye.headers.get("user-agent") == requests
    caller.answer(bye)


@pytest.mark.parametrize("setting", ["", "-", "Box 1"])
def test_our_name_in_what_is_refused_without_a_leg(world, setting):
    world.credentials.profiles[UAC[0]] = PeerProfile(user_agent=setting)
    caller = world.invite(require="magic")
    refusal = caller.take()[-1]
    assert refusal.status == 420
    assert refusal.headers.get("server") == (["Box 1"] if setting == "Box 1" else None)
    caller.ack_refusal(refusal)


def test_a_trusted_caller_is_told_who_answers(world):
    caller, leg = called(world, trusted=True)
    leg.send(Ring(None, BOB))
    leg.send(Answer(sdp.parse(ANSWER), Identity("4940", "Bob", private=True)))
    _, ringing, answer = caller.take()
    assert names(ringing, "p-asserted-identity", "privacy") == {"p-asserted-identity": ['"Bob" <sip:4940@192.0.2.1>']}
    assert answer.get("privacy") == "id"
    caller.join(answer)
    caller.ack()
    leg.send(Release(cause("normal")))
    caller.answer(world.one(UAC))


def test_others_are_not(world):
    caller, leg = called(world, user_agent="x", headers_out=("*",))
    leg.send(Progress(None, BOB, (("p-asserted-identity", "<sip:4940@x>"),)))
    leg.send(Release(cause("no_answer")))
    for message in caller.take():
        assert "4940@x" not in str(message.headers)
        assert "p-asserted-identity" not in message.headers


def test_headers_reach_the_caller_in_responses_and_bye(world):
    caller, leg = called(world, headers_out=("x-account",), add_headers=("X-Box: 1",))
    leg.send(Progress(None, NOBODY, PASSED))
    leg.send(Answer(sdp.parse(ANSWER), NOBODY, PASSED))
    trying, progress, answer = caller.take()
    shown = {"x-account": ["7"], "x-box": ["1"]}
    assert names(trying, "x-account", "x-box", "x-other") == {}
    assert [names(found, "x-account", "x-box", "x-other") for found in (progress, answer)] == [shown, shown]
    caller.join(answer)
    caller.ack()
    leg.send(Release(cause("normal"), PASSED))
    bye = world.one(UAC)
    assert names(bye, "x-account", "x-box", "x-other") == {"x-account": ["7"]}
    caller.answer(bye)


def test_headers_reach_the_caller_in_a_refusal(world):
    caller, leg = called(world, headers_out=("x-account",))
    leg.send(Release(cause("no_answer"), PASSED))
    refusal = caller.take()[-1]
    assert names(refusal, "x-account", "x-other") == {"x-account": ["7"]}
    caller.ack_refusal(refusal)


def test_a_gateway_s_responses_tell_who_answers_and_what_it_passes_on(world):
    profile = PeerProfile(trusted=True, headers_in=("x-account",))
    leg = world.place(profile=profile)
    invite = world.one(UAS)
    world.put(reply(invite, 180, x_account="7", x_other="8", p_asserted_identity='"Bob" <sip:4940@v.example>'), UAS)
    (ring,) = world.calls.of(leg)
    assert (ring.identity, ring.headers) == (BOB, (("x-account", "7"),))
    world.put(reply(invite, 486, x_account="9"), UAS)
    (release,) = world.calls.of(leg)
    assert release.headers == (("x-account", "9"),)
    world.take()


def test_an_untrusted_gateway_asserts_nothing(world):
    leg = world.place(profile=PeerProfile(user_agent="-"))
    invite = world.one(UAS)
    world.put(reply(invite, 180, x_account="7", p_asserted_identity="<sip:4940@v.example>"), UAS)
    assert world.calls.of(leg) == [Ring()]
    world.put(reply(invite, 486), UAS)
    world.take()


def test_a_bye_brings_its_headers(world):
    caller, leg = called(world, headers_in=("x-account",))
    leg.send(Answer(sdp.parse(ANSWER)))
    caller.join(caller.take()[-1])
    caller.ack()
    world.calls.of(leg)
    caller.request("BYE", x_account="7", x_other="8")
    assert caller.statuses() == [200]
    (release,) = world.calls.of(leg)
    assert release.headers == (("x-account", "7"),)


def test_a_private_caller_s_bye_tells_the_gateway_nothing_of_him(world):
    leg = world.place(
        profile=PeerProfile(headers_out=("*",)),
        identity=Identity(private=True),
        caller="4930123",
        session=sdp.parse(OFFER),
    )
    world.put(reply(world.one(UAS), 200, ANSWER), UAS)
    world.take()
    leg.send(Release(cause("normal"), (("x-from", "sip:004930123"), ("x-box", "1"), ("subject", "me"))))
    bye = world.one(UAS)
    assert names(bye, "x-from", "x-box", "subject") == {"x-box": ["1"]}
    world.put(reply(bye, 200), UAS)
