"""How long a look-up in a number table takes, and how long its way there: file, memory, import."""

from __future__ import annotations

import random
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import calls
from tests.support.switch import Switch, free_port
from vosswitch.numbers.files import compile_table, number_table
from vosswitch.numbers.table import NumberTable

if TYPE_CHECKING:
    from collections.abc import Callable

_ASKED = 20_000


def measure(count: int, imported: int) -> dict[str, object]:
    """*count* numbers in a mapped file; *imported* rows from CSV into a database."""
    found: dict[str, object] = {"numbers": count}
    with tempfile.TemporaryDirectory(prefix="vosswitch-bench-") as name:
        folder = Path(name)
        chance = random.Random(1)
        numbers = sorted({f"1{chance.randrange(2 * 10**9, 10**10)}" for _ in range(count)})
        began = time.monotonic()
        compile_table(((number, f"1{chance.randrange(10**5):05}0000") for number in numbers), str(folder / "full.bin"))
        found["compile_s"] = round(time.monotonic() - began, 1)
        found["file_MB"] = (folder / "full.bin").stat().st_size // 1_000_000
        found |= _times(folder / "full.bin", chance.sample(numbers, _ASKED), "number")
        prefixes = sorted({str(chance.randrange(1, 10 ** chance.randrange(2, 13))) for _ in range(count)})
        compile_table(((prefix, "Area") for prefix in prefixes), str(folder / "areas.bin"))
        found |= _times(folder / "areas.bin", chance.sample(prefixes, _ASKED), "prefix")
        return found | _import(folder, imported)


def _times(path: Path, known: list[str], what: str) -> dict[str, object]:
    table = number_table({"file": str(path), "overlay": [], "kind": "other"})
    assert isinstance(table, NumberTable)
    longer, unknown = [f"{number}123"[:15] for number in known], [f"4{number[1:]}" for number in known]
    return {
        f"{what}_exact_ns": _each(table.get, known),
        f"{what}_exact_missing_ns": _each(table.get, unknown),
        f"{what}_longest_ns": _each(table.longest, longer),
        f"{what}_longest_missing_ns": _each(table.longest, unknown),
    }


def _each(ask: Callable[[str], object], numbers: list[str]) -> int:
    best = 1e9
    for _ in range(5):
        began = time.process_time()
        for number in numbers:
            ask(number)
        best = min(best, time.process_time() - began)
    return round(best / len(numbers) * 1e9)


def _import(folder: Path, count: int) -> dict[str, object]:
    with (folder / "rows.csv").open("w") as out:
        out.write("number,lrn\n")
        for row in range(count):
            out.write(f"1{2_000_000_000 + row * 7919 % count},14150000000\n")
    made = Switch(folder)
    made.cli("migrate")
    made.provision(calls.PROVISION.format(port=free_port(), media="off"))
    began = time.monotonic()
    made.cli("table", "import", "ported", str(folder / "rows.csv"), "--kind", "lrn")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1000  # the largest so far: the import
    return {"import_rows": count, "import_s": round(time.monotonic() - began, 1), "import_peak_MB": peak}
