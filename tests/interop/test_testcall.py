"""``vosswitch testcall`` through a running switch: the newcomer's first call."""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import contextmanager
from decimal import Decimal

import pytest

from tests.support.switch import ROOT, Switch, media_port

POOR = """
[[accounts]]
number = "1009"
balance = "0.01"
anti_overdraft = true
rate_group = "demo-retail"
[[mapping_gateways]]
name = "poor"
account = "1009"
addresses = ["127.0.0.9"]
[[parameters]]
name = "SERVER_BILLING_HOLD_TIME_PRECISION"
value = "0"
"""


@pytest.fixture(scope="module")
def switch(tmp_path_factory):
    """A switch with the demo provisioning, its vendors on ports of this run."""
    made = Switch(tmp_path_factory.mktemp("testcall"))
    made.vendor = media_port()  # not one that the switch may take for media
    text = (ROOT / "etc" / "demo.toml").read_text()
    assert text.count("port = 5090") == text.count("port = 5091") == 1
    text = text.replace("port = 5090", f"port = {made.vendor}").replace("port = 5091", f"port = {media_port()}")
    made.cli("migrate")
    (made.folder / "demo.toml").write_text(text)
    loaded = made.cli("load", str(made.folder / "demo.toml"))
    assert "warning" not in loaded.stderr
    made.provision(POOR)
    made.start()
    yield made
    assert made.stop() == 0
    assert "Traceback" not in made.log()


def place(switch, *options, exits=0):
    """Run it; gives what it told programs, and its complaints."""
    done = switch.cli("--format", "json", "testcall", *options, check=False)
    assert done.returncode == exits, done.stdout + done.stderr
    (told,) = json.loads(done.stdout)
    return told, done.stderr


def test_the_demo_call_is_completed_billed_and_told_in_100_columns(switch):
    before = {number: Decimal(switch.balance(number)) for number in ("1000", "9001")}
    lines = switch.cli("testcall", "--seconds", "1.2").stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert re.match(r"completed: 1\.[2-9] s talked, 2 s billed; customer pays 0.0007, vendor gets 0.0004", lines[-1])
    cdr = switch.json("cdr", "list", "--limit", "1")[0]
    assert (cdr["fee"], cdr["cost"]) == ("0.0007", "0.0004")
    assert Decimal(switch.balance("1000")) - before["1000"] == -Decimal("0.0007")
    assert Decimal(switch.balance("9001")) - before["9001"] == -Decimal("0.0004")


def test_both_sides_are_played_seen_and_heard(switch):
    told, said = place(switch, "--callee", "+4930123", "--caller", "4312345", "--seconds", "1")
    assert "demo-vendor-a is played too" in said
    assert (told["outcome"], told["reason"]) == ("completed", None)
    assert (told["mapping_gateway"], told["routing_gateway"]) == ("demo-customer", "demo-vendor-a")
    seen = [(step["side"], step["direction"], step["line"].split()[:2]) for step in told["ladder"]]
    assert seen[0] == ("customer", "sent", ["INVITE", f"sip:+4930123@127.0.0.1:{switch.port}"])
    assert ("vendor", "received", ["INVITE", f"sip:4930123@127.0.0.1:{switch.vendor}"]) in seen
    assert ("customer", "received", ["SIP/2.0", "200"]) in seen
    for row in told["media"]:
        assert row["tone_heard"] is True
        assert row["lost"] <= 2
    assert told["cdr"]["media_proxied"] is True
    assert told["cdr"]["media"]["caller"]["packets"] >= 40
    assert [look["gateway"] for look in told["decision"]["plan"]["gateways"]] == ["demo-vendor-a", "demo-vendor-b"]
    changes = {row["account"]: row["change"] for row in told["balances"]}
    assert changes == {"1000": f"-{told['cdr']['fee']}", "9001": f"-{told['cdr']['cost']}", "9002": "0"}


def test_an_agent_and_a_package_are_part_of_what_is_told(switch):
    lines = switch.cli("testcall", "--gateway", "demo-shop", "--seconds", "1.2").stdout.splitlines()
    assert "customer pays 0.0006, agent 5000 pays 0.0005, vendor gets 0.0004, 0.0001 is left" in lines[-1]
    assert any(line.startswith("5000     Demo agent") and line.endswith("-0.0005") for line in lines)
    line = switch.cli("testcall", "--gateway", "demo-home", "--seconds", "1.2").stdout.splitlines()[-1]
    assert "customer pays 0, package demo-basic: 2 s, worth 0.0007, vendor gets 0.0004, -0.0004 is left" in line


@contextmanager
def busy_vendor(port):
    """Somebody who is there and answers every INVITE with 486."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", port))
        own.settimeout(0.1)
        stop = threading.Event()

        def serve():
            while not stop.is_set():
                try:
                    data, peer = own.recvfrom(65536)
                except TimeoutError:
                    continue
                if data.startswith(b"INVITE "):
                    own.sendto(refusal(data.decode()).encode(), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def refusal(invite):
    lines = ["SIP/2.0 486 Busy Here"]
    for line in invite.split("\r\n"):
        name = line.partition(":")[0].lower()
        if name in {"via", "from", "to", "call-id", "cseq"}:
            lines.append(line + ";tag=there" if name == "to" else line)
    return "\r\n".join([*lines, "Content-Length: 0", "", ""])


def test_a_vendor_that_is_there_is_left_alone(switch):
    with busy_vendor(switch.vendor):
        told, said = place(switch, exits=1)
    assert f"somebody listens on udp:127.0.0.1:{switch.vendor} already: demo-vendor-a is not played" in said
    assert (told["routing_gateway"], told["reason"]) == (None, "486 Busy Here (busy: User busy)")
    assert {step["side"] for step in told["ladder"]} == {"customer"}


def test_a_vendor_that_is_there_cannot_be_played(switch):
    with busy_vendor(switch.vendor):
        done = switch.cli("testcall", "--vendor", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "demo-vendor-a cannot be played: cannot listen on udp:127.0.0.1" in done.stderr


def test_a_refused_call_says_why_and_exits_with_1(switch):
    told, said = place(switch, "--callee", "33123", exits=1)
    assert told["outcome"] == "failed"
    assert told["reason"] == "403 Forbidden (no_rate: No rate for this number)"
    assert said.splitlines()[-1] == f"vosswitch: the test call failed: {told['reason']}"
    assert told["cdr"]["end_reason"] == "no_rate"


def test_a_call_that_is_cut_says_so(switch):
    told, _ = place(switch, "--gateway", "poor", "--callee", "8811234", exits=1)
    assert told["reason"].startswith("403 Forbidden (insufficient_balance: ")
    switch.cli("account", "pay", "1009", "-0.0097")
    told, _ = place(switch, "--gateway", "poor", "--callee", "4312345678", "--seconds", "5", exits=1)
    assert told["reason"] == "balance_exhausted: Call cut at the end of the funded time"
    assert told["cdr"]["hold_time_ms"] == 1000
    assert told["balances"][0]["after"] == "0"


def test_no_running_switch_is_exit_code_3(tmp_path):
    stopped = Switch(tmp_path)
    stopped.cli("migrate")
    done = stopped.cli("testcall", check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("vosswitch: no switch is running at ")
