"""How long many rates take: import, start of the switch, memory."""

from __future__ import annotations

import csv
import resource
import tempfile
import time
from pathlib import Path

from tests.bench import calls, proc
from tests.support.switch import Switch, free_port, until
from vosswitch.store.workbook_writing import write_workbook


def sheet(path: Path, count: int) -> None:
    """Write a price list of *count* prefixes."""
    with path.open("w") as out:
        out.write("prefix,name,per_minute,first,next,connect_fee\n")
        for number in range(count):
            out.write(f"{10_000_000 + number},Area {number},0.{number % 9000 + 1:04d},1,1,0\n")


def measure(count: int) -> dict[str, object]:
    """Import *count* rates into the customer's group, then start with them."""
    with tempfile.TemporaryDirectory(prefix="vosswitch-bench-") as name:
        folder = Path(name)
        made = Switch(folder)
        made.cli("migrate")
        made.provision(calls.PROVISION.format(port=free_port(), media="off"))
        small = _start_seconds(made)
        made.stop()
        sheet(folder / "sheet.csv", count)
        began = time.monotonic()
        made.cli("rates", "import", "sell", str(folder / "sheet.csv"))
        imported = time.monotonic() - began
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1000  # the largest so far: the import
        sheets = _sheets(made, folder, count)
        first = _start_seconds(made)
        made.stop()
        again = _start_seconds(made)
        assert made.process is not None
        resident = {name: proc.resident(pid) // 1_000_000 for pid, name in proc.family(made.process.pid).items()}
        made.stop()
        return {
            "rates": count,
            "import_s": round(imported, 1),
            "import_peak_MB": peak,
            **sheets,
            "start_small_s": round(small, 2),
            "start_first_s": round(first, 2),
            "start_again_s": round(again, 2),
            "resident_MB": resident,
        }


def _sheets(made: Switch, folder: Path, count: int) -> dict[str, float]:
    """The same list as a vendor's sheet in both formats, each into an empty group."""
    with (folder / "sheet.csv").open(newline="") as file:
        heading, *rows = csv.reader(file)
    assert write_workbook(str(folder / "sheet.xlsx"), heading, rows, {2, 3, 4, 5}) == count
    found = {}
    for kind in ("csv", "xlsx"):
        made.provision(f'[[rate_groups]]\nname = "{kind}"\n')
        began = time.monotonic()
        made.cli("rates", "sheet", "apply", kind, str(folder / f"sheet.{kind}"))
        found[f"sheet_{kind}_s"] = round(time.monotonic() - began, 1)
    return found


def _start_seconds(made: Switch) -> float:
    began = time.monotonic()
    made.start(wait=False)
    until(made.alive, 120, "start")
    return time.monotonic() - began
