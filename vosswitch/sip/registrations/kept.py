"""Registrations as they are kept over a restart: records of a log, of which the last one of each name counts.

A record is its length and the CRC32 of what follows (both 32 bits, little endian), then JSON: the name and its bindings
with the wall-clock second at which each ends.  No bindings = it is gone.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from zlib import crc32

import orjson

from vosswitch.sip.registrations.location import Binding

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEAD = struct.Struct("<II")
MOST = 1 << 20
"""Bytes of one record, far beyond what ten contacts need."""


class Log(NamedTuple):
    """What a log says.

    :ivar names: the last record of each name.
    :ivar good: bytes up to the first record that is torn or damaged.
    :ivar damaged: what follows is no torn tail but damage.
    """

    names: dict[str, list[list[Any]]]
    good: int
    damaged: bool


class Lasting(Protocol):
    """What can be kept: a `Binding`, or an endpoint of H.323."""

    @property
    def ends(self) -> float:
        """Monotonic seconds."""

    def to_data(self, left: float) -> list[Any]:
        """As a row of JSON, with the wall-clock second of its end in it."""


def encode(name: str, found: Iterable[Lasting], ahead: float) -> bytes:
    """A record.

    :param ahead: wall clock minus monotonic clock, seconds.
    """
    data = orjson.dumps([name, [one.to_data(one.ends + ahead) for one in found]])
    return _HEAD.pack(len(data), crc32(data)) + data


def decode(data: bytes) -> Log:
    """Read a log up to the first record that is not whole."""
    names: dict[str, list[list[Any]]] = {}
    at = 0
    while at < len(data):
        found = _record(data, at)
        if found is None:
            return Log(names, at, not _torn(data, at))
        name, rows, at = found
        names.pop(name, None)
        if rows:
            names[name] = rows
    return Log(names, at, False)


def _record(data: bytes, at: int) -> tuple[str, list[list[Any]], int] | None:
    start = at + _HEAD.size
    if start > len(data):
        return None
    length, check = _HEAD.unpack_from(data, at)
    body = data[start : start + length]
    if not 0 < length <= MOST or len(body) < length or crc32(body) != check:
        return None
    try:
        name, rows = orjson.loads(body)
    except ValueError:
        return None
    return (name, rows, start + length) if isinstance(name, str) and isinstance(rows, list) else None


def _torn(data: bytes, at: int) -> bool:
    """Whether a write that did not come to its end explains what stands there: less than it says, or only zeros."""
    rest = data[at:]
    if len(rest) < _HEAD.size or not rest.strip(b"\0"):
        return True
    length, _ = _HEAD.unpack_from(rest)
    return bool(0 < length <= MOST and len(rest) - _HEAD.size < length)


def revive(rows: list[list[Any]], ahead: float, now: float, longest: float) -> tuple[Binding, ...]:
    """The bindings of a record that are not over yet; one that cannot be read is left out.

    :param ahead: wall clock minus monotonic clock; *now* monotonic seconds.
    :param longest: seconds that a binding may still last: the wall clock may have been set back.
    """
    found = []
    for row in rows:
        try:
            ends = min(float(row[3]) - ahead, now + longest)
            if ends > now:
                found.append(Binding.from_data(row, ends))
        except (ValueError, TypeError, LookupError):
            continue
    return tuple(found)
