"""Where registered devices are reached: NAT, Path, flows, preference, instances, dynamic gateways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip_world import World
from test_sip_registrar import CONTACT, PHONE, Phone, uris

from vosswitch.model.causes import cause
from vosswitch.model.signals import Release
from vosswitch.model.values import Address
from vosswitch.sip.registrations.location import Binding
from vosswitch.sip.registrations.registrar import MOST, Lap

PROXY = ("203.0.113.5", 5060)
INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'


@pytest.fixture
def world():
    world = World()
    world.credentials.add("1001", "secret")
    world.credentials.phones["1001"] = "1001"
    yield world
    world.close()


def target(world):
    (contact,) = world.service.contacts("1001")
    return contact.target


def test_a_device_without_nat_is_reached_where_it_says():
    world = World()
    world.credentials.add("1001", "secret")
    world.credentials.phones["1001"] = "1001"
    phone = Phone(world)
    phone.register(contact="<sip:1001@198.51.100.7:5090>")
    assert target(world) == Address(PHONE[0], 5090, "udp")


@pytest.mark.parametrize(
    "via",
    ["SIP/2.0/UDP 10.0.0.9:40123;branch={};rport", "SIP/2.0/UDP 198.51.100.7:5062;branch={};rport"],
    ids=["host", "port"],
)
def test_a_device_behind_nat_is_reached_where_it_was_seen(world, via):
    phone = Phone(world)
    value = via.format("z9hG4bKfirst")
    phone.request("REGISTER", contact="<sip:1001@198.51.100.7:5062>", via=value)
    phone.challenge = phone.take()[0].headers["www-authenticate"][1]
    phone.register(contact="<sip:1001@198.51.100.7:5062>", via=via.format("z9hG4bKsecond"))
    assert target(world) == Address(*PHONE, "udp")


def test_preference_then_newest(world):
    world.parameters["SS_ENDPOINT_REGISTER_REPLACE"] = False
    for number, q in enumerate(["0.2", "0.9", "0.9", "x"]):
        Phone(world, f"r{number}").register(contact=f"<sip:1001@10.0.0.{number}>;q={q}")
    assert [uri[-1] for uri in uris(world)] == ["3", "2", "1", "0"]


def test_what_a_device_wrote_of_its_contact_comes_back(world):
    response = Phone(world).register(contact=f'{CONTACT};q=0.7;{INSTANCE};methods="INVITE, BYE"', expires="90")
    assert response.headers["contact"] == [f'{CONTACT};expires=90;q=0.7;{INSTANCE};methods="INVITE, BYE"']


def test_the_clock_is_told(world):
    world.service.registrar._wall = lambda: 1_000_000_000.0
    assert Phone(world).register().get("date") == "Sun, 09 Sep 2001 01:46:40 GMT"


def test_the_same_instance_replaces_its_binding(world):
    world.parameters["SS_ENDPOINT_REGISTER_REPLACE"] = False
    Phone(world, "one").register(contact=f"<sip:1001@10.0.0.9>;{INSTANCE}")
    Phone(world, "two").register(contact=f"<sip:1001@10.0.0.10>;{INSTANCE}")
    assert uris(world) == ["sip:1001@10.0.0.10"]


def test_two_flows_of_one_device_stand_beside_each_other(world):
    Phone(world, "one").register(contact=f"<sip:1001@10.0.0.9:1>;{INSTANCE};reg-id=1")
    Phone(world, "two").register(contact=f"<sip:1001@10.0.0.9:2>;{INSTANCE};reg-id=2")
    assert len(uris(world)) == 2
    Phone(world, "three").register(contact="<sip:1001@10.0.0.11>")  # another device replaces both
    assert uris(world) == ["sip:1001@10.0.0.11"]


def test_behind_an_edge_proxy(world):
    phone = Phone(world, address=PROXY)
    response = phone.register(path="<sip:203.0.113.5:5070;lr>", supported="path")
    assert response.get("path") == "<sip:203.0.113.5:5070;lr>"
    (contact,) = world.service.contacts("1001")
    assert contact.target == Address("203.0.113.5", 5070, "udp")
    assert contact.path == ("<sip:203.0.113.5:5070;lr>",)
    world.place(target=contact.target, request_uri=contact.uri, callee="1001", route=contact.path)
    invite = world.one(("203.0.113.5", 5070))
    assert invite.headers["route"] == ["<sip:203.0.113.5:5070;lr>"]
    world.put(b"", PROXY)


def test_a_path_elsewhere_leads_to_who_wrote_it(world):
    Phone(world, address=PROXY).register(path="<sip:192.0.2.99;lr>")
    assert target(world) == Address(*PROXY, "udp")


@pytest.mark.parametrize("path", ["<nonsense", ",".join(["<sip:203.0.113.5;lr>"] * 9)])
def test_an_unusable_path_is_refused(world, path):
    assert Phone(world, address=PROXY).register(path=path).status == 400
    assert uris(world) == []


def test_require_path_is_understood_and_gruu_is_not(world):
    assert Phone(world).register(require="path, outbound").status == 200
    phone = Phone(world, "other")
    phone.request("REGISTER", require="gruu")
    (response,) = phone.take()
    assert (response.status, response.get("unsupported")) == (420, "gruu")


def test_a_flow_behind_a_proxy_that_keeps_none_is_439(world):
    phone = Phone(world)
    vias = "SIP/2.0/UDP 198.51.100.7:40123;branch=z9hG4bK{};rport, SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKb"
    phone.request("REGISTER", via=vias.format("a"))
    phone.challenge = phone.take()[0].headers["www-authenticate"][1]
    flow = {"contact": f"{CONTACT};{INSTANCE};reg-id=1", "supported": "outbound, path"}
    assert phone.register(via=vias.format("c"), **flow).status == 439
    assert phone.register(via=vias.format("d"), path="<sip:198.51.100.7;lr;ob>", **flow).status == 200


def over_tcp(world, contact, **changes):
    connection, transport = world.connect(PHONE)
    phone = Phone(world)
    world.put = lambda data, _peer: connection.dataReceived(data)
    phone.take = lambda: _taken(transport)
    phone.register(contact=contact, **changes)
    return connection, transport


def _taken(transport):
    from vosswitch.sip.grammar.parse import parse  # noqa: PLC0415 - here only

    data = transport.value()
    transport.clear()
    return [parse(data)]


def test_a_connection_leads_to_its_device_and_takes_it_along(world):
    connection, _ = over_tcp(world, CONTACT)
    assert target(world) == Address(*PHONE, "tcp")
    connection.connectionLost()
    assert uris(world) == []
    world.service.registrar.sweep(["1001"], lambda name: True)
    assert len(world.service.registrar) == 0


def test_without_nat_a_lost_connection_can_be_made_again(world):
    via = "SIP/2.0/TCP 198.51.100.7:5060;branch=z9hG4bK{}"
    connection, transport = world.connect(PHONE)
    phone = Phone(world)
    world.put = lambda data, _peer: connection.dataReceived(data)
    phone.take = lambda: _taken(transport)
    phone.request("REGISTER", via=via.format("a"))
    phone.challenge = phone.take()[0].headers["www-authenticate"][1]
    phone.register(contact="<sip:1001@198.51.100.7:5060;transport=tcp>", via=via.format("b"))
    assert target(world) == Address(*PHONE, "tcp")
    connection.connectionLost()
    assert target(world) == Address("198.51.100.7", 5060, "tcp")


def test_registered_from(world):
    registrar = world.service.registrar
    Phone(world).register(expires="60")
    assert registrar.registered_from(PHONE[0], "1001")
    assert not registrar.registered_from("198.51.100.8", "1001")
    assert not registrar.registered_from(PHONE[0], "1002")
    world.clock.advance(61)
    assert not registrar.registered_from(PHONE[0], "1001")


def test_sweep_forgets_what_is_over_or_not_allowed_any_more(world):
    registrar = world.service.registrar
    changed = []
    registrar.changed = changed.append
    Phone(world).register(expires="60")
    lap = Lap(registrar.names)
    assert [lap.some(5), lap.some(5), lap.some(5)] == [[], ["1001"], []]
    registrar.sweep(["1001"], lambda name: True)
    assert len(registrar) == 1
    registrar.sweep(["1001"], lambda name: False)
    assert len(registrar) == 0
    Phone(world, "again").register(expires="60")
    world.clock.advance(61)
    registrar.sweep(["1001"], lambda name: True)
    assert len(registrar) == 0
    assert changed == ["1001"] * 4


def test_a_binding_survives_as_data(world):
    world.parameters["SS_ENDPOINT_REGISTER_REPLACE"] = False
    Phone(world).register(
        contact=f"{CONTACT};q=0.3;{INSTANCE};reg-id=4", path="<sip:198.51.100.7;lr>", user_agent="P/1"
    )
    (binding,) = world.service.registrar.live("1001")
    again = Binding.from_data(binding.to_data(7.0), binding.contact.expires)
    assert again == binding
    for damaged in ([], [1, 2], binding.to_data(7.0)[:-1], [None] * 14):
        with pytest.raises(ValueError, match=r".+"):
            Binding.from_data(damaged, 1.0)


def test_a_phone_has_so_many_contacts_at_most(world):
    world.parameters["SS_ENDPOINT_REGISTER_REPLACE"] = False
    contacts = ", ".join(f"<sip:1001@10.0.0.{n}>" for n in range(MOST + 5))
    assert Phone(world).register(contact=contacts).status == 200
    assert len(uris(world)) == MOST


class Gateway(Phone):
    """A gateway that registers as ``trunk``."""

    def __init__(self, world, address=("198.51.100.30", 5060)):
        super().__init__(world, "gate", address)
        world.credentials.add("trunk", "word")
        self.user, self.password, self.to = "trunk", "word", "<sip:trunk@192.0.2.1>"


def test_a_dynamic_gateway_registers_and_calls_without_digest(world):
    gateway = Gateway(world)
    assert gateway.register().status == 403  # nothing says that it may
    world.credentials.registering.add("trunk")
    assert gateway.register(contact="<sip:trunk@198.51.100.30>").status == 200
    assert [contact.uri for contact in world.service.gateway("trunk")] == ["sip:trunk@198.51.100.30"]
    assert world.service.contacts("trunk") == ()
    caller = world.invite(peer=gateway.address)
    assert caller.statuses() == [100]
    leg, offered = world.calls.offered[0]
    assert offered.user == "trunk"
    leg.send(Release(cause("no_route")))


@pytest.mark.parametrize("source", [("198.51.100.30", 5061), ("198.51.100.31", 5060)], ids=["port", "host"])
def test_other_sources_than_the_registered_one_have_to_prove_themselves(world, source):
    world.credentials.asks = True
    gateway = Gateway(world)
    world.credentials.registering.add("trunk")
    gateway.register()
    caller = world.invite(peer=source)
    assert caller.statuses() == [401]
    assert world.calls.offered == []


def test_a_gateway_that_is_gone_or_not_dynamic_any_more_has_to_prove_itself(world):
    world.credentials.asks = True
    gateway = Gateway(world)
    world.credentials.registering.add("trunk")
    gateway.register(expires="60")
    world.credentials.registering.clear()
    assert world.invite(peer=gateway.address).statuses() == [401]
    world.credentials.registering.add("trunk")
    world.clock.advance(61)
    gateway.take()
    assert world.invite(peer=gateway.address).statuses() == [401]


@pytest.mark.parametrize(
    "changes", [{"contact": f"<sip:{'1' * 600}@h>"}, {"call_id": "c" * 600}], ids=["uri", "call-id"]
)
def test_what_is_kept_of_a_phone_is_bounded(world, changes):
    call_id = changes.pop("call_id", "reg")
    assert Phone(world, call_id).register(**changes).status == 400
    assert uris(world) == []


_PIECES = st.sampled_from(
    ["<sip:1001@10.0.0.1>", "<sip:1001@198.51.100.7:70000>", "*", "<tel:+49>", "<sips:a@[::1]>", ";q=2", ";q=",
     ";expires=0", ";expires=99999999999", ";expires=-1", ";reg-id=1", ";reg-id=x", ";+sip.instance=\"<urn:x>\"",
     ";+sip.instance", ", ", '"', "<", ">", "<sip:@>", "<sip:a@b?X=1>", ";;", " ", "\u00fc"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=6).map("".join), st.sampled_from(["0", "60", "59", "3600", "", "x"]))
def test_whatever_a_contact_looks_like_the_phone_gets_an_answer(contact, expires):
    world = World()
    world.credentials.add("1001", "secret")
    world.credentials.phones["1001"] = "1001"
    phone = Phone(world)
    assert phone.register(expires="60").status == 200
    again = phone.register(contact=contact, expires=expires, supported="path, outbound")
    assert again.status in {200, 400, 416, 423, 439}
    for name in world.service.registrar.names():
        assert len(world.service.registrar.live(name)) <= MOST
    world.close()


def test_a_changed_password_ends_what_was_registered_with_the_old_one(world):
    registrar = world.service.registrar
    Phone(world).register(expires="600")
    registrar.sweep(["1001"], lambda name: True)
    assert len(registrar) == 1
    world.credentials.add("1001", "another")
    registrar.sweep(["1001"], lambda name: True)
    assert len(registrar) == 0
    phone = Phone(world, "again")
    phone.password = "another"
    assert phone.register(expires="600").status == 200
    registrar.sweep(["1001"], lambda name: True)
    assert len(registrar) == 1


def test_what_survived_a_restart_holds_until_the_password_changes_after_it(world):
    registrar = world.service.registrar
    Phone(world).register(expires="600")
    (binding,) = registrar.live("1001")
    registrar.sweep(["1001"], lambda name: False)
    registrar.restore("1001", (Binding.from_data(binding.to_data(0.0), binding.contact.expires),))
    registrar.sweep(["1001"], lambda name: True)
    assert len(registrar) == 1
    world.credentials.add("1001", "another")
    registrar.sweep(["1001"], lambda name: True)
    assert len(registrar) == 0
