"""Every protocol that calls are placed with, as one `ILegFactory`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from vosswitch.model.h323 import RAS, TRANSPORT, TRANSPORTS
from vosswitch.model.interfaces import ILegFactory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vosswitch.call.snapshot import Snapshot
    from vosswitch.model.call import Placement
    from vosswitch.model.signals import Replaces
    from vosswitch.model.values import Address
    from vosswitch.params.listeners import Listener


@implementer(ILegFactory)
class Protocols:
    """SIP and H.323: the transport of the target says which.

    :param sip: the SIP room's service; *h323* that of H.323.
    """

    __slots__ = ("_h323", "_sip")

    def __init__(self, sip: Any, h323: Any) -> None:
        self._sip = sip
        self._h323 = h323

    def place(self, placement: Placement, listener: Any) -> Any:
        """Start an outgoing leg."""
        room = self._h323 if placement.target.transport in TRANSPORTS else self._sip
        return room.place(placement, listener)

    def leg_of(self, replaces: Replaces) -> Any:
        """The leg that a Replaces names; only SIP has it."""
        return self._sip.leg_of(replaces)

    def local(self, target: Address, local_address: str | None) -> str | None:
        """The local IP that *target* is reached from."""
        room = self._h323 if target.transport in TRANSPORTS else self._sip
        found: str | None = room.local(target, local_address)
        return found

    def end_orphan(self, data: Mapping[str, Any], settled: Callable[[], None] = lambda: None) -> None:
        """End a leg of a former life of this switch."""
        (self._h323 if data.get("protocol") == TRANSPORT else self._sip).end_orphan(data, settled)


def speaks_h323(snapshot: Snapshot, listeners: Iterable[Listener] = ()) -> bool:
    """Whether anybody in the configuration speaks H.323, or may come and register."""
    if any(one.transport == RAS for one in listeners):
        return True
    return snapshot.callers.h323 is not None or snapshot.gateways.speaks_h323
