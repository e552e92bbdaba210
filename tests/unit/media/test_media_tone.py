"""Tones in G.711."""

import itertools

import pytest

from vosswitch.media import tone
from vosswitch.media.rtp import build, parse


@pytest.mark.parametrize(
    ("encode", "decode"), [(tone.encode_ulaw, tone.decode_ulaw), (tone.encode_alaw, tone.decode_alaw)]
)
def test_every_code_survives_and_errors_stay_within_a_step(encode, decode):
    for code in range(256):
        assert decode(encode(decode(code))) == decode(code)
    for sample in range(-32768, 32768, 7):
        assert abs(decode(encode(sample)) - sample) <= max(16, abs(sample) // 16 + 8), sample


def test_codes_of_the_recommendation():
    assert [tone.encode_ulaw(s) for s in (0, 32635, -32635)] == [0xFF, 0x80, 0x00]
    assert [tone.encode_alaw(s) for s in (0, 32767, -32768)] == [0xD5, 0xAA, 0x2A]


@pytest.mark.parametrize("payload_type", [tone.PCMU, tone.PCMA])
def test_the_tone_is_found_again_after_the_wire(payload_type):
    packets = [parse(build(p)) for p in itertools.islice(tone.tone(450, payload_type, 7), 5)]
    heard = [s for p in packets for s in tone.decode(payload_type, p.payload)]
    assert tone.strength(heard, 450) > 0.99
    assert tone.strength(heard, 1000) < 0.01
    assert [(p.sequence, p.timestamp, p.marker) for p in packets[:2]] == [(0, 0, True), (1, 160, False)]


def test_silence_has_no_tone():
    assert tone.strength([0] * 160, 450) == 0
