"""What strangers and devices may leave behind: a bounded number of records, and addresses that can be called."""

from __future__ import annotations

import pytest
from sip_world import STRANGER, World
from test_sip_registrar import Phone

from vosswitch.sip.reception import RECORDED, RECORDED_EVERY


def calls_of_strangers(world, count):
    for number in range(count):
        world.invite(peer=(f"198.51.{100 + number // 250}.{number % 250 + 1}", 5060))


def test_a_flood_of_strangers_writes_a_bounded_number_of_records():
    world = World()
    calls_of_strangers(world, RECORDED + 20)
    assert len(world.calls.refusals) == RECORDED
    assert world.service.statistics.unrecorded == 20
    assert world.service.statistics.responses[403] == RECORDED + 20
    world.clock.advance(RECORDED_EVERY)
    world.invite(peer=STRANGER)
    assert len(world.calls.refusals) == RECORDED + 1


@pytest.mark.parametrize(
    "contact",
    [
        "<mailto:a@b.example>",
        "<tel:+431234>",
        "<sip:1001@10.0.0.9?Route=%3Csip:evil.example%3E>",
        "<sip:1001@10.0.0.9>, <mailto:a@b.example>",
    ],
)
def test_a_contact_that_cannot_be_called_is_refused(contact):
    world = World()
    world.credentials.add("1001", "secret")
    world.credentials.phones["1001"] = "1001"
    assert Phone(world).register(contact=contact).status == 400
    assert world.service.contacts("1001") == ()
