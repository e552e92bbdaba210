"""Reads XLSX workbooks of strangers: a stream of rows of texts, bounded in memory whatever the file holds.

ECMA-376 part 1, sections 18.2 to 18.8 and 22.9.2.19.  Formulas are not evaluated: a cell has the value that was stored
with it.  Numbers have the 15 significant digits that spreadsheets work with: a stored ``1.2300000000000001E-2`` is
0.0123.  Cells that are shown as dates are ISO 8601 texts.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections import deque
from datetime import datetime, timedelta
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_ROWS = 1_048_576
MOST_COLUMNS = 256
LONGEST_CELL = 32_767
MOST_TEXT = 64_000_000
"""Characters of all shared texts together."""
MOST_TEXTS = 4_000_000
MOST_BYTES = 4 << 30
"""Of one unpacked part; it is read as a stream, so this bounds the time."""
_LONGEST_TOKEN = 1 << 20
_CHUNK = 1 << 16
_MOST_STYLES = 65_536
_DATES_KEPT = 10_000

_DIGITS = re.compile(r"[0-9]{1,32}|[0-9]{1,15}\.[0-9]{1,18}", re.ASCII)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_QUOTED = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.')
_BUILT_IN_DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_FIRST_1900, _FIRST_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - a sheet has no zone
_LAST_DAY = 2_958_465


class BadWorkbook(ValueError):
    """A file that cannot be read as a workbook; the text is one line."""


class DateText(str):
    """A cell that the workbook shows as a date, in ISO 8601."""

    __slots__ = ()


def rows_of(path: str, sheet: str = "") -> Iterator[tuple[int, list[str]]]:
    """The rows that have cells, with their numbers from 1.

    :param sheet: its name or number; "" = the first that is not hidden.
    :raises BadWorkbook: it cannot be read, or is larger than what is taken.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield from _rows(archive, sheet)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadWorkbook(f"not a readable XLSX file: {error}") from None


def _rows(archive: zipfile.ZipFile, wanted: str) -> Iterator[tuple[int, list[str]]]:
    book = _Book()
    _parse(archive, "xl/workbook.xml", book.start)
    part = _part(archive, book.sheet(wanted))
    texts = _Texts()
    if "xl/sharedStrings.xml" in archive.NameToInfo:
        _parse(archive, "xl/sharedStrings.xml", texts.start, texts.end, texts.bind)
    styles = _Styles()
    if "xl/styles.xml" in archive.NameToInfo:
        _parse(archive, "xl/styles.xml", styles.start, styles.end)
    cells = _Cells(texts.found, styles.dates(), _FIRST_1904 if book.since_1904 else _FIRST_1900)
    for _ in _events(archive, part, cells.start, cells.end, cells.bind):
        while cells.rows:
            yield cells.rows.popleft()


def _part(archive: zipfile.ZipFile, relation: str) -> str:
    """The sheet's name in the archive."""
    found: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == "Relationship" and len(found) < _MOST_STYLES:
            found[attributes.get("Id", "")] = attributes.get("Target", "")

    _parse(archive, "xl/_rels/workbook.xml.rels", start)
    target = found.get(relation, "")
    part = target[1:] if target.startswith("/") else f"xl/{target}"
    if part not in archive.NameToInfo:
        raise BadWorkbook("not a readable XLSX file: a sheet is missing")
    return part


def _parse(
    archive: zipfile.ZipFile,
    part: str,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    bind: Callable[[Any], None] | None = None,
) -> None:
    for _ in _events(archive, part, start, end, bind):
        pass


