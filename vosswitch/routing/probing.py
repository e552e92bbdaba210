"""When which gateway is asked by OPTIONS: spread over the period, with jitter, so many at once and no more."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

JITTER = 0.1
"""Share of the period by which a probe comes sooner or later."""


class ProbePlan:
    """The next probe of every gateway that is probed; times are monotonic seconds.

    :param chance: gives numbers from 0 to 1.
    """

    __slots__ = ("_chance", "_order", "_periods", "_serial", "_times")

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._periods: dict[str, float] = {}
        self._times: dict[str, tuple[float, int]] = {}
        self._order: list[tuple[float, int, str]] = []
        self._serial = 0

    def __len__(self) -> int:
        """Gateways that are probed."""
        return len(self._periods)

    def wanted(self, periods: Mapping[str, float], now: float) -> None:
        """Probe these and no others; the first probe of a new one comes somewhere within its period.

        :param periods: seconds by name.
        """
        for name in [name for name in self._periods if name not in periods]:
            del self._periods[name], self._times[name]
        for name, period in periods.items():
            if self._periods.get(name) != period:
                self._periods[name] = period
                self._put(name, now + period * self._chance())
        self._order = [(when, serial, name) for name, (when, serial) in self._times.items()]
        heapify(self._order)

    def soon(self, name: str, now: float, seconds: float = 1.0) -> None:
        """Probe it in *seconds* unless its turn comes sooner."""
        if name in self._periods and self._times[name][0] > now + seconds:
            self._put(name, now + seconds)

    def due(self, now: float, most: int) -> list[str]:
        """Whom to ask now, at most so many; their next turn is fixed."""
        found: list[str] = []
        order = self._order
        while order and order[0][0] <= now and len(found) < most:
            when, serial, name = heappop(order)
            if self._times.get(name) == (when, serial):
                found.append(name)
                self._put(name, now + self._periods[name] * (1 + JITTER * (2 * self._chance() - 1)))
        return found

    def next_at(self, name: str) -> float | None:
        """When a gateway is asked next; None = it is not probed."""
        found = self._times.get(name)
        return None if found is None else found[0]

    def _put(self, name: str, when: float) -> None:
        self._serial += 1
        self._times[name] = when, self._serial
        heappush(self._order, (when, self._serial, name))
