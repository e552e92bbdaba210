"""Our registrations at foreign gatekeepers: against recorded answers, and our own gatekeeper on a bad network."""

from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ras_world import LOCAL, SIGNALLING, ClientDesk, Clock, Net, Pair, recorded

from vosswitch.h323.addresses import write_address
from vosswitch.h323.ras import messages
from vosswitch.h323.ras.calls import Admission
from vosswitch.h323.ras.clients import SHORTEST_REPORT
from vosswitch.h323.ras.messages import Kind, Message
from vosswitch.h323.ras.registration import Effect, Input, Registration, State
from vosswitch.model.trunk import TrunkWish
from vosswitch.model.values import Address

CALL = bytes(range(16))
V4 = (0, 0, 8, 2250, 0, 4)


class Scripted:
    """A foreign gatekeeper that answers as the test says; on a network with one client."""

    def __init__(self, **wish):
        self.clock = Clock()
        self.net = Net(self.clock)
        self.desk = ClientDesk(self.net)
        self.clients = self.desk.clients
        self.asked, self.answers = [], {}
        self.net.ends[LOCAL] = self.hear
        self.clients.follow(
            [TrunkWish("vendor", LOCAL, wish.pop("domain", ""), wish.pop("username", "4711"), "", **wish)]
        )

    def hear(self, data, source):
        """Answer what the test has prepared for that kind, in its order; the last answer stays."""
        message = messages.read(data)
        self.asked.append(message)
        answers = self.answers.get(message.kind, [])
        if answers:
            kind, body = answers[0] if len(answers) == 1 else answers.pop(0)
            self.say(Message(kind, message.number, body))

    def say(self, message, source=LOCAL):
        """Send the client a message."""
        self.net.send(messages.write(message), self.desk.local, source)

    @property
    def client(self):
        """The registration."""
        return next(self.clients.states())

    def kinds(self):
        """What was asked."""
        return [message.kind for message in self.asked]


def confirmed(**changes):
    """An RCF."""
    return Kind.RCF, {
        "protocolIdentifier": V4,
        "callSignalAddress": [write_address(Address("192.0.2.1", 1720))],
        "endpointIdentifier": "E1",
        "timeToLive": 60,
        **changes,
    }


def rejected(reason, kind=Kind.RRJ, **changes):
    """A rejection."""
    version = {"protocolIdentifier": V4} if kind == Kind.RRJ else {}
    return kind, {"rejectReason": (reason, 0), **version, **changes}


def up(**wish):
    """A client that is registered."""
    world = Scripted(**wish)
    world.answers[Kind.RRQ] = [confirmed()]
    world.answers[Kind.URQ] = [(Kind.UCF, {})]
    world.clients.start()
    world.clock.advance(1)
    assert world.client.up
    return world


# -- the machine


def test_no_state_is_a_trap():
    """From each state stop leads to the end, and the end goes nowhere."""
    for state in State:
        machine = Registration()
        machine.state = state
        machine.feed(Input.STOP)
        machine.feed(Input.FAILED)
        machine.feed(Input.DROP)
        assert machine.state is State.GONE
    assert all(machine.feed(what) is None for what in Input)


def test_every_effect_is_used():
    """The table has no word that nothing leads to."""
    rows = [row for table in Registration.TABLE.values() for row in table.values()]
    assert {effect for _, effect in rows} == set(Effect)
    assert {state for state, _ in rows} == set(State) - {State.IDLE}


# -- recorded answers


@pytest.mark.parametrize("scenario", ["gkrouted", "ga_fast", "ndpi_h323"])
def test_recorded_answers_are_taken(scenario):
    """Discovery, registration and admission as a real gatekeeper confirmed them."""
    world = Scripted()
    (gcf, _), (rcf, _) = recorded(scenario, Kind.GCF)[0], recorded(scenario, Kind.RCF)[0]
    near = gcf.body | {"rasAddress": write_address(LOCAL)}
    world.answers[Kind.GRQ] = [(Kind.GCF, near)]
    world.answers[Kind.RRQ] = [rejected("discoveryRequired"), (Kind.RCF, rcf.body)]
    world.clients.start()
    world.clock.advance(1)
    assert world.kinds() == [Kind.RRQ, Kind.GRQ, Kind.RRQ]
    client = world.client
    assert (client.up, client.key) == (True, rcf.body["endpointIdentifier"])
    assert world.asked[-1].body["gatekeeperIdentifier"] == gcf.body["gatekeeperIdentifier"]
    assert world.asked[-1].body["discoveryComplete"] is True
    acf, _ = recorded(scenario, Kind.ACF)[0]
    world.answers[Kind.ARQ] = [(Kind.ACF, acf.body)]
    told = []
    world.clients.admit(client, Admission(CALL, 7, "2001", "2002"), lambda *found: told.append(found))
    world.clock.advance(1)
    host = ".".join(map(str, acf.body["destCallSignalAddress"][1]["ip"]))
    assert told == [(Address(host, 1720, "h323"), "")]


