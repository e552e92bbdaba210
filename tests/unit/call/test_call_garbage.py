"""An ended call is freed at once: thousands a minute left to the garbage collector would stall the switch."""

from __future__ import annotations

import gc

import pytest

from tests.unit.call.call_world import World, offer
from vosswitch.call.bridge import Call
from vosswitch.call.deciding.decision import Decision


def alive():
    """Calls and decisions that exist."""
    return [found for found in gc.get_objects() if isinstance(found, (Call, Decision))]


@pytest.mark.parametrize("answered", [True, False])
def test_an_ended_call_needs_no_collector(answered):
    gc.collect()
    gc.disable()
    try:
        before = len(alive())
        world = World()
        caller = world.call()
        if answered:
            world.out.answers(offer(5000))
            world.out.hangs_up()
        else:
            world.out.fails(486)
        world.clock.advance(1)
        assert len(world.cdrs) == 1
        caller.listener = None  # what only the fakes remember
        world.legs.placed.clear()
        world.media.sessions.clear()
        assert len(alive()) == before
    finally:
        gc.enable()