def _events(
    archive: zipfile.ZipFile,
    part: str,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None,
    bind: Callable[[Any], None] | None,
) -> Iterator[None]:
    """Parse a part; gives way after every piece of it."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    if end is not None:
        parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = _refuse_doctype
    if bind is not None:
        bind(parser)
    try:
        with archive.open(part) as source:
            yield from _feed(parser, source, part)
    except expat.ExpatError as error:
        raise BadWorkbook(f"not a readable XLSX file: {part}: {error}") from None
    except KeyError:
        raise BadWorkbook(f"not a readable XLSX file: {part} is missing") from None


def _feed(parser: Any, source: IO[bytes], part: str) -> Iterator[None]:
    done = 0
    while chunk := source.read(_CHUNK):
        done += len(chunk)
        if done > MOST_BYTES:
            raise BadWorkbook(f"expected at most {MOST_BYTES >> 30} GB in {part}")
        parser.Parse(chunk, False)
        if done - parser.CurrentByteIndex > _LONGEST_TOKEN:
            raise BadWorkbook(f"not a readable XLSX file: {part}: a mark of more than {_LONGEST_TOKEN >> 20} MB")
        yield
    parser.Parse(b"", True)
    yield


def _refuse_doctype(*_of: object) -> None:
    raise BadWorkbook("not a readable XLSX file: it declares a document type")


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _Book:
    """The list of sheets."""

    def __init__(self) -> None:
        self.since_1904 = False
        self._sheets: list[tuple[str, str, bool]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = _local(name)
        if kind == "workbookPr":
            self.since_1904 = attributes.get("date1904") in ("1", "true", "on")
        elif kind == "sheet" and len(self._sheets) < _MOST_STYLES:
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            self._sheets.append((attributes.get("name", ""), relation, "state" in attributes))

    def sheet(self, wanted: str) -> str:
        """The relation of the sheet of that name or number."""
        names = [name for name, _, _ in self._sheets]
        if not names:
            raise BadWorkbook("not a readable XLSX file: it has no sheet")
        if not wanted:
            seen = [relation for _, relation, hidden in self._sheets if not hidden]
            return seen[0] if seen else self._sheets[0][1]
        if wanted in names:
            return self._sheets[names.index(wanted)][1]
        if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(names):
            return self._sheets[int(wanted) - 1][1]
        raise BadWorkbook(f'there is no sheet "{wanted}", only {", ".join(names[:20])}')


class _Collected:
    """Text between marks, bounded."""

    def __init__(self) -> None:
        self._parser: Any = None
        self._pieces: list[str] = []
        self._length = 0

    def bind(self, parser: Any) -> None:
        self._parser = parser

    def _open(self) -> None:
        self._parser.CharacterDataHandler = self._more

    def _close(self) -> None:
        self._parser.CharacterDataHandler = None

    def _more(self, text: str) -> None:
        self._length += len(text)
        if self._length > LONGEST_CELL:
            raise BadWorkbook(f"expected cells of at most {LONGEST_CELL} characters")
        self._pieces.append(text)

    def _taken(self) -> str:
        """What was collected."""
        text = "".join(self._pieces)
        self._pieces.clear()
        self._length = 0
        return text


class _Texts(_Collected):
    """The shared texts; what is beside a text (how it is read aloud) is no part of it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._size = 0
        self._aside = False

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        kind = _local(name)
        if kind == "t" and not self._aside:
            self._open()
        elif kind == "rPh":
            self._aside = True

    def end(self, name: str) -> None:
        kind = _local(name)
        if kind == "t":
            self._close()
        elif kind == "rPh":
            self._aside = False
        elif kind == "si":
            text = _unescaped(self._taken())
            self._size += len(text)
            if self._size > MOST_TEXT or len(self.found) >= MOST_TEXTS:
                raise BadWorkbook(f"expected at most {MOST_TEXT} characters of text")
            self.found.append(text)