def test_the_recorded_rejection():
    """The reason of an admissionReject is told."""
    world = up()
    arj, _ = recorded("ga_404", Kind.ARJ)[0]
    world.answers[Kind.ARQ] = [(Kind.ARJ, arj.body)]
    told = []
    world.clients.admit(world.client, Admission(CALL, 7, "2001", "9999"), lambda *found: told.append(found))
    world.clock.advance(1)
    assert told == [(None, "calledPartyNotRegistered")]
    assert world.clients.calls == {}


# -- registering


def test_what_a_registration_says():
    """Who we are, where calls come to, and which prefixes we serve."""
    world = up(prefixes=("49", "33"), domain="zone-1")
    body = world.asked[0].body
    assert body["terminalAlias"] == [("h323-ID", "4711"), ("dialledDigits", "4711")]
    assert body["callSignalAddress"] == [write_address(Address("192.0.2.77", 1720))]
    assert body["gatekeeperIdentifier"] == "zone-1"
    ((kind, voice),) = body["terminalType"]["gateway"]["protocol"]
    assert kind == "voice"
    assert [one["prefix"][1] for one in voice["supportedPrefixes"]] == ["49", "33"]


def test_it_is_kept_alive():
    """Lightweight registrations with the identifier, before its time runs out; at the end URQ."""
    world = up()
    world.clock.advance(600)
    assert world.client.up
    light = world.asked[1:]
    assert 10 <= len(light) <= 18
    assert all(message.body["keepAlive"] and message.body["endpointIdentifier"] == "E1" for message in light)
    assert all("terminalAlias" not in message.body for message in light)
    world.clients.stop()
    world.clock.advance(1)
    assert world.kinds()[-1] == Kind.URQ
    assert not world.clients.leaving
    assert world.clock.running == 0


def test_a_gatekeeper_that_has_forgotten_us():
    """fullRegistrationRequired: a full registration at once."""
    world = up()
    world.answers[Kind.RRQ] = [rejected("fullRegistrationRequired"), confirmed(endpointIdentifier="E2")]
    world.clock.advance(45)
    assert world.client.key == "E2"
    assert world.asked[-1].body["terminalAlias"]


def test_a_gatekeeper_that_wants_no_one():
    """A rejection is shown, and tried again after a while, not more often."""
    world = Scripted()
    world.answers[Kind.RRQ] = [rejected("securityDenial")]
    world.clients.start()
    world.clock.advance(600)
    assert 15 <= len(world.asked) <= 25
    state = world.client.shown()
    assert (state.state, state.status, state.reason) == ("waiting", 403, "securityDenial")
    assert world.desk.events == [("trunk_down", "securityDenial")]


def test_discovery_that_is_wanted_again_and_again():
    """It is done once per registration: a gatekeeper that goes on asking is a failure, no loop."""
    world = Scripted()
    world.answers[Kind.RRQ] = [rejected("discoveryRequired")]
    world.answers[Kind.GRQ] = [(Kind.GCF, {"protocolIdentifier": V4, "rasAddress": write_address(LOCAL)})]
    world.clients.start()
    world.clock.advance(60)
    assert len(world.asked) < 20


def test_no_answer():
    """Three tries, then a pause; what is up fades before it is down."""
    world = up()
    world.answers.clear()
    world.clock.advance(49)
    assert world.client.shown().state == "fading"
    assert world.client.up
    world.clock.advance(30)
    assert not world.client.up
    world.answers[Kind.RRQ] = [confirmed()]
    world.clock.advance(60)
    assert world.client.up
    assert [event for event, _ in world.desk.events] == ["trunk_up", "trunk_down", "trunk_up"]


