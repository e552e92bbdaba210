"""Telephone events of one direction: taken out and told once, put in without a gap in the stream."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.media.events import STEP, TWIN, Stream
from vosswitch.media.rtp import RtpPacket, build, parse

SPEECH, EVENTS = 8, 101
_END = 0x80


def speech(number: int, stamp: int | None = None, ssrc: int = 7) -> bytes:
    """20 ms of G.711."""
    return build(RtpPacket(SPEECH, number, number * 160 if stamp is None else stamp, ssrc, b"s" * 160))


def event(number: int, code: int, stamp: int, flags: int = 10, lasts: int = 160) -> bytes:
    """One packet of a digit."""
    return build(RtpPacket(EVENTS, number, stamp, 7, bytes((code, flags)) + lasts.to_bytes(2, "big")))


def stream(takes: bool = True) -> Stream:
    """One that looks for events."""
    made = Stream(0x1234, 500)
    made.payloads, made.takes = frozenset({EVENTS}), takes
    return made


def held(made: Stream) -> list[tuple[str, int]]:
    """What it has to tell, once: digits with milliseconds."""
    found, made.told = made.told, []
    return found


def told(made: Stream) -> list[str]:
    """The digits alone."""
    return [sign for sign, _ in held(made)]


def drive(made: Stream, begin: float, seconds: float) -> list[tuple[float, RtpPacket]]:
    """What it puts in within a time, looked at every 5 ms."""
    found, now = [], begin
    while now < begin + seconds:
        data = made.step(now)
        if data is not None:
            found.append((now, parse(data)))
        now += 0.005
    return found


def test_a_digit_is_told_once_and_goes_no_further() -> None:
    """However many packets it has; the numbers of the speech behind it have no gap."""
    made = stream()
    assert made.hear(speech(1), 0.0) == speech(1)
    for place in range(8):
        flags = _END if place > 4 else 10
        assert made.hear(event(2 + place, 5, 320, flags), 0.02 * place) is None
    assert told(made) == ["5"]
    passed = made.hear(speech(10), 0.2)
    assert passed is not None
    assert parse(passed).sequence == 2
    assert parse(passed).timestamp == 1600


def test_events_before_any_speech_leave_no_gap() -> None:
    """The first packet of a speaker may have passed before anybody looked; another source begins anew."""
    made = stream()
    assert made.hear(event(2, 5, 0), 0.0) is None
    passed = made.hear(speech(3), 0.02)
    assert passed is not None
    assert parse(passed).sequence == 2
    assert made.hear(speech(9, ssrc=8), 0.04) == speech(9, ssrc=8)


def test_the_same_digit_again_is_another_key() -> None:
    """By its time stamp; a sender that renews the time stamp of a running event presses one key."""
    made = stream()
    made.hear(event(1, 11, 1000), 0.0)
    made.hear(event(2, 11, 1160), 0.02)
    made.hear(event(3, 11, 1320), 0.04)
    assert held(made) == []
    made.hear(event(4, 11, 5000), 0.5)  # the ends of the first are lost
    assert held(made) == [("#", 60)]
    made.hear(event(5, 11, 5000, _END), 0.52)
    made.hear(event(6, 11, 5320), 0.54)  # a dialler: the next one at once
    assert told(made) == ["#"]
    made.hear(event(7, 12, 6000), 0.56)
    made.hear(event(8, 12, 6000, _END), 0.58)
    assert told(made) == ["#", "A"]


def test_a_key_is_told_with_the_time_that_it_was_held() -> None:
    """Once, at its end; of one that is held for very long, six seconds, and no key follows it."""
    made = stream()
    for place in range(1, 101):
        made.hear(event(place, 5, 0, lasts=160 * place), 0.02 * place)
        assert held(made) == []
    for place in range(3):
        made.hear(event(101 + place, 5, 0, _END, 16_160), 2.02 + 0.02 * place)
    assert held(made) == [("5", 2020)]
    assert made.due == float("inf")
    for place in range(500):
        made.hear(event(200 + place, 6, 30_000, lasts=min(160 * place, 65_535)), 10 + 0.02 * place)
    assert held(made) == [("6", 6000)]


def test_a_key_whose_ends_are_lost_is_told_all_the_same() -> None:
    """Nothing need come for that: the stream has something to do then."""
    made = stream()
    made.hear(event(1, 5, 0, lasts=800), 1.0)
    assert made.step(made.due - 0.01) is None
    assert held(made) == []
    assert made.step(made.due) is None
    assert held(made) == [("5", 100)]
    assert made.due == float("inf")


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 255), st.binary(max_size=5)), max_size=40))
def test_whatever_comes_as_events_is_told_in_bounds(packets: list[tuple[int, int, bytes]]) -> None:
    """Time stamps and durations are the sender's."""
    made = stream()
    for number, (stamp, code, rest) in enumerate(packets):
        made.hear(build(RtpPacket(EVENTS, number, stamp, 7, bytes((code % 20,)) + rest)), number / 50)
    made.step(1e9)
    assert all(60 <= milliseconds <= 6000 for _, milliseconds in held(made))


def test_events_go_on_under_the_payload_type_that_the_other_side_has_named() -> None:
    """Marker and content stay; speech is left alone."""
    made = stream(takes=False)
    made.renamed = 110
    assert made.hear(speech(1), 0.0) == speech(1)
    passed = made.hear(build(RtpPacket(EVENTS, 2, 320, 7, b"\x05\x0a\x00\xa0", marker=True)), 0.02)
    assert passed is not None
    assert parse(passed) == RtpPacket(110, 2, 320, 7, b"\x05\x0a\x00\xa0", marker=True)


