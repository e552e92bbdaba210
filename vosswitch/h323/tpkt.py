"""TPKT (RFC 1006, section 6): messages on a TCP connection, several in a segment or split anywhere."""

from __future__ import annotations

_VERSION = 3
_HEAD = 4
LONGEST = 8192
"""Bytes of one packet that we take; the format allows 65,535, real messages have less than 4,000."""


class BadTpkt(Exception):
    """The connection carries something else; one line says what."""


def framed(payload: bytes) -> bytes:
    """One packet."""
    return b"\x03\x00" + (len(payload) + _HEAD).to_bytes(2, "big") + payload


class Framer:
    """Takes the bytes of one connection apart; never holds more than one packet."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that are complete now; empty packets (keep-alives) are left out.

        :raises BadTpkt: these are no packets: the connection has to be closed.
        """
        kept, found = self._kept, []
        kept += data
        while len(kept) >= _HEAD:
            size = int.from_bytes(kept[2:4], "big")
            if kept[0] != _VERSION or not _HEAD <= size <= LONGEST:
                raise BadTpkt(f"expected a TPKT of version 3 and 4-{LONGEST} bytes, got {bytes(kept[:4]).hex(' ')}")
            if len(kept) < size:
                break
            if size > _HEAD:
                found.append(bytes(kept[_HEAD:size]))
            del kept[:size]
        return found

    @property
    def waiting(self) -> int:
        """Bytes of a packet that is not complete."""
        return len(self._kept)
