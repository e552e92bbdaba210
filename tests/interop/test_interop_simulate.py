"""Real calls through a running switch, explained from their records and decided again by another configuration."""

from __future__ import annotations

import json
import os
import subprocess
from decimal import Decimal
from pathlib import Path

from tests.support.sipp import ANSWER, CALL
from tests.support.switch import BIN, until

FAIL = ["receive INVITE", "send 100", "send 503", "receive ACK"]


def command(case, *arguments, **how):
    """The command as a process of its own."""
    return subprocess.run(
        [BIN / "vosswitch", "--config", str(case.switch.config), "--format", "json", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=False, **how,
    )  # fmt: skip


def simulated(case, *arguments):
    done = command(case, "simulate", "--from", "2020-01-01", "--account", f"C{case.n}", *arguments)
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    return report


def document(case, name, text):
    path = case.folder / name
    path.write_text(text.replace("{n}", str(case.n)).replace("{prefix}", case.prefix))
    return path


def talk(case, calls=3):
    vendor = case.vendor("first", ANSWER, calls=calls)
    case.call(CALL, calls=calls).succeeds()
    vendor.succeeds()
    return case.cdrs(calls)


def test_a_draft_that_changes_a_vendors_price_is_told_exactly(case):
    """Fee, cost and margin of the report are the sums of the records, and with the draft those of the new price."""
    case.begin()
    rows = talk(case)
    fee, cost = (sum(Decimal(row[name]) for row in rows) for name in ("fee", "cost"))
    assert fee > 0
    assert cost == fee / 2
    total = simulated(case)["total"]
    assert (Decimal(total["fee_new"]), Decimal(total["cost_new"]), total["changed"]) == (fee, cost, 0)
    draft = document(
        case,
        "draft.toml",
        '[[rate_groups]]\nname = "buy{n}"\n[[rate_groups.rates]]\nprefix = "{prefix}"\nper_minute = "0.12"\n',
    )
    report = simulated(case, "--draft", draft, "--by", "gateway")
    total = report["total"]
    assert (Decimal(total["fee_new"]), Decimal(total["cost_old"]), total["changed"]) == (fee, cost, 3)
    assert Decimal(total["cost_new"]) == fee / 5
    assert Decimal(total["gain"]) == cost - Decimal(total["cost_new"])
    (row,) = report["by"]["gateway"]
    assert (row["gateway"], row["calls_old"], row["calls_new"]) == (f"first{case.n}", 3, 3)
    assert simulated(case)["total"]["changed"] == 0  # nothing of it has stayed


def test_a_failover_is_as_it_was_and_a_locked_vendor_is_passed_over(case):
    case.begin(other="# the second")
    first, second = case.vendor("first", FAIL), case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    first.succeeds()
    second.succeeds()
    assert len(case.cdr()["attempts"]) == 2
    assert simulated(case)["total"]["changed"] == 0
    draft = document(
        case, "draft.toml", '[[routing_gateways]]\nname = "second{n}"\naddress = "127.0.0.1"\nlocked = true\n'
    )
    report = simulated(case, "--draft", draft)
    assert (report["total"]["answered_old"], report["total"]["answered_new"]) == (1, 0)
    assert report["total"]["fee_new"] == "0"


def test_a_call_is_explained_from_its_record(case):
    case.begin(vendor="# the first")
    first, second = case.vendor("first", FAIL), case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    first.succeeds()
    second.succeeds()
    cdr = case.cdr()
    text = case.switch.cli("cdr", "explain", cdr["call_id"]).stdout
    assert f"customer{case.n} at {case.host}, account C{case.n} Customer" in text
    assert f"rate     0.60 per minute (increment), prefix {case.prefix} of sell{case.n}" in text
    assert f"first{case.n}" in text
    assert "503  service_unavailable" in text
    assert f"money    fee {cdr['fee']}, cost {cdr['cost']}" in text
    assert max(map(len, text.splitlines())) <= 114  # 110 with names of common length
    looks = cdr["decision"]["plan"]["gateways"]
    assert [(look["gateway"], look["priority"]) for look in looks] == [(f"first{case.n}", 1), (f"second{case.n}", 2)]
    assert case.switch.cli("cdr", "explain", "1", check=False).returncode == 1


def test_the_record_is_left_out_when_the_parameter_says_so(case):
    case.begin(VS_DECISION_RECORD="failed")
    (cdr,) = talk(case, 1)
    assert cdr["decision"] is None
    case.call(["invite", "expect? 100", "expect 403", "failack"], to="999", name="again").succeeds()
    refused = until(lambda: next((row for row in case.cdrs(2) if row["end_reason"] == "no_rate"), None))
    assert refused["decision"]["notes"][-1] == ["refused", "no_rate"]


def test_a_simulation_stands_behind_the_switch_and_leaves_nothing(case, tmp_path):
    """Its priority is low while it runs; an interrupted one removes its files."""
    case.begin()
    talk(case, 1)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    pipe = tmp_path / "calls.csv"
    arguments = ["simulate", "--from", "2020-01-01", "--calls", str(pipe)]
    process = subprocess.Popen(
        [BIN / "vosswitch", "--config", str(case.switch.config), *arguments],
        env={**os.environ, "TMPDIR": str(scratch)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    nice = until(lambda: process.poll() is not None or _nice(process.pid) == _nice(os.getpid()) + 10, what="priority")
    process.terminate()
    process.communicate(timeout=20)
    assert nice
    assert list(scratch.iterdir()) == []
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".calls")]


def _nice(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[16])


def test_a_route_is_told_alike_with_and_without_the_running_switch(alone):
    """The same steps, candidates, values and reasons, from the switch and from the database."""
    case = alone
    case.begin(
        access='tech_prefix = "77"\ncaller_dial_plan = "43:0043"',
        vendor="locked = true",
        other='callee_dial_plan = "49:0049"',
        more='[[routing_gateways]]\nname = "third{n}"\naddress = "127.0.0.1"\npriority = 9\n'
        '[[routing_gateways]]\nname = "other{n}"\naddress = "127.0.0.1"\nprefixes = ["7"]\n',
    )
    question = ("route", "4312345", f"77{case.number}", "-g", f"customer{case.n}", "--at", "2026-12-31T12:00:00Z")
    running = case.switch.json(*question)
    assert case.switch.stop() == 0
    stopped = case.switch.json(*question)
    assert running == stopped
    (answer,) = running
    kept = [row["gateway"] for row in answer["candidates"] if row["kept"]]
    assert (answer["outcome"], kept) == ("route", [f"second{case.n}", f"third{case.n}"])
    assert answer["candidates"][0]["callee_out"] == f"00{case.number}"
    why = {row["gateway"]: row["why"] for row in answer["candidates"] if not row["kept"]}
    assert why == {f"first{case.n}": "locked", f"other{case.n}": "prefix does not match"}
    for step in (f"received: 4312345 calls 77{case.number}", f"billed: 004312345 calls {case.number}"):
        assert step in answer["steps"]
