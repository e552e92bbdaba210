"""PER: captured messages decode and encode again to equal values; extension additions are right bit by bit."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrate_asn1dir import H225

from tests.support import asn1_values
from tests.support.asn1_compiled import compiled
from vosswitch.h323 import per, q931
from vosswitch.h323.asn1 import structured
from vosswitch.h323.asn1.library import Coders

VECTORS = json.loads((Path(__file__).parents[2] / "data/h323/vectors.json").read_text())

Codec = tuple[Callable[[bytes], Any], Callable[[Any], bytes]]
UUIE: Codec = per.decode_uuie, per.encode_uuie
RAS: Codec = per.decode_ras, per.encode_ras
H245: Codec = per.decode_h245, per.encode_h245
OLC: Codec = per.decode_olc, per.encode_olc


def parts(vector: dict[str, str]) -> list[tuple[Codec, bytes]]:
    """Every PER message of a vector: itself, what is tunnelled in it, and its fast start elements."""
    data = bytes.fromhex(vector["hex"])
    if vector["kind"] != "q931":
        return [(RAS if vector["kind"] == "ras" else H245, data)]
    content = q931.decode(data).element(q931.USER_USER)
    assert content is not None
    pdu = per.decode_uuie(content[1:])["h323-uu-pdu"]
    _, body = pdu["h323-message-body"]
    channels = body.get("fastStart", ()) if body else ()
    tunnelled = pdu.get("h245Control", ())
    return [(UUIE, content[1:]), *((H245, item) for item in tunnelled), *((OLC, item) for item in channels)]


def test_every_captured_message_encodes_again_to_equal_values() -> None:
    """All 527 with what is inside them; values are compared, since an encoder may know more additions than another."""
    count = 0
    for vector in VECTORS:
        for (decode, encode), data in parts(vector):
            value = decode(data)
            assert decode(encode(value)) == value, vector
            count += 1
    assert (len(VECTORS), count) == (527, 863)


def test_an_object_identifier_without_arcs_is_written_as_it_was_read() -> None:
    """One terminal sends an integrity mechanism of length 0; X.690 8.19 knows no such OBJECT IDENTIFIER."""
    found = next(v for v in VECTORS if v["src"] == "ndpi_h323" and v["what"] == "gatekeeperRequest")
    data = bytes.fromhex(found["hex"])
    name, body = per.decode_ras(data)
    assert body["integrity"] == [("iso9797", ())]
    again = per.encode_ras((name, body))
    assert again[-4:] == data[-4:] == b"\x03\x01\x40\x00"  # the integrity addition, whole
    assert per.decode_ras(again) == (name, body)
    body["integrity"] = [("iso9797", (1, 3, 14)), ("iso9797", ())]
    assert per.decode_ras(per.encode_ras((name, body))) == (name, body)


def test_an_addition_that_cannot_be_read_is_kept_and_the_message_is_read() -> None:
    """A captured Setup has proprietary octets as additionalSourceAddresses: that costs no call."""
    found = next(v for v in VECTORS if "UNDECODABLE" in v["what"])
    content = q931.decode(bytes.fromhex(found["hex"])).element(q931.USER_USER)
    assert content is not None
    value = per.decode_uuie(content[1:])
    _, setup = value["h323-uu-pdu"]["h323-message-body"]
    assert setup["sourceAddress"] == [("dialledDigits", "5295672")]
    assert setup["maintainConnection"] is False
    assert b"info@aselsan.com" in setup["_ext_25"]
    assert per.decode_uuie(per.encode_uuie(value)) == value


def test_an_addition_of_no_octets_is_the_value_that_needs_none() -> None:
    """Another library writes NULL so: fastConnectRefused of an Alerting."""
    body = {"protocolIdentifier": (0, 0, 8, 2250, 0, 4), "destinationInfo": {"mc": False, "undefinedNode": False}}
    value = {"h323-uu-pdu": {"h323-message-body": ("alerting", {**body, "fastConnectRefused": 0})}}
    data = per.encode_uuie(value)
    assert data.endswith(b"\x01\x00")
    assert per.decode_uuie(data[:-2] + b"\x00") == value


_BITS, _ADDITIONS = range(8), range(1, 18)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Types ``R<bits>N<additions>``: a root of 1 + bits bits, and so many additions, each an optional BOOLEAN."""
    lines = []
    for bits in _BITS:
        root = f"a INTEGER (0..{2**bits - 1})," if bits else ""
        for count in _ADDITIONS:
            additions = ", ".join(f"x{place} BOOLEAN OPTIONAL" for place in range(count))
            lines.append(f"R{bits}N{count} ::= SEQUENCE {{ {root} ..., {additions} }}")
    return compiled("Cases", lines, tmp_path_factory.mktemp("asn1") / "cases.py")


