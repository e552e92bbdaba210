"""The H.323 process of a running switch: when it is there, what becomes of calls when it dies, and of it at the end.

One switch calls itself: SIP in, out by H.323, in by H.323 at another of its addresses, out by SIP.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from decimal import Decimal

import pytest

from tests.support.h323.itself import PROVISION, calls_itself
from tests.support.processes import child, family, own, running
from tests.support.sipp import ANSWER, CALL, called, caller, sipp_peer
from tests.support.switch import free_port, media_port, until

LONG_CALL = [*CALL[:-3], "receive BYE", "reply 200"]
LONG_ANSWER = [*ANSWER[:-2], "receive BYE", "send 200"]


class World:
    """The switch and its SIP peers."""

    def __init__(self, folder):
        self.folder = folder
        self.vendor_port = free_port()
        self.switch = calls_itself(folder, self.vendor_port)
        self.peers = []

    def start(self):
        self.switch.start()
        self.ready()
        return self

    def ready(self):
        until(lambda: any("h323" in one for one in self.status()["listen"]), 60, "H.323")

    def status(self):
        return self.switch.json("node", "status")[0]

    @property
    def process(self):
        return child(self.switch.process.pid, "vosswitch.h323")

    def peer(self, name, scenario, port, *options, remote=None):
        self.peers.append(
            sipp_peer(self.folder, name, scenario, port, "-mp", str(media_port()), *options, remote=remote)
        )
        return self.peers[-1]

    def call(self, name, calling=CALL, answering=ANSWER):
        """A call from end to end; the two peers."""
        vendor = self.peer(f"vendor{name}", called(answering), self.vendor_port)
        remote = f"127.0.0.1:{self.switch.port}"
        return self.peer(f"caller{name}", caller(calling), free_port(), "-s", "4366", remote=remote), vendor

    def talking(self):
        """Whether both calls, that of the customer and the one behind it, are up."""
        rows = self.switch.json("calls")
        return len(rows) == 2 and all(row["state"] == "talking" for row in rows)

    def end(self):
        for peer in self.peers:
            peer.stop()
        with suppress(AssertionError):
            self.switch.stop()


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.end()


def test_its_death_ends_its_calls_and_the_next_one_goes_through(world):
    world.start()
    call, vendor = world.call("1", LONG_CALL, LONG_ANSWER)
    until(world.talking, 20, "the call")
    dead = world.process
    own(dead, signal.SIGKILL)
    call.succeeds()
    vendor.succeeds()
    cdrs = world.switch.cdrs(2)
    assert {cdr["end_reason"] for cdr in cdrs} == {"switch_restart"}
    assert all(Decimal(cdr["fee"]) == cdr["billed_seconds"] * Decimal("0.01") > 0 for cdr in cdrs)
    assert abs(cdrs[0]["hold_time_ms"] - cdrs[1]["hold_time_ms"]) < 1000
    world.ready()
    assert world.process != dead
    assert "h323:" not in (world.status()["trouble"] or "")
    for peer in world.call("2"):
        peer.succeeds()
    assert [cdr["end_reason"] for cdr in world.switch.cdrs(4)[:2]] == ["normal", "normal"]
    until(lambda: world.switch.json("node", "statistics")[0]["h323"].get("setups") == 1, 5, "its count")


def test_a_stop_ends_its_calls_and_leaves_no_process(world):
    world.start()
    call, vendor = world.call("1", LONG_CALL, LONG_ANSWER)
    until(world.talking, 20, "the call")
    processes = family(world.switch.process.pid)
    assert world.switch.stop() == 0
    call.succeeds()
    vendor.succeeds()
    assert not {pid: line for pid, line in processes.items() if running(pid)}
    assert {cdr["end_reason"] for cdr in world.switch.cdrs(2)} == {"switch_restart"}


def test_after_a_crash_of_the_switch_it_is_gone_and_the_peers_are_told(world):
    world.start()
    call, vendor = world.call("1", LONG_CALL, LONG_ANSWER)
    until(world.talking, 20, "the call")
    process = world.process
    world.switch.stop(signal.SIGKILL)
    until(lambda: not running(process), 10, "the end of its process")
    world.start()
    call.succeeds()
    vendor.succeeds()
    cdrs = world.switch.cdrs(2)
    assert {cdr["end_reason"] for cdr in cdrs} == {"switch_restart"}
    assert all(Decimal(cdr["fee"]) == cdr["billed_seconds"] * Decimal("0.01") for cdr in cdrs)
    until(lambda: not (world.folder / "spool" / "orphans.json").exists(), 30, "all peers told")


def test_it_is_there_only_while_somebody_speaks_it(world):
    switch = world.switch

    def lines():
        return [line for line in family(switch.process.pid).values() if "vosswitch.h323" in line]

    def speaks(name, protocol):
        kind = "mapping" if name == "back" else "routing"
        fields = next(part for part in PROVISION.split("[[")[1:] if f'name = "{name}"' in part).partition("]]\n")[2]
        fields = fields.format(vendor=world.vendor_port, signalling=switch.h323_port, mode="")
        fields = fields.replace('"h323"', f'"{protocol}"')
        switch.provision(f"[[{kind}_gateways]]\n{fields}", f"{name}.toml")

    switch.provision('[[mapping_gateways]]\nname = "back"\ndelete = true\n', "none.toml")
    speaks("out", "sip")
    switch.start()
    assert not lines()
    speaks("out", "h323")
    until(lines, 10, "its process")
    speaks("back", "h323")
    world.ready()
    for peer in world.call("1"):
        peer.succeeds()
    speaks("out", "sip")
    assert lines()
    switch.provision('[[mapping_gateways]]\nname = "back"\ndelete = true\n', "none.toml")
    until(lambda: not lines(), 20, "the end of the process")
    assert "h323:" not in (world.status()["trouble"] or "")
