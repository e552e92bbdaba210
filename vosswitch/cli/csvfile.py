"""CSV files that commands write while they work: there when all is done, or not at all."""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


class CsvFile:
    """A CSV file that takes its name when the work ends well.

    :ivar HEADING: names of the columns.
    """

    HEADING: ClassVar[tuple[str, ...]]

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}")

    def __enter__(self) -> Self:
        self._file = self._part.open("x", encoding="utf-8", newline="")
        self._out = csv.writer(self._file)
        self._out.writerow(self.HEADING)
        return self

    def __exit__(self, kind: object, *_more: object) -> None:
        self._file.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)

    def write(self, cells: Iterable[str | int]) -> None:
        """Write one row."""
        self._out.writerow(cells)
