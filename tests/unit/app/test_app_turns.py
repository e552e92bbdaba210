"""Turns of the reactor without a log context for each event."""

from __future__ import annotations

import socket

import pytest
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock

from vosswitch.app.turns import spare

epollreactor = pytest.importorskip("twisted.internet.epollreactor")


class Noting(DatagramProtocol):
    def __init__(self):
        self.heard = []

    def datagramReceived(self, datagram, addr):
        self.heard.append(datagram)
        if datagram == b"bad":
            raise ValueError("a fault of ours")


def test_events_arrive_and_faults_stop_nothing():
    reactor = epollreactor.EPollReactor()
    try:
        assert spare(reactor)
        noting = Noting()
        port = reactor.listenUDP(0, noting, "127.0.0.1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for data in (b"1", b"bad", b"2"):
                peer.sendto(data, ("127.0.0.1", port.getHost().port))
                reactor.doIteration(5)
        assert noting.heard == [b"1", b"bad", b"2"]
        reactor.doIteration(0)  # nothing there
    finally:
        port.socket.close()
        reactor.waker.connectionLost(None)
        reactor._poller.close()


def test_another_reactor_is_left_as_it_is():
    clock = Clock()
    assert not spare(clock)
    assert not hasattr(clock, "doIteration")
