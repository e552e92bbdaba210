"""The scripted endpoint itself: two of them have every recorded call with each other, message by message."""

from __future__ import annotations

import pytest

from tests.support.h323 import codec as per
from tests.support.h323 import judge
from tests.support.h323.endpoint import Endpoint
from tests.support.h323.script import RESPONSES, calls
from tests.support.h323.zone import Gatekeeper, Registrant
from vosswitch.h323 import q931

UNANSWERED = {"openLogicalChannelAck", "masterSlaveDeterminationAck"}
"""What some of the recorded endpoints were asked and never answered (channels with a quality of service); ours do."""


def pair(name, **wishes):
    """Both sides of a recorded call, having it now."""
    called = Endpoint(name, "called", host="127.0.0.2", **wishes)
    called.start()
    caller = Endpoint(name, "caller", remote=called.address, **wishes)
    caller.start()
    caller.finish()
    called.finish()
    return caller, called


@pytest.mark.parametrize("name", calls())
def test_two_endpoints_have_each_recorded_call(name):
    """What both say is what was recorded, in that order; each end hears what the other has said."""
    caller, called = pair(name, digits=True)
    for endpoint in (caller, called):
        said = [each.what for each in endpoint.said if each.way == "sent"]
        recorded = [step.what for step in calls()[name].steps if step.side == endpoint.side]
        extra = [what for what in said if what.split()[-1] in UNANSWERED]
        assert [what for what in said if what not in extra] == [what for what in recorded if what not in extra]
    assert caller.heard("Connect") or not calls()[name].answered
    assert caller.facts.identifier == called.facts.identifier


@pytest.mark.parametrize("name", [name for name, call in calls().items() if call.answered])
def test_media_stands_both_ways(name):
    caller, called = pair(name)
    assert caller.rtp
    assert called.rtp
    assert caller.rtp[0][12:].startswith(b"called")
    assert called.rtp[0][12:].startswith(b"caller")


def test_numbers_are_where_gateways_and_terminals_look_for_them():
    """In the Q.931 elements and as aliases, whatever the recorded Setup had."""
    _, called = pair("fast")
    message = q931.decode(called.heard("Setup")[0].data)
    assert message.element(q931.CALLED) == b"\x8149000123"
    assert message.element(q931.CALLING) == b"\x01\x804312345"
    setup = per.decode_uuie(message.element(q931.USER_USER)[1:])["h323-uu-pdu"]["h323-message-body"][1]
    assert setup["destinationAddress"] == [("dialledDigits", "49000123")]
    assert ("dialledDigits", "4312345") in setup["sourceAddress"]


@pytest.mark.parametrize("name", ["fast", "slowsep", "slowtun", "a_183"])
@pytest.mark.parametrize("codec", [("g711Ulaw64k", 20), ("g729", 2)])
def test_a_test_may_choose_the_codec(name, codec):
    caller, called = pair(name, codec=codec)
    assert set(caller.responder.channels.values()) <= {codec[0]}
    assert called.rtp


@pytest.mark.parametrize("stage", ["Setup", "CallProceeding", "Alerting", "terminalCapabilitySet", "Connect"])
@pytest.mark.parametrize("side", ["caller", "called"])
def test_either_side_may_hang_up_at_each_stage(stage, side):
    called = Endpoint("a_slowtun", "called", host="127.0.0.2", **({"hang_up": stage} if side == "called" else {}))
    called.start()
    more = {"hang_up": stage, "cause": 21} if side == "caller" else {}
    caller = Endpoint("a_slowtun", "caller", remote=called.address, **more)
    caller.start()
    caller.finish()
    called.finish()
    assert (caller if side == "called" else called).cause == (16 if side == "called" else 21)


def test_responses_have_the_numbers_of_their_requests():
    """Who is asked twice answers twice: capability sets and channels by number."""
    _, called = pair("slowsep")
    asked = [per.decode_h245(each.data)[1] for each in called.said if each.way == "heard" and each.channel == "control"]
    said = [per.decode_h245(each.data)[1] for each in called.said if each.way == "sent" and each.channel == "control"]
    for response, request in RESPONSES.items():
        for name, value in said:
            if name == response and "forwardLogicalChannelNumber" in value:
                numbers = [v["forwardLogicalChannelNumber"] for n, v in asked if n == request]
                assert value["forwardLogicalChannelNumber"] in numbers


def test_an_endpoint_and_a_gatekeeper_have_the_recorded_conversation():
    """Discovery, registration, keep-alive, admission, disengagement, the end of it; and a keep-alive of a stranger."""
    zone = Gatekeeper(("127.0.0.9", 1720))
    zone.start()
    endpoint = Registrant(zone.address, ("127.0.0.2", 1720), {"h323-ID": "bob", "dialledDigits": "2002"})
    try:
        assert endpoint.keep_alive(endpointIdentifier="nobody")[1]["rejectReason"][0] == "fullRegistrationRequired"
        answers = [endpoint.discover(), endpoint.register(), endpoint.keep_alive(), endpoint.admit("49123")]
        answers += [endpoint.disengage(), endpoint.unregister()]
    finally:
        endpoint.stop()
        zone.stop()
    kinds = ["gatekeeper", "registration", "registration", "admission", "disengage", "unregistration"]
    assert [name for name, _ in answers] == [f"{kind}Confirm" for kind in kinds]
    assert answers[3][1]["destCallSignalAddress"] == ("ipAddress", {"ip": b"\x7f\0\0\x09", "port": 1720})
    assert (endpoint.ttl, endpoint.zone) == (60, "TestGk")


@pytest.mark.skipif(not judge.AVAILABLE, reason="tshark is not installed (Debian package tshark)")
def test_the_judge_knows_good_messages_from_bad_ones():
    """tshark finds nothing in the recordings, and a wound in each message that has one."""
    recorded = [(step.channel, step.data) for call in calls().values() for step in call.steps]
    assert not judge.malformed(recorded)
    wounded = [("signal", recorded[0][1][:-7]), ("control", b"\x02\x70"), ("ras", b"\x0e\xff")]
    assert len(judge.malformed(wounded)) == 3


@pytest.mark.skipif(not judge.AVAILABLE, reason="tshark is not installed (Debian package tshark)")
@pytest.mark.parametrize("name", ["a_fastQ", "slowsep", "h245setup", "ao_fast"])
def test_what_scripted_endpoints_say_is_well_formed(name):
    for endpoint in pair(name, digits=True):
        assert not judge.malformed((each.channel, each.data) for each in endpoint.said if each.data)
