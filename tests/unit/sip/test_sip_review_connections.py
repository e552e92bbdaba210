"""TCP connections are bounded by what the process may open, and one host cannot have them all."""

from __future__ import annotations

import resource

import pytest
from sip_world import World
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from vosswitch.sip import transport as transports
from vosswitch.sip.transport import MOST_CONNECTIONS, OTHER_FILES, connections_allowed


@pytest.fixture
def world():
    world = World()
    yield world
    for flow in list(world.service._sockets[1]._flows.values()):
        flow.connection.connectionLost(Failure(ConnectionDone()))
    world.close()


class From:
    """Where a connection comes from."""

    def __init__(self, host):
        self.host = host


@pytest.mark.parametrize(
    ("files", "allowed"),
    [
        (1024, 1024 - OTHER_FILES),
        (300, 150),
        (1_000_000, MOST_CONNECTIONS),
        (resource.RLIM_INFINITY, MOST_CONNECTIONS),
        (1, 1),
    ],
)
def test_the_rest_of_the_process_keeps_open_files(monkeypatch, files, allowed):
    monkeypatch.setattr(transports.opening.resource, "getrlimit", lambda _what: (files, files))
    assert connections_allowed() == allowed


def test_one_host_gets_at_most_half_of_the_connections(world):
    owner = world.service._sockets[1]
    owner.quota.most = 4
    first, _ = world.connect(("192.0.2.66", 1001))
    world.connect(("192.0.2.66", 1002))
    assert owner.factory.buildProtocol(From("192.0.2.66")) is None
    other = owner.factory.buildProtocol(From("192.0.2.10"))
    assert other is not None
    first.connectionLost(Failure(ConnectionDone()))
    assert owner.factory.buildProtocol(From("192.0.2.66")) is not None


def test_nothing_is_remembered_of_a_host_whose_connections_are_gone(world):
    owner = world.service._sockets[1]
    for port in range(50):
        connection, _ = world.connect(("192.0.2.66", 2000 + port))
        connection.connectionLost(Failure(ConnectionDone()))
    assert owner.quota.idle
