"""What happens to the session of a call: descriptions, relayed media, hold, codecs, digits."""

from __future__ import annotations

import socket
import time

import pytest

from tests.support.peer import Peer, accepted, description
from tests.support.sipp import ANSWER, CALL

HOLD = [
    *("receive INVITE", "send 180", "send 200 sdp INVITE", "receive ACK"),
    *("receive INVITE", "send 200 sdp=recvonly INVITE", "receive ACK"),
    *("receive INVITE", "send 200 sdp INVITE", "receive ACK"),
    *("receive BYE", "send 200"),
]


def body(message) -> str:
    return message.body.decode()


def attributes(message) -> list[str]:
    """The direction of the session, if it says one."""
    known = {"a=sendonly", "a=recvonly", "a=inactive", "a=sendrecv"}
    return [line for line in body(message).split("\r\n") if line in known]


def test_hold_and_retrieve_pass_through(case):
    case.begin()
    vendor = case.vendor("first", HOLD)
    call = case.call(
        [
            *("invite", "expect? 100", "expect? 180", "expect 200", "ack", "pause 100"),
            *("reinvite sendonly", "expect? 100", "expect 200", "ack", "pause 100"),
            *("reinvite sendrecv", "expect? 100", "expect 200", "ack", "pause 100"),
            *("bye", "expect 200"),
        ]
    )
    call.succeeds()
    vendor.succeeds()
    first, hold, retrieve = vendor.heard("INVITE")
    assert attributes(hold) == ["a=sendonly"]
    assert attributes(retrieve) in ([], ["a=sendrecv"])
    assert (hold.call_id, hold.to.tag is None) == (first.call_id, False)
    held = next(message for message in call.heard("SIP/2.0 200") if message.cseq == (2, "INVITE"))
    assert attributes(held) == ["a=recvonly"]
    assert media_of(hold) == media_of(first)  # the relay keeps its port
    cdr = case.cdr()
    assert (cdr["end_reason"], len(cdr["attempts"])) == ("normal", 1)


@pytest.mark.parametrize(
    ("ours", "theirs", "proxied"),
    [("on", "auto", True), ("off", "auto", False), ("off", "on", False), ("off", "must_on", True)],
)
def test_whether_media_is_relayed(case, ours, theirs, proxied):
    case.begin(access=f'media_proxy = "{ours}"', vendor=f'media_proxy = "{theirs}"')
    vendor = case.vendor("first", ANSWER)
    call = case.call(CALL)
    call.succeeds()
    vendor.succeeds()
    (invite,) = vendor.heard("INVITE")
    assert (f"IN IP4 {case.host}" not in body(invite)) is proxied
    assert case.cdr()["media_proxied"] is proxied


