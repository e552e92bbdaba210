"""The frame of a compiled file: a head of `HEADER` bytes, then sections that each start at a multiple of 8.

The head has magic, version, byte order (1 = little) and a count; per section its offset, length and CRC-32; then a
CRC-32 of all that.  Integers are in the byte order of the machine that wrote them.
"""

from __future__ import annotations

import struct
import sys
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEADER = 256
_HEAD = struct.Struct("<8sHHI")
_SECTION = struct.Struct("<QQI")
_PIECE = 1 << 20

Section = tuple[int, int, int]
"""Offset, length, CRC-32."""


class BadFile(Exception):
    """A compiled file that cannot be used; the text says why in one line."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of compiled file.

    :ivar noun: what such a file is, for messages.
    :ivar bad: raised where one cannot be used.
    """

    magic: bytes
    version: int
    sections: tuple[str, ...]
    noun: str
    bad: type[BadFile]

    def header(self, count: int, sections: Sequence[Section]) -> bytes:
        """The first `HEADER` bytes; *sections* in the order of the layout's."""
        head = _HEAD.pack(self.magic, self.version, int(sys.byteorder == "little"), count)
        head += b"".join(_SECTION.pack(*one) for one in sections)
        return (head + struct.pack("<I", zlib.crc32(head))).ljust(HEADER, b"\0")

    def read(self, view: memoryview, name: str) -> tuple[int, list[Section]]:
        """The count and the sections of a file; only its head is looked at.

        :raises BadFile: no such file, of another version, damaged head, or cut off.
        """
        head, noun = bytes(view[:HEADER]), self.noun
        if len(head) < HEADER or not head.startswith(self.magic):
            raise self.bad(f"{name}: not a compiled {noun}, or cut off in its head")
        _, version, little, count = _HEAD.unpack_from(head)
        if version != self.version or little != int(sys.byteorder == "little"):
            raise self.bad(f"{name}: {noun} of another version or machine: compile it again")
        end = _HEAD.size + _SECTION.size * len(self.sections)
        if struct.unpack_from("<I", head, end)[0] != zlib.crc32(head[:end]):
            raise self.bad(f"{name}: the {noun}'s head is damaged")
        sections = [_SECTION.unpack_from(head, _HEAD.size + i * _SECTION.size) for i in range(len(self.sections))]
        wanted = max(offset + length for offset, length, _ in sections)
        if len(view) < wanted:
            raise self.bad(f"{name}: cut off: {len(view)} bytes of {wanted}")
        return count, sections

    def verify(self, buffer: Any, sections: Sequence[Section], name: str) -> Iterator[None]:
        """Read everything against its checksums, in pieces of 1 MB: iterate at whatever pace fits.

        :raises BadFile: a section is damaged.
        """
        for section, (offset, length, expected) in zip(self.sections, sections, strict=True):
            crc = 0
            for start in range(offset, offset + length, _PIECE):
                crc = zlib.crc32(buffer[start : min(start + _PIECE, offset + length)], crc)
                yield
            if crc != expected:
                raise self.bad(f"{name}: section {section} is damaged")
