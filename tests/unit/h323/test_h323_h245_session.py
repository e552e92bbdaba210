"""One session: what it says when, what it tells the leg, and what a peer cannot do to it."""

from __future__ import annotations

import functools

import pytest
from h245_desk import FakeDesk, description, fax, names_of, where
from hypothesis import given, settings
from hypothesis import strategies as st

from vosswitch.h323 import per
from vosswitch.h323.h245 import addresses, capabilities, steering
from vosswitch.h323.h245.audio import Audio
from vosswitch.h323.h245.capabilities import NOTHING, Capabilities
from vosswitch.h323.h245.fax import capability as fax_capability
from vosswitch.h323.h245.fax import mode as fax_mode
from vosswitch.h323.h245.session import MOST_REPLIES
from vosswitch.model.signals import Digit

G711 = Capabilities((Audio("g711Alaw64k", 20), Audio("g711Ulaw64k", 20)), 101, "0-16", fax=True)
THERE = ("192.0.2.99", 5000)


class Peer:
    """A peer that is played by hand, and our session, which has begun with *ours*."""

    def __init__(self, ours=None, said=G711, **options):
        self.desk = FakeDesk(**options)
        self.session = self.desk.session
        self.numbers = 0
        self.session.offer(ours)
        self.session.begin()
        if said is not None:
            self.says(said)
            self.decides()

    def take(self, kind, name, body):
        self.session.take((kind, (name, body)))

    def says(self, said):
        self.numbers += 1
        self.take("request", "terminalCapabilitySet", capabilities.write(said, self.numbers % 256))
        self.confirm()

    def confirm(self):
        """Take what it has announced last."""
        last = self.last("terminalCapabilitySet")
        if last is not None:
            self.take("response", "terminalCapabilitySetAck", {"sequenceNumber": last["sequenceNumber"]})

    def decides(self):
        self.take("response", "masterSlaveDeterminationAck", {"decision": ("slave", 0)})

    def opens(self, medium=("audioData", ("g711Alaw64k", 20)), number=7, session=1, **more):
        parameters = {"sessionID": session, "mediaControlChannel": addresses.write(THERE[0], THERE[1] + 1)}
        forward = {"dataType": medium, "multiplexParameters": ("h2250LogicalChannelParameters", parameters)}
        body = {"forwardLogicalChannelNumber": number, "forwardLogicalChannelParameters": forward, **more}
        self.take("request", "openLogicalChannel", body)

    def takes(self, where=THERE):
        """Our channel."""
        number = self.last("openLogicalChannel")["forwardLogicalChannelNumber"]
        said = {"sessionID": 1, "mediaChannel": addresses.write(*where), "flowControlToZero": False}
        body = {
            "forwardLogicalChannelNumber": number,
            "forwardMultiplexAckParameters": ("h2250LogicalChannelAckParameters", said),
        }
        self.take("response", "openLogicalChannelAck", body)

    def refuses(self, cause="dataTypeNotSupported"):
        number = self.last("openLogicalChannel")["forwardLogicalChannelNumber"]
        body = {"forwardLogicalChannelNumber": number, "cause": (cause, 0)}
        self.take("response", "openLogicalChannelReject", body)

    def closes(self, number=7):
        body = {"forwardLogicalChannelNumber": number, "source": ("user", 0), "reason": ("unknown", 0)}
        self.take("request", "closeLogicalChannel", body)

    def last(self, name):
        found = [message[1][1] for message in self.desk.sent if message[1][0] == name]
        return found[-1] if found else None

    def count(self, name):
        return len([message for message in self.desk.sent if message[1][0] == name])

    @property
    def codec(self):
        """Of the channel that we have opened last."""
        return self.last("openLogicalChannel")["forwardLogicalChannelParameters"]["dataType"][1]


def standing(ours=None, **options):
    """A peer with media both ways."""
    peer = Peer(ours or description("PCMA", "PCMU"), **options)
    peer.opens()
    peer.takes()
    return peer


# -- the beginning


def test_it_begins_with_capabilities_and_determination():
    """In this order, as the usual stacks do, and once."""
    peer = Peer(said=None)
    peer.session.begin()
    assert peer.desk.said() == ["terminalCapabilitySet", "masterSlaveDetermination"]


def test_the_first_message_of_the_peer_begins_it():
    """H.245 in Setup: the tunnel is there with it."""
    desk = FakeDesk()
    desk.session.take(("request", ("terminalCapabilitySet", capabilities.write(G711, 1))))
    assert desk.said() == ["terminalCapabilitySet", "masterSlaveDetermination", "terminalCapabilitySetAck"]


