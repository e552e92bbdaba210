"""DTMF between every way that a caller has of telling it and every way that a vendor has: each key once, in order."""

from __future__ import annotations

import itertools
import time
from contextlib import suppress

import pytest

from tests.support.h323 import through
from tests.support.peer import Peer, accepted
from tests.support.speech import EVENTS, Media
from tests.support.switch import until
from vosswitch.h323 import q931
from vosswitch.media.events import SIGNS
from vosswitch.media.rtp import RtpPacket, build, parse
from vosswitch.sdp.codecs import first_audio
from vosswitch.sdp.events import event_payload
from vosswitch.sdp.text import parse as parse_sdp

KEYS = "4774#"
HELD = 240
"""Milliseconds that each key is held, where its way can say so."""
SIP = ("info", "events")
H323 = ("alphanumeric", "signal", "keypad", "rfc2833")
RECORDED = {"alphanumeric": "slowtun", "signal": "slowsep", "keypad": "fast", "rfc2833": "slowsep"}
"""A peer that tells its digits like that; the one of fast start has no H.245 at all."""


class SipSide:
    """A SIP peer with its media; *way* ``events`` = it has RFC 4733, else INFO."""

    def __init__(self, way, case, host):
        self.way, self.case = way, case
        self.peer = Peer(case.switch.port, host=host)
        self.media = Media(96)
        self.answered = self.invite = None
        self.infos = []

    @property
    def described(self):
        return self.media.description(events=self.way == "events")

    def aim(self, body):
        told = parse_sdp(body)
        audio = first_audio(told)
        self.media.target = audio.host or told.host, audio.port
        self.media.says = event_payload(told)
        assert (self.media.says is not None) or self.way == "info"
        self.media.start()

    def call(self):
        self.peer.send(self.peer.request("INVITE", self.case.number, self.described))

    def is_up(self):
        """As the caller: the vendor has answered."""
        self.answered = self.peer.expect(accepted("INVITE"), 15)
        self.peer.send(self.peer.request("ACK", "", answered=self.answered))
        self.aim(self.answered.body)

    def answer(self):
        """As the vendor."""
        self.invite = self.peer.expect("INVITE", 15)
        self.peer.reply(self.invite, 200, self.described)
        ack = self.peer.expect("ACK", 15)
        self.aim(self.invite.body or ack.body)

    def press(self, key):
        if self.way == "events":
            self.media.keys.append(SIGNS.index(key))
            until(lambda: not self.media.keys, 5, "the key")
            return
        info = self.peer.request("INFO", "", answered=self.answered)
        info.add("content-type", "application/dtmf-relay")
        info.body = f"Signal={key}\r\nDuration={HELD}\r\n".encode()
        self.peer.send(info)
        self.peer.expect(accepted("INFO"))

    def listen(self):
        """Take what has come by INFO."""
        with suppress(AssertionError):
            while True:
                info = self.peer.expect("INFO", 0.3)
                self.infos.append(info.body.decode())
                self.peer.reply(info, 200)

    def told(self):
        """Every key that it was told, in any way."""
        self.listen()
        signalled = "".join(info.partition("Signal=")[2].strip()[:1] for info in self.infos)
        return signalled + "".join(SIGNS[code] for code in self.media.digits)

    def stop(self):
        self.media.stop()
        self.peer.close()


class H323Side:
    """A scripted endpoint that tells digits in its *way*."""

    def __init__(self, way, case, is_caller):
        self.way, self.case = way, case
        name = RECORDED[way]
        made = through.caller if is_caller else through.called
        self.make = lambda: made(case, name, patient=True, packets=400)
        self.endpoint = None
        self.number = 5000

    def call(self):
        self.endpoint = self.make()

    def is_up(self):
        until(lambda: self.endpoint.target, 15, "media")
        until(lambda: self.endpoint.heard("Connect") or self.endpoint.has("sent", "Connect"), 15, "the answer")
        time.sleep(0.5)

    answer = is_up

    def press(self, key):
        if self.way == "alphanumeric":
            self.endpoint.order(("indication", ("userInput", ("alphanumeric", key))))
        elif self.way == "signal":
            self.endpoint.order(("indication", ("userInput", ("signal", {"signalType": key, "duration": HELD}))))
        elif self.way == "keypad":
            self.endpoint.keypad(key)
        else:
            stamp = self.number * 160
            for place in range(int(HELD / 20) + 3):
                lasts, ends = min(place + 1, HELD // 20) * 160, 0x80 if place >= HELD // 20 else 0
                body = bytes((SIGNS.index(key), ends | 10)) + lasts.to_bytes(2, "big")
                self.number += 1
                packet = RtpPacket(EVENTS, self.number & 0xFFFF, stamp, 0x48333233, body, place == 0)
                self.endpoint.media.sendto(build(packet), self.endpoint.target)
                time.sleep(0.02)

    def told(self):
        time.sleep(0.5)
        heard = [q931.decode(each.data).element(q931.KEYPAD) for each in self.endpoint.heard("Information")]
        signalled = "".join(keypad.rstrip(b"\0").decode() for keypad in heard if keypad)
        packets = [parse(each) for each in self.endpoint.rtp]
        events = [SIGNS[each.payload[0]] for each in packets if each.payload_type == EVENTS and each.marker]
        return signalled + self.endpoint.responder.digits + "".join(events)

    def stop(self):
        if self.endpoint is not None:
            self.endpoint.stop()


@pytest.fixture
def made(h323_case):
    sides = []

    def make(caller_way, vendor_way):
        case = h323_case
        caller = H323Side(caller_way, case, True) if caller_way in H323 else SipSide(caller_way, case, case.host)
        vendor = H323Side(vendor_way, case, False) if vendor_way in H323 else SipSide(vendor_way, case, "127.0.0.1")
        sides.extend((caller, vendor))
        dtmf = 'h323_dtmf = "{}"'
        if vendor_way in SIP:
            case.ports["first"] = vendor.peer.port
        case.begin(
            access=f"{through.CUSTOMER}\n{dtmf.format(caller_way)}" if caller_way in H323 else "",
            vendor=through.vendor_like(RECORDED[vendor_way], dtmf.format(vendor_way)) if vendor_way in H323 else "",
        )
        return caller, vendor

    yield made_calls(make)
    for side in sides:
        side.stop()


def made_calls(make):
    """A call that is up between the two."""

    def call(caller_way, vendor_way):
        caller, vendor = make(caller_way, vendor_way)
        if vendor_way in H323:
            vendor.call()
        caller.call()
        if vendor_way in SIP:
            vendor.answer()
        caller.is_up()
        if vendor_way in H323:
            vendor.is_up()
        return caller, vendor

    return call


PAIRS = [pair for pair in itertools.product(SIP + H323, repeat=2) if set(pair) & set(H323)]


@pytest.mark.parametrize(("caller_way", "vendor_way"), PAIRS)
def test_each_key_arrives_once(made, caller_way, vendor_way):
    caller, vendor = made(caller_way, vendor_way)
    for key in KEYS:
        caller.press(key)
        time.sleep(0.15)
        if vendor_way == "info":
            vendor.listen()
    until(lambda: len(vendor.told()) >= len(KEYS), 5, "all keys")
    time.sleep(0.6)
    assert vendor.told() == KEYS
    if (caller_way, vendor_way) == ("signal", "info"):
        assert [f"Duration={HELD}" in info for info in vendor.infos] == [True] * len(KEYS)
