"""Vendors that are not good enough, that rest, and what makes the next one come: on live calls, with their records."""

from __future__ import annotations

import re
import signal
import socket
import time

import pytest

from tests.interop.test_failover import attempts, refused
from tests.support.peer import Peer, description
from tests.support.sipp import ANSWER, CALL, called
from tests.support.switch import until

BUSY = ["receive INVITE", "send 180", "send 486", "receive ACK"]
EARLY = ["receive INVITE", "send 183 sdp", "pause 50", "send 503", "receive ACK"]
FAILS = ["receive INVITE", "send 503", "receive ACK"]
CANCELLED = ["receive INVITE", "send 100", "receive CANCEL", "send 200", "send 487 invite", "receive ACK"]


def tried(cdr):
    return [name for name, _, _ in attempts(cdr)]


def again(case, steps, calls=1):
    """Another life of the first vendor."""
    return case.peer("again", called(steps), "-m", str(calls), port=case.ports["first"])


def routed(case):
    """The gateways that ``vosswitch route`` names: why each is kept or dropped, in order."""
    told = case.switch.json("route", "--mapping-gateway", f"customer{case.n}", "1000", case.number)[0]
    own = {f"{name}{case.n}": name for name in ("first", "second")}
    return [(own[row["gateway"]], row["kept"], row["why"]) for row in told["candidates"] if row["gateway"] in own]


def figures(case, name, *options):
    return case.switch.json("gateway", "quality", f"{name}{case.n}", *options)


def test_a_bad_vendor_is_demoted_and_comes_back_by_probes(case):
    judged = "least_asr = 30\nquality_attempts = 3\n"
    case.begin(vendor=f"{judged}quality_probe = 0")
    first = case.vendor("first", FAILS, calls=3)
    second = case.vendor("second", ANSWER, calls=4)
    for number in range(3):
        case.call(CALL, name=f"spoils{number}").succeeds()
    first.succeeds()
    (row,) = figures(case, "first")
    assert (row["attempts"], row["asr"], row["misses"], row["action"]) == (
        3, 0.0, "ASR 0 % of 3 attempts, below 30 %", "demoted",
    )  # fmt: skip
    assert [look[0] for look in routed(case)] == ["second", "first"]
    assert routed(case)[1][1:] == (True, "demoted: ASR 0 % of 3 attempts, below 30 %")
    case.call(CALL, name="elsewhere").succeeds()
    second.succeeds()
    assert tried(case.cdrs(4)[0]) == ["second"]
    case.begin(vendor=f"{judged}quality_probe = 100")
    better = again(case, ANSWER, calls=4)
    for number in range(3):
        case.call(CALL, name=f"probes{number}").succeeds()
    case.begin(vendor=f"{judged}quality_probe = 0")
    case.call(CALL, name="good").succeeds()
    better.succeeds()
    assert [tried(cdr) for cdr in case.cdrs(8)[:4]] == [["first"]] * 4
    assert figures(case, "first")[0]["misses"] is None


def test_a_vendor_is_excluded_for_one_destination(case):
    case.begin(
        vendor='least_asr = 30\nquality_attempts = 2\nquality_probe = 0\nquality_scope = "prefix"\n'
        'quality_action = "exclude"\n',
        VS_GATEWAY_QUALITY_DIGITS="7",
    )
    first = case.vendor("first", FAILS, calls=3)
    second = case.vendor("second", ANSWER, calls=4)
    for number in range(2):
        case.call(CALL, name=f"spoils{number}").succeeds()
    case.call(CALL, name="left-out").succeeds()
    case.call(CALL, name="other", to=f"{case.prefix}999").succeeds()
    first.succeeds()
    second.succeeds()
    both = ["first", "second"]
    assert [tried(cdr) for cdr in case.cdrs(4)] == [both, ["second"], both, both]
    rows = {row["destination"]: row for row in figures(case, "first", "--prefixes")}
    assert rows[case.number[:7]]["action"] == "excluded"
    assert rows[f"{case.prefix}99"]["attempts"] == 1
    why = {name: why for name, _, why in routed(case)}
    assert why["first"] == f"excluded: ASR 0 % of 2 attempts, below 30 % to {case.number[:7]}"


def test_the_best_vendor_of_a_destination_is_first(case):
    """On the whole the second one is better, to the other destination the first one is as good."""
    scope = 'quality_scope = "prefix"\nquality_attempts = 1\n'
    on = {"SS_GATEWAY_ASR_CALCULATE": "On", "VS_GATEWAY_QUALITY_DIGITS": "7"}
    case.begin(vendor=scope, other=scope, access='routing_strategies = ["asr"]\n', **on)
    first, second = case.vendor("first", FAILS), case.vendor("second", ANSWER)
    case.call(CALL, name="one").succeeds()
    first.succeeds()
    second.succeeds()
    case.switch.cli("gateway", "disable", f"second{case.n}")
    better = again(case, ANSWER, calls=2)
    case.call(CALL, name="other", to=f"{case.prefix}999").succeeds()
    case.switch.cli("gateway", "enable", f"second{case.n}")
    assert figures(case, "first")[0]["asr"] == 50
    case.call(CALL, name="last", to=f"{case.prefix}999").succeeds()
    better.succeeds()
    assert [tried(cdr) for cdr in case.cdrs(3)] == [["first"], ["first"], ["first", "second"]]
    assert [look[0] for look in routed(case)] == ["second", "first"]


