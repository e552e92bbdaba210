"""Python loads this at the start of every process of a switch under test: faults that files in a folder switch on.

``clock`` in $VOSSWITCH_FAULTS holds the seconds that the wall clock is off; as long as ``full`` is there, the disk has
no room for new files of the journal.  $VOSSWITCH_SEGMENT is the size of the journal's segments.
"""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from types import SimpleNamespace


def _clock(file: Path) -> None:
    seconds, nanoseconds = time.time, time.time_ns

    def off() -> int:
        try:
            return int(file.read_text() or 0)
        except (FileNotFoundError, ValueError):
            return 0

    time.time = lambda: seconds() + off()
    time.time_ns = lambda: nanoseconds() + off() * 1_000_000_000


def _disk(file: Path) -> None:
    allocate, ask = os.posix_fallocate, os.statvfs

    def posix_fallocate(fd: int, offset: int, length: int) -> None:
        if file.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        allocate(fd, offset, length)

    def statvfs(path: object) -> object:
        return SimpleNamespace(f_bavail=0, f_frsize=4096) if file.exists() else ask(path)

    os.posix_fallocate, os.statvfs = posix_fallocate, statvfs


def _segments(size: int) -> None:
    from vosswitch.cdr.files import JournalWriter  # noqa: PLC0415

    JournalWriter.__init__.__defaults__ = (size,)


if folder := os.environ.get("VOSSWITCH_FAULTS"):
    _clock(Path(folder) / "clock")
    _disk(Path(folder) / "full")
if size := os.environ.get("VOSSWITCH_SEGMENT"):
    _segments(int(size))
