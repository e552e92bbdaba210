"""Compiled price lists on disk: written in one pass with little memory, opened by mapping."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vosswitch.billing.ratefile import LAYOUT, RateCompiler, RateFile
from vosswitch.billing.rates import RateTable
from vosswitch.numbers.files import mapped, write_sections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_BATCH = 8192


def compile_rates(rows: Iterable[Sequence[Any]], path: str) -> int:
    """Write a compiled price list; it appears under *path* complete and synced, or not at all.

    :param rows: the fields of `Rate`, sorted by prefix (as text), then by effective time.
    :returns: how many rows it holds.
    :raises ValueError: rows out of order, doubled, or not representable.
    :raises OSError: the disk.
    """
    compiler, count = RateCompiler(), 0

    def chunks() -> Iterator[dict[str, bytes]]:
        nonlocal count
        for row in rows:
            compiler.add(row)
            count += 1
            if compiler.pending >= _BATCH:
                yield compiler.flush()
        yield compiler.finish()

    write_sections(LAYOUT, Path(path), chunks(), lambda: compiler.count)
    return count


def open_rate_file(path: str) -> RateFile:
    """Map a compiled price list, in constant time.

    :raises vosswitch.billing.ratefile.BadRateFile: missing, unreadable, damaged in its head, or cut off.
    """
    return RateFile(mapped(LAYOUT, path), path)


def open_rates(path: str) -> RateTable:
    """The `RateTable` of a compiled price list alone; changes go on top by `RateTable.with_changes`.

    :raises vosswitch.billing.ratefile.BadRateFile: see `open_rate_file`.
    """
    return RateTable.build(base=open_rate_file(path))


def verify_rates(path: str) -> int:
    """Read a compiled price list whole against its checksums; the number of its rows.

    :raises vosswitch.billing.ratefile.BadRateFile: damaged anywhere.
    """
    found = open_rate_file(path)
    for _ in found.verify():
        pass
    return found.count
