"""The recorded H.245 conversations, with one side played by our session: it takes what real stacks say."""

from __future__ import annotations

import pytest
from h245_desk import FakeDesk, description, names_of, where

from tests.support.h323.script import RESPONSES, calls, uuie
from vosswitch.h323 import per
from vosswitch.h323.h245 import addresses, faststart

OURS = description("PCMA", "PCMU", "G729", "G723", event=101)


def spoken(call, side):
    """The H.245 messages of *side*, in order."""
    found = []
    for step in call.steps:
        if step.side != side:
            continue
        if step.channel == "control":
            found.append(per.decode_h245(step.data))
        else:
            found += [per.decode_h245(item) for item in uuie(step.data).get("h245Control", ())]
    return found


def bodies(messages, name):
    return [message[1][1] for message in messages if message[1][0] == name]


class Replay(FakeDesk):
    """The peer says what it said; its responses carry the numbers of our requests.

    Our determination is the recorded one of the side that we play, so that the peer's decision holds.
    """

    def __init__(self, call, peer):
        self.theirs = spoken(call, peer)
        self.replaced = spoken(call, "called" if peer == "caller" else "caller")
        asked = bodies(self.replaced, "masterSlaveDetermination")
        settings = {"terminal_type": asked[0]["terminalType"]} if asked else {}
        chances = [body["statusDeterminationNumber"] for body in asked] or [1]
        self.waiting = []
        super().__init__(chances=chances, **settings)

    def send(self, message):
        super().send(message)
        self.waiting.append(message)

    def play(self):
        """All that the peer said, each response as soon as we have asked."""
        requests = [item for item in self.theirs if item[1][0] not in RESPONSES]
        responses = [item for item in self.theirs if item[1][0] in RESPONSES]
        while requests or self.waiting:
            while self.waiting:
                self._respond(self.waiting.pop(0), responses)
            if requests:
                self.session.take(requests.pop(0))

    def _respond(self, message, responses):
        kind, (name, body) = message
        answer = {asked: reply for reply, asked in RESPONSES.items()}.get(name)
        if name == "masterSlaveDeterminationAck" and not bodies(self.sent, "masterSlaveDetermination"):
            answer = name
        recorded = next((item for item in responses if item[1][0] == answer), None)
        if recorded is None:
            return
        said = dict(recorded[1][1])
        for key in ("sequenceNumber", "forwardLogicalChannelNumber"):
            if key in body and key in said:
                said[key] = body[key]
        assert kind in ("request", "response")
        self.session.take((recorded[0], (recorded[1][0], said)))


SLOW = [
    (call.name, side)
    for call in calls().values()
    for side in ("caller", "called")
    if bodies(spoken(call, side), "openLogicalChannelAck")
    and bodies(spoken(call, side), "openLogicalChannel")
    and bodies(spoken(call, side), "terminalCapabilitySet")
]


def test_there_are_conversations_to_replay():
    """Both stacks, both sides, tunnelled and separate."""
    names = {name for name, _ in SLOW}
    assert {"a_slowsep", "slowtun", "ao_slow", "ao_fastrefused", "ga_slow-1", "h245setup", "y_slow"} <= names
    assert len(SLOW) >= 20


@pytest.mark.parametrize(("name", "peer"), SLOW)
def test_media_stands_with_a_recorded_peer(name, peer):
    """Its address and codec come out, its requests are answered, and its end ends it."""
    desk = Replay(calls()[name], peer)
    desk.session.offer(OURS)
    desk.session.begin()
    desk.play()
    assert not desk.failures
    (opened,) = desk.openeds
    ack = bodies(desk.theirs, "openLogicalChannelAck")[0]["forwardMultiplexAckParameters"][1]
    assert where(opened) == addresses.read(ack["mediaChannel"])
    assert names_of(opened)[0] == "PCMA"
    assert len(desk.capables) == 1
    asked = [message[1][0] for message in desk.theirs]
    said = [message[1][0] for message in desk.sent]
    for response, request in RESPONSES.items():
        if response != "masterSlaveDeterminationAck":
            assert said.count(response) == asked.count(request), response


