"""Session timers (RFC 4028) with real peers: refreshes by both methods, refusals, silence, bounds of long calls."""

from __future__ import annotations

import pytest

from tests.support.peer import Peer, accepted, description
from tests.support.sipp import CALL, called, caller

HEAD = ["receive INVITE", "send 200 sdp INVITE", "receive ACK"]
TAIL = ["receive BYE", "send 200"]
CALLED_BYE = ["receive BYE", "reply 200"]
TALK = ["invite", "expect? 100", "expect? 180", "expect 200", "ack"]
OFTEN = {"SS_SIP_SESSION_UPDATE_SEGMENT": "10"}
ALL = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE"


def vendor(case, steps, *lines, name="first"):
    """A vendor whose responses bear *lines*."""
    xml = called(steps).replace("Contact: <sip:vendor@", "\n      ".join([*lines, "Contact: <sip:vendor@"]))
    return case.peer(name, xml, "-m", "1", "-recv_timeout", "40000", host=case.vendor_host)


def customer(case, steps, *lines):
    """A caller whose n-th request bears the n-th of *lines*."""
    xml = caller(steps)
    agent = "User-Agent: sipp caller\n"
    first, *rest = xml.split(agent)
    for number, part in enumerate(rest):
        line = lines[number] if number < len(lines) else ""
        first += agent + (f"      {line}\n" if line else "") + part
    remote = f"{case.switch_host}:{case.switch.port}"
    return case.peer("caller", first, "-s", case.number, "-m", "1", remote=remote, host=case.host)


def test_a_vendor_is_refreshed_by_update(case):
    case.begin(**OFTEN)
    refreshes = ["receive UPDATE", "send 200"] * 2
    first = vendor(
        case, [*HEAD, *refreshes, *TAIL], "Require: timer", "Session-Expires: 32;refresher=uac", "Supported: timer", ALL
    )
    call = case.call([*TALK, "pause 7500", "bye", "expect 200"])
    call.succeeds()
    first.succeeds()
    (invite,) = first.heard("INVITE")
    assert (invite.get("session-expires"), invite.get("supported")) == ("600", "timer")
    for update in first.heard("UPDATE"):
        assert (update.get("session-expires"), update.body) == ("32;refresher=uac", b"")
    cdr = case.cdr()
    assert (cdr["end_reason"], 7000 < cdr["hold_time_ms"] < 9500) == ("normal", True)


def test_a_vendor_without_update_is_refreshed_by_a_reinvite_that_changes_nothing(case):
    case.begin(**OFTEN)
    refresh = ["receive INVITE", "send 200 sdp INVITE", "receive ACK"]
    first = vendor(case, [*HEAD, *refresh, *TAIL], "Session-Expires: 32;refresher=uac", "Allow: INVITE, ACK, BYE")
    call = case.call([*TALK, "pause 4500", "bye", "expect 200"])
    call.succeeds()
    first.succeeds()
    invite, again = first.heard("INVITE")
    assert again.body == invite.body
    assert again.cseq.number == invite.cseq.number + 1
    assert len(call.heard("SIP/2.0 200")) == 2  # to INVITE and BYE: the caller has heard nothing of it


@pytest.mark.parametrize("status", [481, 408])
def test_a_refresh_that_finds_no_call_ends_it_on_both_sides(case, status):
    """What is left of a call whose BYE was lost."""
    case.begin(**OFTEN)
    first = vendor(case, [*HEAD, "receive UPDATE", f"send {status}", *TAIL], "Session-Expires: 32;refresher=uac", ALL)
    call = case.call([*TALK, *CALLED_BYE])
    call.succeeds()
    first.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["end_direction"]) == ("session_timeout", -27, 1)
    assert 3000 < cdr["hold_time_ms"] < 5000
    assert case.paid() > 0


def test_a_refresh_that_nobody_answers_ends_the_call(case):
    """The vendor is gone without a BYE; the relayed media says nothing, since there is none."""
    case.begin(vendor='media_proxy = "off"', SS_SIP_RESEND_INTERVAL="0.2,0.4,0.4", **OFTEN)
    first = vendor(case, HEAD, "Session-Expires: 32;refresher=uac", ALL)
    call = case.call([*TALK, *CALLED_BYE])
    first.succeeds()
    call.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], 4000 < cdr["hold_time_ms"] < 6500) == ("session_timeout", True)


def test_a_refused_refresh_is_tried_by_the_other_method(case):
    case.begin(**OFTEN)
    steps = ["receive UPDATE", "send 405", "receive INVITE", "send 200 sdp INVITE", "receive ACK"]
    first = vendor(case, [*HEAD, *steps, *TAIL], "Session-Expires: 32;refresher=uac", ALL)
    call = case.call([*TALK, "pause 5000", "bye", "expect 200"])
    call.succeeds()
    first.succeeds()


