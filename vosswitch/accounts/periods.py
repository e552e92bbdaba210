"""Periods of a gateway: when it may be used, and what it is like then.

A gateway without periods may be used at any time.  One with periods is used only while one of them is in force: the
first that is counts, with the values that it has of its own instead of the gateway's.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.numbers.areas import zone_of
from vosswitch.numbers.dialplan import parse_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

FOREVER = 1 << 62
"""Later than any moment, epoch milliseconds."""

OUT_OF_PERIOD = "none of its periods is in force"

_plan = lru_cache(maxsize=4096)(parse_plan)
_READERS: dict[str, Callable[[Any], Any]] = {"callee_dial_plan": _plan, "caller_dial_plan": _plan}
_BINDING = frozenset({"calendar", "when", "valid_from", "valid_to"})


class Period(NamedTuple):
    """One binding of a gateway.

    :ivar calendar: whose *when* times (``working``, ``non_working``, ``any``) are meant, "" = all times.
    :ivar valid_from: epoch milliseconds; *valid_to* is the first moment after it.
    :ivar gateway: the whole gateway as it is then.
    :ivar place: from 1.
    """

    calendar: str
    when: str
    valid_from: int
    valid_to: int
    gateway: Any
    place: int

    def __str__(self) -> str:
        times = {"any": "all", "non_working": "other"}.get(self.when, self.when)
        return f"period {self.place}, " + (
            f"{times} times of {self.calendar}" if self.calendar else "without a calendar"
        )


def with_periods(gateway: Any, bodies: Iterable[Mapping[str, Any]]) -> Any:
    """The gateway with its ``periods``, read from a configuration body: each holds what it has of its own.

    :raises ValueError: a dial plan that cannot be read (provisioning refuses those).
    """
    periods = []
    for place, body in enumerate(bodies, 1):
        own = {name: _READERS.get(name, _same)(value) for name, value in body.items() if name not in _BINDING}
        periods.append(
            Period(
                body.get("calendar") or "",
                body.get("when", "working"),
                body.get("valid_from") or 0,
                body.get("valid_to") or FOREVER,
                replace(gateway, **own),
                place,
            )
        )
    return replace(gateway, periods=tuple(periods)) if periods else gateway


def _same(value: Any) -> Any:
    return value


def in_force(periods: Iterable[Period], snapshot: Any, wall_ms: int, callee: str = "") -> Period | None:
    """The first period that is in force at a moment.

    :param snapshot: the configuration of the call (`vosswitch.call.snapshot.Snapshot`).
    :param callee: as billed, for calendars in the time zone of the called area; "" = their own zone.
    """
    for period in periods:
        name, when, first, end, _, _ = period
        if not first <= wall_ms < end:
            continue
        if not name:
            return period
        calendar = snapshot.calendars.get(name)
        if calendar is not None:
            if calendar.by_destination and callee:
                calendar = calendar.at_zone(zone_of(snapshot.areas, callee))
            if calendar.admits(wall_ms, when):
                return period
    return None


def as_now(gateway: Any, snapshot: Any, wall_ms: int, callee: str) -> Any:
    """The gateway as it is in the period that is in force (`in_force`); as it stands where there is none."""
    period = in_force(gateway.periods, snapshot, wall_ms, callee)
    return gateway if period is None else period.gateway
