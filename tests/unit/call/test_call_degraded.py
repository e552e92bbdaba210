"""New calls while too many records wait for the database."""

from __future__ import annotations

import pytest

from tests.unit.call.call_world import PREPAID, World
from vosswitch.model.values import Address

POSTPAID = Address("192.0.2.1", 5060)


@pytest.mark.parametrize(
    ("policy", "source", "taken"),
    [
        ("", POSTPAID, True),
        ("go on", POSTPAID, True),
        ("prepaid", POSTPAID, False),
        ("prepaid", PREPAID, True),
        ("refuse", POSTPAID, False),
        ("refuse", PREPAID, False),
    ],
)
def test_the_policy_says_who_may_call(policy, source, taken):
    world = World()
    world.calls.degrade(policy)
    leg = world.call(source=source)
    if taken:
        assert leg.released is None
        world.out.fails(486)
        return
    assert (leg.released.reason, leg.status) == ("degraded", 503)
    assert policy in str(world.cdr.decision)


def test_it_ends_as_it_began():
    world = World()
    world.calls.degrade("refuse")
    assert world.call().released is not None
    world.calls.degrade("")
    assert world.call().released is None
    world.out.fails(486)