def test_a_refresh_that_meets_491_comes_again(case):
    case.begin(**OFTEN)
    steps = ["receive INVITE", "send 491", "receive ACK again", "receive INVITE", "send 200 sdp INVITE", "receive ACK"]
    first = vendor(case, [*HEAD, *steps, *TAIL], "Session-Expires: 32;refresher=uac", "Allow: INVITE, ACK, BYE")
    call = case.call([*TALK, "pause 8500", "bye", "expect 200"])
    call.succeeds()
    first.succeeds()


def test_who_wants_to_refresh_and_does_not_is_ended(case):
    case.begin()
    first = vendor(case, [*HEAD, *TAIL], "Require: timer", "Session-Expires: 32;refresher=uas", "Supported: timer")
    call = case.call([*TALK, *CALLED_BYE], "-recv_timeout", "40000")
    call.succeeds(40)
    first.succeeds()
    cdr = case.cdr()
    assert cdr["end_reason"] == "session_timeout"
    assert 21_000 < cdr["hold_time_ms"] < 27_000  # 26 s: the refresh is due after 16 s and has 10 s to come


def test_an_interval_that_is_too_small_is_refused_with_422_and_then_taken(case):
    case.begin()
    first = case.vendor("first", ["receive INVITE", "send 200 sdp INVITE", "receive ACK", *TAIL])
    steps = ["invite", "expect? 100", "expect 422", "failack", "invite", "expect? 100", "expect 200", "ack"]
    call = customer(case, [*steps, "bye", "expect 200"], "Session-Expires: 30", "", "Session-Expires: 90;refresher=uac")
    call.succeeds()
    first.succeeds()
    (refusal,) = call.heard("SIP/2.0 422")
    assert refusal.get("min-se") == "90"
    answer = next(found for found in call.heard("SIP/2.0 200") if found.cseq.method == "INVITE")
    assert (answer.get("session-expires"), answer.get("require")) == ("90;refresher=uac", "timer")
    assert len(case.cdrs()) == 1


def test_a_vendors_422_is_followed_within_the_attempt(case):
    case.begin()
    steps = ["receive INVITE", "send 422", "receive ACK again", *HEAD, *TAIL]
    first = vendor(case, steps, "Min-SE: 1200")
    case.call(CALL).succeeds()
    first.succeeds()
    one, two = first.heard("INVITE")
    assert (two.get("session-expires"), two.get("min-se")) == ("1200", "1200")
    assert two.call_id == one.call_id
    assert [row["reason"] for row in case.cdr()["attempts"]] == ["answered"]


def test_a_caller_that_refreshes_is_answered_here(case):
    """sipp as refresher: its re-INVITE repeats the session, and the vendor hears nothing of it."""
    case.begin()
    first = case.vendor("first", [*HEAD, *TAIL])
    timer = "Session-Expires: 90;refresher=uac"
    steps = [*TALK, "pause 300", "reinvite ", "expect? 100", "expect 200", "ack", "bye", "expect 200"]
    call = customer(case, steps, timer, "", timer)
    call.succeeds()
    first.succeeds()
    one, two = [found for found in call.heard("SIP/2.0 200") if found.cseq.method == "INVITE"]
    assert two.body == one.body
    assert (one.get("session-expires"), two.get("session-expires")) == ("90;refresher=uac", "90;refresher=uac")
    assert len(first.heard("INVITE")) == 1


@pytest.mark.parametrize(("access", "status"), [('session_timer = "required"', 421), ('session_timer = "off"', 420)])
def test_what_a_gateway_must_have_or_must_not_ask_for(case, access, status):
    case.begin(access=access)
    steps = ["invite", "expect? 100", f"expect {status}", "failack"]
    call = customer(case, steps, "" if status == 421 else "Require: timer")
    call.succeeds()
    (refusal,) = call.heard(f"SIP/2.0 {status}")
    assert refusal.get("require" if status == 421 else "unsupported") == "timer"


def test_a_caller_without_session_timer_has_a_longest_call(case):
    case.begin(SS_SIP_NO_TIMER_REINVITE_INTERVAL="2", SS_MAX_CALL_DURATION="60")
    first = case.vendor("first", [*HEAD, *TAIL])
    call = case.call([*TALK, *CALLED_BYE])
    call.succeeds()
    first.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["hold_time_ms"]) == ("no_timer_limit", -28, 2000)


