"""Batches of rows arrive as they were, whatever peers have put into them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from vosswitch.model.values import UNITS, money_text
from vosswitch.store import grants, rows
from vosswitch.store.schema import account, account_grant, ledger

COLUMNS = "account, call_id, kind, amount, balance_after, at, who, why"
NASTY = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    ["", "\\", '\\"',
      "'); DROP TABLE ledger; --", "\x00\x1a\x0c\x08", "%s %(x)s", "\\u0041\\f", "\U0001f600\u2028\x7f", "`:x`"]
)  # fmt: skip
AMOUNT = st.integers(-(10**19), 10**19)


@pytest.fixture
def empty(database):
    with database.write() as connection:
        connection.execute(ledger.delete())
    return database


def test_every_text_and_amount_comes_back_as_it_was(empty):
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(NASTY, AMOUNT, st.integers(0, 2**62)), max_size=30))
    def comes_back(said):
        there_and_back(empty, said)

    comes_back()


def there_and_back(database, said):
    exact = database.is_sqlite
    said = [(why, amount % 2**62 if exact else amount, at) for why, amount, at in said]
    plain = int if exact else money_text
    batch = [
        ("a", number, "call", plain(amount), "0", at, "x", why) for number, (why, amount, at) in enumerate(said, 1)
    ]
    with database.write() as connection:
        rows.insert_rows(connection, "ledger", COLUMNS, batch)
    with database.write() as connection:
        found = connection.execute(
            select(ledger.c.call_id, ledger.c.why, ledger.c.amount, ledger.c.at).order_by(ledger.c.call_id)
        ).all()
        connection.execute(ledger.delete())
    assert [tuple(row[1:]) for row in found] == said


def test_a_batch_longer_than_a_statement_goes_in_whole(empty):
    batch = [("a", number, "call", "1", "1", 0, "x", "y" * 250) for number in range(6000)]
    with empty.write() as connection:
        rows.insert_rows(connection, "ledger", COLUMNS, batch)
        assert connection.scalar(text("SELECT count(*) FROM ledger")) == 6000


def test_a_row_that_is_there_already_takes_the_batch_with_it(empty):
    batch = [("a", number, "call", "1", "1", 0, "x", "") for number in (1, 2, 1)]
    with pytest.raises(IntegrityError), empty.write() as connection:
        rows.insert_rows(connection, "ledger", COLUMNS, batch)
    with empty.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM ledger")) == 0


@pytest.mark.parametrize("value", [["x"], {"x": 1}, 2**70])
def test_what_is_no_value_of_a_column_is_refused(empty, value):
    with pytest.raises((DBAPIError, TypeError, OverflowError)), empty.write() as connection:
        rows.insert_rows(connection, "ledger", COLUMNS, [("a", 1, "call", "1", "1", 0, "x", value)])


def _open(connection, number, balance):
    connection.execute(account.insert().values(
        number=number, name="", kind="ordinary", balance=balance, overdraft_limit=0, granted=balance // 2,
        anti_overdraft=True, locked=False, lock_reason="", created=0,
    ))  # fmt: skip
    connection.execute(account_grant.insert().values(node=7, account=number, amount=balance // 2))


def test_sums_are_exact_on_balances_beyond_a_float(database):
    """One unit off nine hundred billion is more than a binary float can tell."""
    names = ["a", "A", "b'\"\\%s", "é", "e"]
    rich = 900_000_000_000 * UNITS
    with database.write() as connection:
        for number in names:
            _open(connection, number, rich)
    charged = {number: at for at, number in enumerate(names, 1)}
    with database.write() as connection:
        before = grants.spend(connection, 7, charged | {"gone": 5})
    assert before == dict.fromkeys(names, (rich, rich // 2))
    with database.read() as connection:
        found = {row.number: row for row in connection.execute(select(account))}
        held = grants.holdings(connection, 7, names)
    for number, amount in charged.items():
        assert found[number].balance == rich - amount, number
        assert found[number].granted == held[number].grant == rich // 2 - amount


def test_a_binding_of_a_single_unit_is_no_float(database):
    with database.write() as connection:
        _open(connection, "a", 900_000_000_000 * UNITS)
        assert grants.take(connection, 7, "a", 1)
        grants.give_back(connection, 7, "a", 3)
        found = connection.execute(select(account.c.granted)).scalar()
    assert found == 450_000_000_000 * UNITS - 2
