"""The periods of what is booked again and again, in the deployment's time zone; moments are epoch milliseconds."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, tzinfo

NAMED = ("day", "week", "month", "year")
"""Periods of the calendar; besides them there is a number of days: ``30 days``."""

NEVER = "none"
"""What never begins anew."""

MOST_DAYS = 3660
_DAYS = re.compile(r"([1-9][0-9]{0,3}) days?", re.ASCII)
_LAST_YEAR = 9998


def period_text(text: str) -> str:
    """The canonical words of a period.

    :raises ValueError: there is no such period.
    """
    words = " ".join(text.lower().split())
    if words in NAMED:
        return words
    found = _DAYS.fullmatch(words)
    if found is None or int(found[1]) > MOST_DAYS:
        raise ValueError(text)
    return "day" if found[1] == "1" else f"{found[1]} days"


def midnight(day: date, zone: tzinfo) -> int:
    """When a day begins; where the clocks skip midnight, the first moment after it."""
    return int(datetime.combine(day, time(), zone).timestamp()) * 1000


def day_of(at_ms: int, zone: tzinfo) -> date:
    """The day of a moment."""
    return datetime.fromtimestamp(at_ms / 1000, zone).date()


def key(begins_ms: int, zone: tzinfo) -> str:
    """How references name the period that begins then: ``YYYYMMDD``."""
    return f"{day_of(begins_ms, zone):%Y%m%d}"


def end_of(period: str, begins_ms: int, zone: tzinfo) -> int | None:
    """The first moment after the period that begins at *begins_ms*, or within which it lies; None = it has no end."""
    if period == NEVER:
        return None
    day = day_of(begins_ms, zone)
    return midnight(min(_next(period, day), date(_LAST_YEAR, 1, 1)), zone)


def _next(period: str, day: date) -> date:
    match period:
        case "day":
            return day + timedelta(days=1)
        case "week":
            return day + timedelta(days=7 - day.weekday())
        case "month":
            return date(day.year + day.month // 12, day.month % 12 + 1, 1)
        case "year":
            return date(day.year + 1, 1, 1)
    return day + timedelta(days=int(period.split(maxsplit=1)[0]))
