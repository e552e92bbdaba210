"""The few rules of H.245 that a scripted endpoint needs beside its script; written from the standard for the tests."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from tests.support.h323 import codec as per
from tests.support.h323 import template
from tests.support.h323.script import RESPONSES, calls
from tests.support.h323.template import Address, Facts

CAPABILITIES = per.decode_h245(next(s for s in calls()["slowsep"].steps if s.what == "terminalCapabilitySet").data)
OPEN = per.decode_h245(next(s for s in calls()["slowsep"].steps if s.what == "openLogicalChannel").data)
"""A recorded request for a channel of G.711 A-law."""
_HALF, _WHOLE = 1 << 23, 1 << 24
_BARE = 1_234_567
"""Our determination number where the recording has none."""


class Responder:
    """Puts the peer's numbers into our responses, and answers what the script has no answer for.

    :param terminal: our terminalType.
    :param script: the H.245 messages that our side of the recording has; None = all that is needed.
    :ivar channels: codec of each channel that the peer has open towards us; *own* the channels that the peer accepted.
    :ivar digits: what the peer told by H.245.
    """

    def __init__(self, facts: Facts, terminal: int, script: frozenset[str] | None = None) -> None:
        self.facts = facts
        self._script = script
        self._fast = False
        self.terminal = terminal
        self.number = _BARE
        self.determined = False
        self.channels: dict[int, str] = {}
        self.own: set[int] = set()
        self.digits = ""
        self.capabilities: list[str] | None = None
        self._asked: dict[str, deque[Any]] = {request: deque() for request in RESPONSES.values()}
        self._peer: dict[str, Any] | None = None
        self._we_asked = False
        self._held = self._told = self._opens = False
        self._channel = 300
        self._initiatives: list[tuple[str, Any]] = []

    # What we say.

    def fits(self, message: tuple[str, Any]) -> tuple[str, Any] | None:
        """A recorded message as it fits this conversation; None = there is nothing that it would answer."""
        kind, (name, value) = message
        if name == "masterSlaveDetermination":
            self.number, self.terminal, self._we_asked = value["statusDeterminationNumber"], value["terminalType"], True
        if name not in RESPONSES:
            return message
        asked = self._asked[RESPONSES[name]]
        return (kind, (name, self._filled(name, value, asked.popleft()))) if asked else None

    def due(self, planned: Counter[str]) -> list[tuple[str, Any]]:
        """Responses to what was asked more often than the script will answer.

        :param planned: responses that the script still has.
        """
        made = []
        for response, request in RESPONSES.items():
            asked = self._asked[request]
            while len(asked) > planned[response]:
                made.append(("response", (response, self._filled(response, {}, asked.popleft()))))
        self._begin()
        made += self._initiatives
        self._initiatives = []
        return made

    def _begin(self) -> None:
        """Do our part of slow start where the recording was one of fast start."""
        if self._script is None or self.capabilities is None:
            return
        if not self._told and "terminalCapabilitySet" not in self._script:
            self._initiatives.append(CAPABILITIES)
            self._told = True
        elif self._fast or self.facts.fast:
            return
        elif self.determined and not self._opens and "openLogicalChannel" not in self._script:
            self._opens = True
            self._open()

    def _open(self) -> None:
        self._channel += 1
        opened = template.placed(OPEN[1][1] | {"forwardLogicalChannelNumber": self._channel}, self.facts)
        if self.capabilities and self.facts.codec is None and "g711Alaw64k" not in self.capabilities:
            opened["forwardLogicalChannelParameters"]["dataType"] = ("audioData", ("g711Ulaw64k", 20))
        self._initiatives.append(("request", ("openLogicalChannel", opened)))

    def _hold(self, capabilities: list[str]) -> None:
        """An empty capability set takes our channels away; the next one with something in it brings one back."""
        if not capabilities and not self._held:
            source = {"source": ("lcse", 0)}
            self._initiatives += [
                ("request", ("closeLogicalChannel", {"forwardLogicalChannelNumber": number, **source}))
                for number in sorted(self.own)
            ]
            self.own.clear()
        elif capabilities and self._held:
            self._open()
        self._held = not capabilities

    def _replace(self, number: int) -> None:
        """Another channel in the place of one that the peer wants closed."""
        said = {"forwardLogicalChannelNumber": number}
        self._initiatives += [
            ("response", ("requestChannelCloseAck", said)),
            ("request", ("closeLogicalChannel", said | {"source": ("lcse", 0)})),
        ]
        self.own.discard(number)
        self._open()

    def _filled(self, name: str, value: dict[str, Any], asked: Any) -> dict[str, Any]:
        if name == "masterSlaveDeterminationAck":
            self.determined = True
            return {"decision": ("slave" if self._master(asked) else "master", 0)}
        if name in {"terminalCapabilitySetAck", "roundTripDelayResponse"}:
            return {"sequenceNumber": asked["sequenceNumber"]}
        number = asked["forwardLogicalChannelNumber"]
        if name == "closeLogicalChannelAck":
            self.channels.pop(number, None)
            return {"forwardLogicalChannelNumber": number}
        self.channels[number] = template.data_type(asked)[1][0]
        if value:
            return value | {"forwardLogicalChannelNumber": number}
        media = self.facts.media
        addresses = {
            "sessionID": template.parameters(asked).get("sessionID", 1),
            "mediaChannel": template.h245_address(media),
            "mediaControlChannel": template.h245_address((media[0], media[1] + 1)),
            "flowControlToZero": False,
        }
        accepted = ("h2250LogicalChannelAckParameters", addresses)
        return {"forwardLogicalChannelNumber": number, "forwardMultiplexAckParameters": accepted}

    def _master(self, peer: dict[str, Any]) -> bool:
        """H.245 C.2: the higher terminal type, else by the numbers' distance modulo 2^24."""
        if peer["terminalType"] != self.terminal:
            return self.terminal > peer["terminalType"]
        return 0 < (peer["statusDeterminationNumber"] - self.number) % _WHOLE < _HALF

    # What the peer says.

    def heard(self, message: tuple[str, Any]) -> Address | None:
        """Take an H.245 message; gives the address for our media when it tells that."""
        _, (name, value) = message
        if name in self._asked:
            self._asked[name].append(value)
        if name == "masterSlaveDetermination":
            self._peer = value
        elif name == "masterSlaveDeterminationAck" and self._we_asked and not self.determined and self._peer is None:
            # It took our determination without one of its own: this is acknowledged back.
            master = value["decision"][0] == "master"
            self._asked["masterSlaveDetermination"].append(
                {"terminalType": self.terminal + (-1 if master else 1), "statusDeterminationNumber": 0}
            )
        elif name == "terminalCapabilitySet":
            entries = [each["capability"] for each in value.get("capabilityTable", ())]
            self.capabilities = [each[1][0] for each in entries if each[0] == "receiveAudioCapability"]
            self._hold(self.capabilities)
        elif name == "requestChannelClose":
            self._replace(value["forwardLogicalChannelNumber"])
        elif name == "userInput":
            self.digits += value[1] if value[0] == "alphanumeric" else value[1].get("signalType", "")
        elif name == "openLogicalChannelAck":
            self.own.add(value["forwardLogicalChannelNumber"])
            return template.read_h245(value["forwardMultiplexAckParameters"][1]["mediaChannel"])
        return None

    def fast_start(self, channels: list[dict[str, Any]], offer: bool) -> Address | None:
        """The peer's fastStart: an offer (we are called: it receives in the reverse ones) or an answer."""
        self._fast = self._fast or not offer
        for each in channels:
            reverse = "reverseLogicalChannelParameters" in each
            if not offer and not reverse:
                self.own.add(each["forwardLogicalChannelNumber"])
            media = template.parameters(each).get("mediaChannel")
            if reverse == offer and media is not None:
                return template.read_h245(media)
        return None
