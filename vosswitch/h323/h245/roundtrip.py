"""RoundTripDelay (H.245 C.9): answered always, and asked when the leg wants a sign of life (`legs.keepalive`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vosswitch.h323.h245.desk import Desk


class RoundTrip:
    """The requests of one session; any answer is a sign of life, so none of them is awaited here.

    :ivar _known: the peer has not said that it does not know the request.
    """

    __slots__ = ("_desk", "_known", "_number")

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known = True
        self._number = 0

    def requested(self, body: dict[str, Any]) -> None:
        """``roundTripDelayRequest`` of the peer."""
        said = {"sequenceNumber": body["sequenceNumber"]}
        self._desk.send(("response", ("roundTripDelayResponse", said)))

    def ask(self) -> bool:
        """Ask for an answer; False where the peer does not know the request."""
        if self._known:
            self._number = (self._number + 1) % 256
            self._desk.send(("request", ("roundTripDelayRequest", {"sequenceNumber": self._number})))
        return self._known

    def unknown(self) -> None:
        """The peer says that it does not know the request."""
        self._known = False
