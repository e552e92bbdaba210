"""What few rates have beside a price: an end, an attempt fee, a minimum, sections, prices of certain times."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from vosswitch.numbers.areas import zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.billing.rates import Rate
    from vosswitch.model.calendar import Calendar
    from vosswitch.numbers.table import NumberTable

MOST_PERIODS = 8


class Extra(NamedTuple):
    """The further terms of a rate.

    :ivar until_ms: epoch ms from which on it is not in force any more, None = never.
    :ivar attempt_fee: of every call that is placed, plain decimal of currency; likewise *minimum*, the least that a
        charged call costs.
    :ivar sections: tiers by charged length, see `vosswitch.model.tiers.read_sections`.
    :ivar periods: prices of certain times, see `read_periods`.
    """

    until_ms: int | None = None
    attempt_fee: str = "0"
    minimum: str = "0"
    sections: str = ""
    periods: str = ""

    def holds(self, at_ms: int) -> bool:
        """Whether it has not ended at a moment."""
        return self.until_ms is None or at_ms < self.until_ms


class RatePeriod(NamedTuple):
    """The price of the working times of a calendar; *connect_fee* "" = that of the rate."""

    calendar: str
    per_minute: str
    connect_fee: str


@lru_cache(maxsize=4096)
def read_periods(text: str) -> tuple[RatePeriod, ...]:
    """Prices of certain times as text: ``night:0.2,weekend:0.3:0.05``, CALENDAR:PER_MINUTE[:CONNECT_FEE].

    :raises ValueError: says what was expected; amounts are not looked at.
    """
    found = []
    for part in text.split(",") if text.strip() else ():
        pieces = [piece.strip() for piece in part.split(":")]
        if not 2 <= len(pieces) <= 3 or not all(pieces):
            raise ValueError(f"periods: expected CALENDAR:PER_MINUTE[:CONNECT_FEE], got {part.strip()!r}")
        found.append(RatePeriod(pieces[0], pieces[1], pieces[2] if len(pieces) == 3 else ""))
    if len(found) > MOST_PERIODS:
        raise ValueError(f"periods: expected at most {MOST_PERIODS}, got {len(found)}")
    return tuple(found)


def period_at(
    periods: str, calendars: Mapping[str, Calendar], areas: NumberTable | None, at_ms: int, callee: str
) -> RatePeriod | None:
    """The first of a rate's periods whose calendar admits a moment.

    :param areas: for calendars in the time zone of the called area.
    """
    for period in read_periods(periods):
        calendar = calendars.get(period.calendar)
        if calendar is not None:
            if calendar.by_destination and callee:
                calendar = calendar.at_zone(zone_of(areas, callee))
            if calendar.admits(at_ms):
                return period
    return None


def at_prices_of(rate: Rate, period: RatePeriod) -> Rate:
    """The rate as it is in one of its periods."""
    return rate._replace(per_minute=period.per_minute, connect_fee=period.connect_fee or rate.connect_fee)
