"""Our gatekeeper answers the recorded requests as the recorded gatekeeper did, and nobody does anything for another."""

import pytest
from ras_world import LOCAL, RECORDED, SIGNALLING, Zone, recorded

from vosswitch.h323.addresses import write_address
from vosswitch.h323.ras import messages
from vosswitch.h323.ras.endpoints import MOST_AT_HOST
from vosswitch.h323.ras.gatekeeper import MOST_ASKED
from vosswitch.h323.ras.messages import Kind, Message
from vosswitch.model.values import Address

ALICE = Address("127.0.0.21", 55679, "ras")
MAY = {"2001": ("2001", ("127.0.0.21", "127.0.0.30")), "2002": ("2002", ("127.0.0.22", "127.0.0.30"))}
CALL = bytes(range(16))
TERMINAL = {"terminal": {}, "mc": False, "undefinedNode": False}


def registration(number="2001", host="127.0.0.21", port=55679, **changes):
    """The body of an RRQ."""
    return {
        "protocolIdentifier": (0, 0, 8, 2250, 0, 4),
        "discoveryComplete": True,
        "callSignalAddress": [write_address(Address(host, 1720))],
        "rasAddress": [write_address(Address(host, port))],
        "terminalType": TERMINAL,
        "endpointVendor": {"vendor": {"t35CountryCode": 9, "t35Extension": 0, "manufacturerCode": 61}},
        "terminalAlias": [("dialledDigits", number)],
        "keepAlive": False,
        **changes,
    }


def keep_alive(identifier, **changes):
    """The body of a lightweight RRQ."""
    body = registration(**changes) | {"keepAlive": True, "endpointIdentifier": identifier}
    del body["terminalAlias"]
    return body


def admission(identifier, callee="2002", answer=False, **changes):
    """The body of an ARQ."""
    return {
        "callType": ("pointToPoint", 0),
        "endpointIdentifier": identifier,
        "destinationInfo": [("dialledDigits", callee)],
        "srcInfo": [("dialledDigits", "2001")],
        "bandWidth": 1280,
        "callReferenceValue": 7,
        "conferenceID": CALL,
        "activeMC": False,
        "answerCall": answer,
        "callIdentifier": {"guid": CALL},
        **changes,
    }


def disengagement(identifier, call=CALL):
    """The body of a DRQ."""
    return {
        "endpointIdentifier": identifier,
        "conferenceID": call,
        "callReferenceValue": 7,
        "disengageReason": ("normalDrop", 0),
        "callIdentifier": {"guid": call},
    }


def registered(zone, number="2001", source=ALICE, seq=1):
    """Register and return the identifier."""
    ((answer, to),) = zone.hear(Kind.RRQ, seq, registration(number, source.host, source.port), source)
    assert (answer.kind, to) == (Kind.RCF, source)
    return answer.body["endpointIdentifier"]


def only(sent):
    """The one message that was sent."""
    ((message, _),) = sent
    return message


def why(sent):
    """Kind and reason of the one message that was sent."""
    message = only(sent)
    return message.kind, messages.reason_of(message)


# -- as it was recorded