def test_a_caller_with_session_timer_has_it_not(case):
    case.begin(SS_SIP_NO_TIMER_REINVITE_INTERVAL="1")
    first = case.vendor("first", [*HEAD, *TAIL])
    call = customer(case, [*TALK, "pause 2000", "bye", "expect 200"], "Supported: timer")
    call.succeeds()
    first.succeeds()
    assert case.cdr()["end_reason"] == "normal"


def test_a_gateways_own_timeouts_count(case):
    case.begin(vendor="timeout_trying = 1", other="timeout_ringing = 2")
    first = case.vendor("first", ["receive INVITE", "send 100", "receive CANCEL", "send 200", "send 487 invite"])
    second = case.vendor("second", ["receive INVITE", "send 180", "receive CANCEL", "send 200", "send 487 invite"])
    call = case.call(["invite", "expect? 100", "expect 180", "expect 480", "failack"])
    call.succeeds()
    del first, second
    cdr = case.cdr()
    assert [row["reason"] for row in cdr["attempts"]] == ["response_timeout", "no_answer"]
    assert [900 < row["duration_ms"] < 3500 for row in cdr["attempts"]] == [True, True]


def test_a_caller_that_never_acknowledges_is_charged_until_it_is_given_up(case):
    case.begin(SS_SIP_RESEND_INTERVAL="0.05,0.1,0.2,0.4")
    first = case.vendor("first", [*HEAD, *TAIL])
    peer = Peer(case.switch.port, host=case.host)
    case.peers.append(peer)
    peer.send(peer.request("INVITE", case.number, description(case.host)))
    peer.expect(200)
    bye = peer.expect("BYE", 8)
    peer.reply(bye, 200)
    first.succeeds()
    cdr = case.cdr()
    assert cdr["end_reason"] == "session_timeout"
    assert 3000 < cdr["hold_time_ms"] < 4500  # 64 times the first interval
    assert case.paid() > 0


# -- changes


@pytest.fixture(params=["on", "off"])
def talk(case, request):
    """A call that is up between two peers of our own, media relayed or not."""
    case.ports["first"] = 0
    far = Peer(case.switch.port)
    case.ports["first"] = far.port
    case.begin(vendor=f'media_proxy = "{request.param}"')
    near = Peer(case.switch.port, host=case.host)
    case.peers += [near, far]
    near.send(near.request("INVITE", case.number, description(case.host)))
    invite = far.expect("INVITE")
    far.reply(invite, 200, description())
    far.expect("ACK")
    answered = near.expect(200)
    near.send(near.request("ACK", "", answered=answered))
    yield near, far, invite, answered
    near.send(near.request("BYE", "", answered=answered))
    far.reply(far.expect("BYE"), 200)
    near.expect(accepted("BYE"))
    assert case.cdr()["end_reason"] == "normal"


def version(message):
    """The version of a description."""
    line = next(line for line in message.body.decode().split("\r\n") if line.startswith("o="))
    return int(line.split()[2])


def changed(body, number, direction="", address=""):
    """A description as its writer changes it: with the next version."""
    body = body.replace(b"o=peer 1 1 ", b"o=peer 1 %d " % number)
    if address:
        lines = [f"c=IN IP4 {address}" if line.startswith("c=") else line for line in body.decode().split("\r\n")]
        body = "\r\n".join(lines).encode()
    return body + (f"a={direction}\r\n".encode() if direction else b"")


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize(
    ("hold", "answer"),
    [({"direction": "sendonly"}, "recvonly"), ({"direction": "inactive"}, "inactive"), ({"address": "0.0.0.0"}, "")],
)
def test_hold_and_resume_by_every_way(talk, method, hold, answer):
    near, far, invite, answered = talk
    told = version(invite)
    for number, how, way in ((2, hold, answer), (3, {}, "")):
        near.send(near.request(method, "", changed(description(near.host), number, **how), answered=answered))
        heard = far.expect("INVITE")
        assert version(heard) == (told := told + 1)
        text = heard.body.decode()
        assert all(value in text for value in how.values())
        if not how:
            assert "0.0.0.0" not in text
            assert "a=sendonly" not in text
        far.reply(heard, 200, changed(description(), number, way))
        far.expect("ACK")
        done = near.expect(accepted(method))
        assert (f"a={way}" in done.body.decode()) or not way
        if method == "INVITE":
            near.send(near.request("ACK", "", answered=answered))


def test_a_repeated_session_is_answered_with_the_same_version(talk):
    near, far, _, answered = talk
    for _ in range(2):
        near.send(near.request("UPDATE", "", description(near.host), answered=answered))
        assert near.expect(accepted("UPDATE")).body == answered.body
    near.send(near.request("UPDATE", "", answered=answered))
    assert near.expect(accepted("UPDATE")).body == b""
    assert far.silent(0.3)
