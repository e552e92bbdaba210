"""Our registration at a foreign gatekeeper (H.225.0 7.8-7.10), without I/O: the machine, and the times it keeps.

::

    idle --start--> asking --granted--> up --due--> refreshing --granted--> up
                    | ^  | failed        |             | full --> asking
           discover v |  v               |             | failed
            discovering waiting --due--> asking        v
                                         |           fading --due, full--> asking
                                         v stop
                                       leaving --granted, failed--> gone

*full* is the gatekeeper's wish for a full registration: it has forgotten us, or takes us off its list (URQ).  What is
*fading* was granted and is so for a while yet, but its keep-alive has failed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from vosswitch.model.machine import Machine

ASKED = 300
"""Seconds of life that we ask for, and after which one that was granted without an end is renewed."""
AHEAD = 20
"""Seconds before its end that a registration is renewed."""
SHORTEST, LONGEST = 10, 86_400
"""Bounds of what a gatekeeper may grant, seconds."""


class State(StrEnum):
    """Where a registration is."""

    IDLE = "idle"
    DISCOVERING = "discovering"
    ASKING = "asking"
    UP = "up"
    REFRESHING = "refreshing"
    WAITING = "waiting"
    FADING = "fading"
    LEAVING = "leaving"
    GONE = "gone"


class Input(StrEnum):
    """What can happen to it."""

    START = "start"
    DISCOVER = "discover"
    FOUND = "found"
    GRANTED = "granted"
    FULL = "full"
    FAILED = "failed"
    DUE = "due"
    STOP = "stop"
    DROP = "drop"


class Effect(StrEnum):
    """What is to be done."""

    FIND = "find"
    REGISTER = "register"
    KEEP = "keep"
    LEAVE = "leave"
    REFRESH_LATER = "refresh-later"
    RETRY_LATER = "retry-later"
    END = "end"


_Row = tuple[State, Effect | None]
_GONE: _Row = (State.GONE, Effect.END)
_LEAVING: _Row = (State.LEAVING, Effect.LEAVE)
_AGAIN: _Row = (State.ASKING, Effect.REGISTER)


class Registration(Machine[State, Input, Effect]):
    """One registration."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(State.IDLE, self.TABLE)

    TABLE: ClassVar[dict[State, dict[Input, _Row]]] = {
        State.IDLE: {Input.START: _AGAIN, Input.STOP: _GONE, Input.DROP: _GONE},
        State.DISCOVERING: {
            Input.FOUND: _AGAIN,
            Input.FAILED: (State.WAITING, Effect.RETRY_LATER),
            Input.STOP: _GONE,
            Input.DROP: _GONE,
        },
        State.ASKING: {
            Input.GRANTED: (State.UP, Effect.REFRESH_LATER),
            Input.DISCOVER: (State.DISCOVERING, Effect.FIND),
            Input.FAILED: (State.WAITING, Effect.RETRY_LATER),
            Input.STOP: _LEAVING,
            Input.DROP: _GONE,
        },
        State.UP: {
            Input.DUE: (State.REFRESHING, Effect.KEEP),
            Input.FULL: _AGAIN,
            Input.FAILED: (State.WAITING, Effect.RETRY_LATER),
            Input.STOP: _LEAVING,
            Input.DROP: _GONE,
        },
        State.REFRESHING: {
            Input.GRANTED: (State.UP, Effect.REFRESH_LATER),
            Input.FULL: _AGAIN,
            Input.FAILED: (State.FADING, Effect.RETRY_LATER),
            Input.STOP: _LEAVING,
            Input.DROP: _GONE,
        },
        State.WAITING: {Input.DUE: _AGAIN, Input.STOP: _GONE, Input.DROP: _GONE},
        State.FADING: {Input.DUE: _AGAIN, Input.FULL: _AGAIN, Input.STOP: _LEAVING, Input.DROP: _GONE},
        State.LEAVING: {Input.GRANTED: _GONE, Input.FAILED: _GONE, Input.DROP: _GONE},
        State.GONE: {},
    }


def refresh_after(seconds: int, chance: float) -> float:
    """When to renew what is granted for so long: `AHEAD` of its end, or after two thirds; by *chance* sooner."""
    ahead = AHEAD if seconds > 3 * AHEAD else seconds / 3
    return (seconds - ahead) * (1.0 - chance / 20)


def retry_after(delay: float, failures: int, chance: float) -> float:
    """When to try again after so many failures in a row: at once the first time, then *delay* with some chance."""
    return (min(delay, 2.0) if failures <= 1 else delay) * (1.0 + chance / 10)
