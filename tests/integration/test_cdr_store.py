"""Day tables, batches and grants on real databases."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from vosswitch.cdr.record import Attempt, Cdr, Charge
from vosswitch.store import cdrs, charges, grants
from vosswitch.store.charges import Batch, StalePosition
from vosswitch.store.schema import account, account_grant, cdr_table, ledger

DAY = "20261231"
START = 1_798_700_000_000


def add_account(database, number, balance=0, limit=0, anti=False, **more):
    values = {
        "number": number, "name": number, "kind": "ordinary", "balance": balance, "overdraft_limit": limit,
        "granted": 0, "anti_overdraft": anti, "rate_group": None, "lines": None, "cps": None, "locked": False,
        "lock_reason": "", "expires": None, "created": 0,
    }  # fmt: skip
    with database.write() as connection:
        connection.execute(account.insert().values(values | more))


def record(flowno, *charged, day=DAY, **more):
    cdr = Cdr(flowno, day, START + flowno, START + flowno + 5000, account="a", caller="1" * 80, **more)
    cdr.charges = [Charge(*item) for item in charged]
    return asdict(cdr)


def write(database, ends, before=(0, 0), after=(1, 100)):
    cdrs.ensure_days(database, {item["day"] for item in ends})
    with database.write() as connection:
        return charges.write_batch(connection, 3, "node-3", Batch(ends, before, after, 99))


def held(database, number, node=3):
    with database.read() as connection:
        row = connection.execute(select(account).where(account.c.number == number)).one()
        amount = connection.scalar(
            select(account_grant.c.amount).where(account_grant.c.node == node, account_grant.c.account == number)
        )
    return row.balance, row.granted, amount or 0


def test_day_tables_are_made_once_and_listed(database):
    cdrs.ensure_days(database, ["20261230", DAY])
    cdrs.ensure_days(database, [DAY])
    with database.read() as connection:
        assert connection.execute(select(cdr_table).order_by(cdr_table.c.day)).all() == [("20261230", 2), (DAY, 2)]
        assert connection.execute(text(f"SELECT COUNT(*) FROM e_cdr_{DAY}")).scalar() == 0


def test_a_half_made_day_table_is_completed(database):
    table = cdrs.day_table(DAY)
    with database.write() as connection:
        table.create(connection)
    with database.write() as connection:
        next(iter(table.indexes)).drop(connection)
    cdrs.ensure_days(database, [DAY])
    with database.read() as connection:
        assert connection.scalar(select(cdr_table.c.day)) == DAY


def test_a_day_must_be_a_day():
    with pytest.raises(ValueError, match="expected a day"):
        cdrs.day_table("2026'; --")


def test_a_record_comes_back_with_every_key(database):
    add_account(database, "a")
    streams = {
        side: {"packets": 5, "octets": 1 << 40, "lost": 1, "address": "192.0.2.1"} for side in ("caller", "callee")
    }
    cdr = Cdr(
        (1 << 62) + 3, DAY, START, START + 5000, caller="100", callee="200", caller_out="é\N{SNOWMAN}'\\;--",
        account="a", answer=START + 1000, pdd_ms=12, hold_time_ms=4000, billed_seconds=4, rate_prefix="2",
        fee=12_345_678, tax=1, cost=7, end_reason="busy", code=486, sip_status=486, media=streams,
        media_proxied=True, decision={"steps": ["x"]}, mapping_gateway="m", caller_sip_call_id="abc@x",
        attempts=[Attempt("vendor", "1", "2", 486, "busy", 30, redirects=["sip:3@192.0.2.9"])],
    )  # fmt: skip
    write(database, [asdict(cdr)])
    with database.read() as connection:
        (found,) = cdrs.list_cdrs(connection)
    assert found["call_id"] == str((1 << 62) + 3)
    assert found["fee"] == 12_345_678
    assert found["caller_out"] == "é\N{SNOWMAN}'\\;--"
    assert found["media"]["callee"] == {"packets": 5, "octets": 1 << 40, "lost": 1}
    assert found["attempts"][0] == {
        "name": "vendor", "status": 486, "reason": "busy", "duration_ms": 30, "pdd_ms": None,
        "caller_out": "1", "callee_out": "2", "redirects": ["sip:3@192.0.2.9"],
        "prefix": None, "cost_prefix": None, "price": None, "protocol": "sip",
    }  # fmt: skip
    assert found["decision"] == {"steps": ["x"]}
    assert found["phone"] is None
    assert found["media_proxied"] is True
    assert (found["start"], found["answer"], found["stop"]) == (START, START + 1000, START + 5000)


def test_listing_is_newest_first_over_days_and_filtered(database):
    day = 86_400_000
    rows = [record(1, day="20261230"), record(2), record(3, account_name="n"), record(4)]
    rows[0]["start"] = START - day
    rows[2]["account"] = "b"
    rows[3]["caller_sip_call_id"] = "x@y"
    write(database, rows)
    with database.read() as connection:

        def ids(**how):
            return [item["call_id"] for item in cdrs.list_cdrs(connection, **how)]

        assert ids() == ["4", "3", "2", "1"]
        assert ids(limit=2) == ["4", "3"]
        assert ids(limit=0) == ["4", "3", "2", "1"]
        assert ids(account="b") == ["3"]
        assert ids(call_id="2") == ["2"]
        assert ids(call_id="x@y") == ["4"]
        assert ids(since=START + 3) == ["4", "3"]
        assert ids(until=START) == ["1"]


def test_a_batch_charges_and_keeps_the_ledger(database):
    add_account(database, "a", 1000)
    add_account(database, "v", 0)
    spent = write(database, [record(1, ("a", 300, "call"), ("v", 200, "cost")), record(2, ("a", 50, "call"))])
    assert spent == {"a": (650, 0, 350), "v": (-200, 0, 200)}
    with database.read() as connection:
        rows = connection.execute(select(ledger.c["account", "call_id", "kind", "amount", "balance_after"])).all()
        assert charges.position(connection, 3) == (1, 100)
    assert sorted(rows) == [("a", 1, "call", -300, 700), ("a", 2, "call", -50, 650), ("v", 1, "cost", -200, -200)]
    assert held(database, "a") == (650, 0, 0)


def test_a_batch_is_all_or_nothing_and_a_known_call_is_left_out(database):
    add_account(database, "a", 1000)
    write(database, [record(1, ("a", 300, "call"))])
    again = [record(1, ("a", 300, "call")), record(2, ("a", 10, "call")), record(2, ("a", 10, "call"))]
    with pytest.raises(IntegrityError):
        write(database, again, (1, 100), (1, 200))
    assert held(database, "a")[0] == 700
    with database.write() as connection:
        batch = Batch(again, (1, 100), (1, 200), 99)
        fresh = charges.without(batch, charges.known_calls(connection, again))
        charges.write_batch(connection, 3, "n", fresh)
    assert held(database, "a")[0] == 690


def test_another_recorder_of_the_node_is_noticed(database):
    write(database, [record(1)])
    with pytest.raises(StalePosition):
        write(database, [record(2)], (1, 99), (1, 200))


def test_hidden_records_and_charges_of_accounts_that_are_gone(database):
    write(database, [record(1, hidden=True), record(2, ("gone", 5, "call"))])
    with database.read() as connection:
        assert [item["call_id"] for item in cdrs.list_cdrs(connection)] == ["2"]
        rows = connection.execute(
            select(ledger.c["account", "kind", "call_id", "amount", "balance_after"]).order_by(ledger.c.id)
        )
        assert rows.all() == [("gone", "call", 2, -5, -5), ("gone", "closing", None, 5, 0)]


def test_a_node_alone_takes_all_that_is_free(database):
    add_account(database, "p", 1000, 500, anti=True)
    add_account(database, "o", 1000, 500)
    add_account(database, "u", 0, None, anti=True)
    with database.write() as connection:
        grants.refresh(connection, 3, 0)
    assert held(database, "p") == (1000, 1500, 1500)
    assert held(database, "o") == (1000, 0, 0)
    assert held(database, "u")[2] == grants.UNBOUNDED
    with database.write() as connection:
        assert not grants.take(connection, 3, "p", 1)


def test_charges_lower_the_grant_and_the_rest_is_given_back(database):
    add_account(database, "p", 1000, 0, anti=True)
    with database.write() as connection:
        grants.refresh(connection, 3, 0)
    assert write(database, [record(1, ("p", 400, "call"))]) == {"p": (600, 600, 400)}
    assert held(database, "p") == (600, 600, 600)
    with database.write() as connection:
        grants.release(connection, 3)
    assert held(database, "p") == (600, 0, 0)


def test_payments_and_limits_move_the_grant_and_what_is_too_much_is_only_told(database):
    add_account(database, "p", 1000, 100, anti=True)

    def after(**change):
        with database.write() as connection:
            connection.execute(account.update().values(**change))
            over = grants.refresh(connection, 3, 0, ["p"])
        return held(database, "p"), over

    assert after(balance=1000) == ((1000, 1100, 1100), {})
    assert after(balance=1500) == ((1500, 1600, 1600), {})
    assert after(overdraft_limit=0) == ((1500, 1600, 1600), {"p": 100})
    with database.write() as connection:
        assert not grants.take(connection, 3, "p", 1)
        grants.give_back(connection, 3, "p", 100)
    assert after(lines=1) == ((1500, 1500, 1500), {})
    assert after(anti_overdraft=False) == ((1500, 1500, 1500), {"p": 1500})


def two_nodes(connection):
    grants.seen(connection, 3, "n3", 1000)
    grants.seen(connection, 4, "n4", 1000)


def test_several_nodes_share_and_never_grant_more_than_there_is(database):
    add_account(database, "p", 1000, 0, anti=True)
    with database.write() as connection:
        two_nodes(connection)
        grants.refresh(connection, 3, 1000)
    assert held(database, "p") == (1000, 50, 50)  # a tenth of its share: no call has told how much it needs
    with database.write() as connection:
        grants.refresh(connection, 4, 1000)
        assert grants.top_up(connection, 4, "p", 100, 1000) == 0
        assert grants.refresh(connection, 4, 1000) == {}
        assert grants.top_up(connection, 3, "p", 10_000, 1000) == 147
    assert held(database, "p", 3)[2] + held(database, "p", 4)[2] == held(database, "p")[1] == 1000
    assert held(database, "p", 4)[2] == 147


def test_a_node_in_need_asks_the_others_and_gets_what_they_give_back(database):
    add_account(database, "p", 1000, 0, anti=True)
    with database.write() as connection:
        two_nodes(connection)
        grants.top_up(connection, 4, "p", 1000, 1000)
        assert grants.top_up(connection, 3, "p", 300, 1000) == 300
        grants.ask_others(connection, 3, "p", 300, 1000)
        grants.ask_others(connection, 3, "p", 200, 1001)
        assert grants.asked(connection, 3) == {}
        assert grants.asked(connection, 4) == {"p": 200}
        grants.give_back(connection, 4, "p", 200)
        assert grants.left_over(connection) == grants.left_over(connection, ["p"]) == {"p": 200}
        assert grants.others(connection, 3, 1000) == {"p": 800}
        assert grants.others(connection, 3, 1000 + grants.ALIVE_MS) == {}  # a dead node gives nothing back
        assert grants.top_up(connection, 3, "p", 200, 1000) == 0
        grants.ask_others(connection, 3, "p", 0, 1002)
        assert grants.asked(connection, 4) == {}
        assert grants.held_by(connection, "p") == {3: 200, 4: 800}