@pytest.mark.parametrize("scenario", ["ga_fast", "ga_404", "gkrouted", "gkrouted_fast", "gkrouted_sep"])
def test_a_recorded_zone(scenario):
    """Each recorded request is answered by the recorded kind of message, with the fields that endpoints use."""
    zone = Zone(
        {
            "2001": ("2001", ("127.0.0.21", "127.0.0.30")),
            "2002": ("2002", ("127.0.0.22", "127.0.0.30")),
            "5000": ("gateway:gw", ("127.0.0.50",)),
        },
        identifier="TestGk",
    )
    zone.desk.refused_numbers = {"9999": "calledPartyNotRegistered"}
    recording = [messages.read(data) for name, data in RECORDED if name == scenario]
    identifiers, answered = {}, 0
    for place, message in enumerate(recording):
        answers = [
            one
            for one in recording[place:]
            if one.number == message.number and one.kind in messages.ANSWERS.get(message.kind, ())
        ]
        if not answers:
            continue
        body = dict(message.body)
        identifier = messages.identifier(message)
        if message.kind == Kind.RRQ and identifier and identifier not in identifiers:
            continue  # the first registration of this one was not recorded
        if identifier and identifier not in identifiers:
            continue
        if identifier:
            body["endpointIdentifier"], source = identifiers[identifier]
        else:
            address = body["rasAddress"]
            source = messages.addresses(address if isinstance(address, list) else [address], "ras")[0]
        if message.kind == Kind.ARQ and body["answerCall"]:
            zone.desk.calls.add(messages.call_identifier(message))
        ours = only(zone.hear(message.kind, message.number, body, source))
        theirs = answers[0]
        assert (ours.kind, ours.number) == (theirs.kind, theirs.number)
        assert messages.reason_of(ours) == messages.reason_of(theirs)
        if theirs.kind == Kind.RCF:
            identifiers[messages.identifier(theirs)] = ours.body["endpointIdentifier"], source
        for field in ("timeToLive", "terminalAlias", "gatekeeperIdentifier", "bandWidth", "callModel"):
            assert ours.body.get(field) == theirs.body.get(field), field
        answered += 1
    assert answered >= 4
    assert len(zone.gatekeeper.endpoints) == 0


def test_addresses_told_are_ours():
    """Discovery names our RAS address, registration and admission our signalling address."""
    zone = Zone(MAY, identifier="TestGk")
    discover, _ = recorded("gkrouted", Kind.GRQ)[0]
    answer = only(zone.hear(Kind.GRQ, 1, discover.body, Address("127.0.0.30", 4000, "ras")))
    assert answer.body["rasAddress"] == write_address(LOCAL)
    identifier = registered(zone)
    answer = only(zone.hear(Kind.ARQ, 3, admission(identifier), ALICE))
    assert answer.body["destCallSignalAddress"] == write_address(SIGNALLING)
    assert answer.body["callModel"] == ("gatekeeperRouted", 0)


def test_discovery_is_refused_for_the_right_reason():
    """Another gatekeeper is wanted, or another protocol; or it may not register here."""
    zone = Zone(MAY, identifier="TestGk")
    body = recorded("gkrouted", Kind.GRQ)[0][0].body
    source = Address("127.0.0.30", 4000, "ras")
    other = body | {"gatekeeperIdentifier": "OtherGk"}
    assert why(zone.hear(Kind.GRQ, 1, other, source)) == (Kind.GRJ, "terminalExcluded")
    foreign = body | {"protocolIdentifier": (0, 0, 8, 2251, 0, 4)}
    assert why(zone.hear(Kind.GRQ, 2, foreign, source)) == (Kind.GRJ, "invalidRevision")
    zone.desk.may.clear()
    assert why(zone.hear(Kind.GRQ, 3, body, source)) == (Kind.GRJ, "terminalExcluded")
    nameless = {key: value for key, value in body.items() if key not in ("endpointAlias", "gatekeeperIdentifier")}
    assert only(zone.hear(Kind.GRQ, 4, nameless, source)).kind == Kind.GCF
    assert zone.desk.sizes[-1] <= len(messages.write(Message(Kind.GRQ, 4, nameless)))
    zone.settings = zone.settings._replace(identifier="x" * 100)
    assert zone.hear(Kind.GRQ, 5, nameless, source) == []


# -- registration


def test_registering_makes_a_contact():
    """Calls to a registered number go to the signalling address that it told."""
    zone = Zone(MAY)
    registered(zone)
    assert zone.desk.names["2001"].target == Address("127.0.0.21", 1720, "h323")
    assert zone.desk.events == [("registered", "127.0.0.21", "registered", "2001")]


