"""REGISTER: digest, expiry, several devices, order, and calls to what was registered."""

from __future__ import annotations

import pytest
from sip_world import Peer, World
from zope.interface.verify import verifyObject

from vosswitch.model.interfaces import ILegFactory, IRegistrations
from vosswitch.model.values import Address
from vosswitch.sip.grammar import digest

PHONE = ("198.51.100.7", 40123)
CONTACT = "<sip:1001@10.0.0.9:5062;line=7>"


@pytest.fixture
def world():
    world = World()
    world.credentials.add("1001", "secret")
    world.credentials.phones["1001"] = "1001"
    yield world
    world.close()


class Phone(Peer):
    """A device that registers."""

    def __init__(self, world, call_id="reg", address=PHONE):
        super().__init__(world, address, call_id)
        self.to = "<sip:1001@192.0.2.1>"
        self.uri = "sip:192.0.2.1"
        self.password = "secret"
        self.user = "1001"
        self.challenge = ""
        self.count = 0

    def register(self, **changes):
        """The final response to a REGISTER, challenged when need be."""
        changes.setdefault("contact", CONTACT)
        if not self.challenge:
            self.request("REGISTER", **changes)
            (response,) = self.take()
            assert response.status == 401
            self.challenge = response.headers["www-authenticate"][1]
        self.count += 1
        value = digest.answer(self.challenge, self.user, self.password, "REGISTER", self.uri, "c", self.count)
        self.request("REGISTER", authorization=value, **changes)
        (response,) = self.take()
        return response


def uris(world):
    return [contact.uri for contact in world.service.contacts("1001")]


def test_registers_where_it_was_seen(world):
    response = Phone(world).register(expires="600", user_agent="Phone/1")
    assert response.status == 200
    assert response.headers["contact"] == [f"{CONTACT};expires=600"]
    (contact,) = world.service.contacts("1001")
    assert contact.uri == "sip:1001@10.0.0.9:5062;line=7"
    assert contact.target == Address(*PHONE, "udp")
    assert contact.local == Address("192.0.2.1", 5060, "udp")
    assert contact.user_agent == "Phone/1"
    assert [*world.service.registered()] == ["1001"]


def test_expiry(world):
    phone = Phone(world)
    assert phone.register(contact=f"{CONTACT};expires=100", expires="600").headers["contact"][0].endswith("=100")
    world.clock.advance(40)
    assert phone.register(contact="").headers["contact"][0].endswith("expires=60")
    world.clock.advance(61)
    assert uris(world) == []
    assert world.service.registered() == {}


@pytest.mark.parametrize(("asked", "given"), [({}, 3600), ({"expires": "100000"}, 3600), ({"expires": "x"}, 3600)])
def test_default_and_longest_expiry(world, asked, given):
    assert Phone(world).register(**asked).headers["contact"][0].endswith(f"expires={given}")


def test_too_short_an_expiry_is_423(world):
    response = Phone(world).register(expires="30")
    assert (response.status, response.get("min-expires")) == (423, "60")
    assert uris(world) == []


def test_a_default_expiry_below_the_shortest_is_granted(world):
    world.parameters["SS_ENDPOINT_EXPIRE"] = 30
    phone = Phone(world)
    assert phone.register().headers["contact"][0].endswith("expires=30")
    response = phone.register(expires="20")
    assert (response.status, response.get("min-expires")) == (423, "30")


def test_removal(world):
    phone = Phone(world)
    phone.register()
    response = phone.register(expires="0")
    assert (response.status, response.get("contact")) == (200, None)
    phone.register()
    assert uris(world) != []
    assert phone.register(contact="*", expires="0").status == 200
    assert uris(world) == []
    assert phone.register(contact="*", expires="10").status == 400


def test_a_new_device_replaces_the_old_one(world):
    Phone(world, "one").register()
    Phone(world, "two").register(contact="<sip:1001@10.0.0.10>")
    assert uris(world) == ["sip:1001@10.0.0.10"]


def test_several_devices_newest_first(world):
    world.parameters["SS_ENDPOINT_REGISTER_REPLACE"] = False
    for number in range(12):
        assert Phone(world, f"r{number}").register(contact=f"<sip:1001@10.0.0.{number}>").status == 200
    assert uris(world) == [f"sip:1001@10.0.0.{number}" for number in range(11, 1, -1)]


def test_requests_out_of_order_change_nothing(world):
    phone = Phone(world)
    phone.register(expires="600")
    phone.cseq = 0
    assert phone.register(expires="0").status == 500
    assert uris(world) != []
    phone.cseq = 0
    assert phone.register(contact="*", expires="0").status == 500


def test_wrong_password_and_wrong_number(world):
    phone = Phone(world)
    phone.password = "wrong"
    assert [phone.register().status for _ in range(3)] == [401, 401, 403]
    world.credentials.add("1002", "other")
    world.credentials.phones["1002"] = "1002"
    thief = Phone(world, "thief", ("198.51.100.8", 5060))
    thief.user, thief.password = "1002", "other"
    assert thief.register().status == 403
    world.credentials.add("gate", "x")
    gate = Phone(world, "gate", ("198.51.100.9", 5060))
    gate.user, gate.password = "gate", "x"
    assert gate.register().status == 403
    assert world.service.registered() == {}


def test_a_trusted_source_has_to_prove_itself_too(world):
    world.credentials.trusted.add(PHONE[0])
    Phone(world).register()
    assert len(uris(world)) == 1


def test_call_to_a_registered_phone(world):
    phone = Phone(world)
    phone.register()
    (contact,) = world.service.contacts("1001")
    world.place(target=contact.target, request_uri=contact.uri, callee="1001", local_address=contact.local.host)
    (invite,) = phone.take()
    assert invite.uri == contact.uri
    phone.answer(invite, 486)
    assert phone.take()[0].method == "ACK"


def test_interfaces(world):
    assert verifyObject(IRegistrations, world.service)
    assert verifyObject(ILegFactory, world.service)
