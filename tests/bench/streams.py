"""Calls a second over TLS and WebSocket, from a generator of our own to a vendor on UDP."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import proc
from tests.bench.calls import ANSWER, PROVISION, recorded
from tests.support.certificates import Authority
from tests.support.sipp import Sipp, called
from tests.support.switch import ROOT, Switch, free_port, until

TRANSPORTS = ("tcp", "tls", "ws", "wss")


class House:
    """A switch with a listener of each kind, and its vendor."""

    def __init__(self, folder: Path) -> None:
        certificate, key = Authority(folder).issue("127.0.0.1", file="own")
        self.ports = {name: free_port() for name in ("tls", "ws", "wss")}
        secure = {"certificate": certificate, "key": key}
        listen = tuple(
            {"address": f"{name}:127.0.0.1:{port}", **(secure if name != "ws" else {})}
            for name, port in self.ports.items()
        )
        self.switch = Switch(folder, listen=listen)
        self.ports["tcp"] = self.switch.port
        self.vendor_port = free_port()
        self.switch.cli("migrate")
        self.switch.provision(PROVISION.format(port=self.vendor_port, media="off"))
        self.switch.start()
        wide = ("-l", "20000", "-buff_size", "4194304")
        self.vendor = Sipp(folder, "vendor", called(ANSWER), self.vendor_port, None, *wide)
        self.vendor.ready(self.vendor_port)

    def stop(self) -> None:
        """End both."""
        self.vendor.stop()
        self.switch.stop()

    def run(self, transport: str, rate: int, seconds: float) -> dict[str, object]:
        """One run; CPU of switch and recorder per call, the generator's apart."""
        assert self.switch.process is not None
        pid, calls = self.switch.process.pid, int(rate * seconds)
        before, records = proc.cpu_by_name(pid), recorded(self.switch)
        command = [sys.executable, "-m", "tests.bench.generator", transport, "127.0.0.1", str(self.ports[transport])]
        command += ["--rate", str(rate), "--calls", str(calls)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        found: dict[str, object] = json.loads(done.stdout)
        until(lambda: recorded(self.switch) - records >= int(str(found["good"])), 10, "the records")
        time.sleep(0.5)
        after = proc.cpu_by_name(pid)
        each = {name: round((after[name] - before.get(name, 0.0)) * 1000 / calls, 3) for name in after}
        return {"rate": rate, "calls": calls, **found, "cpu_ms_per_call": each, "cpu_ms_total": sum(each.values())}


def measure(rate: int, seconds: float, highest: range) -> dict[str, dict[str, object]]:
    """Every transport at *rate*, and TLS at the highest rate with all calls good."""
    found: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory(prefix="vosswitch-bench-") as name:
        house = House(Path(name))
        try:
            for transport in TRANSPORTS:
                found[transport] = house.run(transport, rate, seconds)
            for more in highest:
                result = house.run("tls", more, seconds)
                if int(str(result["good"])) < 0.999 * int(str(result["calls"])) or float(str(result["p50_ms"])) > 100:
                    break  # calls that wait ever longer in the connections are not carried
                found["tls highest"] = result
        finally:
            house.stop()
    return found
