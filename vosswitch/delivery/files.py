"""What sinks keep on disk: how far each of them is, what it has been asked, which segments it has to fetch elsewhere.

All of it is in the folder ``sinks`` of the spool.  A state is replaced as a whole, so a crash leaves the old or the new
one.  A *range* is what has to come out of the database: ``[since, until]`` in epoch milliseconds of the calls' ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import orjson

from vosswitch.cdr.aside import append_line
from vosswitch.cdr.files import JournalReader, segments, sync_directory
from vosswitch.cdr.journal import Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LET_GO = "let_go.jsonl"
_LONGEST = 120


@dataclass(slots=True)
class SinkState:
    """How far a sink is.

    :ivar segment: with *offset* the place in the journal behind the last call that it has.
    :ivar keep: what the sink itself keeps with it.
    :ivar ranges: what comes out of the database before the journal goes on: ``[since, until, day, id]``, the last two
        of the row that was delivered last, ``""`` and 0 at first.
    :ivar delivered: calls since the sink exists; *last* when it took the last of them, epoch milliseconds, 0 = never.
    :ivar failing: since when it fails, epoch milliseconds, 0 = it does not; *error* of the last failure, one line.
    :ivar promises: whether segments wait for it.
    :ivar refused: calls in the file of what it refuses for good, see `aside`; *refusal* of the last of them, one line.
    """

    name: str
    segment: int
    offset: int
    keep: dict[str, Any] = field(default_factory=dict)
    ranges: list[list[Any]] = field(default_factory=list)
    delivered: int = 0
    dropped: int = 0
    last: int = 0
    failing: int = 0
    error: str = ""
    promises: bool = True
    refused: int = 0
    refusal: str = ""

    @property
    def position(self) -> Position:
        """The place in the journal."""
        return Position(self.segment, self.offset)


_KNOWN = frozenset(field.name for field in fields(SinkState))


def folder(spool: str | Path) -> Path:
    """Where all of it is."""
    return Path(spool) / "sinks"


def _path(spool: str | Path, name: str) -> Path:
    safe = quote(name, safe="")
    if len(safe) > _LONGEST:
        safe = f"{safe[:80]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return folder(spool) / f"{safe}.json"


def read_state(spool: str | Path, name: str) -> SinkState | None:
    """The state of a sink; None when it has none."""
    return _read(_path(spool, name))


def states(spool: str | Path) -> list[SinkState]:
    """All of them, by name."""
    found = [_read(path) for path in folder(spool).glob("*.json")]
    return sorted((state for state in found if state is not None), key=lambda state: state.name)


def _read(path: Path) -> SinkState | None:
    try:
        values = orjson.loads(path.read_bytes())
        return SinkState(**{name: value for name, value in values.items() if name in _KNOWN})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError):  # twice is better than never: from the oldest segment on
        return SinkState(unquote(path.stem), 0, 0)


def write_state(spool: str | Path, state: SinkState) -> None:
    """Replace the state of a sink, surely on disk.

    :raises OSError: the disk refuses; the old one stays.
    """
    path = _path(spool, state.name)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(orjson.dumps(asdict(state)))
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def forget(spool: str | Path, name: str) -> None:
    """A sink that is no more."""
    _path(spool, name).unlink(missing_ok=True)
    for path in _asked(spool, name):
        path.unlink(missing_ok=True)


# What a sink refuses for good.


def aside(spool: str | Path, name: str) -> Path:
    """Where the calls are that a sink refuses for good: a line of JSON for each, until somebody takes the file away."""
    return _path(spool, name).with_suffix(".refused.jsonl")


def put_aside(spool: str | Path, state: SinkState, record: Mapping[str, Any], at: int, why: str) -> None:
    """Keep a call that the sink refuses for good; the state is not written.

    :param at: epoch milliseconds.
    :raises OSError: the disk refuses.
    """
    path, call_id = aside(spool, state.name), str(record["flowno"])
    count = state.refused + 1 if path.exists() else 1
    append_line(path, {"call_id": call_id, "at": at, "why": why, "record": dict(record)})
    state.refused, state.refusal = count, f"call {call_id}: {why}"


# What operators ask.


def ask(spool: str | Path, name: str, since: int, until: int) -> None:
    """Have a sink given the calls again that ended from *since* to *until* (epoch milliseconds)."""
    base = _path(spool, name)
    new = base.with_suffix(f".{time.time_ns()}.tmp")
    new.write_bytes(orjson.dumps([since, until]))
    owner = base.parent.stat()
    if owner.st_uid != os.geteuid():
        os.chown(new, owner.st_uid, owner.st_gid)
    new.rename(new.with_suffix(".ask"))


def asked(spool: str | Path, name: str) -> list[tuple[Path, list[int]]]:
    """What it was asked: the files, to be removed when the state has it, and the ranges."""
    return [(path, orjson.loads(path.read_bytes())) for path in _asked(spool, name)]


def _asked(spool: str | Path, name: str) -> list[Path]:
    stem = _path(spool, name).stem
    return sorted(
        path for path in folder(spool).glob("*.ask") if path.name.removesuffix(".ask").rpartition(".")[0] == stem
    )


# Segments that are gone.


def note_let_go(spool: str | Path, number: int) -> None:
    """Write down what a segment holds that is about to be removed although a sink has not had all of it."""
    reader = JournalReader(str(spool), Position(number, 0), lambda text: None)
    stops: list[int] = []
    while (records := reader.read(1000)) and reader.position.segment == number:
        stops += [item.value()["stop"] for item in records if item.kind == "end"]
    reader.close()
    row = {"segment": number, "since": min(stops, default=0), "until": max(stops, default=0), "calls": len(stops)}
    folder(spool).mkdir(mode=0o700, exist_ok=True)
    with (folder(spool) / _LET_GO).open("ab") as file:
        file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        file.flush()
        os.fsync(file.fileno())
    sync_directory(folder(spool))


def let_go(spool: str | Path, first: int, end: int) -> list[list[Any]]:
    """The ranges of what was in the segments from *first* on and before *end* that were let go."""
    rows = [row for row in _let_go(spool) if first <= row["segment"] < end and row["calls"]]
    return [[row["since"], row["until"], "", 0] for row in rows]


def forget_let_go(spool: str | Path, before: int) -> None:
    """Nobody needs what is known of segments before that one."""
    rows = _let_go(spool)
    left = [row for row in rows if row["segment"] >= before]
    if len(left) < len(rows):
        new = folder(spool) / f"{_LET_GO}.new"
        new.write_bytes(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in left))
        new.rename(folder(spool) / _LET_GO)


def _let_go(spool: str | Path) -> list[dict[str, int]]:
    try:
        lines = (folder(spool) / _LET_GO).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    rows = []
    for text in lines:
        with contextlib.suppress(orjson.JSONDecodeError):  # torn: its segment is still there
            rows.append(orjson.loads(text))
    return rows


def waiting(spool: str | Path, state: SinkState) -> int:
    """How many finished calls of the journal a sink has not had."""
    known = segments(Path(spool))
    if not known:
        return 0
    reader = JournalReader(str(spool), state.position, lambda text: None)
    count = 0
    while records := reader.read(4000):
        count += sum(item.kind == "end" for item in records)
    reader.close()
    return count


def lowest(found: Iterable[SinkState]) -> int | None:
    """The oldest segment that a promising sink has not had all of."""
    return min((state.segment for state in found if state.promises), default=None)
