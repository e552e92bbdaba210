"""Double entry: bookings by hand, locks, what the books hold, and the proof that finds what is wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import sleep
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from vosswitch.cdr.files import JournalWriter
from vosswitch.cdr.record import Cdr, Charge
from vosswitch.model.values import CallIds, money, money_text
from vosswitch.recorder.drain import Drain
from vosswitch.store import accounts, locks, schema
from vosswitch.store.books import BOOKS, KINDS, Booking, CannotBook, NoSuchAccount, contra_of_call
from vosswitch.store.cdrs import day_table
from vosswitch.store.database import Database
from vosswitch.store.fields import Deployment
from vosswitch.store.history import as_it_was
from vosswitch.store.ledger import Wanted, bookings, held
from vosswitch.store.listings import set_parameter
from vosswitch.store.locks import LATEST_EXPIRY
from vosswitch.store.proof import Proof
from vosswitch.store.provision import apply_load
from vosswitch.store.secrets import Secrets

NOON = 1_798_718_400_000  # 2026-12-31 12:00 UTC
DAY = 86_400_000


class Node:
    """A database with accounts, and a recorder that drains finished calls into it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.deployment = Deployment("test", Secrets(str(folder / "key")))
        self.writer = JournalWriter(str(folder / "spool"), 1 << 20)
        self.troubles: list[str] = []
        self.ids = CallIds(7)
        self.drain = Drain(
            database, folder / "spool", (7, "seven"), ZoneInfo("UTC"), lambda: NOON, self.troubles.append
        )
        self.drain.begin()

    def load(self, *rows: dict[str, object]) -> None:
        with self.database.write() as connection:
            apply_load(connection, {"accounts": list(rows)}, self.deployment)

    def call(
        self, *charges: tuple[str, int, str], agents: list[dict[str, object]] | None = None, cost: int | None = None
    ) -> int:
        """A finished call with these charges (account, amount, kind), written down but not drained.

        :param cost: what its record says; None = the last vendor's.
        """
        cdr = Cdr(self.ids.next(NOON), "20261231", NOON, NOON + 1000)
        for account, amount, kind in charges:
            cdr.charges.append(Charge(account, amount, kind))
            if kind == "call":
                cdr.account, cdr.fee = account, amount
            elif kind == "cost":
                cdr.clearing_account, cdr.cost = account, amount
        cdr.cost = cdr.cost if cost is None else cost
        cdr.agents = agents
        self.writer.append("start", {"flowno": cdr.flowno, "day": cdr.day, "start": NOON})
        self.writer.append("end", cdr)
        return cdr.flowno

    def run(self) -> None:
        while self.drain.step(1000) is not None:
            pass

    def show(self, number: str) -> accounts.Account:
        with self.database.read() as connection:
            return accounts.show(connection, number)

    def findings(self) -> list[tuple[str, str]]:
        with self.database.snapshot() as connection:
            return [tuple(one) for one in Proof(connection, ZoneInfo("UTC"), 3).findings()]

    def pay(self, number: str, amount: str, **more: str) -> accounts.Payment:
        with self.database.write() as connection:
            return accounts.pay(connection, number, money(amount), "clerk", **more)


@pytest.fixture
def node(database: Database, tmp_path: Path) -> Node:
    made = Node(database, tmp_path)
    yield made
    made.drain.close()
    made.writer.close()
    assert not made.troubles


def test_books_are_kept_by_currency(node: Node) -> None:
    node.load({"number": "c", "balance": "1"}, {"number": "u", "balance": "7", "currency": "USD"})
    with node.database.write() as connection:
        connection.execute(update(schema.account).where(schema.account.c.number == "c").values(number="#c/p/1"))
        connection.execute(update(schema.ledger).where(schema.ledger.c.account == "c").values(account="#c/p/1"))
        set_parameter(connection, "VS_CURRENCY", "CHF", "clerk")
    node.load({"number": "c", "balance": "2"})
    with node.database.read() as connection:
        found = [(row.currency, row.book, row.amount) for row in held(connection)]
    assert found == [
        (currency, book, sign * money(amount))
        for currency, amount in (("CHF", "2"), ("USD", "7"), ("purses", "1"))
        for book, sign in (("accounts", 1), ("opening", -1))
    ]
    assert node.findings() == []


