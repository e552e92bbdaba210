"""Everything that our gatekeeper and our registrations say, judged by tshark: none of it is malformed."""

from __future__ import annotations

import pytest

from tests.support.h323 import judge
from tests.unit.h323.ras_world import RECORDED, Pair
from vosswitch.h323.ras import messages
from vosswitch.h323.ras.calls import Admission
from vosswitch.h323.ras.messages import Kind, Message
from vosswitch.model.values import Address

pytestmark = pytest.mark.skipif(not judge.AVAILABLE, reason="tshark is not installed (Debian package tshark)")
CALL = bytes(range(16))


def judged(said):
    """What tshark finds wrong; there has to be something to judge."""
    assert said
    return judge.malformed([("ras", messages.write(message)) for message in said])


def test_a_registration_with_calls_from_begin_to_end():
    """Both sides of it: discovery, registration, keep-alive, admission, bandwidth, information, ends."""
    pair = Pair(identifier="zone")
    pair.start(domain="zone")
    pair.go(2)
    for number, answer in ((1, False), (2, True)):
        call = bytes([number]) * 16
        pair.zone.desk.calls.add(call)
        pair.clients.admit(pair.client, Admission(call, number, "+4930", "33", answer), lambda *_: None)
    pair.go(2)
    (endpoint,) = pair.zone.gatekeeper.endpoints
    asker = pair.zone.gatekeeper.asker
    about = {"endpointIdentifier": endpoint.identifier, "conferenceID": bytes([1]) * 16, "callReferenceValue": 1}
    about["callIdentifier"] = {"guid": bytes([1]) * 16}
    for kind, body in (
        (Kind.IRQ, {"callReferenceValue": 0}),
        (Kind.BRQ, about | {"bandWidth": 640}),
        (Kind.BRQ, about | {"bandWidth": 640, "callIdentifier": {"guid": CALL}}),
        (Kind.DRQ, about | {"disengageReason": ("forcedDrop", 0)}),
    ):
        asker.ask(kind, body, endpoint.ras, endpoint.local, lambda _: None)
    pair.clients.resources(True)
    pair.go(60)
    pair.zone.gatekeeper.end(endpoint, "maintenance")
    pair.go(60)
    pair.clients.stop()
    pair.go(5)
    said = [message for message, _, _ in pair.net.seen]
    wanted = {
        Kind.RRQ,
        Kind.RCF,
        Kind.ARQ,
        Kind.ACF,
        Kind.IRQ,
        Kind.IRR,
        Kind.BRQ,
        Kind.BCF,
        Kind.BRJ,
        Kind.DRQ,
        Kind.DCF,
    }
    assert wanted | {Kind.URQ, Kind.UCF, Kind.RAI, Kind.RAC} <= {message.kind for message in said}
    assert not judged(said)


def test_every_answer_to_the_recorded_requests():
    """From where nobody may do anything, and from where everybody may."""
    said = []
    for may in ({}, {"2001": ("2001", ("192.0.2.77",)), "2002": ("2002", ("192.0.2.77",))}):
        pair = Pair()
        desk = pair.zone.desk
        desk.may = may
        for number, (_, data) in enumerate(RECORDED):
            source = Address("192.0.2.77" if may else "203.0.113.9", 2000 + number, "ras")
            pair.zone.gatekeeper.received(messages.read(data), data, source, Address("192.0.2.1", 1719, "ras"))
        said += [message for message, _, _ in pair.net.seen]
    assert {Kind.GCF, Kind.GRJ, Kind.RRJ, Kind.ARJ, Kind.URJ, Kind.DRJ} <= {message.kind for message in said}
    assert not judged(said)


@pytest.mark.parametrize("kind", [Kind.RIP, Kind.XRS, Kind.IACK, Kind.INAK, Kind.RAC, Kind.LCF, Kind.LRJ])
def test_the_rare_ones(kind):
    """Those that the above do not make."""
    bodies = {
        Kind.RIP: {"delay": 2000},
        Kind.XRS: {"messageNotUnderstood": b""},
        Kind.INAK: {"nakReason": ("notRegistered", 0)},
        Kind.RAC: {"protocolIdentifier": (0, 0, 8, 2250, 0, 4)},
        Kind.LCF: dict.fromkeys(("callSignalAddress", "rasAddress"), ("ipAddress", {"ip": bytes(4), "port": 1})),
        Kind.LRJ: {"rejectReason": ("securityDenial", 0)},
    }
    assert not judged([Message(kind, 7, bodies.get(kind, {}))])