def test_alternate_gatekeepers():
    """They are asked, in their order, when the first one is silent; then the first one again."""
    world = Scripted()
    other = Address("192.0.2.2", 1719, "ras")
    alternates = [
        {"rasAddress": write_address(Address("192.0.2.3", 1719)), "needToRegister": True, "priority": 9},
        {"rasAddress": write_address(other), "needToRegister": True, "priority": 1},
    ]
    world.answers[Kind.RRQ] = [confirmed(alternateGatekeeper=alternates)]
    world.clients.start()
    world.clock.advance(1)
    del world.net.ends[LOCAL]
    asked = []

    def second(data, source):
        message = messages.read(data)
        asked.append(message)
        kind, body = confirmed(endpointIdentifier="F1")
        world.net.send(messages.write(Message(kind, message.number, body)), source, other)

    world.net.ends[other] = second
    world.clock.advance(70)
    assert world.client.up
    assert (world.client.target, world.client.key) == (other, "F1")
    assert "endpointIdentifier" not in asked[0].body
    del world.net.ends[other]
    world.net.ends[LOCAL] = world.hear
    world.clock.advance(200)
    assert (world.client.up, world.client.target) == (True, LOCAL)


def test_a_rejection_that_names_another_gatekeeper():
    """altGKInfo: that one is asked."""
    world = Scripted()
    other = Address("192.0.2.2", 1719, "ras")
    one = {"rasAddress": write_address(other), "needToRegister": True, "priority": 0}
    information = {"alternateGatekeeper": [one], "altGKisPermanent": False}
    world.answers[Kind.RRQ] = [rejected("resourceUnavailable", altGKInfo=information)]
    world.net.ends[other] = world.hear
    world.clients.start()
    world.clock.advance(10)
    assert world.client.target == other


# -- the gatekeeper's requests


def test_it_takes_us_off_its_list():
    """URQ is confirmed and a registration follows; one that follows each registration is not answered with a loop."""
    world = up()
    world.clock.advance(10)
    for number in range(5):
        world.say(Message(Kind.URQ, 100 + number, {"callSignalAddress": [], "endpointIdentifier": "E1"}))
        world.clock.advance(0.5)
    confirmations = [message for message, _, _ in world.net.seen if message.kind == Kind.UCF]
    assert confirmations
    assert world.kinds().count(Kind.RRQ) <= 3
    world.clock.advance(60)
    assert world.client.up


def test_requests_of_others_are_not_heard():
    """Neither from another address, nor with another identifier."""
    world = up()
    asked = len(world.asked)
    stranger = Address("203.0.113.1", 1719, "ras")
    world.say(Message(Kind.URQ, 9, {"callSignalAddress": [], "endpointIdentifier": "E1"}), stranger)
    world.say(Message(Kind.URQ, 9, {"callSignalAddress": [], "endpointIdentifier": "E2"}))
    world.clock.advance(1)
    assert (len(world.asked), world.client.up) == (asked, True)


def test_a_call_through_it():
    """Admission, information and bandwidth on request, the end of the call by either side."""
    world = up()
    world.answers[Kind.ARQ] = [
        (
            Kind.ACF,
            {
                "bandWidth": 640,
                "callModel": ("gatekeeperRouted", 0),
                "destCallSignalAddress": write_address(SIGNALLING),
            },
        )
    ]
    world.answers[Kind.DRQ] = [(Kind.DCF, {})]
    told = []
    world.clients.admit(world.client, Admission(CALL, 7, "+4930", "33123"), lambda *found: told.append(found))
    world.clock.advance(1)
    arq = world.asked[-1].body
    assert arq["destinationInfo"] == [("dialledDigits", "33123")]
    assert arq["srcInfo"][0] == ("dialledDigits", "4930")
    assert told == [(SIGNALLING, "")]
    world.say(Message(Kind.IRQ, 50, {"callReferenceValue": 7}))
    world.say(
        Message(
            Kind.BRQ,
            51,
            {
                "endpointIdentifier": "E1",
                "conferenceID": CALL,
                "callReferenceValue": 7,
                "bandWidth": 320,
                "callIdentifier": {"guid": CALL},
            },
        )
    )
    world.clock.advance(1)
    irr, bcf = world.asked[-2:]
    assert [one["callReferenceValue"] for one in irr.body["perCallInfo"]] == [7]
    assert (bcf.kind, bcf.body["bandWidth"], bcf.number) == (Kind.BCF, 320, 51)
    world.clients.over(CALL)
    world.clients.over(CALL)
    world.clock.advance(1)
    assert world.kinds().count(Kind.DRQ) == 1
    world.clients.admit(world.client, Admission(CALL, 8, "4930", "33123"), lambda *found: None)
    world.clock.advance(1)
    end = {
        "endpointIdentifier": "E1",
        "conferenceID": CALL,
        "callReferenceValue": 8,
        "disengageReason": ("forcedDrop", 0),
        "callIdentifier": {"guid": CALL},
    }
    world.say(Message(Kind.DRQ, 52, end))
    world.clock.advance(1)
    assert (world.asked[-1].kind, world.desk.dropped, world.clients.calls) == (Kind.DCF, [CALL], {})


