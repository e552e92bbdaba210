"""The faults.  Each runs calls, brings its fault about, and lets the harness compare the stories."""

from __future__ import annotations

import os
import random
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.load import Load
from tests.support.lossy import LossyWire
from tests.support.switch import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.mariadb import MariaDb

_INJECTED = Path(__file__).with_name("injected")
_DRAINED = 200
"""Records that wait for the next commit when all is well."""


@contextmanager
def loaded(folder: Path, url: str = "", **more: Any) -> Iterator[Load]:
    """A switch under load whose faults files in *folder* switch on; ended in any case."""
    folder.mkdir(exist_ok=True)
    path = os.pathsep.join(filter(None, [str(_INJECTED), os.environ.get("PYTHONPATH", "")]))
    environment = {"VOSSWITCH_FAULTS": str(folder), "PYTHONPATH": path, **more.pop("environment", {})}
    load = Load(folder, url, environment=environment, **more)
    try:
        yield load
    finally:
        load.close()


def _figures(load: Load, least: int, **more: Any) -> dict[str, Any]:
    """End the calls, and compare the stories."""
    load.end()
    load.gone()
    load.judge(answered=least)
    return {**load.figures, **more}


def database_away(folder: Path, server: MariaDb, seconds: float, rate: int = 90) -> dict[str, Any]:
    """MariaDB is killed under load, and is back after *seconds*."""
    with loaded(folder, server.new_url()) as load:
        load.begin(rate)
        time.sleep(1.5)
        server.kill()
        before = load.peers["rich"].counts()["successful"]
        time.sleep(seconds)
        went = load.peers["rich"].counts()["successful"] - before
        assert went > 0.6 * rate * (seconds - 1.5), f"only {went} calls went well meanwhile"
        waited = load.ask("status")["backlog"]
        assert waited > 0.5 * rate * seconds, waited
        server.start()
        began = time.monotonic()
        until(lambda: load.ask("status")["backlog"] < _DRAINED, 60, "the end of the backlog")
        drain = time.monotonic() - began
        load.unharmed()
        return _figures(load, int(rate * seconds / 2), drain_s=round(drain, 1), waited=waited)


def long_queue(folder: Path, server: MariaDb, seconds: float, policy: str = "refuse") -> dict[str, Any]:
    """More records wait than SERVER_MAX_CDR_PENDING_LIST_LENGTH: the policy begins, and ends by itself."""
    with loaded(folder, server.new_url()) as load:
        load.switch.cli("params", "set", "SERVER_MAX_CDR_PENDING_LIST_LENGTH", "300")
        load.switch.cli("params", "set", "VS_CDR_PENDING_POLICY", policy)
        load.begin(60)
        time.sleep(1.5)
        server.kill()
        until(lambda: "records:" in (load.ask("status")["trouble"] or ""), 20, "the alarm")
        time.sleep(seconds)
        stood = load.ask("status")["backlog"]
        server.start()
        began = time.monotonic()
        until(lambda: not load.ask("status")["trouble"], 60, "the end of the alarm")
        drain = time.monotonic() - began
        before = load.peers["rich"].counts()["successful"]
        until(lambda: load.peers["rich"].counts()["successful"] > before + 20, 10, "calls that go well again")
        figures = _figures(load, 150, drain_s=round(drain, 1), waited=stood)
        if policy == "refuse":  # refused calls have records, too
            assert figures["refused"][503] > 10, figures["refused"]
        return figures


def kill_9(folder: Path, url: str, times: int, seed: int = 1) -> dict[str, Any]:
    """The switch is killed at random moments."""
    chance = random.Random(seed)
    with loaded(folder, url) as load:
        load.begin()
        for _ in range(times):
            time.sleep(chance.uniform(1.0, 2.5))
            load.kill()
            time.sleep(chance.uniform(0, 0.3))
            load.switch.start()
        time.sleep(1)
        began = time.monotonic()
        until(lambda: load.ask("status")["backlog"] < _DRAINED, 60, "the end of the backlog")
        return _figures(load, 70 * times, drain_s=round(time.monotonic() - began, 1), kills=times)


