"""RAS in the H.323 process, on a fake network: registrations, calls over them, floods."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ras_world import RECORDED

from tests.unit.h323.h323_process import HERE, Reactor, World
from vosswitch.h323 import h225
from vosswitch.h323.addresses import write_address
from vosswitch.h323.kept import of_row
from vosswitch.h323.ras import messages
from vosswitch.h323.ras.messages import Kind, Message
from vosswitch.h323.registered import wish_row
from vosswitch.h323.transport.ras import RasSockets
from vosswitch.h323.zone import KNOWN_BURST, LONGEST, MOST_SOURCES, SOURCE_BURST
from vosswitch.model.call import Placement
from vosswitch.model.h323 import H323Profile
from vosswitch.model.identity import Identity
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.trunk import TrunkWish
from vosswitch.model.values import Address
from vosswitch.params.listeners import Listener

PHONE, ZONE = "192.0.2.20", Address("192.0.2.40", 1719, "ras")
V4 = (0, 0, 8, 2250, 0, 4)
SHOWN = write_address(Address("203.0.113.1", 1720))


def registration(number="2001", host=PHONE):
    """A datagram with an RRQ."""
    body = {
        "protocolIdentifier": V4,
        "discoveryComplete": False,
        "callSignalAddress": [write_address(Address(host, 1720))],
        "rasAddress": [write_address(Address(host, 1719))],
        "terminalType": {"terminal": {}, "mc": False, "undefinedNode": False},
        "endpointVendor": {"vendor": {"t35CountryCode": 9, "t35Extension": 0, "manufacturerCode": 61}},
        "terminalAlias": [("dialledDigits", number)],
    }
    return messages.write(Message(Kind.RRQ, 1, body))


def keep_alive(key, number=1, host=PHONE):
    """A datagram with a light RRQ."""
    body = messages.read(registration(host=host)).body | {"keepAlive": True, "endpointIdentifier": key}
    return messages.write(Message(Kind.RRQ, number, body))


class Network(World):
    """The process with its RAS socket."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.udp = self.reactor.udp[0]

    @property
    def zone(self):
        return self.worker.zone

    def datagram(self, data, host=PHONE, port=1719):
        self.udp.protocol.datagramReceived(data, (host, port))

    def answered(self):
        """What was sent by RAS since the last question."""
        sent = [messages.read(data) for data, _ in self.udp.sent]
        self.udp.sent.clear()
        return sent

    def registers(self):
        """The phone registers."""
        self.answers["ras_register"] = ("2001",)
        self.datagram(registration())
        told = [message for message in self.talk() if message[:2] == ("tell", "ras_endpoint")]
        (answer,) = self.answered()
        assert answer.kind == Kind.RCF
        return answer, told

    def has_trunk(self):
        """A registration of ours is up."""
        wish = TrunkWish("vendor", ZONE, "", "us", "")
        self.hears("do", "ras_wishes", [wish_row(wish)])
        self.reactor.advance(0.1)
        (asked,) = self.answered()
        body = {
            "protocolIdentifier": V4,
            "callSignalAddress": [],
            "endpointIdentifier": "E1",
            "timeToLive": 60,
        }
        self.datagram(messages.write(Message(Kind.RCF, asked.number, body)), *ZONE[:2])
        told = [message[2] for message in self.talk() if message[:2] == ("tell", "ras_trunk")]
        assert told[-1][1:] == (True, ZONE.host)
        return asked


@pytest.fixture
def world():
    return Network()


def test_an_endpoint_registers(world):
    """The switch is asked, the endpoint told where it calls, the switch told where it is."""
    answer, ((_, _, row),) = world.registers()
    assert answer.body["callSignalAddress"] == [SHOWN]
    kept = of_row(row, 0.0)
    assert (kept.names, kept.signalling, kept.ras.host) == (("2001",), Address(PHONE, 1720, "h323"), PHONE)
    assert kept.here == HERE
    assert 0 < kept.until <= 60 < kept.full_until <= 3600


def test_an_endpoint_stays_when_the_process_begins_anew(world):
    """It is told who is registered before anybody is heard; a light registration is enough."""
    answer, ((_, _, row),) = world.registers()
    again = Network()
    again.answers["ras_register"] = ("2001",)
    again.datagram(keep_alive(answer.body["endpointIdentifier"]))
    assert [one.body["rejectReason"][0] for one in again.answered()] == ["fullRegistrationRequired"]
    again.hears("do", "ras_endpoints", [row])
    again.datagram(keep_alive(answer.body["endpointIdentifier"], 2))
    again.talk()
    assert [one.kind for one in again.answered()] == [Kind.RCF]


