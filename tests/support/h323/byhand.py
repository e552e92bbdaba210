"""Call signalling message by message: a caller's connection, and a vendor that resets those that come to it."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import Any

from tests.support.h323 import codec, template
from tests.support.h323.script import calls, uuie
from tests.support.h323.template import Address, Facts
from tests.support.switch import until
from vosswitch.h323 import q931
from vosswitch.h323.tpkt import Framer, framed


def reset(connection: socket.socket) -> None:
    """Close it by a reset: what was not read yet is lost, and no word is said."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Caller:
    """A connection of a case's customer, by which one call or several are made.

    :ivar heard: what has come.
    """

    def __init__(self, case: Any) -> None:
        self.case = case
        self.socket = socket.create_connection(("127.0.0.1", case.switch.h323_port), 5, (case.host, 0))
        self.socket.settimeout(0.05)
        self.framer = Framer()
        self.heard: list[q931.Message] = []

    def call(self, reference: int = 1, name: str = "fast", **body: Any) -> None:
        """The Setup of a recorded call, with *body* in its UUIE."""
        here = (self.case.host, 5000)
        facts = Facts("4312345", self.case.number, here, self.socket.getpeername(), here, (self.case.host, 5002))
        facts.reference, facts.identifier, facts.conference = reference, reference.to_bytes(2, "big") * 8, bytes(16)
        message = q931.decode(template.signal(calls()[name].steps[0].data, facts, []))
        content = message.element(q931.USER_USER)
        assert content is not None
        value = codec.decode_uuie(content[1:])
        value["h323-uu-pdu"]["h323-message-body"][1].update(body)
        elements = [one for one in message.elements if one[0] != q931.USER_USER]
        elements.append((q931.USER_USER, b"\x05" + codec.encode_uuie(value)))
        self.say(q931.Message(reference, False, q931.SETUP, tuple(elements)))

    def release(self, reference: int = 1) -> None:
        """The end of one call."""
        self.say(q931.Message(reference, False, q931.RELEASE_COMPLETE, ((q931.CAUSE, b"\x80\x90"),)))

    def say(self, message: q931.Message) -> None:
        """Send a message."""
        self.socket.sendall(framed(q931.encode(message)))

    def has(self, name: str, reference: int = 1) -> list[q931.Message]:
        """Such messages of that call that have come."""
        with suppress(TimeoutError):
            self.heard += [q931.decode(data) for data in self.framer.feed(self.socket.recv(65536))]
        return [one for one in self.heard if (one.name, one.reference, one.from_destination) == (name, reference, True)]

    def expect(self, name: str, *references: int) -> None:
        """Wait for a message of each of these calls."""
        for reference in references or (1,):
            until(lambda r=reference: self.has(name, r), 10, f"{name} of {reference}")

    def body(self, name: str, reference: int = 1) -> dict[str, Any]:
        """The UUIE's body of the first such message."""
        found: dict[str, Any] = uuie(q931.encode(self.has(name, reference)[0]))["h323-message-body"][1]
        return found

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()


class Breaking(threading.Thread):
    """A vendor that plays the called side of a recorded call up to a message, and resets the connection behind it.

    :param last: name of that message, such as ``Alerting``; "" = at once; ``Setup`` = when that has come.
    :ivar connections: how many have come.
    """

    def __init__(self, address: Address, name: str, last: str) -> None:
        super().__init__(daemon=True)
        self._words = [step for step in calls()[name].steps if step.side == "called" and step.channel == "signal"]
        self._last = last
        self._listener = socket.create_server(address)
        self.connections = 0
        self.start()

    def run(self) -> None:
        """Take connections until it is stopped."""
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                with suppress(OSError):
                    self._play(connection)
                reset(connection)

    def _play(self, connection: socket.socket) -> None:
        if not self._last:
            return
        connection.settimeout(10)
        packets: list[bytes] = []
        framer = Framer()
        while not packets:
            packets = framer.feed(connection.recv(65536))
        if self._last == "Setup":
            return
        setup = q931.decode(packets[0])
        body = uuie(packets[0])["h323-message-body"][1]
        here = self._listener.getsockname()
        facts = Facts(
            "", "49000123", here, here, here, (here[0], 40_000), setup.reference, body["callIdentifier"]["guid"]
        )
        facts.conference = body["conferenceID"]
        facts.offered = [codec.decode_olc(each) for each in body.get("fastStart", ())]
        for step in self._words:
            connection.sendall(framed(template.signal(step.data, facts, [])))
            if step.kind == self._last:
                return

    def stop(self) -> None:
        """No more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.join(5)
