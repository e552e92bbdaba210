"""RTP and RTCP on the wire (RFC 3550): headers read and built, without I/O."""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER = 12
SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
GOODBYE = 203
APPLICATION = 204

_FIXED = struct.Struct("!BBHII")
_BLOCK = struct.Struct("!IIIIII")
_SENDER = struct.Struct("!IQIII")


class BadPacket(ValueError):
    """Bytes that are no packet of the kind asked for; its text is one line."""


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One RTP packet (section 5.1); *payload* is without padding and header extension.

    :ivar payload_type: 0-127.
    :ivar sequence: 16 bits; *timestamp* and *ssrc* 32 bits.
    """

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes = b""
    marker: bool = False
    sources: tuple[int, ...] = ()


def parse(data: bytes) -> RtpPacket:
    """Read one packet.

    :raises BadPacket: not version 2, cut short, or RTCP (payload types 64-95 with the marker bit, RFC 5761 section 4).
    """
    if len(data) < HEADER:
        raise BadPacket(f"expected at least {HEADER} bytes, got {len(data)}")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first >> 6 != 2:
        raise BadPacket(f"expected version 2, got {first >> 6}")
    if is_rtcp(data):
        raise BadPacket("RTCP")
    count = first & 15
    start = HEADER + 4 * count
    if first & 16:
        start = _after_extension(data, start)
    end = len(data) - (data[-1] if first & 32 else 0)
    if end < start or (first & 32 and not data[-1]):
        raise BadPacket("cut short")
    sources = struct.unpack_from(f"!{count}I", data, HEADER)
    return RtpPacket(second & 127, sequence, timestamp, ssrc, data[start:end], bool(second & 128), sources)


def _after_extension(data: bytes, start: int) -> int:
    if len(data) < start + 4:
        raise BadPacket("cut short")
    return start + 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")


def build(packet: RtpPacket) -> bytes:
    """Write one packet, without padding and extension."""
    head = _FIXED.pack(
        0x80 | len(packet.sources),
        packet.payload_type | (0x80 if packet.marker else 0),
        packet.sequence & 0xFFFF,
        packet.timestamp & 0xFFFFFFFF,
        packet.ssrc,
    )
    return head + struct.pack(f"!{len(packet.sources)}I", *packet.sources) + packet.payload


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram is RTCP of version 2, as told apart on a shared port (RFC 5761 section 4)."""
    return len(data) >= 8 and data[0] >> 6 == 2 and 192 <= data[1] <= 223


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says about one source (section 6.4.1).

    :ivar fraction: lost since the last report, of 256; *lost* cumulative, may be negative.
    :ivar jitter: timestamp units; *last_sr* and *delay* in 1/65536 s.
    """

    ssrc: int
    fraction: int = 0
    lost: int = 0
    highest: int = 0
    jitter: int = 0
    last_sr: int = 0
    delay: int = 0


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """What a sender says about itself.

    :ivar ntp: NTP time stamp, 64 bits.
    """

    ntp: int
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class RtcpPacket:
    """One packet out of a compound; *rest* is the body of kinds that are not taken apart here."""

    kind: int
    ssrc: int
    sender: SenderInfo | None = None
    blocks: tuple[ReportBlock, ...] = ()
    rest: bytes = b""


def parse_rtcp(data: bytes) -> tuple[RtcpPacket, ...]:
    """Take a compound packet apart.

    :raises BadPacket: not version 2, or lengths that do not add up.
    """
    found = []
    at = 0
    while at < len(data):
        if len(data) - at < 8 or data[at] >> 6 != 2:
            raise BadPacket("expected RTCP of version 2")
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data) or end < at + 8:
            raise BadPacket("cut short")
        found.append(_one_rtcp(data[at:end]))
        at = end
    if not found:
        raise BadPacket("empty")
    return tuple(found)


def _one_rtcp(data: bytes) -> RtcpPacket:
    kind, count, ssrc = data[1], data[0] & 31, int.from_bytes(data[4:8], "big")
    if kind not in (SENDER_REPORT, RECEIVER_REPORT):
        return RtcpPacket(kind, ssrc, rest=data[8:])
    at, sender = 8, None
    if kind == SENDER_REPORT:
        if len(data) < 28:
            raise BadPacket("cut short")
        sender = SenderInfo(*_SENDER.unpack_from(data, 4)[1:])
        at = 28
    if len(data) < at + 24 * count:
        raise BadPacket("cut short")
    blocks = tuple([_block(data, at + 24 * i) for i in range(count)])
    return RtcpPacket(kind, ssrc, sender, blocks, data[at + 24 * count :])


def _block(data: bytes, at: int) -> ReportBlock:
    ssrc, lost, highest, jitter, last_sr, delay = _BLOCK.unpack_from(data, at)
    signed = (lost & 0xFFFFFF) - ((lost & 0x800000) << 1)
    return ReportBlock(ssrc, lost >> 24, signed, highest, jitter, last_sr, delay)


def build_rtcp(packet: RtcpPacket) -> bytes:
    """Write one packet of a compound; *rest* has to be a multiple of four bytes."""
    parts = [packet.ssrc.to_bytes(4, "big")]
    if packet.sender is not None:
        info = packet.sender
        parts.append(_SENDER.pack(packet.ssrc, info.ntp, info.timestamp, info.packets, info.octets)[4:])
    for b in packet.blocks:
        lost = (b.fraction << 24) | (b.lost & 0xFFFFFF)
        parts.append(_BLOCK.pack(b.ssrc, lost, b.highest, b.jitter, b.last_sr, b.delay))
    body = b"".join(parts) + packet.rest
    return struct.pack("!BBH", 0x80 | len(packet.blocks), packet.kind, len(body) // 4) + body
