"""Registered phones on one process: how fast they register, what they cost, and how fast they are back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from tests.bench import proc
from tests.bench.registering import number_of
from tests.support.switch import ROOT, Switch

PROVISION = """
[[rate_groups]]
name = "sell"
[[accounts]]
number = "C1"
name = "Customer"
rate_group = "sell"
[[parameters]]
name = "SS_SIP_NAT_KEEP_ALIVE_PERIOD"
value = "20"
[[parameters]]
name = "SS_SIP_NAT_KEEP_ALIVE_MESSAGE"
value = ""
"""
IN_FLIGHT = 60


@contextmanager
def switch(phones: int):
    """A running switch that knows so many phones."""
    with tempfile.TemporaryDirectory(prefix="vosswitch-bench-") as name:
        made = Switch(Path(name))
        made.cli("migrate")
        text = "".join(
            f'[[phones]]\nnumber = "{number_of(phone)}"\naccount = "C1"\npassword = "secret"\n'
            for phone in range(phones)
        )
        path = Path(name) / "phones.toml"
        path.write_text(PROVISION + text)
        subprocess.run(
            [Path(sys.executable).parent / "vosswitch", "--config", str(made.config), "load", str(path)],
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=1200,
        )
        made.start()
        try:
            yield made
        finally:
            made.stop()


class Generator:
    """The generator's process."""

    def __init__(self, port: int, phones: int) -> None:
        command = [sys.executable, "-m", "tests.bench.registering", str(port), str(phones), str(IN_FLIGHT)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def line(self) -> dict[str, object]:
        """What it says next."""
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))

    def end(self) -> dict[str, object]:
        """Its last word."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        found = self.line()
        self.process.wait(10)
        return found


def measure(phones: int) -> dict[str, object]:
    """All figures for so many phones."""
    with switch(phones) as made:
        assert made.process is not None
        pid = made.process.pid
        found = _first(made, pid, phones)
        found |= _idle(made, pid, phones)
        made.stop(signal.SIGKILL)
        began = time.monotonic()
        made.start()
        found["restart_seconds"] = time.monotonic() - began
        found["registered_after_kill"] = made.json("node", "status")[0]["registered"]
        (row,) = made.json("registrations", "--limit", "1")
        found["first_again"] = row["number"]
    return found


def _first(made: Switch, pid: int, phones: int) -> dict[str, object]:
    """Register all of them, then all of them again, which shows what remains per registration."""
    cpu, memory = proc.cpu(pid), proc.resident(pid)
    generator = Generator(made.port, phones)
    told = generator.line()
    spent = proc.cpu(pid) - cpu
    generator.end()
    time.sleep(35)  # the transactions are over
    seconds = float(str(told["seconds"]))
    return {
        "phones": phones,
        "registrations/s": phones / seconds,
        "cpu_us_each": spent / phones * 1e6,
        "generator_cpu_us_each": float(str(told["cpu"])) / phones * 1e6,
        "odd": told["odd"],
        "bytes_each": (proc.resident(pid) - memory) / phones,
        "registered": made.json("node", "status")[0]["registered"],
    }


def _idle(made: Switch, pid: int, phones: int) -> dict[str, object]:
    """CPU of keeping them, without and with keep-alives: percent of a core."""
    cpu = proc.cpu(pid)
    time.sleep(10)
    quiet = (proc.cpu(pid) - cpu) / 10
    made.cli("params", "set", "SS_SIP_NAT_KEEP_ALIVE_MESSAGE", "HELLO")
    time.sleep(6)
    cpu = proc.cpu(pid)
    time.sleep(20)
    spent = (proc.cpu(pid) - cpu) / 20
    return {
        "idle_cpu_percent": quiet * 100,
        "keep_alive_us_each": max(spent - quiet, 0.0) * 20 / phones * 1e6,
    }
