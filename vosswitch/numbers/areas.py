"""Area data: the country or area of a number and its time zone, from a number table of kind ``area``.

A value is the area's name, with the name of its time zone behind a ``|`` where that is known: ``Vienna|Europe/Vienna``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vosswitch.numbers.table import NumberTable


def area_of(table: NumberTable | None, number: str) -> str:
    """The name of the area of a number; "" when it is not known."""
    found = None if table is None else table.longest(number)
    return "" if found is None else found[1].partition("|")[0].strip()


def zone_of(table: NumberTable | None, number: str) -> str:
    """The name of the time zone of that area; "" when it is not known."""
    found = None if table is None else table.longest(number)
    return "" if found is None else found[1].partition("|")[2].strip()
