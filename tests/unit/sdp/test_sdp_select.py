"""Which codecs of a description are allowed, and whether an answer fits its offer."""

from hypothesis import given
from hypothesis import strategies as st

from vosswitch.model.session import MediaDescription, SessionDescription
from vosswitch.sdp.codecs import codecs
from vosswitch.sdp.select import COMPANIONS, agrees, allow, named

LINES = (
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:97 opus/48000/2",
    "a=fmtp:97 useinbandfec=1",
    "a=rtcp-fb:97 nack",
    "a=rtcp-fb:* nack",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-15",
    "a=ptime:20",
    "a=sendonly",
)


def audio(*formats, port=4000, lines=LINES, kind="audio"):
    return MediaDescription(kind, port, "RTP/AVP", formats, "192.0.2.9", lines=lines)


def session(*media):
    return SessionDescription(media=media)


ALL = session(audio("97", "8", "0", "101", "13", "18"))


def test_the_order_is_that_of_the_list_and_companions_stay_behind():
    found = allow(ALL, ("PCMU", "PCMA"))
    assert found.media[0].formats == ("0", "8", "101", "13")
    assert named(found) == "PCMU, PCMA, telephone-event, CN"


def test_lines_of_removed_formats_go_and_no_others():
    found = allow(ALL, ("PCMA", "G729"))
    assert found.media[0].lines == (
        "a=rtpmap:8 PCMA/8000",
        "a=rtcp-fb:* nack",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendonly",
    )
    assert found.media[0].formats == ("8", "18", "101", "13")
    assert found.media[0].host == "192.0.2.9"


def test_names_count_and_not_numbers():
    lines = ("a=rtpmap:96 pcma/8000", "a=rtpmap:8 other/8000")
    assert allow(session(audio("8", "96", lines=lines)), ("PCMA",)).media[0].formats == ("96",)


def test_nothing_allowed_is_none_and_companions_do_not_count():
    assert allow(ALL, ("GSM",)) is None
    assert allow(session(audio("101", "13")), ("PCMA",)) is None
    assert allow(session(audio("99", lines=())), ("PCMA",)) is None


def test_one_stream_without_an_allowed_codec_is_refused_beside_a_good_one():
    found = allow(session(audio("97"), audio("8")), ("PCMA",))
    assert [(media.port, media.formats) for media in found.media] == [(0, ("97",)), (4000, ("8",))]


def test_what_is_no_live_audio_is_left_alone():
    quiet = session(audio("97", port=0), audio("34", kind="video"), audio("t38", kind="image"))
    assert allow(quiet, ("PCMA",)) is quiet


def test_an_allowed_description_is_the_very_same():
    fine = session(audio("8", "101", lines=("a=rtpmap:101 telephone-event/8000",)))
    assert allow(fine, ("G729", "PCMA")) is fine


@given(
    st.lists(st.sampled_from(["0", "3", "8", "13", "18", "97", "99", "101", "x"]), min_size=1, unique=True),
    st.lists(st.sampled_from(["PCMU", "GSM", "PCMA", "G729", "OPUS"]), min_size=1, unique=True),
)
def test_what_is_left_is_offered_allowed_and_settled(formats, allowed):
    before = session(audio(*formats))
    after = allow(before, tuple(allowed))
    names = {codec.name.upper() for codec in codecs(before.media[0])}
    if after is None:
        assert names.isdisjoint(allowed)
        return
    assert set(after.media[0].formats) <= set(formats)
    left = [codec.name.upper() for codec in codecs(after.media[0])]
    assert set(left) <= set(allowed) | COMPANIONS
    assert names & (set(allowed) | COMPANIONS) == set(left)
    assert allow(after, tuple(allowed)) == after
    speech = [name for name in left if name not in COMPANIONS]
    assert speech == sorted(speech, key=allowed.index)


def test_an_answer_agrees_by_number_or_by_name():
    offer = session(audio("97", "8"))
    assert agrees(session(audio("8")), offer)
    assert agrees(session(audio("111", lines=("a=rtpmap:111 OPUS/48000/2",))), offer)
    assert not agrees(session(audio("18")), offer)
    assert not agrees(session(audio("100", lines=("a=rtpmap:100 telephone-event/8000",))), offer)
    assert agrees(session(audio("18", port=0)), offer)
