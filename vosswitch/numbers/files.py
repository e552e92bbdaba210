"""Compiled files on disk: written in one pass with little memory, opened by mapping; number tables among them."""

from __future__ import annotations

import mmap
import os
import tempfile
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from vosswitch.numbers import networks
from vosswitch.numbers.networks import NetworkTable
from vosswitch.numbers.sections import HEADER
from vosswitch.numbers.table import NumberTable
from vosswitch.numbers.tablefile import LAYOUT, TableCompiler, TableFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from vosswitch.numbers.sections import Layout, Section

_BATCH = 8192


def write_sections(
    layout: Layout, target: Path, chunks: Iterable[Mapping[str, bytes]], count: Callable[[], int]
) -> None:
    """Write a compiled file; it appears as *target* complete and synced, or not at all.

    :param chunks: what is added to the sections, by name, again and again.
    :param count: for the head, asked at the end.
    :raises OSError: the disk.
    """
    with ExitStack() as stack:
        parts = {
            name: stack.enter_context(tempfile.TemporaryFile(dir=target.parent, prefix=f".{target.name}"))
            for name in layout.sections
        }
        for chunk in chunks:
            for name, data in chunk.items():
                parts[name].write(data)
        _assemble(layout, target, count(), parts)


def _assemble(layout: Layout, target: Path, count: int, parts: Mapping[str, IO[bytes]]) -> None:
    partial = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(bytes(HEADER))
            sections = [_copy(parts[name], out) for name in layout.sections]
            out.seek(0)
            out.write(layout.header(count, sections))
            out.flush()
            os.fsync(out.fileno())
        partial.replace(target)
        _sync_folder(target.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _copy(part: IO[bytes], out: IO[bytes]) -> Section:
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


def mapped(layout: Layout, path: str) -> mmap.mmap:
    """A compiled file in memory, in constant time.

    :raises vosswitch.numbers.sections.BadFile: missing or unreadable.
    """
    try:
        with Path(path).open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise layout.bad(f"{path}: cannot be opened: {error}") from None


def compile_table(rows: Iterable[tuple[str, str]], path: str, between: Callable[[], object] = lambda: None) -> int:
    """Write a compiled number table; it appears under *path* complete and synced, or not at all.

    :param rows: numbers and values, sorted by number (as bytes).
    :param between: called now and then.
    :returns: how many rows it holds.
    :raises ValueError: rows out of order, doubled, or not representable.
    :raises OSError: the disk.
    """
    compiler, total = TableCompiler(), 0

    def chunks() -> Iterator[dict[str, bytes]]:
        nonlocal total
        for number, value in rows:
            compiler.add(number, value)
            total += 1
            if compiler.pending >= _BATCH:
                yield compiler.flush()
                between()
        for chunk in compiler.finish():
            yield chunk
            between()

    write_sections(LAYOUT, Path(path), chunks(), lambda: compiler.count)
    return total


def open_table_file(path: str) -> TableFile:
    """Map a compiled number table.

    :raises vosswitch.numbers.tablefile.BadTableFile: missing, unreadable, damaged in its head, or cut off.
    """
    return TableFile(mapped(LAYOUT, path), path)


def verify_table(path: str) -> int:
    """Read a compiled number table whole against its checksums; how many numbers it holds.

    :raises vosswitch.numbers.tablefile.BadTableFile: damaged anywhere.
    """
    found = open_table_file(path)
    for _ in found.verify():
        pass
    return found.count + len(found.odd)


def compile_networks(rows: Iterable[tuple[str, str]], path: str, between: Callable[[], object] = lambda: None) -> int:
    """Write a compiled table of networks, as `compile_table` does; *rows* in any order; how many they were."""
    total = 0

    def counted() -> Iterator[tuple[str, str]]:
        nonlocal total
        for total, row in enumerate(rows, 1):  # noqa: B007 - the last one counts
            yield row

    parts = networks.compiled(counted(), between)
    write_sections(networks.LAYOUT, Path(path), [parts], lambda: total)
    return total


def open_network_file(path: str) -> NetworkTable:
    """Map a compiled table of networks.

    :raises vosswitch.numbers.networks.BadNetworkFile: missing, unreadable, damaged in its head, or cut off.
    """
    view = memoryview(mapped(networks.LAYOUT, path))
    count, sections = networks.LAYOUT.read(view, path)
    named = zip(networks.LAYOUT.sections, sections, strict=True)
    return NetworkTable({name: view[offset : offset + length] for name, (offset, length, _) in named}, count)


def number_table(body: Mapping[str, Any]) -> NumberTable | NetworkTable:
    """The table of a configuration body: a compiled file or none, and what goes on top of it.

    :raises vosswitch.numbers.sections.BadFile: the file cannot be used.
    """
    if body["kind"] == networks.KIND:
        file, rows = body.get("file"), body.get("overlay", ())  # without a switch the rows stay in the database
        return open_network_file(file) if file else NetworkTable.of(map(tuple, rows))
    base = open_table_file(body["file"]) if body.get("file") else None
    changes = [(number, value) for number, value in body.get("overlay", ())]
    return NumberTable(base, changes, body["kind"])
