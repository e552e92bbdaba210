"""Both ends of capability exchange: the CESE of H.245 C.3, without I/O.

A later set replaces the one before; an empty one asks its receiver to stop sending (H.323 8.4.6).  A set of ours that
is still on the way when another one has to go out is simply followed by that one: only the last number counts.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from vosswitch.h323.h245 import capabilities
from vosswitch.h323.h245.capabilities import MOST_ENTRIES, NOTHING, Capabilities
from vosswitch.h323.h245.entity import SignallingEntity, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.h245.desk import Desk, Settings


class State(StrEnum):
    """Of the outgoing side (C.3.3.1)."""

    IDLE = "idle"
    AWAITING = "awaiting-response"


class Input(StrEnum):
    """What can happen to the outgoing side."""

    ANNOUNCE = "announce"
    ACK = "ack"
    REJECT = "reject"
    TIMEOUT = "timeout"  # T101


class CapabilityExchange(SignallingEntity):
    """What both sides can receive.

    :ivar sent: what we have said last, None = nothing yet; *acked* the peer has taken it.
    :ivar peer: what the peer has said last, None = nothing yet.
    :param changed: called when the peer has said something new, with what it had said before.
    :param taken: called when the peer has taken what we said.
    :param failed: called with a reason when it does not, and whether it has not answered at all.
    """

    __slots__ = (
        "_changed",
        "_failed",
        "_number",
        "_settings",
        "_table",
        "_taken",
        "acked",
        "peer",
        "sent",
    )

    def __init__(
        self,
        desk: Desk,
        settings: Settings,
        changed: Callable[[Capabilities | None], None],
        taken: Callable[[], None],
        failed: Callable[[str, bool], None],
    ) -> None:
        super().__init__(desk, State.IDLE)
        self._settings = settings
        self._changed, self._taken, self._failed = changed, taken, failed
        self.sent: Capabilities | None = None
        self.acked = False
        self.peer: Capabilities | None = None
        self._number = 0
        self._table: dict[int, tuple[str, Any]] = {}

    def announce(self, said: Capabilities) -> None:
        """Tell the peer what our side can receive."""
        self.sent, self.acked = said, False
        self._feed(Input.ANNOUNCE)

    def repeat(self) -> None:
        """Say it again (sendTerminalCapabilitySet)."""
        if self.sent is not None and self.state is State.IDLE:
            self._feed(Input.ANNOUNCE)

    def requested(self, body: dict[str, Any]) -> None:
        """``terminalCapabilitySet`` of the peer."""
        number, entries = body["sequenceNumber"], body.get("capabilityTable", [])
        if len(entries) > MOST_ENTRIES:
            cause = ("tableEntryCapacityExceeded", ("noneProcessed", 0))
            self._desk.send(("response", ("terminalCapabilitySetReject", {"sequenceNumber": number, "cause": cause})))
            return
        self._merge(body, entries)
        self._desk.send(("response", ("terminalCapabilitySetAck", {"sequenceNumber": number})))
        found = capabilities.read(self._table.values()) if self._table else NOTHING
        before, self.peer = self.peer, found
        if found != before:
            self._changed(before)

    def _merge(self, body: dict[str, Any], entries: list[dict[str, Any]]) -> None:
        """A set with descriptors, or with nothing at all, stands for itself; else it changes single entries."""
        if not entries or "capabilityDescriptors" in body:
            self._table.clear()
        for entry in entries:
            if "capability" in entry:
                self._table[entry["capabilityTableEntryNumber"]] = entry["capability"]
            else:
                self._table.pop(entry["capabilityTableEntryNumber"], None)
        while len(self._table) > MOST_ENTRIES:
            self._table.popitem()

    def acknowledged(self, body: dict[str, Any]) -> None:
        """``terminalCapabilitySetAck``."""
        if body["sequenceNumber"] == self._number:
            self._feed(Input.ACK)

    def rejected(self, body: dict[str, Any]) -> None:
        """``terminalCapabilitySetReject``."""
        if body["sequenceNumber"] == self._number:
            self._feed(Input.REJECT)

    def _say(self) -> None:
        assert self.sent is not None
        self._number = (self._number + 1) % 256
        self._desk.send(("request", ("terminalCapabilitySet", capabilities.write(self.sent, self._number))))
        self._after(self._settings.patience, Input.TIMEOUT)

    def _agreed(self) -> None:
        self.stop()
        self.acked = True
        self._taken()

    def _refused(self) -> None:
        self.stop()
        self._failed("the peer refuses our capabilities", False)

    def _expired(self) -> None:
        self._desk.send(("indication", ("terminalCapabilitySetRelease", {})))
        self._failed("no answer to our capabilities", True)

    TABLE: ClassVar[Table] = {
        State.IDLE: {
            Input.ANNOUNCE: (State.AWAITING, _say),
        },
        State.AWAITING: {
            Input.ANNOUNCE: (State.AWAITING, _say),
            Input.ACK: (State.IDLE, _agreed),
            Input.REJECT: (State.IDLE, _refused),
            Input.TIMEOUT: (State.IDLE, _expired),
        },
    }
