"""The end of the switch, wanted or not, while calls are up; and what stops a start."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from decimal import Decimal

from tests.support.peer import SDP, Peer
from tests.support.processes import family, running
from tests.support.sipp import ANSWER, CALL, called
from tests.support.switch import BIN, free_port, options, until

STAY = ["invite", "expect? 100", "expect? 180", "expect 200", "ack", "receive BYE", "reply 200"]


def held(case, calls):
    """So many calls that are up: the peers that wait for their BYE."""
    vendor = case.vendor("first", ANSWER, calls=calls)
    call = case.call(STAY, calls=calls, rate=50)
    until(lambda: len([row for row in case.running() if row["answer"]]) == calls, what=f"{calls} answered calls")
    return call, vendor


def test_kill_9_with_five_calls_up(alone):
    """After the restart both sides get BYE, each call has one record, and the balance is what the records say."""
    alone.begin()
    call, vendor = held(alone, 5)
    time.sleep(1.2)
    offspring = set(family(alone.switch.process.pid)) - {alone.switch.process.pid}
    assert len(offspring) >= 2  # recorder and media worker
    assert alone.switch.stop(signal.SIGKILL) == -signal.SIGKILL
    alone.switch.start()
    call.succeeds()
    vendor.succeeds()
    assert call.counts() == vendor.counts() == {"successful": 5, "failed": 0}
    cdrs = alone.cdrs(5)
    assert {(row["end_reason"], row["code"], row["end_direction"]) for row in cdrs} == {("switch_restart", -32, 2)}
    assert len({row["call_id"] for row in cdrs}) == len({row["caller_sip_call_id"] for row in cdrs}) == 5
    for row in cdrs:
        assert 0 < row["hold_time_ms"] < 10_000
        assert Decimal(row["fee"]) > 0
    assert alone.paid() == sum(Decimal(row["fee"]) for row in cdrs)
    assert alone.paid("V") == sum(Decimal(row["cost"]) for row in cdrs)
    until(lambda: not any(map(running, offspring)), 10, "end of the killed switch's children")
    again = alone.peer("again", called(ANSWER), "-m", "1", port=alone.ports["first"])
    alone.call(CALL, name="after").succeeds()
    again.succeeds()
    assert alone.cdrs(6)[0]["end_reason"] == "normal"


def test_kill_9_between_two_restarts_bills_nothing_twice(alone):
    """Killed again right after the restart: the same calls must not be ended, billed or recorded a second time."""
    alone.begin()
    call, vendor = held(alone, 2)
    alone.switch.stop(signal.SIGKILL)
    alone.switch.start()
    alone.switch.stop(signal.SIGKILL)
    alone.switch.start()
    call.succeeds()
    vendor.succeeds()
    cdrs = alone.cdrs(2)
    assert alone.paid() == sum(Decimal(row["fee"]) for row in cdrs)


def test_kill_9_while_ringing_leaves_no_bill(alone):
    alone.begin()
    alone.vendor("first", ["receive INVITE", "send 180", "receive CANCEL"])
    caller = Peer(alone.switch.port, host=alone.host)
    alone.peers.append(caller)
    caller.send(caller.request("INVITE", alone.number, SDP))
    caller.expect(180)
    alone.switch.stop(signal.SIGKILL)
    alone.switch.start()
    cdr = alone.cdr()
    assert (cdr["end_reason"], cdr["answer"], cdr["fee"]) == ("switch_restart", None, "0")
    assert alone.paid() == 0


def test_sigterm_ends_and_bills_the_calls(alone):
    alone.begin()
    call, vendor = held(alone, 2)
    offspring = set(family(alone.switch.process.pid)) - {alone.switch.process.pid}
    assert alone.switch.stop() == 0
    call.succeeds()
    vendor.succeeds()
    assert not any(map(running, offspring))
    cdrs = alone.cdrs(2)
    assert {row["end_reason"] for row in cdrs} == {"switch_restart"}
    assert alone.paid() == sum(Decimal(row["fee"]) for row in cdrs) > 0
    assert not options(alone.switch.port)


def test_draining_lets_calls_finish_and_refuses_new_ones(alone):
    alone.begin(VS_DRAIN_SECONDS="20")
    vendor = alone.vendor("first", ANSWER)
    call = alone.call([*CALL[:6], "pause 2000", *CALL[-2:]])
    until(lambda: [row for row in alone.running() if row["answer"]], what="an answered call")
    alone.switch.process.send_signal(signal.SIGTERM)
    late = alone.call(["invite", "expect? 100", "expect 503", "failack"], name="late")
    late.succeeds()
    assert "retry-after" in late.heard("SIP/2.0 503")[0].headers
    peer = Peer(alone.switch.port, host=alone.host)
    alone.peers.append(peer)
    peer.send(peer.request("OPTIONS", "x"))
    peer.expect(503)
    call.succeeds()
    vendor.succeeds()
    assert alone.switch.process.wait(10) == 0
    assert alone.cdr()["end_reason"] == "normal"


def test_a_second_sigterm_skips_the_wait(alone):
    alone.begin(VS_DRAIN_SECONDS="60")
    call, vendor = held(alone, 1)
    alone.switch.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert alone.switch.process.poll() is None
    assert alone.switch.stop() == 0
    call.succeeds()
    vendor.succeeds()
    assert alone.cdr()["end_reason"] == "switch_restart"


def refused(switch, config=None):
    """A start that must fail at once; gives its one line."""
    done = subprocess.run(
        [BIN / "twistd", "-n", "--pidfile=", "vosswitch", "--config", str(config or switch.config)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        cwd=switch.folder,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    lines = (done.stdout + done.stderr).strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_second_switch_on_the_same_spool_or_run_directory_is_refused(case):
    """Whatever it has of its own, two switches never share a journal."""
    text = case.switch.config.read_text().replace(f":{case.switch.port}", f":{free_port()}")
    config = case.switch.folder / "second.toml"
    config.write_text(text)
    assert "another switch is running here" in refused(case.switch, config)
    config.write_text(text.replace('directory = "run"', 'directory = "elsewhere"'))
    line = refused(case.switch, config)
    assert str(case.switch.folder / "spool") in line
    assert case.switch.alive()


def test_a_port_in_use_is_named(alone):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", alone.switch.port))
        line = refused(alone.switch)
    assert f"udp:127.0.0.1:{alone.switch.port}" in line
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.bind(("127.0.0.1", alone.switch.port))
        other.listen()
        line = refused(alone.switch)
    assert f"tcp:127.0.0.1:{alone.switch.port}" in line


def test_an_unknown_setting_is_named(alone):
    with alone.switch.config.open("a") as file:
        file.write("[spelling]\nmistake = 1\n")
    assert "spelling" in refused(alone.switch)
