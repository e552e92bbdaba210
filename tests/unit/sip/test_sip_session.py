"""Session timers as values and a table (RFC 4028): what is read, agreed, and done with a refresh."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.sip.grammar.message import Request
from vosswitch.sip.legs.session import (
    LEAST,
    MOST,
    MUTE,
    TABLE,
    Effect,
    Input,
    Policy,
    State,
    Terms,
    Wish,
    as_client,
    as_server,
    ends_after,
    glare_pause,
    invite_lines,
    least_of,
    policy_of,
    read,
    refresh_after,
    request_lines,
    response_lines,
    too_small,
)

SYSTEM = {
    "SS_SIP_SESSION_TTL": 600,
    "SS_SIP_SESSION_MIN_SE": 90,
    "SS_SIP_SESSION_UPDATE_SEGMENT": 2,
    "SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP": 0,
}
USUAL = policy_of(SYSTEM, PLAIN)
assert USUAL is not None


def message(**headers: str) -> Request:
    found = Request("INVITE", "sip:x@y")
    for name, value in headers.items():
        found.add(name.replace("_", "-"), value)
    return found


# -- what is wanted


def test_the_policy_is_the_systems_unless_the_gateway_has_its_own():
    assert tuple(USUAL) == (600, 90, 2, 0, False)
    assert policy_of(SYSTEM, PeerProfile(session_timer="off")) is None
    assert policy_of(SYSTEM, PeerProfile(session_timer="required", session_ttl=1800)) == Policy(1800, 90, 2, 0, True)


def test_our_interval_is_never_below_our_min_se():
    assert policy_of({**SYSTEM, "SS_SIP_SESSION_TTL": 60}, PLAIN).ttl == 90


def test_the_lines_of_our_invite():
    assert invite_lines(None, 0).startswith("Allow: ")
    assert "imer" not in invite_lines(None, 0)
    assert invite_lines(USUAL, 0).endswith("Supported: timer\r\nSession-Expires: 600\r\n")
    assert invite_lines(USUAL, 900).endswith("Session-Expires: 900\r\nMin-SE: 900\r\n")
    assert invite_lines(USUAL._replace(required=True), 0).endswith("Require: timer\r\n")


# -- what a message says


@pytest.mark.parametrize(
    ("headers", "wish"),
    [
        ({}, MUTE),
        ({"supported": "100rel, replaces", "min_se": "90"}, MUTE),
        ({"supported": "timerx"}, MUTE),
        ({"supported": "100rel, Timer"}, Wish(able=True)),
        ({"require": "timer"}, Wish(able=True)),
        ({"session_expires": "1800"}, Wish(1800, able=True)),
        ({"session_expires": " 1800 ; Refresher = UAC ; x=y"}, Wish(1800, "uac", able=True)),
        ({"session_expires": "1800;refresher=both", "min_se": "120;x"}, Wish(1800, "", 120, able=True)),
        ({"session_expires": "0", "allow": "INVITE, UPDATE"}, Wish(0, able=True, update=True)),
        ({"session_expires": "-5"}, Wish(able=True)),
        ({"session_expires": "abc;refresher=uas"}, Wish(None, "uas", able=True)),
        ({"session_expires": ""}, Wish(able=True)),
        ({"session_expires": "\u0663\u0663"}, Wish(able=True)),
        ({"session_expires": "9" * 5000}, Wish(10**9, able=True)),
    ],
)
def test_what_a_message_says(headers, wish):
    assert read(message(**headers)) == wish


def test_the_min_se_of_a_refusal():
    assert least_of(message(min_se="240")) == 240
    assert least_of(message(min_se="x")) == least_of(message()) == 0


# -- what is agreed


@pytest.mark.parametrize(
    ("wish", "terms"),
    [
        # RFC 4028 table 2: a caller without support, with it, and with it and a choice.
        (Wish(), Terms(600, True)),
        (Wish(able=True), Terms(600, True)),
        (Wish(300, "", able=True), Terms(300, True)),
        (Wish(300, "uac", able=True), Terms(300, False)),
        (Wish(300, "uas", able=True), Terms(300, True)),
        (Wish(1800, able=True), Terms(600, True)),
        (Wish(1800, "", 1200, able=True), Terms(1200, True)),
        (Wish(None, "", 1200, able=True), Terms(1200, True)),
        (Wish(10**9, "uac", 10**9, able=True), Terms(MOST, False)),
    ],
)
def test_our_answer_to_a_caller(wish, terms):
    assert as_server(USUAL, wish) == terms


@pytest.mark.parametrize(
    ("wish", "terms"),
    [
        (Wish(), None),
        (Wish(able=True), Terms(600, True)),
        (Wish(300, "uac", able=True), Terms(300, True)),
        (Wish(300, "", able=True), Terms(300, True)),
        (Wish(300, "uas", able=True), Terms(300, False)),
        (Wish(0, "uas", able=True), Terms(32, False)),
        (Wish(10**9, "uac", able=True), Terms(600, True)),
        (Wish(10**9, "uas", able=True), Terms(MOST, False)),
    ],
)
def test_what_a_vendors_answer_makes(wish, terms):
    assert as_client(USUAL, 600, wish) == terms


def test_who_must_have_session_timers_and_shows_none_is_refreshed_by_us():
    assert as_client(USUAL._replace(required=True), 600, Wish()) == Terms(600, True)


@pytest.mark.parametrize(("interval", "small"), [(None, False), (89, True), (0, True), (90, False)])
def test_what_is_too_small(interval, small):
    assert too_small(USUAL, Wish(interval, able=True)) is small


def test_the_lines_of_responses_and_requests_within_the_dialog():
    assert "Session-Expires: 600;refresher=uas\r\n" in response_lines(Terms(600, True), True)
    assert "Require: timer\r\n" in response_lines(Terms(600, False), True)
    assert "Require" not in response_lines(Terms(600, True), False)
    assert request_lines(Terms(600, True), 90) == ("Supported: timer", "Session-Expires: 600;refresher=uac")
    assert request_lines(Terms(600, False), 120)[1:] == ("Session-Expires: 600;refresher=uas", "Min-SE: 120")


# -- times


@pytest.mark.parametrize(
    ("interval", "early", "ends"),
    [(600, 0, 568), (90, 0, 60), (600, 32, 568), (600, 100, 500), (1800, 900, 910), (600, 3600, 310)],
)
def test_when_a_call_without_refresh_ends(interval, early, ends):
    """The expiry less max(min(32 s, interval / 3), early), but never before a refresh had its chance."""
    assert ends_after(USUAL._replace(early=early), Terms(interval, True)) == ends
    assert ends_after(USUAL._replace(early=early), Terms(interval, False)) == ends


@given(st.integers(32, MOST), st.integers(2, 10), st.integers(0, 3600), st.booleans())
def test_a_refresh_always_comes_before_the_end_and_the_end_before_the_expiry(interval, segment, early, ours):
    policy = USUAL._replace(segment=segment, early=early)
    terms = Terms(interval, ours)
    assert 0 < refresh_after(policy, terms) < ends_after(policy, terms) <= interval


@given(st.floats(0, 1))
def test_pauses_after_491(chance):
    """RFC 3261 14.1: 2.1 to 4 s for who made the Call-ID, up to 2 s for the other one, in steps of 10 ms."""
    assert 2.1 <= glare_pause(True, chance) <= 4.0
    assert 0.0 <= glare_pause(False, chance) <= 2.0


# -- the table


def test_every_state_that_is_not_over_ends_at_the_expiry_and_goes_on_with_a_refresh():
    for state, row in TABLE.items():
        if state is not State.OVER:
            assert row[Input.EXPIRED] == (State.OVER, Effect.END)
            assert row[Input.REFRESHED] == (State.RUNNING, Effect.START)
    assert TABLE[State.OVER] == {}


def run(*inputs: Input) -> tuple[State, list[Effect]]:
    state, effects = State.RUNNING, []
    for what in inputs:
        row = TABLE[state].get(what)
        if row is not None:
            state, effect = row
            effects.append(effect)
    return state, effects


@pytest.mark.parametrize(
    ("inputs", "state", "last"),
    [
        ((Input.DUE, Input.LOST), State.OVER, Effect.END),
        ((Input.DUE, Input.REFUSED), State.ASKING_OTHER, Effect.ASK_OTHER),
        ((Input.DUE, Input.REFUSED, Input.REFUSED), State.RUNS_OUT, Effect.WAIT),
        ((Input.DUE, Input.REFUSED, Input.LOST), State.OVER, Effect.END),
        ((Input.DUE, Input.REFUSED, Input.REFRESHED), State.RUNNING, Effect.START),
        ((Input.DUE, Input.GLARE), State.RUNNING, Effect.PAUSE),
        ((Input.DUE, Input.REFUSED, Input.GLARE, Input.DUE), State.ASKING_OTHER, Effect.ASK),
        ((Input.DUE, Input.REFUSED, Input.REFUSED, Input.DUE), State.RUNS_OUT, Effect.WAIT),
        ((Input.LOST,), State.RUNNING, None),
    ],
)
def test_what_becomes_of_a_refresh(inputs, state, last):
    reached, effects = run(*inputs)
    assert (reached, effects[-1] if effects else None) == (state, last)


@given(st.lists(st.sampled_from(list(Input)), max_size=40))
def test_nothing_comes_after_the_end(inputs):
    _, effects = run(*inputs)
    assert Effect.END not in effects[:-1]


def test_the_least_interval_is_the_rfcs():
    assert LEAST == 90
