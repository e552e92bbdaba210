"""The worker's part of `vosswitch.media.events`: ports that are heard through a stream, and digits that are put in.

A port is tapped by another function that receives for it: the loop of the worker knows nothing of it, so that it
costs the packets of other calls nothing.
"""

from __future__ import annotations

import contextlib
import math
import random
import time
from typing import TYPE_CHECKING

from vosswitch.media.events import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vosswitch.media.relay import Port, Session, SideState, Source


class Taps:
    """The taps of a worker.

    :param tell: ``tell(session's number, side, digit, milliseconds)``: a digit was heard.
    :ivar busy: streams that have something to do at a time, with the port that the speaker sends to.
    """

    __slots__ = ("_tell", "busy")

    def __init__(self, tell: Callable[[int, int, str, int], None]) -> None:
        self._tell = tell
        self.busy: dict[Stream, Port] = {}

    def watch(self, session: Session, which: int, payloads: Sequence[int], takes: bool, renamed: int | None) -> None:
        """Look for events of a side; *takes*: tell them, and let them go no further; else with that payload type."""
        side = session.sides[which]
        if payloads or side.stream is not None:
            stream = self._stream(side)
            stream.payloads, stream.takes, stream.renamed = frozenset(payloads), takes, renamed

    def insert(self, session: Session, which: int, sign: str, milliseconds: int, payload: int) -> None:
        """Put a digit into what a side hears."""
        side = session.sides[1 - which]
        stream = self._stream(side)
        stream.insert(sign, milliseconds, payload, time.monotonic())
        self.busy[stream] = side.rtp

    def _stream(self, side: SideState) -> Stream:
        if side.stream is None:
            side.stream = Stream(random.getrandbits(32), random.getrandbits(15))
            self.tap(side.rtp)
        return side.stream

    def tap(self, port: Port) -> None:
        """Receive through the stream of a port's side, if it has one."""
        stream, receive, side = port.side.stream, port.receive, port.side
        if stream is None or receive is None or not port.counts:
            return

        def tapped(size: int) -> tuple[bytes, Source]:
            data, source = receive(size)
            if source != port.source:  # not known yet, or a stranger: the worker decides
                return data, source
            passed = stream.hear(data, time.monotonic())
            if stream.told:
                self._say(side, stream)
            if stream.due != math.inf:
                self.busy[stream] = port
            if passed is None:
                port.taken += 1
                raise BlockingIOError
            return passed, source

        port.receive = tapped

    def _say(self, side: SideState, stream: Stream) -> None:
        told, stream.told = stream.told, []
        session = side.session
        for sign, milliseconds in told:
            self._tell(session.number, session.sides.index(side), sign, milliseconds)

    def wait(self, longest: float) -> float:
        """How long the loop may sleep."""
        due = min([stream.due for stream in self.busy], default=math.inf)
        return max(0.0, min(longest, due - time.monotonic()))

    def step(self) -> None:
        """Send and tell what is due."""
        for stream, port in list(self.busy.items()):
            data = stream.step(time.monotonic())
            if stream.told:
                self._say(port.side, stream)
            other = port.other
            if data is not None and other.target is not None and other.send is not None:
                with contextlib.suppress(OSError):
                    other.send(data, other.target)
            if stream.due == math.inf:
                del self.busy[stream]

    def drop(self, session: Session) -> None:
        """The session is over."""
        for side in session.sides:
            if side.stream is not None:
                self.busy.pop(side.stream, None)
