"""What comes in, in the order in which it deserves to be served, and what is turned away when there is too much.

Sockets are drained into two queues by the first bytes of each message: new INVITEs and REGISTERs wait in one, with what
strangers ask outside of dialogs; everything else in the other, which is served first.  So what belongs to running calls
goes on flowing however many new calls are knocking, and how long a new one has waited tells the load: a queue in which
they wait longer than VS_OVERLOAD_DELAY, and go on doing so for `PATIENCE`, is one that will not empty by itself.  Then
its head is shed until those behind it are in time again (the idea of CoDel, RFC 8289, with a refusal, not a loss).
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.sip.transactions.flow import Flow, Statistics

SLICE = 0.005
"""Seconds of new calls that are served until the sockets are drained again."""
PATIENCE = 0.25
"""Seconds for which the wait may be too long before anything is shed: a hiccup is no overload."""
WORST = 5.0
"""Times VS_OVERLOAD_DELAY behind which a message is shed at once: its sender has long sent it again."""
STRANGERS = 0.25
"""Times VS_OVERLOAD_DELAY for sources that have not proved themselves: known customers are served rather than they."""
MOST_FRESH = 5_000
"""New INVITEs and REGISTERs that may wait; beyond, the oldest is dropped without an answer."""
MOST_URGENT = 20_000
"""Other messages that may wait; beyond, the newest is dropped."""

_TAGGED = re.compile(rb"\r?\n(?:to|t)[ \t]*:[^\r\n]*;[ \t]*tag[ \t]*=", re.IGNORECASE)
_NEW = (b"INVITE ", b"REGISTER ")
_OUTSIDE = (b"OPTIONS ", b"SUBSCRIBE ", b"MESSAGE ", b"PUBLISH ")
_SPECIAL = frozenset({b"IN", b"RE", b"CA", b"AC", b"OP", b"SU", b"ME", b"PU"})
"""First bytes of what is looked at more closely."""


def _is_tagged(data: bytes) -> bool:
    """Whether its To has a tag: it is about a call that runs."""
    begin = data.find(b"\nTo: ")
    if begin > 0 and b"tag" not in data[begin : data.find(b"\n", begin + 1)].lower():
        return False  # as nearly every new call is written
    return _TAGGED.search(data) is not None


class Waiting(NamedTuple):
    """A message in a queue; *since* is when it was read from its socket, monotonic seconds."""

    since: float
    flow: Flow
    data: bytes


class Desk(Protocol):
    """Who serves what comes in."""

    def serve(self, flow: Flow, data: bytes) -> None:
        """Take in one message; raises nothing."""

    def shed(self, flow: Flow, data: bytes, *, late: bool) -> bool:
        """Turn a new INVITE or REGISTER away without parsing it; False when it has to be served all the same."""

    def repeats(self, flow: Flow, data: bytes) -> bool:
        """Turn away again what was turned away a moment ago; False when it was not."""

    def full(self) -> bool:
        """Whether nothing new can be taken on, however short the queue is."""

    def capped(self, flow: Flow, now: float) -> bool:
        """Whether its source has sent too many new requests."""

    def known(self, flow: Flow) -> bool:
        """Whether its source has proved itself."""


class Intake:
    """The two queues.

    :param delay: gives VS_OVERLOAD_DELAY, seconds; 0 = nothing is ever shed for its age.
    :param later: calls a function in the next turn of the reactor.
    :ivar absorb: bytes that stand in ACKs of refusals made from a template: they are dropped unread.
    """

    __slots__ = (
        "_delay", "_desk", "_fresh", "_late_since", "_later", "_now", "_pending", "_statistics", "_urgent", "absorb",
    )  # fmt: skip

    def __init__(
        self,
        desk: Desk,
        now: Callable[[], float],
        delay: Callable[[], float],
        later: Callable[[Callable[[], None]], Any],
        statistics: Statistics,
    ) -> None:
        self._desk = desk
        self._now = now
        self._delay = delay
        self._later = later
        self._statistics = statistics
        self._urgent: deque[tuple[Flow, bytes]] = deque()
        self._fresh: deque[Waiting] = deque()
        self._late_since = 0.0
        self._pending = False
        self.absorb = b""

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._urgent) + len(self._fresh)

    def put(self, flow: Flow, data: bytes, now: float) -> None:
        """Queue one message; `serve` has to follow."""
        if data[:2] in _SPECIAL and self._special(flow, data, now):
            return
        if len(self._urgent) < MOST_URGENT:
            self._urgent.append((flow, data))
        else:
            self._statistics.overflowed += 1

    def _special(self, flow: Flow, data: bytes, now: float) -> bool:
        """Sort what may be new or follow what is new, and drop ACKs of refusals; False when it is like any other."""
        if data.startswith(_NEW) and not (data[0] == 73 and _is_tagged(data)):
            self._put_fresh(flow, data, now)
        elif data.startswith(_OUTSIDE) and not self._desk.known(flow) and not _is_tagged(data):
            self._put_fresh(flow, data, now)  # a stranger's, which shall not go before a customer's call
        elif data.startswith(b"CANCEL ") and self._fresh:
            self._put_fresh(flow, data, now)  # behind its INVITE
        elif self.absorb and data.startswith(b"ACK ") and self.absorb in data:
            self._statistics.absorbed += 1
        else:
            return False
        return True

    def _put_fresh(self, flow: Flow, data: bytes, now: float) -> None:
        if len(self._fresh) >= MOST_FRESH:
            self._fresh.popleft()
            self._statistics.overflowed += 1
        self._fresh.append(Waiting(now, flow, data))

    def serve(self) -> None:
        """Serve what is urgent, and new calls as long as there is time in this turn."""
        urgent, serve = self._urgent, self._desk.serve
        while urgent:
            flow, data = urgent.popleft()
            serve(flow, data)
        if self._fresh and not self._pending:
            self._serve_fresh()

    def _serve_fresh(self) -> None:
        fresh, urgent, desk = self._fresh, self._urgent, self._desk
        end = self._now() + SLICE
        while fresh:
            waiting = fresh.popleft()
            now = self._now()
            if not self._turned_away(waiting, now):
                desk.serve(waiting.flow, waiting.data)
            while urgent:
                desk.serve(*urgent.popleft())
            if fresh and now >= end:
                self._pending = True
                self._later(self._go_on)
                return

    def _go_on(self) -> None:
        self._pending = False
        self.serve()

    def _turned_away(self, waiting: Waiting, now: float) -> bool:
        if waiting.data[0] == 67:  # a CANCEL: it ends work
            return False
        if self._desk.repeats(waiting.flow, waiting.data):
            self._statistics.shed += 1
            return True
        if self._late(waiting, now) or self._desk.full():
            if self._desk.shed(waiting.flow, waiting.data, late=True):
                self._statistics.shed += 1
                return True
            return False
        if self._desk.capped(waiting.flow, now) and self._desk.shed(waiting.flow, waiting.data, late=False):
            self._statistics.capped += 1
            return True
        return False

    def _late(self, waiting: Waiting, now: float) -> bool:
        """Whether it has waited too long, and not only because of a hiccup."""
        delay = self._delay()
        age = now - waiting.since
        if age <= delay * STRANGERS or not delay:
            self._late_since = 0.0
            return False
        if age <= delay and self._desk.known(waiting.flow):
            self._late_since = 0.0
            return False
        if not self._late_since:
            self._late_since = now
        return age > delay * WORST or now - self._late_since >= PATIENCE
