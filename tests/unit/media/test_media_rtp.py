"""RTP and RTCP on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.media import rtp

WORD = st.integers(0, 2**32 - 1)
PACKETS = st.builds(
    rtp.RtpPacket,
    st.integers(0, 127),
    st.integers(0, 65535),
    WORD,
    WORD,
    st.binary(max_size=50),
    st.booleans(),
    st.lists(WORD, max_size=15).map(tuple),
).filter(lambda p: not (p.marker and 64 <= p.payload_type <= 95))
BLOCKS = st.builds(rtp.ReportBlock, WORD, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), WORD, WORD, WORD, WORD)
RTCP = st.one_of(
    st.builds(
        rtp.RtcpPacket,
        st.just(rtp.SENDER_REPORT),
        WORD,
        st.builds(rtp.SenderInfo, st.integers(0, 2**64 - 1), WORD, WORD, WORD),
        st.lists(BLOCKS, max_size=3).map(tuple),
    ),
    st.builds(
        rtp.RtcpPacket,
        st.just(rtp.RECEIVER_REPORT),
        WORD,
        st.none(),
        st.lists(BLOCKS, max_size=3).map(tuple),
    ),
    st.builds(rtp.RtcpPacket, st.just(rtp.GOODBYE), WORD, rest=st.binary(max_size=3).map(lambda b: b * 4)),
)


@given(PACKETS)
def test_reading_undoes_writing(packet):
    assert rtp.parse(rtp.build(packet)) == packet


@given(st.lists(RTCP, min_size=1, max_size=4))
def test_compounds_are_taken_apart(packets):
    assert rtp.parse_rtcp(b"".join(rtp.build_rtcp(p) for p in packets)) == tuple(packets)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data):
    for read in (rtp.parse, rtp.parse_rtcp):
        for body in (data, b"\x80" + data, b"\xb1\x00" + data, b"\x82\xc8" + data):
            try:
                read(body)
            except rtp.BadPacket:
                continue


def test_padding_and_extension_are_no_payload():
    head = bytes([0xB0, 0]) + bytes(10)
    assert rtp.parse(head + bytes.fromhex("0001000100000000") + b"ab" + b"\x00\x00\x00\x04").payload == b"ab"


def test_rtcp_on_the_media_port_is_told_apart():
    report = rtp.build_rtcp(rtp.RtcpPacket(rtp.RECEIVER_REPORT, 1)) + bytes(4)
    assert rtp.is_rtcp(report)
    with pytest.raises(rtp.BadPacket, match="RTCP"):
        rtp.parse(report)
    assert not rtp.is_rtcp(rtp.build(rtp.RtpPacket(0, 1, 2, 3)))
