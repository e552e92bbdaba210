"""A listener on all addresses: whose it is, and from which address it sends."""

from __future__ import annotations

import socket

import pytest
from sip_world import World

from vosswitch.model.values import Address
from vosswitch.params.boot import Listener
from vosswitch.sip.transport import UdpSocket
from vosswitch.sip.transport.options import one_family, source_of

HERE, THERE = "127.0.0.1", "127.0.0.7"


@pytest.fixture
def world():
    made = World("0.0.0.0")
    made.service.sockets.all[0].address = Address("0.0.0.0", 5060, "udp")
    yield made
    made.close()


def test_a_device_that_was_seen_through_it_is_reached_through_it(world):
    """Its binding names the address of ours that it sees."""
    service = world.service
    assert service.listens(Address("192.0.2.1", 5060, "udp"))
    assert not service.listens(Address("192.0.2.1", 5061, "udp"))
    assert not service.listens(Address("2001:db8::1", 5060, "udp"))
    service.poke(Address("192.0.2.1", 5060, "udp"), Address("198.51.100.1", 4000), b"HELLO")
    assert world.udp.written == [(b"HELLO", ("198.51.100.1", 4000))]


def test_a_local_address_is_sent_from_and_told(world):
    flow = world.service._ways.way(Address("127.0.0.9", 5060), THERE)
    assert flow.via == f"SIP/2.0/UDP {THERE}:5060"
    assert flow.local.host == THERE
    assert flow.toward("127.0.0.10", 5070).hostport == f"{THERE}:5060"
    assert world.service.local(Address("127.0.0.9", 5060), THERE) == THERE
    assert world.service._ways.way(Address("127.0.0.9", 5060), None).via == f"SIP/2.0/UDP {HERE}:5060"


def test_connections_are_made_from_it_and_not_shared_with_others(world):
    binds = []
    world.clock.connectTCP = lambda host, port, factory, timeout, bind: binds.append((port, bind))
    way, target = world.service._ways.way, Address("127.0.0.9", 5060, "tcp")
    flow = way(target, THERE)
    assert way(target, THERE) is flow
    other = way(target, None)
    assert other is not flow
    assert binds == [(5060, (THERE, 0)), (5060, None)]
    for each in (flow, other):
        each.lost()
    assert way(target, THERE) is not flow


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, THERE), (socket.AF_INET6, "::1")])
def test_the_system_takes_the_source_of_a_datagram(family, host):
    with socket.socket(family, socket.SOCK_DGRAM) as sender, socket.socket(family, socket.SOCK_DGRAM) as taker:
        sender.bind(("", 0))
        taker.bind((HERE if family == socket.AF_INET else "::1", 0))
        taker.settimeout(5)
        sender.sendmsg([b"x"], [source_of(host)], 0, taker.getsockname())
        assert taker.recvfrom(10)[1][0] == host


def test_both_families_have_a_listener_on_all_addresses_at_one_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as four, socket.socket(socket.AF_INET6, 2) as six:
        four.bind(("0.0.0.0", 0))
        one_family(four)
        one_family(six)
        six.bind(("::", four.getsockname()[1]))


def test_a_listener_of_one_address_is_told_none(world):
    owner = UdpSocket(Listener("udp", "192.0.2.1", 5060), world.service, world.service.timers)
    assert owner.source("192.0.2.1:5060") == ""
    assert owner.is_at(Address("192.0.2.1", 5060, "udp"))
    assert not owner.is_at(Address("192.0.2.2", 5060, "udp"))