def test_a_gatekeeper_hears_of_a_call_as_often_as_it_wants():
    """irrFrequency: IRRs without being asked while the call goes on, and none after it."""
    world = up()
    granted = {
        "bandWidth": 640,
        "callModel": ("gatekeeperRouted", 0),
        "destCallSignalAddress": write_address(SIGNALLING),
        "irrFrequency": 1,
    }
    world.answers |= {Kind.ARQ: [(Kind.ACF, granted)], Kind.DRQ: [(Kind.DCF, {})]}
    for number in (7, 8):  # the same call again: there is one timer
        world.clients.admit(world.client, Admission(CALL, number, "4930", "33"), lambda *_: None)
        world.clock.advance(1)
    world.clock.advance(2 * SHORTEST_REPORT)
    told = [message.body for message in world.asked if message.kind == Kind.IRR]
    assert [one["unsolicited"] for one in told] == [True, True]
    assert [one["callReferenceValue"] for body in told for one in body["perCallInfo"]] == [8, 8]
    world.clients.over(CALL)
    world.clock.advance(100)
    assert world.kinds().count(Kind.IRR) == 2


def test_an_admission_that_is_not_answered_or_delayed():
    """RequestInProgress makes us wait; without an answer the call is told so."""
    world = up()
    told = []
    world.answers[Kind.ARQ] = [(Kind.RIP, {"delay": 4000})]
    world.clients.admit(world.client, Admission(CALL, 7, "4930", "33"), lambda *found: told.append(found))
    world.clock.advance(3.9)
    assert world.kinds().count(Kind.ARQ) == 1
    world.answers.clear()
    world.clock.advance(20)
    assert told == [(None, "noAnswer")]


def test_an_admission_by_which_it_shows_that_we_are_forgotten():
    """The call is refused, and we register again."""
    world = up()
    world.clock.advance(10)
    world.answers[Kind.ARQ] = [rejected("invalidEndpointIdentifier", Kind.ARJ)]
    world.answers[Kind.RRQ] = [confirmed(endpointIdentifier="E2")]
    told = []
    world.clients.admit(world.client, Admission(CALL, 7, "4930", "33"), lambda *found: told.append(found))
    world.clock.advance(1)
    assert told == [(None, "invalidEndpointIdentifier")]
    assert world.client.key == "E2"


@pytest.mark.parametrize(("makes", "answers"), [(True, False), (False, True), (True, True)])
def test_granted_in_advance(makes, answers):
    """preGrantedARQ: calls go to the gatekeeper, or are taken from it, without being asked for."""
    world = Scripted()
    granted = {
        "makeCall": makes,
        "useGKCallSignalAddressToMakeCall": True,
        "answerCall": answers,
        "useGKCallSignalAddressToAnswer": False,
    }
    world.answers[Kind.RRQ] = [confirmed(preGrantedARQ=granted)]
    world.clients.start()
    world.clock.advance(1)
    told = []
    world.clients.admit(world.client, Admission(CALL, 7, "4930", "33"), lambda *found: told.append(found))
    assert told == [(Address("192.0.2.1", 1720, "h323"), "")] * makes
    world.clients.admit(world.client, Admission(CALL, 7, "4930", "33", True), lambda *found: told.append(found))
    assert (None, "") in told or not answers
    world.clock.advance(1)
    assert world.kinds().count(Kind.ARQ) == (not makes) + (not answers)


# -- back to back


