"""Vendors that go away and come back, that say how long they want to be left alone, and what is asked of them."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from tests.support.peer import SDP, Peer
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import until

PROBED = 'probe = "always"\nprobe_period = 1\n'
REFUSED = ["invite", "expect? 100", "expect 503", "failack"]


class Vendor(Peer):
    """Answers OPTIONS with *status* in a thread of its own, while it is told to."""

    def __init__(self, switch, port, status=200):
        super().__init__(switch)
        self.socket.close()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.host, self.port = self.socket.getsockname()
        self.status, self.asked, self._on = status, 0, True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while self._on:
            try:
                request = self.receive(0.1)
            except (TimeoutError, OSError):
                continue
            if getattr(request, "method", "") == "OPTIONS":
                self.asked += 1
                if self.status:
                    self.reply(request, self.status)

    def stop(self):
        self._on = False
        self._thread.join(2)
        self.socket.close()


def state(case, name="first"):
    """What operators see of a vendor."""
    rows = case.switch.json("gateway", "list", "--kind", "routing")
    return next(row for row in rows if row["name"] == f"{name}{case.n}")


def becomes(case, wanted, name="first"):
    return until(lambda: (row := state(case, name))["state"] == wanted and row, 20, f"{name} {wanted}")


def test_a_vendor_goes_away_and_comes_back(alone):
    vendor = Vendor(alone.switch.port, alone.ports["first"])
    alone.peers.append(vendor)
    alone.begin(vendor=PROBED)
    until(lambda: vendor.asked, 10, "an OPTIONS")
    assert state(alone)["state"] == "up"
    vendor.status = 0
    row = becomes(alone, "away")
    assert row["reason"].startswith("no answer to OPTIONS")
    assert row["next_probe"] is not None
    second = alone.vendor("second", ANSWER)
    alone.call(CALL).succeeds()
    second.succeeds()
    (cdr,) = alone.cdrs()
    assert [row["name"] for row in cdr["attempts"]] == [f"second{alone.n}"]
    why = {row["gateway"]: row["why"] for row in cdr["decision"]["plan"]["gateways"]}
    assert why[f"first{alone.n}"].startswith("away: no answer to OPTIONS")
    vendor.status = 200
    becomes(alone, "up")
    events = [line for line in alone.switch.log().splitlines() if '"event": "gateway_' in line]
    assert ["gateway_away" in line for line in events] == [True, False]


@pytest.mark.parametrize(("codes", "status", "there"), [("", 404, True), ("", 503, False), ("[486]", 404, False)])
def test_which_answers_count(alone, codes, status, there):
    vendor = Vendor(alone.switch.port, alone.ports["first"], status)
    alone.peers.append(vendor)
    alone.begin(vendor=PROBED + (f"probe_codes = {codes}\n" if codes else ""))
    until(lambda: vendor.asked >= 3, 20, "three OPTIONS")
    if there:
        assert state(alone)["state"] == "up"
    else:
        assert becomes(alone, "away")["reason"].startswith(f"OPTIONS answered {status}")


def test_a_vendor_that_lets_calls_wait_is_put_aside(alone):
    alone.begin(SS_SIP_TIMEOUT_INVITE="0.5")
    second = alone.vendor("second", ANSWER, calls=3)
    for number in range(3):
        alone.call(CALL, name=f"caller{number}").succeeds()
        assert state(alone)["state"] == ("away" if number else "up")
    second.succeeds()
    rows = alone.cdrs(3)
    assert [len(row["attempts"]) for row in rows] == [1, 2, 2]
    alone.switch.cli("gateway", "enable", f"first{alone.n}")
    assert state(alone)["state"] == "up"


def test_retry_after_is_heeded(alone):
    vendor = Peer(alone.switch.port)
    alone.ports["first"] = vendor.port
    alone.peers.append(vendor)
    alone.begin(vendor="retry_after = 2\n")
    caller = Peer(alone.switch.port, host=alone.host)
    alone.peers.append(caller)
    first = caller.request("INVITE", alone.number, SDP)
    caller.send(first)
    invite = vendor.expect("INVITE")
    answer = invite.reply(503, "", vendor.tag)
    answer.add("retry-after", "120 (busy);duration=9")
    vendor.send(answer, vendor.source)
    vendor.expect("ACK")
    assert state(alone)["state"] == "held"
    assert state(alone)["reason"] == "its Retry-After"
    caller.send(caller.follow("CANCEL", first))
    time.sleep(2.5)
    assert state(alone)["state"] == "up"


def test_a_disabled_vendor_gets_no_calls(alone):
    alone.begin()
    alone.switch.cli("gateway", "disable", f"first{alone.n}")
    second = alone.vendor("second", ANSWER)
    alone.call(CALL).succeeds()
    second.succeeds()
    assert len(alone.cdr()["attempts"]) == 1
    alone.switch.cli("gateway", "disable", f"second{alone.n}")
    alone.call(REFUSED, name="refused").succeeds()