def test_the_time_to_live_is_ours_at_most():
    """An endpoint may ask for less, not for more."""
    zone = Zone(MAY, ttl=60)
    for asked, given in ((3600, 60), (30, 30), (1, 20)):
        answer = only(zone.hear(Kind.RRQ, asked, registration(timeToLive=asked), ALICE))
        assert answer.body["timeToLive"] == given


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"terminalAlias": []}, "invalidAlias"),
        ({"terminalAlias": [("dialledDigits", "9")]}, "securityDenial"),
        ({"callSignalAddress": []}, "invalidCallSignalAddress"),
        ({"callSignalAddress": [write_address(Address("127.0.0.21", 0))]}, "invalidCallSignalAddress"),
        ({"callSignalAddress": [write_address(Address("203.0.113.9", 1720))]}, "securityDenial"),
        ({"rasAddress": []}, "invalidRASAddress"),
        ({"protocolIdentifier": (0, 0, 8, 2250, 1, 4)}, "invalidRevision"),
        ({"gatekeeperIdentifier": "another"}, "discoveryRequired"),
        ({"additiveRegistration": 0}, "additiveRegistrationNotSupported"),
    ],
)
def test_a_registration_is_refused_for_the_right_reason(changes, reason):
    """The endpoint is told what is wrong with it (7.9.3); nothing is registered."""
    zone = Zone(MAY)
    assert why(zone.hear(Kind.RRQ, 1, registration(**changes), ALICE)) == (Kind.RRJ, reason)
    assert zone.desk.names == {}


def test_a_stranger_is_refused_and_told_of():
    """From an address that the phone does not have nobody registers it; the log says who tried."""
    zone = Zone(MAY)
    stranger = Address("203.0.113.9", 1719, "ras")
    assert why(zone.hear(Kind.RRQ, 1, registration(), stranger)) == (Kind.RRJ, "securityDenial")
    assert zone.desk.events == [("auth_refused", "203.0.113.9", "unknown_source", "2001")]


def test_a_keep_alive_renews():
    """As long as keep-alives come the registration lasts, until a full one is due."""
    zone = Zone(MAY, ttl=60, expire=600)
    identifier = registered(zone)
    for number in range(2, 13):
        zone.desk.advance(49)
        zone.gatekeeper.sweep()
        answer = only(zone.hear(Kind.RRQ, number, keep_alive(identifier), ALICE))
        assert answer.kind == Kind.RCF
        assert "terminalAlias" not in answer.body
    zone.desk.advance(61.5)
    assert why(zone.hear(Kind.RRQ, 20, keep_alive(identifier), ALICE)) == (Kind.RRJ, "fullRegistrationRequired")


def test_an_unknown_keep_alive():
    """After a restart of ours everybody has to register in full (7.9.1)."""
    zone = Zone(MAY)
    assert why(zone.hear(Kind.RRQ, 1, keep_alive("ab" * 16), ALICE)) == (Kind.RRJ, "fullRegistrationRequired")
    identifier = registered(zone)
    elsewhere = Address("127.0.0.30", 4000, "ras")
    assert why(zone.hear(Kind.RRQ, 2, keep_alive(identifier), elsewhere)) == (Kind.RRJ, "fullRegistrationRequired")


def test_a_keep_alive_of_who_may_no_more():
    """A phone that was locked or taken away is out at its next keep-alive."""
    zone = Zone(MAY)
    identifier = registered(zone)
    zone.desk.may.clear()
    assert why(zone.hear(Kind.RRQ, 2, keep_alive(identifier), ALICE)) == (Kind.RRJ, "securityDenial")
    assert zone.desk.names == {}


def test_a_registration_of_the_same_endpoint_renews():
    """A device that has restarted keeps its identifier and its calls; a new place replaces the old one."""
    zone = Zone(MAY, replace=False)
    identifier = registered(zone)
    assert registered(zone, seq=2) == identifier
    moved = registration(endpointIdentifier=identifier, callSignalAddress=[write_address(Address("127.0.0.21", 1721))])
    answer = only(zone.hear(Kind.RRQ, 3, moved, ALICE))
    assert answer.body["endpointIdentifier"] == identifier
    assert zone.desk.names["2001"].target.port == 1721
    assert len(zone.gatekeeper.endpoints) == 1