@pytest.mark.parametrize(("name", "peer"), SLOW)
def test_the_masters_are_the_recorded_ones(name, peer):
    """We come to the same decision as the stack whose place we take."""
    call = calls()[name]
    desk = Replay(call, peer)
    desk.session.offer(OURS)
    desk.session.begin()
    desk.play()
    told = bodies(desk.theirs, "masterSlaveDeterminationAck")
    assert told
    assert desk.session.master is (told[0]["decision"][0] == "master")


@pytest.mark.parametrize(("name", "peer"), SLOW)
def test_digits_of_a_recorded_peer_are_heard(name, peer):
    """Each one once, in order."""
    desk = Replay(calls()[name], peer)
    desk.session.offer(OURS)
    desk.session.begin()
    desk.play()
    sent = "".join(body[1] for body in bodies(desk.theirs, "userInput") if body[0] == "alphanumeric")
    assert "".join(digit.digit for digit in desk.digits) == sent.rstrip("\0")


FAST = [call.name for call in calls().values() if call.fast_start and call.fast_start_answered]


def fast_starts(call):
    """The caller's and the called side's OpenLogicalChannels."""
    found = []
    for side in ("caller", "called"):
        for step in call.steps:
            if step.side == side and step.channel == "signal":
                body = uuie(step.data).get("h323-message-body", ("", 0))[1]
                if isinstance(body, dict) and "fastStart" in body:
                    found.append([per.decode_olc(item) for item in body["fastStart"]])
                    break
    return found


@pytest.mark.parametrize("name", FAST)
def test_a_recorded_fast_start_is_read_from_both_sides(name):
    """The offer has the caller's address, the answer the called side's, both with one codec in common."""
    proposed, answers = fast_starts(calls()[name])
    offer = faststart.offered(proposed)
    answer = faststart.calling(proposed, answers, offer).theirs
    reverse = next(item for item in proposed if "reverseLogicalChannelParameters" in item)
    caller = reverse["reverseLogicalChannelParameters"]["multiplexParameters"][1]["mediaChannel"]
    forward = next(item for item in answers if "reverseLogicalChannelParameters" not in item)
    called = forward["forwardLogicalChannelParameters"]["multiplexParameters"][1]["mediaChannel"]
    assert where(offer) == addresses.read(caller)
    assert where(answer) == addresses.read(called)
    assert set(names_of(answer)) <= set(names_of(offer))


@pytest.mark.parametrize("name", FAST)
def test_we_answer_a_recorded_fast_start(name):
    """One channel each way, the caller's under its own number, with our address; and it is what stands then."""
    proposed, _ = fast_starts(calls()[name])
    ours = description(names_of(faststart.offered(proposed))[0], host="192.0.2.9", port=7000)
    answers = faststart.chosen(proposed, ours)
    back = [per.decode_olc(per.encode_olc(item)) for item in answers]
    assert back == answers
    assert where(faststart.calling(proposed, back, faststart.offered(proposed)).theirs) == ("192.0.2.9", 7000)
    channels = faststart.called(proposed, answers, ours)
    assert where(channels.theirs) == where(faststart.offered(proposed))


@pytest.mark.parametrize(
    "name", [name for name in FAST if any(spoken(calls()[name], side) for side in ("caller", "called"))]
)
def test_h245_after_fast_start_leaves_its_channels(name):
    """Capabilities, determination and digits follow; the channels are neither closed nor opened again."""
    call = calls()[name]
    proposed, answers = fast_starts(call)
    ours = faststart.offered(proposed)
    desk = Replay(call, "called")
    desk.session.adopt(faststart.calling(proposed, answers, ours))
    desk.session.begin()
    desk.play()
    assert not desk.failures
    assert not desk.openeds
    assert not bodies(desk.sent, "openLogicalChannel") + bodies(desk.sent, "closeLogicalChannel")
