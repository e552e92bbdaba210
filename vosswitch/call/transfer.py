"""The steps of a transfer as a table, without I/O (RFC 5589, RFC 3725).

*Stayer* is who remains of the transferring party's call, *partner* the far side of the new (or the other) call::

    SEEKING --partner answers--> JOINING --stayer takes the new session--> TURNING --partner knows it--> OVER
       |                          |  ^                                       |  ^
       |                          '--'  491: again after a while             '--'
       '------------ failure: told to the transferring party, the old call goes on ---> OVER

A blind transfer begins in SEEKING, an attended one, whose partner has answered already, in JOINING.
`vosswitch.call.handover` performs the effects.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from vosswitch.model.machine import Machine


class State(StrEnum):
    """Where a transfer is."""

    SEEKING = "seeking"
    JOINING = "joining"
    WAITING = "waiting"
    TURNING = "turning"
    OVER = "over"


class Input(StrEnum):
    """What can happen to it."""

    PROGRESS = "progress"  # the partner is ringing
    ANSWERED = "answered"  # the partner has answered
    FAILED = "failed"  # the partner did not answer, or has left
    TAKEN = "taken"  # the change of the session that was asked for is accepted
    REFUSED = "refused"  # it is not
    BUSY = "busy"  # not now (491)
    AGAIN = "again"  # the pause after that is over
    LEFT = "left"  # the transferring party is gone
    STOPPED = "stopped"  # its call has ended


class Effect(StrEnum):
    """What is to be done."""

    TELL = "tell"  # tell the transferring party how far it is
    OFFER = "offer"  # offer the partner's session to the stayer
    TURN = "turn"  # tell the partner the stayer's session
    JOIN = "join"  # make the two calls one conversation
    PAUSE = "pause"  # wait, then offer again
    REST = "rest"  # wait, then tell the partner again
    FAIL = "fail"  # give up; the old call goes on
    DROP = "drop"  # give up; the old call is over
    NOTE = "note"  # remember that nobody waits for the outcome


class TransferMachine(Machine[State, Input, Effect]):
    """One transfer."""

    __slots__ = ()

    def __init__(self, state: State) -> None:
        super().__init__(state, self.TABLE)

    TABLE: ClassVar[dict[State, dict[Input, tuple[State, Effect]]]] = {
        State.SEEKING: {
            Input.PROGRESS: (State.SEEKING, Effect.TELL),
            Input.ANSWERED: (State.JOINING, Effect.OFFER),
            Input.FAILED: (State.OVER, Effect.FAIL),
            Input.LEFT: (State.SEEKING, Effect.NOTE),
            Input.STOPPED: (State.OVER, Effect.DROP),
        },
        State.JOINING: {
            Input.TAKEN: (State.TURNING, Effect.TURN),
            Input.REFUSED: (State.OVER, Effect.FAIL),
            Input.BUSY: (State.WAITING, Effect.PAUSE),
            Input.FAILED: (State.OVER, Effect.FAIL),
            Input.LEFT: (State.JOINING, Effect.NOTE),
            Input.STOPPED: (State.OVER, Effect.DROP),
        },
        State.WAITING: {
            Input.AGAIN: (State.JOINING, Effect.OFFER),
            Input.REFUSED: (State.OVER, Effect.FAIL),
            Input.FAILED: (State.OVER, Effect.FAIL),
            Input.LEFT: (State.WAITING, Effect.NOTE),
            Input.STOPPED: (State.OVER, Effect.DROP),
        },
        State.TURNING: {
            Input.TAKEN: (State.OVER, Effect.JOIN),
            Input.REFUSED: (State.OVER, Effect.FAIL),
            Input.BUSY: (State.TURNING, Effect.REST),
            Input.FAILED: (State.OVER, Effect.FAIL),
            Input.LEFT: (State.TURNING, Effect.NOTE),
            Input.STOPPED: (State.OVER, Effect.DROP),
        },
        State.OVER: {},
    }
