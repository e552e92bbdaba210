"""From the journal into real databases: exactly once, whatever happens in between."""

from __future__ import annotations

import importlib
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from vosswitch.cdr.files import JournalWriter, segments
from vosswitch.cdr.record import Cdr, Charge
from vosswitch.recorder.drain import Drain
from vosswitch.store import cdrs, charges
from vosswitch.store.schema import account, cdr_table, journal_position, ledger

DAY_MS = 86_400_000
NOON = 1_798_718_400_000  # 2026-12-31 12:00 UTC
SIZE = 16 << 10


class Node:
    """A journal and the drain behind it."""

    def __init__(self, database, spool):
        self.database = database
        self.spool = spool
        self.now = NOON
        self.troubles = []
        self.serial = 0
        self.writer = JournalWriter(str(spool), SIZE)
        self.drain = None
        self.restart()

    def restart(self):
        """A new recorder, as after a kill -9."""
        if self.drain is not None:
            self.drain.close()
        self.drain = Drain(
            self.database, self.spool, (7, "seven"), ZoneInfo("UTC"), lambda: self.now, self.troubles.append
        )
        self.drain.begin()

    def call(self, fee=10, *, end=True, day="20261231", **more):
        self.serial += 1
        cdr = Cdr(self.serial, day, self.now, self.now + 1000, account="a", clearing_account="v", fee=fee, **more)
        cdr.charges = [Charge("a", fee, "call"), Charge("v", fee // 2, "cost")]
        self.writer.append("start", {"flowno": cdr.flowno, "day": day, "start": self.now})
        if end:
            self.writer.append("end", cdr)
        return cdr

    def run(self, limit=1000):
        while self.drain.step(limit) is not None:
            pass


@pytest.fixture
def node(database, tmp_path):
    with database.write() as connection:
        for number in "av":
            connection.execute(account.insert().values(
                number=number, name="", kind="ordinary", balance=1000, overdraft_limit=0, granted=0,
                anti_overdraft=False, locked=False, lock_reason="", created=0,
            ))  # fmt: skip
    made = Node(database, tmp_path / "spool")
    yield made
    made.drain.close()
    made.writer.close()


def check(node, calls):
    """Every call has exactly one CDR, and the balance is what the ledger says."""
    with node.database.read() as connection:
        found = cdrs.list_cdrs(connection, 0)
        balances = dict(connection.execute(select(account.c.number, account.c.balance)).all())
        sums = dict(
            connection.execute(
                select(ledger.c.account, func.sum(ledger.c.amount, type_=ledger.c.amount.type)).group_by(
                    ledger.c.account
                )
            ).all()
        )
    assert sorted(int(item["call_id"]) for item in found) == list(range(1, calls + 1))
    assert balances == {"a": 1000 - 10 * calls, "v": 1000 - 5 * calls}
    assert sums == {"a": -10 * calls, "v": -5 * calls} if calls else not sums


def test_every_end_becomes_one_record(node):
    for _ in range(50):
        node.call()
    node.run(7)
    check(node, 50)
    assert not node.troubles


class Killed(BaseException):
    """As good as a kill -9: nothing that follows in the process runs."""


STEPS = [
    "vosswitch.store.charges.move_position", "vosswitch.store.grants.spend", "vosswitch.store.charges._ledger_rows",
    "vosswitch.store.cdrs.insert_cdrs", "vosswitch.recorder.drain.Drain._commit",
    "vosswitch.recorder.drain.Drain.remove_consumed", "vosswitch.store.cdrs.ensure_days",
]  # fmt: skip


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_recorder_killed_at_any_step_goes_on_where_it_was(node, monkeypatch, step, when):
    for _ in range(5):
        node.call()
    node.run()
    for _ in range(5):
        node.call(day="20270101")
    path, name = step.rsplit(".", 1)
    with monkeypatch.context() as patch:
        owner = Drain if path.endswith("Drain") else importlib.import_module(path)
        original = getattr(owner, name)

        def killed(*arguments):
            if when == "after":
                original(*arguments)
            raise Killed

        patch.setattr(owner, name, killed)
        node.drain._days.discard("20270101")
        with pytest.raises(Killed):
            node.run()
    node.restart()
    node.run()
    check(node, 10)


def test_a_database_that_is_away_loses_nothing(node, monkeypatch):
    for _ in range(5):
        node.call()
    with monkeypatch.context() as patch:

        def away(*_):
            raise OperationalError("x", {}, Exception("gone away"))

        patch.setattr(charges, "write_batch", away)
        for _ in range(3):
            with pytest.raises(OperationalError):
                node.run()
        node.call()
    node.run()
    check(node, 6)


def test_a_commit_whose_answer_was_lost_is_not_repeated(node, monkeypatch):
    for _ in range(5):
        node.call()
    commit = Drain._commit
    with monkeypatch.context() as patch:

        def lost(self, batch):
            commit(self, batch)
            raise OperationalError("x", {}, Exception("lost connection"))

        patch.setattr(Drain, "_commit", lost)
        with pytest.raises(OperationalError):
            node.run()
    assert node.drain.step(100)["a"] == (950, 0, 50)
    node.run()
    check(node, 5)


def test_a_call_that_is_in_the_database_already_is_skipped_whole(node):
    for _ in range(5):
        node.call()
    node.run()
    with node.database.write() as connection:
        connection.execute(journal_position.delete())
    node.call()
    node.restart()
    assert node.drain.step(100)["a"] == (940, 0, 60)
    check(node, 6)


def test_a_record_that_the_database_refuses_is_kept_aside(node):
    node.call()
    bad = node.call(end=False)
    bad.code = 1 << 70
    bad.code = "no number at all" if not node.database.is_sqlite else [1]
    node.writer.append("end", bad)
    node.call()
    node.run()
    with node.database.read() as connection:
        assert {item["call_id"] for item in cdrs.list_cdrs(connection)} == {"1", "3"}
        assert connection.scalar(select(account.c.balance).where(account.c.number == "a")) == 980
    assert len(node.troubles) == 1
    assert "call 2" in node.troubles[0]
    assert (node.spool / "refused.jsonl").read_bytes().count(b"\n") == 1


def test_nothing_goes_for_an_end_that_has_only_been_read(node, monkeypatch):
    """A power cut may take that end again: then the call's start must be there."""
    open_call = node.call(end=False)
    first = segments(node.spool)[0]
    while len(segments(node.spool)) < 3:
        node.call()
    node.run()
    node.writer.append("end", open_call)

    def away(_batch):
        raise OperationalError("COMMIT", {}, Exception("gone"))

    with monkeypatch.context() as patch:
        patch.setattr(node.drain, "_write", away)
        with pytest.raises(OperationalError):
            node.drain.step(10)
        node.drain.remove_consumed()
        assert segments(node.spool)[0] == first
    node.run()
    assert segments(node.spool)[0] > first
    check(node, node.serial)


def test_a_disk_that_refuses_to_tidy_up_keeps_no_batch_from_being_told(node):
    """The switch takes an account that it hears nothing of for one that is gone."""
    node.call()
    node.run()
    while len(segments(node.spool)) < 3:
        node.call()

    def refuses(_keep):
        raise OSError(28, "No space left on device")

    node.drain.floor = refuses
    spent = []
    while (found := node.drain.step(10)) is not None:
        spent.append(found["a"].drained)
    assert sum(spent) == 10 * (node.serial - 1)
    with pytest.raises(OSError, match="No space"):
        node.drain.remove_consumed()


def test_segments_go_when_they_are_written_and_their_calls_have_ended(node):
    first = segments(node.spool)[0]
    open_call = node.call(end=False)
    for _ in range(100):
        node.call()
    node.run()
    assert len(segments(node.spool)) > 3
    assert segments(node.spool)[0] == first
    node.restart()
    node.writer.append("end", open_call)
    node.run()
    assert segments(node.spool) == [node.writer.position.segment]


def test_calls_of_a_day_that_has_no_table_yet(node):
    node.now += 40 * DAY_MS
    node.call(day="20270209")
    node.call(day="")
    node.run()
    with node.database.read() as connection:
        days = connection.scalars(select(cdr_table.c.day).order_by(cdr_table.c.day)).all()
        assert days == ["20261231", "20270101", "20270209"]
        assert connection.execute(text("SELECT COUNT(*) FROM e_cdr_20270209")).scalar() == 2


def test_records_of_an_older_version_get_defaults(node):
    node.writer.append("end", {"flowno": 1, "day": "20261231", "start": NOON, "stop": NOON, "charges": []})
    node.run()
    with node.database.read() as connection:
        (found,) = cdrs.list_cdrs(connection)
    assert (found["call_id"], found["end_reason"], found["attempts"]) == ("1", "normal", [])


def test_a_carried_call_lets_its_old_segment_go_but_not_before_the_new_one_is_on_the_disk(node):
    node.writer.append("start", {"flowno": 99, "day": "20261231", "start": node.now})
    old = node.writer.position.segment
    synced = []
    node.drain.sync = lambda spool, number: synced.append((number, old in segments(spool)))
    while node.writer.position.segment < old + 3:
        node.call()
    node.run()
    assert old in segments(node.spool)
    assert not synced
    start = {"flowno": 99, "day": "20261231", "start": node.now}
    carried = node.writer.append("carry", {"flowno": 99, "start": start}).segment
    node.call()
    node.run()
    assert (carried, True) in synced
    assert min(segments(node.spool)) == carried
    node.restart()
    while node.writer.position.segment < carried + 2:
        node.call()
    node.run()
    assert min(segments(node.spool)) == carried


def test_a_refused_record_is_put_aside_whole_or_not_at_all(node, monkeypatch):
    node.call(attempts=[{"gateway": "x" * 200}], rate_group=5)
    node.call()
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            node.run()
    node.run()
    with (node.spool / "refused.jsonl").open() as file:
        assert [line.count('"flowno":1,') for line in file] == [1, 1]  # the first time it was not certain to stay
    assert len(node.troubles) == 1


def full(*_):
    raise OSError(28, "No space left on device")
