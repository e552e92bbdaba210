"""The log under a flood: bad messages from ever new (forged) sources do not fill it, and do not hide our own faults."""

from __future__ import annotations

from sip_world import OFFER, World

from vosswitch.sip.gate.notices import LOG_EVERY, LOG_MOST


def flood(world, first, count):
    for number in range(first, first + count):
        source = (f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", 5060)
        world.put(b"\x1b[2J no SIP at all, but long enough\r\n\r\n", source)


def lines(world):
    found, world.logged = world.logged, []
    world.service._log.observer = world.logged.append
    return [event["log_format"] for event in found]


def test_many_sources_of_rubbish_write_a_bounded_number_of_lines():
    world = World()
    flood(world, 0, 5000)
    assert len(lines(world)) == LOG_MOST
    assert world.service.statistics.bad == 5000
    world.clock.advance(LOG_EVERY)
    flood(world, 5000, 5000)
    assert len(lines(world)) == LOG_MOST
    assert len(world.service._notices._quiet) <= 1001


def test_a_fault_of_ours_is_told_in_the_middle_of_it():
    world = World()
    flood(world, 0, 1000)
    lines(world)
    world.calls.incoming = None
    world.invite(OFFER)
    assert len([event for event in world.logged if "log_failure" in event]) == 1


def test_what_a_peer_sent_is_escaped():
    world = World()
    flood(world, 0, 1)
    (event,) = world.logged
    assert event["head"].isprintable()
    assert "\\x1b[2J" in event["head"]
