"""What a leg has of the world: its connections and its timers; the process's shell provides it, tests fake it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.model.values import Address


class Timer(Protocol):
    """A timer that runs."""

    def cancel(self) -> None:
        """Stop it; nothing when it is over already."""


class Line(Protocol):
    """The call signalling connection of one leg."""

    @property
    def remote(self) -> Address:
        """The peer's end, as the socket sees it."""

    @property
    def local(self) -> Address:
        """Our end; of an outgoing one only once it is connected."""

    def send(self, data: bytes) -> None:
        """Send one Q.931 message; it is framed here.  Before the connection is there it waits."""

    def close(self) -> None:
        """Close it once all is sent; its user hears nothing more."""

    def later(self, seconds: float, function: Callable[[], None]) -> Timer:
        """Call *function* after so long, with everything that it raises caught and the leg ended."""

    def may_call(self, address: Address) -> bool:
        """Whether a call that the peer sends elsewhere may go there: neither to a listener of ours nor about here."""

    def listen(self, user: ControlUser) -> Address | None:
        """Wait for the peer's H.245 connection on a port of SS_H245_PORT_RANGE.

        :returns: where (as the peer shall see it), None when no port is free.
        """

    def can_listen(self) -> bool:
        """Whether there is a port for `listen` at this moment."""

    def connect(self, address: Address, user: ControlUser) -> None:
        """Open the H.245 connection to where the peer waits for it; `ControlUser.lost` when that fails."""


class LineUser(Protocol):
    """A leg, as its call signalling connection sees it."""

    def connected(self) -> None:
        """The outgoing connection is there."""

    def received(self, data: bytes) -> None:
        """One Q.931 message (the content of a TPKT)."""

    def lost(self, reason: str) -> None:
        """The connection is gone, or never came; for people."""


class Control(Protocol):
    """An H.245 connection that is there."""

    def send(self, data: bytes) -> None:
        """Send one H.245 message; it is framed here."""

    def close(self) -> None:
        """Close it once all is sent; its user hears nothing more."""


class ControlUser(Protocol):
    """A leg, as its H.245 connection sees it."""

    def control_connected(self, control: Control) -> None:
        """It is there."""

    def control_received(self, data: bytes) -> None:
        """One H.245 message."""

    def control_lost(self, reason: str) -> None:
        """It is gone, or never came; for people."""
