"""``tshark`` as judge of what was sent: a capture file is made of the messages, and none of them may be malformed.

Each message is a frame of its own, with the port by which ``tshark`` knows the protocol; a message of a separate H.245
connection is put into a Facility as if it was tunnelled.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.support.h323 import codec as per
from vosswitch.h323 import q931
from vosswitch.h323.tpkt import framed

AVAILABLE = shutil.which("tshark") is not None
_SIGNAL, _RAS = 1720, 1719


def malformed(messages: Iterable[tuple[str, bytes]]) -> list[str]:
    """What ``tshark`` finds wrong in (``signal``, ``control`` or ``ras``, message) pairs, a line each."""
    frames = [_frame(channel, data) for channel, data in messages]
    if not frames or not AVAILABLE:
        return []
    with tempfile.TemporaryDirectory(prefix="tshark-") as folder:
        path = Path(folder) / "messages.pcap"
        path.write_bytes(_HEAD + b"".join(bytes(8) + len(each).to_bytes(4, "little") * 2 + each for each in frames))
        return _judged(path, frames)


_HEAD = bytes.fromhex("d4c3b2a1 0200 0400 00000000 00000000 ffff0000 65000000")  # raw IP


def _judged(path: Path, frames: list[bytes]) -> list[str]:
    how = ["-o", "tcp.check_checksum:FALSE", "-o", "tcp.analyze_sequence_numbers:FALSE"]
    command = ["tshark", "-r", str(path), *how, "-T", "fields", "-e", "frame.number", "-e", "frame.protocols"]
    done = subprocess.run([*command, "-e", "_ws.malformed"], capture_output=True, text=True, timeout=60, check=False)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    bad = [row for row in rows if row[2] or "h225" not in row[1].split(":")]
    wrong = [f"{row[0]}: {row[1:]} {frames[int(row[0]) - 1].hex()}" for row in bad]
    return wrong if len(rows) == len(frames) else [*wrong, f"{len(rows)} of {len(frames)} frames: {done.stderr}"]


def _frame(channel: str, data: bytes) -> bytes:
    if channel == "ras":
        return _ip(17, _RAS.to_bytes(2, "big") * 2 + (len(data) + 8).to_bytes(2, "big") + b"\0\0" + data)
    head = (40_000).to_bytes(2, "big") + _SIGNAL.to_bytes(2, "big") + bytes(8) + b"\x50\x18\xff\xff" + bytes(4)
    return _ip(6, head + framed(data if channel == "signal" else _tunnelled(data)))


def _tunnelled(data: bytes) -> bytes:
    pdu = {"h323-message-body": ("empty", 0), "h245Tunnelling": True, "h245Control": [data]}
    user = per.encode_uuie({"h323-uu-pdu": pdu})
    return q931.encode(q931.Message(1, False, q931.FACILITY, ((q931.FACILITY_ELEMENT, b""), (0x7E, b"\x05" + user))))


def _ip(protocol: int, payload: bytes) -> bytes:
    head = b"\x45\0" + (len(payload) + 20).to_bytes(2, "big") + bytes(4) + b"\x40" + bytes((protocol,))
    return head + b"\0\0" + b"\x7f\0\0\x01" * 2 + payload