def test_figures_of_live_calls(case):
    case.begin(SS_GATEWAY_ASR_CALCULATE="On", SS_GATEWAY_ACD_CALCULATE="On")
    first = case.vendor("first", ["receive INVITE", "pause 300", "send 180", "pause 200", *ANSWER[3:]])
    case.call([*CALL[:-3], "pause 1200", *CALL[-2:]]).succeeds()
    first.succeeds()
    busy = again(case, BUSY)
    case.call(refused(486), name="busy").succeeds()
    busy.succeeds()
    case.cdrs(2)
    (row,) = figures(case, "first")
    assert (row["attempts"], row["asr"], row["ner"], row["calls"]) == (2, 50.0, 100.0, 1)
    assert 150 <= row["pdd_ms"] <= 600
    assert 1.0 <= row["acd"] <= 4.0
    listed = {row["name"]: row for row in case.switch.json("gateway", "list", "--kind", "routing")}
    assert listed[f"first{case.n}"]["asr"] == 50.0
    assert listed[f"second{case.n}"]["asr"] is None


def test_a_vendor_that_fails_too_often_rests_and_comes_back(case):
    case.begin(vendor="throttle_codes = [503]\nthrottle_attempts = 2\nthrottle_share = 100\nthrottle_pause = 2\n")
    first = case.vendor("first", FAILS, calls=2)
    second = case.vendor("second", ANSWER, calls=3)
    for number in range(3):
        case.call(CALL, name=f"caller{number}").succeeds()
    first.succeeds()
    second.succeeds()
    rows = case.cdrs(3)
    assert [tried(cdr) for cdr in rows] == [["second"], ["first", "second"], ["first", "second"]]
    notes = dict(map(tuple, rows[1]["decision"]["notes"]))
    assert notes[f"first{case.n}"] == "rests for 2 s: throttled: 2 of 2 attempts failed within 60 s"
    time.sleep(2.1)
    back = again(case, ANSWER)
    case.call(CALL, name="back").succeeds()
    back.succeeds()
    assert tried(case.cdrs(4)[0]) == ["first"]


# ---- failover


@pytest.mark.parametrize(
    ("vendor", "parameters", "steps", "goes_on"),
    [
        ("stop_codes = [503]", {}, FAILS, False),
        ('stop_codes = ["500-502"]', {}, FAILS, True),
        ('continue_codes = ["480-489"]', {}, ["receive INVITE", "send 486", "receive ACK"], True),
        ("continue_codes = [486]", {}, BUSY, False),  # it has rung
        ("", {"SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY": "Off"}, ["receive INVITE", "send 486", "receive ACK"], True),
        ("", {"SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY": "Off", "SS_GATEWAY_SWITCH_UNTIL_CONNECT": "On"}, BUSY, True),
        ("", {"SS_GATEWAY_SWITCH_UNTIL_CONNECT": "On"}, BUSY, False),
        ("", {"SS_GATEWAY_SWITCH_UNTIL_CONNECT": "On"}, EARLY, False),
        ("", {"SS_GATEWAY_SWITCH_UNTIL_CONNECT": "On", "SS_SIP_STOP_SWITCH_AFTER_SDP": "Off"}, EARLY, True),
        ("", {"SS_SIP_STOP_SWITCH_AFTER_SDP": "Off"}, EARLY, True),
    ],
)
def test_what_makes_the_next_vendor_come(case, vendor, parameters, steps, goes_on):
    case.begin(vendor=vendor, **parameters)
    first = case.vendor("first", steps)
    second = case.vendor("second", ANSWER) if goes_on else None
    status = 486 if "send 486" in steps else 503
    case.call(CALL if goes_on else refused(status)).succeeds()
    first.succeeds()
    if second is not None:
        second.succeeds()
    assert tried(case.cdr()) == (["first", "second"] if goes_on else ["first"])


