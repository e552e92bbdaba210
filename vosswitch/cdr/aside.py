"""A file of lines for what cannot go where it should: surely on disk, whole lines only."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def append_line(path: Path, value: Mapping[str, Any]) -> None:
    """Add a line of JSON.

    :raises OSError: the disk refuses; nothing was added.
    """
    line = orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    with path.open("ab", buffering=0) as file:
        begin = file.tell()
        if file.write(line) < len(line):
            file.truncate(begin)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(file.fileno())  # what it came from lets go of it
