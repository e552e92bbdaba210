"""Any number of rows in order, in constant memory: sorted parts in files, then merged."""

from __future__ import annotations

import heapq
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from vosswitch.cdr.matching import Call

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TOGETHER = 100_000
"""Rows in memory at once."""
_BY_TIME = itemgetter(0, 5)


def in_order(calls: Iterable[Call], folder: str, name: str, together: int = TOGETHER) -> Iterator[Call]:
    """The calls in the order of time.

    :param folder: where parts are kept; they stay until it goes.
    """
    parts: list[Path] = []
    rows: list[Call] = []
    for call in calls:
        rows.append(call)
        if len(rows) >= together:
            rows.sort(key=_BY_TIME)
            parts.append(_written(rows, Path(folder) / f"{name}-{len(parts)}"))
            rows = []
    rows.sort(key=_BY_TIME)
    return heapq.merge(*map(_read, parts), rows, key=_BY_TIME) if parts else iter(rows)


def _written(rows: list[Call], path: Path) -> Path:
    with path.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(list(row)) + b"\n")
    return path


def _read(path: Path) -> Iterator[Call]:
    with path.open("rb") as file:
        for line in file:
            yield Call(*orjson.loads(line))