def test_a_lock_by_hand_takes_the_place_of_one_that_money_would_lift(node: Node) -> None:
    node.load({"number": "c", "balance": "1"})
    node.pay("c", "-1")
    with node.database.write() as connection:
        assert locks.lock(connection, "c", "operator", "clerk") is not None
        assert locks.lock(connection, "c", "fraud", "node 7") is None
    assert node.pay("c", "5").after.reason == "operator"


def test_every_kind_of_booking_has_a_book() -> None:
    assert set(KINDS.values()) <= set(BOOKS)
    assert contra_of_call("call", "c", "") == "revenue"
    assert contra_of_call("call", "c", "top") == contra_of_call("agent", "a", "top") == "agents"
    assert contra_of_call("agent", "top", "top") == "revenue"
    assert contra_of_call("cost", "v", "top") == "cost"


def test_books_and_balances_are_zero_together(node: Node) -> None:
    node.load({"number": "c", "balance": "10"}, {"number": "v", "kind": "clearing"}, {"number": "a"}, {"number": "b"})
    node.pay("c", "5")
    node.pay("v", "3")
    with node.database.write() as connection:
        accounts.book_one(connection, Booking("c", "credit", money("2"), "clerk"))
        accounts.book_one(connection, Booking("c", "correction", money("-1"), "clerk", "typing error"))
    node.call(("c", 100, "call"), ("v", 60, "cost"))
    above = [{"account": "a", "fee": "0.000008"}, {"account": "b", "fee": "0.000007"}]
    node.call(("c", 100, "call"), ("a", 80, "agent"), ("b", 70, "agent"), ("v", 60, "cost"), agents=above)
    node.run()
    with node.database.read() as connection:
        found = {row.book: row.amount for row in held(connection)}
        assert [row.contra for row in bookings(connection, Wanted(book="agents"))] == ["agents", "agents"]
        assert len(list(bookings(connection, Wanted(account="c", kind="call", since=NOON, until=NOON + 1)))) == 2
    assert found == {
        "accounts": money("19") - 470, "cash": money("-5"), "vendors": money("-3"), "credits": money("-2"),
        "corrections": money("1"), "revenue": 170, "cost": 120, "agents": 180, "opening": money("-10"),
    }  # fmt: skip
    assert sum(found.values()) == 0
    assert node.findings() == []


def test_a_reference_is_booked_once(node: Node) -> None:
    node.load({"number": "c"}, {"number": "d"})
    first = node.pay("c", "5", reference="bank 17")
    again = node.pay("c", "5", reference="bank 17")
    assert (first.booked.fresh, again.booked.fresh, again.seq) == (True, False, None)
    assert again.booked[:4] == first.booked[:4]
    assert node.pay("d", "5", reference="bank 17").booked.fresh  # of another account it is another one
    with pytest.raises(CannotBook, match="expected a new one"):
        node.pay("c", "6", reference="bank 17")
    for bad in ("", "x" * 65, "a\nb"):
        with pytest.raises(CannotBook, match="reference"):
            node.pay("c", "6", reference=bad)
    assert node.show("c").balance == money("5")


def test_a_reference_is_booked_once_by_many_at_the_same_time(node: Node) -> None:
    node.load({"number": "c"})

    def one(serial: int) -> bool:
        return node.pay("c", "5", reference=f"r{serial % 3}").booked.fresh

    with ThreadPoolExecutor(6) as pool:
        fresh = list(pool.map(one, range(24)))
    assert sum(fresh) == 3
    assert node.show("c").balance == money("15")
    assert node.findings() == []


