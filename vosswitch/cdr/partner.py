"""A partner's call records as he writes them: which column is what, and a row as a call.

Pure: rows come as lists of texts, whatever file they stand in.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

from vosswitch.cdr.matching import Call
from vosswitch.model.values import UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

FIELDS = ("caller", "callee", "start", "answer", "duration", "fee")
_WORDS = {
    "caller": "caller ani cli from src source anumber a callingnumber calling callerid callere164 calleraccesse164"
    " callerin clinumber origination callingparty",
    "callee": "callee dnis cld to dst destination bnumber b callednumber called dialednumber dialed calleee164"
    " calleeaccesse164 calleein destinationnumber calledparty",
    "start": "start starttime setup setuptime calldate date datetime begin begintime timestamp startdate calltime time",
    "answer": "answer answertime connect connecttime connected answered answerdate connectdate",
    "duration": "duration billsec seconds durationsec durationseconds durations billedduration holdtime sessiontime"
    " callduration billedseconds chargedduration feetime talktime length hold",
    "fee": "fee cost charge amount totalcost totalcharge sellcost total charged callcost incomefee revenue",
}
_KNOWN = {word: field for field, words in _WORDS.items() for word in words.split()}
_PLAIN = re.compile(r"[^a-z0-9]")
_NUMBER = re.compile(r"[^0-9A-Za-z+#*]")
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,3}):(\d{1,2}(?:\.\d{1,3})?)", re.ASCII)
_EPOCH = re.compile(r"\d{9,13}(?:\.\d{1,9})?", re.ASCII)
_SCALES = {"ms": Decimal(1), "s": Decimal(1000), "min": Decimal(60_000)}
UNITS_OF_LENGTH = tuple(_SCALES)
_MOST_MS = 366 * 86_400_000


class BadColumns(ValueError):
    """The columns cannot be told; the text is one line for the operator."""


class BadRow(ValueError):
    """A row that is no call."""


class Numbers(NamedTuple):
    """How numbers are made comparable: the first of *strip* that fits is taken off, *add* put before, then so many last
    digits.
    """

    strip: tuple[str, ...] = ()
    add: str = ""
    last: int = 0

    def of(self, number: str) -> str:
        """The number as it is compared."""
        found = _NUMBER.sub("", number)
        for prefix in self.strip:
            if found.startswith(prefix):
                found = found[len(prefix) :]
                break
        found = self.add + found.removeprefix("+")
        return found[-self.last :] if self.last else found


class Format(NamedTuple):
    """How the rows are read.

    :ivar columns: places of each field; several are put together with a blank.
    :ivar zone: of times without one; *offset* ms that his clock is behind ours.
    :ivar pattern: of his times, as `strptime` has it; "" = found out.
    :ivar unit: of plain durations; *comma*: decimals have a comma.
    :ivar by: the time that is compared, ``start`` or ``answer``.
    """

    columns: Mapping[str, tuple[int, ...]]
    zone: tzinfo = UTC
    offset: int = 0
    pattern: str = ""
    unit: str = "s"
    comma: bool = False
    by: str = "start"


def columns_of(heading: Sequence[str], given: Mapping[str, str] | None = None) -> dict[str, tuple[int, ...]]:
    """The place of each field.

    :param given: by field a heading, a number from 1 on, or several of those joined by ``+``; the others are found by
        their names.
    :raises BadColumns: one is not there, or what is needed is missing.
    """
    names = [_PLAIN.sub("", text.lower()) for text in heading]
    found: dict[str, tuple[int, ...]] = {}
    for field, text in (given or {}).items():
        if field not in FIELDS:
            raise BadColumns(f"column: expected one of {', '.join(FIELDS)}, got {field!r}")
        found[field] = tuple([_place(names, heading, part) for part in text.split("+")])
    taken = {place for places in found.values() for place in places}
    for place, name in enumerate(names):
        guessed = _KNOWN.get(name)
        if guessed is not None and guessed not in found and place not in taken:
            found[guessed] = (place,)
    lacking = [field for field in ("callee", "duration") if field not in found]
    if "start" not in found and "answer" not in found:
        lacking.append("start")
    if lacking:
        raise BadColumns(f"expected --column {lacking[0]}=HEADING: the columns are {', '.join(heading)[:200]}")
    return found


def _place(names: Sequence[str], heading: Sequence[str], wanted: str) -> int:
    text = wanted.strip()
    if text.isascii() and text.isdigit() and 0 < int(text) <= len(names):
        return int(text) - 1
    plain = _PLAIN.sub("", text.lower())
    if plain and plain in names:
        return names.index(plain)
    raise BadColumns(f"there is no column {text!r}: the columns are {', '.join(heading)[:200]}")


def call_of(row: Sequence[str], line: int, form: Format, numbers: Numbers) -> Call:
    """A row as a call.

    :raises BadRow: it is none.
    """
    texts = {field: _text(row, places) for field, places in form.columns.items()}
    ms = _length(texts["duration"], form)
    fee = _fee(texts["fee"], form) if "fee" in texts else None
    return Call(
        _moment(texts[form.by], form),
        numbers.of(texts.get("caller", "")),
        numbers.of(texts["callee"]),
        ms,
        fee,
        line,
        optional=not ms and not fee,
    )


def _text(row: Sequence[str], places: tuple[int, ...]) -> str:
    try:
        return " ".join([row[place].strip() for place in places])
    except IndexError:
        raise BadRow("it has too few columns") from None


def _decimal(text: str, form: Format) -> Decimal:
    plain = text.replace(" ", "").replace("'", "")
    plain = plain.replace(".", "").replace(",", ".") if form.comma else plain.replace(",", "")
    try:
        value = Decimal(plain)
    except InvalidOperation:
        raise BadRow(f"expected a number, got {text[:40]!r}") from None
    if not value.is_finite() or value.adjusted() > 11:
        raise BadRow(f"expected a number, got {text[:40]!r}")
    return value


def _length(text: str, form: Format) -> int:
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        hours, minutes, seconds = int(clock[1] or 0), int(clock[2]), Decimal(clock[3])
        ms = (hours * 3600 + minutes * 60) * 1000 + int(seconds * 1000)
    else:
        ms = int(_decimal(text or "0", form) * _SCALES[form.unit])
    if not 0 <= ms <= _MOST_MS:
        raise BadRow(f"expected a length, got {text[:40]!r}")
    return ms


def _fee(text: str, form: Format) -> int | None:
    return None if not text else int((_decimal(text, form) * UNITS).to_integral_value())


def _moment(text: str, form: Format) -> int:
    """Epoch ms of seconds or milliseconds since 1970, ISO 8601, or what the pattern reads."""
    try:
        if form.pattern:
            found = datetime.strptime(text, form.pattern)  # noqa: DTZ007 - the zone follows
        elif _EPOCH.fullmatch(text):
            value = Decimal(text)
            return int(value if value >= 10**11 else value * 1000) + form.offset
        else:
            found = datetime.fromisoformat(text.replace("/", "-"))
    except (ValueError, OverflowError):
        raise BadRow(f"expected a date and time, got {text[:40]!r}") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=form.zone)
    return (found - _ZERO) // timedelta(milliseconds=1) + form.offset


_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
