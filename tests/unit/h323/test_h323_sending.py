"""What is written goes out at once, in order, and a connection that is gone is left alone."""

from __future__ import annotations

import pytest
from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import MemoryReactorClock, StringTransport

from vosswitch.h323.transport.sending import put


class Narrow(FileDescriptor):
    """Takes so many octets each time it is asked.

    :ivar sent: what it has taken; *room* for how much it has; None = the peer is gone.
    """

    def __init__(self, room: int | None) -> None:
        super().__init__(MemoryReactorClock())
        self.connected = True
        self.room = room
        self.sent = b""

    def fileno(self) -> int:
        return 7

    def writeSomeData(self, data: bytes) -> int | Exception:
        if self.room is None:
            return ConnectionLost()
        taken = bytes(data)[: self.room]
        self.sent += taken
        return len(taken)


def test_all_of_it_at_once_and_nothing_left_to_write():
    """The usual case: no turn of the reactor more."""
    narrow = Narrow(1000)
    put(narrow, b"one")
    put(narrow, b"two")
    assert narrow.sent == b"onetwo"
    assert narrow.reactor.getWriters() == []


@pytest.mark.parametrize("room", [1, 2, 5])
def test_the_rest_goes_in_order_when_there_is_room(room):
    """A peer that reads slowly."""
    narrow = Narrow(room)
    put(narrow, b"first")
    put(narrow, b"second")
    assert b"firstsecond".startswith(narrow.sent)
    while narrow.reactor.getWriters():
        narrow.doWrite()
    assert narrow.sent == b"firstsecond"


def test_an_error_is_left_to_the_reactor():
    """Which asks again, and ends the connection as always."""
    narrow = Narrow(None)
    put(narrow, b"one")
    assert narrow.reactor.getWriters() == [narrow]


def test_a_connection_that_is_gone_is_not_written_to():
    """Twisted has taken its socket away."""
    narrow = Narrow(10)
    narrow.connected = False
    put(narrow, b"one")
    assert narrow.sent == b""


def test_a_transport_of_another_kind_just_writes():
    """TLS, or one of a test."""
    transport = StringTransport()
    put(transport, b"one")
    assert transport.value() == b"one"
