"""RoundTripDelay (H.245 C.9): answered always, and asked by us so that a dead call is noticed.

The connection that carries H.245 may stand for hours after its other end has gone.  A peer that has never answered is
not taken for dead: there are stacks that do not know the request, and those that know it answer within seconds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from vosswitch.h323.h245.entity import SignallingEntity, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.h245.desk import Desk, Settings

_MISSED = 2
"""Requests in a row without an answer that make a dead call."""


class State(StrEnum):
    """Of our own requests (C.9.3.1)."""

    IDLE = "idle"
    AWAITING = "awaiting-response"


class Input(StrEnum):
    """What can happen to them."""

    DUE = "due"
    RESPONSE = "response"
    UNKNOWN = "unknown"  # the peer does not know the request
    TIMEOUT = "timeout"  # T105


class RoundTrip(SignallingEntity):
    """Keep-alive of one session.

    :param dead: called when the peer answers no longer.
    """

    __slots__ = ("_dead", "_heard", "_missed", "_number", "_settings")

    def __init__(self, desk: Desk, settings: Settings, dead: Callable[[], None]) -> None:
        super().__init__(desk, State.IDLE)
        self._settings, self._dead = settings, dead
        self._heard = False
        self._missed = self._number = 0

    def start(self) -> None:
        """Begin to ask, if the settings want that."""
        if self._settings.keep_alive > 0:
            self._after(self._settings.keep_alive, Input.DUE)

    def requested(self, body: dict[str, Any]) -> None:
        """``roundTripDelayRequest`` of the peer."""
        said = {"sequenceNumber": body["sequenceNumber"]}
        self._desk.send(("response", ("roundTripDelayResponse", said)))

    def answered(self, body: dict[str, Any]) -> None:
        """``roundTripDelayResponse``."""
        if body["sequenceNumber"] == self._number:
            self._feed(Input.RESPONSE)

    def unknown(self) -> None:
        """The peer says that it does not know the request: it lives."""
        self._feed(Input.UNKNOWN)

    def _ask(self) -> None:
        self._number = (self._number + 1) % 256
        self._after(self._settings.reply, Input.TIMEOUT)
        self._desk.send(("request", ("roundTripDelayRequest", {"sequenceNumber": self._number})))

    def _lives(self) -> None:
        self._heard, self._missed = True, 0
        self._after(self._settings.keep_alive, Input.DUE)

    def _miss(self) -> None:
        self._missed += 1
        if self._heard and self._missed >= _MISSED:
            self._dead()
        else:
            self._after(self._settings.keep_alive, Input.DUE)

    TABLE: ClassVar[Table] = {
        State.IDLE: {
            Input.DUE: (State.AWAITING, _ask),
        },
        State.AWAITING: {
            Input.RESPONSE: (State.IDLE, _lives),
            Input.UNKNOWN: (State.IDLE, SignallingEntity.stop),
            Input.TIMEOUT: (State.IDLE, _miss),
        },
    }