def test_our_channel_waits_for_both_capabilities_and_determination():
    """And is opened at once then, with our RTCP address and nothing that stacks refuse."""
    peer = Peer(description("PCMA"), said=None)
    peer.says(G711)
    assert not peer.count("openLogicalChannel")
    peer.decides()
    parameters = peer.last("openLogicalChannel")["forwardLogicalChannelParameters"]["multiplexParameters"][1]
    assert parameters == {"sessionID": 1, "mediaControlChannel": addresses.write("192.0.2.1", 4001)}


def test_without_an_offer_everything_is_announced_and_nothing_opened():
    """The peer's capabilities are told, its channel waits; with the offer all comes about."""
    peer = Peer()
    assert len(peer.last("terminalCapabilitySet")["capabilityTable"]) > 8
    assert names_of(peer.desk.capables[0]) == ["PCMA", "PCMU", "telephone-event"]
    peer.opens()
    assert not peer.count("openLogicalChannelAck") + peer.count("openLogicalChannel")
    peer.session.offer(description("PCMA"))
    assert peer.count("openLogicalChannelAck") == 1
    peer.takes()
    assert where(peer.desk.openeds[0]) == THERE


def test_a_peer_that_begins_paused_is_waited_for():
    """An empty set first is how some call agents begin."""
    peer = Peer(description("PCMA"), said=NOTHING)
    assert not peer.desk.capables + peer.desk.openeds
    assert not peer.count("openLogicalChannel")
    peer.says(G711)
    peer.decides()
    peer.opens()
    peer.takes()
    assert len(peer.desk.openeds) == 1


def test_nothing_in_common_fails():
    """Neither at first, nor after every codec was refused."""
    assert Peer(description("G723")).desk.failures == ["no codec in common"]
    assert Peer(description("opus")).desk.failures == ["no codec that H.323 knows"]
    peer = Peer(description("PCMA", "PCMU"))
    peer.refuses()
    assert peer.codec == ("g711Ulaw64k", 20)
    peer.refuses()
    assert peer.desk.failures == ["no codec in common"]
    assert peer.desk.mismatch
    assert not peer.desk.clock.timers


def test_in_a_conflict_the_masters_codec_is_tried():
    """masterSlaveConflict: the peer has opened PCMU before."""
    peer = Peer(description("PCMA", "G729", "PCMU"))
    peer.opens(("audioData", ("g711Ulaw64k", 20)))
    peer.refuses("masterSlaveConflict")
    assert peer.codec == ("g711Ulaw64k", 20)


# -- what comes out


def test_asymmetric_codecs_are_both_in_the_answer():
    """What the peer wants to receive first; and RFC 2833 under the number that it wants."""
    peer = Peer(description("PCMA", "PCMU", event=97))
    peer.opens(("audioData", ("g711Ulaw64k", 20)))
    peer.takes()
    (opened,) = peer.desk.openeds
    assert names_of(opened) == ["PCMA", "PCMU", "telephone-event"]
    assert opened.media[0].formats == ("8", "0", "101")


def test_the_answer_has_the_sections_of_the_offer():
    """RFC 3264: one by one, the others refused."""
    ours = description("PCMA")
    video = fax().media[0]
    peer = standing(ours.__class__(host=ours.host, media=(video, *ours.media)))
    assert [media.port for media in peer.desk.openeds[0].media] == [0, THERE[1]]


def test_a_peer_without_a_channel_of_its_own_is_told_of_after_a_while():
    """One-way media from the beginning; its channel is news when it comes."""
    peer = Peer(description("PCMA"))
    peer.takes()
    assert not peer.desk.openeds
    peer.desk.clock.advance(10)
    assert where(peer.desk.openeds[0]) == THERE
    peer.opens()
    assert len(peer.desk.openeds) == 2


def test_an_answer_with_only_an_rtcp_address_is_understood():
    """RTP is next to it (RFC 3550 section 11)."""
    peer = Peer(description("PCMA"))
    number = peer.last("openLogicalChannel")["forwardLogicalChannelNumber"]
    said = {"sessionID": 1, "mediaControlChannel": addresses.write("192.0.2.98", 7001), "flowControlToZero": False}
    ack = ("h2250LogicalChannelAckParameters", said)
    peer.take(
        "response",
        "openLogicalChannelAck",
        {"forwardLogicalChannelNumber": number, "forwardMultiplexAckParameters": ack},
    )
    peer.opens()
    assert where(peer.desk.openeds[0]) == ("192.0.2.98", 7000)