class _Styles:
    """Which styles of cells are dates."""

    def __init__(self) -> None:
        self._formats: dict[str, str] = {}
        self._used: list[str] = []
        self._within = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = _local(name)
        if kind == "numFmt" and len(self._formats) < _MOST_STYLES:
            self._formats[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif kind == "cellXfs":
            self._within = True
        elif kind == "xf" and self._within and len(self._used) < _MOST_STYLES:
            self._used.append(attributes.get("numFmtId", "0"))

    def end(self, name: str) -> None:
        if _local(name) == "cellXfs":
            self._within = False

    def dates(self) -> frozenset[str]:
        """The numbers of those styles."""
        return frozenset(str(place) for place, used in enumerate(self._used) if self._is_date(used))

    def _is_date(self, used: str) -> bool:
        code = self._formats.get(used)
        if code is None:
            return used.isdigit() and int(used) in _BUILT_IN_DATES
        return any(letter in _QUOTED.sub("", code[:255]).lower() for letter in "dy")


class _Columns(dict[str, int]):
    """Places by letters."""

    def __missing__(self, letters: str) -> int:
        place = 0
        for letter in letters[:4]:
            place = place * 26 + ord(letter.upper()) - 64
        found = place - 1 if letters.isascii() and letters.isalpha() else MOST_COLUMNS
        if len(self) < _MOST_STYLES:
            self[letters] = found
        return found


class _Names(dict[str, str]):
    """Names of marks without what stands for their namespace."""

    def __missing__(self, name: str) -> str:
        found = _local(name)
        if len(self) < 1000:
            self[name] = found
        return found


class _Cells(_Collected):
    """The rows of a sheet.

    :ivar rows: those that are complete.
    """

    def __init__(self, texts: list[str], dates: frozenset[str], first_day: datetime) -> None:
        super().__init__()
        self.rows: deque[tuple[int, list[str]]] = deque()
        self._texts, self._dates, self._first_day = texts, dates, first_day
        self._number = 0
        self._row: list[str] = []
        self._place = 0
        self._kind = self._style = ""
        self._names, self._columns = _Names(), _Columns()
        self._days: dict[str, str] = {}
        self._aside = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = self._names[name]
        if kind == "c":
            reference = attributes.get("r")
            if reference is not None:
                self._place = self._columns[reference.rstrip("0123456789")]
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "0")
        elif kind == "v" or (kind == "t" and not self._aside):
            self._open()
        elif kind == "row":
            self._begin(attributes.get("r", ""))
        elif kind == "rPh":
            self._aside = True

    def end(self, name: str) -> None:
        kind = self._names[name]
        if kind == "c":
            if self._pieces:
                self._put(self._taken())
            self._place += 1
        elif kind in ("v", "t"):
            self._close()
        elif kind == "row":
            if self._row:
                self.rows.append((self._number, self._row))
            self._row = []
        elif kind == "rPh":
            self._aside = False

    def _begin(self, number: str) -> None:
        self._row = []
        self._number = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else self._number + 1
        if self._number > MOST_ROWS:
            raise BadWorkbook(f"expected at most {MOST_ROWS} rows")
        self._place = 0

    def _put(self, text: str) -> None:
        row, place = self._row, self._place
        if place >= MOST_COLUMNS or place < 0:
            return
        while len(row) < place:
            row.append("")
        if len(row) == place:
            row.append(self._value(text))
        else:
            row[place] = self._value(text)

    def _value(self, text: str) -> str:
        kind = self._kind
        if kind == "n":
            return self._day(text) if self._style in self._dates else number_text(text)
        if kind == "s":
            place = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1
            if not 0 <= place < len(self._texts):
                raise BadWorkbook("not a readable XLSX file: a text is missing")
            return self._texts[place]
        if kind == "d":
            return DateText(text)
        return ("FALSE", "TRUE")[text.strip() == "1"] if kind == "b" else _unescaped(text)

    def _day(self, text: str) -> str:
        found = self._days.get(text)
        if found is None:
            found = _date_text(text, self._first_day)
            if len(self._days) < _DATES_KEPT:
                self._days[text] = found
        return found


def _date_text(text: str, first_day: datetime) -> str:
    try:
        days = float(text)
    except ValueError:
        return text
    if not 61 <= days <= _LAST_DAY:  # a time of day, or before March 1900, where calendars differ
        return number_text(text)
    at = first_day + timedelta(seconds=round(days * 86_400))
    return DateText(at.date().isoformat() if not (at.hour or at.minute or at.second) else at.isoformat())


def number_text(text: str) -> str:
    """A stored number as the plain decimal that a spreadsheet shows."""
    if _DIGITS.fullmatch(text) and len(text) <= 16:
        return text
    if text.isascii() and text.isdigit():
        return text[:LONGEST_CELL]
    try:
        value = float(text)
        found = f"{Decimal(f'{value:.15g}'):f}" if abs(value) < 1e30 else text
    except ValueError:
        return text
    return "0" if found == "-0" else found


def _unescaped(text: str) -> str:
    """What stands for characters that XML does not have (``_x000D_``) made those."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text
