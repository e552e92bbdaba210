"""The judge of H.323 messages: Wireshark's dissectors, which share nothing with our codecs (Debian package tshark).

Messages go into a capture file as one TCP segment or UDP datagram each; `complaints` says which ones are malformed.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TSHARK = shutil.which("tshark")
MISSING = "tshark is not installed (Debian package tshark)"

_H245_PORT = 17_200
_PORTS = {"q931": 1720, "ras": 1719, "h245": _H245_PORT}
_PROTOCOL = {"q931": "h225", "ras": "h225", "h245": "h245"}
_RAW_IP = 101
_LONGEST = 65_000
_FIRST_PORT = 20_000
"""Each message has a source port of its own, so that none is taken for a part of another."""


def complaints(messages: Sequence[tuple[str, bytes]], path: Path) -> dict[int, str]:
    """What Wireshark finds malformed.

    :param messages: (kind, data): ``q931`` (content of a TPKT), ``ras`` or ``h245``; *path* a file to write to.
    :returns: place in *messages* -> why; a message that was not taken for one of its kind is among them.
    """
    path.write_bytes(_capture(messages))
    command = [
        str(TSHARK), "-n", "-r", str(path), "-d", f"tcp.port=={_H245_PORT},h245",
        "-o", "tpkt.desegment:FALSE", "-T", "fields", "-E", "separator=\t",
        "-e", "frame.protocols", "-e", "_ws.malformed", "-e", "_ws.expert.message",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    lines = done.stdout.split("\n")[: len(messages)]
    found = {}
    for place, ((kind, _), line) in enumerate(zip(messages, lines, strict=True)):
        protocols, malformed, expert = [*line.split("\t"), "", ""][:3]
        if _PROTOCOL[kind] not in protocols.split(":"):
            found[place] = f"taken for {protocols}"
        elif malformed or "ndecoded" in expert or "something unknown" in expert.lower():
            found[place] = f"{malformed} {expert}".strip()
    return found


def _capture(messages: Sequence[tuple[str, bytes]]) -> bytes:
    """A pcap file of IP packets between two addresses."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, _LONGEST, _RAW_IP)]
    for place, (kind, data) in enumerate(messages):
        port = _FIRST_PORT + place % 40_000
        packet = _udp(data, port) if kind == "ras" else _tcp(data, port, _PORTS[kind])
        parts.append(struct.pack("<IIII", place, 0, len(packet), len(packet)) + packet)
    return b"".join(parts)


def _tcp(data: bytes, source: int, port: int) -> bytes:
    segment = b"\x03\x00" + (len(data) + 4).to_bytes(2, "big") + data
    return _ip(6, struct.pack(">HHIIBBHHH", source, port, 1, 1, 0x50, 0x18, 65_535, 0, 0) + segment)


def _udp(data: bytes, source: int) -> bytes:
    return _ip(17, struct.pack(">HHHH", source, _PORTS["ras"], len(data) + 8, 0) + data)


def _ip(protocol: int, data: bytes) -> bytes:
    near, far = b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 1, 0, 64, protocol, 0, near, far) + data
