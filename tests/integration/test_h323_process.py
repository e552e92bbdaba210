"""The real H.323 process, whose switch is the test: one call in, one call out, and its end with the switch."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import suppress

import pytest

from tests.support.switch import free_port
from vosswitch.h323.elements import Party
from vosswitch.h323.h225 import ReleaseComplete, Setup, read, write
from vosswitch.h323.settings import told
from vosswitch.h323.tpkt import Framer, framed
from vosswitch.h323.wire import Lines, pack, unpack
from vosswitch.model.call import Placement
from vosswitch.model.causes import cause, from_sip
from vosswitch.model.h323 import USUAL
from vosswitch.model.peer import PeerProfile
from vosswitch.model.signals import Release
from vosswitch.model.values import Address
from vosswitch.params.system import Parameters

SPEAKS = PeerProfile(h323=USUAL)


class Process:
    """One process and our end of its socket."""

    def __init__(self):
        self.port = free_port()
        self.link, theirs = socket.socketpair()
        given = {
            "descriptor": theirs.fileno(),
            "listeners": [["h323", "127.0.0.1", self.port, ""]],
            "product": "vosswitch/test",
        }
        self.child = subprocess.Popen(
            [sys.executable, "-m", "vosswitch.h323", json.dumps(given)], pass_fds=(theirs.fileno(),)
        )
        theirs.close()
        self.link.settimeout(30)
        self.lines, self.waiting, self.sockets = Lines(), [], []
        self.says("settings", told(Parameters({})))

    def says(self, *message):
        self.link.sendall(pack(*message))

    def hears(self, *words):
        """The next message of one of these kinds; questions on the way are answered."""
        while True:
            while not self.waiting:
                data = self.link.recv(65536)
                assert data, "the process is gone"
                self.waiting = self.lines.feed(data)
            message = unpack(self.waiting.pop(0))
            if message[0] == "ask":
                answers = {"known": True, "caller": (SPEAKS, None), "stranger": None}
                self.says("answer", message[1], answers.get(message[2]))
            if message[0] in words:
                return message

    def keep(self, connection):
        """One that is closed with the process."""
        connection.settimeout(30)
        self.sockets.append(connection)
        return connection

    def connection(self):
        return self.keep(socket.create_connection(("127.0.0.1", self.port)))

    def end(self):
        for one in (self.link, *self.sockets):
            one.close()
        self.child.kill()
        self.child.wait()


class Peer:
    """A TCP connection that carries TPKTs."""

    def __init__(self, connection):
        self.socket = connection
        self.framer, self.waiting = Framer(), []

    def says(self, message, from_destination=False):
        self.socket.sendall(framed(write(message, from_destination)))

    def hears(self, kind):
        """The next message of that kind."""
        while True:
            while not self.waiting:
                data = self.socket.recv(65536)
                assert data, "closed"
                self.waiting = self.framer.feed(data)
            found = read(self.waiting.pop(0))
            if isinstance(found, kind):
                return found


@pytest.fixture
def process():
    made = Process()
    made.hears("ready")
    yield made
    made.end()


def test_a_call_comes_in_is_refused_and_its_cause_told(process):
    peer = Peer(process.connection())
    peer.says(Setup(reference=77, call_identifier=b"i" * 16, callee=Party("4366"), caller=Party("4311")))
    _, number, offered, state, _ = process.hears("incoming")
    assert (offered.caller, offered.callee, offered.source) == ("4311", "4366", Address("127.0.0.1", 1720, "h323"))
    assert state.status == 100
    process.says("say", number, Release(from_sip(486)))
    release = peer.hears(ReleaseComplete)
    assert (release.reference, release.cause) == (77, 17)
    assert process.hears("over") == ("over", number)


def test_a_call_goes_out_and_is_refused(process):
    with socket.create_server(("127.0.0.1", 0)) as vendor:
        target = Address("127.0.0.1", vendor.getsockname()[1], "h323")
        process.says("place", 2, Placement("1", "4311", "4366", target, None, profile=SPEAKS))
        peer = Peer(process.keep(vendor.accept()[0]))
        setup = peer.hears(Setup)
        assert (setup.callee.number, setup.caller.number) == ("4366", "4311")
        assert setup.source_address == Address("127.0.0.1", process.port, "h323")
        peer.says(ReleaseComplete(reference=setup.reference, cause=17), from_destination=True)
        _, number, signal, state = process.hears("say")
        assert (number, signal.cause.reason) == (2, "busy")
        assert state.remote == target


def test_a_call_out_that_nobody_takes_ends(process):
    process.says("place", 2, Placement("1", "4311", "4366", Address("127.0.0.1", free_port(), "h323"), None))
    _, _, signal, _ = process.hears("say")
    assert signal.cause.reason == "connection_timeout"


def test_it_ends_with_the_switch_and_its_calls_with_a_stop(process):
    peer = Peer(process.connection())
    peer.says(Setup(reference=77, callee=Party("4366")))
    process.hears("incoming")
    process.says("stop")
    assert peer.hears(ReleaseComplete).cause == cause("switch_restart").q850
    assert process.child.wait(20) == 0


def test_it_does_not_outlive_the_switch(process):
    process.link.close()
    assert process.child.wait(20) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x03\x00\x00\x09hello",
        b"\x03\x00\x00\x0d\x08\x02\x00\x01\x05\x7e\xff\xff\x05",
        b"\x16\x03\x01" * 9,
    ],
)
def test_hostile_bytes_close_their_connection_and_nothing_else(process, data):
    attacker = process.connection()
    attacker.sendall(data)
    assert process.hears("ask")[2] == "known"
    with suppress(ConnectionResetError):
        assert attacker.recv(1024) == b""
    peer = Peer(process.connection())
    peer.says(Setup(reference=5, callee=Party("4366")))
    assert process.hears("incoming")[2].callee == "4366"
