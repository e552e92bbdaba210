"""Failed passwords: counted per source and per user name from that source, and suspended for a while.

SS_AUTHENTICATION_MAX_RETRY failures of one name suspend that name at that source; as many different names that fail
(three at least) suspend the source for every name.  Only who has answered a challenge of ours is counted, so a forged
source address counts for nobody.  Both tables are bounded, and what is only counted never displaces a suspension.
"""

from __future__ import annotations

from collections import OrderedDict

SOURCES = 10_000
"""Sources whose failures are counted, and likewise suspensions that are kept; the oldest goes first."""
NAMES = 32
"""User names of one source whose failures are counted; the oldest is forgotten first."""
LEAST_NAMES = 3
"""A source is suspended as a whole for this many failing names at least."""
LONGEST_NAME = 64

Key = tuple[str, str | None]
"""Source and user name; None = the source as a whole."""


class _Source:
    """The failures of one source: per name how many and the time of the last one; *names* that failed in a row."""

    __slots__ = ("last", "names")

    def __init__(self) -> None:
        self.names: OrderedDict[str, int] = OrderedDict()
        self.last = 0.0


class Suspensions:
    """Who has failed and who is suspended.  Times are monotonic seconds."""

    __slots__ = ("_counted", "_until")

    def __init__(self) -> None:
        self._counted: OrderedDict[str, _Source] = OrderedDict()
        self._until: OrderedDict[Key, float] = OrderedDict()

    def __len__(self) -> int:
        """How many sources and suspensions are remembered."""
        return len(self._counted) + len(self._until)

    def suspended(self, source: str, name: str, now: float) -> bool:
        """Whether this name gets no further from this source."""
        return bool(self._until) and (self._runs((source, name[:LONGEST_NAME]), now) or self._runs((source, None), now))

    def _runs(self, key: Key, now: float) -> bool:
        until = self._until.get(key)
        if until is None:
            return False
        if now < until:
            return True
        del self._until[key]
        return False

    def failed(self, source: str, name: str, now: float, most: int, seconds: float) -> str:
        """Count a failure.

        :param most: failures before a suspension, 0 = never; *seconds* its length, and how long a failure counts.
        :returns: whom this failure has suspended: ``user``, ``source`` or "" (nobody).
        """
        if not most:
            return ""
        found = self._counted.pop(source, None)
        if found is None or now - found.last > seconds:
            found = _Source()
        self._counted[source] = found
        found.last = now
        name = name[:LONGEST_NAME]
        count = found.names.pop(name, 0) + 1
        found.names[name] = count
        self._bound(found)
        if len(found.names) >= max(min(most, NAMES), LEAST_NAMES):
            del self._counted[source]
            return self._suspend((source, None), "source", now + seconds)
        if count < most:
            return ""
        found.names[name] = 0  # it goes on counting as a name that failed
        return self._suspend((source, name), "user", now + seconds)

    def _bound(self, found: _Source) -> None:
        if len(self._counted) > SOURCES:
            self._counted.popitem(last=False)
        if len(found.names) > NAMES:
            found.names.popitem(last=False)

    def _suspend(self, key: Key, what: str, until: float) -> str:
        self._until.pop(key, None)
        self._until[key] = until
        if len(self._until) > SOURCES:
            self._until.popitem(last=False)  # all last equally long: the first one ends first
        return what

    def proved(self, source: str, name: str) -> None:
        """The name was proved: its failures are forgotten."""
        found = self._counted.get(source)
        if found is None:
            return
        found.names.pop(name[:LONGEST_NAME], None)
        if not found.names:
            del self._counted[source]
