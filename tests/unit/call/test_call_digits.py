"""Digits of calls with H.323: signalled on one side and in the media on the other, each key once."""

from __future__ import annotations

import pytest

from tests.unit.call.call_world import FakeEngine, FakeSession
from vosswitch.call.aside import taken, tell_digit
from vosswitch.call.digits import TWIN, CallDigits, Party, digits_of
from vosswitch.call.machine import State
from vosswitch.model.h323 import H323Profile
from vosswitch.model.signals import Digit
from vosswitch.model.values import Address, Side
from vosswitch.sdp.events import event_payload, with_events
from vosswitch.sdp.text import parse

PLAIN = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n"
EVENTS = PLAIN.replace(b"8 0\r\n", b"8 0 96\r\na=rtpmap:96 telephone-event/8000\r\n")
OTHERS = EVENTS.replace(b"96", b"110")
CALLER, CALLEE = Side.CALLER, Side.CALLEE
SIP = ""


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class World:
    """A call's digits with a fake relay: what each side says passes in order."""

    def __init__(self, caller: str, callee: str) -> None:
        self.clock = Clock()
        self.digits = CallDigits(Party(caller), Party(callee, 102), self.clock)
        self.session = FakeSession(FakeEngine(), None)

    def says(self, side: Side, text: bytes) -> int | None:
        """*side* describes its media; the payload type of events that the other side is told."""
        told = self.digits.dress(side, parse(text))
        self.digits.watch(self.session)
        return event_payload(told)


def test_a_signalled_digit_is_put_into_the_media_of_a_sip_side() -> None:
    """The caller's fast start names no events: the vendor is told of them all the same, and answers with them."""
    world = World("alphanumeric", SIP)
    assert world.says(CALLER, PLAIN) == 101
    assert world.says(CALLEE, EVENTS) == 96
    assert world.digits.signalled(CALLER, Digit("5")) is None
    assert world.session.digits == [(CALLEE, "5", 96)]


def test_events_of_a_sip_side_are_taken_out_and_signalled() -> None:
    """The answer of the H.323 side is told with the payload type that the caller has offered."""
    world = World(SIP, "alphanumeric")
    assert world.says(CALLER, EVENTS) == 96
    assert world.says(CALLEE, PLAIN) == 96
    assert world.session.watched[CALLER] == ((96,), True)
    assert world.session.watched[CALLEE][1] is False
    assert world.digits.heard(CALLER, Digit("5"))


def test_without_events_on_the_sip_side_digits_are_signals() -> None:
    """INFO there: nothing is put in, and an offer without events is not answered with them."""
    world = World(SIP, "alphanumeric")
    world.says(CALLER, PLAIN)
    assert world.says(CALLEE, PLAIN) is None
    for side in (CALLER, CALLEE):
        assert world.digits.signalled(side, Digit("5")) == Digit("5")
    assert world.session.digits == []


def test_where_both_have_events_the_media_passes() -> None:
    """Method auto, and the terminal has the capability: each keeps its payload type, the relay renumbers."""
    world = World(SIP, "auto")
    world.says(CALLER, EVENTS)
    assert world.says(CALLEE, OTHERS) == 96
    assert world.session.sent_as == {CALLER: 110, CALLEE: 96}
    assert set(world.session.watched[CALLER][0]) == {96, 110}
    assert world.says(CALLEE, OTHERS) == 96
    assert [taken for _, taken in world.session.watched.values()] == [False, False]
    assert world.digits.signalled(CALLEE, Digit("5")) is None
    assert world.session.digits == [(CALLER, "5", 96)]  # unless it passed just now: the relay knows


def test_info_of_a_sip_side_without_events_is_signalled_to_a_terminal_that_has_them() -> None:
    """Method auto takes digits in either way: a signal stays one where no event can be its twin."""
    world = World(SIP, "auto")
    world.says(CALLER, PLAIN)
    world.says(CALLEE, EVENTS)
    assert world.digits.signalled(CALLER, Digit("5")) == Digit("5")