def test_a_booking_is_reversed_once(node: Node) -> None:
    node.load({"number": "c", "balance": "1"}, {"number": "v", "kind": "clearing"})
    call = node.call(("c", 100, "call"), ("v", 60, "cost"))
    node.run()
    paid = node.pay("c", "5")
    with node.database.read() as connection:
        rows = {row.kind: row.id for row in bookings(connection, Wanted(call_id=call))}
    with node.database.write() as connection:
        for row_id in (rows["call"], rows["cost"], paid.booked.id):
            accounts.reverse(connection, row_id, "clerk", "no audio")
    assert (node.show("c").balance, node.show("v").balance) == (money("1"), 0)
    with node.database.read() as connection:
        newest = next(bookings(connection, Wanted(account="c")))
        assert {row.book: row.amount for row in held(connection)} == {
            "accounts": money("1"), "cash": 0, "revenue": 0, "cost": 0, "opening": -money("1"),
        }  # fmt: skip
        (opening,) = [row.id for row in bookings(connection, Wanted(kind="opening"))]
    assert (newest.kind, newest.reverses, newest.contra, newest.why) == ("reversal", paid.booked.id, "cash", "no audio")
    for bad, words in (
        (paid.booked.id, "reverses it already"), (newest.id, "kind reversal"), (opening, "kind opening"),
        (999, "no row"),
    ):  # fmt: skip
        with pytest.raises(CannotBook, match=words), node.database.write() as connection:
            accounts.reverse(connection, bad, "clerk", "again")
    assert node.findings() == []


def test_bookings_of_a_former_account_are_not_reversed(node: Node) -> None:
    node.load({"number": "c"})
    paid = node.pay("c", "5")
    node.load({"number": "c", "delete": True})
    node.load({"number": "c"})
    with pytest.raises(CannotBook, match="former account"), node.database.write() as connection:
        accounts.reverse(connection, paid.booked.id, "clerk", "")
    assert node.findings() == []


def test_no_balance_leaves_what_the_database_can_hold(node: Node) -> None:
    node.load({"number": "c", "balance": "99999999999", "overdraft_limit": "unlimited"})
    for amount in ("2", "100000000001", "-200000000000", "0"):
        with pytest.raises(CannotBook):
            node.pay("c", amount)
    assert node.pay("c", "-100000000000").balance == -money("1")
    node.call(("c", money("99999999999") - 1, "call"))
    node.run()
    assert not node.show("c").locked
    node.call(("c", money("5"), "call"))
    node.run()
    assert (node.show("c").lock_reason, node.show("c").balance) == ("balance", -money("100000000005") + 1)
    assert node.pay("c", "6").unlocked  # what brings it nearer to zero is booked
    assert node.findings() == []


def test_a_purse_is_only_corrected(node: Node) -> None:
    node.load({"number": "c"})
    with node.database.write() as connection:
        connection.execute(update(schema.account).values(kind="purse", number="#c"))
    with pytest.raises(CannotBook, match="purse"):
        node.pay("#c", "5")
    with node.database.write() as connection:
        accounts.book_one(connection, Booking("#c", "correction", 7, "clerk"))
    assert node.show("#c").balance == 7


def test_calls_that_take_the_last_lock_the_account(node: Node) -> None:
    node.load(
        {"number": "c", "balance": "1", "overdraft_limit": "2"}, {"number": "v"},
        {"number": "p", "balance": "1", "anti_overdraft": True},
    )  # fmt: skip
    node.call(("c", money("2.9"), "call"), ("v", money("50"), "cost"))
    node.run()
    assert (node.show("c").locked, node.show("v").locked, node.drain.locked) == (False, False, False)
    node.call(("c", money("0.1"), "call"))
    node.call(("p", money("1"), "call"))
    node.run()
    assert node.drain.locked
    assert [node.show(number).lock_reason for number in "cpv"] == ["balance", "balance", ""]
    with node.database.read() as connection:
        logged = connection.execute(select(schema.changes).order_by(schema.changes.c.seq.desc()).limit(2)).all()
    assert {(row.key, row.who, row.after["lock_reason"]) for row in logged} == {
        ("c", "node 7", "balance"), ("p", "node 7", "balance"),
    }  # fmt: skip
    paid = node.pay("c", "0.0000001")
    assert (paid.unlocked, node.show("c").locked) == (True, False)
    node.call(("c", 1, "call"))
    node.run()
    assert node.show("c").lock_reason == "balance"
    node.load({"number": "c", "overdraft_limit": "3"})
    assert not node.show("c").locked
    assert node.findings() == []


def test_an_account_with_packages_is_not_locked_for_its_balance(node: Node) -> None:
    node.load({"number": "c"})
    with node.database.write() as connection:
        connection.execute(update(schema.account).values(settings={"packages": ["gold"]}))
    node.call(("c", 5, "call"))
    node.run()
    assert not node.show("c").locked


