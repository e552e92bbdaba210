"""Run the faults and print what became of the calls: ``python -m tests.faults [--quick] [FAULT ...]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.faults import scenarios
from tests.support.mariadb import MariaDb

if TYPE_CHECKING:
    from collections.abc import Callable

_COLUMNS = ("calls", "answered", "cdrs", "doubled", "lost", "drain_s")


def faults(server: MariaDb, quick: bool) -> dict[str, Callable[[Path], dict[str, Any]]]:
    """The faults by name."""
    away = 10 if quick else 60
    url = server.new_url
    return {
        "database": lambda folder: scenarios.database_away(folder, server, away),
        "queue": lambda folder: scenarios.long_queue(folder, server, 3 if quick else 10),
        "disk": partial(scenarios.full_disk, seconds=3 if quick else 20),
        "kill": lambda folder: scenarios.kill_9(folder, url(), 3 if quick else 12),
        "kill sqlite": lambda folder: scenarios.kill_9(folder, "", 3 if quick else 12, seed=2),
        "clock": lambda folder: scenarios.clock_steps(folder, url(), 1.5 if quick else 5),
        "byes": lambda folder: scenarios.byes(folder, url(), 4 if quick else 15),
    }


def main() -> int:
    """The exit status: how many faults have cost something."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("fault", nargs="*", help="which (default: all)")
    parser.add_argument("--quick", action="store_true", help="shorter runs")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="vosswitch-faults-") as name:
        (Path(name) / "mariadb").mkdir()
        server = MariaDb(Path(name) / "mariadb")
        try:
            known = faults(server, options.quick)
            print(f"{'fault':<12}" + "".join(f"{column:>10}" for column in _COLUMNS) + "  more")
            for fault in options.fault or known:
                failed += not _run(fault, known[fault], Path(name) / fault.replace(" ", "-"))
        finally:
            server.stop()
    return failed


def _run(name: str, fault: Callable[[Path], dict[str, Any]], folder: Path) -> bool:
    try:
        figures = fault(folder)
    except AssertionError:
        print(f"{name:<12}  FAILED")
        traceback.print_exc()
        return False
    more = ", ".join(f"{key} {value}" for key, value in figures.items() if key not in _COLUMNS and value)
    print(f"{name:<12}" + "".join(f"{figures.get(column, '-')!s:>10}" for column in _COLUMNS) + f"  {more}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