def test_the_method_of_the_gateway_stands_over_its_capability() -> None:
    """An operator who sets alphanumeric wants no events there; rfc2833 has its own payload type; off is off."""
    world = World(SIP, "signal")
    world.says(CALLER, EVENTS)
    world.says(CALLEE, EVENTS)
    assert world.session.watched[CALLER][1] is True
    world = World(SIP, "rfc2833")
    world.says(CALLER, PLAIN)
    world.says(CALLEE, PLAIN)
    assert world.digits.signalled(CALLER, Digit("#")) is None
    assert world.session.digits == [(CALLEE, "#", 102)]
    world = World("alphanumeric", "off")
    world.says(CALLER, PLAIN)
    assert world.digits.signalled(CALLER, Digit("#")) is None
    assert world.session.digits == []


def test_events_that_a_sip_side_has_not_are_taken_out_for_it() -> None:
    """A terminal that sends them unasked: INFO, as for its signals; not as long as nothing is known of the SIP side."""
    world = World("rfc2833", SIP)
    assert world.says(CALLER, PLAIN) == 101  # the number that is set for it: fast start tells none
    assert world.session.watched[CALLER] == ((101,), False)
    world.says(CALLEE, PLAIN)
    assert world.session.watched[CALLER] == ((101,), True)
    assert world.digits.heard(CALLER, Digit("5"))


def test_a_gateway_without_digits_has_none_in_its_media_either() -> None:
    world = World(SIP, "off")
    world.says(CALLER, EVENTS)
    world.says(CALLEE, OTHERS)
    assert world.session.watched[CALLER][1] is True
    assert world.session.watched[CALLEE][1] is False


def test_events_go_to_a_gateway_under_the_number_that_is_set_for_it() -> None:
    """Fast start alone announces no events; rfc2833 is what the operator says."""
    world = World(SIP, "rfc2833")
    world.says(CALLER, EVENTS)
    assert world.says(CALLEE, PLAIN) == 96
    assert world.session.sent_as == {CALLER: 102, CALLEE: 96}
    assert set(world.session.watched[CALLEE][0]) == {96, 102}


def test_who_offers_tells_its_own_payload_type_and_keeps_it() -> None:
    """An H.323 caller's slow start: a SIP vendor answers with another number, and is told the first one again."""
    world = World("auto", SIP)
    assert world.says(CALLER, OTHERS) == 110
    assert world.says(CALLEE, EVENTS) == 96
    assert world.session.sent_as == {CALLER: 96, CALLEE: 110}
    assert world.says(CALLER, OTHERS) == 110


def test_a_payload_type_that_means_something_else_is_not_taken() -> None:
    """The terminal's number stands then."""
    world = World(SIP, "auto")
    world.says(CALLER, EVENTS)
    clash = OTHERS.replace(b"8 0 110", b"8 96 110")
    assert world.says(CALLEE, clash) == 110


def test_a_held_key_is_one_with_the_signal_of_its_beginning() -> None:
    """It is told when it ends; INFO came when it began."""
    world = World(SIP, "alphanumeric")
    world.says(CALLER, EVENTS)
    world.says(CALLEE, PLAIN)
    assert world.digits.signalled(CALLER, Digit("5")) == Digit("5")
    world.clock.now += 2.0
    assert not world.digits.heard(CALLER, Digit("5", 1900))
    world.clock.now += 2.0
    assert world.digits.heard(CALLER, Digit("5", 100))
    world.clock.now += 2.0
    assert world.digits.heard(CALLER, Digit("5", 100))


@pytest.mark.parametrize("media_first", [True, False])
def test_a_key_in_both_ways_is_told_once(media_first: bool) -> None:
    """A phone that sends INFO and events; the key after a while is another one."""
    world = World(SIP, "alphanumeric")
    world.says(CALLER, EVENTS)
    world.says(CALLEE, PLAIN)
    ways = [
        lambda: world.digits.heard(CALLER, Digit("5")),
        lambda: world.digits.signalled(CALLER, Digit("5")) is not None,
    ]
    if not media_first:
        ways.reverse()
    for _ in range(2):
        assert [way() for way in ways] == [True, False]
        world.clock.now += 0.1
    assert ways[0]()
    world.clock.now += TWIN + 0.2  # a key in the media began before it is told
    assert ways[1]()


