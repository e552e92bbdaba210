"""The switch's knowledge of one relayed session: enough to begin it anew in a restarted worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from vosswitch.media.ports import port_of
from vosswitch.model.call import MediaReport, StreamReport
from vosswitch.model.interfaces import IMediaSession
from vosswitch.model.signals import Digit
from vosswitch.model.values import Side
from vosswitch.sdp.codecs import UNSPECIFIED, first_stream, is_fax, payload_types, receives, sends
from vosswitch.sdp.rewrite import Author, transport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vosswitch.media.wire import Message
    from vosswitch.model.session import SessionDescription

USERNAME = "vosswitch"
SIDES = (Side.CALLER, Side.CALLEE)

Counts = tuple[int, int, int, str]
_NOTHING: Counts = (0, 0, 0, "")


@implementer(IMediaSession)
class MediaSession:
    """One call's session on one worker.

    :param number: what switch and worker call it.
    :param pairs: the pairs towards caller and callee (`ports.numbered`).
    :param hosts: what caller and callee are told as our address.
    :param tell: takes a message for the worker.
    :param end: ``end(session, done)``: releases the session.
    :param elsewhere: the pair and host for a side that has this pair and is reached from this local IP now.
    """

    __slots__ = (
        "_authors",
        "_before",
        "_elsewhere",
        "_end",
        "_events",
        "_hosts",
        "_latest",
        "_said",
        "_started",
        "_tell",
        "call_id",
        "listener",
        "number",
        "opening",
        "pairs",
    )

    def __init__(
        self,
        number: int,
        call_id: str,
        pairs: tuple[int, int],
        hosts: tuple[str, str],
        limits: tuple[float, int],
        listener: Any,
        tell: Callable[[Message], None],
        end: Callable[[MediaSession, Callable[[MediaReport], None]], None],
        elsewhere: Callable[[int, str], tuple[int, str] | None],
    ) -> None:
        self.number = number
        self.call_id = call_id
        self.pairs = pairs
        self.listener = listener
        self.opening: Message = ("open", number, *pairs, *limits)
        self._hosts = hosts
        self._tell = tell
        self._end = end
        self._elsewhere = elsewhere
        name = str(number)
        self._authors = (Author(USERNAME, name, hosts[0]), Author(USERNAME, name, hosts[1]))
        self._said: list[Message | None] = [None, None]
        self._events: list[Message | None] = [None, None]
        self._started = [False, False]
        self._before = [_NOTHING, _NOTHING]
        self._latest = [_NOTHING, _NOTHING]
        tell(self.opening)

    def forward(self, side: Side, session: SessionDescription) -> SessionDescription:
        """See `IMediaSession.forward`."""
        which = SIDES.index(side)
        said = self._words(which, session)
        if said != self._said[which]:
            self._said[which] = said
            self._tell(said)
        other = 1 - which
        port = port_of(self.pairs[other])
        return self._authors[other].rewrite(session, self._hosts[other], port, port + 1)

    def _words(self, which: int, session: SessionDescription) -> Message:
        media = first_stream(session)
        if media is None:
            return ("say", self.number, which, None, 0, 0, [], False, False)
        host, rtp, rtcp = transport(media, session)
        there = None if host in UNSPECIFIED else host
        payloads = sorted(payload_types(media))
        speaks = sends(media, session) and not is_fax(media)  # no RTP: nobody waits for it
        return ("say", self.number, which, there, rtp, rtcp, payloads, speaks, receives(media, session))

    def reset(self, side: Side, local: str | None = None) -> bool:
        """See `IMediaSession.reset`."""
        which = SIDES.index(side)
        if local is not None and not self._move(which, local):
            return False
        self._said[which] = None
        self._started[which] = False
        self._before[which] = self._latest[which] = _NOTHING
        self._tell(("reset", self.number, which))
        if self._events[which] is not None:
            self._events[which] = None
            self._tell(("events", self.number, which, [], False, None))
        return True

    def _move(self, which: int, local: str) -> bool:
        """Take a pair on the local address that a side is reached from now, where it is another one."""
        old = self.pairs[which]
        found = self._elsewhere(old, local)
        if found is None:
            return False
        pair, host = found
        if pair != old:
            self.pairs = (self.pairs[0], pair) if which else (pair, self.pairs[1])
            self.opening = ("open", self.number, *self.pairs, *self.opening[4:])
            self._tell(("move", self.number, which, pair))
        if host != self._hosts[which]:
            self._hosts = (self._hosts[0], host) if which else (host, self._hosts[1])
            author = Author(USERNAME, str(self.number), host)
            self._authors = (self._authors[0], author) if which else (author, self._authors[1])
        return True

    def events(self, side: Side, payloads: Sequence[int], *, taken: bool, sent_as: int | None = None) -> None:
        """See `IMediaSession.events`."""
        which = SIDES.index(side)
        order = ("events", self.number, which, sorted(payloads), taken, sent_as)
        if order != self._events[which] and (payloads or self._events[which] is not None):
            self._events[which] = order
            self._tell(order)

    def digit(self, side: Side, digit: Digit, payload: int) -> None:
        """See `IMediaSession.digit`."""
        self._tell(("digit", self.number, SIDES.index(side), digit.digit, digit.duration, payload))

    def close(self, done: Callable[[MediaReport], None]) -> None:
        """See `IMediaSession.close`."""
        self._end(self, done)

    # What the service needs.

    def resume(self) -> list[Message]:
        """The messages that begin it anew in a worker that knows nothing of it; counts go on from the last ones."""
        self._before = [_sum(old, new) for old, new in zip(self._before, self._latest, strict=True)]
        self._latest = [_NOTHING, _NOTHING]
        return [self.opening, *(said for said in (*self._said, *self._events) if said is not None)]

    def counted(self, caller: Sequence[Any], callee: Sequence[Any]) -> None:
        """The worker's counts of its present life."""
        self._latest = [_counts(caller), _counts(callee)]

    def started(self, which: int) -> None:
        """A side's first packet came; told once, however often a worker begins anew."""
        if not self._started[which]:
            self._started[which] = True
            self.listener.media_started(SIDES[which])

    def timed_out(self, which: int) -> None:
        """A side was silent for too long."""
        self.listener.media_timeout(SIDES[which])

    def heard_digit(self, which: int, digit: str, milliseconds: int) -> None:
        """A side has sent a telephone event, and has ended it."""
        self.listener.media_digit(SIDES[which], Digit(digit, milliseconds))

    def report(self) -> MediaReport:
        """The counts as far as they are known."""
        return MediaReport(*[StreamReport(*_sum(*pair)) for pair in zip(self._before, self._latest, strict=True)])


def _counts(given: Sequence[Any]) -> Counts:
    packets, octets, lost, address = given
    return packets, octets, lost, address


def _sum(old: Counts, new: Counts) -> Counts:
    return old[0] + new[0], old[1] + new[1], old[2] + new[2], new[3] or old[3]
