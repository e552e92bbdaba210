"""Nothing is lost: kills, stops and restarts under load, judged by what peers saw, CDRs, ledger and balances."""

from __future__ import annotations

import contextlib
import random
import signal
import time

import pytest

from tests.support.audit import (
    balanced,
    check_books,
    check_calls,
    child,
    family,
    own,
    running,
    seen,
)
from tests.support.mariadb import MariaDb
from tests.support.sipp import ANSWER, Sipp, called, caller
from tests.support.switch import Switch, free_port, until
from vosswitch.control.client import ControlClient

PROVISION = """
[[rate_groups]]
name = "sell"
[[rate_groups.rates]]
prefix = "43"
per_minute = "0.60"
[[rate_groups]]
name = "buy"
[[rate_groups.rates]]
prefix = "43"
per_minute = "0.30"
[[accounts]]
number = "R"
balance = "500"
anti_overdraft = true
rate_group = "sell"
[[accounts]]
number = "P"
balance = "1.50"
overdraft_limit = "0.50"
anti_overdraft = true
rate_group = "sell"
[[accounts]]
number = "V"
kind = "clearing"
overdraft_limit = "unlimited"
rate_group = "buy"
[[mapping_gateways]]
name = "rich"
account = "R"
auth = "ip"
addresses = ["{rich}"]
[[mapping_gateways]]
name = "poor"
account = "P"
auth = "ip"
addresses = ["{poor}"]
[[routing_gateways]]
name = "vendor"
account = "V"
address = "127.0.0.1"
port = {vendor}
[[parameters]]
name = "SERVER_BILLING_HOLD_TIME_PRECISION"
value = "0"
"""
CALL = ["invite", "expect? 100", "expect? 180", "expect? 183", "expect 200", "ack", "pause {}", "bye", "expect 200"]


class Load:
    """A switch under load: a rich and a poor customer, and one vendor, all of them sipp."""

    def __init__(self, folder, url: str = "", **sections) -> None:
        self.folder = folder
        self.switch = Switch(folder, url, media={"address": "127.0.5.1"}, **sections)
        self.url = url or f"sqlite:///{folder}/vosswitch.sqlite"
        self.vendor_port = free_port()
        self.hosts = {"rich": "127.3.0.1", "poor": "127.3.0.2"}
        self.peers: dict[str, Sipp] = {}
        self.known: dict[int, str] = {}
        self.switch.cli("migrate")
        self.switch.provision(PROVISION.format(vendor=self.vendor_port, **self.hosts))
        self.switch.start()

    def begin(self, rate: int = 90, talk: int = 1200, poor: int = 10) -> None:
        """Start the peers: calls of *talk* milliseconds, *rate* and *poor* new ones a second."""
        options = ("-trace_msg", "-rate_max", "500", "-l", "5000", "-m", "1000000", "-recv_timeout", "4000")
        self.peers["vendor"] = self._peer("vendor", called(ANSWER), self.vendor_port, None, options)
        self.peers["vendor"].ready(self.vendor_port)
        steps = [step.format(talk) for step in CALL]
        for name, cps in (("rich", rate), ("poor", poor)):
            remote = f"127.0.0.1:{self.switch.port}"
            more = (*options, "-s", "4312345", "-r", str(cps))
            self.peers[name] = self._peer(name, caller(steps), free_port(), remote, more, self.hosts[name])

    def _peer(self, name, scenario, port, remote, options, host="127.0.0.1") -> Sipp:
        media = ("-mp", str(free_port() & ~1))
        return Sipp(self.folder, name, scenario, port, remote, *options, *media, host=host)

    def hush(self, seconds: float = 20.0) -> None:
        """No new calls; wait until the callers are through with the present ones."""
        for name in ("rich", "poor"):
            self.peers[name].process.send_signal(signal.SIGUSR1)  # sipp: finish the calls and quit
        for name in ("rich", "poor"):
            self.peers[name].wait(seconds)

    def end(self, seconds: float = 20.0) -> None:
        """No new calls; wait until the present ones are over."""
        self.hush(seconds)
        until(lambda: not self.ask("calls"), seconds, "end of the calls")

    def ask(self, operation: str):
        """What the running switch answers on its control socket."""
        with ControlClient(str(self.folder / "run" / "control.sock")) as client:
            return client.call(operation)

    def remember(self) -> None:
        """Note the processes of the switch, to see later that they are gone."""
        self.known |= family(self.switch.process.pid)

    def kill(self) -> None:
        """``kill -9`` of the switch process alone."""
        self.remember()
        self.switch.process.kill()
        self.switch.process.wait()

    def gone(self, seconds: float = 12.0) -> None:
        """Every process of former runs has ended by itself."""
        now = family(self.switch.process.pid) if self.switch.process.poll() is None else {}
        until(lambda: not self.left(now), seconds, "end of the children")

    def left(self, now=()) -> dict[int, str]:
        """Processes of former runs."""
        return {pid: line for pid, line in self.known.items() if pid not in now and running(pid)}

    def judge(self, *, answered: int) -> None:
        """All stories agree; at least *answered* calls were answered."""
        rich, poor, vendor = (seen(self.peers[name]) for name in ("rich", "poor", "vendor"))
        callers = rich
        for field in ("invited", "answered", "over", "told"):
            getattr(callers, field).update(getattr(poor, field))
        books = balanced(self.url, lambda found: callers.answered <= found.by_call_id("caller").keys())
        check_calls(books, callers, vendor)
        check_books(books, "V")
        assert len(callers.answered) >= answered
        assert poor.refused[403], "the poor one never ran out of money"
        self.figures = {
            "answered": len(callers.answered),
            "cdrs": len(books.cdrs),
            "told": (len(callers.told), len(vendor.told)),
            "ends": _count(row["endreasonname"] for row in books.cdrs),
            "refused": dict(callers.refused),
            "poor": books.balances["P"] / 1e7,
        }

    def unharmed(self) -> None:
        """All calls of the rich customer went as they should."""
        rich = self.peers["rich"]
        assert rich.counts()["failed"] == 0, (rich.counts(), rich.errors()[-2000:])

    def close(self) -> None:
        """End everything that was started."""
        for peer in self.peers.values():
            peer.stop()
        if self.switch.process.poll() is None:
            self.remember()
            self.switch.stop()
        with contextlib.suppress(AssertionError):
            self.gone()
        left = self.left()
        for pid in left:
            own(pid, signal.SIGKILL)
        assert not left, left


