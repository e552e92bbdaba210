"""Prepaid money on live calls: cut at its end, extended by a payment, shared by nodes with and without Redis."""

from __future__ import annotations

import time
from decimal import Decimal
from functools import partial

import pytest

from tests.support.load import PROVISION
from tests.support.mariadb import MariaDb
from tests.support.redis import Redis
from tests.support.sipp import ANSWER, Sipp, called, caller
from tests.support.switch import Switch, free_port, media_port, until
from vosswitch.control.client import ControlClient

CUT = ["invite", "expect? 100", "expect? 180", "expect 200", "ack", "receive BYE", "reply 200"]
HELD = ["invite", "expect? 100", "expect? 180", "expect 200", "ack", "pause 5000", "bye", "expect 200"]


def test_a_call_is_cut_at_the_funded_moment_and_costs_what_there_was(case):
    case.begin(balance="0.02")
    vendor = case.vendor("first", ANSWER)
    case.call(CUT).succeeds()
    vendor.succeeds()
    row = case.cdr()
    assert (row["end_reason"], row["fee"], row["hold_time"]) == ("balance_exhausted", "0.02", 2)
    assert case.switch.balance(f"C{case.n}") == "0"


def test_a_payment_during_the_call_lets_it_go_on(case):
    case.begin(balance="0.03")
    vendor = case.vendor("first", ANSWER)
    call = case.call(HELD)
    until(lambda: [row for row in case.running() if row["answer"]], what="an answered call")
    time.sleep(1)
    case.switch.cli("account", "pay", f"C{case.n}", "1")
    call.succeeds()
    vendor.succeeds()
    row = case.cdr()
    assert row["end_reason"] == "normal"
    assert Decimal(row["fee"]) >= Decimal("0.05")
    assert Decimal(case.switch.balance(f"C{case.n}")) == Decimal("1.03") - Decimal(row["fee"])


def test_calls_go_on_without_money_where_that_is_wished(case):
    case.begin(balance="0.02", account='when_money_ends = "refuse"')
    vendor = case.vendor("first", ANSWER)
    call = case.call(HELD)
    until(lambda: [row for row in case.running() if row["answer"]], what="an answered call")
    time.sleep(2.5)
    case.call(["invite", "expect? 100", "expect 403", "failack"], name="refused").succeeds()
    call.succeeds()
    vendor.succeeds()
    fees = {row["end_reason"]: Decimal(row["fee"]) for row in case.cdrs(2)}
    assert fees["insufficient_balance"] == 0
    assert fees["normal"] >= Decimal("0.05")
    assert Decimal(case.switch.balance(f"C{case.n}")) == Decimal("0.02") - fees["normal"]


def test_a_vendor_whose_prepaid_account_is_used_up(case):
    case.begin()
    case.switch.provision(
        f'[[accounts]]\nnumber = "V{case.n}"\nkind = "clearing"\nanti_overdraft = true\nrate_group = "buy{case.n}"\n'
    )
    case.switch.cli("account", "pay", f"V{case.n}", "0.01")
    vendor = case.vendor("first", ANSWER)
    case.call(CUT).succeeds()
    vendor.succeeds()
    row = case.cdr()
    assert (row["end_reason"], row["cost"]) == ("balance_exhausted", "0.01")
    assert case.switch.balance(f"V{case.n}") == "0"
    case.call(["invite", "expect? 100", "expect 503", "failack"], name="refused").succeeds()
    assert case.cdrs(2)[0]["end_reason"] == "clearing_restricted"


# ---- two nodes


class Pair:
    """Two nodes on one MariaDB: the first holds all money of account P when the second one starts."""

    def __init__(self, folder, url, sections):
        self.folder = folder
        self.vendor_port = free_port()
        self.hosts = {"rich": "127.3.0.1", "poor": "127.3.0.2", "open": "127.3.0.3"}
        self.nodes = []
        for number in (0, 1):
            place = folder / f"n{number}"
            place.mkdir()
            media = {"address": f"127.0.5.{number + 1}"}
            node = Switch(place, url, node={"id": number, "name": f"n{number}"}, media=media, **sections)
            if not number:
                node.cli("migrate")
                node.provision(PROVISION.format(vendor=self.vendor_port, **self.hosts))
            self.nodes.append(node.start())
        self.peers = [self.peer("vendor", called(ANSWER), self.vendor_port, "-m", "100")]
        self.peers[0].ready(self.vendor_port)
        for node in self.nodes:
            until(partial(self.met, node), what="both nodes")

    def met(self, node):
        with ControlClient(str(node.folder / "run" / "control.sock")) as client:
            return client.call("status")["nodes"] == [0, 1]

    def peer(self, name, scenario, port, *options, host="127.0.0.1", remote=None):
        media = ("-mi", host, "-mp", str(media_port(host)))
        return Sipp(self.folder, name, scenario, port, remote, *media, *options, host=host)

    def call(self, node, name, steps):
        made = self.peer(
            name, caller(steps), free_port(), "-s", "4312345", "-m", "1", host=self.hosts["poor"],
            remote=f"127.0.0.1:{self.nodes[node].port}",
        )  # fmt: skip
        self.peers.append(made)
        return made

    def stop(self):
        for peer in self.peers:
            peer.stop()
        codes = [node.stop() for node in self.nodes]
        logs = "\n".join(node.log() for node in self.nodes)
        assert codes == [0, 0], logs[-4000:]
        assert "Traceback" not in logs, logs[-4000:]


@pytest.mark.mariadb
@pytest.mark.redis
@pytest.mark.alone  # a new call has 0.2 s to get its money from the other node
@pytest.mark.parametrize("with_redis", [True, False])
def test_a_call_gets_the_money_that_another_node_holds(tmp_path, with_redis):
    server = MariaDb(tmp_path)
    redis = Redis(tmp_path) if with_redis else None
    sections = {"redis": {"url": f"redis://127.0.0.1:{redis.port}/0"}} if redis else {}
    pair = Pair(tmp_path, server.new_url(), sections)
    try:
        calls = [pair.call(number, f"call{number}", HELD) for number in (0, 1)]
        for call in calls:
            call.succeeds()
        last = pair.call(1, "cut", CUT)  # all that is left, wherever it is: 2.00 are 200 s
        until(lambda: pair.nodes[1].json("calls"), what="the call")
        pair.nodes[0].cli("account", "correct", "P", "-1.5", "--why", "so that it ends soon")
        time.sleep(1)
        pair.nodes[1].cli("release", pair.nodes[1].json("calls")[0]["call_id"])
        last.succeeds()
        rows = pair.nodes[0].cdrs(3)
        assert sorted(row["end_reason"] for row in rows) == ["normal", "normal", "operator_release"]
        spent = sum(Decimal(row["fee"]) for row in rows)
        until(lambda: Decimal(pair.nodes[0].balance("P")) == -spent, what="the balance")
    finally:
        pair.stop()
        if redis is not None:
            redis.stop()
        server.stop()
