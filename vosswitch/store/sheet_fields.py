"""The provisioned fields of sheet formats: how a vendor writes its price lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.store import fields
from vosswitch.store.fields import Deployment, Expected, Refused
from vosswitch.store.inline import inner
from vosswitch.store.table import Field, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

OURS = (
    *("prefix", "effective", "name", "per_minute", "first", "next", "connect_fee", "tax", "level", "until"),
    *("attempt_fee", "minimum", "sections", "periods", "country_code", "increments", "status"),
)
"""What a column of a sheet can be: the fields of a rate, and what is made into those."""

_DEFAULTED = tuple(name for name in OURS[1:14] if name not in ("effective", "until", "per_minute"))
_MOST_WORDS = 100
_DATE_PARTS = (
    *(("YYYY", "%Y"), ("YY", "%y"), ("MMM", "%b"), ("MM", "%m"), ("DD", "%d")),
    *(("HH", "%H"), ("mm", "%M"), ("SS", "%S")),
)
ENCODINGS = ("utf-8", "utf-16", "cp1250", "cp1251", "cp1252")
WORDS = ("blocked", "closed", "deleted", "discontinued", "removed")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= 64 or not value.isprintable():
        raise Expected("a text of 1-64 printable characters")
    return value.strip()


def columns(value: Any, _deployment: Deployment) -> dict[str, str]:
    """Our fields with the heading or the letters of their column."""
    if not isinstance(value, dict):
        raise Expected('a table such as {prefix = "Dial Code", per_minute = "D"}')
    found = {}
    for name, heading in value.items():
        if name not in OURS:
            raise Refused(f"{name}: unknown, expected {', '.join(OURS)}")
        try:
            found[name] = _text(heading)
        except Expected as error:
            raise Refused(f"{name}: expected {error}") from None
    return found


def defaults(value: Any, deployment: Deployment) -> dict[str, Any]:
    """What rates of these sheets have where there is no column, or nothing in it."""
    from vosswitch.store.provision_schema import RATE  # noqa: PLC0415 - which imports this module

    if not isinstance(value, dict):
        raise Expected("a table such as {first = 60, next = 60}")
    found = {}
    for name, item in value.items():
        field = RATE.field(name)
        if field is None or name not in _DEFAULTED:
            raise Refused(f"{name}: unknown, expected {', '.join(_DEFAULTED)}")
        found[name] = inner(field.read, item, name, deployment)
    return found


def date_format(value: Any, _deployment: Deployment) -> str:
    """How dates are written; "" = as 2026-01-31."""
    if value == "":
        return ""
    if not isinstance(value, str) or len(value) > 32 or not {"YY", "MM", "DD"} <= {value[i : i + 2] for i in range(32)}:
        raise Expected("a format such as DD.MM.YYYY, MM/DD/YY or DD-MMM-YYYY HH:mm")
    return value


def strptime_format(written: str) -> str:
    """The same for `datetime.strptime`."""
    found = written.replace("%", "%%")
    for ours, theirs in _DATE_PARTS:
        found = found.replace(ours, theirs)
    return found


def words(value: Any, _deployment: Deployment) -> list[str]:
    """Words, in small letters."""
    if not isinstance(value, list) or len(value) > _MOST_WORDS:
        raise Expected(f"a list of at most {_MOST_WORDS} words")
    return list(dict.fromkeys(_text(item).lower() for item in value))


def _check(values: Mapping[str, Any]) -> None:
    found = values["columns"]
    if found and "per_minute" not in found:
        raise ValueError("columns: expected one for per_minute")
    if found and not {"prefix", "country_code"} & found.keys():
        raise ValueError("columns: expected one for prefix")


SHEET_FORMATS = Table(
    "sheet_formats",
    "sheet_format",
    "name",
    (
        Field("name", fields.name, required=True),
        Field("columns", columns, {}, help="Our field = heading or letters of the column; {} = guessed from headings"),
        Field("sheet", fields.free_text, "", help="Of a workbook: name or number; empty = the first one"),
        Field("skip", fields.whole(0, 10_000), 0, help="Lines before the heading"),
        Field("date_format", date_format, "", help="Such as DD.MM.YYYY; empty = 2026-01-31"),
        Field("decimal_comma", fields.flag, False, help="Prices are written 0,0125"),
        Field("encoding", fields.choice(*ENCODINGS), "utf-8", help="Of CSV files"),
        Field("defaults", defaults, {}, help="What rates have where the sheet says nothing: {first = 60, next = 60}"),
        Field("closed_words", words, WORDS, help="Words that stand for the price, or in the column status"),
        Field(
            "when_closed",
            fields.choice("end", "leave", "refuse"),
            "end",
            help="The code ends, is left as it is, or the sheet is refused",
        ),
    ),
    check=_check,
)

FORMAT = Field(
    "sheet_format", fields.optional(fields.name), help="How its price lists are written", refers="sheet_formats"
)