def test_the_alias_of_another_endpoint():
    """It is the other one's (duplicateAlias), or, where new registrations replace old ones, that one is told to go."""
    other = Address("127.0.0.30", 4000, "ras")
    zone = Zone(MAY, replace=False)
    registered(zone)
    body = registration(host="127.0.0.30")
    refused = zone.hear(Kind.RRQ, 9, body | {"terminalAlias": [("h323-ID", "bob"), ("dialledDigits", "2001")]}, other)
    assert why(refused) == (Kind.RRJ, "duplicateAlias")
    assert only(refused).body["rejectReason"][1] == [("dialledDigits", "2001")]
    zone.settings = zone.settings._replace(replace=True)
    (urq, to), (rcf, _) = zone.hear(Kind.RRQ, 10, body, other)
    assert (urq.kind, urq.body["reason"][0], to) == (Kind.URQ, "reregistrationRequired", ALICE)
    assert rcf.kind == Kind.RCF
    assert zone.desk.names["2001"].target.host == "127.0.0.30"


def test_an_endpoint_that_begins_anew_is_not_told_to_go():
    """From its own RAS address with another signalling port: it would take that for its new registration."""
    zone = Zone(MAY)
    first = registered(zone)
    body = registration(callSignalAddress=[write_address(Address("127.0.0.21", 1721))])
    (answer,) = [message for message, _ in zone.hear(Kind.RRQ, 9, body, ALICE)]
    assert answer.kind == Kind.RCF
    assert answer.body["endpointIdentifier"] != first
    assert zone.desk.names["2001"].target.port == 1721
    assert len(zone.gatekeeper.endpoints) == 1


def test_not_all_are_asked_at_once():
    """Endpoints whose time runs out in the same second wait for each other."""
    many = {
        f"{number}": (f"{number}", (f"198.51.100.{number % 250}",)) for number in range(3000, 3000 + MOST_ASKED + 1)
    }
    zone = Zone(many)
    for number, (_, (host,)) in many.items():
        registered(zone, number, Address(host, 1719, "ras"), int(number))
    zone.desk.advance(61)
    before = len(zone.desk.sent)
    asked = []
    for _ in range(2):
        zone.gatekeeper.sweep()
        asked.append(len(zone.desk.sent) - before)
    assert asked == [MOST_ASKED, MOST_ASKED + 1]


def test_who_is_silent_is_asked_and_forgotten():
    """At the end of its time to live an endpoint is asked (IRQ); without an answer it is gone, and told so."""
    zone = Zone(MAY, ttl=60)
    registered(zone)
    zone.desk.advance(61)
    before = len(zone.desk.sent)
    zone.gatekeeper.sweep()
    zone.desk.advance(9.5)
    assert [message.kind for message, _ in zone.desk.sent[before:]] == [Kind.IRQ] * 3 + [Kind.URQ]
    assert zone.desk.names == {}
    zone.desk.advance(20)
    assert zone.desk.running == 0


def test_who_answers_the_question_stays():
    """An IRR with the endpoint's identifier renews its registration."""
    zone = Zone(MAY, ttl=60)
    identifier = registered(zone)
    zone.desk.advance(61)
    zone.gatekeeper.sweep()
    asked, _ = zone.desk.sent[-1]
    body = {
        "endpointType": TERMINAL,
        "endpointIdentifier": identifier,
        "rasAddress": write_address(ALICE),
        "callSignalAddress": [],
    }
    zone.hear(Kind.IRR, asked.number, body | {"endpointIdentifier": "wrong"}, ALICE)
    zone.hear(Kind.IRR, asked.number, body, Address("203.0.113.9", 1719, "ras"))
    assert zone.desk.running == 1
    zone.hear(Kind.IRR, asked.number, body, ALICE)
    assert zone.desk.running == 0
    assert "2001" in zone.desk.names


