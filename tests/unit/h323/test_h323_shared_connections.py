"""Several calls by one call signalling connection of a peer: told apart by reference, each ends alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.h323.h323_process import World
from tests.unit.h323.played_world import PlayedCallee, PlayedCaller
from vosswitch.h323 import h225, q931
from vosswitch.h323.h225 import Party, ReleaseComplete, Setup, read, write
from vosswitch.h323.settings import IDLE_SECONDS, SETUP_SECONDS
from vosswitch.model.causes import cause
from vosswitch.model.signals import Answer, Release, Ring

ENDED = Release(cause("normal"))


def setup(reference, **fields):
    return write(Setup(reference=reference, callee=Party("44"), **fields), False)


def facility(reference, from_destination=False):
    return write(h225.Facility(reference=reference), from_destination)


@pytest.fixture
def world():
    return World()


def connected(world):
    socket = world.connects()
    world.talk()
    return socket


def begun(world, *references, **fields):
    """A connection with a leg for each reference."""
    socket = connected(world)
    for reference in references:
        socket.brings(setup(reference, **fields))
    world.talk()
    return socket, world.legs[-len(references) :]


def answers(socket):
    """Reference, cause and reason of each ReleaseComplete that was sent."""
    found = [read(packet) for packet in socket.packets()]
    return [(one.reference, one.cause, one.reason) for one in found if isinstance(one, ReleaseComplete)]


def test_each_message_goes_to_the_call_of_its_reference(world):
    socket, legs = begun(world, 7, 8, 9)
    assert [leg.setup.reference for leg in legs] == [7, 8, 9]
    socket.brings(facility(9), facility(7), facility(9))
    assert [len(leg.came) for leg in legs] == [1, 0, 2]
    assert read(legs[0].came[0]).reference == 7


def test_the_release_of_one_leaves_the_other(world):
    socket, (one, other) = begun(world, 7, 8)
    one.line.send(b"x")
    one.line.close()
    assert not socket.closed
    socket.brings(facility(8))
    assert len(other.came) == 1
    assert other.gone == []
    other.line.close()
    assert socket.closed
    socket.gone()
    assert world.gate.idle


def test_what_still_comes_for_a_call_that_is_over(world):
    """A ReleaseComplete is no error; anything else is told that there is no such call (Q.931 5.8.3.2)."""
    socket, (one, *others) = begun(world, 7, 8, 9)
    one.line.close()
    socket.brings(write(ReleaseComplete(reference=7, cause=16), False))
    assert socket.packets() == []
    socket.brings(facility(7))
    assert answers(socket) == [(7, 81, "")]
    for _ in range(100):
        socket.brings(facility(7))
    assert 0 < len(answers(socket)) < 20
    assert [leg.came for leg in others] == [[], []]
    socket.brings(setup(7))
    world.talk()
    assert world.legs[-1].setup.reference == 7
    assert not socket.closed


def test_a_setup_of_a_call_that_is_there_begins_no_other(world):
    socket, (one, _) = begun(world, 7, 8)
    socket.brings(setup(7))
    world.talk()
    assert len(world.legs) == 2
    assert len(one.came) == 1


def test_the_flag_tells_whose_reference_it_is(world):
    """A message about a call that we would have made: there is none on a connection that came in."""
    socket, legs = begun(world, 7, 8)
    data = q931.encode(q931.Message(9, True, q931.SETUP))
    socket.brings(data)
    world.talk()
    assert len(world.legs) == 2
    (packet,) = socket.packets()
    assert (q931.head(packet).from_destination, read(packet).cause) == (False, 81)
    assert [leg.came for leg in legs] == [[], []]


def test_what_comes_before_a_leg_is_there_waits_for_its_own(world):
    socket = connected(world)
    socket.brings(setup(7), facility(7), setup(8), facility(8), facility(7))
    world.talk()
    assert [len(leg.came) for leg in world.legs] == [2, 1]


def test_a_connection_that_breaks_ends_all_its_calls(world):
    socket, legs = begun(world, 7, 8, 9)
    legs[1].line.close()
    socket.gone()
    assert [len(leg.gone) for leg in legs] == [1, 0, 1]
    assert world.gate.idle


def test_a_leg_that_fails_ends_alone(world):
    socket, (one, other) = begun(world, 7, 8)
    one.fails = True
    socket.brings(facility(7), facility(8))
    assert socket.packets() == [b"parting"]
    assert not socket.closed
    assert len(other.came) == 1


class TestBounds:
    """What one connection may carry."""

    def test_so_many_calls(self):
        world = World(VS_H323_CONNECTION_CALLS="2")
        socket, legs = begun(world, 7, 8)
        socket.brings(setup(9))
        world.talk()
        assert answers(socket) == [(9, 47, "newConnectionNeeded")]
        assert (len(world.legs), world.gate.counts["too_many_calls"]) == (2, 1)
        legs[0].line.close()
        socket.brings(setup(9))
        world.talk()
        assert len(world.legs) == 3
        assert not socket.closed

    @pytest.mark.parametrize("bound", ["VS_H323_CONNECTIONS", "VS_H323_CONNECTIONS_SOURCE"])
    def test_each_counts_as_a_connection(self, bound):
        world = World(**{bound: "10"})
        socket, _ = begun(world, *range(1, 13))
        assert (len(world.legs), world.gate.connections) == (10, 10)
        assert [cause for _, cause, _ in answers(socket)] == [47, 47]
        assert world.connects() is None
        world.legs[3].line.close()
        assert world.gate.connections == 9
        assert world.connects() is not None
        socket.gone()
        assert world.gate.connections == 1

    def test_setups_per_second_of_a_source(self):
        world = World(VS_SOURCE_CPS="2")
        socket, _ = begun(world, 1, 2, 3, 4)
        assert len(world.legs) == 2
        assert answers(socket) == [(3, 42, ""), (4, 42, "")]

    def test_messages_are_as_many_as_there_are_calls(self):
        world = World(VS_H323_MESSAGE_RATE="5")
        socket, legs = begun(world, *range(1, 11))
        for _ in range(3):
            world.reactor.advance(1)
            for reference in range(1, 11):
                socket.brings(*[facility(reference)] * 4)
        assert not socket.closed
        for _ in range(700):
            if not socket.closed:
                socket.brings(facility(1))
        assert socket.aborted
        assert all(leg.gone == ["too many messages"] for leg in legs)

    def test_rubbish_between_calls(self, world):
        socket, legs = begun(world, 7, 8)
        for _ in range(30):
            if not socket.closed:
                socket.brings(b"rubbish")
        assert socket.aborted
        assert [len(leg.gone) for leg in legs] == [1, 1]

    def test_a_setup_that_cannot_be_read_harms_no_other_call(self, world):
        socket, legs = begun(world, 7, 8)
        socket.brings(q931.encode(q931.Message(9, False, q931.SETUP)))
        world.talk()
        assert not socket.closed
        socket.brings(facility(7))
        assert len(legs[0].came) == 1


class TestMaintained:
    """A connection that stays for the next call."""

    def test_it_stays_for_a_while(self, world):
        socket, (leg,) = begun(world, 7, maintain_connection=True)
        leg.line.close()
        assert not socket.closed
        world.reactor.advance(IDLE_SECONDS - 1)
        socket.brings(setup(7, maintain_connection=True))
        world.talk()
        assert len(world.legs) == 2
        world.reactor.advance(10 * IDLE_SECONDS)
        assert not socket.closed
        world.legs[1].line.close()
        world.reactor.advance(IDLE_SECONDS)
        assert socket.closed
        socket.gone()
        assert world.gate.idle

    @pytest.mark.parametrize("maintain", [True, False])
    def test_the_last_setup_says_whether(self, world, maintain):
        socket, (one, other) = begun(world, 7, 8, maintain_connection=not maintain)
        socket.brings(setup(9, maintain_connection=maintain))
        world.talk()
        for leg in (one, other, world.legs[-1]):
            leg.line.close()
        assert socket.closed is not maintain

    def test_not_where_each_call_shall_have_its_own(self):
        world = World(VS_H323_CONNECTION_CALLS="1")
        socket, (leg,) = begun(world, 7, maintain_connection=True)
        leg.line.close()
        assert socket.closed

    def test_what_comes_between_two_calls(self, world):
        """Late words of the last call; not the first message of a connection."""
        socket, (leg,) = begun(world, 7, maintain_connection=True)
        leg.line.close()
        socket.brings(write(ReleaseComplete(reference=7, cause=16), False), facility(7))
        assert answers(socket) == [(7, 81, "")]
        assert not socket.closed

    def test_a_connection_without_any_setup_is_still_half_open(self, world):
        socket = connected(world)
        world.reactor.advance(SETUP_SECONDS)
        assert socket.aborted


@pytest.mark.parametrize("flags", [(False, False), (True, False), (True, True)])
def test_we_say_of_the_connection_what_the_caller_says(flags):
    several, maintained = flags
    played = PlayedCaller(multiple_calls=several, maintain_connection=maintained)
    played.leg.send(Ring())
    played.leg.send(Answer(played.try_.session))
    said = [message for message in played.wire.said if isinstance(message, h225.Described)]
    assert {(message.multiple_calls, message.maintain_connection) for message in said} == {flags}
    assert {type(message).__name__ for message in said} >= {"CallProceeding", "Alerting", "Connect"}
    alone = PlayedCaller(multiple_calls=several, maintain_connection=maintained)
    alone.leg.stack.parameters = {**alone.leg.stack.parameters, "VS_H323_CONNECTION_CALLS": 1}
    alone.leg.send(Ring())
    assert not alone.wire.last(h225.Alerting).multiple_calls
    assert not alone.wire.last(h225.Alerting).maintain_connection


@pytest.mark.parametrize("same", [True, False])
def test_a_peer_that_calls_by_a_connection_of_ours_is_told_to_make_its_own(same):
    """Even where its reference has the number of ours."""
    played = PlayedCallee().hear(h225.CallProceeding)
    assert not played.setup.multiple_calls
    reference = played.leg.reference if same else played.leg.reference + 1
    played.leg.received(write(Setup(reference=reference, callee=Party("44")), False))
    refusal = played.wire.said[-1]
    assert isinstance(refusal, ReleaseComplete)
    assert (refusal.reference, refusal.cause, refusal.reason) == (reference, 47, "newConnectionNeeded")
    played.hear(h225.Alerting)
    assert played.call.all(Ring)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["setup", "close", "message", "gone"]), st.integers(1, 5)), max_size=40))
def test_whatever_happens_calls_and_counts_agree(steps):
    """Each call hears its own messages only, and nothing is counted once the connection is gone."""
    world = World(VS_H323_CONNECTION_CALLS="4")
    socket, _ = begun(world, 1, maintain_connection=True)
    live = {1: world.legs[0]}
    for what, reference in steps:
        if socket.protocol is None or socket.closed:
            break
        if what == "setup":
            before = len(world.legs)
            socket.brings(setup(reference, maintain_connection=True))
            world.talk()
            assert (len(world.legs) > before) is (reference not in live and len(live) < 4)
            if len(world.legs) > before:
                live[reference] = world.legs[-1]
        elif what == "close" and reference in live:
            live.pop(reference).line.close()
        elif what == "message" and reference in live:
            count = len(live[reference].came)
            socket.brings(facility(reference))
            assert len(live[reference].came) == count + 1
        elif what == "gone":
            break
        assert world.gate.connections == max(1, len(live))
    if socket.protocol is not None:
        socket.gone()
    assert world.gate.idle
    assert all(leg.gone for leg in live.values())
