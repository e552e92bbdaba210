"""Call signalling connections that peers make; several calls may go by one (H.225.0 7.3).

Each Setup with a call reference that is not in use begins a call: its `IncomingLine` is what its leg has of the
connection.  Messages go to the call of their reference.  A peer whose Setup says ``maintainConnection`` finds the
connection still there for its next call; else it is closed with the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import Factory

from vosswitch.h323 import q931
from vosswitch.h323.settings import IDLE_SECONDS, SETUP_SECONDS, UNREAD_MESSAGES
from vosswitch.h323.transport.signalling import LegLine
from vosswitch.h323.transport.stream import Stream

if TYPE_CHECKING:
    from vosswitch.h323.legs.line import LineUser
    from vosswitch.h323.transport.world import World

_STRANGE = 16
"""Messages of no call that are answered on one connection."""


class Connection(Stream):
    """A connection that a peer has made: who it is is asked before anything is read.

    :param source: as `Gate.take` has given it.
    :ivar keeps: it stays when its last call is over.
    :ivar _lines: the calls on it, by reference; all but the first one are counted by the gate as connections.
    """

    def __init__(self, world: World, source: str) -> None:
        super().__init__(world)
        self.source = source
        self.keeps = False
        self._lines: dict[int, IncomingLine] = {}
        self._half_open = True
        self._strange = self._counted = 0
        self._timer: Any = None

    def made(self) -> None:
        """See who it is."""
        if self.world.gate.is_known(self.source, self.world.now()):
            self._expect(SETUP_SECONDS)
            return
        self.transport.pauseProducing()
        self.world.office.ask("known", (self.remote,), self._known)

    def _known(self, known: bool | None) -> None:
        if self.over:
            return
        if known is None:  # the switch cannot say: nobody is taken for a stranger for that
            self.abort()
            return
        if not known:
            if self.world.gate.stranger(self.source, self.world.now()):
                self.world.office.ask("stranger", (self.remote,), _nothing)
            self.abort()
            return
        self.world.gate.known(self.source, self.world.now())
        self._expect(SETUP_SECONDS)
        self.transport.resumeProducing()

    def _expect(self, seconds: float) -> None:
        """A Setup has to come in time."""
        self._timer = self.world.reactor.callLater(seconds, self._silent)

    def _silent(self) -> None:
        self._timer = None
        if self._half_open:
            self.give_up("no_setup", "no Setup came")
        else:
            self.close()

    def _expect_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- messages

    def took(self, data: bytes) -> None:
        """A message for one of its calls, or for a new one."""
        try:
            head: q931.Message | None = q931.head(data)
        except q931.BadMessage:
            head = None
        line = self._lines.get(head.reference) if head is not None else None
        begins = head is not None and head.kind == q931.SETUP and not head.from_destination
        if line is not None:
            line.took(data)
        elif self._half_open or (begins and head is not None):
            self._call(head.reference if head is not None else 0, data)
        elif len(self._lines) == 1:
            next(iter(self._lines.values())).took(data)
        else:
            self._answer_strange(head)

    def _call(self, reference: int, data: bytes) -> None:
        """A new call; the first message of a connection is taken for one, whatever it is."""
        self._expect_nothing()
        line = IncomingLine(self, reference)
        if self._half_open:
            self._half_open = False
            self.world.gate.opened(self.source)
        elif not self._has_room():
            line.crowded = True
        self._lines[reference] = line
        self.world.office.called(line, data)

    def _has_room(self) -> bool:
        """Whether it may carry one more call."""
        calls = len(self._lines)
        if not calls:
            return True
        if calls >= self.world.settings["VS_H323_CONNECTION_CALLS"]:
            self.world.gate.counts["too_many_calls"] += 1
            return False
        self._counted += self.world.gate.more(self.source)
        return self._counted >= calls

    def _answer_strange(self, head: q931.Message | None) -> None:
        """A message of no call that there is: released (Q.931 5.8.3.2), but not without end."""
        self.world.gate.counts["strange_messages"] += 1
        self._strange += 1
        if head is None and self._strange > _STRANGE:
            self.give_up("bad_messages", "too many messages that cannot be read")
        elif head is not None and head.kind != q931.RELEASE_COMPLETE and self._strange <= _STRANGE:
            self.world.office.refuse(self, head)

    def rate(self) -> float:
        """What a call may send, as often as there are calls."""
        return super().rate() * max(1, len(self._lines))

    # -- its calls

    def left_by(self, line: IncomingLine) -> None:
        """A call is over; the connection goes with the last one, or waits for another one."""
        if self._lines.get(line.reference) is line:
            del self._lines[line.reference]
        self._give_back(max(0, len(self._lines) - 1))
        if self.over or self._lines:
            return
        if self.keeps:
            self._expect(IDLE_SECONDS)
        else:
            self.close()

    def _give_back(self, needed: int) -> None:
        while self._counted > needed:
            self._counted -= 1
            self.world.gate.give_back(self.source, half_open=False)

    def gone(self, reason: str) -> None:
        """All calls on it hear it."""
        lines, self._lines = list(self._lines.values()), {}
        for line in lines:
            line.lost(reason)

    def left(self) -> None:
        """The socket is closed."""
        self._expect_nothing()
        self._give_back(0)
        source, self.source = self.source, ""
        if source:
            self.world.gate.give_back(source, half_open=self._half_open)


class IncomingLine(LegLine):
    """One call on a connection that a peer has made.

    :ivar reference: its call reference.
    :ivar source: as `Gate.take` has given it.
    :ivar crowded: the connection carries as many calls as it may: it is to be refused.
    """

    def __init__(self, connection: Connection, reference: int) -> None:
        self.world = connection.world
        self.remote, self.local = connection.remote, connection.local
        self.source = connection.source
        self.reference = reference
        self.over = self.crowded = False
        self._connection = connection
        self._unheard: list[bytes] = []
        self._begin()

    def keep(self, keeps: bool) -> None:
        """Whether the connection stays when the call is over, as its Setup says."""
        self._connection.keeps = keeps and self.world.settings["VS_H323_CONNECTION_CALLS"] > 1

    def took(self, data: bytes) -> None:
        """A message; it waits until there is a leg."""
        if self.user is not None:
            super().took(data)
            return
        self._unheard.append(data)
        if len(self._unheard) > UNREAD_MESSAGES:
            self._connection.give_up("too_many_messages", "too many messages")

    def serve(self, user: LineUser) -> None:
        """Its leg is there: what has come meanwhile is heard now."""
        self.user = user
        unheard, self._unheard = self._unheard, []
        for data in unheard:
            if not self.over:
                super().took(data)

    def send(self, data: bytes) -> None:
        """Send one message."""
        if not self.over:
            self._connection.send(data)

    def close(self) -> None:
        """The call is over; everything that belongs to it goes."""
        self._close_controls()
        if not self.over:
            self.over = True
            self._connection.left_by(self)

    def abort(self) -> None:
        """It was no call: the connection goes with it, unless others are on it."""
        self._connection.keeps = False
        self.close()

    def lost(self, reason: str) -> None:
        """The connection is gone."""
        if not self.over:
            self.over = True
            self.gone(reason)


class Listening(Factory):
    """Takes calls on one listener."""

    noisy = False

    def __init__(self, world: World) -> None:
        self._world = world

    def buildProtocol(self, addr: Any) -> Connection | None:
        """Let a connection in, or close it at once."""
        source = self._world.gate.take(addr.host, self._world.now())
        return Connection(self._world, source) if source else None


def _nothing(_answer: Any) -> None:
    """No answer is needed."""
