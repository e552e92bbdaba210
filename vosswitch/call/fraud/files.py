"""The file of the spool in which blocks are kept over a restart: a JSON object a line, the later one counts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vosswitch.call.fraud.blocks import Block

NAME = "blocks.jsonl"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class BlockFile:
    """The file.  Its methods block: all but `load` belong in a thread, one at a time."""

    __slots__ = ("path",)

    def __init__(self, directory: str) -> None:
        self.path = Path(directory) / NAME

    def load(self) -> tuple[list[dict[str, Any]], str]:
        """What was kept, in its order, and one line about damage ("" = none); a torn last line is no damage."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return [], ""
        except OSError as error:
            return [], f"{self.path}: cannot be read, blocked numbers are free again: {error.strerror}"
        rows, bad = [], 0
        for line in lines[:-1]:
            try:
                row = orjson.loads(line)
            except ValueError:
                row = None
            if isinstance(row, dict):
                rows.append(row)
            else:
                bad += 1
        return rows, f"{self.path}: {bad} lines cannot be read and are left out" if bad else ""

    def append(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows."""
        fd = os.open(self.path, _FLAGS, 0o600)
        try:
            _write(fd, rows)
        finally:
            os.close(fd)

    def replace(self, blocks: Iterable[Block]) -> None:
        """Write only these."""
        partial = self.path.with_suffix(".new")
        partial.unlink(missing_ok=True)
        fd = os.open(partial, _FLAGS | os.O_EXCL, 0o600)
        try:
            _write(fd, (block.to_row() for block in blocks))
        finally:
            os.close(fd)
        partial.rename(self.path)


def _write(fd: int, rows: Iterable[dict[str, Any]]) -> None:
    with os.fdopen(os.dup(fd), "ab") as file:
        for row in rows:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    os.fdatasync(fd)