def test_unregistering():
    """URQ takes the registration back; repeated it is confirmed again."""
    zone = Zone(MAY)
    identifier = registered(zone)
    body = {"callSignalAddress": [], "endpointIdentifier": identifier}
    assert only(zone.hear(Kind.URQ, 2, body, ALICE)).kind == Kind.UCF
    assert only(zone.hear(Kind.URQ, 2, body, ALICE)).kind == Kind.UCF
    assert why(zone.hear(Kind.URQ, 3, body, ALICE)) == (Kind.URJ, "notCurrentlyRegistered")
    assert zone.desk.names == {}


def test_nobody_unregisters_another():
    """Neither who does not know the identifier, nor who is somewhere else, nor who names the address only."""
    zone = Zone(MAY)
    identifier = registered(zone)
    place = [write_address(Address("127.0.0.21", 1720))]
    stranger = Address("203.0.113.9", 1719, "ras")
    zone.hear(Kind.URQ, 2, {"callSignalAddress": place, "endpointIdentifier": identifier}, stranger)
    zone.hear(Kind.URQ, 3, {"callSignalAddress": place, "endpointIdentifier": "x" * 32}, ALICE)
    zone.hear(Kind.URQ, 4, {"callSignalAddress": place}, ALICE)
    assert "2001" in zone.desk.names


# -- calls


def test_admission():
    """Bandwidth up to ours, a call that is known from then on, the same answer to the same question."""
    zone = Zone(MAY, bandwidth=640)
    identifier = registered(zone)
    answer = only(zone.hear(Kind.ARQ, 2, admission(identifier), ALICE))
    assert (answer.kind, answer.body["bandWidth"]) == (Kind.ACF, 640)
    zone.desk.refused_numbers = {"2002": "requestDenied"}
    assert only(zone.hear(Kind.ARQ, 2, admission(identifier), ALICE)).kind == Kind.ACF
    assert why(zone.hear(Kind.ARQ, 3, admission(identifier), ALICE)) == (Kind.ARJ, "requestDenied")
    assert zone.gatekeeper.caller("127.0.0.21", CALL, ()) == ("2001", True)


def test_admission_is_refused_for_the_right_reason():
    """Who is not registered, who is somebody else, who says no number."""
    zone = Zone(MAY)
    assert why(zone.hear(Kind.ARQ, 1, admission("x" * 32), ALICE)) == (Kind.ARJ, "callerNotRegistered")
    identifier = registered(zone, seq=2)
    assert why(zone.hear(Kind.ARQ, 3, admission("x" * 32), ALICE)) == (Kind.ARJ, "invalidEndpointIdentifier")
    stranger = Address("203.0.113.9", 1719, "ras")
    assert why(zone.hear(Kind.ARQ, 4, admission(identifier), stranger)) == (Kind.ARJ, "callerNotRegistered")
    nobody = admission(identifier, destinationInfo=[])
    assert why(zone.hear(Kind.ARQ, 5, nobody, ALICE)) == (Kind.ARJ, "incompleteAddress")


def test_the_called_side():
    """It is admitted the calls that we have set up; one that went around us is sent to us."""
    zone = Zone(MAY)
    identifier = registered(zone)
    body = admission(identifier, answer=True)
    assert why(zone.hear(Kind.ARQ, 2, body, ALICE)) == (Kind.ARJ, "routeCallToGatekeeper")
    zone.desk.calls.add(CALL)
    assert only(zone.hear(Kind.ARQ, 3, body, ALICE)).kind == Kind.ACF
    assert zone.gatekeeper.caller("127.0.0.21", CALL, ()) == ("2001", False)  # its own calls are its own all the same


