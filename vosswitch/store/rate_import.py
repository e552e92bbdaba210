"""Imports price lists: all or nothing, and without keeping other writers waiting.

See `vosswitch.store.generations`.
"""

from __future__ import annotations

import csv
import gc
import time
from dataclasses import dataclass, field
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from vosswitch.params.system import Parameters
from vosswitch.store import changes, generations, rates
from vosswitch.store.document import explain
from vosswitch.store.fields import Deployment, Expected
from vosswitch.store.generations import CannotImport
from vosswitch.store.provision_schema import RATE
from vosswitch.store.rate_periods import check_calendars
from vosswitch.store.schema import changes as change_log
from vosswitch.store.schema import parameter, rate, rate_group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from vosswitch.store.database import Database

ALIASES = {
    "rate": "per_minute", "price": "per_minute", "fee": "per_minute", "rate_per_minute": "per_minute",
    "area_prefix": "prefix", "code": "prefix", "destination": "name", "area_name": "name", "description": "name",
    "first_increment": "first", "increment_first": "first", "next_increment": "next", "increment_next": "next",
    "connection_fee": "connect_fee", "setup_fee": "connect_fee", "tax_percent": "tax", "call_level": "level",
    "effective_date": "effective", "effective_from": "effective", "valid_from": "effective",
    "effective_to": "until", "effective_until": "until", "valid_to": "until", "valid_until": "until",
    "end_date": "until", "expiry_date": "until", "call_fee": "attempt_fee", "attempt_charge": "attempt_fee",
    "minimum_fee": "minimum", "minimum_charge": "minimum", "min_charge": "minimum", "tiers": "sections",
}  # fmt: skip
"""Other headings that are taken for ours, in lower case with ``_`` for blanks."""

BULK = generations.Bulk(rate_group, rate, "group_id", "prefix", "rates_seq", "rate_groups", "rates")

_DAY_MS = 86_400_000
_REFUSED_KEPT = 1000

_Row = tuple[Any, ...]
_BY_KEY = itemgetter(0, 1)
_UNTIL, _PERIODS = rates.COLUMNS.index("until"), rates.COLUMNS.index("periods")


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that cannot be imported.

    :ivar line: its number in the file, the heading is line 1.
    :ivar problem: what was expected, and what stands there.
    """

    line: int
    field: str
    problem: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.field}: {self.problem}"


@dataclass(slots=True)
class Report:
    """How an import went.

    :ivar refused: the first 1000 lines that do not fit; nothing was imported when there are any.
    :ivar refused_count: all of them.
    :ivar imported: rows of the file that are in force now.
    :ivar total: rows of the group that are in force now.
    :ivar seq: the change's number; None when nothing was imported.
    """

    refused: list[RefusedLine] = field(default_factory=list)
    refused_count: int = 0
    imported: int = 0
    total: int = 0
    seq: int | None = None

    def refuse(self, line: int, name: str, problem: str) -> None:
        """Count a line, and keep it when there are not too many."""
        self.refused_count += 1
        if len(self.refused) < _REFUSED_KEPT:
            self.refused.append(RefusedLine(line, name, problem))


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

    :param source: path of a CSV file (comma, semicolon or tabulator), or its rows with the heading first.
    :param replace: the list replaces the group's rates; otherwise they merge by (prefix, effective).
    :param progress: called with rows written and rows in all.
    :param pause: gives other writers their turn.
    :returns: the report; nothing has changed when it has refused lines.
    :raises CannotImport: unreadable file, missing column, another import of the group is running, or its rates were
        changed meanwhile.
    :raises vosswitch.store.rates.NoSuchGroup: there is no group of that name.
    """
    report = Report()
    with database.read() as connection:
        rates.find_group(connection, group)
    rows = _read(source, deployment, report)
    if report.refused_count:
        return report
    with database.read() as connection:
        check_calendars(connection, {row[_PERIODS] for row in rows})
    work = generations.Filling(database, BULK, group, pause)
    gc.freeze()  # a full collection over a million rows would stretch a transaction by 100 ms
    try:
        work.begin()
        with database.read() as connection:
            found = rates.find_group(connection, group)
            was = {"total": rates.count(connection, found)}
        kept = [] if replace else _kept(database, found, {row[:2] for row in rows})
        report.imported, report.total = len(rows), len(rows) + len(kept)
        total = report.total
        work.write(rates.COLUMNS, merge(rows, kept, key=_BY_KEY), lambda done: progress(done, total))
        name = Path(source).name if isinstance(source, str) else ""
        report.seq = work.finish({"rows": len(rows), "total": total, "replace": replace, "file": name}, who, was)
    except BaseException:
        work.abandon()
        raise
    finally:
        gc.unfreeze()
    remove_leftovers(database, pause=pause)
    return report


def read_list(source: str, deployment: Deployment) -> list[tuple[Any, ...]]:
    """The rows of a CSV file in the order of `rates.COLUMNS`, sorted, as `import_rates` would write them.

    :raises CannotImport: it cannot be read, or a line does not fit.
    """
    report = Report()
    rows = _read(source, deployment, report)
    if report.refused:
        raise CannotImport(f"{source}: {report.refused[0]}" + _others(report.refused_count - 1))
    return rows


