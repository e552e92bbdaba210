"""The incoming leg towards a caller that is played message by message."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.h323.legs_world import CALLEE, CALLER, peer
from tests.unit.h323.played_world import IDENTIFIER, OURS, PlayedCaller
from vosswitch.h323 import h225
from vosswitch.h323.elements import Party
from vosswitch.h323.legs.orphan import farewell
from vosswitch.model.causes import cause, from_sip
from vosswitch.model.identity import NOBODY, Diversion, Identity
from vosswitch.model.signals import Offer, Proceed, Progress, Refuse, Release, Ring
from vosswitch.model.values import Address


def test_a_setup_is_a_call() -> None:
    played = PlayedCaller(display="Alice")
    offered = played.try_
    assert (offered.caller, offered.callee, offered.display) == ("4930123", "442071234567", "Alice")
    assert offered.source == Address(CALLER, 40_000, "h323")
    assert offered.local == Address(CALLEE, 1720, "h323")
    assert offered.peer_call_id == played.leg.peer_call_id == "01020304-0506-0708-090a-0b0c0d0e0f10"
    assert offered.session is None
    assert offered.early  # both sides tunnel: it can answer an offer before it is answered
    assert offered.identity == NOBODY
    assert played.wire.kinds() == ["CallProceeding"]
    assert played.leg.status == 100


def test_without_a_tunnel_an_early_offer_could_not_be_answered_for_sure() -> None:
    assert not PlayedCaller(tunnelling=False).try_.early
    assert not PlayedCaller(peer(tunnelling=False)).try_.early


@pytest.mark.parametrize(
    ("callee_source", "element", "aliases", "callee"),
    [
        ("called_party", "111", (("dialledDigits", "222"),), "111"),
        ("called_party", "", (("dialledDigits", "222"),), "222"),
        ("destination", "111", (("dialledDigits", "222"),), "222"),
        ("destination", "111", (), "111"),
        ("destination", "", (("h323-ID", "gate@example.org"), ("dialledDigits", "333")), "333"),
        ("destination", "", (("h323-ID", "444@example.org"),), "444"),
    ],
)
def test_the_called_number_is_read_where_the_profile_says(
    callee_source: str, element: str, aliases: Any, callee: str
) -> None:
    played = PlayedCaller(peer(callee_source=callee_source), callee=Party(element), destination_aliases=aliases)
    assert played.try_.callee == callee


@pytest.mark.parametrize(
    ("source", "element", "aliases", "caller"),
    [
        ("calling_party", "111", (("dialledDigits", "222"),), "111"),
        ("calling_party", "", (("dialledDigits", "222"),), "222"),
        ("source", "111", (("dialledDigits", "222"),), "222"),
        ("source", "111", (), "111"),
        ("display", "111", (), "333"),
    ],
)
def test_the_calling_number_is_read_where_the_profile_says(
    source: str, element: str, aliases: Any, caller: str
) -> None:
    played = PlayedCaller(peer(caller_source=source), caller=Party(element), source_aliases=aliases, display="333")
    assert played.try_.caller == caller


def test_a_wish_not_to_be_shown_counts_from_everybody() -> None:
    played = PlayedCaller(caller=Party("4930123", presentation="restricted", screening="network"))
    assert played.try_.identity == Identity(private=True, privacy=("id",))


def test_what_a_trusted_peer_vouches_for_is_asserted() -> None:
    played = PlayedCaller(
        peer(trusted=True),
        caller=Party("4930123", presentation="restricted", screening="network"),
        redirecting=Party("4989555", presentation="allowed", reason="user-busy"),
    )
    identity = played.try_.identity
    assert (identity.asserted, identity.private) == ("4930123", True)
    assert identity.diversions == (Diversion("4989555", "user-busy"),)


def test_a_number_that_the_user_gave_is_not_asserted() -> None:
    assert PlayedCaller(peer(trusted=True)).try_.identity == NOBODY


def test_the_name_that_was_proved_goes_along() -> None:
    assert PlayedCaller(user="box").try_.user == "box"
    assert PlayedCaller().try_.user is None


def test_call_proceeding_when_the_far_side_works_on_it() -> None:
    played = PlayedCaller(peer(auto_call_proceeding=False))
    assert played.wire.said == []
    played.leg.send(Proceed())
    played.leg.send(Proceed())
    assert played.wire.kinds() == ["CallProceeding"]


def test_ringing_is_said_once() -> None:
    played = PlayedCaller()
    played.leg.send(Ring())
    played.leg.send(Ring())
    assert played.wire.kinds() == ["CallProceeding", "Alerting"]
    assert played.leg.status == 180


def test_progress_without_media_has_no_in_band_indicator() -> None:
    played = PlayedCaller()
    played.leg.send(Progress())
    assert played.wire.last(h225.Progress).in_band is False
    assert played.leg.status == 183


def test_a_trusted_peer_is_told_who_is_called() -> None:
    played = PlayedCaller(peer(trusted=True))
    played.leg.send(Ring(identity=Identity(asserted="442071234567")))
    assert played.wire.last(h225.Alerting).party.number == "442071234567"
    played = PlayedCaller()
    played.leg.send(Ring(identity=Identity(asserted="442071234567")))
    assert played.wire.last(h225.Alerting).party.number == ""


@pytest.mark.parametrize(("status", "value"), [(486, 17), (404, 1), (503, 41), (480, 18), (403, 21)])
def test_a_refusal_is_a_cause(status: int, value: int) -> None:
    played = PlayedCaller()
    played.leg.send(Release(from_sip(status)))
    assert played.wire.last(h225.ReleaseComplete).cause == value
    assert played.leg.status == status
    assert played.call.heard_signals == []
    played.over()


def test_a_caller_that_hangs_up_has_abandoned() -> None:
    played = PlayedCaller().hear(h225.ReleaseComplete, cause=16)
    assert played.call.heard_signals == [Release(cause("caller_abandoned"))]
    assert played.wire.kinds() == ["CallProceeding"]
    played.over()
    played.leg.send(Ring())
    played.leg.send(Release(cause("normal")))
    assert played.wire.kinds() == ["CallProceeding"]


def test_a_caller_whose_connection_is_gone_has_abandoned() -> None:
    played = PlayedCaller()
    played.leg.lost("reset by peer")
    assert played.call.heard_signals == [Release(cause("caller_abandoned"))]
    played.over()


def test_more_digits_than_setup_had_are_not_taken() -> None:
    played = PlayedCaller().hear(h225.Information, callee=Party("99"))
    assert played.call.last(Release).cause.reason == "empty_callee"
    assert played.wire.last(h225.ReleaseComplete).cause == 28
    played.over()


def test_a_second_setup_changes_nothing() -> None:
    played = PlayedCaller()
    first = played.offered
    for _ in range(100):
        played.hear(h225.Setup, callee=Party("999"))
    assert played.offered is first
    assert played.wire.kinds() == ["CallProceeding"]


def test_a_setup_with_another_reference_on_the_same_connection_is_refused() -> None:
    played = PlayedCaller()
    for number in range(100):
        played.hear(h225.Setup, reference=100 + number)
    assert played.wire.kinds() == ["CallProceeding", *["ReleaseComplete"] * 4]
    assert played.call.heard_signals == []


def test_nobody_is_asked_for_a_change_before_the_answer() -> None:
    played = PlayedCaller()
    played.leg.send(Offer(OURS))
    assert played.call.heard_signals == [Refuse(504)]


def test_what_a_former_life_left_is_told_that_it_is_over() -> None:
    played = PlayedCaller(source_address=Address(CALLER, 1730, "h323"))
    address, data = farewell(played.leg.resume_data())
    assert address == Address(CALLER, 1730, "h323")
    message = h225.read(data)
    assert isinstance(message, h225.ReleaseComplete)
    assert (message.reference, message.call_identifier, message.cause) == (77, IDENTIFIER, 41)
    elsewhere = PlayedCaller(source_address=Address("192.0.2.77", 1730, "h323"))
    assert farewell(elsewhere.leg.resume_data())[0] == Address(CALLER, 1720, "h323")


@pytest.mark.parametrize("data", [{}, {"address": [1]}, {"address": ["h", 1], "call_identifier": "xx"}])
def test_damaged_data_are_told_in_one_line(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="damaged"):
        farewell(data)
