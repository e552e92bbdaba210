"""Whom the H.323 process lets in, and how much of each source: counted per IPv4 address or IPv6 /64 network.

A source at its limit is refused; nobody else is turned away for it.  Everything that is remembered is bounded.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any

from vosswitch.h323.settings import KNOWN_ROOM, STRANGER_SECONDS, STRANGERS, URGENT_CPS
from vosswitch.model.source import source_key

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_SOURCES = 50_000
"""Sources whose rates are remembered; beyond, the one that has been silent for longest is forgotten."""


class Bucket:
    """So many a second, and so many at once."""

    __slots__ = ("_since", "_tokens")

    def __init__(self, most: float, now: float) -> None:
        self._tokens, self._since = most, now

    def take(self, rate: float, most: float, now: float) -> bool:
        """Whether there is one more."""
        tokens = min(most, self._tokens + (now - self._since) * rate)
        self._since = now
        fits = tokens >= 1.0
        self._tokens = tokens - 1.0 if fits else tokens
        return fits


class Gate:
    """The counts of all connections.

    :ivar settings: the parameters that it goes by; replaced when they change.
    :ivar counts: what was refused, by why.
    """

    __slots__ = (
        "_connections",
        "_half_open",
        "_known",
        "_rates",
        "_strangers",
        "_urgent",
        "connections",
        "counts",
        "settings",
    )

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        self.connections = 0
        self.counts: Counter[str] = Counter()
        self._connections: Counter[str] = Counter()
        self._half_open: Counter[str] = Counter()
        self._rates: OrderedDict[str, Bucket] = OrderedDict()
        self._urgent: OrderedDict[str, Bucket] = OrderedDict()
        self._strangers: OrderedDict[str, float] = OrderedDict()
        self._known: OrderedDict[str, float] = OrderedDict()

    def take(self, host: str, now: float) -> str:
        """Let a connection of a peer in, half open at first; gives its source, "" when it is refused."""
        source = source_key(host) if host else "?"
        why = self._refusal(source, now)
        if why:
            self.counts[why] += 1
            return ""
        self.connections += 1
        self._connections[source] += 1
        self._half_open[source] += 1
        return source

    def _refusal(self, source: str, now: float) -> str:
        if self._strangers.get(source, now) > now:
            return "strangers"
        settings = self.settings
        if self.connections >= settings["VS_H323_CONNECTIONS"]:
            return "too_many_connections"
        if self._connections.get(source, 0) >= settings["VS_H323_CONNECTIONS_SOURCE"]:
            return "too_many_connections_of_source"
        most = settings["VS_H323_HALF_OPEN_SOURCE"] * (KNOWN_ROOM if source in self._known else 1)
        if self._half_open.get(source, 0) >= most:
            return "too_many_half_open"
        return ""

    def more(self, source: str) -> bool:
        """Count one more call of a connection as a connection; False where there are too many."""
        settings = self.settings
        if self.connections >= settings["VS_H323_CONNECTIONS"]:
            self.counts["too_many_connections"] += 1
        elif self._connections.get(source, 0) >= settings["VS_H323_CONNECTIONS_SOURCE"]:
            self.counts["too_many_connections_of_source"] += 1
        else:
            self.connections += 1
            self._connections[source] += 1
            return True
        return False

    def opened(self, source: str) -> None:
        """A connection has brought a Setup, or what it is for."""
        _less(self._half_open, source)

    def give_back(self, source: str, *, half_open: bool) -> None:
        """A connection that was let in is gone."""
        self.connections -= 1
        _less(self._connections, source)
        if half_open:
            _less(self._half_open, source)

    def is_known(self, source: str, now: float) -> bool:
        """Whether the switch has said lately that it knows that source."""
        return self._known.get(source, 0.0) > now

    def known(self, source: str, now: float) -> None:
        """The switch knows that source: it is not asked again for a while."""
        self._known[source] = now + STRANGER_SECONDS
        self._known.move_to_end(source)
        if len(self._known) > STRANGERS:
            self._known.popitem(last=False)

    def stranger(self, source: str, now: float) -> bool:
        """Nobody knows that source: it is refused for a while without asking; whether that is news."""
        self.counts["strangers"] += 1
        self._known.pop(source, None)
        is_new = self._strangers.get(source, now) <= now
        self._strangers[source] = now + STRANGER_SECONDS
        self._strangers.move_to_end(source)
        if len(self._strangers) > STRANGERS:
            self._strangers.popitem(last=False)
        return is_new

    def forget_strangers(self) -> None:
        """The configuration has changed: whoever was a stranger may be none, and the other way round."""
        self._strangers.clear()
        self._known.clear()

    def may_call(self, source: str, now: float) -> bool:
        """Whether one more Setup of a source fits VS_SOURCE_CPS."""
        rate = self.settings["VS_SOURCE_CPS"]
        if rate is None:
            return True
        bucket = self._rates.pop(source, None) or Bucket(rate, now)
        self._rates[source] = bucket
        if len(self._rates) > MOST_SOURCES:
            self._rates.popitem(last=False)
        return bucket.take(rate, rate, now)

    def is_urgent(self, source: str, now: float) -> bool:
        """Whether one more emergency call of a source passes where other calls are turned away."""
        bucket = self._urgent.pop(source, None) or Bucket(URGENT_CPS, now)
        self._urgent[source] = bucket
        if len(self._urgent) > MOST_SOURCES:
            self._urgent.popitem(last=False)
        passes = bucket.take(URGENT_CPS, URGENT_CPS, now)
        self.counts["urgent"] += passes
        return passes

    @property
    def half_open(self) -> int:
        """Connections that have not brought what they are for."""
        return self._half_open.total()

    @property
    def idle(self) -> bool:
        """Whether no connection is counted at all."""
        return not (self._connections or self._half_open or self.connections)


def _less(counts: Counter[str], source: str) -> None:
    counts[source] -= 1
    if counts[source] <= 0:
        del counts[source]