def test_a_peer_that_moves_its_media_is_told_of():
    """It has our channel closed, to be opened again towards another address."""
    peer = standing()
    number = peer.last("openLogicalChannel")["forwardLogicalChannelNumber"]
    peer.take("request", "requestChannelClose", {"forwardLogicalChannelNumber": number, "reason": ("reopen", 0)})
    peer.takes(("192.0.2.98", 6000))
    assert where(peer.desk.openeds[1]) == ("192.0.2.98", 6000)


def test_a_channel_that_the_peer_wants_closed_stays_closed():
    """Until our side wants something else."""
    peer = standing()
    number = peer.last("openLogicalChannel")["forwardLogicalChannelNumber"]
    peer.take("request", "requestChannelClose", {"forwardLogicalChannelNumber": number, "reason": ("normal", 0)})
    assert peer.desk.said()[-2:] == ["requestChannelCloseAck", "closeLogicalChannel"]
    peer.session.offer(description("PCMA", "PCMU"))
    assert peer.desk.said() == ["openLogicalChannel"]


# -- the peer's channels


@pytest.mark.parametrize(
    ("medium", "more", "cause"),
    [
        (("audioData", ("g728", 1)), {}, "dataTypeNotSupported"),
        (("audioData", ("g711Ulaw64k", 20)), {}, "dataTypeNotSupported"),
        (("videoData", ("nonStandard", {})), {}, "dataTypeNotSupported"),
        (("_ext_11", b""), {}, "dataTypeNotSupported"),
        (("audioData", ("g711Alaw64k", 20)), {"reverseLogicalChannelParameters": {}}, "unsuitableReverseParameters"),
    ],
)
def test_channels_that_are_refused(medium, more, cause):
    """What our side cannot receive, what is unknown, and bidirectional ones."""
    peer = Peer(description("PCMA"))
    peer.opens(medium, **more)
    assert peer.last("openLogicalChannelReject") == {"forwardLogicalChannelNumber": 7, "cause": (cause, 0)}


def test_a_session_number_is_given_back_and_assigned_where_there_is_none():
    """0 asks the master for one."""
    peer = Peer(description("PCMA"))
    for number, session in ((7, 4), (8, 0)):
        peer.opens(number=number, session=session)
        ack = peer.last("openLogicalChannelAck")["forwardMultiplexAckParameters"][1]
        assert ack["sessionID"] == (session or 1)
        assert addresses.read(ack["mediaChannel"]) == ("192.0.2.1", 4000)


# -- changes of our side


def test_an_offer_that_changes_nothing_is_answered_at_once():
    peer = standing()
    peer.desk.said()
    peer.session.offer(description("PCMA", "PCMU"))
    assert not peer.desk.said()
    assert len(peer.desk.openeds) == 2


def test_hold_stops_the_peer_and_closes_our_channel():
    """An empty capability set; the answer stands when the peer has taken it."""
    peer = standing()
    peer.session.offer(description("PCMA", "PCMU", lines=("a=inactive",)))
    assert peer.desk.said()[-2:] == ["terminalCapabilitySet", "closeLogicalChannel"]
    assert len(peer.desk.openeds) == 1
    peer.take("response", "terminalCapabilitySetAck", {"sequenceNumber": 2})
    assert peer.desk.openeds[1].media[0].lines[-1] == "a=inactive"
    assert names_of(peer.desk.openeds[1]) == ["PCMA"]


def test_music_on_hold_keeps_our_channel():
    """Our side sends only: the peer hears it and sends nothing."""
    peer = standing()
    peer.session.offer(description("PCMA", "PCMU", lines=("a=sendonly",)))
    assert peer.last("terminalCapabilitySet").keys() == {"sequenceNumber", "protocolIdentifier"}
    assert "closeLogicalChannel" not in peer.desk.said()
    peer.take("response", "terminalCapabilitySetAck", {"sequenceNumber": 2})
    assert peer.desk.openeds[1].media[0].lines[-1] == "a=recvonly"


