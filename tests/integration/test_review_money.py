"""Money of calls between the journal and the database, where accounts meet each other or are gone."""

from __future__ import annotations

from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from vosswitch.cdr.files import JournalWriter
from vosswitch.cdr.record import Attempt, Cdr, Charge
from vosswitch.delivery.process import NoDelivery
from vosswitch.recorder.drain import Drain
from vosswitch.recorder.worker import Recorder
from vosswitch.store import cdrs, grants
from vosswitch.store.schema import account, account_grant, ledger, node

NOON = 1_798_718_400_000  # 2026-12-31 12:00 UTC
DAY = "20261231"


@pytest.fixture
def spool(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def journal(spool):
    writer = JournalWriter(str(spool), 16 << 10)
    yield writer
    writer.close()


def drained(database, spool):
    """Bring the journal into the database; what the switch is told of the accounts, and of trouble."""
    troubles = []
    drain = Drain(database, spool, (7, "seven"), ZoneInfo("UTC"), lambda: NOON, troubles.append)
    drain.begin()
    spent = {}
    while (step := drain.step(100)) is not None:
        spent |= step
    drain.close()
    return spent, troubles


def given(database, number, balance, granted=0):
    with database.write() as connection:
        connection.execute(account.insert().values(
            number=number, name="", kind="ordinary", balance=balance, overdraft_limit=0, granted=granted,
            anti_overdraft=bool(granted), locked=False, lock_reason="", created=0,
        ))  # fmt: skip
        if granted:
            connection.execute(account_grant.insert().values(node=7, account=number, amount=granted))


def ended(flowno, *charges):
    cdr = Cdr(flowno, DAY, NOON, NOON + 1000, account="a", clearing_account="a", fee=10, cost=4)
    cdr.charges = [Charge(*charge) for charge in charges]
    return cdr


def test_an_account_that_is_customer_and_vendor_of_one_call_pays_both(database, spool, journal):
    given(database, "a", 1000)
    journal.append("end", ended(1, ("a", 10, "call"), ("a", 4, "cost")))
    spent, troubles = drained(database, spool)
    with database.read() as connection:
        assert [row["call_id"] for row in cdrs.list_cdrs(connection, 0)] == ["1"]
        assert connection.scalar(select(account.c.balance)) == 986
        assert connection.scalar(select(func.sum(ledger.c.amount))) == -14
        rows = connection.execute(select(ledger.c.kind, ledger.c.contra, ledger.c.balance_after)).all()
        assert rows == [("call", "revenue", 990), ("cost", "cost", 986)]
    assert spent["a"] == (986, 0, 14)
    assert troubles == []


def test_a_call_with_very_many_candidates_is_recorded(database, spool, journal):
    given(database, "a", 1000)
    cdr = ended(1, ("a", 10, "call"))
    row = {"gateway": "gateway-0000", "prefix": "43", "kept": True, "why": "prefix 43 matches", "priority": 0,
           "weight": 1, "price": None, "margin": None}  # fmt: skip
    cdr.decision = {"seq": 1, "notes": [], "plan": {"gateways": [row] * 1000}}
    journal.append("end", cdr)
    _, troubles = drained(database, spool)
    with database.read() as connection:
        assert [row["call_id"] for row in cdrs.list_cdrs(connection, 0)] == ["1"]
    assert troubles == []


class Feed:
    """A configuration that takes long to compile: calls end meanwhile."""

    parameters = {}

    def __init__(self, meanwhile):
        self.seq = 5
        self.batch_size = 100
        self.between = None
        self._meanwhile = meanwhile

    def changes(self):
        self._meanwhile()
        self.between()


class Channel:
    gone = False

    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message)

    def receive(self, _seconds):
        return []

    def trouble(self, text):
        raise AssertionError(text)

    note = trouble

    def aside(self, text):
        assert not text


def test_a_new_recorder_first_tells_a_running_switch_what_the_old_one_could_not(database, spool, journal):
    given(database, "a", 1000, granted=1000)
    given(database, "b", 1000, granted=1000)
    journal.append("end", ended(1, ("a", 10, "call")))
    channel = Channel()
    boot = SimpleNamespace(node_id=7, node_name="seven", spool_directory=str(spool), timezone="UTC")
    feed = Feed(lambda: journal.append("end", ended(2, ("b", 10, "call"))))
    recorder = Recorder(boot, database, channel, feed, NoDelivery(), wall_ms=lambda: NOON)
    for stage in (recorder._drain.begin, recorder._replay, recorder._announce):
        stage()
    recorder._drain.close()
    said = [message for message in channel.sent if message["op"] != "nodes"]
    assert [message["op"] for message in said] == ["money", "drained", "money", "ready"]
    assert said[0]["accounts"] == {
        "a": {"balance": 990, "grant": 990, "elsewhere": 0},
        "b": {"balance": 1000, "grant": 1000, "elsewhere": 0},
    }
    assert list(said[1]["accounts"]) == ["b"]


def test_of_two_nodes_the_one_in_need_gets_what_it_asks_for(database):
    given(database, "a", 1000, granted=400)
    with database.write() as connection:
        connection.execute(node.insert().values(id=8, name="eight", seen=NOON))
        grants.top_up(connection, 7, "a", 250, NOON)
        assert grants.holdings(connection, 7)["a"] == (1000, 650)


def test_a_call_with_very_many_attempts_is_recorded(database, spool, journal):
    given(database, "a", 1000)
    cdr = ended(1, ("a", 10, "call"))
    cdr.attempts = [
        Attempt(f"gateway-{number}", "1000", "4312345", 503, "service_unavailable") for number in range(900)
    ]
    journal.append("end", cdr)
    _, troubles = drained(database, spool)
    with database.read() as connection:
        assert [len(row["attempts"]) for row in cdrs.list_cdrs(connection, 0)] == [900]
    assert troubles == []
