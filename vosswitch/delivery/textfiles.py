"""CDR text files: by the hour (SS_CDR_RECORD_TO_FILE), and closed every so often for whoever fetches them.

Lines are those of `vosswitch.delivery.line`.  Name and size of the file that is being written are kept with the place
in the journal: what a crash left behind them is cut off, so no line is there twice and none is half there.  A call goes
into the file of the moment it is written at, so a file of a former hour or a closed one never changes again.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from vosswitch.cdr.files import sync_directory
from vosswitch.delivery.line import line
from vosswitch.hooks.interfaces import ICdrSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

PART = ".part"


class _Files:
    """What both kinds do alike: append lines surely, and cut off what nobody has noted."""

    def __init__(self, folder: Path, zone: ZoneInfo, wall: Callable[[], float]) -> None:
        self._folder = folder
        self._zone = zone
        self._wall = wall
        self._name = ""
        self._size = 0

    def _stamp(self, form: str) -> str:
        return f"{datetime.fromtimestamp(self._wall(), self._zone):{form}}"

    def _cut(self) -> None:
        """Bring the file back to the size that was noted."""
        path = self._folder / self._name
        if self._name and path.exists():
            if path.stat().st_size > self._size:
                os.truncate(path, self._size)
            self._size = path.stat().st_size

    def _append(self, records: Iterable[Mapping[str, Any]]) -> None:
        data = "".join([line(record) + "\n" for record in records]).encode("utf-8", "replace")
        path = self._folder / self._name
        fresh = not path.exists()
        with path.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            self._size = file.tell()
        if fresh:
            sync_directory(self._folder)


@implementer(ICdrSink)
class HourFiles(_Files):
    """``YYYYMMDDHH.txt`` in *folder*.

    :param unconnected: whether calls that were not answered are in them (SS_CDR_RECORD_NONCONNECT).
    """

    name = "hourly_files"
    batch = 1000

    def __init__(self, folder: Path, zone: ZoneInfo, wall: Callable[[], float], *, unconnected: bool) -> None:
        super().__init__(folder, zone, wall)
        self._unconnected = unconnected

    def resume(self, kept: Mapping[str, Any]) -> None:
        """Go on where *kept* says; the first time behind what is there."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._name, self._size = kept.get("file", ""), kept.get("size", 0)
        there = sorted(path.name for path in self._folder.glob(f"{'[0-9]' * 10}.txt"))
        if "file" not in kept:
            self._name, self._size = there[-1] if there else "", sys.maxsize
        for name in there:
            if name > self._name:  # begun by a batch that nobody has noted
                (self._folder / name).unlink()
        self._cut()

    def keep(self) -> dict[str, Any]:
        """What `resume` needs."""
        return {"file": self._name, "size": self._size}

    def write(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Append a line for each call."""
        wanted = [record for record in records if self._unconnected or record["answer"]]
        if not wanted:
            return
        name = max(f"{self._stamp('%Y%m%d%H')}.txt", self._name)  # a clock that was set back opens no former file
        if name != self._name:
            self._name, self._size = name, 0
        self._append(wanted)


@implementer(ICdrSink)
class IntervalFiles(_Files):
    """Files that are closed every so often: ``YYYYMMDDHHMMSS.txt`` in *folder*, ``.part`` behind it until then.

    :param interval: seconds (SERVER_CDR_FILE_WRITE_INTERVAL).
    :param most: files kept (SERVER_CDR_FILE_WRITE_MAX).
    """

    name = "interval_files"
    batch = 1000

    def __init__(self, folder: Path, zone: ZoneInfo, wall: Callable[[], float], interval: int, most: int) -> None:
        super().__init__(folder, zone, wall)
        self._interval = interval
        self._most = most
        self._begun = 0.0

    def resume(self, kept: Mapping[str, Any]) -> None:
        """Go on where *kept* says; an open file that it does not name holds nothing that counts."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if "file" not in kept:  # the sink was off meanwhile: what it had open then is all there is
            for path in self._folder.glob(f"*{PART}"):
                path.rename(path.with_suffix(""))
        self._name, self._size = kept.get("file", ""), kept.get("size", 0)
        self._begun = kept.get("begun", 0.0)
        for path in self._folder.glob(f"*{PART}"):
            if path.name != self._name:
                path.unlink()
        if not (self._folder / self._name).is_file():
            self._name, self._size = "", 0  # it was closed, and that was not noted any more
        self._cut()

    def keep(self) -> dict[str, Any]:
        """What `resume` needs."""
        return {"file": self._name, "size": self._size, "begun": self._begun}

    def write(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Append a line for each call, in a new file when it is time."""
        self.tick()
        if not self._name:
            self._name, self._size, self._begun = self._free_name(), 0, self._wall()
        self._append(records)

    def tick(self) -> bool:
        """Close the file when it is time; whether that was done."""
        age = self._wall() - self._begun
        if not self._name or 0 <= age < self._interval:
            return False
        path = self._folder / self._name
        path.rename(path.with_suffix(""))
        sync_directory(self._folder)
        self._name, self._size = "", 0
        for old in sorted(self._folder.glob("*.txt"))[: -self._most]:
            old.unlink(missing_ok=True)
        return True

    def _free_name(self) -> str:
        base = self._stamp("%Y%m%d%H%M%S")
        name, count = base, 1
        while (self._folder / f"{name}.txt").exists():
            name, count = f"{base}-{count}", count + 1
        return f"{name}.txt{PART}"