def test_our_own_gatekeeper():
    """Registers, calls, is called, and leaves."""
    pair = Pair()
    pair.start()
    pair.go(2)
    assert pair.client.up
    assert pair.zone.desk.names["gateway:us"].target == Address("192.0.2.77", 1720, "h323")
    told = []
    for answer in (False, True):
        pair.zone.desk.calls.add(CALL)
        admission = Admission(CALL, 7, "4930", "33", answer)
        pair.clients.admit(pair.client, admission, lambda *found: told.append(found))
        pair.go(1)
        pair.clients.over(CALL)
        pair.go(1)
    assert told == [(SIGNALLING, ""), (SIGNALLING, "")]
    assert len(pair.sent(Kind.DCF)) == 2
    pair.go(600)
    assert pair.client.up
    pair.clients.stop()
    pair.go(3)
    assert pair.zone.desk.names == {}
    assert not pair.clients.leaving
    assert pair.zone.desk.running == 0


def test_we_take_no_more_calls():
    """The gatekeeper is told (RAI), one that knows us later too, and when we take calls again."""
    pair = Pair()
    scarce = pair.zone.desk.scarce
    pair.clients.resources(True)
    pair.start()
    pair.go(2)
    assert scarce == {("gateway:us",)}
    assert len(pair.sent(Kind.RAI)) == len(pair.sent(Kind.RAC)) == 1
    pair.go(100)
    assert len(pair.sent(Kind.RAI)) == 1  # a keep-alive is no news
    pair.clients.resources(False)
    pair.clients.resources(False)
    pair.go(1)
    assert scarce == set()
    assert [one.body["almostOutOfResources"] for one in pair.sent(Kind.RAI)] == [True, False]


def test_the_gatekeeper_restarts():
    """It knows nobody: the next keep-alive brings a full registration."""
    pair = Pair()
    pair.start()
    pair.go(2)
    first = pair.client.key
    for endpoint in pair.zone.gatekeeper.endpoints:
        pair.zone.gatekeeper.endpoints.remove(endpoint)
        pair.zone.desk.forgotten(endpoint)
    pair.go(60)
    assert pair.client.up
    assert pair.client.key != first
    assert "gateway:us" in pair.zone.desk.names


def test_the_gatekeeper_restarts_with_its_memory():
    """The client goes on with its light registrations."""
    pair = Pair()
    pair.start()
    pair.go(2)
    first = pair.client.key
    pair.zone.begins_anew()
    pair.go(200)
    assert (pair.client.up, pair.client.key) == (True, first)
    assert pair.zone.desk.names.keys() == {"gateway:us"}
    assert sum(not message.body["keepAlive"] for message in pair.sent(Kind.RRQ)) == 1


def test_the_client_restarts():
    """It registers anew at the same place and takes its own registration over."""
    pair = Pair(replace=False)
    pair.start()
    pair.go(2)
    again = ClientDesk(pair.net)
    again.clients.follow([pair.wish])
    again.clients.start()
    pair.go(2)
    assert next(again.clients.states()).up
    assert len(pair.zone.gatekeeper.endpoints) == 1


def test_the_gatekeeper_ends_a_registration():
    """The client is told and asks again; who may no more stays out."""
    pair = Pair()
    pair.start()
    pair.go(10)
    pair.zone.desk.may.clear()
    (endpoint,) = pair.zone.gatekeeper.endpoints
    pair.zone.gatekeeper.end(endpoint, "securityDenial")
    pair.go(5)
    assert not pair.client.up
    assert pair.client.shown().reason == "securityDenial"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.floats(0.001, 4.0), max_size=2), min_size=5, max_size=60), st.integers(0, 3))
def test_a_bad_network(fates, calls):
    """Whatever is lost, doubled or late: in the end both sides agree, and nothing is left over."""
    pair = Pair()
    fate = cycle([*fates, [0.01]])
    pair.net.fate = lambda: next(fate)
    pair.start()
    pair.go(30)
    told = []
    for number in range(calls):
        admission = Admission(bytes([number]) * 16, number + 1, "4930", "33")
        pair.clients.admit(pair.client, admission, lambda *found: told.append(found))
    pair.go(60)
    assert len(told) == calls
    assert len(pair.zone.gatekeeper.endpoints) <= 1
    pair.net.fate = lambda: (0.01,)
    pair.go(120)
    assert pair.client.up
    (endpoint,) = pair.zone.gatekeeper.endpoints
    assert endpoint.identifier == pair.client.key
    for number in range(calls):
        pair.clients.over(bytes([number]) * 16)
    pair.go(2)
    assert endpoint.calls.keys() <= {bytes([number]) * 16 for number in range(calls)}
    pair.clients.stop()
    pair.go(30)
    assert pair.zone.desk.names == {}
    assert pair.zone.desk.running == 0