def test_bandwidth_of_a_call():
    """It may change up to ours, for a call that there is."""
    zone = Zone(MAY, bandwidth=2000)
    identifier = registered(zone)
    body = {
        "endpointIdentifier": identifier,
        "conferenceID": CALL,
        "callReferenceValue": 7,
        "bandWidth": 1500,
        "callIdentifier": {"guid": CALL},
    }
    assert why(zone.hear(Kind.BRQ, 2, body, ALICE)) == (Kind.BRJ, "invalidConferenceID")
    zone.hear(Kind.ARQ, 3, admission(identifier), ALICE)
    answer = only(zone.hear(Kind.BRQ, 4, body, ALICE))
    assert (answer.kind, answer.body["bandWidth"]) == (Kind.BCF, 1500)
    answer = only(zone.hear(Kind.BRQ, 5, body | {"bandWidth": 2001}, ALICE))
    assert (messages.reason_of(answer), answer.body["allowedBandWidth"]) == ("insufficientResources", 2000)
    assert why(zone.hear(Kind.BRQ, 6, body | {"endpointIdentifier": "x"}, ALICE)) == (Kind.BRJ, "notBound")


def test_disengaging():
    """The end of a call is confirmed, again when it is repeated; nobody ends another's."""
    zone = Zone(MAY)
    identifier = registered(zone)
    bob = Address("127.0.0.22", 1719, "ras")
    other = registered(zone, "2002", bob, 2)
    zone.hear(Kind.ARQ, 3, admission(identifier), ALICE)
    assert why(zone.hear(Kind.DRQ, 4, disengagement(other), bob)) == (Kind.DRJ, "requestToDropOther")
    assert why(zone.hear(Kind.DRQ, 5, disengagement(identifier), bob)) == (Kind.DRJ, "notRegistered")
    for _ in range(2):
        assert only(zone.hear(Kind.DRQ, 6, disengagement(identifier), ALICE)).kind == Kind.DCF
    assert zone.gatekeeper.endpoints.of(identifier).calls == {}


def test_whose_call_it_is():
    """Without an admission the address tells, and of several at one address the calling number."""
    both = {name: (name, ("127.0.0.30",)) for name in ("2001", "2002")}
    zone = Zone(both)
    assert zone.gatekeeper.caller("127.0.0.30", b"", ()) == (None, False)
    source = Address("127.0.0.30", 4000, "ras")
    registered(zone, "2001", source)
    assert zone.gatekeeper.caller("127.0.0.30", b"", ("+49301",)) == ("2001", False)
    zone.hear(
        Kind.RRQ,
        2,
        registration("2002", "127.0.0.30") | {"callSignalAddress": [write_address(Address("127.0.0.30", 1721))]},
        Address("127.0.0.30", 4001, "ras"),
    )
    assert len(zone.gatekeeper.endpoints) == 2
    assert zone.gatekeeper.caller("127.0.0.30", b"", ("2002",)) == ("2002", True)
    assert zone.gatekeeper.caller("127.0.0.30", b"", ("+49301",)) == (None, False)
    assert zone.gatekeeper.caller("127.0.0.31", b"", ("2002",)) == (None, False)
    key = zone.gatekeeper.endpoints.named("2001").identifier
    assert zone.gatekeeper.caller("127.0.0.30", b"", (), key + "\0\0") == ("2001", True)
    assert zone.gatekeeper.caller("127.0.0.31", b"", (), key) == (None, False)


# -- the rest


def test_other_gatekeepers():
    """A LocationRequest is answered to those that may send us calls."""
    zone = Zone(MAY)
    source = Address("198.51.100.5", 1719, "ras")
    body = {"destinationInfo": [("dialledDigits", "4930")], "replyAddress": write_address(source)}
    zone.hear(Kind.LRQ, 1, body, source)
    zone.desk.locating.add("198.51.100.5")
    ((answer, to),) = zone.hear(Kind.LRQ, 2, body, source._replace(port=50_000))
    assert to == source
    elsewhere = body | {"replyAddress": write_address(Address("203.0.113.9", 1719))}
    ((_, to),) = zone.hear(Kind.LRQ, 3, elsewhere, source)
    assert to == source
    assert (answer.kind, answer.body["callSignalAddress"]) == (Kind.LCF, write_address(SIGNALLING))


