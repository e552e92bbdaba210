"""Signs of life of the peer of an answered call.

A connection may stand for hours after the program at its other end has stopped, or behind a proxy that keeps it open:
only an answer shows that the call is still there.  Whatever the peer says is a sign of life.  One that has been silent
for a while is asked: by RoundTripDelayRequest where H.245 runs (H.245 C.9), else by StatusInquiry, which every endpoint
has to answer (H.225.0 table 4, Q.931 5.8.10), and from the second time on by both.  Who leaves as many questions in a
row without an answer as VS_H323_KEEPALIVE_COUNT says is taken for dead.

Before the answer the timers of the attempt bound how long a peer may be silent.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from vosswitch.h323.h225 import Other
from vosswitch.model.causes import cause

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.legs.leg import Leg
    from vosswitch.h323.legs.line import Timer

_REPLY = 10.0
"""Seconds that an answer may take (T105 of the stacks in use; Q.931's T322 is 4 s); no longer than the interval."""


class State(StrEnum):
    """Of the questions of one leg."""

    OFF = "off"  # the call is not answered yet, or the peer is not asked
    QUIET = "quiet"
    AWAITING = "awaiting"


class Input(StrEnum):
    """What can happen to them."""

    BEGIN = "begin"
    HEARD = "heard"
    DUE = "due"  # it has been silent for the interval
    UNANSWERED = "unanswered"


class KeepAlive:
    """The questions of one leg.

    :ivar _asked: how many wait for an answer.
    """

    __slots__ = ("_asked", "_leg", "_timer", "state")

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._asked = 0
        self._timer: Timer | None = None
        self.state = State.OFF

    def begin(self) -> None:
        """The call is answered: from now on silence counts."""
        if self.state is State.OFF and self._leg.settings.keep_alive and self._interval > 0:
            self._feed(Input.BEGIN)

    def heard(self) -> None:
        """The peer has said something."""
        self._feed(Input.HEARD)

    @property
    def _interval(self) -> float:
        return float(self._leg.stack.parameters["VS_H323_KEEPALIVE_INTERVAL"])

    def _feed(self, what: Input) -> None:
        row = self.TABLE[self.state].get(what)
        if row is not None:
            self.state, action = row
            action(self)

    def _wait(self) -> None:
        self._asked = 0
        if self._interval > 0:
            self._later(self._interval, Input.DUE)
        else:  # switched off meanwhile
            self.state = State.OFF
            self._stop()

    def _ask(self) -> None:
        leg, self._asked = self._leg, self._asked + 1
        session = leg.media.session
        by_h245 = session is not None and session.ask_alive()
        if not by_h245 or self._asked > 1:
            leg.say(Other(**leg.marks(), name="StatusInquiry"))
        self._later(min(_REPLY, self._interval or _REPLY), Input.UNANSWERED)

    def _miss(self) -> None:
        most = self._leg.stack.parameters["VS_H323_KEEPALIVE_COUNT"]
        if self._asked < most:
            self._ask()
        elif most:
            self._leg.end(cause("session_timeout")._replace(text="the peer answers no longer"))
        else:
            self._feed(Input.HEARD)

    def _later(self, seconds: float, what: Input) -> None:
        self._stop()
        self._timer = self._leg.later(seconds, lambda: self._feed(what))

    def _stop(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    TABLE: ClassVar[dict[State, dict[Input, tuple[State, Callable[[KeepAlive], None]]]]] = {
        State.OFF: {
            Input.BEGIN: (State.QUIET, _wait),
        },
        State.QUIET: {
            Input.HEARD: (State.QUIET, _wait),
            Input.DUE: (State.AWAITING, _ask),
        },
        State.AWAITING: {
            Input.HEARD: (State.QUIET, _wait),
            Input.UNANSWERED: (State.AWAITING, _miss),
        },
    }
