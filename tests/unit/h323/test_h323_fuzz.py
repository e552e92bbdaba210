"""Whatever octets come: a value or the one exception that each reader declares, and nothing left behind."""

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vosswitch.h323 import h225, per, q931, tpkt

VECTORS = [
    (vector["kind"], bytes.fromhex(vector["hex"]))
    for vector in json.loads((Path(__file__).parents[2] / "data/h323/vectors.json").read_text())
]


def mangled(data: bytes, chance: Random) -> bytes:
    """Flipped, cut, repeated or with lengths that point far away."""
    octets = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(octets))
        what = chance.randrange(5)
        if what == 0:
            octets[place] ^= 1 << chance.randrange(8)
        elif what == 1:
            octets[place] = chance.choice((0, 0x7F, 0x80, 0xBF, 0xC1, 0xC4, 0xFF))
        elif what == 2:
            del octets[max(1, place) :]
        elif what == 3:
            octets[place:place] = octets[place : place + chance.randint(1, 40)]
        else:
            del octets[place : place + chance.randint(1, 4)]
        if not octets:
            return b"\x08"
    return bytes(octets)


def took(kind: str, data: bytes) -> bool:
    """Whether a reader took it; anything but its own exception goes through."""
    try:
        if kind == "q931":
            message = h225.read(data)
            h225.write(message, True)
        elif kind == "ras":
            per.decode_ras(data)
        else:
            per.decode_h245(data)
    except (h225.BadMessage, per.BadPdu) as error:
        text = str(error)
        assert "\n" not in text
        assert len(text) < 300
        return False
    return True


@given(st.integers(0, len(VECTORS) - 1), st.integers(0, 2**32))
@settings(max_examples=1500, deadline=None)
def test_a_mangled_message_is_read_or_refused(place: int, seed: int) -> None:
    """And the next good one is read as if nothing had been."""
    kind, data = VECTORS[place]
    took(kind, mangled(data, Random(seed)))
    good_kind, good = VECTORS[seed % 400]
    assert took(good_kind, good) or b"info@" in good


@given(st.sampled_from(["q931", "ras", "h245"]), st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
@example("h245", b"")
@example("q931", b"\x08\x02\x00\x01\x05\x7e\x00\x00")
@example("q931", b"\x08\x02\x00\x01\x62\x7e\x00\x01\x05")
def test_any_octets_are_read_or_refused(kind: str, data: bytes) -> None:
    """As the content of a packet."""
    took(kind, data)


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_a_cut_message_is_read_or_refused(cut: int) -> None:
    """Every vector, with so many octets less at its end."""
    for kind, data in VECTORS:
        took(kind, data[: len(data) - cut] or b"\x08")


@given(st.lists(st.binary(max_size=60), max_size=20))
@settings(deadline=None)
def test_a_connection_keeps_no_more_than_a_packet(chunks: list[bytes]) -> None:
    """Whatever comes in whatever pieces; after an error the connection is closed, so nothing is fed any more."""
    framer = tpkt.Framer()
    for chunk in chunks:
        try:
            framer.feed(b"\x03\x00" + chunk)
        except tpkt.BadTpkt:
            break
        assert framer.waiting <= tpkt.LONGEST


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=8), st.integers(0, 2**32))
@settings(deadline=None)
def test_packets_come_out_whole_however_they_are_split(payloads: list[bytes], seed: int) -> None:
    """Several in a segment, segments split anywhere, keep-alives between them."""
    stream = b"".join(tpkt.framed(payload) + tpkt.framed(b"") for payload in payloads)
    framer, found, chance = tpkt.Framer(), [], Random(seed)
    while stream:
        size = chance.randint(1, 50)
        found += framer.feed(stream[:size])
        stream = stream[size:]
    assert found == payloads
    assert framer.waiting == 0


def test_a_q931_message_has_at_most_32_elements() -> None:
    """So that a flood of one-octet elements costs nothing."""
    head = b"\x08\x02\x00\x01\x05"
    assert len(q931.decode(head + b"\xa1" * q931.MOST_ELEMENTS).elements) == q931.MOST_ELEMENTS
    with pytest.raises(q931.BadMessage, match="32"):
        q931.decode(head + b"\xa1" * (q931.MOST_ELEMENTS + 1))
