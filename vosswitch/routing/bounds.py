"""Entries of a gateway's prefix list that are more than a prefix: with a priority, or not always in force."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.numbers.areas import zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping


class Bound(NamedTuple):
    """A prefix entry with settings.

    :ivar priority: small goes first among gateways with equally long prefixes.
    :ivar calendar: the work calendar that says when it is in force, "" = always; *when* = working, non_working or any.
    :ivar valid_from: epoch milliseconds from which on it is in force, 0 = always; likewise *valid_to*, before which.
    """

    prefix: str
    priority: int = 0
    calendar: str = ""
    when: str = "working"
    valid_from: int = 0
    valid_to: int = 0

    def in_force(self, at_ms: int, snapshot: Any, callee: str) -> bool:
        """Whether it is in force at a moment; an entry whose calendar is gone is not.

        :param callee: as billed.
        :param snapshot: has ``calendars`` by name, and ``areas`` for those in the time zone of the called area.
        """
        if at_ms < self.valid_from or (self.valid_to and at_ms >= self.valid_to):
            return False
        if not self.calendar:
            return True
        calendar = snapshot.calendars.get(self.calendar) if snapshot is not None else None
        if calendar is None:
            return False
        if calendar.by_destination:
            calendar = calendar.at_zone(zone_of(snapshot.areas, callee))
        return bool(calendar.admits(at_ms, self.when))


def read_prefix(entry: str | Mapping[str, Any]) -> str | Bound:
    """An entry of a configuration body: a text, or a mapping with what is set.

    Gateways and price lists share the texts of equal prefixes.
    """
    if isinstance(entry, str):
        return intern(entry)
    return Bound(**{key: value for key, value in entry.items() if value is not None})
