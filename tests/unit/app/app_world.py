"""What the composition root needs, without sockets, threads and time."""

from __future__ import annotations

from twisted.internet.testing import MemoryReactorClock


class Reactor(MemoryReactorClock):
    """Threads finish at once, `stop` is only counted."""

    def __init__(self):
        super().__init__()
        self.stops = 0

    def getThreadPool(self):
        return self

    def callInThreadWithCallback(self, told, function, *args, **kwargs):
        told(True, function(*args, **kwargs))

    def callFromThread(self, function, *args, **kwargs):
        function(*args, **kwargs)

    def stop(self):
        self.stops += 1
