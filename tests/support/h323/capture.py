"""Recordings of H.323 calls (pcapng) to scenarios: ``python -m tests.support.h323.capture FOLDER *.pcapng``.

Each scenario is a JSON file: who spoke (address), on what (``signal`` = call signalling, ``control`` = a separate
H.245 connection, ``ras``), when (seconds since the first message), and the message as hex.  TCP is put together per
connection by sequence number, TPKTs are taken apart.  Connections are numbered; ``opened`` says who opened each and to
where.
SIP and the gatekeeper's status port, which some recordings have too, are left out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.h323 import codec as per
from vosswitch.h323 import q931

_SECTION, _PACKET = 0x0A0D0D0A, 6
_STATUS_PORT = 7000
_SIGNAL_PORTS = {1720, 1721}
_RAS_PORT = 1719


@dataclass(slots=True)
class Flow:
    """One TCP connection.

    :ivar opener: (host, port) of who opened it, *other* the one that was listening.
    :ivar sides: per sender the next sequence number and the bytes that make no whole TPKT yet.
    """

    number: int
    opener: tuple[str, int]
    other: tuple[str, int]
    sides: dict[tuple[str, int], tuple[int, bytes]] = field(default_factory=dict)


def packets(data: bytes) -> Iterator[tuple[float, bytes]]:
    """(seconds, Ethernet frame) of each enhanced packet block."""
    at = 0
    while at + 12 <= len(data):
        kind = int.from_bytes(data[at : at + 4], "little")
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if kind == _PACKET:
            high, low, kept = (int.from_bytes(data[at + n : at + n + 4], "little") for n in (12, 16, 20))
            yield (high << 32 | low) / 1e9, data[at + 28 : at + 28 + kept]
        at += size


def read(path: Path) -> dict[str, Any]:
    """The scenario of a recording."""
    steps: list[dict[str, Any]] = []
    flows: dict[frozenset[tuple[str, int]], Flow] = {}
    for moment, frame in packets(path.read_bytes()):
        ip = frame[14:]
        if frame[12:14] != b"\x08\x00" or ip[0] >> 4 != 4:
            continue
        payload = ip[(ip[0] & 15) * 4 : int.from_bytes(ip[2:4], "big")]
        ends = [
            (".".join(map(str, ip[n : n + 4])), int.from_bytes(payload[p : p + 2], "big"))
            for n, p in ((12, 0), (16, 2))
        ]
        if ip[9] == 17 and _RAS_PORT in (ends[0][1], ends[1][1]):
            _note(steps, moment, ends, "ras", payload[8:])
        elif ip[9] == 6 and _STATUS_PORT not in (ends[0][1], ends[1][1]):
            _segment(steps, flows, moment, ends, payload)
    begin = steps[0]["at"]
    for step in steps:
        step["at"] = round(step["at"] - begin, 3)
    opened = {str(flow.number): {"by": _text(flow.opener), "to": _text(flow.other)} for flow in flows.values()}
    return {"recorded": path.name, "opened": opened, "steps": steps}


def _segment(
    steps: list[dict[str, Any]],
    flows: dict[frozenset[tuple[str, int]], Flow],
    moment: float,
    ends: list[tuple[str, int]],
    tcp: bytes,
) -> None:
    source, target = ends
    sequence, flags, body = int.from_bytes(tcp[4:8], "big"), tcp[13], tcp[(tcp[12] >> 4) * 4 :]
    key = frozenset(ends)
    if flags & 0x12 == 0x02:
        flows[key] = Flow(len(flows) + 1, source, target)
    flow = flows[key]
    if flags & 0x02:
        flow.sides[source] = (sequence + 1, b"")
        return
    expected, kept = flow.sides[source]
    if not body or (sequence - expected) & 0x80000000:
        return
    if sequence != expected:
        raise ValueError(f"{moment}: a segment is missing before {sequence}")
    kept += body
    while len(kept) >= 4 and len(kept) >= (size := int.from_bytes(kept[2:4], "big")):
        channel = "signal" if flow.other[1] in _SIGNAL_PORTS else "control"
        _note(steps, moment, ends, channel, kept[4:size], flow.number)
        kept = kept[size:]
    flow.sides[source] = ((expected + len(body)) & 0xFFFFFFFF, kept)


def _note(
    steps: list[dict[str, Any]],
    moment: float,
    ends: list[tuple[str, int]],
    channel: str,
    message: bytes,
    connection: int = 0,
) -> None:
    step = {"at": moment, "from": _text(ends[0]), "to": _text(ends[1]), "on": channel}
    if connection:
        step["connection"] = connection
    steps.append(step | {"what": named(channel, message), "hex": message.hex()})


def named(channel: str, message: bytes) -> str:
    """What a message is, for people: ``setup fastStart terminalCapabilitySet``."""
    if channel == "ras":
        return per.decode_ras(message)[0]
    if channel == "control":
        return h245_name(per.decode_h245(message))
    q = q931.decode(message)
    uuie = q.element(q931.USER_USER)
    if uuie is None:
        return q.name
    pdu = per.decode_uuie(uuie[1:])["h323-uu-pdu"]
    body, value = pdu["h323-message-body"]
    words = [q.name if body == "empty" or body.lower() == q.name.lower() else f"{q.name} ({body})"]
    if isinstance(value, dict):
        words += [name for name in ("fastStart", "h245Address", "fastConnectRefused") if name in value]
        if "reason" in value:
            words.append(value["reason"][0])
    words += [h245_name(per.decode_h245(each)) for each in pdu.get("h245Control", ())]
    if not pdu.get("h245Tunneling", pdu.get("h245Tunnelling", False)):
        words.append("untunnelled")
    return " ".join(words)


def h245_name(message: tuple[str, Any]) -> str:
    """Such as ``terminalCapabilitySetAck``."""
    return message[1][0]


def _text(end: tuple[str, int]) -> str:
    return f"{end[0]}:{end[1]}"


def main(folder: str, *recordings: str) -> None:
    """Write one scenario for each recording."""
    for name in recordings:
        path = Path(name)
        found = read(path)
        head = json.dumps({"recorded": found["recorded"], "opened": found["opened"]})[:-1]
        steps = ",\n  ".join(json.dumps(step) for step in found["steps"])
        (Path(folder) / f"{path.stem}.json").write_text(f'{head},\n "steps": [\n  {steps}\n ]}}\n')


if __name__ == "__main__":
    main(*sys.argv[1:])
