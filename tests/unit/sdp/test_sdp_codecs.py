"""Codecs and directions out of descriptions."""

import pytest

from vosswitch.model.session import Codec, MediaDescription, SessionDescription
from vosswitch.sdp.codecs import codecs, common_codec, direction, first_audio, payload_types, receives, sends


def audio(*lines, formats=("0",), host=None, port=4000):
    return MediaDescription("audio", port, "RTP/AVP", formats, host, lines=lines)


def test_static_payload_types_need_no_map_and_a_map_stands_over_them():
    media = audio("a=rtpmap:8 other/16000/2", "a=fmtp:18 annexb=no", formats=("0", "8", "18", "99", "x"))
    assert codecs(media) == (
        Codec(0, "PCMU", 8000),
        Codec(8, "other", 16000, 2),
        Codec(18, "G729", 8000, 1, "annexb=no"),
    )


@pytest.mark.parametrize("line", ["a=rtpmap:0", "a=rtpmap:0 PCMU", "a=rtpmap:0 PCMU/x", "a=rtpmap:0 PCMU/8000/x"])
def test_an_unreadable_map_is_left_out(line):
    assert codecs(audio(line)) == ()


def test_the_record_names_the_first_speech_codec_of_the_answer():
    events = "a=rtpmap:101 telephone-event/8000"
    answer = SessionDescription(
        media=(audio(port=0), audio(events, "a=rtpmap:97 opus/48000/2", formats=("101", "13", "97", "0")))
    )
    assert common_codec(answer) == "opus"
    assert common_codec(SessionDescription(media=(audio(events, formats=("101",)),))) == ""
    assert common_codec(SessionDescription()) == ""
    fax = MediaDescription("image", 5000, "udptl", ("t38",))
    assert common_codec(SessionDescription(media=(audio(port=0), fax))) == "T38"
    assert first_audio(answer) is answer.media[1]


def test_payload_types_leave_out_what_rtp_cannot_carry():
    assert payload_types(audio(formats=("0", "127", "128", "t38", "4711"))) == {0, 127}


@pytest.mark.parametrize(
    ("written", "session_lines", "host", "meant"),
    [
        ((), (), "192.0.2.1", "sendrecv"),
        (("a=recvonly",), ("a=sendonly",), "192.0.2.1", "recvonly"),
        ((), ("a=inactive",), "192.0.2.1", "inactive"),
        ((), (), "0.0.0.0", "sendonly"),
        (("a=recvonly",), (), "0.0.0.0", "inactive"),
        (("a=sendonly",), (), "::", "sendonly"),
    ],
)
def test_direction(written, session_lines, host, meant):
    session = SessionDescription(host=host, lines=session_lines, media=(audio(*written),))
    assert direction(session.media[0], session) == meant
    assert sends(session.media[0], session) == (meant in ("sendrecv", "sendonly"))
    assert receives(session.media[0], session) == (meant in ("sendrecv", "recvonly"))


def test_an_address_that_is_not_known_yet_is_no_hold():
    """RFC 8840 4.1.1: unspecified, with the discard port."""
    unknown = audio(port=9)
    assert direction(unknown, SessionDescription(host="0.0.0.0", media=(unknown,))) == "sendrecv"
