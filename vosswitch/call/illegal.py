"""Illegal calls: of a source at most one record a minute, which says how many there were."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

MINUTE = 60.0
"""Seconds between two records of one source."""
SOURCES = 600
"""Sources that may have a record in a minute; calls of further ones are only counted: sources can be forged."""

_Told = TypeVar("_Told")


class _Source(Generic[_Told]):
    """One source since its last record.

    :ivar count: calls without a record; *told* is the last one of them.
    :ivar call_id: of the last call, which may be sent again.
    """

    __slots__ = ("call_id", "count", "since", "told")

    def __init__(self, since: float, call_id: str) -> None:
        self.since = since
        self.call_id = call_id
        self.count = 0
        self.told: _Told | None = None


class IllegalCalls(Generic[_Told]):
    """Counts them.  Times are monotonic seconds.

    :ivar left_out: calls that no record tells of.
    """

    __slots__ = ("_sources", "left_out")

    def __init__(self) -> None:
        self._sources: OrderedDict[str, _Source[_Told]] = OrderedDict()
        self.left_out = 0

    def heard(self, source: str, call_id: str, told: _Told, now: float) -> int:
        """One more illegal call.

        :param call_id: the protocol's; the same one again is the same call. "" = surely another one.
        :param told: what a record would be made of.
        :returns: the count for a record that is due now; 0 = none is.
        """
        found = self._sources.get(source)
        if found is not None and call_id and found.call_id == call_id:
            return 0  # the same request again
        if found is None:
            return self._first(source, call_id, now)
        found.call_id = call_id
        found.count += 1
        found.told = told
        if now - found.since < MINUTE:
            return 0
        return self._due(source, found, now)

    def _first(self, source: str, call_id: str, now: float) -> int:
        while self._sources and len(self._sources) >= SOURCES:
            oldest = next(iter(self._sources.values()))
            if oldest.count or now - oldest.since < MINUTE:
                self.left_out += 1
                return 0
            self._sources.popitem(last=False)
        self._sources[source] = _Source(now, call_id)
        return 1

    def _due(self, source: str, found: _Source[_Told], now: float) -> int:
        count, found.count, found.since, found.told = found.count, 0, now, None
        self._sources.move_to_end(source)
        return count

    @property
    def waiting(self) -> bool:
        """Whether calls wait for the record of their source."""
        return any(found.count for found in self._sources.values())

    def due(self, now: float, everything: bool = False) -> list[tuple[_Told, int]]:
        """What has to be written now, with its count; sources that are quiet are forgotten.

        :param everything: also what has not waited for a minute.
        """
        rows: list[tuple[_Told, int]] = []
        for source, found in list(self._sources.items()):
            if now - found.since < MINUTE and not everything:
                continue
            if found.told is None:
                del self._sources[source]
            else:
                told = found.told
                rows.append((told, self._due(source, found, now)))
        return rows