def test_bookings_by_hand_lock_and_lift_too(node: Node) -> None:
    node.load({"number": "c", "balance": "1"})
    assert node.pay("c", "-1").after.reason == "balance"
    with node.database.write() as connection:
        assert accounts.book_one(connection, Booking("c", "credit", 1, "clerk")).unlocked
        assert locks.lock(connection, "c", "operator", "clerk", "asked for it")
    assert node.pay("c", "7").after.reason == "operator"
    with node.database.write() as connection:
        assert locks.unlock(connection, "c", "clerk") is not None
        assert locks.unlock(connection, "c", "clerk") is None
    assert not node.show("c").locked


def test_expiry_locks_and_a_payment_extends_it(node: Node) -> None:
    now = locks.changes.now_ms()
    node.load({"number": "c", "balance": "5"}, {"number": "d", "balance": "5"}, {"number": "e"})
    with node.database.write() as connection:
        connection.execute(update(schema.account).where(schema.account.c.number != "e").values(expires=now - 10 * DAY))
        locks.lock(connection, "d", "operator", "clerk")
        assert locks.due(connection, now) == ["c"]
        assert locks.expire(connection, ["c", "d", "e"], now, "node 7") is not None
        assert locks.expire(connection, ["c"], now, "node 8") is None
        assert locks.due(connection, now) == []
    assert [node.show(number).lock_reason for number in "cde"] == ["expiry", "operator", ""]
    at = locks.changes.now_ms()
    sleep(0.005)  # what follows is later
    with node.database.write() as connection:
        set_parameter(connection, "SERVER_PAY_DELAY_CUSTOMER_EXPIRE_DAY", "0", "clerk")
        assert accounts.pay(connection, "c", 1, "clerk").after.reason == "expiry"
        set_parameter(connection, "SERVER_PAY_DELAY_CUSTOMER_EXPIRE_DAY", "30", "clerk")
        assert accounts.pay(connection, "c", -1, "clerk").after.reason == "expiry"
        first = accounts.pay(connection, "c", 1, "clerk")
        second = accounts.pay(connection, "c", 1, "clerk")
        other = accounts.pay(connection, "d", 1, "clerk")
        assert accounts.pay(connection, "e", 1, "clerk").after.expires is None
    assert first.unlocked
    assert 0 <= first.after.expires - (at + 30 * DAY) < 60_000
    assert second.after.expires == first.after.expires + 30 * DAY
    assert (other.after.reason, other.after.expires > at) == ("operator", True)
    with node.database.read() as connection:
        then = as_it_was(connection, at).state["accounts"]["c"].values
        assert (then["locked"], then["expires"]) == (True, now - 10 * DAY)
    with node.database.write() as connection:
        connection.execute(update(schema.account).values(expires=LATEST_EXPIRY - 1))
        assert accounts.pay(connection, "c", 1, "clerk").after.expires == LATEST_EXPIRY


def test_an_account_without_money_is_locked_for_that_when_its_expiry_is_extended(node: Node) -> None:
    node.load({"number": "c", "balance": "-5", "expires": "2020-01-01"})
    with node.database.write() as connection:
        locks.expire(connection, ["c"], locks.changes.now_ms(), "node 7")
    assert (node.pay("c", "1").after.reason, node.pay("c", "5").after.reason) == ("balance", "")


def test_an_account_that_is_gone_stays_at_zero(node: Node) -> None:
    node.load({"number": "c", "balance": "1"})
    for _ in range(3):
        node.call(("c", 5, "call"))
    node.load({"number": "c", "delete": True})
    node.run()
    assert node.findings() == []
    with node.database.read() as connection:
        kinds = [row.kind for row in bookings(connection, Wanted(account="c"), 6)]
    assert sorted(kinds) == ["call"] * 3 + ["closing"] * 3
    with pytest.raises(NoSuchAccount):
        node.pay("c", "5")


