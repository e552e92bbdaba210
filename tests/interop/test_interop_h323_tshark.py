"""Wireshark judges what our encoders make of every captured message."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import tshark
from vosswitch.h323 import h225, per, q931

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(tshark.TSHARK is None, reason=tshark.MISSING),
]

VECTORS = json.loads((Path(__file__).parents[1] / "data/h323/vectors.json").read_text())

_STRAY = "05c0060008914a000458a80000110046fe874891e3f11190d802fc00000001"
"""UUIE of a ReleaseComplete as the library's own encoder has it: an octet 00 too many."""


def inside(vector: dict[str, str]) -> list[Any]:
    """The H.245 messages that are tunnelled in it."""
    message = h225.read(bytes.fromhex(vector["hex"])) if vector["kind"] == "q931" else None
    return [*message.control] if message else []


def written(vector: dict[str, str]) -> list[tuple[str, bytes]]:
    """The message, and those in it, as our encoders have them."""
    data = bytes.fromhex(vector["hex"])
    if vector["kind"] == "ras":
        name, body = per.decode_ras(data)
        if ("iso9797", ()) in body.get("integrity", ()):  # of no octets: malformed to Wireshark as captured, too
            del body["integrity"]
        return [("ras", per.encode_ras((name, body)))]
    if vector["kind"] == "h245":
        return [("h245", per.encode_h245(per.decode_h245(data)))]
    envelope = q931.decode(data)
    content = envelope.element(q931.USER_USER)
    assert content is not None
    again = b"\x05" + per.encode_uuie(per.decode_uuie(content[1:]))
    elements = tuple((kind, again if kind == q931.USER_USER else body) for kind, body in envelope.elements)
    same = q931.encode(q931.Message(envelope.reference, envelope.from_destination, envelope.kind, elements))
    ours = h225.write(h225.read(data), envelope.from_destination)
    return [("q931", same), ("q931", ours), *(("h245", per.encode_h245(item)) for item in inside(vector))]


def test_what_we_write_is_well_formed(tmp_path: Path) -> None:
    """The captured values by the encoder alone, and as our own messages with their elements."""
    vectors = [vector for vector in VECTORS if "UNDECODABLE" not in vector["what"]]
    messages = [item for vector in vectors for item in written(vector)]
    assert len(messages) > 1_000
    assert tshark.complaints(messages, tmp_path / "ours.pcap") == {}


def test_the_captured_messages_are_well_formed(tmp_path: Path) -> None:
    """All but two: one has something else in a list of aliases, the other an object identifier of no octets."""
    messages = [(vector["kind"], bytes.fromhex(vector["hex"])) for vector in VECTORS]
    found = tshark.complaints(messages, tmp_path / "captured.pcap")
    assert [(VECTORS[place]["src"], VECTORS[place]["what"][:17]) for place in found] == [
        ("ndpi_h323", "gatekeeperRequest"),
        ("ndpi_h323", "UNDECODABLE Charp"),
    ]


def test_the_judge_finds_a_malformed_message(tmp_path: Path) -> None:
    """An octet too many, an octet too few, and something that is no H.323 at all."""
    stray, good = (
        q931.encode(q931.Message(1, True, q931.RELEASE_COMPLETE, ((q931.USER_USER, b"\x05" + bytes.fromhex(text)),)))
        for text in (_STRAY, _STRAY.replace("a80000", "a800"))
    )
    capabilities = bytes.fromhex(next(v["hex"] for v in VECTORS if v["what"] == "request/terminalCapabilitySet"))
    messages = [("q931", stray), ("q931", good), ("h245", capabilities[:-3]), ("ras", b"\xff" * 30)]
    assert list(tshark.complaints(messages, tmp_path / "bad.pcap")) == [0, 2, 3]
