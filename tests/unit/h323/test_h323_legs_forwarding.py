"""Calls that a vendor sends elsewhere before the answer: followed where its gateway allows for it, else refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.h323.legs_world import CALLEE
from tests.unit.h323.played_world import OURS, PlayedCallee
from vosswitch.h323 import h225
from vosswitch.h323.legs.forwarding import MOST, place_of
from vosswitch.model.h323 import H323Profile
from vosswitch.model.peer import PeerProfile
from vosswitch.model.signals import Redirected, Release
from vosswitch.model.values import Address

OTHER = Address("192.0.2.9", 1720, "h323")
OWN = Address(CALLEE, 1820, "h323")


def forwarded(policy: str, *hosts: str, tried: int = 0, **facility: Any) -> PlayedCallee:
    """An outgoing leg whose peer sends the call elsewhere, by the policy of its gateway."""
    profile = PeerProfile(redirects=policy, redirect_hosts=hosts, h323=H323Profile(fast_start=False))
    played = PlayedCallee(profile)
    played.world.own.add(Address("192.0.2.200", 1720, "h323"))
    played.leg.tried |= {str(number) for number in range(tried)}
    return played.hear(h225.Facility, **{"reason": "callForwarded", "alternative_address": OTHER} | facility)


def refused(played: PlayedCallee) -> bool:
    """Whether that was the end of the attempt, as of a 3xx that is not followed."""
    reached = played.cause()
    assert (reached.reason, reached.code, reached.status) == ("client_error", played.leg.status, 480)
    assert played.leg.status == 302
    assert played.wire.last(h225.ReleaseComplete)
    played.over()
    return played.leg.moved is None


def follows(played: PlayedCallee, target: Address, number: str = "442071234567") -> bool:
    """Whether the attempt goes on there: the call hears where, the peer why it is left."""
    host = f"{target.host}:{target.port}"
    assert played.call.heard_signals == [Redirected(target, number, f"h323:{number}@{host}")]
    released = played.wire.last(h225.ReleaseComplete)
    assert (released.cause, released.reason) == (16, "facilityCallDeflection")
    played.over()
    moved = played.leg.moved
    assert moved is not None
    return (moved.target, moved.callee, moved.session) == (target, number, OURS)


@pytest.mark.parametrize("policy", ["refuse", "pass"])
def test_without_the_policy_nothing_is_followed(policy: str) -> None:
    assert refused(forwarded(policy, "*"))


def test_the_gateways_own_host_is_followed() -> None:
    """Another port of it, or another number there."""
    assert follows(forwarded("follow", alternative_address=OWN), OWN)
    aliases = (("dialledDigits", "4420799"),)
    played = forwarded("follow", alternative_address=None, alternative_aliases=aliases)
    assert follows(played, Address(CALLEE, 1720, "h323"), "4420799")


def test_other_hosts_are_followed_as_the_gateway_says() -> None:
    assert refused(forwarded("follow"))
    assert refused(forwarded("follow", "192.0.2.8"))
    assert follows(forwarded("follow", "192.0.2.9"), OTHER)
    assert follows(forwarded("follow", "*"), OTHER)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "224.0.0.1", "169.254.1.1", "::1", "192.0.2.200"])
def test_nobody_is_sent_to_what_is_not_another_machine(host: str) -> None:
    """Nor to where we listen ourselves."""
    assert refused(forwarded("follow", "*", alternative_address=Address(host, 1720, "h323")))


def test_each_place_is_called_once_and_not_too_many() -> None:
    assert refused(forwarded("follow", alternative_address=Address(CALLEE, 1720, "h323")))
    assert follows(forwarded("follow", "*", tried=MOST - 1), OTHER)
    assert refused(forwarded("follow", "*", tried=MOST))


@pytest.mark.parametrize("reason", ["routeCallToGatekeeper", "routeCallToMC"])
def test_only_a_plain_forwarding_is_followed(reason: str) -> None:
    assert refused(forwarded("follow", "*", reason=reason))


def test_what_a_gatekeeper_has_admitted_stays_there() -> None:
    profile = PeerProfile(redirects="follow", redirect_hosts=("*",), h323=H323Profile())
    played = PlayedCallee(profile)
    played.leg.endpoint_identifier = "1_endp"
    assert refused(played.hear(h225.Facility, reason="callForwarded", alternative_address=OTHER))


def test_after_the_answer_it_is_no_word_for_us() -> None:
    """And one that sends the call nowhere is none at all."""
    played = PlayedCallee(PeerProfile(redirects="follow", h323=H323Profile(fast_start=False)))
    played.hear(h225.Facility, reason="undefinedReason", alternative_address=OWN)
    played.hear(h225.Connect, tunnelling=True)
    played.hear(h225.Facility, reason="callForwarded", alternative_address=OWN, tunnelling=True)
    assert played.call.all(Redirected) == played.call.all(Release) == []


def test_a_place_is_named_for_people() -> None:
    placement = PlayedCallee(connect=False).leg._placement
    placement.target = Address("2001:db8::1", 1720, "h323")
    assert place_of(placement) == "h323:442071234567@[2001:db8::1]:1720"
