"""A running switch under load: a rich and a poor customer and one vendor, all of them sipp; judged by all stories."""

from __future__ import annotations

import contextlib
import signal
from collections import Counter
from pathlib import Path

from tests.support.harness import KeptJournal, Seen, same_story, seen
from tests.support.processes import family, own, running
from tests.support.sipp import ANSWER, Sipp, called, caller
from tests.support.switch import Switch, free_port, media_port, until
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
number = "O"
overdraft_limit = "1000"
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
[[mapping_gateways]]
name = "open"
account = "O"
auth = "ip"
addresses = ["{open}"]
[[routing_gateways]]
name = "vendor"
account = "V"
address = "127.0.0.1"
port = {vendor}
[[parameters]]
name = "SERVER_BILLING_HOLD_TIME_PRECISION"
value = "0"
"""
_OPTIONS = ("-trace_msg", "-rate_max", "500", "-l", "5000", "-m", "1000000", "-recv_timeout", "3000")
CALL = ["invite", "expect? 100", "expect? 180", "expect? 183", "expect 200", "ack", "pause {}", "bye", "expect 200"]


class Load:
    """A switch under load: a rich and a poor customer, and one vendor, all of them sipp.

    A third customer, postpaid, is there for who wants to call in its name (`caller`).
    """

    def __init__(self, folder, url: str = "", environment=None, **sections) -> None:
        self.folder = folder
        self.switch = Switch(folder, url, media={"address": "127.0.5.1"}, **sections)
        self.switch.environment = environment
        self.journals: list[KeptJournal] = []
        self.url = url or f"sqlite:///{folder}/vosswitch.sqlite"
        self.vendor_port = free_port()
        self.hosts = {"rich": "127.3.0.1", "poor": "127.3.0.2", "open": "127.3.0.3"}
        self.peers: dict[str, Sipp] = {}
        self.known: dict[int, str] = {}
        self.switch.cli("migrate")
        self.keep(Path(sections.get("run", {}).get("spool", folder / "spool")))
        self.switch.provision(PROVISION.format(vendor=self.vendor_port, **self.hosts))
        try:
            self.switch.start()
        except AssertionError:
            self.close()
            raise

    def begin(self, rate: int = 90, talk: int = 1200, poor: int = 10) -> None:
        """Start the peers: calls of *talk* milliseconds, *rate* and *poor* new ones a second."""
        self.vendor()
        self.caller("rich", rate, talk)
        self.caller("poor", poor, talk)

    def vendor(self) -> None:
        """Start the vendor."""
        self.peers["vendor"] = self._peer("vendor", called(ANSWER), self.vendor_port)
        self.peers["vendor"].ready(self.vendor_port)

    def keep(self, spool: Path) -> None:
        """Keep what is written into the journal there, for the harness: the recorder removes it."""
        self.journals.append(KeptJournal(spool))

    def caller(
        self, name: str, rate: int, talk: int, customer: str = "", port: int = 0, remote: str = "127.0.0.1"
    ) -> None:
        """Start a caller; *port* is that of another node, or of something in between on *remote*."""
        steps = [step.format(talk) for step in CALL]
        options = (f"{remote}:{port or self.switch.port}", "-s", "4312345", "-r", str(rate))
        self.peers[name] = self._peer(name, caller(steps), free_port(), *options, host=self.hosts[customer or name])

    def _peer(self, name, scenario, port, remote=None, *options, host="127.0.0.1") -> Sipp:
        media = ("-mp", str(media_port()))
        return Sipp(self.folder, name, scenario, port, remote, *_OPTIONS, *options, *media, host=host)

    @property
    def callers(self) -> list[str]:
        """The names of all callers."""
        return [name for name in self.peers if name != "vendor"]

    def hush(self, seconds: float = 20.0) -> None:
        """No new calls; wait until the callers are through with the present ones."""
        for name in self.callers:
            self.peers[name].process.send_signal(signal.SIGUSR1)  # sipp: finish the calls and quit
        for name in self.callers:
            self.peers[name].wait(seconds)

    def end(self, seconds: float = 20.0) -> None:
        """No new calls; wait until the present ones are over."""
        self.hush(seconds)
        try:  # an answer that its caller did not acknowledge is sent again for 32 s, and then BYE
            until(lambda: not self.ask("calls"), seconds + 30, "end of the calls")
        except AssertionError as error:
            raise AssertionError(f"{error}: {list(self.ask('calls'))[:3]}") from None

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
        saw = {name: seen(peer) for name, peer in self.peers.items()}
        vendor, callers = saw.pop("vendor"), Seen()
        for each in saw.values():
            callers.add(each)
        self.books, said = books, _ = same_story(self.url, callers, vendor, self.journals)
        assert len(callers.answered) >= answered
        if "poor" in saw:
            assert saw["poor"].refused[403], "the poor one never ran out of money"
        counted = books.by_call_id("caller", answered=False)
        self.figures = {
            "calls": len(callers.invited),
            "doubled": sum(counted[call_id] > 1 for call_id in counted),
            "lost": len(callers.answered - counted.keys()),
            "carried": len(said.carried),
            "answered": len(callers.answered),
            "cdrs": len(books.cdrs),
            "told": (len(callers.told), len(vendor.told)),
            "ends": Counter(row["endreasonname"] for row in books.cdrs),
            "refused": dict(callers.refused),
            "poor": books.balances["P"] / 1e7,
        }

    def unharmed(self, *names: str) -> None:
        """All calls of these callers (the rich one) went as they should, but for those that a busy machine refused."""
        for name in names or ("rich",):
            peer = self.peers[name]
            saw = seen(peer)
            told = (name, peer.counts(), dict(saw.refused), len(saw.shed), peer.errors()[-1000:])
            assert peer.counts()["failed"] <= len(saw.shed), told

    def close(self) -> None:
        """End everything that was started."""
        for kept in self.journals:
            kept.stop()
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
