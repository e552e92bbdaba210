"""Codecs and capabilities: what SDP says and what H.245 says of the same."""

from __future__ import annotations

import pytest
from h245_desk import description, names_of
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.h323 import per
from vosswitch.h323.h245 import addresses, audio, capabilities, plan
from vosswitch.h323.h245.audio import Audio
from vosswitch.h323.h245.capabilities import NOTHING, Capabilities
from vosswitch.h323.h245.fax import capability as fax_capability
from vosswitch.model.session import Codec


@pytest.mark.parametrize(
    ("name", "ptime", "announced"),
    [
        ("PCMA", None, [("g711Alaw64k", 20)]),
        ("PCMU", 30, [("g711Ulaw64k", 30)]),
        ("G729 annexb=no", None, [("g729AnnexA", 2), ("g729", 2)]),
        ("G729", 40, [("g729AnnexA", 4), ("g729", 4), ("g729AnnexAwAnnexB", 4), ("g729wAnnexB", 4)]),
        ("G723", None, [("g7231", {"maxAl-sduAudioFrames": 1, "silenceSuppression": False})]),
        ("G723 annexa=yes", 60, [("g7231", {"maxAl-sduAudioFrames": 2, "silenceSuppression": True})]),
        ("PCMA", 0, [("g711Alaw64k", 20)]),
        ("PCMA", 500, [("g711Alaw64k", 60)]),
        ("opus", None, []),
    ],
)
def test_a_codec_is_announced_under_all_its_names(name, ptime, announced):
    """With the packet that the description asks for, 20 ms if it asks for none."""
    found = plan.read(description(name, ptime=ptime)).capabilities(t38=False)
    assert [item.value for item in found.audio] == announced


@pytest.mark.parametrize(
    ("peer", "codec", "sent"),
    [
        ([("g711Alaw64k", 240)], "PCMA", ("g711Alaw64k", 20)),
        ([("g711Alaw64k", 10)], "PCMA", ("g711Alaw64k", 10)),
        ([("g729wAnnexB", 24)], "G729 annexb=no", ("g729wAnnexB", 2)),
        ([("g729wAnnexB", 2), ("g729", 6)], "G729 annexb=no", ("g729", 2)),
        ([("g729wAnnexB", 2)], "G729", ("g729wAnnexB", 2)),
        ([("g711Ulaw64k", 20)], "PCMA", None),
        (
            [("g7231", {"maxAl-sduAudioFrames": 7, "silenceSuppression": True})],
            "G723",
            ("g7231", {"maxAl-sduAudioFrames": 1, "silenceSuppression": False}),
        ),
    ],
)
def test_what_is_sent_is_what_the_peer_can_receive(peer, codec, sent):
    """One of the peer's names, no longer a packet than either side wants."""
    heard = capabilities.read([("receiveAudioCapability", value) for value in peer])
    found = plan.read(description(codec)).media(heard)
    assert [item.value for item in found] == ([sent] if sent else [])


@pytest.mark.parametrize(("names", "fmtp"), [(("g729",), "annexb=no"), (("g729", "g729wAnnexB"), "")])
def test_annex_b_is_told_to_the_far_side(names, fmtp):
    """A peer without it is not to be sent comfort noise."""
    assert audio.codec("G729", [Audio(name, 2) for name in names]) == Codec(18, "G729", 8000, 1, fmtp)


def test_capabilities_of_a_peer_as_an_offer():
    """Its codecs in its order, its payload type of RFC 2833, no address."""
    peer = Capabilities((Audio("g729", 24), Audio("g711Alaw64k", 20)), 96, "0-15", fax=True)
    offer = plan.offer(peer)
    assert (offer.host, offer.media[0].port) == ("0.0.0.0", 9)
    assert names_of(offer) == ["G729", "PCMA", "telephone-event"]
    assert "a=fmtp:96 0-15" in offer.media[0].lines
    assert plan.offer(peer, paused=True).media[0].lines[-1] == "a=inactive"


codecs = st.lists(st.sampled_from(["PCMA", "PCMU", "G729", "G729 annexb=no", "G723"]), max_size=5)


@given(codecs, st.one_of(st.none(), st.integers(96, 127)), st.integers(0, 255), st.booleans())
def test_a_set_is_read_as_it_was_written(names, event, number, t38):
    """Through the codec, too; without audio and fax it is the empty one."""
    said = plan.read(description(*names, event=event)).capabilities(t38=t38)
    body = capabilities.write(said, number)
    wire = per.encode_h245(("request", ("terminalCapabilitySet", body)))
    assert per.decode_h245(wire)[1][1] == body
    heard = capabilities.read(entry["capability"] for entry in body.get("capabilityTable", []))
    if said.empty:
        assert heard == NOTHING
        assert set(body) == {"sequenceNumber", "protocolIdentifier"}
    else:
        assert (heard.audio, heard.event, heard.fax) == (said.audio, said.event, said.fax)
        assert heard.inputs == {"basicString", "dtmf", "hookflash"}


@pytest.mark.parametrize("event", [0, 13, 95])
def test_a_payload_type_that_h245_cannot_say_is_left_out(event):
    """``dynamicRTPPayloadType`` has 96-127."""
    assert plan.read(description("PCMA", event=event)).capabilities(t38=False).event is None


def test_what_is_unknown_is_left_out():
    """Extensions of later versions, transmit capabilities, video, other data."""
    table = [
        ("_ext_40", b"\x01"),
        ("receiveAudioCapability", ("_ext_12", b"")),
        ("transmitAudioCapability", ("g711Alaw64k", 20)),
        ("receiveUserInputCapability", ("_ext_9", b"")),
        ("receiveDataApplicationCapability", {"application": ("nonStandard", {}), "maxBitRate": 0}),
        ("receiveRTPAudioTelephonyEventCapability", {"dynamicRTPPayloadType": 99, "audioTelephoneEvent": "0\r\na=x"}),
        ("receiveAndTransmitDataApplicationCapability", fax_capability()),
    ]
    assert capabilities.read(table) == Capabilities((), 99, "0-16", fax=True)


def test_a_peer_with_very_many_codecs_is_cut():
    """As many as the table allows, all different."""
    table = [("receiveAudioCapability", ("g711Alaw64k", units)) for units in range(1, 257)]
    assert len(capabilities.read(table).audio) == capabilities.MOST_AUDIO


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7"])
def test_addresses(host):
    """Both families, there and back."""
    assert addresses.read(addresses.write(host, 5004)) == (host, 5004)


@pytest.mark.parametrize(
    "value",
    [
        None,
        ("multicastAddress", ("iPAddress", {"network": b"\xe0\0\0\1", "tsapIdentifier": 5004})),
        ("unicastAddress", ("iPAddress", {"network": b"\xe0\0\0\1", "tsapIdentifier": 5004})),
        ("unicastAddress", ("iPAddress", {"network": b"\xff\xff\xff\xff", "tsapIdentifier": 5004})),
        ("unicastAddress", ("iP6Address", {"network": b"\xff\2" + bytes(13) + b"\1", "tsapIdentifier": 5004})),
        ("unicastAddress", ("iPXAddress", {})),
        ("unicastAddress", ("iPAddress", {"network": b"\0\0\0\0", "tsapIdentifier": 5004})),
        ("unicastAddress", ("iPAddress", {"network": b"\xc0\0\2\1", "tsapIdentifier": 0})),
    ],
)
def test_addresses_of_no_use(value):
    """None of them is an address to send to."""
    assert addresses.read(value) is None