def test_events_that_are_not_taken_pass() -> None:
    """And nothing is told; other packets, RTCP and rubbish pass anyway."""
    made = stream(takes=False)
    assert made.hear(event(1, 5, 0), 0.0) == event(1, 5, 0)
    assert made.hear(b"\x80\xc9" + bytes(20), 0.0) == b"\x80\xc9" + bytes(20)
    assert made.hear(b"dtls", 0.0) == b"dtls"
    assert told(made) == []


def test_a_digit_is_put_in_place_of_speech() -> None:
    """A marker, growing durations, one time stamp, three ends, and numbers that go on on both sides of it."""
    made = stream()
    for number in range(65_530, 65_536):
        made.hear(speech(number, stamp=number * 160), number / 50)
    now = 65_535 / 50 + 0.02
    made.insert("7", 100, EVENTS, now)
    packets = drive(made, now, 0.5)
    assert [packet.payload_type for _, packet in packets] == [EVENTS] * 7
    assert [packet.marker for _, packet in packets] == [True] + [False] * 6
    assert {(packet.ssrc, packet.timestamp, packet.payload[0]) for _, packet in packets} == {(7, 65_536 * 160, 7)}
    assert [packet.sequence for _, packet in packets] == [0, 1, 2, 3, 4, 5, 6]
    lasts = [int.from_bytes(packet.payload[2:], "big") for _, packet in packets]
    assert lasts == sorted(lasts)
    assert lasts[-1] == 800
    assert [packet.payload[1] >= _END for _, packet in packets] == [False] * 4 + [True] * 3
    assert made.due == float("inf")
    after = made.hear(speech(65_544 & 0xFFFF), now + 0.2)
    assert after is not None
    assert parse(after).sequence == 7


def test_speech_is_left_out_while_a_digit_is_put_in() -> None:
    """Packet for packet, as a gateway does it."""
    made = stream()
    made.hear(speech(1), 1.0)
    made.insert("1", 100, EVENTS, 1.01)
    assert made.step(1.01) is not None
    assert made.hear(speech(2), 1.02) is None
    drive(made, 1.02, 0.3)
    passed = made.hear(speech(20), 1.4)
    assert passed is not None
    assert parse(passed).sequence == 9


def test_a_silent_speaker_is_no_hindrance() -> None:
    """Nothing was heard yet: a source of our own, which gives way to the speaker's."""
    made = stream()
    made.insert("*", 60, EVENTS, 5.0)
    packets = [packet for _, packet in drive(made, 5.0, 0.3)]
    assert {(packet.ssrc, packet.payload[0]) for packet in packets} == {(0x1234, 10)}
    assert made.hear(speech(9), 5.4) == speech(9)


def test_a_digit_that_comes_while_another_is_put_in_does_not_hurry_it() -> None:
    """Nor the pause between them; each has one marker."""
    made = stream()
    made.insert("1", 100, EVENTS, 0.0)
    packets = drive(made, 0.0, 0.03)
    made.insert("1", 100, EVENTS, 0.031)
    packets += drive(made, 0.032, 1.0)
    assert [packet.payload[0] for _, packet in packets if packet.marker] == [1, 1]
    times = [when for when, _ in packets]
    assert min(after - before for before, after in pairwise(times)) >= STEP - 1e-9


def test_digits_wait_for_each_other() -> None:
    """With a pause between two; 32 at most."""
    made = stream()
    for sign in "12" + "3" * 50 + "ABCD":
        made.insert(sign, 60, EVENTS, 0.0)
    packets = drive(made, 0.0, 1.0)
    assert [packet.payload[0] for _, packet in packets if packet.marker][:3] == [1, 2, 3]
    starts = [when for when, packet in packets if packet.marker]
    ends = [when for when, packet in packets if packet.payload[1] & _END]
    assert starts[1] - ends[2] >= 0.05


@pytest.mark.parametrize("signalled_first", [True, False])
def test_the_same_key_in_both_ways_is_one(signalled_first: bool) -> None:
    """A terminal that signals a digit and has it in the media as well: one event goes on, whichever came first."""
    made = stream(takes=False)
    made.hear(speech(1), 0.0)
    count = 0
    if signalled_first:
        made.insert("5", 100, EVENTS, 0.01)
    for place in range(8):
        flags = _END if place > 5 else 10
        count += made.hear(event(2 + place, 5, 320, flags), 0.02 + 0.02 * place) is not None
    if not signalled_first:
        made.insert("5", 100, EVENTS, 0.19)
    put_in = [packet for _, packet in drive(made, 0.2, 1.0) if packet.marker]
    assert (count, len(put_in)) == ((0, 1) if signalled_first else (8, 0))
    later = 0.2 + 3 * TWIN
    made.insert("5", 100, EVENTS, later)
    assert len([packet for _, packet in drive(made, later, 1.0) if packet.marker]) == 1


@given(st.lists(st.tuples(st.sampled_from(["speech", "event", "digit", "rubbish"]), st.integers(0, 15)), max_size=60))
def test_the_stream_that_comes_out_has_no_gap(steps: list[tuple[str, int]]) -> None:
    """Whatever is taken out and put in: one SSRC, each number one above the one before."""
    made, now, number, out = stream(), 0.0, 100, []
    out.append(made.hear(speech(number), now))
    for what, code in steps:
        now += STEP
        if what == "digit":
            made.insert("0123456789*#ABCD"[code], 60, EVENTS, now)
        elif what == "rubbish":
            made.hear(b"\x80\xc9" + bytes(code), now)
        else:
            number += 1
            out.append(made.hear(speech(number) if what == "speech" else event(number, code, number * 160), now))
        out.append(made.step(now))
    numbers = [parse(data).sequence for data in out if data is not None]
    assert numbers == list(range(100, 100 + len(numbers)))
    assert {parse(data).ssrc for data in out if data is not None} == {7}