@pytest.mark.parametrize(("stops", "status"), [("On", 503), ("Off", 404)])
def test_media_of_the_vendor_stops_it(case, stops, status):
    vendor = Peer(case.switch.port)
    case.ports["first"] = vendor.port
    case.peers.append(vendor)
    case.begin(
        vendor='media_proxy = "must_on"',
        SS_SIP_STOP_SWITCH_AFTER_SDP="Off",
        SS_GATEWAY_SWITCH_STOP_AFTER_RTP_START=stops,
    )
    second = case.vendor("second", ["receive INVITE", "send 404", "receive ACK"]) if stops == "Off" else None
    call = case.call(refused(status))
    invite = vendor.expect("INVITE")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
        media.bind((vendor.host, 0))
        progress = invite.reply(183, "", vendor.tag)
        progress.add("contact", f"<sip:v@{vendor.host}:{vendor.port}>")
        progress.add("content-type", "application/sdp")
        progress.body = description(port=media.getsockname()[1])
        vendor.send(progress, vendor.source)
        told = invite.body.decode()
        relay = re.search(r"c=IN IP4 (\S+)", told)[1], int(re.search(r"m=audio (\d+)", told)[1])
        for number in range(20):
            head = b"\x80\x08" + number.to_bytes(2) + (160 * number).to_bytes(4) + b"\0\0\0\x07"
            media.sendto(head + bytes(160), relay)
            time.sleep(0.02)
        time.sleep(0.3)
    vendor.reply(invite, 503)
    call.succeeds()
    if second is not None:
        second.succeeds()
    assert tried(case.cdr()) == (["first"] if stops == "On" else ["first", "second"])


def test_the_time_for_trying(case):
    case.begin(access="routing_time = 1\n")
    first = case.vendor("first", FAILS)
    second = case.vendor("second", CANCELLED)
    case.call(refused(408)).succeeds()
    first.succeeds()
    second.succeeds()
    cdr = case.cdr()
    assert attempts(cdr) == [("first", 503, "service_unavailable"), ("second", None, "response_timeout")]
    assert (cdr["end_reason"], cdr["sip_status"], cdr["end_direction"]) == ("response_timeout", 408, 2)
    assert 900 <= cdr["attempts"][1]["duration_ms"] <= 1600
    state = {row["name"]: row["state"] for row in case.switch.json("gateway", "list", "--kind", "routing")}
    assert state[f"second{case.n}"] == "up"


def test_every_attempt_is_in_the_record(case):
    case.begin(vendor='callee_dial_plan = "49:0049"', other='caller_dial_plan = "43:0043"')
    first = case.vendor("first", FAILS)
    second = case.vendor("second", ["receive INVITE", "pause 200", *ANSWER[2:]])
    case.call(CALL).succeeds()
    first.succeeds()
    second.succeeds()
    failed, answered = case.cdr()["attempts"]
    assert (failed["callee_out"], failed["status"], failed["reason"], failed["pdd_ms"]) == (
        f"00{case.number}", 503, "service_unavailable", None,
    )  # fmt: skip
    assert (failed["prefix"], failed["cost_prefix"], failed["price"]) == (case.prefix, case.prefix, "0.30")
    assert (answered["caller_out"], answered["status"], answered["reason"]) == ("004312345", 200, "answered")
    assert 190 <= answered["pdd_ms"] <= 900
    told = case.switch.cli("cdr", "explain", case.cdr()["call_id"]).stdout
    assert re.search(rf"first{case.n} +503 +service_unavailable .* {case.prefix} +{case.prefix} +0\.30", told)


# ---- restart


def test_a_restart_forgets_nothing_of_the_last_minutes(alone):
    """Killed, not stopped: the windows come back from the records, and the thresholds with them."""
    judged = "least_asr = 30\nquality_attempts = 3\nquality_probe = 0\n"
    on = {"SS_GATEWAY_ASR_CALCULATE": "On", "SS_GATEWAY_ACD_CALCULATE": "On"}
    alone.begin(vendor=judged, **on)
    alone.vendor("first", FAILS, calls=3)
    alone.vendor("second", ANSWER, calls=3)
    alone.call(CALL, calls=3, rate=20).succeeds()
    alone.cdrs(3)
    names = ("attempts", "asr", "ner", "pdd_ms", "calls", "acd", "misses")
    before = {name: {key: figures(alone, name)[0][key] for key in names} for name in ("first", "second")}
    pairs = {row["destination"]: row["attempts"] for row in figures(alone, "first", "--prefixes")}
    assert before["first"]["misses"] == "ASR 0 % of 3 attempts, below 30 %"
    alone.switch.stop(signal.SIGKILL)
    alone.switch.start()
    until(lambda: figures(alone, "second")[0]["calls"] == 3, what="figures of the last run")
    assert {name: {key: figures(alone, name)[0][key] for key in names} for name in before} == before
    assert {row["destination"]: row["attempts"] for row in figures(alone, "first", "--prefixes")} == pairs
    listed = {row["name"]: row["calls_today"] for row in alone.switch.json("gateway", "list", "--kind", "routing")}
    assert (listed[f"first{alone.n}"], listed[f"second{alone.n}"]) == (3, 3)
    assert routed(alone)[-1] == ("first", True, "demoted: ASR 0 % of 3 attempts, below 30 %")