def naive(bits: int, count: int, root: int, additions: dict[int, bool]) -> bytes:
    """X.691 clause 19 with strings of bits."""
    text = "1" + (f"{root:0{bits}b}" if bits else "")
    text += f"{count - 1:07b}" + "".join("1" if place in additions else "0" for place in range(count))
    text += "0" * (-len(text) % 8)
    for place in sorted(additions):
        text += "00000001" + ("10000000" if additions[place] else "00000000")
    return int(text, 2).to_bytes(len(text) // 8, "big")


@pytest.mark.parametrize("bits", _BITS)
@pytest.mark.parametrize("count", _ADDITIONS)
def test_the_bitmap_of_additions_is_counted_before_them(cases: Any, bits: int, count: int) -> None:
    """Every root and every bitmap modulo an octet: the library's encoder has an octet too many for 21 pairs of 64."""
    coder = Coders().of(getattr(cases, f"R{bits}N{count}"))
    for places in ({0}, {count - 1}, set(range(count))):
        additions = {place: place % 2 == 0 for place in places}
        root = 2**bits // 2
        value = {f"x{place}": there for place, there in additions.items()} | ({"a": root} if bits else {})
        data = structured.encode(coder, value)
        assert data == naive(bits, count, root, additions)
        assert structured.decode(coder, data) == value


_RAS = H225.H323_MESSAGES.RasMessage
_H245 = H225.MULTIMEDIA_SYSTEM_CONTROL.MultimediaSystemControlMessage
_TYPES = {
    "setup": (H225.H323_MESSAGES.Setup_UUIE, UUIE),
    "admissionRequest": (_RAS._cont["admissionRequest"], RAS),
    "registrationRequest": (_RAS._cont["registrationRequest"], RAS),
    "terminalCapabilitySet": (_H245._cont["request"]._cont["terminalCapabilitySet"], H245),
    "openLogicalChannel": (H225.MULTIMEDIA_SYSTEM_CONTROL.OpenLogicalChannel, OLC),
}


def whole(name: str, value: Any) -> Any:
    """The message that such a value is part of."""
    if name == "setup":
        return {"h323-uu-pdu": {"h323-message-body": (name, value)}}
    if name == "terminalCapabilitySet":
        return ("request", (name, value))
    return value if name == "openLogicalChannel" else (name, value)


@given(name=st.sampled_from(sorted(_TYPES)), seed=st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_any_value_is_the_same_once_it_is_encoded(name: str, seed: int) -> None:
    """Values with every optional and extended component that the types know."""
    kind, (decode, encode) = _TYPES[name]
    value = whole(name, asn1_values.value(kind, Random(seed)))
    data = encode(value)
    if len(data) <= per.LONGEST:
        assert decode(data) == value


def test_a_message_of_too_many_parts_is_given_up() -> None:
    """8 kB hold 4,000 of two octets each."""
    many = [{"prefix": ("dialledDigits", "1")}] * (structured.MOST_PARTS + 1)
    info = {"mc": False, "undefinedNode": False, "gateway": {"protocol": [("voice", {"supportedPrefixes": many})]}}
    body = {"protocolIdentifier": (0, 0, 8, 2250, 0, 4), "destinationInfo": info}
    data = per.encode_uuie({"h323-uu-pdu": {"h323-message-body": ("callProceeding", body)}})
    assert len(data) <= per.LONGEST
    with pytest.raises(per.BadPdu, match="parts"):
        per.decode_uuie(data)