def _count(names):
    found: dict[str, int] = {}
    for name in names:
        found[name] = found.get(name, 0) + 1
    return found


@pytest.fixture(scope="module")
def mariadb_server(tmp_path_factory):
    server = MariaDb(tmp_path_factory.mktemp("mariadb"))
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def url(request):
    """The database of the switch."""
    return "" if request.param == "sqlite" else request.getfixturevalue("mariadb_server").new_url()


@pytest.fixture
def load(tmp_path, url):
    made = Load(tmp_path, url)
    yield made
    made.close()


@pytest.mark.parametrize("seed", [1])
def test_kill_9_of_the_switch_loses_no_call_and_no_money(load, seed):
    chance = random.Random(seed)
    load.begin()
    for _ in range(2):
        time.sleep(chance.uniform(1.2, 2.5))
        load.kill()
        time.sleep(chance.uniform(0, 0.3))
        load.switch.start()
    time.sleep(1)
    load.end()
    load.gone()
    load.judge(answered=150)


def test_kill_9_of_recorder_or_media_worker_harms_no_call(load):
    chance = random.Random(3)
    load.begin()
    time.sleep(1)
    for module in ("vosswitch.recorder", "vosswitch.media", "vosswitch.recorder"):
        load.remember()
        victim = child(load.switch.process.pid, module)
        own(victim, signal.SIGKILL)
        time.sleep(chance.uniform(0.8, 1.6))
        assert child(load.switch.process.pid, module) != victim
    load.end()
    load.gone()
    load.unharmed()
    load.judge(answered=250)


def test_sigterm_under_load_ends_and_bills_every_call(load):
    load.begin()
    time.sleep(2)
    load.remember()
    assert load.switch.stop() == 0, load.switch.log()[-4000:]
    load.gone(1)
    load.hush()
    load.judge(answered=100)
    assert "Traceback" not in load.switch.log()


def test_a_second_sigterm_cuts_the_drain_short(tmp_path):
    load = Load(tmp_path)
    try:
        load.switch.cli("params", "set", "VS_DRAIN_SECONDS", "60")
        load.begin(rate=30, talk=4000)
        time.sleep(1.5)
        load.remember()
        load.switch.process.send_signal(signal.SIGTERM)
        time.sleep(1.5)
        status = load.ask("status")
        assert status["state"] == "draining"
        assert status["calls"] > 20
        assert load.switch.stop() == 0, load.switch.log()[-4000:]
        load.gone(1)
        load.hush()
        load.judge(answered=30)
        assert seen(load.peers["rich"]).refused[503] > 20
    finally:
        load.close()
