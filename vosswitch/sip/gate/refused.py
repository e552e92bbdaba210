"""What was turned away without a transaction a moment ago.

Its sender may have sent it again before it heard the refusal.  Served like a new one, that repetition would be a call
that its caller has given up: answered, billed, and with nobody there to end it.
"""

from __future__ import annotations

SECONDS = 8.0
"""At least so long it is known: longer than a repetition waits in any queue."""
MOST = 50_000
"""Then the older half is forgotten sooner."""


class Refused:
    """Keys of transactions, in two generations; false when there are none."""

    __slots__ = ("_former", "_present", "_since")

    def __init__(self) -> None:
        self._present: set[int] = set()
        self._former: set[int] = set()
        self._since = 0.0

    def __bool__(self) -> bool:
        return bool(self._present or self._former)

    def note(self, key: str, now: float) -> None:
        """One was refused."""
        self._age(now)
        if len(self._present) >= MOST:
            self._turn(now)
        self._present.add(hash(key))  # a few bytes however long a peer makes it

    def has(self, key: str, now: float) -> bool:
        """Whether that one was."""
        self._age(now)
        found = hash(key)
        return found in self._present or found in self._former

    def _age(self, now: float) -> None:
        if now - self._since >= 2 * SECONDS:
            self._present = set()
            self._turn(now)
        elif now - self._since >= SECONDS:
            self._turn(now)

    def _turn(self, now: float) -> None:
        self._former, self._present, self._since = self._present, set(), now
