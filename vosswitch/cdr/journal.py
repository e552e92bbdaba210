"""The journal's format, without disk: how records are framed, how segments are scanned, what counts as damage.

A segment is a header and then records, back to back; what is preallocated behind the last record is zeros.  A record
is a head (mark, version, type, length, CRC32, flowno) and a JSON payload.  The mark begins with a byte that UTF-8
never contains, so that a reader finds its way back after damage and never takes a part of a payload for a record.

Damage rules: what follows the last intact record is a *torn tail* and is cut; whatever unreadable lies between two
intact records is a *gap*, which is put aside and reported.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VERSION = 1
MAX_PAYLOAD = 1 << 20
"""Bytes; a longer length in a head is damage, and a longer record is refused by the writer."""

_HEAD = struct.Struct("<2sBBIIq")
_COVERED = struct.Struct("<BBIq")
_SEGMENT = struct.Struct("<8sIIII")
_MARK = b"\xffJ"
_MAGIC = b"VOSJRNL\n"

HEAD_SIZE = _HEAD.size
FIRST = _SEGMENT.size
"""Offset of a segment's first record."""

_CODES = {"start": 1, "answer": 2, "end": 3, "tick": 4, "extend": 5, "carry": 6}
_KINDS = {code: kind for kind, code in _CODES.items()}


class Position(NamedTuple):
    """A place in the journal: *offset* is where the next record begins."""

    segment: int
    offset: int


class Record(NamedTuple):
    """One intact record.

    :ivar flowno: the call it belongs to, 0 for a tick.
    :ivar payload: JSON, not parsed yet.
    :ivar end: offset behind it in its segment.
    """

    kind: str
    flowno: int
    payload: bytes
    end: int

    def value(self) -> dict[str, Any]:
        """The payload as a dict."""
        parsed: dict[str, Any] = orjson.loads(self.payload)
        return parsed


def carried(flowno: int, records: Iterable[Record]) -> dict[str, Any]:
    """The payload of a ``carry`` record: all that these records of a call say, in one.

    :param records: ``start`` or an earlier ``carry``, then ``answer`` and the last ``extend``, as far as there are any.
    """
    parts: dict[str, Any] = {"flowno": flowno}
    for record in records:
        value = record.value()
        parts |= value if record.kind == "carry" else {record.kind: value}
    return parts


class Gap(NamedTuple):
    """Bytes from *start* to *end* that hold no readable record, with intact records behind them."""

    start: int
    end: int


class OversizedRecord(ValueError):
    """A payload over `MAX_PAYLOAD`."""


def frame(kind: str, flowno: int, payload: bytes) -> bytes:
    """Make the bytes of one record.

    :raises KeyError: no such kind.
    :raises OversizedRecord: *payload* is longer than a record may be.
    """
    size = len(payload)
    if size > MAX_PAYLOAD:
        raise OversizedRecord(f"a {kind} record of {size} bytes, at most {MAX_PAYLOAD} are allowed")
    code = _CODES[kind]
    check = crc32(payload, crc32(_COVERED.pack(VERSION, code, size, flowno)))
    return _HEAD.pack(_MARK, VERSION, code, size, check, flowno) + payload


def encode(kind: str, payload: Any) -> bytes:
    """Frame a dict or a dataclass; its ``flowno``, if it has one, goes into the head as well."""
    flowno = payload.get("flowno", 0) if isinstance(payload, dict) else getattr(payload, "flowno", 0)
    try:
        data = orjson.dumps(payload)
    except orjson.JSONEncodeError:
        data = _cleaned(payload)
    return frame(kind, flowno, data)


def _cleaned(payload: Any) -> bytes:
    """A payload with what JSON cannot hold: bytes of a peer that are no UTF-8 become question marks."""
    document = asdict(payload) if is_dataclass(payload) and not isinstance(payload, type) else payload
    text = json.dumps(document, ensure_ascii=False, default=_plain)
    return text.encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def read_at(data: bytes, offset: int, base: int = 0) -> Record | None:
    """The intact record that begins at *offset*, None when there is none (or not all of it is in *data*).

    :param base: where *data* begins in its segment.
    """
    if offset + HEAD_SIZE > len(data):
        return None
    mark, version, code, size, check, flowno = _HEAD.unpack_from(data, offset)
    begin = offset + HEAD_SIZE
    if mark != _MARK or version != VERSION or size > MAX_PAYLOAD or code not in _KINDS or begin + size > len(data):
        return None
    payload = data[begin : begin + size]
    if crc32(payload, crc32(_COVERED.pack(version, code, size, flowno))) != check:
        return None
    return Record(_KINDS[code], flowno, payload, base + begin + size)


def find(data: bytes, offset: int) -> int | None:
    """Where the next intact record at or behind *offset* begins."""
    while (offset := data.find(_MARK, offset)) >= 0:
        if read_at(data, offset) is not None:
            return offset
        offset += 1
    return None


def walk(data: bytes, offset: int = FIRST) -> Iterator[Record | Gap]:
    """All intact records of a segment from *offset* on, with the gaps between them; a torn tail yields nothing."""
    while True:
        record = read_at(data, offset)
        if record is None:
            begin = find(data, offset)
            if begin is None:
                return
            yield Gap(offset, begin)
            offset = begin
        else:
            yield record
            offset = record.end


def segment_header(number: int, life: int) -> bytes:
    """The first bytes of a segment.

    :param life: number of the first segment that the same run of the switch wrote.
    """
    check = crc32(struct.pack("<III", VERSION, number, life))
    return _SEGMENT.pack(_MAGIC, VERSION, number, life, check)


def segment_life(data: bytes) -> int | None:
    """The life that a segment's header names; None when the header cannot be read."""
    if len(data) < FIRST:
        return None
    magic, version, number, life, check = _SEGMENT.unpack_from(data)
    if magic != _MAGIC or crc32(struct.pack("<III", version, number, life)) != check:
        return None
    return int(life)
