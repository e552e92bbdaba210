"""The relay's bookkeeping: locks, counts, loss, silence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.media.relay import CALLEE, CALLER, MOST, Description, Session
from vosswitch.media.rtp import RECEIVER_REPORT, RtcpPacket, RtpPacket, build, build_rtcp

HOME = ("192.0.2.1", 4000)
HOME_RTCP = ("192.0.2.1", 4001)
ELSEWHERE = ("198.51.100.7", 999)
STRANGER = ("203.0.113.5", 5)
MEDIA = build(RtpPacket(8, 1, 0, 7, b"x"))
CONTROL = build_rtcp(RtcpPacket(RECEIVER_REPORT, 7))
PAYLOADS = frozenset({0, 8, 101})


def there(rtp=HOME, rtcp=HOME_RTCP, payloads=PAYLOADS, sends=True, receives=True):
    return Description(rtp, rtcp, payloads, sends, receives)


@pytest.fixture
def session():
    made = Session(1, (10, 12), 60)
    made.describe(CALLER, there(), 0)
    return made


def test_sends_to_the_signalled_address_at_first(session):
    side = session.sides[CALLER]
    assert (side.rtp.target, side.rtcp.target) == (HOME, HOME_RTCP)
    assert side.rtp.source is None


def test_nobody_is_heard_before_the_side_is_described(session):
    assert not session.sides[CALLEE].rtp.admit(MEDIA, ELSEWHERE)
    session.describe(CALLEE, there(rtp=None), 0)
    assert session.sides[CALLEE].rtp.admit(MEDIA, ELSEWHERE)


def test_locks_on_the_first_verified_source(session):
    port = session.sides[CALLER].rtp
    unfit = [b"", MEDIA[:11], b"\0" + MEDIA[1:], CONTROL + bytes(4), build(RtpPacket(97, 1, 0, 7, b"x"))]
    assert not any(port.admit(data, STRANGER) for data in unfit)
    assert (port.source, port.target, port.strangers) == (None, HOME, len(unfit))
    assert port.admit(MEDIA, ELSEWHERE)
    assert (port.source, port.target) == (ELSEWHERE, ELSEWHERE)
    assert not port.admit(MEDIA, STRANGER)
    assert port.target == ELSEWHERE


def test_the_signalled_address_is_preferred(session):
    port = session.sides[CALLER].rtp
    port.admit(MEDIA, STRANGER)
    assert port.admit(b"\x16DTLS", HOME)
    assert port.target == STRANGER
    assert port.admit(MEDIA, HOME)
    assert port.target == HOME
    assert not port.admit(MEDIA, STRANGER)


def test_fax_of_the_signalled_address_passes_and_is_not_waited_for(session):
    """UDPTL is no RTP: it is neither counted nor missed."""
    for which in (CALLER, CALLEE):
        session.describe(which, there(payloads=frozenset(), sends=False), 0)
    assert session.sides[CALLER].rtp.admit(b"\0\x01\x03\x06\0\0", HOME)
    assert session.silent(1_000_000) == ()
    assert session.sides[CALLEE].rtp.target == HOME


def test_a_payload_type_of_either_description_fits(session):
    session.describe(CALLEE, there(payloads=frozenset({97})), 0)
    assert session.sides[CALLER].rtp.admit(build(RtpPacket(97, 1, 0, 7)), ELSEWHERE)


def test_the_same_transport_again_keeps_the_lock_and_another_resets_it(session):
    port = session.sides[CALLER].rtp
    port.admit(MEDIA, ELSEWHERE)
    session.describe(CALLER, there(sends=False), 1)
    assert (port.source, port.target) == (ELSEWHERE, ELSEWHERE)
    session.describe(CALLER, there(rtp=("192.0.2.1", 4444)), 1)
    assert (port.source, port.target) == (None, ("192.0.2.1", 4444))
    session.reset(CALLER, 2)
    assert (port.source, port.target) == (None, None)
    assert not port.admit(MEDIA, ELSEWHERE)


def test_nothing_is_sent_to_whom_holds_with_an_unspecified_address(session):
    port = session.sides[CALLER].rtp
    session.describe(CALLER, there(rtp=None, rtcp=None, receives=False), 1)
    assert port.admit(MEDIA, HOME)
    assert (port.source, port.target) == (HOME, None)


def test_rtcp_locks_by_itself_and_only_beside_the_media(session):
    side = session.sides[CALLER]
    beside = (ELSEWHERE[0], 1000)
    assert not side.rtcp.admit(CONTROL, beside)
    side.rtp.admit(MEDIA, ELSEWHERE)
    assert side.rtcp.target == beside  # a guess, until it shows itself
    assert not side.rtcp.admit(MEDIA, beside)
    assert not side.rtcp.admit(CONTROL, STRANGER)
    assert side.rtcp.admit(CONTROL, (ELSEWHERE[0], 7777))
    assert side.rtcp.target == (ELSEWHERE[0], 7777)
    side.rtp.admit(MEDIA, HOME)
    assert (side.rtcp.source, side.rtcp.target) == (None, HOME_RTCP)


def count(port, *numbers, ssrc=7):
    for number in numbers:
        port.sequence(build(RtpPacket(0, number & 0xFFFF, 0, ssrc)))
    return port.lost


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [
        ((5, 6, 7), 0),
        ((65534, 65535, 0, 1), 0),
        ((65534, 2), 3),
        ((1, 4, 2, 3, 5), 0),
        ((1, 2, 2), -1),
        ((1, 2, 20000, 3), 0),
        ((1, 2, 20000, 20001, 20003), 1),
    ],
)
def test_loss_as_in_rfc_3550(session, numbers, lost):
    assert count(session.sides[CALLER].rtp, *numbers) == lost


def test_another_source_identifier_begins_anew_and_old_loss_stays(session):
    port = session.sides[CALLER].rtp
    assert count(port, 1, 3) == 1
    assert count(port, 40000, 40001, ssrc=8) == 1


@given(st.integers(0, 65535), st.lists(st.booleans(), min_size=1, max_size=200))
def test_loss_is_what_was_left_out(start, kept):
    port = Session(1, (10, 12), 0).sides[CALLER].rtp
    kept[0] = kept[-1] = True
    count(port, *[start + i for i, there_ in enumerate(kept) if there_])
    assert port.lost == kept.count(False)


def test_the_report_never_shows_negative_loss(session):
    side = session.sides[CALLER]
    count(side.rtp, 1, 2, 2)
    assert side.report() == (0, 0, 0, "")
    side.rtp.admit(MEDIA, ("2001:db8::1", 7, 0, 0))
    assert side.report()[3] == "[2001:db8::1]:7"


def test_silence_is_reported_after_the_timeout_and_again_after_another(session):
    assert session.silent(1000) == ()  # the callee is not described yet: nobody is awaited
    session.describe(CALLEE, there(), 1000)
    assert session.silent(1059) == ()
    session.sides[CALLER].rtp.packets += 1
    assert session.silent(1060) == (CALLEE,)
    assert session.silent(1119) == ()
    assert session.silent(1120) == (CALLER, CALLEE)


@pytest.mark.parametrize(
    ("caller", "callee", "awaited"),
    [
        ((True, True), (True, True), (CALLER, CALLEE)),
        ((True, False), (False, True), ()),
        ((False, False), (True, True), ()),
        ((True, True), (True, False), ()),
    ],
)
def test_nobody_is_awaited_while_a_side_holds(caller, callee, awaited):
    session = Session(1, (10, 12), 5)
    for side in (CALLER, CALLEE):
        session.describe(side, there(), 0)
    session.describe(CALLER, there(sends=caller[0], receives=caller[1]), 0)
    session.describe(CALLEE, there(sends=callee[0], receives=callee[1]), 0)
    assert session.silent(9) == awaited


@pytest.mark.parametrize(
    ("caller", "callee", "awaited"),
    [
        ((True, True), (True, False), (CALLEE,)),
        ((True, False), (False, True), (CALLER,)),
        ((False, False), (False, False), ()),
        ((True, True), (False, False), ()),
    ],
)
def test_who_speaks_alone_from_the_beginning_is_awaited(caller, callee, awaited):
    session = Session(1, (10, 12), 5)
    session.describe(CALLER, there(sends=caller[0], receives=caller[1]), 0)
    session.describe(CALLEE, there(sends=callee[0], receives=callee[1]), 0)
    assert session.silent(9) == awaited
    session.describe(CALLEE, there(), 10)
    session.describe(CALLER, there(), 10)
    session.describe(CALLEE, there(receives=False), 10)
    assert session.silent(99) == ()
    session.reset(CALLEE, 100)  # another vendor, from whom an announcement may come
    session.describe(CALLER, there(), 100)
    session.describe(CALLEE, there(receives=False), 100)
    assert session.silent(199) == (CALLEE,)


def test_the_wait_begins_when_a_hold_ends_and_never_without_a_timeout(session):
    session.describe(CALLEE, there(), 0)
    session.describe(CALLEE, there(sends=False), 0)
    session.describe(CALLEE, there(), 500)
    assert session.silent(559) == ()
    assert session.silent(560) == (CALLER, CALLEE)
    patient = Session(2, (10, 12), 0)
    for side in (CALLER, CALLEE):
        patient.describe(side, there(), 0)
    assert patient.silent(1e9) == ()


@pytest.mark.parametrize("kind", ["rtp", "rtcp"])
def test_a_flood_is_seen_by_what_came_since_the_last_look(session, kind):
    port = getattr(session.sides[CALLEE], kind)
    port.taken = 2 * MOST
    assert session.flooded(2.0) is None
    port.taken = MOST + 1
    assert session.flooded(1.0) == CALLEE
    assert session.flooded(1.0) is None
