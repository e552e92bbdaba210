"""The file of the spool in which registrations are kept over a restart."""

from __future__ import annotations

import os
from pathlib import Path

from vosswitch.sip.registrations.kept import Log, decode

NAME = "registrations.log"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class RegistrationFile:
    """An append-only log; a new one can be written beside it and take its place.

    Its methods block: all but `load` and `close` belong in a thread, one at a time.
    """

    __slots__ = ("_fd", "_new", "path")

    def __init__(self, directory: str, name: str = NAME) -> None:
        self.path = Path(directory) / name
        self._fd = -1
        self._new = -1

    def load(self) -> tuple[Log, str]:
        """What was kept, and one line about damage ("" = none).

        A torn tail is cut; a damaged file is put aside, and what stands before the damage is used.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return Log({}, 0, False), ""
        except OSError as error:
            return Log({}, 0, False), f"{self.path}: cannot be read, the registrations are lost: {error.strerror}"
        log = decode(data)
        try:
            problem = self._aside(log, len(data)) if log.damaged else self._cut(log, len(data))
        except OSError as error:
            problem = f"{self.path}: damaged, and cannot be repaired: {error.strerror}"
        return log, problem

    def _cut(self, log: Log, size: int) -> str:
        if log.good < size:
            os.truncate(self.path, log.good)
        return ""

    def _aside(self, log: Log, size: int) -> str:
        aside = self.path.with_suffix(".damaged")
        self.path.rename(aside)
        return (
            f"{self.path}: damaged at byte {log.good} of {size}, put aside as {aside.name};"
            f" {len(log.names)} registrations before that are used"
        )

    def append(self, data: bytes, new: bytes = b"") -> None:
        """Add records to the log, and *new* to the one that is being written beside it."""
        if self._fd < 0:
            self._fd = os.open(self.path, _FLAGS, 0o600)
        if data:
            _write(self._fd, data)
        if self._new >= 0 and new:
            _write(self._new, new)

    def begin(self) -> None:
        """Start a new log beside this one."""
        if self._new >= 0:
            os.close(self._new)
        self._new = os.open(self._partial, _FLAGS | os.O_TRUNC, 0o600)

    def replace(self) -> None:
        """Put the new log in the place of the old one."""
        os.fsync(self._new)
        self._partial.rename(self.path)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._new = self._new, -1

    @property
    def _partial(self) -> Path:
        return self.path.with_suffix(".new")

    def close(self) -> None:
        """Close what is open."""
        for fd in (self._fd, self._new):
            if fd >= 0:
                os.close(fd)
        self._fd = self._new = -1


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    os.fdatasync(fd)
