"""Session timers and changes between two of our own services, over a wire that loses, repeats and delays."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sip_world import ANSWER, OFFER
from test_sip_service_loss import PATIENT, B, Wire

from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.signals import Accept, Answer, Confirm, Offer, Refuse, Release
from vosswitch.model.values import Address

SESSION = sdp.parse(ANSWER)


def talk(wire, segment=2):
    """A call that is up: the legs of both ends."""
    for world in (wire.a, wire.b):
        world.parameters["SS_SIP_SESSION_UPDATE_SEGMENT"] = segment
    out = wire.a.place(target=Address(*B), timers=PATIENT)
    wire.run(1)
    ((incoming, offered),) = wire.b.calls.offered
    assert offered.timer
    incoming.send(Answer(SESSION))
    wire.run(1)
    assert wire.a.calls.of(out)[-1] == Answer(SESSION)
    assert wire.b.calls.of(incoming) == [Confirm(None)]
    return out, incoming


def only_byes(wire):
    """From now on every BYE is lost."""
    wire.fate = lambda _number, data: 0 if data.startswith(b"BYE") else 1


def test_a_call_whose_bye_was_lost_ends_with_the_next_refresh():
    """The far end answers it with 481; without session timers the call would stay up, and be charged."""
    wire = Wire(lambda _number, _data: 1)
    out, incoming = talk(wire)
    only_byes(wire)
    out.send(Release(cause("normal")))
    wire.run(290, 0.5)
    assert wire.b.calls.of(incoming) == []
    wire.run(20, 0.5)
    assert wire.b.calls.of(incoming) == [Release(cause("session_timeout"))]
    wire.close()


def test_a_call_whose_refresher_lost_its_bye_ends_by_itself():
    wire = Wire(lambda _number, _data: 1)
    out, incoming = talk(wire)
    only_byes(wire)
    incoming.send(Release(cause("normal")))
    wire.run(500, 0.5)
    assert wire.a.calls.of(out) == []
    wire.run(90, 0.5)  # 600 s less 32 s after the last refresh
    assert wire.a.calls.of(out) == [Release(cause("session_timeout"))]
    wire.close()


def test_a_peer_that_falls_silent_is_given_up():
    wire = Wire(lambda _number, _data: 1)
    out, incoming = talk(wire)
    wire.fate = lambda _number, _data: 0
    wire.run(340, 0.5)
    assert wire.b.calls.of(incoming) == [Release(cause("session_timeout"))]
    wire.run(250, 0.5)
    assert wire.a.calls.of(out) == [Release(cause("session_timeout"))]
    wire.close()


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_a_long_call_lives_on_a_bad_wire(share):
    chance = random.Random(5)
    wire = Wire(lambda _number, _data: 1)
    out, incoming = talk(wire)
    wire.fate = lambda _number, _data: 0 if chance.random() < share else 1 + (chance.random() < 0.1)
    wire.run(3600, 0.5)
    assert (wire.a.calls.of(out), wire.b.calls.of(incoming)) == ([], [])
    out.send(Release(cause("normal")))
    wire.close()
    (release,) = wire.b.calls.of(incoming)
    assert release.cause.reason == "normal"


def described(number):
    """A description that was not there before."""
    return sdp.parse(OFFER.replace(b"alice 1 1", b"alice 1 %d" % number).replace(b"4000", b"%d" % (4000 + 2 * number)))


class End:
    """One end of the call, which answers every change of the other one at once and counts how its own fare."""

    def __init__(self, world, leg):
        self.world = world
        self.leg = leg
        self.asked = self.settled = 0
        self.released = False

    def look(self, chance):
        for signal in self.world.calls.of(self.leg):
            if isinstance(signal, Offer):
                self.leg.send(Accept(SESSION) if chance.random() < 0.7 else Refuse(488))
            elif isinstance(signal, (Accept, Refuse)):
                self.settled += 1
            elif isinstance(signal, Release):
                assert not self.released
                self.released = True

    def ask(self, number):
        if not self.released:
            self.asked += 1
            self.leg.send(Offer(described(number)))


def served(wire):
    """Requests that both ends have got."""
    return sum(sum(end.service.statistics.requests.values()) for end in (wire.a, wire.b))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(st.tuples(st.booleans(), st.integers(1, 120)), max_size=12),
    st.booleans(),
    st.booleans(),
)
def test_changes_refreshes_and_byes_may_cross(seed, steps, hang_up_first, update):
    """Each change is settled exactly once, nothing is left behind, and both ends agree that the call is over."""
    chance = random.Random(seed)
    wire = Wire(lambda _number, _data: 1)
    out, incoming = talk(wire, segment=10)
    assert incoming.session.terms.ours
    incoming.session._update = update  # as if the far end's Allow did not name UPDATE
    ends = End(wire.a, out), End(wire.b, incoming)
    wire.fate = lambda _number, _data: 0 if chance.random() < 0.1 else 1 + (chance.random() < 0.1)
    for number, (which, halves) in enumerate(steps):
        ends[which].ask(number + 2)
        if chance.random() < 0.3:
            ends[not which].ask(number + 50)
        for _ in range(halves):
            wire.run(0.5, 0.25)
            for end in ends:
                end.look(chance)
    for end in ends:
        if not end.released:
            assert end.settled >= end.asked - 1
    before = served(wire)
    wire.run(130, 0.5)  # with a refresh in between, at least, of whoever it is up to now
    assert ends[0].released or served(wire) > before
    for end in ends if hang_up_first else reversed(ends):
        if not end.released:
            end.leg.send(Release(cause("normal")))
            break
    wire.close()
    for end in ends:
        end.look(chance)
        assert end.settled <= end.asked
    assert wire.a.service._stack.dialogs == wire.b.service._stack.dialogs == {}
