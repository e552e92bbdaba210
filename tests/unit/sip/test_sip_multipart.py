"""Session descriptions among several body parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip_world import OFFER, World

from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.signals import Release
from vosswitch.sip.grammar.multipart import MOST, part_of

ISUP = b"\x01\x00I--\xff\n--\r\n"
SDP = b"application/sdp"


def mixed(*parts, boundary=b"unique-1", end=b"--"):
    text = b"preamble\r\n"
    for kind, content in parts:
        text += b"--" + boundary + b"\r\nContent-Type: " + kind + b"\r\nContent-Disposition: session\r\n\r\n"
        text += content + b"\r\n"
    return text + b"--" + boundary + end + b"\r\n"


TWO = mixed((b"application/isup;version=itu-t92+", ISUP), (b"Application/SDP", OFFER))


@pytest.mark.parametrize("kind", ["multipart/mixed;boundary=unique-1", 'Multipart/Mixed; a=b ; Boundary="unique-1"'])
def test_the_description_is_found_beside_other_parts(kind):
    assert sdp.parse(part_of(TWO, kind, SDP)) == sdp.parse(OFFER)


def test_no_part_of_that_kind_or_no_boundary_is_none():
    assert part_of(mixed((b"application/isup", ISUP)), "multipart/mixed;boundary=unique-1", SDP) is None
    assert part_of(TWO, "multipart/mixed", SDP) is None
    assert part_of(TWO, "multipart/mixed;boundary=other", SDP) is None


def test_what_stands_behind_the_end_does_not_count():
    body = mixed((b"text/plain", b"a")) + mixed((SDP, OFFER))
    assert part_of(body, "multipart/mixed;boundary=unique-1", SDP) is None


def test_an_encoded_part_is_passed_over():
    plain = TWO.replace(b"Content-Disposition: session", b"Content-Transfer-Encoding: 8bit")
    assert part_of(plain, "multipart/mixed;boundary=unique-1", SDP) is not None
    body = TWO.replace(b"Content-Disposition: session", b"Content-Transfer-Encoding: base64")
    assert part_of(body, "multipart/mixed;boundary=unique-1", SDP) is None


def test_only_so_many_parts_are_looked_at():
    most = [(b"text/plain", b"x")] * MOST
    assert part_of(mixed(*most[1:], (SDP, OFFER)), "multipart/mixed;boundary=unique-1", SDP) is not None
    assert part_of(mixed(*most, (SDP, OFFER)), "multipart/mixed;boundary=unique-1", SDP) is None


@given(st.binary(max_size=300), st.text(max_size=60))
def test_any_bytes_are_read_without_harm(body, kind):
    found = part_of(body, "multipart/mixed;boundary=" + kind, SDP)
    assert found is None or found in body.replace(b"\r\n", b"\n")


def test_an_invite_with_isup_beside_its_offer_is_a_call():
    world = World()
    caller = world.invite(TWO, content_type="multipart/mixed;boundary=unique-1")
    assert caller.statuses() == [100]
    leg, tried = world.calls.offered.pop()
    assert tried.session == sdp.parse(OFFER)
    leg.send(Release(cause("no_rate")))
    caller.ack_refusal(caller.take()[0])
    world.close()


def test_parts_without_a_description_are_refused():
    world = World()
    caller = world.invite(mixed((b"application/isup", ISUP)), content_type="multipart/mixed;boundary=unique-1")
    (refusal,) = caller.take()
    assert refusal.status == 400
    caller.ack_refusal(refusal)
    world.close()
