"""What commands print: tables for people, one JSON array for programs.

Values come as the rooms hold them (epoch milliseconds, units of 10^-7) and are converted by the declared kind of their
field.
"""

from __future__ import annotations

import json
import shutil
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import click

from vosswitch.cli.state import note
from vosswitch.control.operations import Field
from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from vosswitch.cli.state import State

ENDS = (Field("from", "text", "gateway or phone that called"), Field("to", "text", "gateway or phone that was called"))
"""The columns that `with_ends` adds: for tables, where half the gateway and phone columns would be empty."""

_UNLIMITED = frozenset({"overdraft_limit", "available", "lines", "cps", "lines_here", "cps_here"})
"""Fields whose null means that there is no bound."""

_RIGHT = frozenset({"whole", "number", "money", "right"})
_GAP = 2
_LONG = 32
"""Texts beyond so many letters may take several lines on a screen that is too narrow for them."""

_UNITS = {"asr": "%", "ner": "%", "acd": "s"}
"""Units of figures whose name does not tell them; people see them in the title."""


def show(
    state: State,
    rows: Iterable[Mapping[str, Any]],
    fields: Sequence[Field],
    columns: Sequence[str] = (),
    empty: str = "nothing to show",
) -> None:
    """Print a list.

    :param rows: may be an iterator; JSON is written while it runs.
    :param fields: every key of a row with its kind: JSON has them all.
    :param columns: what a table shows, in this order; () = all fields.
    :param empty: said on stderr in place of a table without rows.
    """
    if state.format == "json":
        _print_json(rows, fields)
        return
    by_name = {field.name: field for field in fields}
    shown = [by_name[name] for name in columns or by_name]
    cells = [[cell(row.get(field.name), field, state.zone) for field in shown] for row in rows]
    if cells:
        _print_table([_title(field) for field in shown], [field.kind for field in shown], cells)
    else:
        note(empty)


def show_one(state: State, row: Mapping[str, Any], fields: Sequence[Field]) -> None:
    """Print one object: a line per field, or an array of one."""
    if state.format == "json":
        _print_json([row], fields)
        return
    width = max(len(_title(field)) for field in fields)
    for field in fields:
        title = _title(field)
        for value in _lines(row.get(field.name)):
            click.echo(f"{title:<{width}}  {cell(value, field, state.zone)}".rstrip())
            title = ""


_TITLES = {
    "hold_time": "held s",
    "billed_seconds": "billed s",
    "granted": "granted to nodes",
    "available": "not granted",
    "nodes": "nodes alive",
    "seq": "last change",
    "overdraft_limit": "overdraft",
}
"""What people read in place of a field's name, where that is long or says little."""


def _title(field: Field) -> str:
    words = _TITLES.get(field.name) or field.name.replace("_", " ")
    return f"{words} {_UNITS[field.name]}" if field.name in _UNITS else words


def _lines(value: Any) -> Sequence[Any]:
    """What stands on a line each: the objects of a list."""
    return [[item] for item in value] if isinstance(value, list) and _objects(value) else (value,)


def with_ends(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a call with both its ends, whatever they are."""
    return {
        **row,
        "from": row.get("mapping_gateway") or row.get("phone"),
        "to": row.get("routing_gateway") or row.get("callee_phone"),
    }


def moment_text(ms: int) -> str:
    """ISO 8601 with milliseconds and Z."""
    at = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def _objects(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(value, dict) for value in values)


def _object_text(value: Mapping[str, Any]) -> str:
    """An object on one line: ``address udp:192.0.2.1:5060, drops 0``; what does not apply is left out."""
    shown = {name: " ".join(map(str, item)) if isinstance(item, list) else item for name, item in value.items()}
    return ", ".join(f"{name} {item}" for name, item in shown.items() if item is not None and item != "")


def plain(value: Any, kind: str) -> Any:
    """A value as JSON has it."""
    if value is None:
        return None
    if kind == "time":
        return moment_text(value)
    if kind == "money":
        return money_text(value)
    return value


def _print_json(rows: Iterable[Mapping[str, Any]], fields: Sequence[Field]) -> None:
    """One row a line, written as it comes, so that a million records need no memory."""
    out = sys.stdout
    before = "["
    for row in rows:
        values = {field.name: plain(row.get(field.name), field.kind) for field in fields}
        out.write(before + json.dumps(values, ensure_ascii=False, default=str))
        before = ",\n "
    out.write("[]\n" if before == "[" else "]\n")


def cell(value: Any, field: Field, zone: ZoneInfo) -> str:
    """A value as a table has it; what peers wrote cannot move the cursor or change the terminal."""
    return harmless(_cell(value, field, zone))


def harmless(text: str) -> str:
    """A text on one line that cannot move the cursor or change the terminal."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode()


def _cell(value: Any, field: Field, zone: ZoneInfo) -> str:
    if value is None or value == "":
        return "unlimited" if field.name in _UNLIMITED else "-"
    writer = _WRITERS.get(field.kind)
    if field.kind == "time":
        return f"{datetime.fromtimestamp(value / 1000, zone):%Y-%m-%d %H:%M:%S}"
    return (str(value) if writer is None else writer(value)) or "-"


_WRITERS: dict[str, Callable[[Any], str]] = {
    "money": money_text,
    "flag": lambda value: "yes" if value else "no",
    "list": lambda value: "; ".join(map(_object_text, value)) if _objects(value) else ", ".join(map(str, value)),
    "object": lambda value: "; ".join(f"{key}: {_listed(item)}" for key, item in value.items()),
}


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _screen() -> int | None:
    """Columns of the terminal that is written to; None = none is, and programs get one line for each row."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def fitted(rows: Sequence[Sequence[str]], room: int | None) -> tuple[int, frozenset[int]]:
    """The width of a table, and which of its columns fold between words: only long texts, only where there is need.

    :param rows: all cells, the titles first.
    :param room: columns of the screen; None = no bound.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    total = sum(widths) + _GAP * len(widths)
    long = frozenset(at for at, width in enumerate(widths) if width > _LONG)
    if room is None or total <= room or not long:
        return max(total, 1), frozenset()
    least = total - sum(widths[at] - _LONG for at in long)
    return max(room, least), long


def _print_table(titles: Sequence[str], kinds: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - rich takes its time
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    # Nothing is ever cut: a number of which half is shown is worse than a line that wraps.
    width, folded = fitted([titles, *cells], _screen())
    console = Console(file=sys.stdout, width=width)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for at, (title, kind) in enumerate(zip(titles, kinds, strict=True)):
        justify: Literal["left", "right"] = "right" if kind in _RIGHT else "left"
        table.add_column(title, justify=justify, no_wrap=at not in folded, overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        click.echo(line.rstrip())
