"""Two of our own services with a wire between them that loses, repeats and delays datagrams."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sip_world import ANSWER, OFFER, FakeReactor, World

from vosswitch import sdp
from vosswitch.model.call import LegTimers
from vosswitch.model.causes import cause
from vosswitch.model.signals import Accept, Answer, Confirm, Offer, Release, Ring
from vosswitch.model.values import Address

A, B = ("192.0.2.1", 5060), ("192.0.2.2", 5060)
PATIENT = LegTimers(invite=32.0, trying=90.0)


class Wire:
    """Carries datagrams; *fate* says how many copies of each arrive, in the order of sending."""

    def __init__(self, fate):
        self.clock = FakeReactor()
        self.a = World(A[0], self.clock, 1)
        self.b = World(B[0], self.clock, 2)
        self.b.credentials.trusted.add(A[0])
        self.a.credentials.trusted.add(B[0])
        self.fate = fate
        self.count = 0

    def carry(self):
        moved = True
        while moved:
            moved = False
            for source, target, peer in ((self.a, self.b, A), (self.b, self.a, B)):
                written, source.udp.written = source.udp.written, []
                for data, _ in written:
                    moved = True
                    self.count += 1
                    for _ in range(self.fate(self.count - 1, data)):
                        target.put(data, peer)

    def run(self, seconds, step=0.1):
        for _ in range(round(seconds / step)):
            self.carry()
            self.clock.advance(step)
        self.carry()

    def close(self):
        self.fate = lambda _number, _data: 1
        self.run(140, 0.5)
        self.a.close()
        self.b.close()


CHANGED = OFFER.replace(b"4000", b"4100")


def full_call(wire, hang_up_first):
    """Place, ring, answer, change, hang up; whatever happens to single datagrams, both sides agree on the outcome."""
    out = wire.a.place(target=Address(*B), timers=PATIENT)
    wire.run(20)
    ((incoming, offered),) = wire.b.calls.offered
    assert sdp.render(offered.session) == OFFER
    incoming.send(Ring())
    incoming.send(Answer(sdp.parse(ANSWER)))
    wire.run(25)
    assert Answer(sdp.parse(ANSWER)) in wire.a.calls.of(out)
    assert wire.b.calls.of(incoming) == [Confirm(None)]
    out.send(Offer(sdp.parse(CHANGED)))
    wire.run(20)
    assert wire.b.calls.of(incoming) == [Offer(sdp.parse(CHANGED))]
    incoming.send(Accept(sdp.parse(ANSWER)))
    wire.run(25)
    assert wire.a.calls.of(out) == [Accept(sdp.parse(ANSWER))]
    first, second, world = (out, incoming, wire.b) if hang_up_first else (incoming, out, wire.a)
    first.send(Release(cause("normal")))
    wire.run(25)
    (release,) = world.calls.of(second)
    assert release.cause.reason == "normal"
    wire.close()


@pytest.mark.parametrize("lost", range(18))
@pytest.mark.parametrize("hang_up_first", [True, False])
def test_any_single_datagram_may_be_lost(lost, hang_up_first):
    full_call(Wire(lambda number, _data: number != lost), hang_up_first)


def test_every_datagram_may_come_twice():
    full_call(Wire(lambda _number, _data: 2), True)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_a_third_of_all_datagrams_may_be_lost_at_random(seed):
    chance = random.Random(seed)
    recent = {}

    def fate(_number, data):
        """Lose at random, but not more than two copies of one message in a row.

        The ninth 200 is then followed by an ACK that arrives, 23.5 s behind the first one; with more lost a call may
        rightly be given up.
        """
        if recent.get(data, 0) < 2 and chance.random() < 0.33:
            recent[data] = recent.get(data, 0) + 1
            return 0
        recent[data] = 0
        return 1

    full_call(Wire(fate), True)


@pytest.mark.parametrize("method", [b"CANCEL", b"SIP/2.0 487", b"ACK", b"SIP/2.0 200"])
def test_cancel_over_a_lossy_wire(method):
    lost = []

    def fate(_number, data):
        if data.startswith(method) and len(lost) < 2:
            lost.append(data)
            return 0
        return 1

    wire = Wire(fate)
    out = wire.a.place(target=Address(*B), timers=PATIENT)
    wire.run(2)
    ((incoming, _),) = wire.b.calls.offered
    incoming.send(Ring())
    wire.run(2)
    out.send(Release(cause("caller_abandoned")))
    wire.run(10)
    assert wire.b.calls.of(incoming) == [Release(cause("caller_abandoned"))]
    assert out.state == "over"
    wire.close()
