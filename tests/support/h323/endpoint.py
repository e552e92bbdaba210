"""One scripted endpoint: it says what its side said in a recorded call, in that order, with our numbers and addresses.

Each message waits for what the other side had said before it in the recording.  A peer need not say all of that (our
switch is none of the recorded ones), so most of it is waited for only a moment; what cannot be left out is the Setup,
the Connect, the release, and the request to a response.  What the peer asks beyond the recording is answered as the
standard says (`responder`).
"""

from __future__ import annotations

import os
import queue
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.support.h323 import codec as per
from tests.support.h323 import template
from tests.support.h323.capture import named
from tests.support.h323.connections import Connections
from tests.support.h323.responder import Responder
from tests.support.h323.script import RESPONSES, Call, Step, calls, uuie
from tests.support.h323.template import Address, Facts
from tests.support.switch import media_port
from vosswitch.h323 import q931

MOMENT = 0.4
"""Seconds to wait for something that the peer may leave out; once for each."""
LONG = 15.0
_DIGITS = {"userInput", "Information"}
_OPTIONAL = {*_DIGITS, "Progress", "Facility", "roundTripDelayRequest", "roundTripDelayResponse"}
_NEEDED = {"Setup", "Connect", "ReleaseComplete", "endSessionCommand"}


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the transcript.

    :ivar way: ``sent`` or ``heard``.
    :ivar channel: ``signal`` or ``control``.
    """

    way: str
    channel: str
    what: str
    data: bytes
    at: float


@dataclass(slots=True)
class Wishes:
    """What a test wants of an endpoint beside the recording.

    :ivar hold: seconds between the Connect and our hanging up, or before an early release.
    :ivar patient: never hang up: the peer does.
    :ivar hang_up: message after which (sent or heard) we hang up at once, such as ``Alerting``.
    :ivar cause: Q.850 cause of our ReleaseComplete.
    :ivar digits: send the recorded digits.
    :ivar packets: RTP packets to send once we know where to.
    :ivar codec: the only codec.
    :ivar calling: octets of type, plan, presentation and screening of the calling number.
    """

    hold: float = 0.3
    patient: bool = False
    hang_up: str = ""
    cause: int | None = None
    digits: bool = False
    packets: int = 20
    codec: tuple[str, Any] | None = None
    calling: bytes = b"\x01\x80"
    pause: float = 0.02
    leave_out: tuple[str, ...] = ()


class Ended(Exception):
    """The call is over: nothing of the script is left to say."""


class Endpoint(threading.Thread):
    """Plays one side of a recorded call.

    :param side: ``caller`` or ``called``; a called one listens on *port* from the start.
    :param remote: the peer's call signalling address, for a caller.
    :ivar said: the transcript.
    :ivar rtp: RTP packets heard, *target* where the peer wants ours; *channels* are the codecs of the channels that the
        peer opened towards us.
    """

    def __init__(
        self,
        call: Call | str,
        side: str,
        host: str = "127.0.0.1",
        port: int = 0,
        remote: Address = ("127.0.0.1", 1720),
        number: str = "4312345",
        called: str = "49000123",
        **wishes: Any,
    ) -> None:
        super().__init__(daemon=True)
        self.call = calls()[call] if isinstance(call, str) else call
        self.side = side
        self.wishes = Wishes(**wishes)
        self.error: BaseException | None = None
        self.said: list[Said] = []
        self.rtp: list[bytes] = []
        self.target: Address | None = None
        self._counts: dict[str, Counter[str]] = {"sent": Counter(), "heard": Counter()}
        self._given_up: set[tuple[str, int] | str] = set()
        self._begin = time.monotonic()
        self._wire = Connections(self._hear)
        self._told_control: Address | None = None
        self._left = 0
        self._next_packet = 0.0
        self._frozen = False
        self.media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.media.bind((host, media_port(host)))
        signal = self._wire.listen("signal", host, port) if side == "called" else (host, 0)
        self.facts = Facts(number, called, signal, remote, self._wire.listen("control", host), self.media.getsockname())
        self.facts.codec, self.facts.calling = self.wishes.codec, self.wishes.calling
        self._orders: queue.SimpleQueue[tuple[str, Any] | bytes] = queue.SimpleQueue()
        script = frozenset(word for step in self.call.steps if step.side == side for word in step.controls)
        self.responder = Responder(self.facts, call_types(self.call, side), script)
        self._caller_begins()

    def _caller_begins(self) -> None:
        facts = self.facts
        facts.reference = int.from_bytes(os.urandom(2)) & 0x7FFF or 1
        facts.identifier, facts.conference = os.urandom(16), os.urandom(16)

    # For tests.

    @property
    def address(self) -> Address:
        """Where a called endpoint listens."""
        return self.facts.signal

    def finish(self, seconds: float = 30.0) -> None:
        """Wait for the end, and see that all went as written."""
        self.join(seconds)
        assert not self.is_alive(), f"{self.call.name} {self.side} has no end:\n{self.flow()}"
        if self.error is not None:
            raise AssertionError(f"{self.call.name} {self.side}: {self.error!r}\n{self.flow()}") from self.error

    def order(self, message: tuple[str, Any]) -> None:
        """Let it send an H.245 message that no recording has."""
        self._orders.put(message)

    def keypad(self, key: str) -> None:
        """Let it tell a digit by Information."""
        uuie = self._uuie("information")
        self._orders.put(self._message(q931.INFORMATION, (q931.KEYPAD, key.encode()), (q931.USER_USER, uuie)))

    def freeze(self) -> None:
        """Neither say nor hear anything any more; its connections stay, as those of a program that hangs."""
        self._frozen = True

    def flow(self) -> str:
        """The transcript, for reading."""
        return "\n".join(f"{each.at:7.3f} {each.way} {each.channel} {each.what}" for each in self.said)

    def heard(self, word: str) -> list[Said]:
        """What the peer said that has this word in it."""
        return [each for each in self.said if each.way == "heard" and word in each.what.split()]

    def has(self, way: str, word: str) -> int:
        """How often something was ``sent`` or ``heard``."""
        return self._counts[way][word]

    @property
    def cause(self) -> int | None:
        """Q.850 cause of the ReleaseComplete that was heard first."""
        for each in self.heard("ReleaseComplete"):
            element = q931.decode(each.data).element(q931.CAUSE)
            return element[-1] & 0x7F if element else None
        return None

    # The script.

    def run(self) -> None:
        """Play the side; an error is kept for `finish`."""
        try:
            with suppress(Ended):
                self._open()
                for place, step in enumerate(self.call.steps):
                    if step.side == self.side:
                        self._play(place, step)
            self._linger()
        except BaseException as error:  # noqa: BLE001 - told by finish
            self.error = error
        finally:
            self._close()

    def stop(self) -> None:
        """End it wherever it is."""
        self.wishes.patient = False
        self._close()
        self.join(5)

    def _open(self) -> None:
        if self.side == "caller":
            self.facts.signal = self._wire.dial("signal", self.facts.remote, self.facts.signal[0])
        elif not self._until(lambda: "signal" in self._wire, LONG):
            raise AssertionError("nobody called")
        self.facts.remote = self._wire.peer("signal")

    def _play(self, place: int, step: Step) -> None:
        if step.kind in self.wishes.leave_out or (not self.wishes.digits and _DIGITS & set(step.what.split())):
            return
        self._await(place)
        active = self._hanging_up(place, step)
        if active:
            self._hold()
        elif step.kind != "Setup":
            self._until(lambda: False, self.wishes.pause)
        if step.channel == "control":
            self._say_control(step)
        else:
            self._say_signal(step)

    def _await(self, place: int) -> None:
        """Wait for what the peer had said before this step."""
        wanted: Counter[str] = Counter()
        for earlier in self.call.steps[:place]:
            if earlier.side != self.side:
                wanted.update(words(earlier))
        for word, count in wanted.items():
            if word in _OPTIONAL or (word, count) in self._given_up:
                continue
            heard = self._until(lambda w=word, n=count: self.has("heard", w) >= n, LONG if word in _NEEDED else MOMENT)
            if not heard and word in _NEEDED:
                raise AssertionError(f"expected {word}")
            if not heard:
                self._given_up.add((word, count))

    def _hanging_up(self, place: int, step: Step) -> bool:
        if not {"ReleaseComplete", "endSessionCommand"} & set(words(step)):
            return False
        earlier = [word for each in self.call.steps[:place] for word in words(each) if each.side != self.side]
        mine = [word for each in self.call.steps[:place] for word in words(each) if each.side == self.side]
        return not {"ReleaseComplete", "endSessionCommand"} & {*earlier, *mine}

    def _hold(self) -> None:
        if self.wishes.patient:
            self._until(lambda: False, 2 * LONG)
            raise AssertionError("the peer does not hang up")
        self._until(lambda: False, self.wishes.hold)

    def _say_control(self, step: Step) -> None:
        if "control" not in self._wire and not self._control_line():
            return
        message = self.responder.fits(template.control(step.data, self.facts))
        if message is not None:
            self._send("control", per.encode_h245(message))

    def _control_line(self) -> bool:
        """Wait for the separate H.245 connection, whoever opens it."""
        if "control" in self._given_up:
            return False
        found = self._until(lambda: "control" in self._wire, 3)
        if not found:
            self._given_up.add("control")
        return found

    def _connect_control(self) -> None:
        if "control" not in self._wire:
            self._wire.dial("control", self._told_control, self.facts.signal[0])

    def _say_signal(self, step: Step) -> None:
        recorded = [per.decode_h245(each) for each in uuie(step.data).get("h245Control", ())]
        fitting = [self.responder.fits(template.placed(each, self.facts)) for each in recorded]
        controls = [each for each in fitting if each is not None]
        if recorded and not controls and step.kind == "Facility":
            return
        cause = self.wishes.cause if step.kind == "ReleaseComplete" else None
        self._send("signal", template.signal(step.data, self.facts, controls, cause))
        if step.kind == "ReleaseComplete":
            raise Ended

    def _release(self) -> None:
        """Hang up before the recording does."""
        own = [step for step in self.call.steps if step.side == self.side and step.kind == "ReleaseComplete"]
        other = next(s for s in calls()["fast"].steps if s.side == self.side and s.kind == "ReleaseComplete")
        self._send("signal", template.signal((own or [other])[0].data, self.facts, [], self.wishes.cause or 16))

    # The wire.

    def _send(self, channel: str, data: bytes) -> None:
        what = named(channel, data)
        self._note("sent", channel, what, data)
        self._wire.send(channel, data)
        self._check_stage()

    def _note(self, way: str, channel: str, what: str, data: bytes) -> None:
        self.said.append(Said(way, channel, what, data, round(time.monotonic() - self._begin, 3)))
        self._counts[way].update(set(what.split()) if channel == "signal" else [what])

    def _check_stage(self) -> None:
        stage = self.wishes.hang_up
        if stage and (self.has("sent", stage) or self.has("heard", stage)):
            self.wishes.hang_up = ""
            self._until(lambda: False, self.wishes.pause)
            self._release()
            raise Ended

    def _until(self, condition: Any, seconds: float) -> bool:
        limit = time.monotonic() + seconds
        while not condition():
            left = limit - time.monotonic()
            if left <= 0:
                return False
            self._pump(min(left, 0.02))
        return True

    def _pump(self, seconds: float) -> None:
        if self._frozen:
            time.sleep(seconds)
            return
        self._talk()
        if not self._orders.empty():
            order = self._orders.get()
            if isinstance(order, bytes):
                self._send("signal", order)
            else:
                self._tell("control" if "control" in self._wire else "signal", order)
        if self._wire.pump(seconds, self.media):
            self.rtp.append(self.media.recv(2048))

    def _hear(self, channel: str, data: bytes | None) -> None:
        if data is None:
            self._note("heard", channel, "closed", b"")
            if channel == "signal":
                raise Ended
            return
        self._note("heard", channel, named(channel, data), data)
        if channel == "control":
            self._hear_control(channel, [per.decode_h245(data)])
        else:
            self._hear_signal(data)
        self._check_stage()

    def _hear_signal(self, data: bytes) -> None:
        message, pdu = q931.decode(data), uuie(data)
        body = pdu.get("h323-message-body", ("empty", 0))[1]
        body = body if isinstance(body, dict) else {}
        if message.kind == q931.SETUP:
            self.facts.reference, self.facts.identifier = message.reference, body["callIdentifier"]["guid"]
            self.facts.conference = body["conferenceID"]
        if "fastStart" in body:
            channels = [per.decode_olc(each) for each in body["fastStart"]]
            self.facts.offered = channels if message.kind == q931.SETUP else []
            self._aim(self.responder.fast_start(channels, message.kind == q931.SETUP))
        if "h245Address" in body:
            self._told_control = template.read_h225(body["h245Address"])
            if self.call.opener == self.side or (not self.call.opener and "reason" in body):
                self._connect_control()
        self._hear_control("signal", [per.decode_h245(each) for each in pdu.get("h245Control", ())])
        if message.kind == q931.STATUS_INQUIRY:
            self._tell_status()
        if message.kind == q931.RELEASE_COMPLETE:
            self._released()

    def _tell_status(self) -> None:
        """What every endpoint answers to a StatusInquiry: active (Q.931 5.8.10)."""
        uuie = self._uuie("status")
        state = (q931.CAUSE, b"\x80\x9e"), (q931.CALL_STATE, b"\x0a"), (q931.USER_USER, uuie)
        self._send("signal", self._message(q931.STATUS, *state))

    def _uuie(self, name: str) -> bytes:
        body = {"protocolIdentifier": (0, 0, 8, 2250, 0, 4), "callIdentifier": {"guid": self.facts.identifier}}
        return b"\x05" + per.encode_uuie({"h323-uu-pdu": {"h323-message-body": (name, body)}})

    def _message(self, kind: int, *elements: tuple[int, bytes]) -> bytes:
        return q931.encode(q931.Message(self.facts.reference, self.side == "called", kind, elements))

    def _released(self) -> None:
        """Answer a release as our side did in the recording."""
        last = [step for step in self.call.steps if step.side == self.side and step.what == "endSessionCommand"]
        if last and "control" in self._wire and not self.has("sent", "endSessionCommand"):
            self._send("control", last[0].data)
        ends = [step for step in self.call.steps if step.kind == "ReleaseComplete"]
        if not self.has("sent", "ReleaseComplete") and len(ends) == 2 and ends[1].side == self.side:
            recorded = [per.decode_h245(each) for each in uuie(ends[1].data).get("h245Control", ())]
            self._send("signal", template.signal(ends[1].data, self.facts, recorded))
        raise Ended

    def _hear_control(self, channel: str, messages: list[tuple[str, Any]]) -> None:
        for message in messages:
            self._aim(self.responder.heard(message))
        self.responder.own |= self.facts.opened
        self.facts.opened.clear()
        for answer in self.responder.due(self._still_to_say()):
            self._tell(channel, answer)

    def _tell(self, channel: str, message: tuple[str, Any]) -> None:
        """Send an H.245 message by itself."""
        data = per.encode_h245(message)
        if channel == "signal":
            carrier = next(s for s in calls()["slowtun"].steps if s.side == self.side and s.kind == "Facility")
            data = template.signal(carrier.data, self.facts, [message])
        self._send(channel, data)

    def _still_to_say(self) -> Counter[str]:
        """The responses that the script has and that we have not said yet."""
        mine = Counter(w for step in self.call.steps if step.side == self.side for w in step.controls if w in RESPONSES)
        return mine - self._counts["sent"]

    # Media.

    def _aim(self, target: Address | None) -> None:
        if target is not None and target != self.target:
            self.target, self._left = target, self.wishes.packets

    def _talk(self) -> None:
        if self.target and self._left and time.monotonic() >= self._next_packet:
            self._left -= 1
            self._next_packet = time.monotonic() + 0.02
            number = self.wishes.packets - self._left
            head = b"\x80\x08" + number.to_bytes(2, "big") + (160 * number).to_bytes(4, "big") + b"H323"
            self.media.sendto(head + self.side.encode().ljust(160, b"\xd5"), self.target)

    # The end.

    def _linger(self) -> None:
        """Take what still comes until the peer hangs up and closes; a moment for that when the call is over."""
        with suppress(Ended):
            if not self.has("sent", "ReleaseComplete") + self.has("heard", "ReleaseComplete"):
                self._until(lambda: not self._wire.open("signal"), LONG)
            self._until(lambda: not self._wire.open("signal"), MOMENT)

    def _close(self) -> None:
        self._wire.close()
        self.media.close()


def words(step: Step) -> list[str]:
    """The names of a step's messages: its own and those that it tunnels."""
    return step.controls if step.channel == "control" else [step.kind, *step.controls]


def call_types(call: Call, side: str) -> int:
    """The terminalType that a side of a recorded call has: 60 of a gateway (Asterisk), 50 of a terminal."""
    for step in call.steps:
        if step.side == side and "masterSlaveDetermination" in step.controls:
            data = [step.data] if step.channel == "control" else uuie(step.data)["h245Control"]
            for each in map(per.decode_h245, data):
                if each[1][0] == "masterSlaveDetermination":
                    return each[1][1]["terminalType"]
    return 50
