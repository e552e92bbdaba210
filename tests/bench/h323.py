"""SIP -> H.323 with fast start: CPU of a call on its whole path; start and memory of a node without and with H.323."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import calls, proc
from tests.support.sipp import Sipp, caller
from tests.support.switch import ROOT, Switch, free_port, until

_VENDOR = 'name = "vendor"\n'


def measure(rates: tuple[int, ...], seconds: float) -> dict[str, object]:
    """Start and memory both ways, then calls at each of *rates* per second; at a low one a message wakes each."""
    without, small = _node(h323=False)
    with_it, large = _node(h323=True)
    return {
        "start_without_s": round(without, 2),
        "start_with_s": round(with_it, 2),
        "resident_without_MB": small,
        "resident_with_MB": large,
        **{f"at {rate} calls/s": calls_at(rate, seconds) for rate in rates},
    }


@contextmanager
def switch(h323: bool = True) -> Iterator[tuple[Switch, int]]:
    """A switch that does not run yet, and the port of its vendor."""
    with tempfile.TemporaryDirectory(prefix="vosswitch-bench-") as name:
        vendor = free_port()
        listen = ({"address": f"h323:127.0.0.1:{free_port()}"},) if h323 else ()
        made = Switch(Path(name), listen=listen)
        made.cli("migrate")
        text = calls.PROVISION.format(port=vendor, media="on")
        made.provision(text.replace(_VENDOR, _VENDOR + 'protocol = "h323"\n') if h323 else text)
        try:
            yield made, vendor
        finally:
            made.stop()


def _node(*, h323: bool) -> tuple[float, dict[str, int]]:
    with switch(h323) as (made, _):
        began = time.monotonic()
        made.start(wait=False)
        until(made.alive, 120, "start")
        took = time.monotonic() - began
        time.sleep(3)  # nothing tells when a start has given back what it needed
        assert made.process is not None
        sizes: dict[str, int] = {}
        for pid, name in proc.family(made.process.pid).items():
            sizes[name] = sizes.get(name, 0) + proc.resident(pid) // 1_000_000
        return took, sizes


def calls_at(rate: int, seconds: float) -> dict[str, object]:
    """CPU of each process for a call, in milliseconds, with how many calls were good."""
    with switch() as (made, port), _vendor(port):
        made.start()
        assert made.process is not None
        pid = made.process.pid
        _load(made, rate, 3)  # what is done once is done
        known, before = calls.recorded(made), proc.cpu_by_name(pid)
        count, good = _load(made, rate, seconds)
        until(lambda: calls.recorded(made) >= known + good, 30, "records")
        after = proc.cpu_by_name(pid)
    each = {name: round((after[name] - before.get(name, 0.0)) * 1000 / count, 3) for name in after}
    return {
        "calls": count,
        "good": good,
        **each,
        "total": round(sum(each.values()), 3),
    }


@contextmanager
def _vendor(port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.bench.h323_vendor", str(port)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        until(lambda: _listens(port), 30, "the vendor")
        yield
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _load(made: Switch, rate: int, seconds: float) -> tuple[int, int]:
    count = int(rate * seconds)
    with tempfile.TemporaryDirectory(prefix="sipp-") as folder:
        how = ("-r", str(rate), "-m", str(count), "-s", "4930123", "-timeout", str(int(seconds * 3 + 40)))
        one = Sipp(Path(folder), "caller", caller(calls.CALL), free_port(), f"127.0.0.1:{made.port}", *how)
        one.wait(400)
        return count, one.counts()["successful"]