def test_a_new_address_makes_the_peer_open_again():
    """It is paused, closes its channel, and opens one to the new address."""
    peer = standing()
    peer.session.offer(description("PCMA", "PCMU", port=8000))
    peer.confirm()
    peer.closes()
    assert "capabilityTable" in peer.last("terminalCapabilitySet")
    peer.confirm()
    peer.opens(number=9)
    peer.takes()
    ack = peer.last("openLogicalChannelAck")["forwardMultiplexAckParameters"][1]
    assert addresses.read(ack["mediaChannel"]) == ("192.0.2.1", 8000)
    assert len(peer.desk.openeds) == 2


def test_a_peer_that_does_not_move_keeps_what_it_has():
    """Asked in both ways it does nothing: our side's change is refused, the old session stands."""
    peer = standing()
    peer.session.offer(description("PCMA", "PCMU", port=8000))
    peer.takes()
    peer.confirm()
    peer.desk.clock.advance(5)
    assert peer.last("requestChannelClose")["reason"] == ("reopen", 0)
    peer.desk.clock.advance(5)
    assert peer.desk.refusals == ["the peer does not move its media"]
    peer.takes()
    assert not peer.desk.failures


def test_a_change_without_a_common_codec_is_refused():
    """What stood before stands."""
    peer = standing()
    peer.session.offer(description("G723"))
    assert peer.desk.refusals == ["no codec in common"]
    assert peer.codec == ("g711Alaw64k", 20)
    assert not peer.desk.failures


# -- changes of the peer


def test_hold_of_the_peer():
    """Our channel is closed, the leg told; what the far side echoes does not pause the peer in return."""
    peer = standing()
    peer.desk.said()
    peer.says(NOTHING)
    assert peer.desk.said() == ["terminalCapabilitySetAck", "closeLogicalChannel"]
    assert peer.desk.capables[-1].media[0].lines[-1] == "a=inactive"
    peer.session.offer(description("PCMA", "PCMU", lines=("a=inactive",)))
    assert not peer.desk.said()
    assert len(peer.desk.openeds) == 2
    peer.says(G711)
    assert peer.desk.said() == ["terminalCapabilitySetAck", "terminalCapabilitySet", "masterSlaveDetermination"]
    assert peer.desk.capables[-1] == peer.desk.capables[0]
    peer.session.offer(description("PCMA", "PCMU"))
    peer.takes()
    assert len(peer.desk.openeds) == 3


def test_a_late_set_without_our_codec_has_it_changed():
    """Our channel is closed and another one opened; the leg is told of the new media."""
    peer = standing()
    peer.says(Capabilities((Audio("g711Ulaw64k", 20),)))
    assert peer.codec == ("g711Ulaw64k", 20)
    peer.takes()
    assert names_of(peer.desk.openeds[1])[0] == "PCMU"


def test_a_set_may_change_single_entries():
    """Without descriptors: an entry without a capability goes, the others stay (H.245 7.2.1)."""
    peer = standing()
    body = capabilities.write(NOTHING, 9) | {"capabilityTable": [{"capabilityTableEntryNumber": 1}]}
    peer.take("request", "terminalCapabilitySet", body)
    assert names_of(peer.desk.capables[-1]) == ["PCMU", "telephone-event"]


# -- fax


def test_the_peer_asks_for_fax():
    """The far side is asked first; both channels are opened anew."""
    peer = standing()
    element = {"type": ("dataMode", fax_mode())}
    peer.take("request", "requestMode", {"sequenceNumber": 5, "requestedModes": [[element]]})
    assert peer.desk.askeds[0].media[0].kind == "image"
    peer.desk.said()
    peer.session.offer(fax())
    assert peer.desk.said() == ["requestModeAck", "closeLogicalChannel", "openLogicalChannel"]


def test_fax_that_the_far_side_does_not_take():
    peer = standing()
    element = {"type": ("dataMode", fax_mode())}
    peer.take("request", "requestMode", {"sequenceNumber": 5, "requestedModes": [[element]]})
    peer.session.decline()
    assert peer.last("requestModeReject") == {"sequenceNumber": 5, "cause": ("requestDenied", 0)}
    peer.opens(("data", fax_capability()), number=9, session=3)
    assert len(peer.desk.askeds) == 2
    peer.session.decline()
    assert peer.last("openLogicalChannelReject")["cause"] == ("dataTypeNotAvailable", 0)


