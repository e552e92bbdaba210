"""Price lists as they are written: lines of texts made checked rows in the order of `vosswitch.store.rates.COLUMNS`."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from vosswitch.store import rates
from vosswitch.store.document import explain
from vosswitch.store.fields import Deployment, Expected
from vosswitch.store.generations import CannotImport
from vosswitch.store.provision_schema import RATE
from vosswitch.store.workbook import BadWorkbook, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

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

_REFUSED_KEPT = 1000

Row = tuple[Any, ...]
BY_KEY = itemgetter(0, 1)
UNTIL, PERIODS = rates.COLUMNS.index("until"), rates.COLUMNS.index("periods")
ODD_LIMIT = 10_000
"""Prefixes that are not of 0 to 16 digits: what a compiled list takes of them."""

_FORMULA = re.compile(r"'+[=+\-@\t\r]")
_KEPT = 200_000
_LONGEST_HEAD = 65_536


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


def read(source: str | Iterable[Sequence[str]], deployment: Deployment, report: Report) -> list[Row]:
    """The rows of a price list with our headings, by prefix and effective; lines that do not fit go into *report*.

    :param source: path of a CSV or XLSX file, or its rows with the heading first.
    :raises CannotImport: it cannot be read, or columns are missing.
    """
    if isinstance(source, str):
        return _checked(lines_of(source), deployment, report)
    return _checked(enumerate(source, 1), deployment, report)


def lines_of(
    path: str, sheet: str = "", encoding: str = "utf-8-sig", head: Callable[[IO[str]], str] | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The lines of a CSV or XLSX file with their numbers.

    :param sheet: of a workbook: name or number.
    :param head: finds the line of a CSV file, if not the first, that tells what separates its cells.
    :raises CannotImport: it cannot be read.
    """
    try:
        if is_workbook(path):
            yield from _even(rows_of(path, sheet))
        else:
            yield from _csv_lines(path, encoding, head)
    except OSError as error:
        raise CannotImport(f"{path}: cannot read: {error.strerror}") from None
    except BadWorkbook as error:
        raise CannotImport(f"{path}: {error}") from None
    except (UnicodeError, csv.Error) as error:
        name = "UTF-8" if encoding == "utf-8-sig" else encoding
        raise CannotImport(f"{path}: not a CSV file in {name}: {error}") from None


def is_workbook(path: str) -> bool:
    """Whether a file is an XLSX workbook, by its beginning: names of files that vendors send say little."""
    with Path(path).open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _even(rows: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """A workbook's rows end with their last cell; each as wide as the widest before it."""
    width = 0
    for number, row in rows:
        width = max(width, len(row))
        yield number, row if len(row) == width else [*row, *[""] * (width - len(row))]


def _csv_lines(path: str, encoding: str, head: Callable[[IO[str]], str] | None) -> Iterator[tuple[int, list[str]]]:
    with Path(path).open(encoding=encoding, newline="") as file:
        line = file.readline(_LONGEST_HEAD) if head is None else head(file)
        file.seek(0)
        yield from enumerate(csv.reader(file, delimiter=delimiter(line)), 1)


def delimiter(head: str) -> str:
    """What separates the cells of a CSV file with that first line: comma, semicolon or tabulator."""
    return max(",;\t", key=head.count)


def _checked(lines: Iterable[tuple[int, Sequence[str]]], deployment: Deployment, report: Report) -> list[Row]:
    numbered = iter(lines)
    places = _heading(next(numbered, (0, []))[1])
    readers = [Column(name, deployment) for name in rates.COLUMNS]
    order = [places.get(name) for name in rates.COLUMNS]
    rows: list[Row] = []
    seen: set[tuple[str, int]] = set()
    width = max(places.values()) + 1
    for number, line in numbered:
        if not any(line):
            continue
        if len(line) < width:
            report.refuse(number, "line", f"expected {width} columns, got {len(line)}")
            continue
        row = _row(line, order, readers, number, report)
        if row is None:
            continue
        if row[UNTIL] is not None and row[UNTIL] <= row[1]:
            report.refuse(number, "until", "expected a moment after effective")
            continue
        if row[:2] in seen:
            report.refuse(number, "prefix", f'"{row[0]}" stands twice with the same effective')
            continue
        seen.add((row[0], row[1]))
        rows.append(row)
    rows.sort(key=BY_KEY)
    return rows


def _row(
    line: Sequence[str], order: list[int | None], readers: list[Column], number: int, report: Report
) -> Row | None:
    try:
        return tuple(
            [reader.default if at is None else reader[line[at]] for at, reader in zip(order, readers, strict=True)]
        )
    except Wrong as error:
        report.refuse(number, error.name, error.problem)
        return None


class Wrong(ValueError):
    """A cell that does not fit.

    :ivar name: of the field.
    :ivar problem: what was expected, and what stands there.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(problem)
        self.name, self.problem = name, problem


class Column(dict[str, Any]):
    """Reads one column's texts; equal texts are read once and shared.

    :ivar default: of empty cells, and of a column that is not there.
    :param clean: makes a text what the field's reader takes.
    """

    __slots__ = ("_clean", "_deployment", "_field", "default")

    def __init__(self, name: str, deployment: Deployment, clean: Callable[[str], str] = str.strip) -> None:
        found = RATE.field(name)
        assert found is not None
        self._field, self._deployment, self.default = found, deployment, found.default
        self._clean = clean

    def __missing__(self, text: str) -> Any:
        bare = self._clean(text)
        if _FORMULA.match(bare):
            bare = bare[1:]
        value = self.default
        if bare or self._field.required:
            value = self.read(bare)
        if self._field.name != "prefix" and len(self) < _KEPT:
            self[text] = value
        return value

    def read(self, bare: str) -> Any:
        """The value of a text.

        :raises Wrong: it does not fit.
        """
        try:
            return self._field.read(bare, self._deployment)
        except Expected as error:
            raise Wrong(self._field.name, explain(error, bare[:60])) from None


def harmless_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula; `Column` reads it as it was."""
    return f"'{text}" if text and (text[0] in "=+-@\t\r" or _FORMULA.match(text)) else text


def odd(prefix: str) -> bool:
    """Whether a prefix is none of up to 16 digits."""
    return len(prefix) > 16 or not ((prefix.isdecimal() and prefix.isascii()) or not prefix)


def check_odd(rows: Iterable[Row]) -> Iterator[Row]:
    """The same rows.

    :raises CannotImport: too many of them are odd.
    """
    count = 0
    for row in rows:
        if odd(row[0]):
            count += 1
            if count > ODD_LIMIT:
                raise CannotImport(
                    f'prefix: expected at most {ODD_LIMIT} that are not of up to 16 digits, "{row[0]}" is one more'
                )
        yield row


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
