"""The recorded calls as peers of a leg, without sockets: the recorded side says its messages in the recorded order."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.support.h323 import template
from tests.support.h323.responder import Responder
from tests.support.h323.script import Call, Step, calls, uuie
from tests.support.h323.template import Facts
from tests.unit.h323.legs_world import CALLEE, CALLER, Ear, Side, Wire, World, peer, placement, stack
from vosswitch.h323 import h225, per
from vosswitch.h323.legs.incoming import IncomingLeg
from vosswitch.h323.legs.outgoing import OutgoingLeg
from vosswitch.model.values import Address

THEIRS = ("192.0.2.30", 6000)
"""Where the recorded side wants its media."""
_CONTROL = ("192.0.2.30", 7000)
_OURS = {"called": CALLEE, "caller": CALLER}


class Recorded:
    """The recorded side of a call (*side*), and a leg of ours as the other one.

    :ivar call: what our call hears; *leg* our leg; *wire* its line.
    """

    def __init__(self, recording: Call, side: str, answers: Any = None, offer: Any = None) -> None:
        self.recording, self.side = recording, side
        self.world = World()
        mine, theirs = (CALLEE, CALLER) if side == "caller" else (CALLER, CALLEE)
        self.wire = Wire(self.world, mine, Address(theirs, 1720, "h323"))
        self.there = Wire(self.world, theirs, Address(mine, 1720, "h323"))
        self.facts = Facts(
            "4930123", "442071234567", (theirs, 1720), (mine, 1720), _CONTROL, THEIRS, 99, bytes(range(16)), bytes(16)
        )
        self.responder = Responder(self.facts, 50)
        self.call = Side(answers)
        self.leg: Any = None
        self._ear: Ear | None = None
        self._seen = 0
        self._place = 0
        self.world.listeners[Address(*_CONTROL, "h323")] = (self.there, self)
        if side == "called":
            self.leg = OutgoingLeg(
                stack(), placement(offer, peer(fast_start=recording.fast_start)), self.wire, self.call
            )  # type: ignore[arg-type]
            self.wire.user = self.leg
            self.leg.connected()

    def play(self) -> Recorded:
        """All that the recorded side says, each when it is its turn."""
        for place, step in enumerate(self.recording.steps):
            self._place = place
            self._settle()
            if self.wire.open and step.side == self.side:
                self._say(step)
        self._settle(0.5)
        return self

    def _settle(self, seconds: float = 0.02) -> None:
        """Let our side say what it has to say, and hear it."""
        for _ in range(6):
            self.world.run(seconds / 2)
            self._hear()

    # -- the recorded side says something

    def _say(self, step: Step) -> None:
        if step.channel == "control":
            message = self.responder.fits(template.control(step.data, self.facts))
            if message is not None and self._ear is not None:
                self._ear.send(per.encode_h245(message))
            return
        recorded = [per.decode_h245(each) for each in uuie(step.data).get("h245Control", ())]
        fitting = [self.responder.fits(template.placed(each, self.facts)) for each in recorded]
        controls = [each for each in fitting if each is not None]
        if not recorded or controls or step.kind != "Facility":
            self._tell(template.signal(step.data, self.facts, controls))

    def _tell(self, data: bytes) -> None:
        if self.leg is None:
            setup = h225.read(data)
            assert isinstance(setup, h225.Setup)
            self.leg = IncomingLeg(stack(self._offered), self.wire, setup, peer())
            self.wire.user = self.leg
            self.leg.start()
        else:
            self.leg.received(data)

    def _offered(self, leg: IncomingLeg, offered: Any) -> None:
        leg.listen(self.call)
        self.call.heard(leg, offered)

    # -- our side says something

    def _hear(self) -> None:
        while self._seen < len(self.wire.said):
            message = self.wire.said[self._seen]
            self._seen += 1
            if isinstance(message, h225.Setup):
                self.facts.reference = message.reference
                self.facts.identifier = message.call_identifier or b""
                self.facts.offered = list(message.fast_start or ())
            if message.h245_address is not None and self._ear is None and self.recording.opener != self._ours:
                self.there.connect(message.h245_address, self)
            for item in message.control:
                self.responder.heard(item)  # type: ignore[arg-type]
            self._answer(tunnelled=True)

    @property
    def _ours(self) -> str:
        return "called" if self.side == "caller" else "caller"

    def _answer(self, tunnelled: bool) -> None:
        """What our side asked more often than the recording has answers."""
        steps = [step for step in self.recording.steps[self._place :] if step.side == self.side]
        planned = Counter(name for step in steps for name in step.controls)
        for answer in self.responder.due(planned):
            if tunnelled:
                carrier = next(s for s in calls()["slowtun"].steps if s.side == self.side and s.kind == "Facility")
                self._tell(template.signal(carrier.data, self.facts, [answer]))
            elif self._ear is not None:
                self._ear.send(per.encode_h245(answer))

    # -- the H.245 connection, as the recorded side has it

    def control_connected(self, control: Ear) -> None:
        self._ear = control

    def control_received(self, data: bytes) -> None:
        self.responder.heard(per.decode_h245(data))
        self._answer(tunnelled=False)

    def control_lost(self, reason: str) -> None:
        self._ear = None
