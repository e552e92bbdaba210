"""CPU, memory and socket drops of processes, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> dict[int, str]:
    """A process and all its descendants: pid to a short name."""
    found = {pid: _name(pid)}
    for child in _children(pid):
        found.update(family(child))
    return found


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(item) for item in task.read_text().split()]
    return found


def _name(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    for name in ("recorder", "media", "h323", "rtpengine", "b2bua"):
        if any(f"vosswitch.{name}" in word or word.endswith((name, f"{name}_simple")) for word in words):
            return name
    return "switch"


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, user and system, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def cpu_by_name(pid: int) -> dict[str, float]:
    """CPU seconds of a family by name."""
    sums: dict[str, float] = {}
    for member, name in family(pid).items():
        sums[name] = sums.get(name, 0.0) + cpu(member)
    return sums


def resident(pid: int) -> int:
    """Resident bytes of one process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def udp_drops(*ports: int) -> int:
    """Datagrams that the sockets bound to *ports* have dropped because their buffer was full."""
    wanted = {f"{port:04X}" for port in ports}
    drops = 0
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].rpartition(":")[2] in wanted:
            drops += int(fields[-1])
    return drops
