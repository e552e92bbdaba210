"""The outgoing leg towards a peer that is played message by message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.h323.legs_world import CALLEE, CALLER, peer
from tests.unit.h323.played_world import OURS, PlayedCallee, fast
from vosswitch.h323 import h225
from vosswitch.h323.elements import Party
from vosswitch.model.causes import cause, switches
from vosswitch.model.identity import Diversion, Identity
from vosswitch.model.signals import Answer, Digit, Offer, Proceed, Progress, Refuse, Release, Ring
from vosswitch.model.values import Address

_BYE = ("command", ("endSessionCommand", ("disconnect", 0)))


def test_setup_says_what_every_stack_says() -> None:
    played = PlayedCallee(display="Alice", profile=peer(fast_start=False, callee_type="international"))
    setup = played.setup
    assert setup.caller == Party("4930123", "unknown", "isdn", "allowed", "user")
    assert setup.callee == Party("442071234567", "international", "isdn")
    assert ("dialledDigits", "4930123") in setup.source_aliases
    assert setup.destination_aliases == (("dialledDigits", "442071234567"),)
    assert setup.source_address == Address(CALLER, 1720, "h323")
    assert setup.destination_address == Address(CALLEE, 1720, "h323")
    assert setup.display == "Alice"
    assert setup.tunnelling
    assert not setup.can_overlap
    assert setup.call_identifier == played.leg.call_identifier
    assert played.leg.peer_call_id.replace("-", "") == setup.call_identifier.hex()


def test_a_private_caller_is_not_told_to_a_peer_that_is_not_trusted() -> None:
    setup = PlayedCallee(identity=Identity(private=True), display="Alice").setup
    assert setup.caller.presentation == "restricted"
    assert setup.caller.number == ""
    assert setup.display == ""
    assert setup.source_aliases == ()


def test_a_trusted_peer_is_told_who_the_private_caller_is_and_his_wish() -> None:
    profile = peer(trusted=True, fast_start=False)
    setup = PlayedCallee(profile, identity=Identity(asserted="4930123", private=True)).setup
    assert setup.caller == Party("4930123", "unknown", "isdn", "restricted", "network")


@pytest.mark.parametrize(("presentation", "hidden"), [("allowed", "allowed"), ("restricted", "restricted")])
def test_presentation_can_be_the_peers_own(presentation: str, hidden: str) -> None:
    setup = PlayedCallee(peer(fast_start=False, presentation=presentation)).setup
    assert setup.caller.presentation == hidden


def test_the_latest_diversion_is_the_redirecting_number() -> None:
    identity = Identity(diversions=(Diversion("4989555", "user-busy"), Diversion("4989666")))
    assert PlayedCallee(identity=identity).setup.redirecting is None
    profile = replace(peer(fast_start=False), diversion="diversion")
    redirecting = PlayedCallee(profile, identity=identity).setup.redirecting
    assert redirecting is not None
    assert (redirecting.number, redirecting.reason) == ("4989555", "user-busy")


def test_a_connection_that_never_comes_is_a_connection_timeout() -> None:
    played = PlayedCallee(connect=False)
    played.leg.lost("connection refused")
    assert played.cause().reason == "connection_timeout"
    assert played.wire.said == []
    played.over()


def test_silence_after_setup_is_a_connection_timeout() -> None:
    played = PlayedCallee()
    played.world.run(4.9)
    assert played.call.heard_signals == []
    played.world.run(0.2)
    assert played.cause().reason == "connection_timeout"
    assert played.wire.kinds() == ["Setup", "ReleaseComplete"]
    played.over()


def test_a_connection_that_takes_too_long_sends_nothing() -> None:
    played = PlayedCallee(connect=False)
    played.world.run(6)
    assert played.cause().reason == "connection_timeout"
    assert played.wire.said == []
    played.over()


def test_silence_after_call_proceeding_is_a_response_timeout() -> None:
    played = PlayedCallee().hear(h225.CallProceeding)
    assert played.leg.status == 100
    played.world.run(19.9)
    assert [type(item) for item in played.call.heard_signals] == [Proceed]
    played.world.run(0.2)
    assert played.cause().reason == "response_timeout"
    played.over()


def test_ringing_too_long_is_no_answer() -> None:
    played = PlayedCallee().hear(h225.CallProceeding).hear(h225.Alerting)
    assert played.leg.status == 180
    played.world.run(119)
    assert [type(item) for item in played.call.heard_signals] == [Proceed, Ring]
    played.world.run(2)
    assert played.cause().reason == "no_answer"
    assert played.wire.last(h225.ReleaseComplete).cause == 19
    played.over()


def test_the_peers_own_timers_stand_over_the_systems() -> None:
    played = PlayedCallee(peer(fast_start=False, timeout_alerting=30.0)).hear(h225.Alerting)
    played.world.run(31)
    assert played.cause().reason == "no_answer"


def test_progress_without_media_is_told() -> None:
    played = PlayedCallee().hear(h225.Progress)
    assert played.call.heard_signals == [Progress()]
    assert played.leg.status == 183


@pytest.mark.parametrize(
    ("value", "reason", "name", "status"),
    [
        (17, "", "busy", 486),
        (1, "", "not_found", 404),
        (34, "", "service_unavailable", 503),
        (0, "inConf", "busy", 486),
        (19, "undefinedReason", "client_error", 480),
        (16, "", "client_error", 480),
    ],
)
def test_a_refusal_is_the_sip_status_of_its_cause(value: int, reason: str, name: str, status: int) -> None:
    played = PlayedCallee().hear(h225.CallProceeding).hear(h225.ReleaseComplete, cause=value, reason=reason)
    assert (played.cause().reason, played.cause().status) == (name, status)
    assert played.leg.status == status
    assert played.wire.kinds() == ["Setup"]
    played.over()


def test_the_call_ends_it_before_the_connection_is_there() -> None:
    played = PlayedCallee(connect=False)
    played.leg.send(Release(cause("caller_abandoned")))
    assert played.wire.said == []
    assert played.call.heard_signals == []
    played.over()
    played.leg.connected()
    assert played.wire.said == []


def test_the_call_ends_it_while_setup_is_unanswered() -> None:
    played = PlayedCallee()
    played.leg.send(Release(cause("caller_abandoned")))
    assert played.wire.kinds() == ["Setup", "ReleaseComplete"]
    assert played.wire.last(h225.ReleaseComplete).cause == 16
    assert played.call.heard_signals == []
    played.over()
    played.hear(h225.Connect)
    assert played.call.heard_signals == []


def test_a_lost_connection_ends_the_attempt() -> None:
    played = PlayedCallee().hear(h225.CallProceeding)
    played.leg.lost("reset by peer")
    assert played.cause().reason == "response_timeout"
    played.over()


@pytest.mark.parametrize("reason", ["", "undefinedReason"])
@pytest.mark.parametrize("value", [0, 16, 31])
def test_who_hangs_up_between_connect_and_channels_had_no_media(value: int, reason: str) -> None:
    """Its gateway bills from Connect: the attempt says 200, and why the call came to nothing."""
    played = PlayedCallee().hear(h225.Connect, tunnelling=True)
    played.hear(h225.ReleaseComplete, cause=value, reason=reason)
    reached = played.cause()
    assert (reached.reason, reached.answerable, reached.q850) == ("rtp_timeout", 480, value or 31)
    assert played.leg.status == 200
    assert switches(reached)
    assert played.call.all(Answer) == []
    played.over()


def test_a_refusal_between_connect_and_channels_is_one() -> None:
    played = PlayedCallee().hear(h225.Connect, tunnelling=True).hear(h225.ReleaseComplete, cause=34)
    assert (played.cause().reason, played.cause().status, played.leg.status) == ("service_unavailable", 503, 503)
    played.over()


@pytest.mark.parametrize("says_more", [False, True])
def test_the_end_of_h245_between_connect_and_channels(says_more: bool) -> None:
    """What ReleaseComplete says counts, if it comes."""
    played = PlayedCallee().hear(h225.Connect, tunnelling=True, control=(_BYE,))
    assert played.call.heard_signals == []
    if says_more:
        played.hear(h225.ReleaseComplete, cause=17)
    played.world.run(4)
    assert played.cause().reason == ("busy" if says_more else "rtp_timeout")
    played.over()


def test_a_connection_that_breaks_between_connect_and_channels() -> None:
    played = PlayedCallee().hear(h225.Connect, tunnelling=True)
    played.leg.lost("reset by peer")
    assert (played.cause().reason, played.leg.status) == ("rtp_timeout", 200)
    played.over()


@pytest.mark.parametrize("kind", [h225.Progress, h225.Alerting])
@pytest.mark.parametrize("tunnelling", [True, False])
def test_digits_before_the_answer(kind: type, tunnelling: bool) -> None:
    """An announcement asks for them: by H.245 where there is a way for it, else as keypad; none before it speaks."""
    played = PlayedCallee(peer())
    played.leg.send(Digit("1"))
    played.hear(kind, in_band=True, tunnelling=tunnelling, fast_start=fast(played))
    played.leg.send(Digit("5"))
    played.leg.send(Digit("#"))
    if tunnelling:  # with its first word there
        ack = ("response", ("terminalCapabilitySetAck", {"sequenceNumber": 1}))
        played.hear(h225.Facility, tunnelling=True, control=(ack,))
        inputs = [body[1] for message in played.wire.said for _, body in message.control if body[0] == "userInput"]
        assert inputs == [("alphanumeric", "5"), ("alphanumeric", "#")]
    else:
        assert [item.keypad for item in played.wire.said if isinstance(item, h225.Information)] == ["5", "#"]
    played.leg.send(Release(cause("caller_abandoned")))
    played.over()


def test_a_peer_that_wants_more_digits_gets_none() -> None:
    played = PlayedCallee().hear(h225.Other, name="SetupAcknowledge")
    assert (played.cause().status, played.cause().q850) == (484, 28)
    assert played.wire.last(h225.ReleaseComplete).cause == 28
    played.over()


def test_status_inquiry_is_answered_in_every_state() -> None:
    played = PlayedCallee()
    for kind, state in ((None, 1), (h225.CallProceeding, 3), (h225.Alerting, 4)):
        if kind is not None:
            played.hear(kind)
        played.hear(h225.Other, name="StatusInquiry")
        told = played.wire.last(h225.Other)
        assert (told.name, told.cause, told.state) == ("Status", 30, state)


def test_messages_of_other_calls_are_refused_a_few_times_and_change_nothing() -> None:
    played = PlayedCallee()
    for number in range(100):
        played.hear(h225.Alerting, reference=(played.leg.reference + 1 + number) % 0x7FFF)
    assert played.call.heard_signals == []
    assert [type(item) for item in played.wire.said[1:]] == [h225.ReleaseComplete] * 4
    assert played.wire.last(h225.ReleaseComplete).cause == 81


def test_octets_that_are_no_message_end_the_leg_at_last() -> None:
    played = PlayedCallee()
    for _ in range(15):
        played.leg.received(b"\x08\x02\x00")
    assert played.call.heard_signals == []
    played.leg.received(b"\x00")
    assert played.cause().reason == "protocol_error"
    played.over()


def test_thousands_of_facilities_leave_nothing_behind() -> None:
    played = PlayedCallee()
    for _ in range(3000):
        played.hear(h225.Facility, reason="transportedInformation", tunnelling=True)
    assert played.wire.kinds() == ["Setup"]
    assert len(played.leg.alarms) == 1


def test_what_h323_has_no_place_for_is_refused_politely() -> None:
    played = PlayedCallee()
    played.leg.send(Offer(OURS))
    assert played.call.heard_signals == [Refuse(504)]


def test_resume_data_names_the_call() -> None:
    played = PlayedCallee(connect=False)
    assert played.leg.resume_data() == {}
    played.leg.connected()
    data = played.leg.resume_data()
    assert data["protocol"] == "h323"
    assert data["address"] == [CALLEE, 1720]
    assert data["reference"] == played.setup.reference
    assert data["call_identifier"] == (played.setup.call_identifier or b"").hex()
    assert data["called"] is False


def test_a_plus_is_the_type_of_number() -> None:
    setup = PlayedCallee(caller="+4930123", callee="+442071234567").setup
    assert (setup.caller.number, setup.caller.type) == ("4930123", "international")
    assert (setup.callee.number, setup.callee.type) == ("442071234567", "international")
    assert setup.destination_aliases == (("dialledDigits", "442071234567"),)


def test_a_name_in_the_place_of_a_number_is_an_alias() -> None:
    setup = PlayedCallee(caller="alice7", callee="bob").setup
    assert (setup.caller.number, setup.callee.number) == ("", "")
    assert setup.source_aliases == (("h323-ID", "alice7"),)
    assert setup.destination_aliases == (("h323-ID", "bob"),)
