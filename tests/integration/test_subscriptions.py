"""What is booked by periods, on both databases: once, in order, never below a limit, caught up after a downtime."""

from __future__ import annotations

import threading
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from vosswitch.billing.packages import SECOND
from vosswitch.model.values import UNITS, money
from vosswitch.recorder.periodic import RECALL_MS, Periodic
from vosswitch.store import accounts, books, dump, grants, purses, subscriptions
from vosswitch.store.changes import now_ms
from vosswitch.store.document import BadDocument
from vosswitch.store.fields import Deployment
from vosswitch.store.provision import apply_load
from vosswitch.store.schema import account, ledger
from vosswitch.store.secrets import Secrets

ZONE = ZoneInfo("Europe/Vienna")


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


MONDAY = at("2026-11-16T10:00")
BASIC = {"name": "basic", "rent": "9.90", "gift_minutes": [{"minutes": 100, "prefixes": ["43"]}], "gift_money": "2"}


class Office:
    """A database, and the recorders of some nodes that book into it.

    :ivar recalled: what nodes were asked to give back.
    """

    def __init__(self, database, folder, nodes=1):
        self.database = database
        self.deployment = Deployment("test", Secrets(str(folder / "key")), ZONE)
        self.now = MONDAY
        self.recalled = []
        self.troubles = []
        self.nodes = [
            Periodic(database, ZONE, f"node {number}", lambda: self.now, self.recalled.append, self.troubles.append)
            for number in range(1, nodes + 1)
        ]

    def load(self, package=None, balance="100", packages=("basic",), **fields):
        document = {"packages": [BASIC if package is None else {"name": "basic"} | package],
                    "accounts": [{"number": "1", "balance": balance, "packages": list(packages)} | fields]}  # fmt: skip
        self.write(document)

    def write(self, document):
        with self.database.write() as connection:
            apply_load(connection, document, self.deployment)
        for node in self.nodes:
            node.note({"full": True})

    def turn(self, text=None):
        if text is not None:
            self.now = at(text)
        booked = [node.turn() for node in self.nodes]
        self.now += RECALL_MS
        return [node.turn() for node in self.nodes] + booked

    def balances(self):
        with self.database.read() as connection:
            query = select(account.c.number, account.c.balance).order_by(account.c.number)
            return dict(connection.execute(query).all())

    def rows(self, number):
        with self.database.read() as connection:
            query = select(ledger).where(ledger.c.account == number).order_by(ledger.c.id)
            return [(row.kind, row.amount, row.reference) for row in connection.execute(query)]

    def standing(self):
        with self.database.read() as connection:
            return [(row["package"], row["state"]) for row in subscriptions.standing(connection, "1")]

    def pay(self, amount):
        with self.database.write() as connection:
            accounts.pay(connection, "1", money(amount), "clerk")
        for node in self.nodes:
            node.note({"accounts": {"1": {}}})


@pytest.fixture
def office(database, tmp_path):
    return Office(database, tmp_path)


@pytest.fixture
def two(database, tmp_path):
    return Office(database, tmp_path, 2)


def test_a_package_begins_with_its_rent_and_its_gifts(office):
    office.load()
    office.turn()
    assert office.balances() == {"#1/basic/1": 6000 * SECOND, "#1/basic/money": 2 * UNITS, "1": money("90.1")}
    assert office.rows("1")[1:] == [("rent", money("-9.9"), "rent:basic:20261116")]
    assert office.rows("#1/basic/1") == [("gift", 6000 * SECOND, "gift:basic:20261116")]
    office.turn()
    assert len(office.rows("1")) == 2


def test_two_nodes_book_a_period_once(two):
    two.load()
    two.turn()
    two.turn("2026-12-01T00:00:01")
    assert [row[2] for row in two.rows("1")[1:]] == ["rent:basic:20261116", "rent:basic:20261201"]
    assert two.balances()["#1/basic/1"] == 6000 * SECOND


