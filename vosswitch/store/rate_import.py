"""Imports price lists: all or nothing, and without keeping other writers waiting.

See `vosswitch.store.generations`.
"""

from __future__ import annotations

import gc
import time
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vosswitch.store import generations, rates
from vosswitch.store.generations import CannotImport
from vosswitch.store.rate_leftovers import BULK, remove_leftovers
from vosswitch.store.rate_periods import check_calendars
from vosswitch.store.rate_reading import BY_KEY, PERIODS, Report, Row, check_odd, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from vosswitch.store.database import Database
    from vosswitch.store.fields import Deployment


def import_rates(
    database: Database,
    group: str,
    source: str | Iterable[Sequence[str]],
    deployment: Deployment,
    *,
    who: str = "",
    replace: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    pause: Callable[[float], None] = time.sleep,
) -> Report:
    """Import a price list into an existing rate group.

    :param source: path of a CSV (comma, semicolon or tabulator) or XLSX file, or its rows with the heading first.
    :param replace: the list replaces the group's rates; otherwise they merge by (prefix, effective).
    :param progress: called with rows written and rows in all.
    :param pause: gives other writers their turn.
    :returns: the report; nothing has changed when it has refused lines.
    :raises CannotImport: unreadable file, missing column, another import of the group is running, or its rates were
        changed meanwhile.
    :raises vosswitch.store.rates.NoSuchGroup: there is no group of that name.
    """
    report = Report()
    rows = _read(database, group, source, deployment, report)
    if report.refused_count:
        return report
    name = Path(source).name if isinstance(source, str) else ""
    work = generations.Filling(database, BULK, group, pause)
    gc.freeze()  # a full collection over a million rows would stretch a transaction by 100 ms
    try:
        with work.running():
            _fill(work, database, group, rows, report, progress, {"replace": replace, "file": name, "who": who})
    finally:
        gc.unfreeze()
    remove_leftovers(database, pause=pause)
    return report


def _read(
    database: Database, group: str, source: str | Iterable[Sequence[str]], deployment: Deployment, report: Report
) -> list[Row]:
    """The rows of the list; those that are refused are in the report."""
    with database.read() as connection:
        rates.find_group(connection, group)
    rows = read(source, deployment, report)
    if not report.refused_count:
        with database.read() as connection:
            check_calendars(connection, {row[PERIODS] for row in rows})
    return rows


def _fill(
    work: generations.Filling,
    database: Database,
    group: str,
    rows: list[Row],
    report: Report,
    progress: Callable[[int, int], None],
    told: Mapping[str, Any],
) -> None:
    """Write the new generation and put it in force.

    :param told: ``replace``, ``file`` and ``who``, as the log of changes has them.
    """
    with database.read() as connection:
        found = rates.find_group(connection, group)
        was = {"total": rates.count(connection, found)}
    kept = [] if told["replace"] else _kept(database, found, {row[:2] for row in rows})
    report.imported, report.total = len(rows), len(rows) + len(kept)
    total = report.total
    work.write(rates.COLUMNS, check_odd(merge(rows, kept, key=BY_KEY)), lambda done: progress(done, total))
    now = {"rows": len(rows), "total": total, "replace": told["replace"], "file": told["file"]}
    report.seq = work.finish(now, told["who"], was)


def read_list(source: str, deployment: Deployment) -> list[tuple[Any, ...]]:
    """The rows of a CSV or XLSX file in the order of `rates.COLUMNS`, sorted, as `import_rates` would write them.

    :raises CannotImport: it cannot be read, or a line does not fit.
    """
    report = Report()
    rows = read(source, deployment, report)
    if report.refused:
        raise CannotImport(f"{source}: {report.refused[0]}" + _others(report.refused_count - 1))
    return rows


def _others(count: int) -> str:
    return f", and {count} more lines" if count else ""


def _kept(database: Database, group: rates.Group, replaced: set[Row]) -> list[Row]:
    """The rows in force that *replaced*, pairs of prefix and effective, does not name."""
    share: dict[Any, Any] = {}
    with database.read() as connection:
        return [
            tuple([share.setdefault(value, value) for value in row])
            for row in rates.raw_rows(connection, group)
            if (row.prefix, row.effective) not in replaced
        ]
