"""``vosswitch testcall`` through a running switch: the newcomer's first call."""

from __future__ import annotations

import json
from decimal import Decimal

from tests.support.sipp import ANSWER, called
from tests.support.switch import ROOT, free_port


def place(case, *options, exits=0):
    """Run it; gives what it told programs, and its complaints."""
    done = case.switch.cli("--format", "json", "testcall", *options, check=False)
    assert done.returncode == exits, done.stdout + done.stderr
    (told,) = json.loads(done.stdout)
    return told, done.stderr


def test_the_demo_call_is_completed_billed_and_explained(case):
    text = (ROOT / "etc" / "demo.toml").read_text()
    for port in (5090, 5091):
        text = text.replace(f"port = {port}", f"port = {free_port()}")
    case.switch.cli("migrate")
    (case.folder / "demo.toml").write_text(text)
    loaded = case.switch.cli("load", str(case.folder / "demo.toml"))
    assert "warning" not in loaded.stderr
    case.switch.start()
    done = case.switch.cli("testcall", "--seconds", "1.2")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[-1].startswith("completed: 1.2 s talked, 1 s billed; the customer pays 0.0003")
    (cdr,) = case.switch.cdrs(1)
    assert cdr["fee"] == "0.0003"
    assert Decimal(case.switch.balance("1000")) == 25 - Decimal(cdr["fee"])
    assert Decimal(case.switch.balance("9001")) == -Decimal(cdr["cost"])


def test_both_sides_are_played_seen_and_heard(case):
    case.begin()
    told, _ = place(case, "--callee", "4930123", "--caller", "4312345", "--seconds", "1")
    assert (told["outcome"], told["reason"]) == ("completed", None)
    assert (told["mapping_gateway"], told["routing_gateway"]) == ("customer", "first")
    seen = [(step["side"], step["direction"], step["line"].split()[:2]) for step in told["ladder"]]
    assert seen[0] == ("customer", "sent", ["INVITE", f"sip:4930123@127.0.0.1:{case.switch.port}"])
    assert ("vendor", "received", ["INVITE", f"sip:4930123@127.0.0.1:{case.ports['first']}"]) in seen
    assert ("customer", "received", ["SIP/2.0", "200"]) in seen
    for row in told["media"]:
        assert row["tone_heard"] is True
        assert row["lost"] <= 2
    assert told["cdr"]["media_proxied"] is True
    assert told["cdr"]["media"]["caller"]["packets"] >= 40
    assert [look["gateway"] for look in told["decision"]["plan"]["gateways"]] == ["first", "second"]
    changes = {row["account"]: row["change"] for row in told["balances"]}
    assert changes == {"C1": f"-{told['cdr']['fee']}", "V1": f"-{told['cdr']['cost']}"}


def test_a_vendor_that_is_there_is_left_alone(case):
    case.begin()
    vendor = case.vendor("first", called(ANSWER))
    told, said = place(case, "--callee", "4930123", "--seconds", "0.3")
    assert vendor.wait() == 0, vendor.errors()
    assert "somebody listens on udp:127.0.0.1" in said
    assert told["outcome"] == "completed"
    assert told["routing_gateway"] is None
    assert {step["side"] for step in told["ladder"]} == {"customer"}


def test_a_vendor_that_is_there_cannot_be_played(case):
    case.begin()
    case.vendor("first", called(ANSWER))
    done = case.switch.cli("testcall", "--callee", "4930123", "--vendor", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "first cannot be played: cannot listen on udp:127.0.0.1" in done.stderr


def test_a_refused_call_says_why_and_exits_with_1(case):
    case.begin()
    told, said = place(case, "--callee", "33123", exits=1)
    assert told["outcome"] == "failed"
    assert told["reason"] == "403 Forbidden (no_rate: No rate for this number)"
    assert said.splitlines()[-1] == f"vosswitch: the test call failed: {told['reason']}"
    assert told["cdr"]["end_reason"] == "no_rate"


def test_a_call_that_is_cut_says_so(case):
    case.begin(balance="0.01")
    told, _ = place(case, "--callee", "4930123", "--seconds", "5", exits=1)
    assert told["reason"] == "balance_exhausted: Call cut at the end of the funded time"
    assert told["cdr"]["hold_time_ms"] == 1000
    assert told["balances"][0]["after"] == "0"


def test_no_running_switch_is_exit_code_3(case):
    case.switch.cli("migrate")
    done = case.switch.cli("testcall", check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("vosswitch: no switch is running at ")
