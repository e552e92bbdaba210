"""Makes the legs of the H.323 process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.h323.messages import Setup
    from vosswitch.h323.transport.signalling import IncomingLine, OutgoingLine
    from vosswitch.h323.worker import Worker
    from vosswitch.model.call import Placement
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.values import Address


class LegMaker:
    """The `Legs` of a worker."""

    def __init__(self, worker: Worker, product: str) -> None:
        self._worker = worker
        self._product = product

    def incoming(self, line: IncomingLine, setup: Setup, profile: PeerProfile, user: str) -> Any:
        """A leg for a Setup."""
        raise NotImplementedError

    def outgoing(self, placement: Placement, line: OutgoingLine, listener: Any) -> Any:
        """A leg for a call of ours."""
        raise NotImplementedError

    def farewell(self, data: Mapping[str, Any]) -> tuple[Address, bytes]:
        """What ends a leg of a former life."""
        raise NotImplementedError