def test_fax_that_the_peer_does_not_take():
    """By its capabilities, by its answer, by none."""
    peer = standing(said=Capabilities((Audio("g711Alaw64k", 20),)))
    peer.session.offer(fax())
    assert peer.desk.refusals == ["no T.38 with this peer"]
    for how in ("reject", "silence", "unknown"):
        peer = standing()
        peer.session.offer(fax())
        if how == "reject":
            number = peer.last("requestMode")["sequenceNumber"]
            peer.take("response", "requestModeReject", {"sequenceNumber": number, "cause": ("modeUnavailable", 0)})
        elif how == "unknown":
            peer.take("indication", "functionNotSupported", {"cause": ("unknownFunction", 0)})
        else:
            peer.desk.clock.advance(30)
        assert peer.desk.refusals == ["the peer refuses the other mode"]


def test_a_gateway_without_fax():
    """By its settings: neither announced, nor asked for, nor taken."""
    peer = standing(t38=False)
    announced = [entry["capability"][0] for entry in peer.last("terminalCapabilitySet")["capabilityTable"]]
    assert not [kind for kind in announced if "Data" in kind]
    element = {"type": ("dataMode", fax_mode())}
    peer.take("request", "requestMode", {"sequenceNumber": 5, "requestedModes": [[element]]})
    assert peer.last("requestModeReject")["sequenceNumber"] == 5
    peer.opens(("data", fax_capability()), number=9, session=3)
    assert peer.last("openLogicalChannelReject")["cause"] == ("dataTypeNotSupported", 0)
    assert not peer.desk.askeds
    peer.session.offer(fax())
    assert peer.desk.refusals == ["no T.38 with this peer"]


# -- digits


@pytest.mark.parametrize(
    ("method", "inputs", "sent"),
    [
        ("auto", {"basicString", "dtmf"}, ("alphanumeric", "5")),
        ("auto", {"dtmf"}, ("signal", {"signalType": "5", "duration": 90})),
        ("auto", set(), ("alphanumeric", "5")),
        ("signal", {"basicString"}, ("signal", {"signalType": "5", "duration": 90})),
        ("alphanumeric", {"dtmf"}, ("alphanumeric", "5")),
        ("rfc2833", {"dtmf"}, None),
        ("off", {"dtmf"}, None),
    ],
)
def test_digits_are_sent_as_the_peer_takes_them(method, inputs, sent):
    peer = Peer(dtmf=method, said=None)
    table = [{"capabilityTableEntryNumber": 1, "capability": ("receiveAudioCapability", ("g711Alaw64k", 20))}]
    table += [
        {"capabilityTableEntryNumber": place, "capability": ("receiveUserInputCapability", (name, 0))}
        for place, name in enumerate(sorted(inputs), 2)
    ]
    peer.take("request", "terminalCapabilitySet", capabilities.write(NOTHING, 1) | {"capabilityTable": table})
    assert peer.session.digit(Digit("5", 90)) is (sent is not None)
    assert peer.last("userInput") == sent


def test_a_digit_that_there_is_not():
    assert Peer().session.digit(Digit("x")) is False


def test_digits_are_heard_in_every_way():
    """Several in one message; a signal with its duration; an update is none."""
    peer = Peer()
    peer.take("indication", "userInput", ("alphanumeric", "12d#\0x"))
    peer.take("indication", "userInput", ("signal", {"signalType": "*", "duration": 250}))
    peer.take("indication", "userInput", ("signalUpdate", {"duration": 900}))
    peer.take("indication", "userInput", ("userInputSupportIndication", ("basicString", 0)))
    assert peer.desk.digits == [Digit("1"), Digit("2"), Digit("D"), Digit("#"), Digit("*", 250)]


def test_a_digit_in_two_ways_counts_once():
    """As a string and as a signal, at once; later it is another key."""
    peer = Peer()
    for _ in range(2):
        peer.take("indication", "userInput", ("alphanumeric", "5"))
        peer.take("indication", "userInput", ("signal", {"signalType": "5"}))
    assert len(peer.desk.digits) == 2
    peer.desk.clock.advance(1)
    peer.take("indication", "userInput", ("signal", {"signalType": "5"}))
    assert len(peer.desk.digits) == 3


# -- keep-alive and the end


def test_round_trips_are_answered():
    peer = Peer()
    peer.take("request", "roundTripDelayRequest", {"sequenceNumber": 77})
    assert peer.last("roundTripDelayResponse") == {"sequenceNumber": 77}


