"""Signs of life of the peer of an answered call.

A connection may stand for hours after the program at its other end has stopped, or behind a proxy that keeps it open:
only an answer shows that the call is still there.  Whatever the peer says is a sign of life.  One that has been silent
for a while is asked: by RoundTripDelayRequest where H.245 runs (H.245 C.9), and by StatusInquiry, which every endpoint
has to answer (H.225.0 table 4, Q.931 5.8.10).

Not every one does: ooh323c, which is Asterisk's, answers round trips and passes over StatusInquiry.  So each call finds
out for itself what its peer answers, soon after it was answered; from then on who leaves as many questions of that kind
in a row without an answer as VS_H323_KEEPALIVE_COUNT says is taken for dead.  Of a peer that answers nothing silence
proves nothing, unless the operator says so (``strict``).

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
_FIRST = 10.0
"""Seconds after the answer until the first one."""


class Kind(StrEnum):
    """How a peer is asked."""

    ROUND_TRIP = "round trip"
    STATUS = "status"


class State(StrEnum):
    """Of the questions of one leg."""

    OFF = "off"  # the call is not answered yet, or the peer is not asked
    FRESH = "fresh"  # nobody knows yet what the peer answers
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

    :ivar _asked: how many in a row wait for an answer, *_open* the kinds of them.
    :ivar _proven: the kinds that the peer has answered in this call.
    """

    __slots__ = ("_asked", "_leg", "_open", "_proven", "_timer", "state")

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._asked = 0
        self._open: set[Kind] = set()
        self._proven: set[Kind] = set()
        self._timer: Timer | None = None
        self.state = State.OFF

    def begin(self) -> None:
        """The call is answered: from now on silence counts."""
        if self.state is State.OFF and self._leg.settings.keep_alive != "off" and self._interval > 0:
            self._feed(Input.BEGIN)

    def heard(self) -> None:
        """The peer has said something."""
        self._feed(Input.HEARD)

    def answered(self, kind: Kind) -> None:
        """What it has said is an answer of that kind: it knows how."""
        self._proven.add(kind)

    @property
    def _interval(self) -> float:
        return float(self._leg.stack.parameters["VS_H323_KEEPALIVE_INTERVAL"])

    def _feed(self, what: Input) -> None:
        row = self.TABLE[self.state].get(what)
        if row is not None:
            self.state, action = row
            action(self)

    def _try_out(self) -> None:
        """See soon what it answers."""
        self._later(min(_FIRST, self._interval), Input.DUE)

    def _wait(self) -> None:
        self._asked = 0
        self._open.clear()
        if self._interval > 0:
            self._later(self._interval, Input.DUE)
        else:  # switched off meanwhile
            self.state = State.OFF
            self._stop()

    @property
    def _strict(self) -> bool:
        return self._leg.settings.keep_alive == "strict"

    def _ask(self) -> None:
        """One question of a kind that it answers; where none is known, and again, in both ways."""
        leg, self._asked = self._leg, self._asked + 1
        session, proven = leg.media.session, self._proven
        if session is not None and (not proven or Kind.ROUND_TRIP in proven or self._strict) and session.ask_alive():
            self._open.add(Kind.ROUND_TRIP)
        if not self._open & proven or self._asked > 1:
            self._open.add(Kind.STATUS)
            self._inquire()
        self._later(min(_REPLY, self._interval or _REPLY), Input.UNANSWERED)

    def _inquire(self) -> None:
        """StatusInquiry, and nothing tunnelled in it: who passes over the one would not hear the other."""
        leg, tunnels = self._leg, self._leg.media.channel.tunnels
        which, call = leg.reference, leg.call_identifier
        leg.say(Other(reference=which, call_identifier=call, tunnelling=tunnels, name="StatusInquiry"))

    def _miss(self) -> None:
        most = self._leg.stack.parameters["VS_H323_KEEPALIVE_COUNT"]
        if not most or not (self._strict or self._open & self._proven):
            self._feed(Input.HEARD)  # it proves nothing
        elif self._asked < most:
            self._ask()
        else:
            self._leg.end(cause("session_timeout")._replace(text="the peer answers no longer"))

    def _later(self, seconds: float, what: Input) -> None:
        self._stop()
        self._timer = self._leg.later(seconds, lambda: self._feed(what))

    def _stop(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    TABLE: ClassVar[dict[State, dict[Input, tuple[State, Callable[[KeepAlive], None]]]]] = {
        State.OFF: {
            Input.BEGIN: (State.FRESH, _try_out),
        },
        State.FRESH: {  # asked whatever it says: to learn how it answers
            Input.DUE: (State.AWAITING, _ask),
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
