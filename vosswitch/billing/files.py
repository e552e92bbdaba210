"""Compiled price lists on disk: written in one pass with little memory, opened by mapping."""

from __future__ import annotations

import mmap
import os
import tempfile
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from vosswitch.billing.ratefile import HEADER, SECTIONS, BadRateFile, RateCompiler, RateFile, header
from vosswitch.billing.rates import RateTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_BATCH = 8192


def compile_rates(rows: Iterable[Sequence[Any]], path: str) -> int:
    """Write a compiled price list; it appears under *path* complete and synced, or not at all.

    :param rows: the fields of `Rate`, sorted by prefix (as text), then by effective time.
    :returns: how many rows it holds.
    :raises ValueError: rows out of order, doubled, or not representable.
    :raises OSError: the disk.
    """
    compiler = RateCompiler()
    target = Path(path)
    with ExitStack() as stack:
        parts = {
            name: stack.enter_context(tempfile.TemporaryFile(dir=target.parent, prefix=".rates")) for name in SECTIONS
        }
        count = 0
        for row in rows:
            compiler.add(row)
            count += 1
            if compiler.pending >= _BATCH:
                _append(parts, compiler.flush())
        _append(parts, compiler.finish())
        _assemble(target, compiler.count, parts)
    return count


def _append(parts: Mapping[str, IO[bytes]], chunks: Mapping[str, bytes]) -> None:
    for name, chunk in chunks.items():
        parts[name].write(chunk)


def _assemble(target: Path, count: int, parts: Mapping[str, IO[bytes]]) -> None:
    partial = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(bytes(HEADER))
            sections = [_copy(parts[name], out) for name in SECTIONS]
            out.seek(0)
            out.write(header(count, sections))
            out.flush()
            os.fsync(out.fileno())
        partial.replace(target)
        _sync_folder(target.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _copy(part: IO[bytes], out: IO[bytes]) -> tuple[int, int, int]:
    """Append one section, aligned to 8; its offset, length and CRC-32."""
    out.write(bytes(-out.tell() % 8))
    offset = out.tell()
    part.seek(0)
    crc = 0
    while chunk := part.read(1 << 20):
        crc = zlib.crc32(chunk, crc)
        out.write(chunk)
    return offset, out.tell() - offset, crc


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def open_rate_file(path: str) -> RateFile:
    """Map a compiled price list, in constant time.

    :raises BadRateFile: missing, unreadable, damaged in its head, or cut off.
    """
    try:
        with Path(path).open("rb") as file:
            return RateFile(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), path)
    except (OSError, ValueError) as error:
        raise BadRateFile(f"{path}: cannot be opened: {error}") from None


def open_rates(path: str) -> RateTable:
    """The `RateTable` of a compiled price list alone; changes go on top by `RateTable.with_changes`.

    :raises BadRateFile: see `open_rate_file`.
    """
    return RateTable.build(base=open_rate_file(path))


def verify_rates(path: str) -> int:
    """Read a compiled price list whole against its checksums; the number of its rows.

    :raises BadRateFile: damaged anywhere.
    """
    found = open_rate_file(path)
    for _ in found.verify():
        pass
    return found.count
