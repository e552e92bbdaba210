"""Payments, account listings and single parameters."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from vosswitch.model.values import money
from vosswitch.params.system import BadParameter
from vosswitch.store import accounts, listings, locks, schema
from vosswitch.store.accounts import NoSuchAccount
from vosswitch.store.database import Database
from vosswitch.store.fields import Deployment
from vosswitch.store.provision import apply_load
from vosswitch.store.secrets import Secrets


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment("test", Secrets(str(tmp_path / "key")))


def provide(database: Database, deployment: Deployment, **fields: object) -> None:
    with database.write() as connection:
        apply_load(connection, {"accounts": [{"number": "1", **fields}]}, deployment)


def test_a_payment_is_booked_once_and_logged(database: Database, deployment: Deployment) -> None:
    provide(database, deployment, balance="1")
    with database.write() as connection:
        paid = accounts.pay(connection, "1", money("2.5"), "clerk", "bank transfer")
    with database.read() as connection:
        found = accounts.show(connection, "1")
        rows = accounts.history(connection, "1")
        total = connection.execute(select(func.sum(schema.ledger.c.amount))).scalar()
        change = connection.execute(schema.changes.select().where(schema.changes.c.seq == paid.seq)).one()
    assert (paid.balance, paid.unlocked) == (money("3.5"), False)
    assert found.balance == total == money("3.5")
    assert [(row.kind, row.amount, row.why) for row in rows] == [
        ("payment", money("2.5"), "bank transfer"), ("opening", money("1"), ""),
    ]  # fmt: skip
    assert (change.table, change.key, change.who) == ("account", "1", "clerk")
    assert change.after == {"balance": "3.5", "lock_reason": "", "payment": "2.5", "why": "bank transfer"}


@pytest.mark.parametrize(
    ("reason", "amount", "limit", "unlocked"),
    [
        ("balance", "5.01", "0", True), ("balance", "5", "0", False), ("balance", "1", "5", True),
        ("operator", "100", "0", False), ("expiry", "100", "0", False), ("fraud", "100", "0", False),
    ],
)  # fmt: skip
def test_a_payment_lifts_only_a_lock_for_lack_of_balance(
    database: Database, deployment: Deployment, reason: str, amount: str, limit: str, unlocked: bool
) -> None:
    provide(database, deployment, balance="-5", overdraft_limit=limit, locked=True, lock_reason=reason)
    with database.write() as connection:
        assert accounts.pay(connection, "1", money(amount), "clerk").unlocked is unlocked
        found = accounts.show(connection, "1")
    assert (found.locked, found.lock_reason) == (not unlocked, "" if unlocked else reason)


def test_a_lock_for_fraud_is_logged_and_keeps_an_older_reason(database: Database, deployment: Deployment) -> None:
    provide(database, deployment, balance="1")
    with database.write() as connection:
        seq = locks.lock(connection, "1", "fraud", "node 7")
        assert locks.lock(connection, "1", "operator", "node 7") is None
        assert locks.lock(connection, "none", "fraud", "node 7") is None
        found = accounts.show(connection, "1")
        change = connection.execute(schema.changes.select().where(schema.changes.c.seq == seq)).one()
    assert (found.locked, found.lock_reason, found.balance) == (True, "fraud", money("1"))
    assert (change.table, change.key, change.who) == ("account", "1", "node 7")
    assert (change.before["lock_reason"], change.after["lock_reason"]) == ("", "fraud")


def test_payments_that_cannot_be(database: Database, deployment: Deployment) -> None:
    provide(database, deployment)
    for number, amount, error in (("2", 1, NoSuchAccount), ("1", 0, ValueError), ("1", 10**19, ValueError)):
        with pytest.raises(error), database.write() as connection:
            accounts.pay(connection, number, amount, "clerk")
    with database.read() as connection:
        assert accounts.show(connection, "1").balance == 0
        assert accounts.history(connection, "1") == []


def test_listing(database: Database, deployment: Deployment) -> None:
    provide(database, deployment, balance="3", overdraft_limit="2")
    provide(database, deployment, number="0", overdraft_limit="unlimited")
    with database.read() as connection:
        rows = list(accounts.list_accounts(connection))
    assert [(row.number, row.balance, row.overdraft_limit, row.granted, row.available) for row in rows] == [
        ("0", 0, None, 0, None), ("1", money("3"), money("2"), 0, money("5")),
    ]  # fmt: skip


def test_parameters_are_set_by_any_name_and_checked(database: Database) -> None:
    with database.write() as connection:
        assert listings.set_parameter(connection, "ss_gateway_switch_limit", "5", "clerk") == 1
        assert listings.set_parameter(connection, "SS_GATEWAY_SWITCH_LIMIT", "5", "clerk") is None
        assert listings.parameter_texts(connection) == {"SS_GATEWAY_SWITCH_LIMIT": "5"}
    for name, text in (("SS_NO_SUCH", "1"), ("SS_GATEWAY_SWITCH_LIMIT", "x"), ("SERVER_BILLING_FEE_UNIT", "0.00001")):
        with pytest.raises(BadParameter), database.write() as connection:
            listings.set_parameter(connection, name, text, "clerk")
    with database.write() as connection:
        assert listings.set_parameter(connection, "SS_GATEWAY_SWITCH_LIMIT", None, "clerk") == 2
        assert listings.parameter_texts(connection) == {}


def test_gateways_are_listed_without_secrets(database: Database, deployment: Deployment) -> None:
    document = {
        "accounts": [{"number": "1"}],
        "mapping_gateways": [{"name": "m", "account": "1", "auth": "password", "password": "planted"}],
        "routing_gateways": [{"name": "r", "address": "192.0.2.1", "password": "planted"}],
        "phones": [{"number": "1001", "account": "1"}],
    }
    with database.write() as connection:
        apply_load(connection, document, deployment)
    with database.read() as connection:
        rows = [
            *listings.list_mapping_gateways(connection),
            *listings.list_routing_gateways(connection),
            *listings.list_phones(connection),
        ]
    assert [row["has_password"] for row in rows] == [True, True, False]
    assert "planted" not in repr(rows)
    assert rows[1]["weight"] == 1
