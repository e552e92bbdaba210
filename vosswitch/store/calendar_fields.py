"""Work calendars, as they are provisioned."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from vosswitch.model.calendar import WEEKDAYS, clock_seconds, known_zone
from vosswitch.store import fields
from vosswitch.store.fields import Expected, Refused
from vosswitch.store.inline import table, table_list
from vosswitch.store.table import Field, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vosswitch.store.fields import Deployment

MOST_ENTRIES = 400
_DAYS = {"date", "from", "to", "weekdays"}


def zone(value: Any, _deployment: Deployment) -> str:
    """The name of a time zone."""
    if not isinstance(value, str) or not known_zone(value):
        raise Expected("a time zone such as Europe/Vienna")
    return value


def day(value: Any, _deployment: Deployment) -> str:
    """A date as ``YYYY-MM-DD``."""
    try:
        if isinstance(value, datetime):
            raise TypeError
        found = value if isinstance(value, date) else date.fromisoformat(value)
        if not 1970 < found.year < 9999:
            raise ValueError(value)
    except (TypeError, ValueError):
        raise Expected("a date such as 2026-12-24") from None
    return found.isoformat()


def clock(value: Any, _deployment: Deployment) -> str:
    """A time of day as ``HH:MM:SS``."""
    text = value.strftime("%H:%M:%S") if isinstance(value, time) else value
    try:
        seconds = clock_seconds(text)
    except (AttributeError, ValueError):
        raise Expected("a time of day such as 08:30 or 17:59:59") from None
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def weekdays(value: Any, _deployment: Deployment) -> list[str]:
    """Days of the week, by their first three letters, ranges of them too; in the order of the week."""
    items = [value] if isinstance(value, str) else value
    words = "weekdays such as ['mon', 'tue'] or 'mon-fri'"
    if not isinstance(items, list) or not items:
        raise Expected(words)
    found: set[int] = set()
    for item in items:
        ends = item.lower().split("-") if isinstance(item, str) else []
        if not 1 <= len(ends) <= 2 or any(end not in WEEKDAYS for end in ends):
            raise Expected(words)
        first, last = WEEKDAYS.index(ends[0]), WEEKDAYS.index(ends[-1])
        found.update(number % 7 for number in range(first, last + 1 if last >= first else last + 8))
    return [WEEKDAYS[number] for number in sorted(found)]


_entry = table(
    {
        "date": day,
        "from": day,
        "to": day,
        "weekdays": weekdays,
        "start": clock,
        "end": clock,
        "working": fields.flag,
    }
)


def calendar_entry(value: Any, deployment: Deployment) -> dict[str, Any]:
    """One entry of a calendar: for a date, a range of dates, weekdays, or times alone."""
    found: dict[str, Any] = _entry(value, deployment)
    if found.keys() & _DAYS not in ({"date"}, {"from", "to"}, {"weekdays"}, set()):
        raise Expected("one of date, from and to, or weekdays")
    if "from" in found and found["to"] < found["from"]:
        raise Refused("to: expected a date not before from")
    if not found.keys() & {*_DAYS, "start", "end"}:
        raise Expected("at least one of date, from and to, weekdays, start, end")
    return found


def _entry_warnings(entries: list[dict[str, Any]]) -> Iterable[str]:
    for number, entry in enumerate(entries, 1):
        if "start" in entry and entry.get("start") == entry.get("end"):
            yield f"entry {number}: start and end are the same, so it lasts one second"


CALENDARS = Table(
    "calendars",
    "calendar",
    "name",
    (
        Field("name", fields.name, required=True),
        Field("time_zone", zone, "UTC", help="Of its dates and times, such as Europe/Vienna"),
        Field("destination_time", fields.flag, False, help="The time zone of the called area where that is known"),
        Field(
            "default",
            fields.choice("none", "working", "non_working"),
            "none",
            help="What a moment is that no entry covers",
        ),
        Field(
            "entries",
            table_list(calendar_entry, MOST_ENTRIES, "entries"),
            (),
            help="Times of dates, ranges of dates, weekdays or every day, working or not",
            warn=_entry_warnings,
        ),
    ),
)
