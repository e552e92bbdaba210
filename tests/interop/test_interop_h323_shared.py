"""Several calls by one call signalling connection: each has its own record, and the end of one leaves the others."""

from __future__ import annotations

import socket
from contextlib import closing, suppress

import pytest

from tests.support.h323 import codec, template, through
from tests.support.h323.script import calls
from tests.support.h323.template import Facts
from tests.support.sipp import ANSWER
from tests.support.switch import until
from vosswitch.h323 import q931
from vosswitch.h323.tpkt import Framer, framed

FLAGS = {"multipleCalls": True, "maintainConnection": True}


class Trunk:
    """One connection of the customer, by which calls are made."""

    def __init__(self, case):
        self.case = case
        remote = ("127.0.0.1", case.switch.h323_port)
        self.socket = socket.create_connection(remote, 5, (case.host, 0))
        self.socket.settimeout(0.1)
        self.framer = Framer()
        self.heard = []

    def call(self, reference):
        """A Setup with fast start."""
        here = (self.case.host, 5000)
        facts = Facts("4312345", self.case.number, here, self.socket.getpeername(), here, (self.case.host, 5002))
        facts.reference, facts.identifier, facts.conference = reference, bytes([reference]) * 16, bytes(16)
        message = q931.decode(template.signal(calls()["fast"].steps[0].data, facts, []))
        value = codec.decode_uuie(message.element(q931.USER_USER)[1:])
        value["h323-uu-pdu"]["h323-message-body"][1].update(FLAGS)
        elements = [one for one in message.elements if one[0] != q931.USER_USER]
        elements.append((q931.USER_USER, b"\x05" + codec.encode_uuie(value)))
        self.say(q931.Message(reference, False, q931.SETUP, tuple(elements)))

    def release(self, reference):
        """The end of one call."""
        self.say(q931.Message(reference, False, q931.RELEASE_COMPLETE, ((q931.CAUSE, b"\x80\x90"),)))

    def say(self, message):
        self.socket.sendall(framed(q931.encode(message)))

    def has(self, name, reference):
        """Whether such a message of that call has come."""
        with suppress(TimeoutError):
            self.heard += [q931.decode(data) for data in self.framer.feed(self.socket.recv(65536))]
        return [one for one in self.heard if (one.name, one.reference, one.from_destination) == (name, reference, True)]

    def expect(self, name, *references):
        """Wait for a message of each of these calls."""
        for reference in references:
            until(lambda r=reference: self.has(name, r), 10, f"{name} of {reference}")


@pytest.fixture
def trunk(h323_case):
    """A connection of a customer whose calls go to a SIP vendor."""
    h323_case.begin(access=through.CUSTOMER)
    h323_case.vendor("first", [*ANSWER[:-2], "receive BYE", "send 200"], calls=10)
    made = Trunk(h323_case)
    with closing(made.socket):
        yield made


def test_calls_begin_and_end_by_themselves(trunk):
    """Three at once, one after the other is released, and another one begins when none is left."""
    case = trunk.case
    for reference in (1, 2, 3):
        trunk.call(reference)
    trunk.expect("Connect", 1, 2, 3)
    until(lambda: [call["state"] for call in case.running()] == ["talking"] * 3, 10, "three calls")
    trunk.release(2)
    until(lambda: len(case.running()) == 2, 10, "the end of one")
    assert len({cdr["call_id"] for cdr in case.cdrs(1)}) == 1
    trunk.release(1)
    trunk.release(3)
    until(lambda: not case.running(), 10, "the end of all")
    trunk.call(4)
    trunk.expect("Connect", 4)
    trunk.release(4)
    assert [cdr["end_reason"] for cdr in case.cdrs(4)] == ["normal"] * 4
    assert case.paid() > 0
    answers = [codec.decode_uuie(trunk.has("Connect", 1)[0].element(q931.USER_USER)[1:])]
    body = answers[0]["h323-uu-pdu"]["h323-message-body"][1]
    assert {name: body[name] for name in FLAGS} == FLAGS


def test_a_connection_that_breaks_ends_its_calls(trunk):
    case = trunk.case
    for reference in (1, 2):
        trunk.call(reference)
    trunk.expect("Connect", 1, 2)
    trunk.socket.close()
    assert [cdr["end_reason"] for cdr in case.cdrs(2)] == ["session_timeout"] * 2


def test_one_too_many_is_told_to_make_its_own(h323_case):
    h323_case.begin(access=through.CUSTOMER, VS_H323_CONNECTION_CALLS="1")
    h323_case.vendor("first", [*ANSWER[:-2], "receive BYE", "send 200"])
    trunk = Trunk(h323_case)
    with closing(trunk.socket):
        trunk.call(1)
        trunk.expect("Connect", 1)
        trunk.call(2)
        trunk.expect("ReleaseComplete", 2)
        (refusal,) = trunk.has("ReleaseComplete", 2)
        reason = codec.decode_uuie(refusal.element(q931.USER_USER)[1:])["h323-uu-pdu"]["h323-message-body"][1]["reason"]
        assert (refusal.element(q931.CAUSE)[-1] & 0x7F, reason[0]) == (47, "newConnectionNeeded")
        trunk.release(1)
        assert h323_case.cdr()["end_reason"] == "normal"