def test_resources_information_and_the_unknown():
    """RAI, IRR with needResponse, and what we do not know, each answered to an endpoint of ours only."""
    zone = Zone(MAY)
    identifier = registered(zone)
    rai = {
        "protocolIdentifier": (0, 0, 8, 2250, 0, 4),
        "endpointIdentifier": identifier,
        "protocols": [],
        "almostOutOfResources": True,
    }
    assert zone.hear(Kind.RAI, 2, rai, Address("203.0.113.9", 1719, "ras")) == []
    assert zone.desk.scarce == set()
    assert only(zone.hear(Kind.RAI, 2, rai, ALICE)).kind == Kind.RAC
    assert zone.desk.scarce == {("2001",)}
    assert only(zone.hear(Kind.RAI, 8, rai | {"almostOutOfResources": False}, ALICE)).kind == Kind.RAC
    assert zone.desk.scarce == set()
    irr, _ = recorded("ga_fast", Kind.IRR)[0]
    body = irr.body | {"endpointIdentifier": identifier, "needResponse": True}
    assert only(zone.hear(Kind.IRR, 3, body, ALICE)).kind == Kind.IACK
    assert zone.hear(Kind.IRR, 4, body | {"needResponse": False}, ALICE) == []
    strange = {"nonStandardData": {"nonStandardIdentifier": ("object", (1, 2)), "data": b""}}
    assert only(zone.hear(Kind.NSM, 5, strange, ALICE)).kind == Kind.XRS
    assert zone.hear(Kind.NSM, 6, strange, Address("203.0.113.9", 1719, "ras")) == []
    assert zone.hear(Kind.XRS, 7, {}, ALICE) == []


def test_while_the_switch_thinks():
    """A repeated request is told to wait; the answer comes once, when the switch has answered."""
    zone = Zone(MAY)
    zone.desk.slow = True
    assert zone.hear(Kind.RRQ, 1, registration(), ALICE) == []
    assert only(zone.hear(Kind.RRQ, 1, registration(), ALICE)).kind == Kind.RIP
    before = len(zone.desk.sent)
    for answer in zone.desk.waiting:
        answer()
        answer()
    assert [message.kind for message, _ in zone.desk.sent[before:]] == [Kind.RCF]


# -- floods


def test_strangers_get_no_more_than_they_spend():
    """No answer to an address that has no endpoint is longer than its request: a forged source is not flooded."""
    zone = Zone(MAY)
    stranger = Address("203.0.113.9", 1719, "ras")
    for _, data in RECORDED:
        zone.desk.sizes.clear()
        zone.hear_data(data, stranger)
        assert all(size <= len(data) for size in zone.desk.sizes)


def test_many_registrations_from_one_address():
    """The endpoints of one address are bounded."""
    many = {str(number): (str(number), ("127.0.0.21",)) for number in range(3000, 3400)}
    zone = Zone(many)
    answers = []
    for place, number in enumerate(many):
        body = registration(number, callSignalAddress=[write_address(Address("127.0.0.21", 2000 + place))])
        answers.append(only(zone.hear(Kind.RRQ, place + 1, body, ALICE)))
    assert len(zone.gatekeeper.endpoints) == MOST_AT_HOST
    assert messages.reason_of(answers[-1]) == "resourceUnavailable"


def test_questions_that_are_never_answered_are_bounded():
    """A switch that is stuck costs no memory here."""
    zone = Zone(MAY)
    zone.desk.slow = True
    for number in range(1, 3000):
        zone.hear(Kind.RRQ, number, registration(), ALICE)
    assert len(zone.gatekeeper.pending) <= 1000
