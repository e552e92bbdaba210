"""Who is master and who is slave: the MSDSE of H.245 C.2, without I/O.

Each side draws a number of 24 bits.  The higher terminal type is master; with equal ones the difference of the numbers
decides, modulo 2^24, and two that are identical or half the circle apart are drawn again.  A side that is asked
decides for both and says what the *peer* is; it is settled when both have said so.

Beyond C.2: a determination that is settled is not lost with a later one that comes to nothing, and a message that comes
twice is answered twice.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from vosswitch.h323.h245.entity import SignallingEntity, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.h245.desk import Desk, Settings

CIRCLE = 1 << 24


class State(StrEnum):
    """C.2.3.1."""

    IDLE = "idle"
    OUTGOING = "outgoing-awaiting-response"
    INCOMING = "incoming-awaiting-response"


class Input(StrEnum):
    """What can happen to it."""

    START = "start"
    DECIDED = "decided"  # masterSlaveDetermination whose number settles it
    IDENTICAL = "identical"  # masterSlaveDetermination whose number does not
    ACK = "ack"
    REJECT = "reject"
    RELEASE = "release"
    TIMEOUT = "timeout"  # T106


def decide(terminal_type: int, number: int, peer_type: int, peer_number: int) -> bool | None:
    """Whether we are master; None: the numbers settle nothing (C.2.4)."""
    if terminal_type != peer_type:
        return terminal_type > peer_type
    difference = (peer_number - number) % CIRCLE
    return None if difference in (0, CIRCLE // 2) else difference < CIRCLE // 2


class Determination(SignallingEntity):
    """One side of master/slave determination.

    :ivar master: whether we are; None while it is not settled.
    :param done: called when it is settled, also again.
    :param failed: called with a reason when it cannot be settled.
    """

    __slots__ = (
        "_answered",
        "_done",
        "_failed",
        "_number",
        "_settings",
        "_tries",
        "_verdict",
        "master",
    )

    def __init__(self, desk: Desk, settings: Settings, done: Callable[[], None], failed: Callable[[str], None]) -> None:
        super().__init__(desk, State.IDLE)
        self._settings, self._done, self._failed = settings, done, failed
        self.master: bool | None = None
        self._number = self._tries = 0
        self._verdict = False
        self._answered: tuple[int, int] | None = None

    def start(self) -> None:
        """Ask the peer."""
        self._feed(Input.START)

    def requested(self, body: dict[str, Any]) -> None:
        """``masterSlaveDetermination`` of the peer."""
        theirs = body["terminalType"], body["statusDeterminationNumber"]
        if self.state is State.IDLE:
            if theirs == self._answered and self.master is not None:
                self._say(self._verdict)  # it has come twice
                return
            self._draw()
        verdict = decide(self._settings.terminal_type, self._number, *theirs)
        if verdict is None:
            self._feed(Input.IDENTICAL)
            return
        self._verdict, self._answered = verdict, theirs
        self._feed(Input.DECIDED)

    def acknowledged(self, body: dict[str, Any]) -> None:
        """``masterSlaveDeterminationAck``: what the peer says that we are."""
        said = body["decision"][0] == "master"
        if self.state is State.OUTGOING:
            self._verdict = said
        elif self.state is State.INCOMING and said is not self._verdict:
            self._feed(Input.RELEASE)  # C.2: error E, inconsistent
            return
        self._feed(Input.ACK)

    def rejected(self) -> None:
        """``masterSlaveDeterminationReject``: identical numbers."""
        self._feed(Input.REJECT)

    def released(self) -> None:
        """``masterSlaveDeterminationRelease``: the peer waits no longer."""
        self._feed(Input.RELEASE)

    def _draw(self) -> None:
        self._number = self._desk.chance() % CIRCLE

    def _begin(self) -> None:
        self._tries = 0
        self._ask()

    def _ask(self) -> None:
        self._draw()
        body = {"terminalType": self._settings.terminal_type, "statusDeterminationNumber": self._number}
        self._desk.send(("request", ("masterSlaveDetermination", body)))
        self._wait()

    def _again(self) -> None:
        self._tries += 1
        if self._tries > self._settings.retries:
            self.state = State.IDLE
            self._give_up()
        else:
            self._ask()

    def _answer(self) -> None:
        self._say(self._verdict)
        self._wait()

    def _say(self, master: bool) -> None:
        """Tell the peer what it is: the opposite of what we are."""
        decision = ("slave" if master else "master", 0)
        self._desk.send(("response", ("masterSlaveDeterminationAck", {"decision": decision})))

    def _refuse(self) -> None:
        self._desk.send(("response", ("masterSlaveDeterminationReject", {"cause": ("identicalNumbers", 0)})))

    def _told(self) -> None:
        self._say(self._verdict)
        self._settle()

    def _settle(self) -> None:
        self.stop()
        self.master = self._verdict
        self._done()

    def _expired(self) -> None:
        self._desk.send(("indication", ("masterSlaveDeterminationRelease", {})))
        self._give_up()

    def _give_up(self) -> None:
        self.stop()
        if self.master is None:
            self._failed("master/slave determination came to nothing")

    def _wait(self) -> None:
        self._after(self._settings.patience, Input.TIMEOUT)

    TABLE: ClassVar[Table] = {
        State.IDLE: {
            Input.START: (State.OUTGOING, _begin),
            Input.DECIDED: (State.INCOMING, _answer),
            Input.IDENTICAL: (State.IDLE, _refuse),
        },
        State.OUTGOING: {
            Input.DECIDED: (State.INCOMING, _answer),
            Input.IDENTICAL: (State.OUTGOING, _again),
            Input.ACK: (State.IDLE, _told),
            Input.REJECT: (State.OUTGOING, _again),
            Input.RELEASE: (State.IDLE, _give_up),
            Input.TIMEOUT: (State.IDLE, _expired),
        },
        State.INCOMING: {
            Input.DECIDED: (State.INCOMING, _answer),
            Input.ACK: (State.IDLE, _settle),
            Input.REJECT: (State.IDLE, _give_up),
            Input.RELEASE: (State.IDLE, _give_up),
            Input.TIMEOUT: (State.IDLE, _give_up),
        },
    }
