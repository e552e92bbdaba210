"""The four SIP transactions of RFC 3261 section 17 with the changes of RFC 6026, without I/O.

A machine takes inputs and answers with effects; it never sends, sleeps or reads a clock.
`vosswitch.sip.transactions.layer` performs the effects.  What is sent is the layer's business too: a machine only says
*that* its request, its last response or its ACK goes out (again).
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class State(StrEnum):
    """The states of all four figures."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Input(StrEnum):
    """What can happen to a transaction."""

    START = "start"  # the layer made it
    REQUEST = "request"  # server: the request, again
    ACK = "ack"  # server: an ACK that matches
    PROVISIONAL = "1xx"  # client: received; server: from the transaction user
    SUCCESS = "2xx"
    FAILURE = "3xx-6xx"
    TRANSPORT_ERROR = "transport-error"
    TIMER_A = "timer-a"  # INVITE client: retransmit
    TIMER_B = "timer-b"  # INVITE client: failed
    TIMER_D = "timer-d"  # INVITE client: no more response retransmissions
    TIMER_E = "timer-e"  # client: retransmit
    TIMER_F = "timer-f"  # client: failed
    TIMER_G = "timer-g"  # INVITE server: retransmit the final response
    TIMER_H = "timer-h"  # INVITE server: no ACK came
    TIMER_I = "timer-i"  # INVITE server: no more ACK retransmissions
    TIMER_J = "timer-j"  # server: no more request retransmissions
    TIMER_K = "timer-k"  # client: no more response retransmissions
    TIMER_L = "timer-l"  # INVITE server: end of Accepted (RFC 6026)
    TIMER_M = "timer-m"  # INVITE client: end of Accepted (RFC 6026)


class Effect(StrEnum):
    """What the layer has to do; the timers are started under the name of the input that they feed."""

    SEND = "send"  # the request or the last response goes out
    SEND_ACK = "send-ack"  # the ACK of a final response other than 2xx goes out
    TELL = "tell"  # the message goes to the transaction user
    FAIL = "fail"  # the transaction user learns of timeout or transport failure
    STOP = "stop"  # running timers are cancelled
    END = "end"  # the transaction is forgotten
    START_A = "timer-a"
    START_B = "timer-b"
    START_D = "timer-d"
    START_E = "timer-e"
    START_F = "timer-f"
    START_G = "timer-g"
    START_H = "timer-h"
    START_I = "timer-i"
    START_J = "timer-j"
    START_K = "timer-k"
    START_L = "timer-l"
    START_M = "timer-m"


Effects = tuple[Effect, ...]
Action = tuple[Effects, Effects]
"""What follows on a transport that does not retransmit by itself, and on one that does."""
Table = dict[State, dict[Input, tuple[State, Action]]]

_I, _S, _E = Input, State, Effect


def _do(*effects: Effect) -> Action:
    """An action that is the same on every transport."""
    return effects, effects


def _do_by(unreliable: Effects, reliable: Effects) -> Action:
    """An action that differs because a reliable transport needs no retransmission."""
    return unreliable, reliable


class Machine:
    """One transaction's state.

    :ivar state: current `State`.
    :ivar reliable: the transport retransmits by itself (TCP, TLS).
    """

    __slots__ = ("reliable", "state")
    FIRST: ClassVar[State]
    TABLE: ClassVar[Table]

    def __init__(self, reliable: bool) -> None:
        self.state = self.FIRST
        self.reliable = reliable

    def feed(self, what: Input) -> Effects:
        """Apply one input; an input that the state does not list is ignored."""
        row = self.TABLE[self.state].get(what)
        if row is None:
            return ()
        self.state, action = row
        return action[self.reliable]


_nothing = _do()
_fail = _do(_E.STOP, _E.FAIL, _E.END)
_end = _do(_E.STOP, _E.END)
_tell = _do(_E.TELL)
_send = _do(_E.SEND)
_inform = _do(_E.FAIL)


class InviteClient(Machine):
    """INVITE client transaction: RFC 3261 17.1.1, figure 4 of RFC 6026 (its replacement of figure 5)."""

    __slots__ = ()
    FIRST = State.CALLING
    _start = _do_by((_E.SEND, _E.START_A, _E.START_B), (_E.SEND, _E.START_B))
    _refused = _do(_E.STOP, _E.SEND_ACK, _E.TELL, _E.START_D)
    _accepted = _do(_E.STOP, _E.TELL, _E.START_M)
    TABLE = {
        _S.CALLING: {
            _I.START: (_S.CALLING, _start),
            _I.TIMER_A: (_S.CALLING, _do(_E.SEND, _E.START_A)),
            _I.TIMER_B: (_S.TERMINATED, _fail),
            _I.TRANSPORT_ERROR: (_S.TERMINATED, _fail),
            _I.PROVISIONAL: (_S.PROCEEDING, _do(_E.STOP, _E.TELL)),
            _I.SUCCESS: (_S.ACCEPTED, _accepted),
            _I.FAILURE: (_S.COMPLETED, _refused),
        },
        _S.PROCEEDING: {
            _I.PROVISIONAL: (_S.PROCEEDING, _tell),
            _I.SUCCESS: (_S.ACCEPTED, _accepted),
            _I.FAILURE: (_S.COMPLETED, _refused),
        },
        _S.COMPLETED: {
            _I.FAILURE: (_S.COMPLETED, _do(_E.SEND_ACK)),
            _I.TRANSPORT_ERROR: (_S.TERMINATED, _fail),
            _I.TIMER_D: (_S.TERMINATED, _end),
        },
        _S.ACCEPTED: {
            _I.SUCCESS: (_S.ACCEPTED, _tell),
            _I.TIMER_M: (_S.TERMINATED, _end),
        },
        _S.TERMINATED: {},
    }


