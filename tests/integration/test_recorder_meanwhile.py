"""What the recorder does while it compiles millions of rows: records are written, and calls get their money."""

from __future__ import annotations

import gc
import weakref

import pytest
from sqlalchemy.exc import OperationalError

from vosswitch.delivery.process import NoDelivery
from vosswitch.params import files as boot_files
from vosswitch.recorder import files
from vosswitch.recorder.feed import Feed
from vosswitch.recorder.worker import Recorder
from vosswitch.store.fields import Deployment
from vosswitch.store.number_import import import_table
from vosswitch.store.provision import apply_load
from vosswitch.store.secrets import Secrets


class Switch:
    """The far end of the recorder's socket.

    :ivar said: what it was told, in order; *asks* what it says next.
    """

    gone = False

    def __init__(self):
        self.said, self.asks = [], []

    def receive(self, _seconds):
        asks, self.asks = self.asks, []
        return asks

    def send(self, message):
        self.said.append(message)

    def trouble(self, text):
        pytest.fail(text)

    note = trouble

    def aside(self, text):
        assert not text


class Knot:
    """Something that keeps itself, as the error of a failed try keeps its frames."""

    def __init__(self):
        self.itself = self


@pytest.fixture
def recorder(database_url, database, tmp_path):
    (tmp_path / "v.toml").write_text(
        f'[database]\nurl = "{database_url}"\nkey_file = "key"\n[plugins]\npath = []\n[run]\nspool = "spool"\n'
    )
    deployment = Deployment("test", Secrets(str(tmp_path / "key")))
    document = {
        "accounts": [{"number": "p", "balance": "100", "anti_overdraft": True}],
        "number_tables": [{"name": "t", "kind": "list"}],
    }
    with database.write() as connection:
        apply_load(connection, document, deployment)
    boot = boot_files.load(str(tmp_path / "v.toml"))
    feed = Feed(database, str(tmp_path / "run"), boot.key_file, 0, pytest.fail)
    made = Recorder(boot, database, Switch(), feed, NoDelivery())
    for stage in (feed.read_parameters, made._drain.begin, made._replay, made._announce):
        stage()
    yield made
    made._drain.close()


def test_what_failed_tries_leave_behind_goes(recorder):
    recorder._monotonic = iter(range(100)).__next__  # no waiting
    gc.disable()  # as good as the recorder's thresholds while nothing but failed tries happens
    try:
        left = weakref.ref(Knot())
        recorder._failed(OperationalError("", None, Exception("gone away")), 0.0)
        assert left() is None
    finally:
        gc.enable()


def test_money_does_not_wait_for_a_long_table(recorder, database, tmp_path, monkeypatch):
    switch = recorder._channel
    (tmp_path / "rows.csv").write_text("number\n" + "".join(f"{n}\n" for n in range(100)))
    import_table(database, "t", str(tmp_path / "rows.csv"), pause=lambda _seconds: None)
    monkeypatch.setattr(files, "IN_MEMORY", 10)
    switch.said.clear()
    switch.asks = [{"op": "apply", "id": 1}]
    recorder._inbox += switch.receive(0)
    switch.asks = [{"op": "want", "account": "p", "amount": 1}, {"op": "apply", "id": 2}]
    recorder._turn()
    told = [message["op"] for message in switch.said]
    assert told.index("money") < told.index("config") < told.index("applied")
    assert [message["id"] for message in switch.said if message["op"] == "applied"] == [1, 2]
    assert told.count("money") == 1