def test_an_endpoint_is_sent_away(world):
    """Who may not be registered any more is told so; the switch hears that it is gone."""
    answer, _ = world.registers()
    key = answer.body["endpointIdentifier"]
    world.hears("do", "ras_end", ["unknown", key])
    (told,) = world.answered()
    assert (told.kind, told.body["reason"][0]) == (Kind.URQ, "securityDenial")
    assert [message[2] for message in world.talk() if message[:2] == ("tell", "ras_gone")] == [(key,)]


def test_its_calls_are_its_own(world):
    """The switch is asked about a caller by the name that it is registered as."""
    world.registers()
    peer = world.connects(PHONE)
    world.talk()
    setup = h225.Setup(reference=7, call_identifier=bytes(16), callee=h225.Party("44"))
    peer.brings(h225.write(setup, from_destination=False))
    asked = [message[3] for message in world.says() if message[0] == "ask" and message[2] == "caller"]
    assert [values[4:] for values in asked] == [("2001", False)]


def test_a_call_to_a_gatekeeper_is_admitted_first(world):
    """ARQ, and the connection goes where the answer says; its end is told (DRQ)."""
    asked = world.has_trunk()
    assert asked.body["callSignalAddress"] == [SHOWN]
    world.hears("place", 2, Placement("1", "43", "44", ZONE, None, username="us"))
    (leg,) = world.legs
    (arq,) = world.answered()
    assert (arq.kind, arq.body["callIdentifier"]["guid"]) == (Kind.ARQ, leg.call_identifier)
    assert not world.reactor.tcpClients
    there = Address("192.0.2.99", 1730)
    body = {"bandWidth": 640, "callModel": ("direct", 0), "destCallSignalAddress": write_address(there)}
    world.datagram(messages.write(Message(Kind.ACF, arq.number, body)), *ZONE[:2])
    assert world.reactor.tcpClients[-1][:2] == there[:2]
    world.hears("forget", 2)
    (drq,) = world.answered()
    assert (drq.kind, drq.body["callIdentifier"]["guid"]) == (Kind.DRQ, leg.call_identifier)


@pytest.mark.parametrize("trusted", [True, False])
def test_a_withheld_number_is_not_told_to_a_gatekeeper_either(world, trusted):
    """Unless it is trusted, as with Setup."""
    world.has_trunk()
    private = Identity(private=True, privacy=("id",))
    profile = PeerProfile(trusted=trusted, h323=H323Profile())
    world.hears("place", 2, Placement("1", "43", "44", ZONE, None, username="us", identity=private, profile=profile))
    (arq,) = world.answered()
    told = arq.body["srcInfo"]
    assert (("dialledDigits", "43") in told) is trusted
    assert ("h323-ID", "us") in told


def test_a_call_that_is_not_admitted(world):
    """It ends with the reason's cause."""
    world.has_trunk()
    world.hears("place", 2, Placement("1", "43", "44", ZONE, None))
    (arq,) = world.answered()
    rejected = Message(Kind.ARJ, arq.number, {"rejectReason": ("resourceUnavailable", 0)})
    world.datagram(messages.write(rejected), *ZONE[:2])
    assert [why.status for why in world.legs[0].ended] == [503]
    assert not world.reactor.tcpClients


def test_a_call_that_is_given_up_before_it_is_admitted(world):
    """Nothing is connected, and the gatekeeper is told."""
    world.has_trunk()
    world.hears("place", 2, Placement("1", "43", "44", ZONE, None))
    (arq,) = world.answered()
    world.hears("forget", 2)
    body = {
        "bandWidth": 640,
        "callModel": ("direct", 0),
        "destCallSignalAddress": write_address(Address("192.0.2.9", 1)),
    }
    world.datagram(messages.write(Message(Kind.ACF, arq.number, body)), *ZONE[:2])
    assert [message.kind for message in world.answered()] == [Kind.DRQ]
    assert not world.reactor.tcpClients


def test_a_call_without_a_registration(world):
    """It ends at once."""
    world.hears("place", 2, Placement("1", "43", "44", ZONE, None))
    assert [why.status for why in world.legs[0].ended] == [503]


