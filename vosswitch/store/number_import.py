"""Imports number tables from CSV: all or nothing, millions of rows in little memory.

The file is read once: its rows go, checked, into sorted pieces on disk, which are merged with what the table has and
written in order (`vosswitch.store.generations`).
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from heapq import merge
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING

from vosswitch.numbers.networks import KIND as NETWORKS
from vosswitch.numbers.tablefile import ODD_LIMIT, has_key
from vosswitch.store import number_rows
from vosswitch.store.generations import CannotImport, Filling, remove_leftovers
from vosswitch.store.number_rows import BULK, BadRow, checked_number, checked_value
from vosswitch.store.rate_reading import Report, delimiter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vosswitch.store.database import Database

NUMBERS = (
    "network", "cidr", "number", "prefix", "code", "npanxx", "npa_nxx", "did", "tn", "phone", "phone_number", "e164",
    "caller", "callee",
)  # fmt: skip
"""Headings that are taken for the number."""

VALUES = (
    "value", "lrn", "rn", "routing_number", "name", "area", "area_name", "state", "destination", "remark", "carrier",
    "country", "country_code", "country_iso_code",
)  # fmt: skip
"""Headings that are taken for the value."""

_PIECE = 200_000
_BY_NUMBER = itemgetter(0)
_Row = tuple[str, str, int]
"""Number, value, line of the file; 0 = a row that the table has."""


def import_table(
    database: Database,
    name: str,
    file: str,
    *,
    columns: Mapping[str, str] | None = None,
    who: str = "",
    replace: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    pause: Callable[[float], None] = time.sleep,
) -> Report:
    """Import a CSV file into an existing number table.

    :param columns: headings of the file by ours (``number``, ``value``), where the usual ones do not say it.
    :param replace: the file is the whole table; otherwise it merges by number.
    :param progress: called with steps done and steps in all: every row is read, then written.
    :returns: the report; nothing has changed when it has refused lines.
    :raises CannotImport: unreadable file, missing column, another import is running, the rows changed meanwhile.
    :raises vosswitch.store.number_rows.NoSuchTable: there is no table of that name.
    """
    with database.write() as connection:
        kind = number_rows.prepare(connection, name).kind
    report = Report()
    with ExitStack() as stack:
        pieces, total = _sorted_pieces(file, columns or {}, kind, report, stack, progress)
        if report.refused_count:
            return report
        work = Filling(database, BULK, name, pause)
        with work.running():
            kept = iter(()) if replace else _kept(database, name)
            most = ODD_LIMIT if kind != NETWORKS else sys.maxsize
            rows = _joined(merge(*map(_read_back, pieces), kept, key=_BY_NUMBER), report, most)
            report.total = work.write(("number", "value"), rows, lambda done: progress(total + done, 2 * total))
            _finish(work, report, total, {"replace": replace, "file": Path(file).name}, who)
    if not report.refused:
        remove_leftovers(database, BULK, pause)
    return report


def _finish(work: Filling, report: Report, total: int, told: Mapping[str, object], who: str) -> None:
    """Put what was written in force, unless rows that do not go together were refused meanwhile."""
    if report.refused:
        work.abandon()
        return
    report.imported = total
    report.seq = work.finish({"rows": total, "total": report.total, **told}, who)


def _kept(database: Database, name: str) -> Iterator[_Row]:
    with database.read() as connection:
        for number, value in number_rows.stream(connection, number_rows.find(connection, name)):
            yield number, value, 0


def _joined(rows: Iterator[_Row], report: Report, most: int) -> Iterator[tuple[str, str]]:
    """One row a number: the file's rather than the table's; two of the file are refused, and too many odd ones."""
    number, value, line = "", "", -1
    odd = 0
    for row in rows:
        if line >= 0 and row[0] == number:
            if line and row[2]:
                report.refuse(max(line, row[2]), "number", f'"{number}" stands twice, in line {min(line, row[2])} too')
            continue  # the table's own row comes after the file's
        if line >= 0:
            yield number, value
        number, value, line = row
        if not has_key(number):
            odd += 1
            if odd > most:
                report.refuse(line, "number", f'expected at most {most} {number_rows.ODD}, "{number}" is one more')
    if line >= 0:
        yield number, value


def _sorted_pieces(
    file: str,
    columns: Mapping[str, str],
    kind: str,
    report: Report,
    stack: ExitStack,
    progress: Callable[[int, int], None],
) -> tuple[list[IO[str]], int]:
    """The file's rows in sorted pieces on disk, and how many they are."""
    pieces: list[IO[str]] = []
    count = 0
    try:
        with Path(file).open(encoding="utf-8-sig", newline="") as source:
            size = max(1, Path(file).stat().st_size)
            rows = _rows(source, columns, kind, report)
            while part := list(islice(rows, _PIECE)):
                count += len(part)
                progress(
                    count, max(2 * count, round(2 * count * size / max(1, os.lseek(source.fileno(), 0, os.SEEK_CUR))))
                )
                if not report.refused_count:
                    pieces.append(stack.enter_context(_written(part)))
    except OSError as error:
        raise CannotImport(f"{file}: cannot read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CannotImport(f"{file}: not a CSV file in UTF-8: {error}") from None
    return pieces, count


def _written(part: list[_Row]) -> IO[str]:
    part.sort()
    piece = tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n", prefix="vosswitch-table")  # noqa: SIM115 - the caller's
    piece.writelines(f"{number}\t{line}\t{value}\n" for number, value, line in part)
    return piece


def _read_back(piece: IO[str]) -> Iterator[_Row]:
    piece.seek(0)
    for text in piece:
        number, line, value = text[:-1].split("\t", 2)
        yield number, value, int(line)


def _rows(source: IO[str], columns: Mapping[str, str], kind: str, report: Report) -> Iterator[_Row]:
    head = source.readline(65_536)
    source.seek(0)
    lines = csv.reader(source, delimiter=delimiter(head))
    number_at, value_at = _places(next(lines, []), columns)
    width = max(number_at, value_at) + 1
    for line in lines:
        if not any(line):
            continue
        at = lines.line_num
        if len(line) < width:
            report.refuse(at, "line", f"expected {width} columns, got {len(line)}")
            continue
        try:
            yield checked_number(line[number_at], kind), "" if value_at < 0 else checked_value(line[value_at], kind), at
        except BadRow as error:
            report.refuse(at, error.field, str(error))


def _places(cells: Sequence[str], columns: Mapping[str, str]) -> tuple[int, int]:
    """Where number and value stand; -1 = there is no value."""
    titles = ["_".join(cell.strip().lower().replace("-", " ").split()) for cell in cells]
    return _place(cells, titles, columns.get("number"), NUMBERS, "number"), _value_place(cells, titles, columns)


def _value_place(cells: Sequence[str], titles: list[str], columns: Mapping[str, str]) -> int:
    if "value" not in columns and not any(title in VALUES for title in titles):
        return -1
    return _place(cells, titles, columns.get("value"), VALUES, "value")


def _place(cells: Sequence[str], titles: list[str], wanted: str | None, usual: tuple[str, ...], name: str) -> int:
    if wanted is not None:
        bare = [cell.strip() for cell in cells]
        if wanted in bare:
            return bare.index(wanted)
        raise CannotImport(f"heading: expected a column {wanted!r} for {name}, got {', '.join(bare) or 'nothing'}")
    found = next((title for title in usual if title in titles), None)
    if found is None:
        raise CannotImport(f"heading: expected a column {name}, got {', '.join(cells) or 'nothing'}; see --map")
    return titles.index(found)
