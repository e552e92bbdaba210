"""Counts of attempts per routing gateway on the server's current day."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Tallies:
    """How often each routing gateway was tried today; `day` begins a new count."""

    __slots__ = ("_attempts", "_day")

    def __init__(self) -> None:
        self._day = ""
        self._attempts: Counter[str] = Counter()

    def day(self, today: str) -> None:
        """Say which day it is (``YYYYMMDD``); a new one starts from zero."""
        if today != self._day:
            self._day = today
            self._attempts.clear()

    def attempted(self, gateway: str) -> None:
        """Count one attempt."""
        self._attempts[gateway] += 1

    @property
    def attempts(self) -> Mapping[str, int]:
        """Attempts since midnight at any time, by gateway: it changes as they do."""
        return self._attempts

    def recall(self, day: str, attempts: Mapping[str, int]) -> None:
        """Add what an earlier run has counted on a day; that of another day is over."""
        self._day = self._day or day
        if day == self._day:
            self._attempts.update(attempts)

    def today(self, gateway: str) -> int:
        """Attempts on *gateway* since midnight."""
        return self._attempts.get(gateway, 0)
