"""Session descriptions as text: what is read, what is refused, and that reading undoes writing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.model.session import MediaDescription, Origin, SessionDescription
from vosswitch.sdp import BadSession, parse, render

AUDIO = (
    b"v=0\r\no=alice 2890844526 2890844527 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 49170 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
)


def test_reads_every_part():
    said = parse(AUDIO)
    assert said.origin == Origin("alice", "2890844526", "2890844527", "192.0.2.1")
    assert (said.host, said.lines) == ("192.0.2.1", ("t=0 0",))
    assert said.media == (
        MediaDescription(
            "audio", 49170, "RTP/AVP", ("0", "101"), lines=("a=rtpmap:101 telephone-event/8000", "a=sendrecv")
        ),
    )
    assert render(said) == AUDIO


@pytest.mark.parametrize("change", [(b"\r\n", b"\n"), (b"\r\n", b"\r\n\r\n"), (b"t=0 0\r\n", b""), (b"\r\ns=-", b"")])
def test_tolerates_sloppy_writers(change):
    assert parse(AUDIO.replace(*change)) == parse(AUDIO)


def test_a_missing_time_is_added_in_its_place():
    assert parse(AUDIO.replace(b"t=0 0", b"b=AS:64\r\na=x")).lines == ("b=AS:64", "t=0 0", "a=x")


def test_keeps_unknown_lines_in_order():
    said = parse(AUDIO.replace(b"t=0 0", b"i=hello\r\nt=0 0\r\nX=1\r\na=foo") + b"y=2\r\n")
    assert said.lines == ("i=hello", "t=0 0", "X=1", "a=foo")
    assert said.media[0].lines[-1] == "y=2"
    assert b"i=hello\r\nc=IN IP4 192.0.2.1\r\nt=0 0" in render(said)


def test_reads_ipv6_and_drops_a_multicast_ttl():
    assert parse(AUDIO.replace(b"IP4 192.0.2.1", b"IP6 2001:db8::1")).host == "2001:db8::1"
    assert parse(AUDIO.replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4 224.2.1.1/127")).host == "224.2.1.1"


def test_a_user_name_with_blanks_is_one_user_name():
    assert parse(AUDIO.replace(b"o=alice", b"o=my old phone")).origin.username == "my old phone"


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        (b"v=0", b"v=1", "v=0"),
        (b"v=0\r\n", b"", "v=0"),
        (b"s=-", b"nonsense", "letter=value"),
        (b"s=-", b"s=-\ra=x", "letter=value"),
        (b"s=-", b"s=-\0", "letter=value"),
        (b"IN IP4 192.0.2.1\r\ns", b"IN IP4\r\ns", "o="),
        (b"c=IN IP4 192.0.2.1", b"c=IN IP4", "c="),
        (b"c=IN IP4 192.0.2.1", b"c=ATM NSAP 4711", "c="),
        (b"c=IN IP4 192.0.2.1\r\n", b"", "no c="),
        (b"49170", b"70000", "port"),
        (b"49170", b"-1", "port"),
        (b"49170", "٤".encode(), "port"),
        (b"49170", b"5000/x", "port"),
        (b" RTP/AVP 0 101", b" RTP/AVP", "formats"),
        (b"a=sendrecv\r\n", b"a=sendrecv\r\n" * 1000, "lines"),
        (b"a=sendrecv\r\n", b"a=" + b"x" * 40000, "bytes"),
        (b"a=sendrecv\r\n", b"m=audio 0 RTP/AVP 0\r\n" * 16, "media"),
        (b"0 101", b"0 " * 80, "formats"),
    ],
)
def test_refuses_what_cannot_be_used_in_one_line(old, new, word):
    with pytest.raises(BadSession, match=word) as caught:
        parse(AUDIO.replace(old, new))
    assert "\n" not in str(caught.value)


def test_no_value_can_add_a_line():
    evil = SessionDescription(
        Origin("a\r\nm=audio 1 RTP/AVP 0"), "s\nx=1", "192.0.2.1\r", ("t=0 0", "a=x\r\na=y\0"), ()
    )
    text = render(evil)
    assert text.count(b"\n") == text.count(b"\r") == 6
    assert b"\0" not in text


TOKEN = st.text(st.sampled_from("abcXYZ019-+."), min_size=1, max_size=8)
VALUE = st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=("Cs",)), max_size=20)
HOST = st.one_of(st.ip_addresses().map(str), st.just("pc.example.com"))
MEDIA = st.builds(
    MediaDescription,
    kind=st.sampled_from(["audio", "video", "image"]),
    port=st.integers(0, 65535),
    protocol=st.sampled_from(["RTP/AVP", "RTP/SAVP", "udptl"]),
    formats=st.lists(TOKEN, min_size=1, max_size=5).map(tuple),
    host=st.none() | HOST,
    port_count=st.integers(1, 9),
    lines=st.lists(st.builds("{}={}".format, st.sampled_from("ibka"), VALUE), max_size=4)
    .map(lambda lines: tuple(sorted(lines, key=lambda line: "ibka".index(line[0])))),
)  # fmt: skip
SESSION = st.builds(
    SessionDescription,
    origin=st.builds(Origin, TOKEN, TOKEN, TOKEN, HOST),
    name=VALUE.filter(bool),
    host=HOST,
    lines=st.lists(VALUE.map("a={}".format), max_size=4).map(lambda lines: ("t=0 0", *lines)),
    media=st.lists(MEDIA, max_size=4).map(tuple),
)


@given(SESSION)
def test_reading_undoes_writing(session):
    assert parse(render(session)) == session


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    for body in (data, AUDIO[:40] + data, AUDIO + data):
        try:
            session = parse(body)
        except BadSession:
            continue
        assert parse(render(session)) == session