def test_rows_of_versions_without_books_have_the_book_of_their_kind(node: Node) -> None:
    node.load({"number": "c", "balance": "1"})
    node.pay("c", "5")
    with node.database.write() as connection:
        connection.execute(update(schema.ledger).values(contra=""))
    with node.database.read() as connection:
        assert [row.contra for row in bookings(connection, Wanted(book="cash"))] == ["cash"]
        assert [row.book for row in held(connection)] == ["accounts", "cash", "opening"]
    assert node.findings() == []


def test_the_database_refuses_the_second_of_what_happens_once(node: Node) -> None:
    row = {"account": "c", "kind": "payment", "amount": 1, "balance_after": 1, "at": 0, "who": "", "why": ""}
    for key in ({"reference": "r"}, {"reverses": 5}, {"call_id": 5}):
        with pytest.raises(IntegrityError), node.database.write() as connection:
            connection.execute(insert(schema.ledger), [row | key, row | key])


@pytest.fixture
def proved(node: Node) -> Node:
    """Twenty calls, all in order."""
    node.load({"number": "c", "balance": "1"}, {"number": "v", "kind": "clearing"})
    node.numbers = [node.call(("c", 5, "call"), ("v", 3, "cost")) for _ in range(20)]
    node.run()
    assert node.findings() == []
    return node


BALANCE = schema.account.c.balance
OF_C = schema.account.c.number == "c"


def of_call(node: Node, place: int) -> ColumnElement[bool]:
    return (schema.ledger.c.call_id == node.numbers[place]) & (schema.ledger.c.kind == "call")


DAMAGE = [
    (lambda _: update(schema.account).where(OF_C).values(balance=BALANCE + 1),
     ["account c: balance 0.9999901, but", "books: all balances and books together are 0.0000001"]),
    (lambda _: update(schema.account).where(OF_C).values(granted=7),
     ["account c: 0.0000007 is granted, but nodes hold 0"]),
    (lambda node: update(schema.ledger).where(of_call(node, 3))
     .values(amount=-6),
     ["booking 8: account c: ", "account c: balance", "books: ", "call {3}: call of account c: 0.0000005"]),
    (lambda node: update(schema.ledger).where(of_call(node, 3))
     .values(balance_after=0), ["booking 8: account c: ", "booking 10: account c: "]),
    (lambda node: update(schema.ledger).where(of_call(node, 3))
     .values(contra="hole"), ["booking 8: there is no book 'hole'"]),
    (lambda node: delete(schema.ledger).where(schema.ledger.c.call_id == node.numbers[19]),
     ["account c: balance", "account v: balance", "books: ", "call {19}: call of", "call {19}: cost of account v: "]),
    (lambda node: delete(day_table("20261231")).where(day_table("20261231").c.flowno == node.numbers[4]),
     ["call {4}: call of -0.0000005 on account c is booked, but there is no record",
      "call {4}: cost of -0.0000003 on account v is booked"]),
    (lambda node: update(day_table("20261231")).where(day_table("20261231").c.flowno == node.numbers[4]).values(fee=6),
     ["call {4}: call of account c: 0.0000006 in its record, 0.0000005 in the ledger"]),
    (lambda node: insert(schema.ledger).values(account="c", kind="reversal", reverses=4, contra="cost", amount=0,
     balance_after=money("1") - 100, at=0, who="", why=""), ["booking 42: it does not take back what booking 4"]),
    (lambda _: insert(schema.ledger).values(account="x", kind="payment", contra="cash", amount=4, balance_after=4, at=0,
     who="", why=""), ["account x: there is none, but bookings of it add up to 0.0000004", "books: "]),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "words"), DAMAGE)
def test_the_proof_finds_each_damage(proved: Node, damage, words: list[str]) -> None:
    with proved.database.write() as connection:
        done = connection.execute(damage(proved))
        assert done.rowcount >= 1
    found = sorted(f"{what}: {text}" for what, text in proved.findings())
    wanted = sorted(word.format(*proved.numbers) for word in words)
    assert len(found) == len(wanted), found
    assert all(line.startswith(word) for line, word in zip(found, wanted, strict=True)), found


def test_calls_of_days_that_are_not_kept_are_counted(proved: Node) -> None:
    with proved.database.write() as connection:
        connection.execute(delete(schema.cdr_table).where(schema.cdr_table.c.day == "20261231"))
    with proved.database.snapshot() as connection:
        proof = Proof(connection, ZoneInfo("UTC"))
        assert list(proof.findings()) == []
        assert list(proof.remarks()) == ["40 bookings are of calls of days whose records are not kept any more"]


