"""Keep-alives: to whom, in which batches, and none when there is nobody; the sweep of what is over."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
from sip_world import UAS, World
from twisted.internet.task import Clock

from vosswitch.model.call import Contact
from vosswitch.model.values import Address
from vosswitch.sip.registrations.keepalive import KeepAlive, Sweep
from vosswitch.sip.registrations.location import Binding
from vosswitch.sip.registrations.registrar import Registrar
from vosswitch.sip.transactions.timers import Timers

HERE = Address("192.0.2.1", 5060, "udp")


def _raise(error):
    raise error


class Room:
    def __init__(self, devices, **parameters):
        self.clock = Clock()
        timers = Timers(self.clock, _raise)
        self.registrar = Registrar(dict, timers.now)
        for number in range(devices):
            self.add(number)
        self.parameters = {
            "SS_SIP_NAT_KEEP_ALIVE_MESSAGE": "HELLO",
            "SS_SIP_NAT_KEEP_ALIVE_PERIOD": 30,
            "SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL": 500,
            "SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME": 3000,
        } | parameters
        self.sent = []
        self.keep = KeepAlive(self.registrar, self._sent, timers, lambda: self.parameters)
        self.sweep = Sweep(self.registrar, timers, lambda name: name != "out")

    def add(self, number, transport="udp", path=(), expires=1e9):
        target = Address("198.51.100.1", int(number) if str(number).isdigit() else 1, transport)
        contact = Contact(f"sip:{number}@h", target, HERE, expires, path=path)
        self.registrar.restore(str(number), (Binding(contact, "reg", 1, None, target),))

    def _sent(self, local, target, data):
        assert data == b"HELLO"
        self.sent.append((self.clock.seconds(), local, target))

    def pump(self, seconds):
        self.clock.pump([0.05] * round(seconds / 0.05))


def test_everyone_gets_one_each_period_spread_over_it():
    room = Room(200)
    room.keep.start()
    room.pump(5 + 59.5)
    assert len(room.sent) == 400
    assert set(Counter(target.port for _, _, target in room.sent).values()) == {2}
    batches = Counter(when for when, _, _ in room.sent)
    assert max(batches.values()) <= 4
    assert {local for _, local, _ in room.sent} == {HERE}


def test_a_batch_has_so_many_packets_at_most_and_nobody_starves():
    room = Room(300, SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME=2)  # 300 devices, room for 120 a period
    room.keep.start()
    room.pump(5 + 100)
    assert max(Counter(when for when, _, _ in room.sent).values()) == 2
    assert len({target.port for _, _, target in room.sent}) == 300


@pytest.mark.parametrize(("transport", "path"), [("tcp", ()), ("udp", ("<sip:edge;lr>",))])
def test_connections_and_edge_proxies_need_none(transport, path):
    room = Room(0)
    room.add(7, transport, path)
    room.keep.start()
    room.pump(90)
    assert room.sent == []


def test_nothing_when_there_is_nobody_or_no_message():
    room = Room(0)
    room.keep.start()
    room.pump(90)
    room.add(7)
    room.parameters["SS_SIP_NAT_KEEP_ALIVE_MESSAGE"] = ""
    room.pump(90)
    assert room.sent == []
    room.parameters["SS_SIP_NAT_KEEP_ALIVE_MESSAGE"] = "HELLO"
    room.pump(10)
    assert len(room.sent) == 1
    room.keep.stop()
    assert room.clock.getDelayedCalls() == []


def test_gateways_that_want_it():
    room = Room(0)
    room.keep.static = ((Address("192.0.2.50", 5060), "192.0.2.1"),)
    room.keep.start()
    room.pump(5 + 60)
    assert [(local, target) for _, local, target in room.sent] == [("192.0.2.1", Address("192.0.2.50", 5060))] * 2


def test_the_sweep_goes_round_in_half_a_minute():
    room = Room(1000)
    for number in range(1000, 3000):
        room.add(number, expires=10.0)
    room.add("out")
    room.sweep.start()
    room.pump(75)
    assert len(room.registrar) == 1000
    room.sweep.stop()


def test_the_datagram_leaves_from_the_listener_that_the_device_knows():
    world = World()
    world.service.poke(HERE, Address(*UAS), b"HELLO")
    world.service.poke(Address("192.0.2.9", 5060), Address(*UAS), b"HELLO")
    world.service.poke("192.0.2.1", Address(*UAS), b"HELLO")
    world.service.poke(None, Address(*UAS), b"HELLO")
    assert world.udp.written == [(b"HELLO", UAS)] * 3


def test_a_gateway_given_by_name_gets_it_where_its_name_leads(monkeypatch):
    world = World()
    vendor = Address("sip.vendor.test", 0, "auto")
    known = {vendor: (Address("192.0.2.77", 5060, "tcp"), Address("192.0.2.78", 5062, "udp"))}
    monkeypatch.setattr(world.service.names, "_known", {})
    world.service.poke(None, vendor, b"HELLO")
    assert world.udp.written == []
    world.service.names = SimpleNamespace(steady=known.get)
    world.service.poke(None, vendor, b"HELLO")
    world.service.poke(None, Address("other.test", 0, "udp"), b"HELLO")
    assert world.udp.written == [(b"HELLO", ("192.0.2.78", 5062))]
