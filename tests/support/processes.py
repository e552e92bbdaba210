"""The processes of a running switch, and signals to them."""

from __future__ import annotations

import os
from pathlib import Path


def family(root: int) -> dict[int, str]:
    """Process id -> command line of *root* and its descendants."""
    parents: dict[int, int] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdecimal() and (found := _stat(int(path.name))):
            parents[int(path.name)] = found[1]
    inside = {root}
    while more := {pid for pid, parent in parents.items() if parent in inside} - inside:
        inside |= more
    return {pid: command_line(pid) for pid in inside if pid in parents}


def _stat(pid: int) -> tuple[str, int] | None:
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return state, int(parent)


def command_line(pid: int) -> str:
    """How it was started; "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def running(pid: int) -> bool:
    """Whether it still works (a zombie does not)."""
    found = _stat(pid)
    return found is not None and found[0] != "Z"


def child(root: int, module: str) -> int:
    """The process id of the child of *root* that runs *module*."""
    found = [pid for pid, line in family(root).items() if f"-m {module}" in line]
    assert len(found) == 1, family(root)
    return found[0]


def own(pid: int, signal_number: int) -> None:
    """Send a signal to a process of a switch that the test has started."""
    os.kill(pid, signal_number)