def test_nodes_that_book_at_the_same_moment_book_once(database, tmp_path):
    office = Office(database, tmp_path, 4)
    office.load(anti_overdraft=True)
    for text in (None, "2026-12-01T00:00:01", "2027-01-01T00:00:01"):
        office.now = office.now if text is None else at(text)
        start = threading.Barrier(4)
        failed = []

        def work(node, start=start, failed=failed):
            start.wait()
            try:
                node.turn()
            except DBAPIError as error:  # the recorder tries again
                failed.append(error)

        threads = [threading.Thread(target=work, args=(node,)) for node in office.nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(failed) < 4
        office.turn()
    days = ["20261116", "20261201", "20270101"]
    assert [row[2] for row in office.rows("1")[1:]] == [f"rent:basic:{day}" for day in days]
    assert office.balances() == {"#1/basic/1": 6000 * SECOND, "#1/basic/money": 2 * UNITS, "1": money("70.3")}


def test_what_was_not_used_lapses(office):
    office.load()
    office.turn()
    use(office, "#1/basic/1", 1000 * SECOND)
    office.turn("2026-12-01T00:00:00")
    assert office.balances()["#1/basic/1"] == 6000 * SECOND
    assert office.rows("#1/basic/1")[-2:] == [
        ("gift", -5000 * SECOND, None),
        ("gift", 6000 * SECOND, "gift:basic:20261201"),
    ]


def test_what_carries_over_is_added(office):
    office.load(BASIC | {"carries_over": True})
    office.turn()
    use(office, "#1/basic/1", 1000 * SECOND)
    office.turn("2026-12-01T00:00:00")
    assert office.balances()["#1/basic/1"] == 11_000 * SECOND


def test_a_downtime_is_caught_up_and_its_gifts_are_not(office):
    office.load(BASIC | {"period": "week"})
    office.turn()
    office.turn("2026-12-09T12:00")
    rents = [row[2] for row in office.rows("1") if row[0] == "rent"]
    assert rents == [f"rent:basic:{day}" for day in ("20261116", "20261123", "20261130", "20261207")]
    assert [row[2] for row in office.rows("#1/basic/1") if row[2]] == ["gift:basic:20261116", "gift:basic:20261207"]


def test_a_package_rests_until_the_rent_can_be_paid(office):
    office.load(balance="5")
    office.turn()
    assert office.standing() == [("basic", "resting")]
    assert office.balances() == {"1": 5 * UNITS}
    office.pay("4.89")
    office.turn()
    assert office.standing() == [("basic", "resting")]
    office.pay("0.01")
    office.turn()
    assert office.standing() == [("basic", "active")]
    assert office.balances()["1"] == 0
    assert office.balances()["#1/basic/1"] == 6000 * SECOND


def test_a_package_that_waits_for_the_next_period(office):
    office.load(BASIC | {"unpaid": "next_period"}, balance="5")
    office.turn()
    office.pay("50")
    office.turn()
    assert office.standing() == [("basic", "resting")]
    office.turn("2026-12-01T00:00:00")
    assert office.standing() == [("basic", "active")]
    assert [row[2] for row in office.rows("1") if row[0] == "rent"] == ["rent:basic:20261201"]


def test_gifts_lapse_though_the_next_rent_is_not_paid(office):
    office.load(balance="10")
    office.turn()
    office.turn("2026-12-01T00:00:00")
    assert office.standing() == [("basic", "resting")]
    assert office.balances() == {"#1/basic/1": 0, "#1/basic/money": 0, "1": money("0.1")}


def test_what_is_missing_to_the_minimum_is_taken_at_the_end(office):
    office.load({"minimum_consumption": "10"})
    office.turn()
    use(office, "1", 4 * UNITS, "call")
    office.turn("2026-12-01T00:00:00")
    assert office.rows("1")[-1] == ("minimum", -6 * UNITS, "minimum:basic:20261116")
    use(office, "1", 40 * UNITS, "call")
    office.turn("2027-01-01T00:00:00")
    assert len([row for row in office.rows("1") if row[0] == "minimum"]) == 1


def test_an_overdraft_pays_the_rent_and_no_more(office):
    office.load(balance="0", overdraft_limit="9.90")
    office.turn()
    assert office.balances()["1"] == money("-9.9")
    office.turn("2026-12-01T00:00:00")
    assert office.balances()["1"] == money("-9.9")


def test_what_no_account_can_hold_is_told_and_stops_nobody(office):
    office.load({"gift_money": "90000000000", "carries_over": True})
    office.turn()
    office.turn("2026-12-01T00:00:00")
    office.turn()
    (told,) = office.troubles
    assert "packages of 1: amount: expected a balance not beyond" in told
    assert office.balances()["#1/basic/money"] == money("90000000000")


def test_money_that_nodes_hold_is_asked_for_and_not_taken(office):
    office.load(anti_overdraft=True)
    hold(office, "1", money("95"))
    office.turn()
    assert office.standing() == [("basic", "resting")]
    assert office.recalled[0] == {"1": money("4.9")}
    give_back(office, "1", money("4.9"))
    office.turn()
    assert office.standing() == [("basic", "active")]
    assert office.balances()["1"] == money("90.1")


def test_purses_that_begin_anew_are_asked_for(office):
    office.load()
    office.turn()
    hold(office, "#1/basic/1", 6000 * SECOND)
    office.now = at("2026-12-01T00:00:00")
    assert office.nodes[0].turn() is False
    assert office.recalled == [{"#1/basic/1": 6000 * SECOND}]
    give_back(office, "#1/basic/1", 5990 * SECOND)  # 10 s are a running call's
    office.turn()
    assert office.balances()["#1/basic/1"] == 6010 * SECOND


def test_packages_begin_and_end_when_they_say(office):
    later = {"name": "basic", "from": datetime(2026, 11, 20, tzinfo=ZONE)}
    office.load(BASIC | {"valid_to": datetime(2026, 12, 15, tzinfo=ZONE)}, packages=[later])
    office.turn()
    assert office.standing() == []
    office.nodes[0].note({"full": True})
    office.turn("2026-11-20T00:00:00")
    office.turn("2026-12-01T00:00:00")
    office.turn("2027-01-01T00:00:00")
    assert [row[2] for row in office.rows("1")[1:]] == ["rent:basic:20261120", "rent:basic:20261201"]
    assert office.standing() == []
    assert office.balances()["#1/basic/1"] == 0


def test_a_package_that_is_taken_away_and_given_again_is_paid_once(office):
    office.load()
    office.turn()
    office.load(packages=())
    office.turn()
    office.load()
    office.turn()
    assert office.balances()["1"] == money("90.1")
    office.load(packages=())
    office.turn("2026-12-01T00:00:00")
    assert office.standing() == []
    assert office.balances() == {"#1/basic/1": 0, "#1/basic/money": 0, "1": money("90.1")}


def test_an_account_that_is_deleted_takes_its_purses_along(office):
    office.load()
    office.turn()
    office.write({"accounts": [{"number": "1", "delete": True}]})
    assert office.balances() == {}
    with office.database.read() as connection:
        assert not connection.scalar(select(func.sum(ledger.c.amount)))
    office.turn()


@pytest.mark.parametrize("period", ["day", "month", "none"])
def test_a_spending_limit_begins_anew(office, period):
    office.write({"accounts": [{"number": "1"}], "phones": [phone("5", spending_period=period)]})
    office.turn()
    use(office, "#phone/1001", 2 * UNITS, "limit")
    office.turn("2027-02-01T00:00:00")
    assert office.balances()["#phone/1001"] == (3 if period == "none" else 5) * UNITS


def test_a_spending_limit_that_is_changed_counts_at_once(office):
    office.write({"accounts": [{"number": "1"}], "phones": [phone("5")]})
    office.turn()
    use(office, "#phone/1001", 2 * UNITS, "limit")
    for limit, left in (("7", 5), ("4", 2), ("1", 0), ("2", 1)):
        office.write({"phones": [phone(limit)]})
        office.turn()
        assert office.balances()["#phone/1001"] == left * UNITS, limit
    office.write({"phones": [phone("")]})
    office.turn()
    assert office.balances()["#phone/1001"] == 0


# ---- purses


def test_nothing_of_this_leaves_a_purse_below_zero(office):
    office.load()
    office.turn()
    with office.database.read() as connection:
        assert all(found.free >= 0 for found in purses.held(connection, ["#1/basic/1", "#1/basic/money"]).values())


def test_purses_are_nobodys_to_provision_or_to_pay(office):
    office.load()
    office.turn()
    with office.database.write() as connection:
        with pytest.raises(books.CannotBook, match="purse"):
            accounts.pay(connection, "#1/basic/money", UNITS, "clerk")
        assert [found.number for found in accounts.list_accounts(connection)] == ["1"]
        assert len(list(accounts.list_accounts(connection, purses=True))) == 3
        assert "#1/" not in dump.dump(connection, office.deployment)
    with pytest.raises(BadDocument, match="does not begin with #"):
        office.write({"accounts": [{"number": "#1"}]})


def test_long_numbers_have_purses_too(office):
    office.write({"packages": [BASIC], "accounts": [{"number": "9" * 64, "balance": "20", "packages": ["basic"]}]})
    office.turn()
    assert sorted(len(number) for number in office.balances()) == [41, 41, 64]


# ---- helpers


def phone(limit, **fields):
    return {"number": "1001", "account": "1", "spending_limit": limit, **fields}


def use(office, number, amount, kind="gift"):
    with office.database.write() as connection:
        books.book(connection, books.Booking(number, kind, -amount, "call"), office.now)


def hold(office, number, amount):
    with office.database.write() as connection:
        grants.seen(connection, 1, "one", now_ms())
        assert grants.take(connection, 1, number, amount)


def give_back(office, number, amount):
    with office.database.write() as connection:
        grants.give_back(connection, 1, number, amount)