class Client(Machine):
    """Non-INVITE client transaction: RFC 3261 17.1.2, figure 6."""

    __slots__ = ()
    FIRST = State.TRYING
    _start = _do_by((_E.SEND, _E.START_E, _E.START_F), (_E.SEND, _E.START_F))
    _final = _do(_E.STOP, _E.TELL, _E.START_K)
    _again = _do(_E.SEND, _E.START_E)
    TABLE = {
        _S.TRYING: {
            _I.START: (_S.TRYING, _start),
            _I.TIMER_E: (_S.TRYING, _again),
            _I.TIMER_F: (_S.TERMINATED, _fail),
            _I.TRANSPORT_ERROR: (_S.TERMINATED, _fail),
            _I.PROVISIONAL: (_S.PROCEEDING, _tell),
            _I.SUCCESS: (_S.COMPLETED, _final),
            _I.FAILURE: (_S.COMPLETED, _final),
        },
        _S.PROCEEDING: {
            _I.TIMER_E: (_S.PROCEEDING, _again),
            _I.TIMER_F: (_S.TERMINATED, _fail),
            _I.TRANSPORT_ERROR: (_S.TERMINATED, _fail),
            _I.PROVISIONAL: (_S.PROCEEDING, _tell),
            _I.SUCCESS: (_S.COMPLETED, _final),
            _I.FAILURE: (_S.COMPLETED, _final),
        },
        _S.COMPLETED: {
            _I.TIMER_K: (_S.TERMINATED, _end),
        },
        _S.TERMINATED: {},
    }


class InviteServer(Machine):
    """INVITE server transaction: RFC 3261 17.2.1, figure 5 of RFC 6026 (its replacement of figure 7)."""

    __slots__ = ()
    FIRST = State.PROCEEDING
    _refuse = _do_by((_E.SEND, _E.START_G, _E.START_H), (_E.SEND, _E.START_H))
    TABLE = {
        _S.PROCEEDING: {
            _I.REQUEST: (_S.PROCEEDING, _send),
            _I.PROVISIONAL: (_S.PROCEEDING, _send),
            _I.SUCCESS: (_S.ACCEPTED, _do(_E.SEND, _E.START_L)),
            _I.FAILURE: (_S.COMPLETED, _refuse),
            _I.TRANSPORT_ERROR: (_S.PROCEEDING, _inform),
        },
        _S.ACCEPTED: {
            _I.REQUEST: (_S.ACCEPTED, _nothing),
            _I.ACK: (_S.ACCEPTED, _tell),
            _I.SUCCESS: (_S.ACCEPTED, _send),
            _I.TRANSPORT_ERROR: (_S.ACCEPTED, _inform),
            _I.TIMER_L: (_S.TERMINATED, _end),
        },
        _S.COMPLETED: {
            _I.REQUEST: (_S.COMPLETED, _send),
            _I.ACK: (_S.CONFIRMED, _do(_E.STOP, _E.START_I)),
            _I.TIMER_G: (_S.COMPLETED, _do(_E.SEND, _E.START_G)),
            _I.TIMER_H: (_S.TERMINATED, _end),
            _I.TRANSPORT_ERROR: (_S.COMPLETED, _inform),
        },
        _S.CONFIRMED: {
            _I.TIMER_I: (_S.TERMINATED, _end),
        },
        _S.TERMINATED: {},
    }


class Server(Machine):
    """Non-INVITE server transaction: RFC 3261 17.2.2, figure 8."""

    __slots__ = ()
    FIRST = State.TRYING
    _final = _do(_E.SEND, _E.START_J)
    TABLE = {
        _S.TRYING: {
            _I.PROVISIONAL: (_S.PROCEEDING, _send),
            _I.SUCCESS: (_S.COMPLETED, _final),
            _I.FAILURE: (_S.COMPLETED, _final),
        },
        _S.PROCEEDING: {
            _I.REQUEST: (_S.PROCEEDING, _send),
            _I.PROVISIONAL: (_S.PROCEEDING, _send),
            _I.SUCCESS: (_S.COMPLETED, _final),
            _I.FAILURE: (_S.COMPLETED, _final),
            _I.TRANSPORT_ERROR: (_S.TERMINATED, _fail),
        },
        _S.COMPLETED: {
            _I.REQUEST: (_S.COMPLETED, _send),
            _I.TRANSPORT_ERROR: (_S.TERMINATED, _fail),
            _I.TIMER_J: (_S.TERMINATED, _end),
        },
        _S.TERMINATED: {},
    }
