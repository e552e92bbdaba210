"""Tones in G.711 (ITU-T G.711), cut into RTP packets; what a test call sends and listens for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vosswitch.media.rtp import RtpPacket

if TYPE_CHECKING:
    from collections.abc import Iterator

PCMU = 0
PCMA = 8
RATE = 8000

_ULAW_BIAS = 132
_ULAW_CLIP = 32635


def encode_ulaw(sample: int) -> int:
    """One 16 bit sample as a mu-law byte."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _ULAW_CLIP) + _ULAW_BIAS
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~(sign | exponent << 4 | mantissa) & 0xFF


def decode_ulaw(code: int) -> int:
    """The 16 bit sample of a mu-law byte."""
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + _ULAW_BIAS << (code >> 4 & 7)) - _ULAW_BIAS
    return -magnitude if code & 0x80 else magnitude


def encode_alaw(sample: int) -> int:
    """One 16 bit sample as an A-law byte."""
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(sample if sample >= 0 else ~sample, 32767) >> 4
    exponent = max(magnitude.bit_length() - 4, 1)
    mantissa = (magnitude >> (exponent - 1)) & 0x0F
    segment = exponent - 1 if magnitude < 16 else exponent
    return (sign | segment << 4 | mantissa) ^ 0x55


def decode_alaw(code: int) -> int:
    """The 16 bit sample of an A-law byte."""
    code ^= 0x55
    exponent = code >> 4 & 7
    magnitude = (code & 0x0F) << 4 | 8
    if exponent:
        magnitude = (magnitude | 0x100) << (exponent - 1)
    return magnitude if code & 0x80 else -magnitude


_ENCODERS = {PCMU: encode_ulaw, PCMA: encode_alaw}
_DECODED = {PCMU: [decode_ulaw(i) for i in range(256)], PCMA: [decode_alaw(i) for i in range(256)]}


def samples(frequency: float, count: int, start: int = 0, level: float = 0.3) -> list[int]:
    """*count* samples of a sine of *frequency* Hz at 8000 samples a second, from sample *start* on.

    :param level: amplitude as a part of full scale.
    """
    step = 2 * math.pi * frequency / RATE
    return [round(32767 * level * math.sin(step * n)) for n in range(start, start + count)]


def tone(frequency: float, payload_type: int, ssrc: int, packet_ms: int = 20) -> Iterator[RtpPacket]:
    """An endless tone as RTP packets, the marker on the first; the caller sends one every *packet_ms*.

    :param payload_type: `PCMU` or `PCMA`.
    """
    encode = _ENCODERS[payload_type]
    size = RATE * packet_ms // 1000
    sequence = start = 0
    while True:
        payload = bytes([encode(s) for s in samples(frequency, size, start)])
        yield RtpPacket(payload_type, sequence & 0xFFFF, start & 0xFFFFFFFF, ssrc, payload, marker=sequence == 0)
        sequence += 1
        start += size


def decode(payload_type: int, payload: bytes) -> list[int]:
    """The samples of a payload of `PCMU` or `PCMA`."""
    table = _DECODED[payload_type]
    return [table[code] for code in payload]


def strength(heard: list[int], frequency: float) -> float:
    """The part of the signal's power that lies at *frequency*, 0-1 (Goertzel's algorithm); 0 for silence.

    Whole periods give clean results: 160 samples and a multiple of 50 Hz.
    """
    power = sum(s * s for s in heard)
    if not power:
        return 0.0
    turn = 2 * math.cos(2 * math.pi * frequency / RATE)
    last = before = 0.0
    for sample in heard:
        last, before = sample + turn * last - before, last
    found = last * last + before * before - turn * last * before
    return min(1.0, 2 * found / (len(heard) * power))
