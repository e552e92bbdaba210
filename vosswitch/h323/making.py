"""Makes the legs of the H.323 process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vosswitch.h323.h225 import ReleaseComplete, write
from vosswitch.h323.legs.incoming import IncomingLeg
from vosswitch.h323.legs.orphan import farewell
from vosswitch.h323.legs.outgoing import OutgoingLeg
from vosswitch.h323.legs.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.h323.messages import Setup
    from vosswitch.h323.transport.incoming import IncomingLine
    from vosswitch.h323.transport.signalling import OutgoingLine
    from vosswitch.h323.worker import Worker
    from vosswitch.model.call import Placement
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.values import Address

_TEMPORARY_FAILURE = 41


class LegMaker:
    """The `Legs` of a worker.

    :param product: our name and version, as peers see it.
    """

    __slots__ = ("stack",)

    def __init__(self, worker: Worker, product: str) -> None:
        self.stack = Stack(worker.settings, product, os.urandom, worker.reception.incoming)

    def configured(self, settings: Mapping[str, Any]) -> None:
        """Take the parameters in force."""
        self.stack.parameters = settings

    def incoming(self, line: IncomingLine, setup: Setup, profile: PeerProfile, user: str) -> IncomingLeg:
        """A leg for a Setup."""
        return IncomingLeg(self.stack, line, setup, profile, user)

    def outgoing(self, placement: Placement, line: OutgoingLine, listener: Any) -> OutgoingLeg:
        """A leg for a call of ours."""
        return OutgoingLeg(self.stack, placement, line, listener)

    def parting(self, leg: Any) -> bytes:
        """A ReleaseComplete for a leg that has failed."""
        message = ReleaseComplete(
            reference=leg.reference, call_identifier=leg.call_identifier, cause=_TEMPORARY_FAILURE
        )
        return write(message, leg.CALLED)

    def farewell(self, data: Mapping[str, Any]) -> tuple[Address, bytes]:
        """Where to connect, and what to send, to end a leg of a former life; ValueError: nothing can be."""
        return farewell(data)