AMOUNTS = st.integers(-(10**9), 10**9).filter(bool)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["payment", "credit", "correction"]), st.sampled_from("cdv"), AMOUNTS),
        st.tuples(st.just("reverse"), st.integers(0, 30), st.none()),
        st.tuples(st.just("call"), st.integers(0, 10**8), st.integers(0, 10**8)),
        st.tuples(st.just("limit"), st.sampled_from("cd"), st.integers(0, 10**9)),
        st.tuples(st.just("operator"), st.sampled_from("cd"), st.booleans()),
    ),
    max_size=25,
)


def test_whatever_is_booked_adds_up_and_locks_are_what_they_should_be(node: Node) -> None:
    """Against a model: balances, which bookings can be reversed, and the reason of each lock."""
    settings(max_examples=10, deadline=None)(given(steps=STEPS)(lambda steps: against_model(node, steps)))()


def against_model(node: Node, steps: list) -> None:
    for number in "cdv":
        node.load({"number": number, "delete": True})
    node.load({"number": "c"}, {"number": "d"}, {"number": "v", "kind": "clearing"})
    balances, limits, reasons = dict.fromkeys("cdv", 0), dict.fromkeys("cd", 0), dict.fromkeys("cdv", "")
    rows: dict[int, tuple[str, int]] = {}

    def gained(number: str, amount: int) -> None:
        balances[number] += amount
        empty = number != "v" and balances[number] + limits[number] <= 0
        if reasons[number] == "balance" and not empty:
            reasons[number] = ""
        elif not reasons[number] and empty and amount < 0:
            reasons[number] = "balance"

    for what, one, two in steps:
        if what in ("payment", "credit", "correction"):
            with node.database.write() as connection:
                done = accounts.book_one(connection, Booking(one, what, two, "test"))
            rows[done.booked.id] = one, two
            gained(one, two)
        elif what == "reverse":
            chosen = sorted(rows)[one : one + 1]
            with suppress(CannotBook), node.database.write() as connection:
                accounts.reverse(connection, chosen[0] if chosen else 10**9, "test", "")
                number, amount = rows.pop(chosen[0])
                gained(number, -amount)
        elif what == "call":
            charges = [("c", one, "call"), ("d", two, "agent"), ("v", two, "cost")]
            node.call(*[charge for charge in charges if charge[1]], agents=[{"account": "d", "fee": money_text(two)}])
            node.run()
            for number, amount in (("c", one), ("d", two), ("v", two)):
                gained(number, -amount)
        elif what == "limit":
            locked = {"locked": True} if reasons[one] == "operator" else {}
            node.load({"number": one, "overdraft_limit": f"{two / 10**7:.7f}", **locked})
            if limits[one] != two and reasons[one] == "balance" and balances[one] + two > 0:
                reasons[one] = ""
            limits[one] = two
        else:
            with node.database.write() as connection:
                (locks.lock(connection, one, "operator", "test") if two else locks.unlock(connection, one, "test"))
            reasons[one] = "operator" if two else ""
    for number in "cdv":
        found = node.show(number)
        assert (found.balance, found.lock_reason, found.locked) == (
            balances[number], reasons[number], bool(reasons[number])
        )  # fmt: skip
    assert node.findings() == []


def test_attempt_fees_of_other_vendors_are_part_of_a_records_cost(node: Node) -> None:
    clearing = [{"number": number, "kind": "clearing"} for number in ("v", "w", "x")]
    node.load({"number": "c", "balance": "10"}, *clearing, {"number": "u", "kind": "clearing", "currency": "USD"})
    flowno = node.call(
        ("c", 100, "call"), ("u", 7, "cost"), ("w", 10, "cost"), ("x", 5, "cost"), ("v", 60, "cost"), cost=75
    )
    node.run()
    assert node.findings() == []
    with node.database.write() as connection:
        day = day_table("20261231")
        connection.execute(update(day).where(day.c.flowno == flowno).values(incomefee=76))
    assert [what for what, _ in node.findings()] == [f"call {flowno}"]
