"""OPTIONS that ask whether a gateway is there, and Retry-After."""

from __future__ import annotations

import pytest
from sip_world import STRANGER, UAS, World, reply

from vosswitch.app.watch import counts
from vosswitch.model.peer import PeerProfile
from vosswitch.model.values import Address
from vosswitch.sip.destinations.probe import Probe
from vosswitch.sip.grammar.headers import retry_after


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


GATEWAY = Address(*UAS)


def ask(world, target=GATEWAY, patience=8.0):
    told = []
    Probe(world.service.trunks.stack, patience, told.append).ask(target, None, None)
    return told


def test_an_answer_is_told_once(world):
    told = ask(world)
    options = world.one(UAS)
    assert (options.method, options.uri) == ("OPTIONS", f"sip:{UAS[0]}:{UAS[1]}")
    assert told == []
    world.put(reply(options, 404), UAS)
    world.put(reply(options, 404), UAS)
    assert told == [[404]]


def test_silence_is_told_in_time_and_leaves_nothing_behind(world):
    told = ask(world, patience=2.0)
    world.clock.pump([0.5] * 5)
    assert told == [[]]
    assert world.service._layer.clients == {}
    assert {found.method for found in world.take(UAS)} == {"OPTIONS"}


def test_no_way_there_is_told_too(world):
    assert ask(world, Address("2001:db8::1", 5060)) == [[]]
    assert world.take() == []


def test_an_answer_from_a_stranger_who_has_not_seen_it_is_none(world):
    told = ask(world)
    world.put(reply(world.one(UAS), 200).replace(b"branch=z9hG4bK", b"branch=z9hG4bKx"), STRANGER)
    assert told == []


@pytest.mark.parametrize(
    ("codes", "good", "bad"), [((), (200, 404, 486, 500), (408, 503)), ((486,), (200, 204, 486), (404, 503))]
)
def test_which_answers_count(codes, good, bad):
    profile = PeerProfile(probe_codes=codes)
    assert all(counts(status, profile) for status in good)
    assert not any(counts(status, profile) for status in bad)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 5 (maintenance);duration=3600", 5),
        ("18000;duration=3600", 18000),
        (None, 0),
        ("", 0),
        ("-5", 0),
        ("Fri, 31 Dec", 0),
        ("5x", 0),
        ("9" * 40, 0),
        ("9" * 20, 2**32 - 1),
    ],
)
def test_retry_after(text, seconds):
    assert retry_after(text) == seconds
