"""The recorded scenarios as calls: who said what, on which channel, in which order.

A recording may have several calls, and a gatekeeper's recording has two legs of each: every call signalling connection
is one `Call` here, named ``slowtun``, or ``gkrouted-2`` for the second of several.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.h323 import codec as per
from vosswitch.h323 import q931

FOLDER = Path(__file__).resolve().parents[2] / "data" / "h323"
RESPONSES = {
    "terminalCapabilitySetAck": "terminalCapabilitySet",
    "masterSlaveDeterminationAck": "masterSlaveDetermination",
    "openLogicalChannelAck": "openLogicalChannel",
    "closeLogicalChannelAck": "closeLogicalChannel",
    "roundTripDelayResponse": "roundTripDelayRequest",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a call.

    :ivar side: ``caller`` or ``called``.
    :ivar channel: ``signal`` or ``control`` (a separate H.245 connection).
    :ivar at: seconds since the call's first message.
    :ivar what: name of the message, and what is in it.
    """

    side: str
    channel: str
    at: float
    what: str
    data: bytes

    @property
    def kind(self) -> str:
        """The message's own name, such as ``Connect``; of a separate H.245 message its only word."""
        return self.what.split()[0]

    @property
    def controls(self) -> list[str]:
        """The H.245 messages that it carries."""
        if self.channel == "control":
            return [self.what]
        pdu = uuie(self.data)
        return [per.decode_h245(each)[1][0] for each in pdu.get("h245Control", ())]


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call, or one leg of it.

    :ivar opener: who opened the separate H.245 connection: ``caller``, ``called`` or "" = there is none.
    """

    name: str
    steps: tuple[Step, ...]
    opener: str

    @property
    def setup(self) -> dict[str, Any]:
        """The h323-uu-pdu of its Setup."""
        return uuie(self.steps[0].data)

    @property
    def fast_start(self) -> bool:
        """The caller offers fast start."""
        return "fastStart" in self.setup["h323-message-body"][1]

    @property
    def fast_start_answered(self) -> bool:
        """The called side takes it."""
        return any("fastStart" in step.what for step in self.steps if step.side == "called")

    @property
    def tunnelled(self) -> bool:
        """The caller offers to tunnel H.245."""
        return bool(self.setup.get("h245Tunnelling"))

    @property
    def in_setup(self) -> bool:
        """H.245 begins in the Setup."""
        return bool(self.setup.get("h245Control"))

    @property
    def answered(self) -> bool:
        """It comes to a Connect."""
        return any(step.kind == "Connect" for step in self.steps)

    @property
    def cause(self) -> int | None:
        """Q.850 cause of the first ReleaseComplete."""
        for step in self.steps:
            element = q931.decode(step.data).element(q931.CAUSE) if step.kind == "ReleaseComplete" else None
            if element:
                return element[-1] & 0x7F
        return None

    @property
    def releaser(self) -> str:
        """The side that hangs up."""
        ends = [step.side for step in self.steps if step.kind in {"ReleaseComplete", "endSessionCommand"}]
        return ends[0] if ends else ""


def uuie(data: bytes) -> dict[str, Any]:
    """The h323-uu-pdu of a Q.931 message; empty without one."""
    element = q931.decode(data).element(q931.USER_USER)
    return per.decode_uuie(element[1:])["h323-uu-pdu"] if element else {}


@functools.cache
def calls() -> dict[str, Call]:
    """All recorded calls by name."""
    found: dict[str, Call] = {}
    for path in sorted(FOLDER.glob("*.json")):
        recording = json.loads(path.read_text())
        if isinstance(recording, dict) and "opened" in recording:
            found.update(_calls(path.stem, recording))
    return found


def _calls(name: str, recording: dict[str, Any]) -> dict[str, Call]:
    signal = list(dict.fromkeys(step["connection"] for step in recording["steps"] if step["on"] == "signal"))
    found = {}
    for place, connection in enumerate(signal, 1):
        title = name if len(signal) == 1 else f"{name}-{place}"
        found[title] = _call(title, recording, connection)
    return found


def _call(title: str, recording: dict[str, Any], connection: int) -> Call:
    opened = recording["opened"]
    caller = opened[str(connection)]["by"]
    raw = [step for step in recording["steps"] if step.get("connection") == connection]
    ports = {_control_port(step) for step in raw}
    control = [
        number for number, ends in opened.items() if int(number) != connection and int(_port(ends["to"])) in ports
    ]
    opener = ""
    if control:
        ends = opened[control[0]]
        # The listening side is the one that gave its address.
        giver = next(step for step in raw if _control_port(step) == int(_port(ends["to"])))
        opener = "called" if giver["from"] == caller else "caller"
        raw += [
            step | {"opens": ends["by"]} for step in recording["steps"] if step.get("connection") == int(control[0])
        ]
        raw.sort(key=lambda step: recording["steps"].index({k: v for k, v in step.items() if k != "opens"}))
    begin = raw[0]["at"]
    steps = []
    for step in raw:
        by_opener = step["from"] == step.get("opens", caller)
        side = ("caller" if by_opener else "called") if step["on"] == "signal" else _side(opener, by_opener)
        steps.append(Step(side, step["on"], round(step["at"] - begin, 3), step["what"], bytes.fromhex(step["hex"])))
    return Call(title, tuple(steps), opener)


def _side(opener: str, by_opener: bool) -> str:
    other = "called" if opener == "caller" else "caller"
    return opener if by_opener else other


def _control_port(step: dict[str, Any]) -> int:
    if step["on"] != "signal":
        return 0
    value = uuie(bytes.fromhex(step["hex"])).get("h323-message-body", ("", 0))[1]
    address = value.get("h245Address") if isinstance(value, dict) else None
    return address[1]["port"] if address else 0


def _port(end: str) -> str:
    return end.rpartition(":")[2]
