"""The recorder as a process: spoken to over its socket, killed, orphaned, stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from vosswitch.cdr.files import JournalWriter
from vosswitch.cdr.record import Cdr, Charge
from vosswitch.params import files as boot_files
from vosswitch.recorder.wire import Lines, pack
from vosswitch.store import accounts, cdrs, grants
from vosswitch.store.changes import Change, record
from vosswitch.store.database import open_database
from vosswitch.store.fields import Deployment
from vosswitch.store.migrations import migrate
from vosswitch.store.proof import Proof
from vosswitch.store.provision import apply_load
from vosswitch.store.schema import account
from vosswitch.store.secrets import Secrets

DOCUMENT = {
    "rate_groups": [{"name": "g", "rates": [{"prefix": "1", "per_minute": "0.6"}]}],
    "accounts": [
        {"number": "p", "balance": "100", "anti_overdraft": True, "rate_group": "g"},
        {"number": "v", "kind": "clearing"},
    ],
    "mapping_gateways": [{"name": "m", "account": "p", "addresses": ["192.0.2.1"]}],
    "routing_gateways": [{"name": "r", "account": "v", "address": "192.0.2.2", "username": "u", "password": "secret7"}],
    "phones": [{"number": "1001", "account": "p", "password": "phonesecret"}],
    "parameters": [{"name": "SS_MAX_CPS", "value": "77"}],
}
UNITS = 10_000_000
ROOT = Path(__file__).parents[2]


class Switch:
    """What the switch does with its recorder, without a switch."""

    def __init__(self, url, folder):
        self.path = folder / "vosswitch.toml"
        self.path.write_text(
            f'[database]\nurl = "{url}"\nkey_file = "{folder}/key"\n[plugins]\npath = ["{folder}/plugins"]\n'
            f'[run]\ndirectory = "{folder}/run"\nspool = "{folder}/spool"\ncdr = "{folder}/cdr"\n'
        )
        self.boot = boot_files.load(str(self.path))
        self.database = open_database(self.boot.database_url)
        self.writer = JournalWriter(self.boot.spool_directory, 64 << 10)
        self.children = []
        self.serial = 0
        self.start()

    def load(self, document):
        deployment = Deployment(realm=self.boot.realm, secrets=Secrets(self.boot.key_file))
        with self.database.write() as connection:
            return apply_load(connection, document, deployment)

    def start(self, seq=0):
        if self.children:
            self.socket.close()
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(15)
        self.lines, self.inbox = Lines(), []

        def third():
            os.dup2(theirs.fileno(), 3)
            os.set_inheritable(3, True)

        self.child = subprocess.Popen(
            [sys.executable, "-m", "vosswitch.recorder", str(self.path), str(seq)],
            close_fds=False, preexec_fn=third, cwd=ROOT,  # noqa: PLW1509 - one thread, and fd 3 it has to be
        )  # fmt: skip
        theirs.close()
        self.children.append(self.child)

    def say(self, **message):
        self.socket.sendall(pack(message))

    def hear(self, op):
        """Everything up to the next message *op*."""
        heard = []
        while True:
            while self.inbox:
                heard.append(self.inbox.pop(0))
                if heard[-1]["op"] == op:
                    return heard
            data = self.socket.recv(1 << 16)
            assert data, f"the recorder is gone before {op}; it said {heard}"
            self.inbox += self.lines.feed(data)

    def call(self, fee=UNITS, number="p"):
        self.serial += 1
        now = time.time_ns() // 1_000_000
        day = time.strftime("%Y%m%d", time.gmtime(now / 1000))
        cdr = Cdr(self.serial, day, now, now, account=number, fee=fee)
        cdr.charges = [Charge(number, fee, "call"), Charge("v", fee // 2, "cost")]
        self.writer.append("start", {"flowno": self.serial})
        self.writer.append("end", cdr)

    def money(self, number):
        with self.database.read() as connection:
            row = connection.execute(select(account).where(account.c.number == number)).one()
        return row.balance, row.granted

    def recorded(self):
        with self.database.read() as connection:
            return sorted(int(item["call_id"]) for item in cdrs.list_cdrs(connection, 0))

    def close(self):
        self.socket.close()
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait(10)
        self.writer.close()
        self.database.close()


@pytest.fixture
def switch(database_url, tmp_path):
    made = Switch(database_url, tmp_path)
    yield made
    made.close()


@pytest.fixture
def ready(switch):
    """A recorder that has told everything."""
    switch.load(DOCUMENT)
    switch.child.kill()
    switch.child.wait(10)
    switch.start()
    switch.told = switch.hear("ready")
    return switch


def test_tells_configuration_and_money_and_then_is_ready(ready):
    config = {}
    money = {}
    for message in ready.told:
        if message["op"] == "config":
            for kind in ("accounts", "mapping_gateways", "routing_gateways", "phones", "parameters", "rate_groups"):
                config.setdefault(kind, {}).update(message[kind])
        elif message["op"] == "money":
            money |= message["accounts"]
    assert ready.told[0]["full"] is True
    assert config["parameters"] == {"SS_MAX_CPS": "77"}
    assert config["routing_gateways"]["r"]["password"] == "secret7"
    assert len(config["phones"]["1001"]["ha1s"]["SHA-256"]) == 64
    assert config["mapping_gateways"]["m"]["ha1s"] == {}
    assert config["accounts"]["p"]["anti_overdraft"] is True
    group = config["rate_groups"]["g"]
    assert group["overlay"] == [["1", 0, "0.6", 1, 1, "0", "0", "domestic"]]
    assert money == {
        "p": {"balance": 100 * UNITS, "grant": 100 * UNITS, "elsewhere": 0},
        "v": {"balance": 0, "grant": 0, "elsewhere": 0},
    }


def test_a_record_is_in_the_database_soon_after_its_end(ready):
    begun = time.monotonic()
    ready.call()
    (drained,) = ready.hear("drained")
    assert time.monotonic() - begun < 2
    assert ready.recorded() == [1]
    assert drained["accounts"]["p"] == {"balance": 99 * UNITS, "grant": 99 * UNITS, "drained": UNITS}
    assert drained["accounts"]["v"] == {"balance": -UNITS // 2, "grant": 0, "drained": UNITS // 2}
    assert (drained["segment"], drained["offset"]) == ready.writer.position


def test_what_lies_in_the_spool_is_told_until_somebody_takes_it_away(ready):
    path = Path(ready.boot.spool_directory) / "refused.jsonl"
    path.write_text("{}\n")
    assert ready.hear("aside")[-1]["text"] == f"1 calls that the database refuses are kept in {path}"
    path.unlink()
    assert ready.hear("aside")[-1]["text"] == ""


def test_changes_are_told_on_demand_and_by_themselves(ready):
    ready.load({"accounts": [{"number": "p", "anti_overdraft": True, "overdraft_limit": "5", "rate_group": "g"}]})
    ready.say(op="apply", id=9)
    told = ready.hear("applied")
    assert [message["op"] for message in told][-3:] in (["config", "money", "applied"], ["config", "config", "applied"])
    money = next(message for message in told if message["op"] == "money")
    assert money["accounts"] == {"p": {"balance": 100 * UNITS, "grant": 105 * UNITS, "elsewhere": 0}}
    seq = ready.load({"phones": [{"number": "1001", "delete": True}]}).seq
    config = ready.hear("config")
    while config[-1]["more"]:
        config += ready.hear("config")
    assert config[-1]["seq"] == seq
    assert config[-1]["phones"] == {"1001": None}


def test_records_may_wait_long_but_changes_and_other_nodes_do_not(ready):
    assert next(message["alive"] for message in ready.told if message["op"] == "nodes") == [ready.boot.node_id]
    ready.load({"parameters": [{"name": "SS_CDR_WRITE_INTERVAL", "value": "60"}]})
    ready.say(op="apply", id=9)
    ready.hear("applied")
    time.sleep(3)  # from the next look at the journal on, the next one is half a minute away: longer than `hear` waits
    ready.call()
    seq = ready.load({"phones": [{"number": "1001", "delete": True}]}).seq
    while ready.hear("config")[-1]["seq"] != seq:
        pass
    if not ready.database.is_sqlite:
        other = ready.boot.node_id + 1
        with ready.database.write() as connection:
            grants.seen(connection, other, "other", time.time_ns() // 1_000_000)
        assert ready.hear("nodes")[-1]["alive"] == [ready.boot.node_id, other]
        with ready.database.write() as connection:
            grants.gone(connection, other)
        assert ready.hear("nodes")[-1]["alive"] == [ready.boot.node_id]
    assert ready.recorded() == []
    ready.say(op="stop")
    assert ready.child.wait(10) == 0
    assert ready.recorded() == [1]


def test_more_money_on_demand_after_a_payment(ready):
    with ready.database.write() as connection:
        connection.execute(account.update().where(account.c.number == "p").values(balance=150 * UNITS))
    ready.say(op="want", account="p", amount=1)
    (money,) = ready.hear("money")
    assert money["accounts"] == {"p": {"balance": 150 * UNITS, "grant": 150 * UNITS, "elsewhere": 0}}


def test_a_payment_in_the_change_log_moves_the_grant(ready):
    with ready.database.write() as connection:
        connection.execute(account.update().where(account.c.number == "p").values(balance=150 * UNITS))
        record(connection, "test", [Change("account", "p", {}, {})])
    money = ready.hear("money")[-1]
    assert money["accounts"] == {"p": {"balance": 150 * UNITS, "grant": 150 * UNITS, "elsewhere": 0}}


def lock_of(heard, number):
    """Locked and why, as the last configuration that names the account has it."""
    bodies = [item["accounts"][number] for item in heard if item["op"] == "config" and number in item["accounts"]]
    return (bodies[-1]["locked"], bodies[-1]["lock_reason"]) if bodies else None


def hear_lock(ready, number):
    while (found := lock_of(ready.hear("config"), number)) is None:
        pass
    return found


def test_calls_that_take_the_last_lock_the_account_in_the_switch_and_a_payment_lifts_it(ready):
    ready.load({"accounts": [{"number": "o", "balance": "2"}]})
    ready.say(op="apply", id=1)
    ready.hear("applied")
    ready.call(2 * UNITS, "o")
    heard = ready.hear("config")
    assert lock_of(heard, "o") == (True, "balance")
    assert [item["accounts"]["o"]["balance"] for item in heard if item["op"] == "drained"] == [0]
    with ready.database.write() as connection:
        assert accounts.pay(connection, "o", 1, "clerk").unlocked
    ready.say(op="apply", id=2)
    assert lock_of(ready.hear("applied"), "o") == (False, "")
    with ready.database.snapshot() as connection:
        assert not list(Proof(connection, ZoneInfo("UTC")).findings(calls=False))


def test_an_account_is_locked_at_its_expiry(ready):
    soon = time.time_ns() // 1_000_000 + 100
    ready.load({"accounts": [{"number": "e", "balance": "2"}]})
    with ready.database.write() as connection:
        connection.execute(account.update().where(account.c.number == "e").values(expires=soon))
    assert hear_lock(ready, "e") == (False, "")
    assert hear_lock(ready, "e") == (True, "expiry")
    with ready.database.write() as connection:
        paid = accounts.pay(connection, "e", 1, "clerk")
    assert (paid.unlocked, paid.after.expires) == (True, paid.booked.at + 365 * 86_400_000)
    assert hear_lock(ready, "e") == (False, "")


def test_a_stop_drains_and_gives_the_grants_back(ready):
    assert ready.money("p") == (100 * UNITS, 100 * UNITS)
    for _ in range(20):
        ready.call()
    ready.say(op="stop")
    assert ready.child.wait(10) == 0
    assert ready.recorded() == list(range(1, 21))
    assert ready.money("p") == (80 * UNITS, 0)


def test_what_a_killed_switch_left_is_still_written(ready):
    for _ in range(20):
        ready.call()
    ready.socket.close()
    assert ready.child.wait(10) == 0
    assert ready.recorded() == list(range(1, 21))
    assert ready.money("p") == (80 * UNITS, 80 * UNITS)


def test_a_killed_recorder_is_replaced_without_loss_or_doubles(ready):
    for round_ in range(1, 6):
        for _ in range(40):
            ready.call(UNITS // 10)
        time.sleep(0.13 * round_)
        ready.child.send_signal(signal.SIGKILL)
        ready.child.wait(10)
        ready.start(seq=ready.told[-1]["seq"])
        told = ready.hear("ready")
        assert "config" not in [message["op"] for message in told]
        money = next(message for message in told if message["op"] == "money")
        left = 100 * UNITS - round_ * 4 * UNITS
        assert money["accounts"]["p"] == {"balance": left, "grant": left, "elsewhere": 0}
        assert (money["segment"], money["offset"]) == ready.writer.position
    assert ready.recorded() == list(range(1, 201))


SINK = """
from pathlib import Path
from zope.interface import implementer
from vosswitch.hooks.interfaces import ICdrSink
from vosswitch.hooks.specs import hookimpl

