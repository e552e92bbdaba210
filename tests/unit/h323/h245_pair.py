"""Two sessions of H.245 joined by a line that keeps order, as both TCP and the tunnel do."""

from __future__ import annotations

from collections import deque

from h245_desk import Clock, FakeDesk


class Pair:
    """Two legs' sessions; *lines* hold what is on its way to each."""

    def __init__(self, one=(1000,), two=(2000,), **settings):
        self.clock = Clock()
        self.desks = (Wired(self, 0, self.clock, one, settings), Wired(self, 1, self.clock, two, settings))
        self.lines = (deque(), deque())

    def step(self, which):
        """Deliver one message to *which*; False = there is none."""
        if not self.lines[which]:
            return False
        message = self.lines[which].popleft()
        self.desks[which].session.take(message)
        self.check()
        return True

    def run(self, limit=2000):
        """Deliver all, in turn."""
        for _ in range(limit):
            if not (self.step(0) | self.step(1)):
                return
        raise AssertionError("they talk without end")

    def check(self):
        """At no time two channels one way, as the side that opens them sees it."""
        for desk in self.desks:
            assert len(desk.live) <= 1, desk.live


class Wired(FakeDesk):
    """A desk whose messages reach the other one; it counts the channels that it has open.

    :ivar live: numbers of our channels that are not closed.
    """

    def __init__(self, pair, which, clock, chances, settings):
        self._pair, self._which = pair, which
        self.live = set()
        self.answers = None
        super().__init__(clock, chances, **settings)

    def send(self, message):
        super().send(message)
        kind, (name, body) = message
        if name == "openLogicalChannel":
            self.live.add(body["forwardLogicalChannelNumber"])
        elif name == "closeLogicalChannel":
            self.live.discard(body["forwardLogicalChannelNumber"])
        elif name == "openLogicalChannelReject":
            self._pair.desks[1 - self._which].live.discard(body["forwardLogicalChannelNumber"])
        self._pair.lines[1 - self._which].append(message)
        assert kind