class Voice:
    """A G.711 speaker at a port that the session description names."""

    def __init__(self, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.settimeout(0.5)
        self.host, self.port = self.socket.getsockname()
        self.sent = 0

    def speak(self, to, packets, fill):
        """Send RTP packets of 20 ms, two milliseconds apart."""
        for _ in range(packets):
            head = bytes([0x80, 8]) + self.sent.to_bytes(2, "big") + (160 * self.sent).to_bytes(4, "big") + b"SSRC"
            self.socket.sendto(head + bytes([fill]) * 160, to)
            self.sent += 1
            time.sleep(0.002)

    def heard(self):
        """The payloads that came until it is quiet."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(2048)[12:])
            except TimeoutError:
                return found

    def close(self):
        self.socket.close()

    stop = close


def media_of(message):
    """Where a description wants its audio."""
    lines = body(message).split("\r\n")
    host = next(line.split()[-1] for line in lines if line.startswith("c="))
    port = next(line.split()[1] for line in lines if line.startswith("m=audio"))
    return host, int(port)


class Talk:
    """A call that is up between two peers of our own, with a voice on each side.

    :ivar caller, vendor: the peers; *here*, *there* their voices; *from_here*, *from_there* where those speak to.
    """

    def __init__(self, case, **parameters):
        self.case = case
        self.vendor = Peer(case.switch.port)
        case.ports["first"] = self.vendor.port
        case.begin(**parameters)
        self.caller = Peer(case.switch.port, host=case.host)
        self.here, self.there = Voice(case.host), Voice()
        case.peers += [self.vendor, self.caller, self.here, self.there]
        offer = description(case.host, self.here.port)
        self.caller.send(self.caller.request("INVITE", case.number, offer))
        self.invite = self.vendor.expect("INVITE")
        self.vendor.reply(self.invite, 200, description(port=self.there.port))
        self.vendor.expect("ACK")
        self.answered = self.caller.expect(200)
        self.caller.send(self.caller.request("ACK", "", answered=self.answered))
        self.from_here, self.from_there = media_of(self.answered), media_of(self.invite)
        time.sleep(0.1)  # nobody speaks in the very moment of the answer, which the relay learns beside the caller

    def hang_up(self):
        """The caller ends it."""
        self.caller.send(self.caller.request("BYE", "", answered=self.answered))
        self.vendor.reply(self.vendor.expect("BYE"), 200)
        self.caller.expect(accepted("BYE"))


@pytest.fixture
def talk(case):
    """A call that is up."""
    return Talk(case)


def test_the_called_side_may_hold_too(talk):
    caller, vendor = talk.caller, talk.vendor
    vendor.send(vendor.within(talk.invite, "INVITE", description(port=talk.there.port, direction="sendonly")))
    hold = caller.expect("INVITE")
    assert attributes(hold) == ["a=sendonly"]
    assert media_of(hold) == talk.from_here
    caller.reply(hold, 200, description(talk.case.host, talk.here.port, "recvonly"))
    caller.expect("ACK")
    done = vendor.expect(accepted("INVITE"))
    assert attributes(done) == ["a=recvonly"]
    vendor.send(vendor.within(talk.invite, "ACK", number=done.cseq.number))
    vendor.send(vendor.within(talk.invite, "BYE"))
    caller.reply(caller.expect("BYE"), 200)
    vendor.expect(accepted("BYE"))
    cdr = talk.case.cdr()
    assert (cdr["end_reason"], cdr["end_direction"]) == ("normal", 1)


def test_a_refused_hold_leaves_the_call_as_it_was(talk):
    caller, vendor = talk.caller, talk.vendor
    offer = description(talk.case.host, talk.here.port, "sendonly")
    hold = caller.request("INVITE", "", offer, answered=talk.answered)
    caller.send(hold)
    vendor.reply(
        vendor.expect(lambda message: message.start_line().startswith("INVITE") and b"sendonly" in message.body), 488
    )
    refused = caller.expect(488)
    caller.send(caller.follow("ACK", hold, refused))
    talk.here.speak(talk.from_here, 5, 0x55)
    assert len(talk.there.heard()) == 5
    talk.hang_up()
    assert talk.case.cdr()["end_reason"] == "normal"


def test_digits_by_info_pass_through(talk):
    info = talk.caller.request("INFO", "", b"Signal=5\r\nDuration=160\r\n", answered=talk.answered)
    info.set("content-type", "application/dtmf-relay")
    talk.caller.send(info)
    heard = talk.vendor.expect("INFO")
    assert heard.body.split() == [b"Signal=5", b"Duration=160"]
    talk.vendor.reply(heard, 200)
    talk.caller.expect(accepted("INFO"))
    talk.hang_up()
    assert talk.case.cdr()["end_reason"] == "normal"


def test_audio_is_relayed_both_ways_and_counted(talk):
    here, there = talk.here, talk.there
    here.speak(talk.from_here, 50, 0x55)
    there.speak(talk.from_there, 30, 0xAA)
    assert there.heard() == [bytes([0x55]) * 160] * 50
    assert here.heard() == [bytes([0xAA]) * 160] * 30
    talk.hang_up()
    cdr = talk.case.cdr()
    assert cdr["media_proxied"] is True
    assert (cdr["media"]["caller"]["packets"], cdr["media"]["callee"]["packets"]) == (50, 30)
    assert cdr["media"]["caller"]["octets"] // 50 == cdr["media"]["callee"]["octets"] // 30
    assert (cdr["media"]["caller"]["lost"], cdr["media"]["callee"]["lost"]) == (0, 0)
    assert cdr["caller_rtp"] == f"{here.host}:{here.port}"
    assert cdr["callee_rtp"] == f"{there.host}:{there.port}"


def test_lost_packets_are_counted(talk):
    talk.here.speak(talk.from_here, 10, 0x55)
    talk.here.sent += 4
    talk.here.speak(talk.from_here, 10, 0x55)
    talk.hang_up()
    media = talk.case.cdr()["media"]
    assert (media["caller"]["packets"], media["caller"]["lost"]) == (20, 4)


def test_a_strangers_packets_are_not_relayed(talk):
    here, there = talk.here, talk.there
    here.speak(talk.from_here, 10, 0x55)
    there.speak(talk.from_there, 10, 0xAA)
    assert len(there.heard()) == 10
    stranger = Voice("127.0.0.9")
    talk.case.peers.append(stranger)
    stranger.speak(talk.from_here, 20, 0x11)
    stranger.speak(talk.from_there, 20, 0x22)
    assert {voice[:1] for voice in here.heard()} == {b"\xaa"}
    assert there.heard() == stranger.heard() == []
    talk.hang_up()
    assert talk.case.cdr()["media"]["caller"]["packets"] == 10


def test_a_call_without_media_is_ended(case):
    talk = Talk(case, SS_MEDIA_CHECK_TIMEOUT="1")
    for side in (talk.caller, talk.vendor):
        side.reply(side.expect("BYE", 8), 200)
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["end_direction"]) == ("rtp_timeout", -30, 2)
    assert cdr["hold_time_ms"] < 5000


def test_no_common_codec_goes_on_to_the_next_gateway(case):
    case.begin()
    first = case.vendor("first", ["receive INVITE", "send 488", "receive ACK"])
    second = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    first.succeeds()
    second.succeeds()
    assert [row["reason"] for row in case.cdr()["attempts"]] == ["codec_mismatch", "answered"]
