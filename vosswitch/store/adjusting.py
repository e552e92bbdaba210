"""Rates made dearer or cheaper by a percentage: what a sheet would say of them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from vosswitch.billing.extra import read_periods
from vosswitch.model.tiers import read_sections
from vosswitch.store import rates
from vosswitch.store.fields import RATE_LIMIT
from vosswitch.store.generations import CannotImport
from vosswitch.store.rate_reading import UNTIL
from vosswitch.store.sheet_plan import in_force

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vosswitch.store.rate_reading import Row

_EFFECTIVE, _PRICE = rates.COLUMNS.index("effective"), rates.COLUMNS.index("per_minute")
_SECTIONS, _PERIODS = rates.COLUMNS.index("sections"), rates.COLUMNS.index("periods")
_FINEST = Decimal("1E-18")


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What becomes of prices of a minute; connection fees and minima stay.

    :ivar percent: on top; below zero = cheaper.
    :ivar step: prices are rounded half up to multiples of it; None = as exact as rates are.
    :ivar prefixes: ``43*`` = all that begin so, ``43`` = that one; () = all.
    """

    percent: Decimal
    step: Decimal | None = None
    prefixes: Sequence[str] = ()

    def meets(self, prefix: str) -> bool:
        """Whether a prefix is concerned."""
        return not self.prefixes or any(
            prefix.startswith(one[:-1]) if one.endswith("*") else prefix == one for one in self.prefixes
        )

    def price(self, text: str) -> str:
        """A price afterwards.

        :raises CannotImport: it is more than a rate may be.
        """
        exact = Decimal(text) * (100 + self.percent) / 100
        step = self.step or _FINEST
        found = (exact / step).to_integral_value(ROUND_HALF_UP) * step
        if found > RATE_LIMIT:
            raise CannotImport(f"per_minute: expected a decimal not beyond {RATE_LIMIT}, got {found}")
        return f"{found.normalize():f}"

    def row(self, row: Row, effective: int) -> Row:
        """A rate afterwards, in force from then on."""
        cells = list(row)
        cells[_EFFECTIVE] = effective
        cells[_PRICE] = self.price(row[_PRICE])
        if row[_SECTIONS]:
            sections = read_sections(row[_SECTIONS])
            cells[_SECTIONS] = ",".join(f"{begin}:{self.price(price)}" for begin, price in sections)
        if row[_PERIODS]:
            cells[_PERIODS] = ",".join(
                ":".join(filter(None, (calendar, self.price(price), fee)))
                for calendar, price, fee in read_periods(row[_PERIODS])
            )
        return tuple(cells)


def adjusted(rows: Iterable[Row], how: Adjustment, now: int, effective: int = 0) -> Iterator[Row]:
    """The rates of a sheet that says so: those in force then, and those that are in force after it, also again.

    :param rows: by prefix and effective.
    :param effective: epoch ms; 0 = from now on.
    """
    at = effective or now
    for prefix, some in groupby(rows, itemgetter(0)):
        if not how.meets(prefix):
            continue
        found = list(some)
        current = in_force(found, at)
        if current is not None:
            yield how.row(current, effective)
        if len(found) > 1 or current is None:
            yield from (how.row(row, moment) for moment, row in _coming(found, at, current))


def _coming(rows: Sequence[Row], at: int, current: Row | None) -> Iterator[tuple[int, Row]]:
    """Behind a moment: when which rate of a prefix comes into force, for the first time or again.

    :param current: the one in force at that moment.
    """
    moments = {moment for row in rows for moment in (row[_EFFECTIVE], row[UNTIL]) if moment is not None}
    for moment in sorted(moments):
        if moment > at:
            before, current = current, in_force(rows, moment)
            if current is not None and current is not before:
                yield moment, current
