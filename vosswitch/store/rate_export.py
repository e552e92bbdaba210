"""Price lists written as files that an import reads as the same: CSV and XLSX."""

from __future__ import annotations

import csv
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from vosswitch.store import rates
from vosswitch.store.rate_reading import Row, harmless_cell
from vosswitch.store.sheet_plan import in_force
from vosswitch.store.workbook_writing import write_workbook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vosswitch.store.database import Database

_MOMENTS = tuple(rates.COLUMNS.index(name) for name in ("effective", "until"))
_TEXTS = tuple(rates.COLUMNS.index(name) for name in ("prefix", "name", "level", "sections", "periods"))
_NUMBERS = frozenset(
    rates.COLUMNS.index(name)
    for name in ("per_minute", "first", "next", "connect_fee", "tax", "attempt_fee", "minimum")
)
WORKBOOK = ".xlsx"


def stored(database: Database, group: str, at: int | None = None) -> Iterator[Row]:
    """The rates of a group, sorted.

    :param at: epoch ms: only those in force then; None = all, former ones and those to come.
    :raises vosswitch.store.rates.NoSuchGroup: there is no group of that name.
    """
    with database.read() as connection:
        found = rates.raw_rows(connection, rates.find_group(connection, group))
        rows = (tuple(row) for row in found)
        yield from rows if at is None else held(rows, at)


def held(rows: Iterable[Row], at: int) -> Iterator[Row]:
    """Of each prefix the rate in force then.

    :param rows: sorted.
    """
    some: list[Row] = []
    for row in rows:
        if some and some[0][0] != row[0]:
            yield from filter(None, (in_force(some, at),))
            some = []
        some.append(row)
    yield from filter(None, (in_force(some, at),))


def always(rows: Iterable[Row], at: int) -> Iterator[Row]:
    """The rates in force then, as if they had always been and would always be."""
    for row in held(rows, at):
        cells = list(row)
        for place in _MOMENTS:
            cells[place] = 0 if place == _MOMENTS[0] else None
        yield tuple(cells)


def write(rows: Iterable[Row], path: str) -> int:
    """Write a file, XLSX if its name ends so; it appears complete or not at all.  How many rates it has.

    :raises OSError: the disk.
    """
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if target.suffix.lower() == WORKBOOK:
            count = write_workbook(str(part), rates.COLUMNS, map(_cells, rows), _NUMBERS)
        else:
            with part.open("x", encoding="utf-8", newline="") as file:
                count = write_csv(rows, file)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return count


def write_csv(rows: Iterable[Row], file: IO[str]) -> int:
    """Write rates as CSV; how many."""
    out = csv.writer(file, lineterminator="\n")
    out.writerow(rates.COLUMNS)
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - counted
        out.writerow(_cells(row))
    return count


def _cells(row: Row) -> list[Any]:
    cells = list(row)
    for place in _MOMENTS:
        cells[place] = moment_cell(cells[place])
    for place in _TEXTS:
        if cells[place]:
            cells[place] = harmless_cell(cells[place])
    return cells


def moment_cell(at: int | None) -> str:
    """ISO 8601 in UTC; "" = always, or never."""
    if not at:
        return ""
    text = f"{datetime.fromtimestamp(at // 1000, UTC):%Y-%m-%dT%H:%M:%S}"
    return f"{text}.{at % 1000:03d}Z" if at % 1000 else f"{text}Z"