def test_a_sign_of_life_is_asked_for_until_the_peer_says_that_it_does_not_know_how():
    """Whether it is answered in time is the leg's."""
    peer = standing()
    assert peer.session.ask_alive()
    assert peer.session.ask_alive()
    assert peer.count("roundTripDelayRequest") == 2
    peer.take("response", "roundTripDelayResponse", {"sequenceNumber": 1})
    assert peer.desk.answers_heard == 1
    peer.take("indication", "functionNotUnderstood", ("request", ("roundTripDelayRequest", {"sequenceNumber": 9})))
    assert not peer.session.ask_alive()
    assert peer.count("roundTripDelayRequest") == 2
    assert not peer.desk.failures


def test_the_end():
    """Said once; nothing follows, and no timer is left."""
    peer = standing()
    peer.session.end()
    peer.session.end()
    assert peer.desk.sent[-1] == ("command", ("endSessionCommand", ("disconnect", 0)))
    assert peer.count("endSessionCommand") == 1
    assert not peer.desk.clock.timers
    peer.session.offer(description("PCMU"))
    assert peer.session.digit(Digit("1")) is False
    assert not peer.session.running


def test_the_peers_end():
    peer = standing()
    peer.take("command", "endSessionCommand", ("disconnect", 0))
    assert peer.desk.ends == 1
    peer.opens(number=9)
    assert not peer.desk.clock.timers


# -- what a peer cannot do


def test_unknown_requests_are_said_to_be_so_but_not_without_end():
    """And never in answer to a response, an indication, or the same words."""
    peer = Peer()
    peer.desk.said()
    for _ in range(1000):
        peer.take("request", "_ext_20", b"\1")
        peer.take("request", "maintenanceLoopRequest", {"type": ("systemLoop", 0)})
        peer.take("response", "_ext_30", b"")
        peer.take("indication", "functionNotSupported", {"cause": ("unknownFunction", 0)})
        peer.take("command", "miscellaneousCommand", {})
        peer.take("request", "nonStandard", {})
    assert peer.desk.said() == ["functionNotSupported"] * MOST_REPLIES


def test_thousands_of_channels_are_one_and_then_the_end():
    """Each takes the place of the one before; who goes on has no call any more."""
    peer = standing()
    for number in range(8, 8000):
        peer.opens(number=number)
    assert peer.desk.failures == ["the peer changes its mind without end"]
    assert peer.count("openLogicalChannelAck") <= steering.MOST_CHANGES
    assert not peer.desk.clock.timers


def test_capabilities_that_change_without_end():
    """A call that is held and resumed hundreds of times is none; the same set again is no change."""
    peer = standing()
    for _ in range(500):
        peer.says(G711)
    assert len(peer.desk.capables) == 1
    for _ in range(500):
        peer.says(NOTHING)
        peer.says(G711)
    assert len(peer.desk.capables) <= steering.MOST_CHANGES
    assert peer.desk.failures


def test_sets_asked_for_without_end():
    peer = standing()
    for _ in range(1000):
        peer.take("command", "sendTerminalCapabilitySet", ("genericRequest", 0))
        peer.confirm()
    assert peer.count("terminalCapabilitySet") <= MOST_REPLIES + 1


def test_a_table_beyond_its_size_is_refused():
    """Entries of many sets are no more than one set may have."""
    peer = Peer(said=None)
    entry = ("receiveAudioCapability", ("g711Alaw64k", 20))
    table = [{"capabilityTableEntryNumber": number, "capability": entry} for number in range(1, 300)]
    peer.take("request", "terminalCapabilitySet", capabilities.write(NOTHING, 1) | {"capabilityTable": table})
    assert peer.last("terminalCapabilitySetReject")["cause"][0] == "tableEntryCapacityExceeded"


@functools.cache
def wires():
    """All that a session says that opens media, holds, asks for fax and ends, as bytes."""
    peer = standing()
    peer.session.offer(description("PCMA", lines=("a=inactive",)))
    peer.session.offer(fax())
    peer.session.digit(Digit("1"))
    peer.take("request", "roundTripDelayRequest", {"sequenceNumber": 7})
    peer.session.end()
    return [per.encode_h245(message) for message in peer.desk.sent]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=6), st.integers(0, 30))
def test_a_message_that_is_damaged_harms_nobody(changes, place):
    """Whatever still decodes is taken; what we say in return encodes, and nothing is raised."""
    peer = standing()
    wire = bytearray(wires()[place % len(wires())])
    for at, value in changes:
        wire[at % len(wire)] = value
    try:
        message = per.decode_h245(bytes(wire))
    except per.BadPdu:
        return
    peer.session.take(message)
    assert len(peer.desk.failures) + peer.desk.ends <= 1