@implementer(ICdrSink)
class Sink:
    name = "file"

    def __init__(self, path):
        self.path = path

    def write(self, records):
        with self.path.open("a") as file:
            file.writelines(f"{record['flowno']}\\n" for record in records)

class Plugin:
    def __init__(self, context):
        self.sink = Sink(Path(context.folder).parent.parent / "sunk")

    @hookimpl
    def cdr_sinks(self):
        return [self.sink]

def make_plugin(context):
    return Plugin(context)
"""


def test_a_plugins_sink_gets_what_was_committed(database_url, tmp_path):
    folder = tmp_path / "plugins" / "tosink"
    folder.mkdir(parents=True)
    (folder / "plugin.py").write_text(SINK)
    switch = Switch(database_url, tmp_path)
    try:
        switch.load(DOCUMENT)
        switch.hear("ready")
        switch.call()
        switch.call()
        switch.say(op="stop")
        assert switch.child.wait(10) == 0
        assert (tmp_path / "sunk").read_text() == "1\n2\n"
    finally:
        switch.close()


class Gate:
    """A way to the database server that can be shut."""

    def __init__(self, port):
        self._port = port
        self._open = True
        self._links = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._open:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._port))
            self._links += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source, target):
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def shut(self):
        self._open = False
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def open(self):
        self._open = True

    def close(self):
        self.shut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for link in self._links:
            link.close()


@pytest.mark.mariadb
def test_a_database_that_goes_away_and_comes_back_gets_everything_once(mariadb_server, tmp_path):
    url = mariadb_server.new_url()
    migrate(url)
    port = int(url.rsplit(":", 1)[1].split("/")[0])
    gate = Gate(port)
    switch = Switch(url.replace(f":{port}/", f":{gate.port}/"), tmp_path)
    try:
        switch.hear("ready")
        switch.load(DOCUMENT)
        switch.hear("money")
        switch.call()
        switch.hear("drained")
        switch.database.close()
        gate.shut()
        for _ in range(10):
            switch.call()
        heard = switch.hear("trouble")
        assert heard[-1]["text"].startswith("away: ")
        assert "drained" not in {message["op"] for message in heard}
        switch.call()
        gate.open()
        switch.hear("fine")
        while len(switch.recorded()) < 12:
            switch.hear("drained")
        assert switch.recorded() == list(range(1, 13))
        assert switch.money("p") == (88 * UNITS, 88 * UNITS)
    finally:
        switch.close()
        gate.close()


def test_a_second_recorder_waits_for_the_first(ready):
    first = ready.child
    old = ready.socket.dup()
    ready.start()
    ready.call()
    ready.socket.settimeout(0.7)
    with pytest.raises(TimeoutError):
        ready.hear("ready")
    old.close()
    first.wait(10)
    ready.socket.settimeout(10)
    ready.hear("ready")
    assert ready.recorded() == [1]
