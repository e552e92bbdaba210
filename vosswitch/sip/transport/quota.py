"""Who may have how many connections, and how many bytes of half messages: by source and in all.

A source is an IPv4 address or an IPv6 /64, since whoever has one address of such a network has all of them.
A source at its limit is refused; nobody else is turned away for it.
"""

from __future__ import annotations

from collections import Counter

from vosswitch.model.source import source_key

FREE = 8192
"""Bytes of a half message that count for nothing: most messages are shorter."""
SOURCE_BYTES = 512 * 1024
"""Bytes of half messages, beyond the free ones, of one source."""
ALL_BYTES = 64 * 1024 * 1024
"""Likewise of all sources together."""
MOST_FRESH = 100
"""Connections of one source that have not brought a whole message yet."""


class Quota:
    """The counts of all stream listeners together.

    :ivar most: connections in all.
    :ivar per_source: connections of one source; never more than half of all.
    :ivar refused: connections that were turned away.
    """

    __slots__ = ("_bytes", "_connections", "_fresh", "_held", "connections", "most", "per_source", "refused")

    def __init__(self, most: int, per_source: int) -> None:
        self.most = most
        self.per_source = per_source
        self.connections = 0
        self.refused = 0
        self._connections: Counter[str] = Counter()
        self._fresh: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._held = 0

    def take(self, host: str) -> str:
        """Let a connection in; gives its source, "" when it is refused."""
        source = source_key(host) if host else "?"
        most = min(self.per_source, (self.most + 1) // 2)
        if self.connections >= self.most or self._connections[source] >= most or self._fresh[source] >= MOST_FRESH:
            self.refused += 1
            self._tidy(source)
            return ""
        self.connections += 1
        self._connections[source] += 1
        self._fresh[source] += 1
        return source

    def spoken(self, source: str) -> None:
        """A connection has brought its first whole message."""
        self._fresh[source] -= 1

    def give_back(self, source: str, fresh: bool) -> None:
        """A connection that was let in is gone."""
        self.connections -= 1
        self._connections[source] -= 1
        if fresh:
            self._fresh[source] -= 1
        self._tidy(source)

    def hold(self, source: str, size: int) -> bool:
        """Count *size* more (or, negative, fewer) bytes of half messages; False when that is too many."""
        if size > 0 and (self._bytes[source] + size > SOURCE_BYTES or self._held + size > ALL_BYTES):
            self._tidy(source)
            return False
        self._bytes[source] += size
        self._held += size
        self._tidy(source)
        return True

    def _tidy(self, source: str) -> None:
        """Remember nothing of a source that has nothing."""
        for counts in (self._connections, self._fresh, self._bytes):
            if counts[source] <= 0:
                del counts[source]

    @property
    def idle(self) -> bool:
        """Whether nothing is counted at all."""
        return not (self._connections or self._fresh or self._bytes or self.connections or self._held)
