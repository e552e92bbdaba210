"""Work calendars: when something is in force, by date, range of dates, weekday or time of day.

Of the entries that cover a moment the most precise kind decides: a date before a range of dates, that before weekdays,
that before an entry of times alone; of two of one kind the one written first.  An end before its start runs over
midnight and belongs to the day it began; the end second is included.  Times are those of the clock on the wall: an
hour that is skipped in spring never comes, one that is repeated in autumn counts both times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ADMITTING = ("working", "non_working", "any")
"""What of a calendar can admit; ``any`` = some entry covers the moment, or the calendar has a default."""

LAST_SECOND = 86_399
_DAY = timedelta(days=1)
_BLOCK = 3_600_000
"""An answer holds for one hour of UTC at most: within it the offset of a zone changes hardly ever, which is checked."""
_MOST_ZONES = 600


def clock_seconds(text: str) -> int:
    """``HH:MM`` or ``HH:MM:SS`` into seconds of the day; 24:00 is the last second.

    :raises ValueError: it is no time of day.
    """
    parts = text.split(":")
    if not 2 <= len(parts) <= 3 or not all(len(part) == 2 and part.isascii() and part.isdigit() for part in parts):
        raise ValueError(text)
    hours, minutes, *rest = map(int, parts)
    seconds = rest[0] if rest else 0
    if (hours, minutes, seconds) == (24, 0, 0):
        return LAST_SECOND
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError(text)
    return hours * 3600 + minutes * 60 + seconds


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """A time of some days, working or not; of *first*, *weekdays* or neither one is given.

    :ivar first: the first day, None = no certain dates; *last* the last one, the same for a single date.
    :ivar weekdays: 0 = Monday; empty = every day.
    :ivar start: second of the day; *end* the last second that belongs to it, before *start* = of the day after.
    """

    working: bool = True
    first: date | None = None
    last: date | None = None
    weekdays: frozenset[int] = frozenset()
    start: int = 0
    end: int = LAST_SECOND

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> CalendarEntry:
        """Read one entry: ``date``, or ``from`` and ``to``, or ``weekdays``; ``start``, ``end``, ``working``.

        :raises ValueError: a date, weekday or time that cannot be read (provisioning refuses those).
        """
        first, last = body.get("date") or body.get("from"), body.get("date") or body.get("to")
        return cls(
            body.get("working", True),
            date.fromisoformat(first) if first else None,
            date.fromisoformat(last) if last else None,
            frozenset(WEEKDAYS.index(day) for day in body.get("weekdays") or ()),
            clock_seconds(body.get("start") or "00:00"),
            clock_seconds(body.get("end") or "24:00"),
        )

    @property
    def rank(self) -> int:
        """Its kind: 0 a date, 1 a range, 2 weekdays, 3 times alone."""
        if self.first is not None:
            return 0 if self.first == self.last else 1
        return 2 if self.weekdays else 3

    @property
    def over_midnight(self) -> bool:
        """Whether it ends on the day after it began."""
        return self.end < self.start

    def begins_on(self, day: date) -> bool:
        """Whether *day* is one of its days."""
        if self.first is not None and self.last is not None:
            return self.first <= day <= self.last
        return not self.weekdays or day.weekday() in self.weekdays


class _Span(NamedTuple):
    """What an entry is on one day: seconds *start* up to *stop*, which is not part of it."""

    start: int
    stop: int
    working: bool


class _Days:
    """The entries, by the days they are for."""

    __slots__ = ("_dates", "_order", "_ranges", "_times", "_week")

    def __init__(self, entries: Iterable[CalendarEntry]) -> None:
        self._dates: dict[date, list[CalendarEntry]] = {}
        self._ranges: list[CalendarEntry] = []
        self._week: tuple[list[CalendarEntry], ...] = tuple([] for _ in WEEKDAYS)
        self._times: list[CalendarEntry] = []
        self._order = {entry: place for place, entry in enumerate(dict.fromkeys(entries))}
        for entry in self._order:
            if entry.rank == 0 and entry.first is not None:
                self._dates.setdefault(entry.first, []).append(entry)
            elif entry.rank == 1:
                self._ranges.append(entry)
            elif entry.rank == 2:
                for day in entry.weekdays:
                    self._week[day].append(entry)
            else:
                self._times.append(entry)

    def _kinds(self, day: date) -> tuple[list[CalendarEntry], ...]:
        ranges = [entry for entry in self._ranges if entry.begins_on(day)]
        return self._dates.get(day, []), ranges, self._week[day.weekday()], self._times

    def spans(self, day: date) -> list[_Span]:
        """What covers parts of *day*, the one that decides first."""
        found: list[_Span] = []
        for today, before in zip(self._kinds(day), self._kinds(day - _DAY), strict=True):
            here, there = set(today), set(before)
            for entry in sorted(here | there, key=self._order.__getitem__):
                if entry in here:
                    stop = LAST_SECOND + 1 if entry.over_midnight else entry.end + 1
                    found.append(_Span(entry.start, stop, entry.working))
                if entry.over_midnight and entry in there:
                    found.append(_Span(0, entry.end + 1, entry.working))
        return found

    def turns(self, day: date) -> Iterator[date]:
        """Every day from *day* on with or after which other dates apply, once or more."""
        yield day
        for entry in (*self._ranges, *(entry for found in self._dates.values() for entry in found)):
            if entry.first is not None and entry.last is not None:
                yield from (turn for turn in (entry.first, entry.last + _DAY) if turn > day)


class Calendar:
    """Entries in a time zone; the answer for the present is kept, so that a call costs a comparison.

    :param default: what a moment is that no entry covers: ``working``, ``non_working`` or ``none``.
    :param zone: name of the time zone; *by_destination*: the called area's instead, where it is known.
    """

    __slots__ = (
        "_begins", "_days", "_default", "_elsewhere", "_ends", "_now", "_zone", "by_destination", "name", "zone",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        entries: Iterable[CalendarEntry] = (),
        zone: str = "UTC",
        default: str = "none",
        by_destination: bool = False,
        _days: _Days | None = None,
    ) -> None:
        self.name = name
        self.zone = zone
        self.by_destination = by_destination
        self._zone = ZoneInfo(zone)
        self._days = _days or _Days(entries)
        self._default = {"working": True, "non_working": False}.get(default)
        self._elsewhere: dict[str, Calendar] = {}
        self._begins = self._ends = 0
        self._now: bool | None = None

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Calendar:
        """Read a configuration body with every key present.

        :raises ValueError: something that cannot be read (provisioning refuses that).
        """
        entries = map(CalendarEntry.from_body, body["entries"])
        return cls(body["name"], entries, body["time_zone"], body["default"], body["destination_time"])

    def admits(self, wall_ms: int, when: str = "working") -> bool:
        """Whether what is bound to its ``working``, ``non_working`` or ``any`` times is in force at a moment."""
        if not self._begins <= wall_ms < self._ends:
            self._look_up(wall_ms)
        state = self._now
        if state is None:
            return False
        return when == "any" or state is (when == "working")

    def at_zone(self, zone: str) -> Calendar:
        """The same calendar in the time zone of a called area; itself where that is not asked for or not known."""
        if not self.by_destination or not zone or zone == self.zone:
            return self
        return self._elsewhere.get(zone) or self._in(zone)

    def _in(self, zone: str) -> Calendar:
        """Look a zone up for the first time; what is found, or that nothing is, is remembered."""
        if len(self._elsewhere) >= _MOST_ZONES:
            return self
        found = self
        if known_zone(zone):
            found = Calendar(self.name, (), zone, _days=self._days)
            found._default = self._default
        self._elsewhere[zone] = found
        return found

    def _look_up(self, wall_ms: int) -> None:
        """Find what holds at a moment, and for how long."""
        moment = wall_ms // 1000
        block = wall_ms - wall_ms % _BLOCK
        offset = self._offset(moment)
        steady = offset == self._offset(block // 1000) == self._offset((block + _BLOCK) // 1000 - 1)
        local = datetime.fromtimestamp(moment, UTC) + offset
        second = local.hour * 3600 + local.minute * 60 + local.second
        spans = self._days.spans(local.date())
        self._now = self._state(spans, second)
        if not steady:
            self._begins, self._ends = moment * 1000, moment * 1000 + 1000
            return
        midnight = moment - second
        edges = [midnight + edge for span in spans for edge in (span.start, span.stop)]
        edges += (midnight, midnight + LAST_SECOND + 1)
        self._begins = max(block, *(edge * 1000 for edge in edges if edge <= moment))
        self._ends = min(block + _BLOCK, *(edge * 1000 for edge in edges if edge > moment))

    def _offset(self, moment: int) -> timedelta:
        offset = datetime.fromtimestamp(moment, self._zone).utcoffset()
        assert offset is not None
        return offset

    def _state(self, spans: list[_Span], second: int) -> bool | None:
        for start, stop, working in spans:
            if start <= second < stop:
                return working
        return self._default

    def ever(self, when: str, from_ms: int) -> bool:
        """Whether it can admit at all from a moment on, whatever the clock changes of its zone do."""
        first = datetime.fromtimestamp(from_ms // 1000, self._zone).date()
        seen: set[tuple[_Span, ...]] = set()
        for turn in self._days.turns(first):
            for ahead in range(8):  # from one change of dates to the next every weekday looks alike
                spans = self._days.spans(turn + ahead * _DAY)
                if tuple(spans) in seen:
                    continue
                seen.add(tuple(spans))
                seconds = {0, *(edge for span in spans for edge in (span.start, span.stop) if edge <= LAST_SECOND)}
                states = {self._state(spans, second) for second in seconds}
                if (when != "non_working" and True in states) or (when != "working" and False in states):
                    return True
        return False


def known_zone(name: str) -> bool:
    """Whether there is a time zone of that name."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # not found, a folder, a way out of the data base's folder
        return False
    return True
