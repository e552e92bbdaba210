"""The states of a leg, and what its table of signals is."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from vosswitch.model.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Callable


class State(StrEnum):
    """Where a leg stands."""

    CALLING = "calling"  # outgoing: INVITE sent, nothing came back
    PROCEEDING = "proceeding"  # outgoing: a provisional response came
    OFFERED = "offered"  # incoming: no final response sent
    ANSWERED = "answered"  # 2xx there, ACK not
    CONNECTED = "connected"  # dialog confirmed
    LEAVING = "leaving"  # the call is gone, the peer not yet
    OVER = "over"


class Listener(Protocol):
    """An `ILegListener`, for the type checker."""

    def heard(self, leg: Any, signal: Signal) -> None: ...  # noqa: D102


Takes = dict[State, dict[type[Signal], "Callable[[Any, Any], None]"]]
