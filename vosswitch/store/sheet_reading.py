"""Reads a vendor's sheet by its format: whatever its columns are called, rows in the order of `rates.COLUMNS`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from vosswitch.store import rates
from vosswitch.store.generations import CannotImport
from vosswitch.store.rate_reading import ALIASES, BY_KEY, UNTIL, Column, Report, Row, Wrong, lines_of
from vosswitch.store.sheet_codes import BadCodes, codes_of
from vosswitch.store.sheet_fields import OURS, SHEET_FORMATS, strptime_format
from vosswitch.store.workbook import DateText

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from vosswitch.store.fields import Deployment

_LOOKED_AT = 50
_LONGEST_HEAD = 65_536
"""Lines that the heading is looked for in, when no format says where it is."""
MOST_RATES = 5_000_000
_PRICES = ("per_minute", "connect_fee", "tax", "attempt_fee", "minimum")
_MOMENTS = ("effective", "until")
_LETTERS = re.compile(r"[A-Z]{1,2}", re.ASCII)
_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_SPACE = re.compile(r"[^a-z0-9]+")
_SIGNS = re.compile(r"[$\u20ac\u00a3\s\u00a0]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_INCREMENTS = re.compile(r"(\d{1,5})\s*[/+:-]\s*(\d{1,5})(?:\s*[/+:-]\s*(\d{1,5}))?", re.ASCII)

_GUESSES = {
    "prefix": "dial_code dialcode dialling_code dial_codes codes area_code area_codes breakout_code dest_code prefixes",
    "country_code": "country_code cc countrycode country_prefix",
    "name": "destination_name country_destination zone area dest breakout route location carrier_destination",
    "per_minute": "rate_min price_min per_min price_per_minute rate_per_min price_per_min"
    " usd_min eur_min rate_usd rate_eur price_usd price_eur usd eur cost rate_minute call_rate",
    "effective": "effective_date effectivedate start_date date_from begin_date activation_date new_date from_date",
    "until": "end_date expiry expires valid_until date_to",
    "increments": "increment increments billing_increment billing_increments billing interval intervals",
    "first": "initial_increment first_interval minimum_duration min_duration initial",
    "next": "subsequent_increment next_interval additional_increment additional subsequent",
    "connect_fee": "setup setup_price connection_charge connection_price",
    "status": "status change changes rate_change comment comments remarks action type",
}


@dataclass(frozen=True, slots=True)
class Cut:
    """A code that a sheet closes.

    :ivar at: epoch ms; 0 = at once.
    """

    prefix: str
    at: int


@dataclass(slots=True)
class Sheet:
    """What a sheet says.

    :ivar file: its name; *sha256* of its content.
    :ivar heading: the heading's line; *columns* the headings that were taken, by our fields.
    :ivar rows: by prefix and effective; one without a date has 0.
    :ivar closed: by prefix.
    :ivar report: refused lines.
    :ivar left: lines whose word in place of a price was passed over.
    """

    file: str
    sha256: str = ""
    format: str = ""
    heading: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    closed: list[Cut] = field(default_factory=list)
    report: Report = field(default_factory=Report)
    left: int = 0


def read_sheet(path: str, form: Mapping[str, Any], deployment: Deployment, effective: int = 0) -> Sheet:
    """Read a file.

    :param form: the values of a `SHEET_FORMATS` entry; missing ones have their defaults.
    :param effective: of lines without a date.
    :raises CannotImport: it cannot be read, or has no such columns.
    """
    values = {**SHEET_FORMATS.defaults(), **form}
    sheet = Sheet(Path(path).name, digest(path), str(values["name"] or ""))
    encoding = "utf-8-sig" if values["encoding"] == "utf-8" else values["encoding"]
    lines = lines_of(path, values["sheet"], encoding, lambda file: _head(file, values["skip"]))
    places = _places(lines, values, sheet, guessed=not form.get("name"))
    _Lines(values, deployment, sheet, effective, places).read(lines)
    sheet.rows.sort(key=BY_KEY)
    sheet.closed = sorted({cut.prefix: cut for cut in sheet.closed}.values(), key=lambda cut: cut.prefix)
    return sheet


def _head(file: IO[str], skip: int) -> str:
    """The line behind *skip* ones that has the most headings which are known, whatever separates them."""
    lines = [file.readline(_LONGEST_HEAD) for _ in range(skip + _LOOKED_AT)][skip:]
    known = [(max(len(guess(line.split(sign))) for sign in ",;\t"), -at, line) for at, line in enumerate(lines)]
    return max(known)[2]


def digest(path: str) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CannotImport(f"{path}: cannot read: {error.strerror}") from None


def _places(
    lines: Iterator[tuple[int, Sequence[str]]], values: Mapping[str, Any], sheet: Sheet, *, guessed: bool
) -> dict[str, int]:
    """Where our columns stand; *lines* go on behind the heading."""
    seen: Sequence[str] = ()
    for number, cells in lines:
        if number <= values["skip"] or not any(cells):
            continue
        found = named_places(cells, values["columns"]) if values["columns"] else guess(cells)
        seen = seen or cells
        if "per_minute" in found and ("prefix" in found or "country_code" in found):
            sheet.heading = number
            sheet.columns = {name: cells[place] if place < len(cells) else "" for name, place in found.items()}
            return found
        if not guessed or number - values["skip"] >= _LOOKED_AT:
            break
    missing = ", ".join(f"{name} = {text}" for name, text in values["columns"].items())
    wanted = f"columns {missing}" if missing else "headings of codes and prices, such as prefix and rate"
    raise CannotImport(f"{sheet.file}: expected {wanted}, got {', '.join(filter(None, seen))[:200] or 'nothing'}")


def plain_heading(text: str) -> str:
    """A heading in small letters, with ``_`` between its words, without what stands in parentheses."""
    return _SPACE.sub("_", _ASIDE.sub("", text.lower())).strip("_")


def guess(cells: Sequence[str]) -> dict[str, int]:
    """Our fields by what their headings are usually called; the first of several is taken."""
    found: dict[str, int] = {}
    for place, cell in enumerate(cells):
        plain = plain_heading(cell)
        name = plain if plain in OURS else ALIASES.get(plain) or _GUESSED.get(plain)
        if plain in _NEWER:
            found["per_minute"] = place
        elif name is not None:
            found.setdefault(name, place)
    return found


_NEWER = ("new_rate", "new_price")
"""Stand beside a column of former prices."""
_GUESSED = {word: name for name, words in _GUESSES.items() for word in words.split()}


def named_places(cells: Sequence[str], wanted: Mapping[str, str]) -> dict[str, int]:
    """The columns that a format names, by heading or by letters; those that are not there are left out."""
    exact = {cell.strip(): place for place, cell in reversed(list(enumerate(cells)))}
    plain = {plain_heading(cell): place for place, cell in reversed(list(enumerate(cells)))}
    found = {}
    for name, text in wanted.items():
        place = exact.get(text, plain.get(plain_heading(text)) if not _LETTERS.fullmatch(text) else _letters(text))
        if place is not None:
            found[name] = place
    return found


def _letters(text: str) -> int:
    place = 0
    for letter in text:
        place = place * 26 + ord(letter) - 64
    return place - 1


class _Lines:
    """The lines behind the heading."""

    def __init__(
        self, form: Mapping[str, Any], deployment: Deployment, sheet: Sheet, effective: int, places: dict[str, int]
    ) -> None:
        self._sheet = sheet
        self._report = sheet.report
        self._words = frozenset(form["closed_words"])
        self._when_closed = form["when_closed"]
        self._places = places
        self._width = max(places.values()) + 1
        self._columns = {name: Column(name, deployment, self._clean(name, form)) for name in rates.COLUMNS}
        for name, value in form["defaults"].items():
            self._columns[name].default = value
        self._columns["effective"].default = effective
        own = ("prefix", "per_minute")
        self._order = [(places.get(name), self._columns[name]) for name in rates.COLUMNS if name not in own]
        self._price = rates.COLUMNS.index("per_minute") - 1
        self._first = [name for name in rates.COLUMNS if name not in own].index("first")
        self._seen: dict[tuple[str, int], Row] = {}
        self._ends: set[tuple[str, int]] = set()

    @staticmethod
    def _clean(name: str, form: Mapping[str, Any]) -> Callable[[str], str]:
        if name in _PRICES:
            return _comma if form["decimal_comma"] else _bare_price
        if name in _MOMENTS and form["date_format"]:
            return _dates(strptime_format(form["date_format"]))
        return _short_name if name == "name" else str.strip

    def read(self, lines: Iterable[tuple[int, Sequence[str]]]) -> None:
        """Every line that is not empty."""
        width = self._width
        for number, cells in lines:
            if len(cells) < width:
                cells = [*cells, *[""] * (width - len(cells))]  # noqa: PLW2901 - the same line
            try:
                self._line(number, cells)
            except Wrong as error:
                self._report.refuse(number, error.name, error.problem)
            except BadCodes as error:
                self._report.refuse(number, "prefix", str(error))
            if len(self._sheet.rows) > MOST_RATES:
                raise CannotImport(f"{self._sheet.file}: expected at most {MOST_RATES} rates")

    def _line(self, number: int, cells: Sequence[str]) -> None:
        places = self._places
        code = cells[places["prefix"]] if "prefix" in places else ""
        country = cells[places["country_code"]] if "country_code" in places else ""
        price = cells[places["per_minute"]]
        if not price.strip() and not (code.strip() and self._closed(cells, price)):
            if code.strip() and any(letter.isdigit() for letter in code):
                raise Wrong("per_minute", "expected a price, got nothing")
            return  # an empty line, a heading of a part, a remark
        codes = codes_of(code, country)
        if self._closed(cells, price):
            self._close(number, codes, cells)
            return
        rest = [column.default if at is None else column[cells[at]] for at, column in self._order]
        if "increments" in places:
            self._increments(cells[places["increments"]], rest)
        per_minute = self._columns["per_minute"][price]
        tail = (*rest[: self._price], per_minute, *rest[self._price :])
        self._add(number, codes, tail)

    def _closed(self, cells: Sequence[str], price: str) -> bool:
        place = self._places.get("status")
        return price.strip().lower() in self._words or (
            place is not None and cells[place].strip().lower() in self._words
        )

    def _close(self, number: int, codes: list[str], cells: Sequence[str]) -> None:
        if self._when_closed == "refuse":
            raise Wrong("per_minute", f"expected a price, the line closes {', '.join(codes)[:60]}")
        if self._when_closed == "leave":
            self._sheet.left += 1
            return
        place = self._places.get("effective")
        column = self._columns["effective"]
        at = column.default if place is None else column[cells[place]]
        for code in codes:
            key = self._columns["prefix"].read(code), at
            if key in self._seen:
                raise Wrong("prefix", f'"{code}" has a price and is closed at the same moment')
            self._ends.add(key)
            self._sheet.closed.append(Cut(*key))
        if not codes:
            raise Wrong("prefix", f"expected a code in line {number}")

    def _increments(self, text: str, rest: list[Any]) -> None:
        if not text.strip():
            return
        match = _INCREMENTS.fullmatch(text.strip())
        if match is None:
            both = text.strip(), text.strip()
        else:  # first/next, or minimum/first/next
            both = (match[2], match[3]) if match[3] else (match[1], match[2])
        rest[self._first] = self._columns["first"].read(both[0])
        rest[self._first + 1] = self._columns["next"].read(both[1])

    def _add(self, number: int, codes: list[str], tail: tuple[Any, ...]) -> None:
        if tail[UNTIL - 1] is not None and tail[UNTIL - 1] <= tail[0]:
            raise Wrong("until", "expected a moment after effective")
        read = self._columns["prefix"]
        for code in codes:
            row = (read[code], *tail)
            key = row[0], row[1]
            if key in self._ends:
                raise Wrong("prefix", f'"{code}" has a price and is closed at the same moment')
            before = self._seen.setdefault(key, row)
            if before is row:
                self._sheet.rows.append(row)
            elif before[3:] != row[3:]:
                self._report.refuse(number, "prefix", f'"{code}" stands twice with the same effective')


def _bare_price(text: str) -> str:
    bare = _SIGNS.sub("", text)
    return f"0{bare}" if bare.startswith(".") else bare


def _comma(text: str) -> str:
    """``1.234,50`` is 1234.50; what a workbook has stored as a number has a point."""
    bare = _bare_price(text)
    return _bare_price(bare.replace(".", "").replace(",", ".")) if "," in bare else bare


def _short_name(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()[:64].rstrip()


def _dates(form: str) -> Callable[[str], str]:
    def clean(text: str) -> str:
        bare = text.strip()
        if not bare or isinstance(text, DateText):
            return bare
        try:
            return datetime.strptime(bare, form).isoformat()  # noqa: DTZ007 - the deployment's zone
        except ValueError:
            return f"? {bare}"  # so that it is refused, whatever else it could be read as

    return clean
