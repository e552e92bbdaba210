"""The life of one call as a table, without I/O.

The caller's leg is there from the beginning.  The callee's leg is whichever attempt is running::

    PLACING --ring/progress--> EARLY --answer--> TALKING --release of a side--> ENDED
       |  \\________________________answer___________^
       '-- release of the callee's leg: the next gateway, while the state stays PLACING

`vosswitch.call.bridge` performs the effects.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import ClassVar, NamedTuple

from vosswitch.model.causes import Cause
from vosswitch.model.signals import (
    Accept,
    Answer,
    Carried,
    Carry,
    Confirm,
    Digit,
    Headers,
    Offer,
    Proceed,
    Progress,
    Refuse,
    Release,
    Ring,
    Signal,
    Transfer,
)
from vosswitch.model.values import Side


class State(StrEnum):
    """Where a call is."""

    PLACING = "placing"
    EARLY = "early"
    TALKING = "talking"
    ENDED = "ended"


class Input(StrEnum):
    """What can happen to it."""

    PROCEED = "proceed"
    RING = "ring"
    PROGRESS = "progress"
    ANSWER = "answer"
    CALLEE_FAILED = "callee-failed"
    CALLER_LEFT = "caller-left"
    CALLEE_LEFT = "callee-left"
    CHANGE = "change"
    TRANSFER = "transfer"
    STOP = "stop"


class Relay(NamedTuple):
    """Tell the side *to* what the other one said."""

    to: Side
    signal: Signal


class Connect(NamedTuple):
    """The callee answered: price it, write it down, then tell the caller."""

    signal: Answer


class HandOver(NamedTuple):
    """The side *by* wants the other one connected with somebody else."""

    by: Side
    signal: Transfer


class TryNext(NamedTuple):
    """The attempt failed: choose the next gateway or give up with its cause (and the headers that go with it)."""

    cause: Cause
    headers: Headers = ()


class Finish(NamedTuple):
    """The call is over: release the legs in *release*, settle, write the record."""

    cause: Cause
    by: Side
    release: tuple[Side, ...]
    headers: Headers = ()


Effect = Relay | Connect | HandOver | TryNext | Finish
Action = Callable[[Side, Signal], tuple[Effect, ...]]


def _relay(side: Side, signal: Signal) -> tuple[Effect, ...]:
    return (Relay(side.other, signal),)


def _refuse(side: Side, signal: Signal) -> tuple[Effect, ...]:
    """Nobody is there to be asked for a change."""
    return (Relay(side, Refuse(504)),) if isinstance(signal, Offer) else ()


def _connect(_side: Side, signal: Signal) -> tuple[Effect, ...]:
    assert isinstance(signal, Answer)
    return (Connect(signal),)


def _hand_over(side: Side, signal: Signal) -> tuple[Effect, ...]:
    assert isinstance(signal, Transfer)
    return (HandOver(side, signal),)


def _try_next(_side: Side, signal: Signal) -> tuple[Effect, ...]:
    assert isinstance(signal, Release)
    return (TryNext(signal.cause, signal.headers),)


def _left(side: Side, signal: Signal) -> tuple[Effect, ...]:
    assert isinstance(signal, Release)
    return (Finish(signal.cause, side, (side.other,), signal.headers),)


def _stop(side: Side, signal: Signal) -> tuple[Effect, ...]:
    assert isinstance(signal, Release)
    return (Finish(signal.cause, side, (Side.CALLER, Side.CALLEE), signal.headers),)


class CallMachine:
    """One call.

    :ivar state: current `State`.
    """

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = State.PLACING

    def feed(self, what: Input, side: Side, signal: Signal) -> tuple[Effect, ...]:
        """Apply one input; an input that the state does not list is ignored."""
        row = self.TABLE[self.state].get(what)
        if row is None:
            return ()
        self.state, action = row
        return action(side, signal)

    TABLE: ClassVar[dict[State, dict[Input, tuple[State, Action]]]] = {
        State.PLACING: {
            Input.PROCEED: (State.PLACING, _relay),
            Input.RING: (State.EARLY, _relay),
            Input.PROGRESS: (State.EARLY, _relay),
            Input.ANSWER: (State.TALKING, _connect),
            Input.CHANGE: (State.PLACING, _refuse),
            Input.CALLEE_FAILED: (State.PLACING, _try_next),
            Input.CALLER_LEFT: (State.ENDED, _left),
            Input.STOP: (State.ENDED, _stop),
        },
        State.EARLY: {
            Input.RING: (State.EARLY, _relay),
            Input.PROGRESS: (State.EARLY, _relay),
            Input.ANSWER: (State.TALKING, _connect),
            Input.CHANGE: (State.EARLY, _relay),
            Input.CALLEE_FAILED: (State.PLACING, _try_next),
            Input.CALLER_LEFT: (State.ENDED, _left),
            Input.STOP: (State.ENDED, _stop),
        },
        State.TALKING: {
            Input.CHANGE: (State.TALKING, _relay),
            Input.TRANSFER: (State.TALKING, _hand_over),
            Input.CALLER_LEFT: (State.ENDED, _left),
            Input.CALLEE_LEFT: (State.ENDED, _left),
            Input.STOP: (State.ENDED, _stop),
        },
        State.ENDED: {},
    }


_OF_CALLEE: dict[type, Input] = {
    Proceed: Input.PROCEED,
    Ring: Input.RING,
    Progress: Input.PROGRESS,
    Answer: Input.ANSWER,
}
_CHANGES = (Confirm, Offer, Accept, Refuse, Digit, Carry, Carried)


def input_of(side: Side, signal: Signal, state: State) -> Input | None:
    """What a leg's *signal* is to the machine; None when that side cannot say it."""
    kind = type(signal)
    if kind is Release:
        if side is Side.CALLER:
            return Input.CALLER_LEFT
        return Input.CALLEE_LEFT if state is State.TALKING else Input.CALLEE_FAILED
    if kind in _CHANGES:
        return Input.CHANGE
    if kind is Transfer:
        return Input.TRANSFER
    return _OF_CALLEE.get(kind) if side is Side.CALLEE else None