def full_disk(folder: Path, seconds: float) -> dict[str, Any]:
    """The disk of the journal becomes full, a small tmpfs where we may mount one, and is freed after *seconds*."""
    folder.mkdir(exist_ok=True)
    with _small_disk(folder) as (disk, real):
        environment = {"VOSSWITCH_SEGMENT": str(1 << 20)}
        run = {"spool": str(disk / "spool"), "directory": "run"}
        with loaded(folder, environment=environment, run=run) as load:
            load.begin(60)
            time.sleep(1)
            (_fill if real else _pretend)(disk if real else folder)
            until(lambda: "journal:" in (load.ask("status")["trouble"] or ""), 60, "the alarm")
            time.sleep(seconds)
            status = load.ask("status")
            assert "journal:" in (status["trouble"] or ""), status
            process = load.switch.process.pid
            with suppress(FileNotFoundError):
                (disk / "filler").unlink()
            (folder / "full").unlink(missing_ok=True)
            began = time.monotonic()
            until(lambda: not load.ask("status")["trouble"], 10, "the end of the alarm")
            back = time.monotonic() - began
            before = load.peers["rich"].counts()["successful"]
            until(lambda: load.peers["rich"].counts()["successful"] > before + 20, 10, "calls that go well again")
            figures = _figures(load, 60, drain_s=round(back, 1), disk="tmpfs" if real else "injected")
            assert figures["refused"][503] > 10, figures["refused"]
            assert load.switch.process.pid == process
            return figures


@contextmanager
def _small_disk(folder: Path) -> Iterator[tuple[Path, bool]]:
    """A tmpfs of its own, and whether there is one."""
    disk = folder / "disk"
    disk.mkdir()
    mounted = os.geteuid() == 0 and not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "vosswitch-faults", str(disk)], check=False, capture_output=True
    ).returncode  # fmt: skip
    try:
        yield disk, mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(disk)], check=True)


def _fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def _pretend(folder: Path) -> None:
    (folder / "full").touch()


def clock_steps(folder: Path, url: str = "", pause: float = 1.5) -> dict[str, Any]:
    """The wall clock is set forward and back under load, the last time around a ``kill -9``."""
    with loaded(folder, url) as load:
        load.begin()
        time.sleep(1)
        for off in (3600, -7200, 90_000, -30):
            (folder / "clock").write_text(str(off))
            time.sleep(pause)
        load.kill()
        (folder / "clock").write_text("1800")
        load.switch.start()
        time.sleep(1)
        figures = _figures(load, 200)
        lasted = [row["holdtimems"] for row in load.books.cdrs if row["answertime"] is not None]
        assert max(lasted) < 1200 + 2500, max(lasted)
        whole = [ms for ms in lasted if 1100 < ms < 1700]
        assert len(whole) > 0.5 * len(lasted), sorted(lasted)
        return {**figures, "longest_ms": max(lasted)}


class _Byes(LossyWire):
    """Every BYE comes twice, and of some calls none at all."""

    def __init__(self, target: tuple[str, int], host: str) -> None:
        super().__init__(target, self._misses, host)
        self.doubled = 0

    def _misses(self, way: str, data: bytes) -> bool:
        if way == "back" or not data.startswith(b"BYE "):
            return False
        number = data.partition(b"Call-ID: ")[2].partition(b"-")[0]
        if number.isdigit() and int(number) % 20 == 0:
            return True
        self._far.sendto(data, self._target)
        self.doubled += 1
        return False


def byes(folder: Path, url: str = "", seconds: float = 4.0) -> dict[str, Any]:
    """Customers whose BYEs come twice, and of every twentieth call never: it ends with SS_MAX_CALL_DURATION."""
    with loaded(folder, url) as load:
        load.switch.cli("params", "set", "SS_MAX_CALL_DURATION", "3")
        wire = _Byes(("127.0.0.1", load.switch.port), load.hosts["rich"])
        try:
            load.vendor()
            load.caller("rich", 60, 800, port=wire.near[1], remote=wire.near[0])
            time.sleep(seconds)
            figures = _figures(load, int(30 * seconds))
        finally:
            wire.stop()
        assert wire.doubled > 20
        missing = figures["ends"]["max_duration"]
        assert missing, figures["ends"]
        return {**figures, "missing": missing, "doubled_byes": wire.doubled}
