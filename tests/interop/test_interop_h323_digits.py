"""Digits from SIP media by H.323 signals into SIP media: one switch that calls itself by H.323 in between.

SIP caller -> switch -> H.323 -> the same switch at another address -> SIP vendor; both peers have RFC 4733 and nothing
else, H.323 between them signals.
"""

from __future__ import annotations

import time

import pytest

from tests.support.h323.itself import calls_itself
from tests.support.peer import Peer, accepted
from tests.support.speech import SPEECH, Media
from tests.support.switch import until
from vosswitch.sdp.codecs import first_audio
from vosswitch.sdp.events import event_payload
from vosswitch.sdp.text import parse as parse_sdp


@pytest.fixture(params=["fast", "slow", "slow separate", "slow auto", "slow separate auto"])
def mode(request):
    fast = "true" if request.param == "fast" else "false"
    tunnels = "false" if "separate" in request.param else "true"
    digits = 'h323_dtmf = "auto"\n' if "auto" in request.param else ""  # in the media, as far as both can
    return f"h323_fast_start = {fast}\nh323_tunnelling = {tunnels}\n{digits}"


@pytest.fixture
def world(tmp_path, mode):
    vendor = Peer(0)
    switch = calls_itself(tmp_path, vendor.port, mode)
    vendor.target = vendor.host, switch.port
    caller = Peer(switch.port)
    media = Media(97), Media(96)
    try:
        switch.start()
        until(lambda: any("h323" in one for one in switch.json("node", "status")[0]["listen"]), 60, "H.323")
        yield switch, (caller, vendor), media
    finally:
        for one in media:
            one.stop()
        caller.close()
        vendor.close()
        switch.stop()


def connect(peers, media, vendor_events=True):
    """A call from end to end (after slow start the vendor offers, in its 200); the caller's 200."""
    caller, vendor = peers
    at_caller, at_vendor = media
    caller.send(caller.request("INVITE", "4366", at_caller.description()))
    invite = vendor.expect("INVITE", 15)
    offered = parse_sdp(invite.body) if invite.body else None
    if offered is not None:
        assert event_payload(offered)
        at_vendor.payload = event_payload(offered)
    vendor.reply(invite, 180)
    vendor.reply(invite, 200, at_vendor.description(events=vendor_events))
    answered = caller.expect(200, 15)
    caller.send(caller.request("ACK", "4366", answered=answered))
    ack = vendor.expect("ACK", 15)
    offered = offered or parse_sdp(ack.body)
    for one, told in ((at_caller, parse_sdp(answered.body)), (at_vendor, offered)):
        audio = first_audio(told)
        one.target = (audio.host or told.host, audio.port)
        one.says = event_payload(told) or 0
        one.start()
    return answered


def hang_up(caller, vendor, answered):
    caller.send(caller.request("BYE", "4366", answered=answered))
    bye = vendor.expect("BYE", 10)
    vendor.reply(bye, 200)
    caller.expect(accepted("BYE"))


def test_keys_of_both_sip_peers_cross_h323(world):
    """By signals in between: each key once, in order, in the media at the other end, and speech goes on behind it."""
    switch, (caller, vendor), media = world
    at_caller, at_vendor = media
    answered = connect((caller, vendor), media)
    until(lambda: len(at_vendor.heard) > 5 and len(at_caller.heard) > 5, 10, "speech both ways")
    assert at_caller.says == at_caller.payload == 97  # each side keeps the number that it has offered
    assert at_vendor.says
    at_caller.keys += [1, 2, 2, 11]
    until(lambda: len(at_vendor.digits) == 4, 15, "the caller's keys")
    at_vendor.keys += [9, 10]
    until(lambda: len(at_caller.digits) == 2, 15, "the vendor's keys")
    time.sleep(0.6)
    assert (at_vendor.digits, at_caller.digits) == ([1, 2, 2, 11], [9, 10])
    numbers = [packet.sequence for packet in at_vendor.heard]
    assert numbers == [number & 0xFFFF for number in range(numbers[0], numbers[0] + len(numbers))]
    assert at_vendor.heard[-1].payload_type == SPEECH
    hang_up(caller, vendor, answered)
    assert {cdr["end_reason"] for cdr in switch.cdrs(2)} == {"normal"}


def test_keys_are_info_for_a_vendor_without_events(world):
    _, (caller, vendor), media = world
    answered = connect((caller, vendor), media, vendor_events=False)
    until(lambda: len(media[1].heard) > 5, 10, "speech")
    media[0].keys.append(5)
    info = vendor.expect("INFO", 10)
    vendor.reply(info, 200)
    assert info.body.startswith(b"Signal=5")
    assert media[1].digits == []
    hang_up(caller, vendor, answered)