def _others(count: int) -> str:
    return f", and {count} more lines" if count else ""


def remove_leftovers(database: Database, *, pause: Callable[[float], None] = time.sleep) -> int:
    """Delete rates that are not in force; their number.

    Former generations stay for VS_RATE_HISTORY_DAYS after they were replaced.
    """
    with database.read() as connection:
        remembered = _remembered(connection)
    return generations.remove_leftovers(database, BULK, pause, remembered)


def _remembered(connection: Connection) -> set[tuple[int, int]]:
    """The generations that were replaced not long ago, for the configuration as it was then."""
    set_ = connection.scalar(select(parameter.c.value).where(parameter.c.name == "VS_RATE_HISTORY_DAYS"))
    days = int(set_) if set_ is not None else int(Parameters()["VS_RATE_HISTORY_DAYS"])
    since = changes.now_ms() - days * _DAY_MS
    query = select(rate_group.c.id, change_log.c.before).join(change_log, change_log.c.key == rate_group.c.name)
    query = query.where(change_log.c.table == "rate_group", change_log.c.at > since)
    rows = connection.execute(query).all()
    return {(row.id, row.before["generation"]) for row in rows if row.before and "generation" in row.before}


def _kept(database: Database, group: rates.Group, replaced: set[_Row]) -> list[_Row]:
    """The rows in force that *replaced*, pairs of prefix and effective, does not name."""
    share: dict[Any, Any] = {}
    with database.read() as connection:
        return [
            tuple([share.setdefault(value, value) for value in row])
            for row in rates.raw_rows(connection, group)
            if (row.prefix, row.effective) not in replaced
        ]


def _read(source: str | Iterable[Sequence[str]], deployment: Deployment, report: Report) -> list[_Row]:
    if not isinstance(source, str):
        return _checked(iter(source), deployment, report)
    try:
        with Path(source).open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            return _checked(csv.reader(file, delimiter=delimiter(head)), deployment, report)
    except OSError as error:
        raise CannotImport(f"{source}: cannot read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CannotImport(f"{source}: not a CSV file in UTF-8: {error}") from None


def delimiter(head: str) -> str:
    """What separates the cells of a CSV file with that first line: comma, semicolon or tabulator."""
    return max(",;\t", key=head.count)


def _checked(lines: Iterator[Sequence[str]], deployment: Deployment, report: Report) -> list[_Row]:
    places = _heading(next(lines, []))
    readers = [_Column(name, deployment) for name in rates.COLUMNS]
    order = [places.get(name) for name in rates.COLUMNS]
    rows: list[_Row] = []
    seen: set[tuple[str, int]] = set()
    width = max(places.values()) + 1
    for number, line in enumerate(lines, 2):
        if not any(line):
            continue
        if len(line) < width:
            report.refuse(number, "line", f"expected {width} columns, got {len(line)}")
            continue
        row = _row(line, order, readers, number, report)
        if row is None:
            continue
        if row[_UNTIL] is not None and row[_UNTIL] <= row[1]:
            report.refuse(number, "until", "expected a moment after effective")
            continue
        if row[:2] in seen:
            report.refuse(number, "prefix", f'"{row[0]}" stands twice with the same effective')
            continue
        seen.add((row[0], row[1]))
        rows.append(row)
    rows.sort(key=_BY_KEY)
    return rows


def _row(
    line: Sequence[str], order: list[int | None], readers: list[_Column], number: int, report: Report
) -> _Row | None:
    try:
        return tuple(
            [reader.default if at is None else reader[line[at]] for at, reader in zip(order, readers, strict=True)]
        )
    except _Wrong as error:
        report.refuse(number, error.name, error.problem)
        return None


class _Wrong(ValueError):
    def __init__(self, name: str, problem: str) -> None:
        super().__init__(problem)
        self.name, self.problem = name, problem


class _Column(dict[str, Any]):
    """Reads one column's texts; equal texts are read once and shared."""

    __slots__ = ("_deployment", "_field", "default")

    def __init__(self, name: str, deployment: Deployment) -> None:
        found = RATE.field(name)
        assert found is not None
        self._field, self._deployment, self.default = found, deployment, found.default

    def __missing__(self, text: str) -> Any:
        bare = text.strip()
        value = self.default
        if bare or self._field.required:
            try:
                value = self._field.read(bare, self._deployment)
            except Expected as error:
                raise _Wrong(self._field.name, explain(error, bare)) from None
        if self._field.name != "prefix":
            self[text] = value
        return value


def _heading(cells: Sequence[str]) -> dict[str, int]:
    """Our column names to places."""
    places: dict[str, int] = {}
    for place, cell in enumerate(cells):
        name = "_".join(cell.strip().lower().replace("-", " ").split())
        name = ALIASES.get(name, name)
        if name in rates.COLUMNS:
            if name in places:
                raise CannotImport(f"heading: two columns for {name}")
            places[name] = place
    for name in ("prefix", "per_minute"):
        if name not in places:
            raise CannotImport(f"heading: expected a column {name}, got {', '.join(cells) or 'nothing'}")
    return places
