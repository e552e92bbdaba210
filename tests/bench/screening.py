"""How long lists take to say whether a number is on them, and a call's screening in all."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from vosswitch.accounts.areas import Area, address_of
from vosswitch.numbers.files import compile_table, open_table_file
from vosswitch.numbers.lists import Known, ScreeningList
from vosswitch.numbers.table import NumberTable

if TYPE_CHECKING:
    from collections.abc import Callable

ENTRIES = 1_000_000
MOST_EXACT, MOST_PREFIX, MOST_PATTERNS = 1.0, 3.0, 20.0
"""Microseconds that a look-up may take."""


def run(quick: bool) -> dict[str, object]:
    """Microseconds of CPU a look-up, the median of many rounds."""
    source = random.Random(1)
    numbers = [_number(source, 13) for _ in range(1000)]
    with tempfile.TemporaryDirectory() as folder:
        exact = _table(Path(folder) / "exact", 13, ENTRIES // 10 if quick else ENTRIES, source)
        prefix = _table(Path(folder) / "prefix", 9, ENTRIES // 10 if quick else ENTRIES, source)
        found: dict[str, object] = {
            "exact_table": _timed(exact.get, numbers),
            "prefix_table": _timed(prefix.longest, numbers),
            "exact_list": _asked(exact, numbers, tables=["t"]),
            "prefix_list": _asked(prefix, numbers, prefix_tables=["t"]),
            "patterns_500": _asked(exact, numbers, entries=_patterns(source)),
            "patterns_500_new": _asked_once(source),
        }
    area = Area("a", [f"{10 + n // 65536}.{n // 256 % 256}.{n % 256}.0/24" for n in range(0, 20_000, 2)])
    hosts = [f"10.{n % 256}.{n % 199}.1" for n in range(1000)]
    found["area_10000"] = _timed(lambda host: address_of(host) in area, hosts)
    limits = (("exact_list", MOST_EXACT), ("prefix_list", MOST_PREFIX), ("patterns_500", MOST_PATTERNS))
    return found | {f"{name}_most": most for name, most in limits}


def _number(source: random.Random, size: int) -> str:
    return "".join(source.choices("0123456789", k=size))


def _table(path: Path, size: int, count: int, source: random.Random) -> NumberTable:
    rows = sorted({_number(source, size) for _ in range(count)})
    compile_table(((number, "") for number in rows), str(path))
    return NumberTable(open_table_file(str(path)), (), "list")


def _patterns(source: random.Random) -> list[str]:
    """Patterns that begin with digits, with any digit, and some that begin anywhere; and lengths."""
    beginnings = ("", "", "", ".", "[4-6]", r"\d{2}", ".*")
    rests = (".*", r"\d{4}", r"[1-5]*", r"\d\d.*3", "(1|2)9+")
    patterns = [f"/{beginnings[n % 7]}{_number(source, 6)}{rests[n % 5]}/" for n in range(450)]
    return patterns + [f"length {n % 40 + 20}-{n % 40 + 22}" for n in range(50)]


def _asked(table: NumberTable, numbers: list[str], **body: object) -> float:
    one = ScreeningList.from_body({"name": "x", **body})
    known = Known({"x": one}, {"t": table}, {}, {})
    return _timed(lambda number: one.match(number, known), numbers)


def _asked_once(source: random.Random) -> float:
    """Patterns and lengths, asked for numbers none of which came before."""
    one = ScreeningList.from_body({"name": "x", "entries": _patterns(source)})
    known, numbers = Known({}, {}, {}, {}), [_number(source, 13) for _ in range(10_000)]
    begun = time.process_time()
    for number in numbers:
        one.match(number, known)
    return (time.process_time() - begun) / len(numbers) * 1e6


def _timed(ask: Callable[[str], object], values: list[str]) -> float:
    rounds = []
    for _ in range(50):
        begun = time.process_time()
        for value in values:
            ask(value)
        rounds.append((time.process_time() - begun) / len(values) * 1e6)
    return statistics.median(rounds)