def test_many_keys_are_kept_in_bounds() -> None:
    """A flood of digits is passed on, what is known of it is not more than 32 keys."""
    world = World(SIP, "alphanumeric")
    for number in range(1000):
        assert world.digits.signalled(CALLER, Digit("0123456789*#ABCD"[number % 16])) is not None
    assert len(world.digits._keys) <= 32


def test_a_key_is_known_by_when_it_came_last() -> None:
    """Also where no further one could be noted."""
    world = World(SIP, "alphanumeric")
    world.says(CALLER, EVENTS)
    world.says(CALLEE, PLAIN)
    for digit in "0123456789*#ABCD":
        world.digits.signalled(CALLER, Digit(digit))
        world.digits.signalled(CALLEE, Digit(digit))
    world.clock.now += 5.0
    assert world.digits.signalled(CALLER, Digit("5")) == Digit("5")
    assert not world.digits.heard(CALLER, Digit("5", 100))


def test_a_call_between_sip_sides_has_none_of_this() -> None:
    """And one with H.323 has the methods of its gateways, else the system's."""
    sip, h323 = Address("192.0.2.1", 5060), Address("192.0.2.2", 1720, "h323")
    assert digits_of(*parties(sip, sip), float) is None
    found = digits_of(*parties(sip, h323, H323Profile(dtmf="keypad")), float)
    assert found is not None
    assert [party.method for party in found._parties.values()] == ["", "keypad"]
    found = digits_of(*parties(h323, sip), float)
    assert found is not None
    assert [party.method for party in found._parties.values()] == ["signal", ""]


class Thing:
    """Attributes."""

    def __init__(self, **given: object) -> None:
        self.__dict__.update(given)


def parties(source: Address, target: Address, profile: H323Profile | None = None) -> tuple[Thing, Thing]:
    """A decision and a route with so much as is asked of them."""
    parameters = {"SS_H323_DTMF_METHOD": "H.245 signal"}
    decision = Thing(offered=Thing(source=source), gateway=None, parameters=parameters)
    return decision, Thing(target=target, profile=Thing(h323=profile))


class Leg:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.sent: list[object] = []

    def send(self, signal: object) -> None:
        self.sent.append(signal)


def test_a_digit_out_of_the_media_goes_to_the_other_leg_while_the_call_is_up() -> None:
    """Not before there is anything to hear, not after the end."""
    world, leg = World(SIP, "keypad"), Leg()
    call = Thing(
        media=Thing(digits=world.digits),
        machine=Thing(state=State.TALKING),
        leg=lambda side: leg if side is CALLEE else None,
    )
    tell_digit(call, CALLER, Digit("1"))
    assert leg.sent == [Digit("1")]
    tell_digit(call, CALLEE, Digit("3"))
    call.machine.state = State.ENDED
    tell_digit(call, CALLER, Digit("2"))
    assert leg.sent == [Digit("1")]


def test_a_signal_that_goes_into_the_media_is_no_signal_any_more() -> None:
    """The call does not pass it to the other leg; without H.323 it always does."""
    world = World("alphanumeric", SIP)
    world.says(CALLER, PLAIN)
    world.says(CALLEE, EVENTS)
    call = Thing(media=Thing(digits=world.digits))
    assert taken(call, CALLER, Digit("1"))
    assert not taken(call, CALLEE, Digit("1"))
    call.media.digits = None
    assert not taken(call, CALLER, Digit("1"))


def test_events_are_added_where_their_type_is_free() -> None:
    """A description whose 101 is something else, one whose types are all used, one without audio."""
    taken_101 = parse(PLAIN.replace(b"8 0", b"8 101"))
    assert with_events(taken_101)[1] == 96
    assert with_events(taken_101, 101) == (taken_101, None)
    full = parse(PLAIN.replace(b"8 0", b" ".join(str(number).encode() for number in range(96, 128))))
    assert with_events(full) == (full, None)
    image = parse(PLAIN.replace(b"m=audio 4000", b"m=audio 0"))
    assert with_events(image) == (image, None)
    assert event_payload(with_events(parse(PLAIN))[0]) == 101
