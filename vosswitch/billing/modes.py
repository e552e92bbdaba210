"""The built-in billing modes: how the length of a call becomes charged seconds, and those a fee.

Rules (each once per call): raw ms -> whole seconds -> minus free time -> the mode's billed seconds -> connection fee
and minute rate by sections, not below the minimum, and the attempt fee -> tax -> currency -> one rounding
(`vosswitch.model.rating.Terms`).
"""

from __future__ import annotations

from zope.interface import implementer

from vosswitch.hooks.interfaces import IBillingMode
from vosswitch.model.rating import NOTHING, Fee, Terms


@implementer(IBillingMode)
class Increments:
    """First increment, then next increments, each begun one charged whole.

    :param first: seconds; None = the rate's own *first*; *next_* likewise.
    """

    __slots__ = ("_first", "_next", "name")

    def __init__(self, name: str, first: int | None = None, next_: int | None = None) -> None:
        self.name = name
        self._first = first
        self._next = next_

    def increments(self, terms: Terms) -> tuple[int, int]:
        """First and next increment in seconds under *terms*."""
        return (
            terms.first if self._first is None else self._first,
            terms.next if self._next is None else self._next,
        )

    def billed_seconds(self, ms: int, terms: Terms) -> int:
        """The charged seconds of *ms* raw milliseconds."""
        seconds = terms.chargeable(ms)
        if seconds == 0:
            return 0
        first, step = self.increments(terms)
        if seconds <= first:
            return first
        return first - (first - seconds) // step * step

    def fee(self, ms: int, terms: Terms) -> Fee:
        """The price of *ms* raw milliseconds."""
        return terms.fee(self.billed_seconds(ms, terms))

    def funded_until(self, money: int, terms: Terms) -> int | None:
        """The largest raw ms whose fee does not exceed *money* units; None = every length."""
        if money < terms.least:
            return 0
        most = terms.affordable(money)
        if most is None:
            return None
        first, step = self.increments(terms)
        if most < first:
            return terms.longest(0)
        return terms.longest(first + (most - first) // step * step)


class Blocks(Increments):
    """Blocks of the rate's *next* seconds from the first one on; its *first* does not count."""

    __slots__ = ()

    def increments(self, terms: Terms) -> tuple[int, int]:
        """The block length, twice."""
        return terms.next, terms.next


@implementer(IBillingMode)
class Flat:
    """One charge per answered call, the rate's connection fee (or its minimum), whatever the length."""

    __slots__ = ()
    name = "flat"

    def billed_seconds(self, ms: int, terms: Terms) -> int:
        """Whole seconds beyond the free time."""
        return terms.chargeable(ms)

    def fee(self, ms: int, terms: Terms) -> Fee:
        """The connection fee once a second is charged."""
        return terms.flat_fee(terms.chargeable(ms))

    def funded_until(self, money: int, terms: Terms) -> int | None:
        """Every length when the charge is covered, the free time otherwise."""
        if money < terms.least:
            return 0
        return None if terms.flat_fee(1).fee <= money else terms.longest(0)


@implementer(IBillingMode)
class Free:
    """Nothing is charged."""

    __slots__ = ()
    name = "free"

    def billed_seconds(self, ms: int, terms: Terms) -> int:
        """Always 0."""
        return 0

    def fee(self, ms: int, terms: Terms) -> Fee:
        """Always nothing."""
        return NOTHING

    def funded_until(self, money: int, terms: Terms) -> int | None:
        """Every length, unless *money* is negative already."""
        return None if money >= 0 else 0


BUILT_IN = (
    Increments("increment"),
    Increments("per_second", 1, 1),
    Increments("per_minute", 60, 60),
    Blocks("block"),
    Flat(),
    Free(),
)
"""What the switch itself registers."""
