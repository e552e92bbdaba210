"""After which end of an attempt the next gateway is tried."""

import pytest

from vosswitch.model.causes import cause, from_sip
from vosswitch.params.system import Parameters
from vosswitch.routing.conduct import Conduct
from vosswitch.routing.failover import next_allowed
from vosswitch.routing.outcomes import Outcomes

DEFAULTS = Parameters({})


def goes_on(reached, made=1, parameters=DEFAULTS, **seen):
    flags = {"ringing": False, "early_media": False, "rtp_started": False} | seen
    return next_allowed(reached, made, parameters=parameters, **flags)


def with_set(**values):
    return Parameters(values)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(403, False), (404, False), (408, True), (480, False), (486, False), (488, True), (500, True), (503, True),
     (600, False), (603, True), (604, True), (606, True)],
)  # fmt: skip
def test_status_decides_first(status, expected):
    assert goes_on(from_sip(status)) is expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("connection_timeout", True), ("response_timeout", True), ("no_answer", False), ("codec_mismatch", True),
     ("protocol_error", True), ("caller_abandoned", False)],
)  # fmt: skip
def test_own_end_reasons_decide_first(reason, expected):
    assert goes_on(cause(reason)) is expected


def test_limit_counts_attempts_in_all():
    three = with_set(SS_GATEWAY_SWITCH_LIMIT="3")
    assert [goes_on(from_sip(503), made, three) for made in (1, 2, 3, 4)] == [True, True, False, False]
    assert goes_on(from_sip(503), 1000)


def test_busy_goes_on_only_when_the_parameter_lets_it():
    assert goes_on(from_sip(486), parameters=with_set(SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY="Off"))


@pytest.mark.parametrize(
    ("seen", "parameter"),
    [
        ("early_media", {"SS_SIP_STOP_SWITCH_AFTER_SDP": "Off"}),
        ("rtp_started", {"SS_GATEWAY_SWITCH_STOP_AFTER_RTP_START": "Off"}),
        ("ringing", {"SS_GATEWAY_SWITCH_UNTIL_CONNECT": "On"}),
    ],
)
def test_progress_stops_unless_its_parameter_says_otherwise(seen, parameter):
    assert not goes_on(from_sip(503), **{seen: True})
    assert goes_on(from_sip(503), parameters=with_set(**parameter), **{seen: True})


def test_until_connect_lets_an_unanswered_call_go_on_but_not_a_wrong_number():
    until = with_set(SS_GATEWAY_SWITCH_UNTIL_CONNECT="On")
    assert goes_on(cause("no_answer"), parameters=until, ringing=True)
    assert not goes_on(from_sip(404), parameters=until, ringing=True)


LISTS = Conduct(
    stop_codes=Outcomes.of(["500-502", "response_timeout"]), continue_codes=Outcomes.of([404, 486, "no_answer"])
)


@pytest.mark.parametrize(
    ("reached", "expected"),
    [(from_sip(500), False), (from_sip(502), False), (from_sip(503), True), (cause("response_timeout"), False),
     (from_sip(404), True), (from_sip(486), True), (cause("no_answer"), True), (from_sip(403), False)],
)  # fmt: skip
def test_the_gateways_lists_stand_above_the_table(reached, expected):
    assert goes_on(reached, conduct=LISTS) is expected


def test_lists_stand_below_limit_media_and_ringing():
    assert not goes_on(from_sip(404), 1, with_set(SS_GATEWAY_SWITCH_LIMIT="1"), conduct=LISTS)
    for seen in ("early_media", "rtp_started", "ringing"):
        assert not goes_on(from_sip(404), conduct=LISTS, **{seen: True})
    assert goes_on(from_sip(404), 1, with_set(SS_GATEWAY_SWITCH_UNTIL_CONNECT="On"), conduct=LISTS, ringing=True)
