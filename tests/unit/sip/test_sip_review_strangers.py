"""Addresses that devices register can be called."""

from __future__ import annotations

import pytest
from sip_world import World
from test_sip_registrar import Phone


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
