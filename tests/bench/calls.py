"""Calls a second through the switch and through Sippy's B2BUA, between two sipp peers."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

from tests.bench import proc
from tests.bench.delay import Delays, share
from tests.support.sipp import Sipp, called, caller
from tests.support.switch import Switch, free_port, options, until

CALL = ["invite", "expect? 100", "expect? 183", "expect? 180", "expect 200", "ack", "pause 100", "bye", "expect 200"]
TOLERANT = [
    "invite",
    "expect? 100",
    "expect? 180",
    "expect? 100",
    "expect 200",
    "ack",
    "pause 100",
    "bye",
    "expect 200",
]
REFUSABLE = [*CALL[:1], "expect? 503", *CALL[1:]]
ANSWER = ["receive INVITE", "send 100", "send 180", "send 200 sdp INVITE", "receive ACK", "receive BYE", "send 200"]

PROVISION = """
[[rate_groups]]
name = "sell"
[[rate_groups.rates]]
prefix = "49"
per_minute = "0.60"
connect_fee = "0.01"
tax = "20"
[[rate_groups]]
name = "buy"
[[rate_groups.rates]]
prefix = "49"
per_minute = "0.30"
[[accounts]]
number = "C1"
name = "Customer"
balance = "1000000"
anti_overdraft = true
rate_group = "sell"
lines = 100000
cps = 100000
[[accounts]]
number = "V1"
name = "Vendor"
kind = "clearing"
rate_group = "buy"
[[mapping_gateways]]
name = "customer"
account = "C1"
auth = "ip"
addresses = ["127.0.0.1"]
lines = 100000
callee_dial_plan = "00:"
media_proxy = "{media}"
[[routing_gateways]]
name = "vendor"
account = "V1"
address = "127.0.0.1"
port = {port}
lines = 100000
media_proxy = "{media}"
[[parameters]]
name = "SS_MEDIA_PROXY_PORT_RANGE"
value = "30000,49999"
"""


@contextmanager
def switch(media: str = "off"):
    """A running switch and the port of its vendor."""
    with tempfile.TemporaryDirectory(prefix="vosswitch-bench-") as name:
        vendor = free_port()
        made = Switch(Path(name))
        made.cli("migrate")
        made.provision(PROVISION.format(port=vendor, media=media))
        made.start()
        try:
            yield made, vendor
        finally:
            made.stop()


@contextmanager
def sippy(binary: Path):
    """Sippy's simple B2BUA: its process, port and the port of its vendor."""
    vendor, port = free_port(), free_port()
    command = [str(binary), "-f", "-l", "127.0.0.1", "-p", str(port), "-n", f"127.0.0.1:{vendor}", "-L", "/dev/null"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(2)
    try:
        yield process, port, vendor
    finally:
        process.terminate()
        process.wait(10)


def _plain(scenario: str) -> str:
    """Without the transport parameter of Contact: Sippy takes sipp's ``transport=UDP`` for an unknown one."""
    return scenario.replace(";transport=[transport]", "")


def _refusable(scenario: str) -> str:
    """Let a 503 end a call as well as its BYE does: it is acknowledged, and the call is not a failed one."""
    head, bye, tail = scenario.rpartition('<recv response="200" rrs="true">')
    ack = head[head.index("  <send><![CDATA[\n\n      ACK") :].partition("</send>")[0] + "</send>\n"
    ack = ack.replace("ACK [next_url]", "ACK sip:[service]@[remote_ip]:[remote_port]")
    invited = re.search(r"branch=([^;]+)-1;", head)
    assert invited is not None
    ack = re.sub(r"branch=[^;]+;", f"branch={invited[1]}-1;", ack)
    head = head.replace(
        '<recv response="503" rrs="true" optional="true">', '<recv response="503" rrs="true" optional="true" next="1">'
    )
    ends = f'  <label id="1"/>\n{ack}  <label id="2"/>\n  <nop></nop>\n</scenario>'
    return head + bye.replace('rrs="true"', 'rrs="true" next="2"') + tail.replace("</scenario>", ends)


class Load:
    """One sipp caller and one sipp vendor around a system."""

    def __init__(self, port: int, vendor: int, rate: int, seconds: float, steps: list[str]):
        self.calls = int(rate * seconds)
        self._folder = tempfile.TemporaryDirectory(prefix="sipp-")
        folder = Path(self._folder.name)
        wide = ("-l", "20000", "-buff_size", "4194304")
        self.vendor = Sipp(folder, "vendor", _plain(called(ANSWER)), vendor, None, *wide)
        time.sleep(0.3)
        how = ("-r", str(rate), "-m", str(self.calls), "-s", "4930123", "-timeout", str(int(seconds * 3 + 40)), *wide)
        scenario = _plain(caller(steps))
        if steps is REFUSABLE:
            scenario = _refusable(scenario)
        if steps is TOLERANT:  # Sippy's Contact has a display name, which sipp would copy into the Request-URI
            scenario = scenario.replace("[next_url]", "sip:[service]@[remote_ip]:[remote_port]")
            how += ("-default_behaviors", "all,-abortunexp")  # and its 180 may come behind its 200
        self.caller = Sipp(folder, "caller", scenario, free_port(), f"127.0.0.1:{port}", *how)

    def wait(self) -> tuple[int, int]:
        """Calls that went as written at the caller and at the vendor."""
        self.caller.wait(400)
        time.sleep(1.2)
        ends = self.caller.counts()["successful"], self.vendor.counts()["successful"]
        self.vendor.stop()
        self._folder.cleanup()
        return ends


def run(made: Switch, vendor: int, rate: int, seconds: float, steps: list[str] = CALL) -> dict[str, object]:
    """Load the switch at *rate* and measure until its recorder has nothing left to do."""
    assert made.process is not None
    pid = made.process.pid
    known = recorded(made)
    before, drops = proc.cpu_by_name(pid), proc.udp_drops(made.port)
    delays = Delays(made.port)
    load = Load(made.port, vendor, rate, seconds, steps)
    began = time.monotonic()
    ends = load.wait()
    took = time.monotonic() - began
    _drained(made, known + ends[0])
    after = proc.cpu_by_name(pid)
    figures = delays.close()
    each = {name: (after[name] - before.get(name, 0.0)) * 1000 / load.calls for name in after}
    return {
        "rate": rate,
        "calls": load.calls,
        "caller": ends[0],
        "vendor": ends[1],
        "cdrs": recorded(made) - known,
        "seconds": round(took, 1),
        "cpu_ms_per_call": {name: round(value, 3) for name, value in each.items()},
        "cpu_ms_total": round(sum(each.values()), 3),
        "p50_ms": share(figures, 0.5),
        "p99_ms": share(figures, 0.99),
        "udp_drops": proc.udp_drops(made.port) - drops,
    }


def _drained(made: Switch, expected: int) -> None:
    """Wait until the database has the records of all calls that ended; beyond its limit a switch owes some."""
    seen, since = recorded(made), time.monotonic()
    while seen < expected and time.monotonic() - since < 3:
        time.sleep(0.2)
        now = recorded(made)
        if now != seen:
            seen, since = now, time.monotonic()


def recorded(made: Switch) -> int:
    """How many records the database has."""
    with closing(sqlite3.connect(made.folder / "vosswitch.sqlite")) as database:
        days = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'e_cdr_%'")
        return sum(database.execute(f"SELECT count(*) FROM {day}").fetchone()[0] for (day,) in days.fetchall())


def good(result: dict[str, object]) -> bool:
    """At least 99.9 % success by all three counts."""
    least = int(result["calls"]) * 0.999
    return all(int(result[count]) >= least for count in ("caller", "vendor", "cdrs"))


def run_sippy(binary: Path, rate: int, seconds: float) -> dict[str, object]:
    """The same load through Sippy (no billing, no records)."""
    with sippy(binary) as (process, port, vendor):
        until(lambda: options(port), 15, "Sippy")
        before = proc.cpu(process.pid)
        load = Load(port, vendor, rate, seconds, TOLERANT)
        ends = load.wait()
        used = proc.cpu(process.pid) - before
        return {
            "rate": rate,
            "calls": load.calls,
            "caller": ends[0],
            "vendor": ends[1],
            "cdrs": load.calls,
            "cpu_ms_total": round(used * 1000 / load.calls, 3),
        }


def memory_per_call(calls: int = 2000) -> float:
    """Resident kB that one held call costs, all processes of the switch together."""
    with switch() as (made, vendor):
        assert made.process is not None
        pid = made.process.pid
        run(made, vendor, 100, 5)  # what grows once has grown
        before = sum(proc.resident(member) for member in proc.family(pid))
        steps = [step.replace("pause 100", "pause 30000") for step in CALL]
        load = Load(made.port, vendor, 200, calls / 200, steps)
        until(lambda: made.json("node", "status")[0]["calls"] >= calls * 0.999, 60, f"{calls} held calls")
        after = sum(proc.resident(member) for member in proc.family(pid))
        load.wait()
        return (after - before) / calls / 1000