def test_a_call_of_a_gatekeeper_is_asked_for(world):
    """answerCall; refused it is released before there is a leg."""
    world.has_trunk()
    world.answers["caller"] = (PLAIN, "us")
    peer = world.connects(ZONE.host)
    world.talk()
    setup = h225.Setup(reference=7, call_identifier=bytes(range(16)), conference_id=bytes(16), callee=h225.Party("44"))
    peer.brings(h225.write(setup, from_destination=False))
    (arq,) = world.answered()
    assert (arq.kind, arq.body["answerCall"]) == (Kind.ARQ, True)
    assert not world.legs
    rejected = Message(Kind.ARJ, arq.number, {"rejectReason": ("requestDenied", 0)})
    world.datagram(messages.write(rejected), *ZONE[:2])
    (released,) = [h225.read(data) for data in peer.packets()]
    assert isinstance(released, h225.ReleaseComplete)
    assert released.cause == 21
    assert peer.closed


def test_at_the_end_we_unregister(world):
    """URQ goes out before the process ends."""
    world.has_trunk()
    world.hears("stop")
    assert [message.kind for message in world.answered()] == [Kind.URQ]


# -- floods


def test_a_flood_of_one_source(world):
    """What is too much is not read."""
    world.answers["ras_register"] = ()
    for _ in range(2000):
        world.datagram(registration())
    assert world.zone.counts["ras_capped"] == 2000 - SOURCE_BURST


def test_an_endpoint_of_ours_is_heard_more_often(world):
    """A gateway with many calls a second has many messages."""
    world.registers()
    for number in range(3000):
        world.datagram(keep_alive("x" * 32, number + 2))
    assert world.zone.counts["ras_capped"] == 3000 - KNOWN_BURST


def test_a_flood_of_many_sources():
    """Strangers share what is read of them; what is remembered of them is bounded; an endpoint is heard meanwhile."""
    world = Network(VS_H323_RAS_RATE="100")
    world.registers()
    data = registration()
    for number in range(12_000):
        world.datagram(data, f"198.51.{number >> 8}.{number & 255}")
    assert world.zone.counts["ras_capped"] >= 12_000 - 101
    assert len(world.zone._rates) <= MOST_SOURCES
    world.answers["ras_register"] = ("2001",)
    world.talk()
    world.udp.sent.clear()
    world.datagram(registration())
    world.talk()
    assert [message.kind for message in world.answered()] == [Kind.RCF]


def test_datagrams_that_are_too_long_or_none(world):
    """Counted, not read."""
    for data in (b"", b"\0", bytes(LONGEST + 1), b"\xff" * 100):
        world.datagram(data)
    assert world.zone.counts["ras_bad"] == 4


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mangled_messages_do_no_harm(data):
    """Whatever bits are turned in recorded messages: nothing is raised, and the next message is answered."""
    world = _shared()
    world.reactor.advance(10.0)
    original = data.draw(st.sampled_from([one for _, one in RECORDED]))
    mangled = bytearray(original)
    for _ in range(data.draw(st.integers(1, 6))):
        mangled[data.draw(st.integers(0, len(mangled) - 1))] = data.draw(st.integers(0, 255))
    world.datagram(bytes(mangled[: data.draw(st.integers(1, len(mangled)))]))
    world.answers |= {"ras_register": ("2001",), "ras_call": "", "ras_locate": ""}
    world.talk()
    world.udp.sent.clear()
    world.datagram(registration())
    world.talk()
    assert world.answered()
    assert world.worker.world.counts["failures"] == 0


def _shared(kept=[]):  # noqa: B006 - one world for all examples
    if not kept:
        kept.append(Network())
    return kept[0]


@pytest.mark.parametrize("listener", ["127.0.0.1", "0.0.0.0"])
def test_a_listener_on_all_addresses(listener):
    """Nobody is told the unspecified address: neither endpoints nor those that call them."""
    told, reactor = [], Reactor()
    sockets = RasSockets(reactor, {"127.0.0.1": "203.0.113.1"}.get, lambda _: "127.0.0.1", told.append, told.append)
    (local,) = sockets.open([Listener("ras", listener, 1719)])
    assert sockets.shown(local, "127.0.0.9") == Address("203.0.113.1", 1719, "ras")
    assert sockets.here(local, "127.0.0.9") == "127.0.0.1"
    found = []
    sockets.find(Address("127.0.0.9", 1719, "ras"), None, lambda *both: found.append(both))
    assert found == [(Address("127.0.0.9", 1719, "ras"), local)]


def test_a_registration_without_a_listener_has_a_socket_of_its_own():
    """And one for each local address that gateways name."""
    reactor = Reactor()
    sockets = RasSockets(reactor, str, lambda _: "192.0.2.1", print, print)
    found = []
    for local in (None, "192.0.2.5", None):
        sockets.find(ZONE, local, lambda *both: found.append(both[1]))
    assert found[0] == found[2]
    assert [one.host for one in found] == ["0.0.0.0", "192.0.2.5", "0.0.0.0"]
    assert len(reactor.udp) == 2
