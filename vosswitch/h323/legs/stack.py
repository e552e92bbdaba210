"""What the H.323 legs of a process share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.h323 import causes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.h323.causes import Tables
    from vosswitch.h323.legs.incoming import IncomingLeg
    from vosswitch.model.signals import Try


class Stack:
    """The shared parts.

    :param parameters: the system parameters by name, as their types read them; replaced when they change.
    :param product: our name, as peers see it.
    :param chance: so many random bytes.
    :ivar incoming: told each new call, with the leg by which it is answered.
    """

    __slots__ = ("_chance", "_reference", "incoming", "parameters", "product")

    def __init__(
        self,
        parameters: Mapping[str, Any],
        product: str,
        chance: Callable[[int], bytes],
        incoming: Callable[[IncomingLeg, Try], None],
    ) -> None:
        self.parameters = parameters
        self.product = product
        self.incoming = incoming
        self._chance = chance
        self._reference = int.from_bytes(chance(2), "big")

    def tables(self) -> Tables:
        """What Q.850 causes and SIP statuses stand for."""
        parameters = self.parameters
        return causes.tables(parameters["VS_H323_CAUSE_TO_SIP"], parameters["VS_H323_SIP_TO_CAUSE"])

    def reference(self) -> int:
        """A call reference for a call of ours: 1-32767, another one each time (Q.931 section 4.3)."""
        self._reference = self._reference % 0x7FFF + 1
        return self._reference

    def identifier(self) -> bytes:
        """A fresh callIdentifier or conferenceID: 16 octets, a random UUID (H.225.0 section 7.6)."""
        octets = bytearray(self._chance(16))
        octets[6] = octets[6] & 0x0F | 0x40
        octets[8] = octets[8] & 0x3F | 0x80
        return bytes(octets)

    def number(self) -> int:
        """24 random bits (H.245: statusDeterminationNumber)."""
        return int.from_bytes(self._chance(3), "big")
