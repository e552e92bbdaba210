"""Peers of a leg that are played message by message."""

from __future__ import annotations

from typing import Any

from tests.unit.h323.legs_world import CALLEE, CALLER, Side, Wire, World, peer, placement, session, stack
from vosswitch.h323 import h225
from vosswitch.h323.elements import Party
from vosswitch.h323.h245 import faststart
from vosswitch.h323.legs.incoming import IncomingLeg
from vosswitch.h323.legs.outgoing import OutgoingLeg
from vosswitch.model.signals import Release, Try
from vosswitch.model.values import Address

OURS, THEIRS = session("192.0.2.10", 4000), session("192.0.2.20", 5000)
IDENTIFIER = bytes(range(1, 17))


class PlayedCallee:
    """An outgoing leg, and a peer's messages by hand."""

    def __init__(self, profile: Any = None, offer: Any = OURS, connect: bool = True, **fields: Any) -> None:
        self.world = World()
        self.wire = Wire(self.world, CALLER, Address(CALLEE, 1720, "h323"))
        self.call = Side()
        profile = profile or peer(fast_start=False)
        self.leg = OutgoingLeg(stack(), placement(offer, profile, **fields), self.wire, self.call)  # type: ignore[arg-type]
        self.wire.user = self.leg
        if connect:
            self.leg.connected()

    @property
    def setup(self) -> h225.Setup:
        found = self.wire.said[0]
        assert isinstance(found, h225.Setup)
        return found

    def hear(self, kind: Any, **fields: Any) -> PlayedCallee:
        fields = {"reference": self.leg.reference, "call_identifier": self.leg.call_identifier} | fields
        self.leg.received(h225.write(kind(**fields), True))
        return self

    def cause(self) -> Any:
        """Why the call was told that it ended; only once."""
        (release,) = self.call.all(Release)
        return release.cause

    def over(self) -> None:
        assert not self.wire.open
        assert self.world.waiting == 0
        assert not self.leg.alarms


class PlayedCaller:
    """An incoming leg, and a caller's messages by hand."""

    def __init__(self, profile: Any = None, user: str = "", **fields: Any) -> None:
        self.world = World()
        self.wire = Wire(self.world, CALLEE, Address(CALLER, 40_000, "h323"))
        self.call = Side()
        self.offered: Try | None = None
        values: dict[str, Any] = {
            "reference": 77,
            "call_identifier": IDENTIFIER,
            "caller": Party("4930123", "national", "isdn", "allowed", "user"),
            "callee": Party("442071234567"),
            "tunnelling": True,
            "vendor": "Box 1.0",
        }
        setup = h225.read(h225.write(h225.Setup(**values | fields), False))
        assert isinstance(setup, h225.Setup)
        self.leg = IncomingLeg(stack(self._offered), self.wire, setup, profile or peer(), user)
        self.wire.user = self.leg
        self.leg.start()

    def _offered(self, leg: IncomingLeg, offered: Try) -> None:
        leg.listen(self.call)
        self.offered = offered

    @property
    def try_(self) -> Try:
        assert self.offered is not None
        return self.offered

    def hear(self, kind: Any, **fields: Any) -> PlayedCaller:
        self.leg.received(h225.write(kind(**{"reference": 77, "call_identifier": IDENTIFIER} | fields), False))
        return self

    def over(self) -> None:
        assert not self.wire.open
        assert self.world.waiting == 0
        assert not self.leg.alarms


def fast(played: PlayedCallee, answer: Any = THEIRS) -> tuple[dict[str, Any], ...]:
    """An answer to the fast start of our Setup."""
    assert played.setup.fast_start is not None
    chosen = faststart.chosen(played.setup.fast_start, answer)
    assert chosen is not None
    return tuple(chosen)
