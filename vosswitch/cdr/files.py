"""The journal on disk: a spool folder of numbered segments with one writer and any number of readers.

Every run of the switch begins a segment of its own, so a segment of a former run never changes again except that its
torn tail is cut.  The recorder deletes segments; the newest one always stays, so that numbers never repeat.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vosswitch.cdr import journal
from vosswitch.cdr.journal import FIRST, Gap, Position, Record
from vosswitch.cdr.unended import Found

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.cdr.unended import OpenCall

SEGMENT_SIZE = 16 << 20
RECORD_BOUND = 8 << 10
"""Bytes that admission counts for a record still to come; several times the usual size."""

_NAME = re.compile(r"journal-(\d{10})\.seg")
_SPARE = "spare.seg"
_CHUNK = 1 << 18


class SpoolBusy(Exception):
    """Another switch writes into this spool; the text is one line for the operator."""


class Lock:
    """An advisory lock on a file of the spool, held until `release` or the end of the process.

    :raises SpoolBusy: somebody else holds it (only when not *wait*).
    """

    __slots__ = ("_fd",)

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise SpoolBusy(f"{path.parent}: the spool is in use by another running switch") from None

    def release(self) -> None:
        """Let others have it."""
        os.close(self._fd)


def segment_path(directory: Path, number: int) -> Path:
    """Where segment *number* is."""
    return directory / f"journal-{number:010d}.seg"


def segments(directory: Path) -> list[int]:
    """The numbers of the segments that exist, oldest first."""
    try:
        names = [path.name for path in directory.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(found[1]) for name in names if (found := _NAME.fullmatch(name)))


def put_aside(directory: Path, number: int, start: int, data: bytes) -> Path:
    """Copy unreadable bytes of a segment into a file of their own, for people to look at."""
    path = directory / f"journal-{number:010d}.{start}.damaged"
    path.write_bytes(data)
    return path


class JournalWriter:
    """The one writer of a spool.

    :param directory: made when missing; mode 0700.
    :raises SpoolBusy: another process writes there.
    :raises OSError: the disk refuses.
    """

    __slots__ = (
        "_directory",
        "_fd",
        "_free",
        "_life",
        "_lock",
        "_names",
        "_number",
        "_offset",
        "_retired",
        "_size",
        "_spare",
    )

    def __init__(self, directory: str, segment_size: int = SEGMENT_SIZE) -> None:
        self._directory = Path(directory)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = Lock(self._directory / "writer.lock")
        self._clear_spares()
        self._names = itertools.count()
        self._size = segment_size
        self._spare = False
        self._retired: list[int] = []
        fresh = int(self._directory.stat().st_mtime)  # so that a spool that was thrown away never repeats numbers
        self._number = self._life = max(segments(self._directory), default=fresh) + 1
        self.prepare()
        self._fd = self._begin()
        self._offset = FIRST
        self._free = self.measure()

    @property
    def position(self) -> Position:
        """Where the next record goes."""
        return Position(self._number, self._offset)

    @property
    def life(self) -> int:
        """Number of the first segment of this run."""
        return self._life

    def append(self, kind: str, payload: Any) -> Position:
        """Write one record; when this returns, a ``kill -9`` cannot lose it.

        :param payload: a dict or a dataclass, JSON-able.
        :returns: the position behind it.
        :raises OSError: the disk refuses; nothing was appended.
        """
        data = journal.encode(kind, payload)
        if self._offset + len(data) > self._size and self._offset > FIRST:
            self._roll()
        done = os.pwrite(self._fd, data, self._offset)
        while done < len(data):
            done += os.pwrite(self._fd, data[done:], self._offset + done)
        self._offset += len(data)
        return Position(self._number, self._offset)

    def read(self, place: Position) -> Record:
        """The record that begins at *place*; may run in a thread.

        :raises OSError: the disk refuses, or the segment is gone.
        :raises ValueError: there is no record.
        """
        with segment_path(self._directory, place.segment).open("rb") as file:
            for size in (_CHUNK >> 4, journal.HEAD_SIZE + journal.MAX_PAYLOAD):
                record = journal.read_at(os.pread(file.fileno(), size, place.offset), 0)
                if record is not None:
                    return record
        raise ValueError(f"no record at {place}")

    def room_for(self, records: int) -> bool:
        """Whether *records* more records surely fit; by the disk space of the last `measure`."""
        room = self._size - self._offset + self._free + (self._size if self._spare else 0)
        return room >= records * RECORD_BOUND

    @property
    def next_fits(self) -> bool:
        """Whether the disk has room for one more segment; by the last `measure`."""
        return self._free >= self._size

    def measure(self) -> int:
        """Ask the file system for its free bytes; may run in a thread."""
        found = os.statvfs(self._directory)
        self._free = found.f_bavail * found.f_frsize
        return self._free

    @property
    def wants_spare(self) -> bool:
        """The next segment should be prepared now (`prepare`, in a thread)."""
        return not self._spare and self._offset > self._size // 2

    def prepare(self) -> None:
        """Preallocate the next segment ahead of need; may run in a thread."""
        path = self._directory / f"spare.{next(self._names)}.tmp"  # the loop may need one while a thread makes one
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, self._size)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
        path.rename(self._directory / _SPARE)
        self._spare = True

    def sync(self) -> None:
        """Bring everything appended so far to the disk; may run in a thread, one at a time."""
        os.fdatasync(self._fd)  # first: a segment that is left meanwhile is in the list by then
        retired, self._retired = self._retired, []
        for fd in retired:
            os.fdatasync(fd)
            os.close(fd)

    def close(self) -> None:
        """Sync, cut the unused rest, let the spool go."""
        self.sync()
        os.ftruncate(self._fd, self._offset)
        os.close(self._fd)
        self._clear_spares()
        self._lock.release()

    def _clear_spares(self) -> None:
        for path in self._directory.glob("spare.*"):
            path.unlink(missing_ok=True)

    def _roll(self) -> None:
        """Go on in the next segment; on an error the present one stays in use."""
        if not self._spare:
            self.prepare()
        self._number += 1
        try:
            fd = self._begin()
        except OSError:
            self._number -= 1
            raise
        os.ftruncate(self._fd, self._offset)
        self._retired.append(self._fd)
        self._fd, self._offset = fd, FIRST

    def _begin(self) -> int:
        spare = self._directory / _SPARE
        fd = os.open(spare, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.pwrite(fd, journal.segment_header(self._number, self._life), 0)
            spare.rename(segment_path(self._directory, self._number))
            sync_directory(self._directory)
        except OSError:
            os.close(fd)
            raise
        self._spare = False
        return fd


def sync_directory(directory: Path) -> None:
    """Bring the names in a folder to the disk."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_segment(directory: Path, number: int) -> None:
    """Bring a segment to the disk, whoever wrote it; nothing when it is gone."""
    try:
        fd = os.open(segment_path(directory, number), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fdatasync(fd)
    finally:
        os.close(fd)


class JournalReader:
    """Follows a spool while it is being written.

    :ivar position: behind the last record that `read` gave.
    :param start: where to go on; a place that no longer exists means the oldest segment there is.
    :param on_damage: told one line for every gap.
    """

    __slots__ = ("_directory", "_fd", "_on_damage", "position")

    def __init__(self, directory: str, start: Position, on_damage: Callable[[str], None]) -> None:
        self._directory = Path(directory)
        self._on_damage = on_damage
        self._fd: int | None = None
        self.position = start

    def read(self, limit: int) -> list[Record]:
        """Up to *limit* records that are there now; empty when there is nothing new.

        The records of one answer all lie in the segment of `position`.
        """
        while True:
            if self._fd is None and not self._open():
                return []
            final = self._next_segment() is not None
            found = self._take(limit, final=final)
            if found or not final:
                return found
            self._leave()

    def backlog(self) -> int:
        """Bytes that wait to be read, about (preallocated room of a live segment counts)."""
        total = 0
        for number in segments(self._directory):
            if number >= self.position.segment:
                total += segment_path(self._directory, number).stat().st_size
        return max(0, total - self.position.offset)

    def close(self) -> None:
        """Let the segment's file go."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> bool:
        known = segments(self._directory)
        if not known:
            return False
        number, offset = self.position
        if number not in known:
            later = [item for item in known if item > number]
            number, offset = (later or known)[0], FIRST
        self._fd = os.open(segment_path(self._directory, number), os.O_RDONLY | os.O_CLOEXEC)
        self.position = Position(number, max(offset, FIRST))
        return True

    def _next_segment(self) -> int | None:
        number = self.position.segment + 1
        if segment_path(self._directory, number).exists():
            return number
        return next((item for item in segments(self._directory) if item >= number), None)

    def _leave(self) -> None:
        following = self._next_segment()
        assert following is not None
        self.close()
        self.position = Position(following, FIRST)

    def _take(self, limit: int, *, final: bool) -> list[Record]:
        found: list[Record] = []
        number, offset = self.position
        size = _CHUNK
        while len(found) < limit:
            data = self._pread(size, offset)
            taken, used = _intact(data, limit - len(found), offset)
            found += taken
            offset += used
            if taken:
                size = _CHUNK
            elif len(data) == size and size < journal.MAX_PAYLOAD + _CHUNK and _begun(data):
                size = journal.MAX_PAYLOAD + _CHUNK
            elif skipped := self._damage(number, offset, final=final):
                offset = skipped
            else:
                break
        self.position = Position(number, offset)
        return found

    def _damage(self, number: int, offset: int, *, final: bool) -> int | None:
        """The place behind a gap at *offset*, None when there is no intact record behind it (yet)."""
        if not final and not _begun(self._pread(journal.HEAD_SIZE, offset)):
            return None
        size = os.fstat(self._require()).st_size
        if journal.find(self._pread(size, offset), 0) is None:
            return None
        # A record behind was seen, so by now the one at *offset* is complete if it ever will be: look again.
        rest = self._pread(size, offset)
        begin = journal.find(rest, 0)
        if not begin:
            return offset
        path = put_aside(self._directory, number, offset, rest[:begin])
        self._on_damage(f"journal segment {number}: {begin} bytes at {offset} cannot be read, put aside in {path}")
        return offset + begin

    def _pread(self, size: int, offset: int) -> bytes:
        return os.pread(self._require(), size, offset)

    def _require(self) -> int:
        assert self._fd is not None
        return self._fd


def _begun(data: bytes) -> bool:
    """Whether something was written here, as against preallocated zeros."""
    return any(data[: journal.HEAD_SIZE])


def _intact(data: bytes, limit: int, base: int) -> tuple[list[Record], int]:
    """Records from the beginning of *data*, and how many bytes they are; *base* is where it begins in its segment."""
    found: list[Record] = []
    offset = 0
    while len(found) < limit and (record := journal.read_at(data, offset, base)) is not None:
        found.append(record)
        offset = record.end - base
    return found, offset


def scan_open_calls(directory: str, *, repair: bool = True) -> tuple[list[OpenCall], list[str]]:
    """Calls that were up or coming up when the switch stopped, in the order they began.

    To be called before the new run's `JournalWriter` is made or right after it (its segment holds nothing yet).

    :param repair: cut torn tails and put gaps aside.
    :returns: the calls, and one line for the operator for each damage that was found.
    """
    found = Found({}, {}, [])
    for number in segments(Path(directory)):
        _scan_segment(Path(directory), number, found, repair=repair)
    return found.calls(), found.problems


def last_flowno(directory: str) -> int:
    """The highest call id that the spool still knows, 0 when it knows none: new ones have to lie above it."""
    for number in reversed(segments(Path(directory))):
        try:
            data = segment_path(Path(directory), number).read_bytes()
        except FileNotFoundError:  # the recorder was done with it
            continue
        known = [item.flowno for item in journal.walk(data) if isinstance(item, Record)]
        if any(known):
            return max(known)
    return 0


def _scan_segment(directory: Path, number: int, found: Found, *, repair: bool) -> None:
    path = segment_path(directory, number)
    try:
        data = path.read_bytes()
    except FileNotFoundError:  # the recorder was done with it
        return
    life = journal.segment_life(data) or number
    end = FIRST
    for item in journal.walk(data):
        if isinstance(item, Gap):
            found.problems.append(f"{path}: {item.end - item.start} bytes at {item.start} cannot be read")
            if repair:
                put_aside(directory, number, item.start, data[item.start : item.end])
            continue
        end = item.end
        found.note(item, life)
    if any(data[end:]):
        found.problems.append(f"{path}: a record that was cut off at {end} is dropped")
    if repair and FIRST < end < len(data):  # one without records may be the new run's own
        os.truncate(path, end)
