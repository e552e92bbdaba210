"""Reads a provisioning document: every entry checked by itself, every problem named, no database needed."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from vosswitch.store.fields import Deployment, Expected, Refused
from vosswitch.store.provision_schema import RATE, TABLES
from vosswitch.store.secrets import MASK
from vosswitch.store.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN = 20


class BadDocument(ValueError):
    """A document that cannot be loaded.

    :ivar problems: one line each: file, entry, field and what was expected.
    """

    def __init__(self, problems: list[str]) -> None:
        rest = len(problems) - _SHOWN
        super().__init__("\n".join([*problems[:_SHOWN], *([f"... and {rest} more problems"] if rest > 0 else [])]))
        self.problems = problems


@dataclass(slots=True)
class Entry:
    """One checked entry.

    :ivar where: the file and the entry, for messages.
    :ivar values: canonical values of the fields that it gives.
    :ivar rates: of a rate group, in their order.
    """

    where: str
    key: str
    values: dict[str, Any]
    delete: bool = False
    replace: bool = False
    rates: list[Entry] = field(default_factory=list)

    def complete(self, table: Table) -> dict[str, Any]:
        """Its values with the defaults for what it leaves out."""
        return {**table.defaults(), **self.values}


@dataclass(slots=True)
class Document:
    """All entries by table name, each key once."""

    entries: dict[str, dict[str, Entry]]
    problems: list[str]
    warnings: list[str]


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """The tables of a TOML text; fractions become exact decimals.

    :param source: the file's name, for messages.
    :raises BadDocument: not TOML; the message has the line.
    """
    try:
        return tomllib.loads(text, parse_float=_decimal)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        raise BadDocument([f"{source}: not valid TOML: {error}"]) from None


def read_document(raw: Mapping[str, Any], deployment: Deployment, source: str) -> Document:
    """Check every entry by itself; the result holds the problems that were found."""
    found = Document({name: {} for name in TABLES}, [], [])
    for name, rows in raw.items():
        table = TABLES.get(name)
        if table is None:
            found.problems.append(f"{source}: {name}: unknown table, expected {', '.join(TABLES)}")
            continue
        for where, row in _rows(rows, f"{source}: {name}", name, found):
            entry = _entry(table, row, where, deployment, found)
            if entry is not None:
                _add(found.entries[name], entry, found)
    return found


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"number {text} is out of range") from None


def _rows(rows: Any, where: str, name: str, found: Document) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        found.problems.append(f"{where}: expected [[{name}]] tables")
        return []
    return [(f"{where}[{number}]", row) for number, row in enumerate(rows, 1)]


def _add(entries: dict[str, Entry], entry: Entry, found: Document) -> None:
    if entries.setdefault(entry.key, entry) is not entry:
        found.problems.append(f"{entry.where}: given twice, first at {entries[entry.key].where}")


def _entry(table: Table, row: dict[str, Any], where: str, deployment: Deployment, found: Document) -> Entry | None:
    raw_key = row.get(table.key)
    if raw_key is not None:
        where = f"{where} {_shown(raw_key)}"
    entry = Entry(where, "", {}, delete=_switch(row, "delete", where, found))
    if table.name == "rate_groups":
        entry.replace = _switch(row, "replace", where, found)
    before = len(found.problems)
    for name, value in row.items():
        _read(table, entry, name, value, deployment, found)
    if not entry.delete:
        found.problems.extend(
            f"{where}: {item.name}: expected, but missing"
            for item in table.fields
            if item.required and item.name not in row
        )
    if len(found.problems) > before or table.key not in entry.values:
        if table.key not in row and entry.delete:
            found.problems.append(f"{where}: {table.key}: expected, but missing")
        return None
    entry.key = _key(table, entry)
    return entry


def _key(table: Table, entry: Entry) -> str:
    key = str(entry.values[table.key])
    return f"{key}/{entry.values.get('effective', 0)}" if table is RATE else key


def _switch(row: dict[str, Any], name: str, where: str, found: Document) -> bool:
    value = row.get(name, False)
    if not isinstance(value, bool):
        found.problems.append(f"{where}: {name}: expected true or false, got {_shown(value)}")
    return value is True


def _read(table: Table, entry: Entry, name: str, value: Any, deployment: Deployment, found: Document) -> None:
    if name == "delete" or (name == "replace" and table.name == "rate_groups"):
        return
    if name == "rates" and table.name == "rate_groups":
        _read_rates(entry, value, deployment, found)
        return
    item = table.field(name)
    if item is None:
        found.problems.append(f"{entry.where}: {name}: unknown field{_instead(table, name)}")
        return
    if item.secret and value == MASK:
        entry.values[name] = MASK
        return
    try:
        entry.values[name] = item.read(value, deployment)
    except Expected as error:
        found.problems.append(f"{entry.where}: {name}: {explain(error, value, secret=item.secret)}")
        return
    found.warnings.extend(f"{entry.where}: {name}: {text}" for text in item.warn(entry.values[name]))


def _instead(table: Table, name: str) -> str:
    """What may have been meant by a field that a table does not have."""
    known = [item.name for item in table.fields]
    others = [other.name for other in TABLES.values() if other.field(name) is not None]
    if others:
        return f" here, it is one of {', '.join(others)}"
    close = get_close_matches(name, known, n=3)
    return f", perhaps {' or '.join(close)}" if close else f", expected {', '.join(known)}"


def _read_rates(entry: Entry, rows: Any, deployment: Deployment, found: Document) -> None:
    rates: dict[str, Entry] = {}
    for where, row in _rows(rows, f"{entry.where}: rates", "rate_groups.rates", found):
        one = _entry(RATE, row, where, deployment, found)
        if one is None:
            continue
        try:
            RATE.check(one.complete(RATE))
        except ValueError as error:
            found.problems.append(f"{one.where}: {error}")
        _add(rates, one, found)
    entry.rates = list(rates.values())


def explain(error: Expected, value: Any, *, secret: bool = False) -> str:
    """The rest of a message about *value*; a secret is not shown."""
    if isinstance(error, Refused):
        return str(error)
    return f"expected {error}" if secret else f"expected {error}, got {_shown(value)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
