"""Our transport in place of theirs: nothing of one side's addresses reaches the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch import sdp
from vosswitch.model.session import MediaDescription, Origin, SessionDescription
from vosswitch.sdp.codecs import direction
from vosswitch.sdp.rewrite import Author, carried, replace_transport, transport

LEAKY = (
    b"v=0\r\no=bob 7 7 IN IP4 10.9.8.7\r\ns=call from 10.9.8.7\r\ni=10.9.8.7\r\nu=http://10.9.8.7/\r\ne=bob@10.9.8.7\r\n"
    b"c=IN IP4 10.9.8.7\r\nb=AS:80\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-lite\r\na=X-own:10.9.8.7\r\n"
    b"m=audio 4000 RTP/AVP 8 101\r\nc=IN IP4 10.9.8.7\r\na=rtpmap:8 PCMA/8000\r\na=fmtp:101 0-16\r\na=ptime:30\r\n"
    b"a=sendonly\r\na=mid:0\r\na=candidate:1 1 UDP 1 10.9.8.7 4000 typ host\r\na=rtcp:4007 IN IP4 10.9.8.7\r\n"
    b"a=source-filter: incl IN IP4 * 10.9.8.7\r\na=ssrc:1 cname:u@10.9.8.7\r\na=alt:1 1 : x y 10.9.8.7 1\r\n"
    b"a=X-six:fe80::1234:1\r\na=X-good:yes\r\n"
    b"m=video 4002 RTP/AVP 34\r\na=candidate:1 1 UDP 1 10.9.8.7 4002 typ host\r\n"
    b"m=audio 4004 RTP/AVP 0\r\n"
)
OURS = Origin("vosswitch", "42", "1", "127.0.0.9")


def test_keeps_what_the_codecs_need_and_drops_what_tells():
    text = sdp.render(replace_transport(sdp.parse(LEAKY), "127.0.0.9", 10000, 10001, OURS)).decode()
    assert "10.9.8.7" not in text
    assert text.splitlines() == [
        "v=0", "o=vosswitch 42 1 IN IP4 127.0.0.9", "s=-", "c=IN IP4 127.0.0.9", "b=AS:80", "t=0 0",
        "m=audio 10000 RTP/AVP 8 101", "a=rtpmap:8 PCMA/8000", "a=fmtp:101 0-16", "a=ptime:30", "a=sendonly",
        "a=X-good:yes", "m=video 0 RTP/AVP 34", "m=audio 0 RTP/AVP 0",
    ]  # fmt: skip


def test_names_rtcp_only_off_the_next_port():
    said = replace_transport(sdp.parse(LEAKY), "::1", 10000, 10003, OURS)
    assert said.media[0].lines[-1] == "a=rtcp:10003 IN IP6 ::1"


@pytest.mark.parametrize(("said", "ours", "shown"), [("0.0.0.0", "127.0.0.9", "0.0.0.0"), ("0.0.0.0", "::1", "::")])
def test_hold_stays_hold(said, ours, shown):
    media = MediaDescription("audio", 4000, "RTP/AVP", ("0",))
    held = SessionDescription(host=said, media=(media,))
    fresh = replace_transport(held, ours, 10000, 10001, OURS)
    assert (fresh.host, fresh.media[0].port) == (shown, 10000)
    assert direction(fresh.media[0], fresh) == direction(media, held) == "sendonly"


def test_an_address_that_is_not_known_yet_becomes_ours():
    """An offer made of capabilities (H.323) is none of a held side: the answerer sends to the relay at once."""
    media = MediaDescription("audio", 9, "RTP/AVP", ("0",))
    fresh = replace_transport(SessionDescription(host="0.0.0.0", media=(media,)), "127.0.0.9", 10000, 10001, OURS)
    assert (fresh.host, fresh.media[0].port) == ("127.0.0.9", 10000)
    assert direction(fresh.media[0], fresh) == "sendrecv"


def test_fax_in_place_of_speech_is_kept():
    """T.38 over UDPTL (RFC 7345); beside live audio it is refused, since one stream is relayed."""
    text = (
        b"v=0\r\no=- 1 1 IN IP4 10.9.8.7\r\ns=-\r\nc=IN IP4 10.9.8.7\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\n"
        b"m=image 5000 udptl t38\r\na=T38FaxVersion:0\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
    )
    said = replace_transport(sdp.parse(text), "127.0.0.9", 10000, 10001, OURS)
    assert [(media.kind, media.port) for media in said.media] == [("audio", 0), ("image", 10000)]
    assert said.media[1].lines == ("a=T38FaxVersion:0", "a=T38FaxUdpEC:t38UDPRedundancy")
    beside = replace_transport(sdp.parse(text.replace(b"m=audio 0", b"m=audio 4000")), "127.0.0.9", 10000, 10001, OURS)
    assert [(media.kind, media.port) for media in beside.media] == [("audio", 10000), ("image", 0)]


def test_version_rises_only_when_the_content_changes():
    author = Author("vosswitch", "42", "127.0.0.9")
    offer = sdp.parse(LEAKY)
    first = author.rewrite(offer, "127.0.0.9", 10000, 10001)
    again = author.rewrite(sdp.parse(LEAKY.replace(b"o=bob 7 7", b"o=bob 7 8")), "127.0.0.9", 10000, 10001)
    held = author.rewrite(sdp.parse(LEAKY.replace(b"a=sendonly", b"a=inactive")), "127.0.0.9", 10000, 10001)
    assert again is first
    assert [s.origin.version for s in (first, held)] == ["1", "2"]
    assert held.origin.session_id == first.origin.session_id == "42"


def test_reads_the_rtcp_port():
    said = sdp.parse(LEAKY)
    assert transport(said.media[0], said) == ("10.9.8.7", 4000, 4007)
    assert transport(said.media[1], said) == ("10.9.8.7", 4002, 4003)


@given(st.ip_addresses(), st.sampled_from(["a=X-at:{}", "a=X-at:1 {} 2", "a=y {}", "i={}", "a=rtcp:1 IN IP4 {}"]))
def test_no_line_carries_an_address(address, form):
    assert not carried(form.format(address))
