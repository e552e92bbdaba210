"""The stories of a run, which have to be one: what the peers saw, the journal, the records, the ledger, the balances.

Any test may use it: give it the database, and what it has of peers (`seen` of sipp) and of journals (`KeptJournal`,
begun before the calls).  `same_story` waits until the records are in, and fails with the first difference.
"""

from __future__ import annotations

import os
import re
import threading
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from tests.support.switch import until
from vosswitch.cdr import journal
from vosswitch.cdr.files import segment_path, segments
from vosswitch.model.values import money
from vosswitch.store.database import Database, open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.support.sipp import Sipp

# What the peers saw.

_TRACED = re.compile(
    rb"^-{20,} .*\n(?:UDP|TCP) message (?:(sent) \(\d+ bytes\)|received \[\d+\] bytes ?):\n\n([^\r\n]+)\r?\n"
    rb"((?:[^\r\n]+\r?\n)*)",
    re.MULTILINE,
)
_CALL_ID = re.compile(rb"^call-id:[ \t]*([^\r\n]+)", re.MULTILINE | re.IGNORECASE)
_SHED = re.compile(rb"^retry-after:[ \t]*2\r?$", re.MULTILINE | re.IGNORECASE)
_CSEQ = re.compile(rb"^cseq:[ \t]*\d+[ \t]+(\w+)", re.MULTILINE | re.IGNORECASE)


@dataclass(slots=True)
class Seen:
    """What a peer saw, as sets of its Call-IDs.

    :ivar answered: calls that were answered for it: the caller got the 200, the called side got the ACK of its own.
    :ivar over: calls whose BYE, from either side, was answered with 200; or its own with 481: there is no such call any
        more, of which our BYE after a restart may come too late to be seen.
    :ivar told: calls that the switch sent a BYE for.
    :ivar shed: calls that were refused because new ones waited too long: the machine was busy.
    """

    invited: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    shed: set[str] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)

    def add(self, other: Seen) -> None:
        """Take another peer's story in."""
        for name in ("invited", "answered", "over", "told", "shed"):
            getattr(self, name).update(getattr(other, name))
        self.refused.update(other.refused)


def seen(peer: Sipp) -> Seen:
    """What *peer* (started with ``-trace_msg``) saw."""
    found = Seen()
    answering: set[str] = set()
    for path in sorted(peer.folder.glob("*_messages.log")):
        for sent, first, head in _TRACED.findall(path.read_bytes()):
            call_id, method = _CALL_ID.search(head), _CSEQ.search(head)
            if call_id is None or method is None:
                continue
            if b" 503 " in first and _SHED.search(head):
                found.shed.add(call_id[1].decode())
            _note(found, answering, (bool(sent), first.decode("latin-1"), call_id[1].decode(), method[1].decode()))
    return found


def _note(found: Seen, answering: set[str], message: tuple[bool, str, str, str]) -> None:
    sent, first, call_id, method = message
    status = int(first.split()[1]) if first.startswith("SIP/2.0") else 0
    if first.startswith("INVITE"):
        found.invited.add(call_id)
    elif method == "INVITE" and status == 200:
        (answering if sent else found.answered).add(call_id)
    elif method == "INVITE" and status > 299 and not sent:
        found.refused[status] += 1
    elif first.startswith("ACK") and not sent and call_id in answering:
        found.answered.add(call_id)
    elif first.startswith("BYE") and not sent:
        found.told.add(call_id)
    elif method == "BYE" and (status == 200 or (status == 481 and not sent)):
        found.over.add(call_id)


# What the journal says.


@dataclass(slots=True)
class Journal:
    """Everything that was ever written into a node's journal.

    :ivar started: the calls that have a ``start`` record; *answered*, *ends* and *carried* likewise.
    :ivar ends: records by flowno, in their order; there has to be one of each.
    """

    started: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    carried: set[int] = field(default_factory=set)
    ends: dict[int, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def note(self, item: journal.Record) -> None:
        """Take one record in."""
        if item.kind == "end":
            self.ends[item.flowno].append(item.value())
        elif item.kind != "tick":
            kept = {"start": self.started, "answer": self.answered, "carry": self.carried}.get(item.kind)
            if kept is not None:
                kept.add(item.flowno)


class KeptJournal:
    """Keeps the segments of a spool that the recorder removes, by links of its own; a thread looks for new ones."""

    def __init__(self, spool: Path) -> None:
        self._spool = spool
        self._folder = spool.with_name(f"{spool.name}-kept")
        self._folder.mkdir()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        while not self._over.wait(0.1):
            self._link()

    def _link(self) -> None:
        for number in segments(self._spool):
            with suppress(FileExistsError, FileNotFoundError):
                os.link(segment_path(self._spool, number), segment_path(self._folder, number))

    def read(self, into: Journal) -> None:
        """Everything so far."""
        self._link()
        for number in segments(self._folder):
            for item in journal.walk(segment_path(self._folder, number).read_bytes()):
                assert isinstance(item, journal.Record), f"segment {number}: {item} cannot be read"
                into.note(item)

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()


# What the database says.


@dataclass(slots=True)
class Books:
    """What the database says, money in units of 10^-7.

    :ivar cdrs: rows of all day tables as dicts.
    :ivar ledger: the sum of each account; *paid* that of what is not of calls.
    :ivar charged: flowno -> account -> what its ledger rows say.
    """

    cdrs: list[dict[str, Any]]
    balances: dict[str, int]
    granted: dict[str, int]
    limits: dict[str, int | None]
    bounded: set[str]
    grants: dict[str, int]
    ledger: dict[str, int]
    paid: dict[str, int]
    charged: dict[int, dict[str, int]]

    def by_call_id(self, side: str, *, answered: bool = True) -> Counter[str]:
        """How many (answered) CDRs there are by the peer's Call-ID; *side* is ``caller`` or ``callee``."""
        column = f"{side}callid"
        return Counter(row[column] for row in self.cdrs if row["answertime"] is not None or not answered)


_CDR = (
    "flowno, callercallid, calleecallid, customeraccount, clearingaccount, fee, incomefee, starttime, answertime, "
    "stoptime, holdtimems, endreasonname, agents"
)
_OF_CALLS = ("call", "cost", "agent", "gift", "limit")


def read_books(database: Database) -> Books:
    """Read everything in one transaction."""
    with database.read() as connection:
        scale = 1 if database.is_sqlite else 10**7
        query = lambda sql: connection.execute(text(sql)).all()  # noqa: E731
        whole = lambda value: None if value is None else int(value * scale)  # noqa: E731
        money = lambda sql: defaultdict(int, {row[0]: whole(row[1] or 0) for row in query(sql)})  # noqa: E731
        days = [row[0] for row in query("SELECT day FROM cdr_table ORDER BY day")]
        rows = [row._asdict() for day in days for row in query(f"SELECT {_CDR} FROM e_cdr_{day}")]
        for row in rows:
            row["fee"], row["cost"] = whole(row["fee"]), whole(row["incomefee"])
        accounts = query("SELECT number, balance, granted, overdraft_limit, anti_overdraft FROM account")
        kinds = ", ".join(f"'{kind}'" for kind in _OF_CALLS)
        charged: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for flowno, number, amount in query("SELECT call_id, account, amount FROM ledger WHERE call_id IS NOT NULL"):
            charged[flowno][number] -= whole(amount)
        return Books(
            rows,
            {row[0]: whole(row[1]) for row in accounts},
            {row[0]: whole(row[2]) for row in accounts},
            {row[0]: whole(row[3]) for row in accounts},
            {row[0] for row in accounts if row[4]},
            money("SELECT account, sum(amount) FROM account_grant GROUP BY account"),
            money("SELECT account, sum(amount) FROM ledger GROUP BY account"),
            money(f"SELECT account, sum(amount) FROM ledger WHERE kind NOT IN ({kinds}) GROUP BY account"),
            charged,
        )


def balanced(url: str, condition: Callable[[Books], Any], seconds: float = 15.0) -> Books:
    """The books, once *condition* of them is true."""
    database = open_database(url)
    try:
        return until(lambda: (books := read_books(database)) and condition(books) and books, seconds, "the books")
    finally:
        database.close()


# Whether they are one.


def check_books(books: Books) -> None:
    """Records, ledger and balances: each call once, its charges are its fees, sums add up, nobody is below a limit."""
    doubled = [flowno for flowno, count in Counter(row["flowno"] for row in books.cdrs).items() if count > 1]
    assert not doubled, doubled
    for row in books.cdrs:
        _check_charges(row, books.charged.get(row["flowno"], {}))
    for number, balance in books.balances.items():
        told = f"{number}: balance {balance}, paid {books.paid[number]}, ledger {books.ledger[number]}"
        of_calls = sum(charges.get(number, 0) for charges in books.charged.values())
        assert balance == books.ledger[number] == books.paid[number] - of_calls, f"{told}, calls {of_calls}"
        assert books.granted[number] == books.grants[number], number
        limit = books.limits[number]
        assert number not in books.bounded or limit is None or balance >= -limit, told


def _check_charges(row: dict[str, Any], charged: dict[str, int]) -> None:
    """The ledger has the fees that the record names; gifts and limits stand in the journal only."""
    named: dict[str, int] = defaultdict(int)
    named[row["customeraccount"]] += row["fee"]
    named[row["clearingaccount"]] += row["cost"]
    for agent in orjson.loads(row["agents"] or "[]"):
        named[agent["account"]] += money(agent["fee"])
    wrong = {number: (amount, charged.get(number, 0)) for number, amount in named.items() if number}
    assert all(amount == booked for amount, booked in wrong.values()), f"call {row['flowno']}: {wrong}"
    if row["answertime"] is not None:
        assert row["stoptime"] - row["answertime"] == row["holdtimems"] >= 0, row
    else:
        assert not any(charged.values()) or row["fee"], row
    assert row["stoptime"] >= row["starttime"], row


def check_calls(books: Books, caller: Seen, called: Seen) -> None:
    """Every call that a peer saw answered has exactly one CDR, and none is left up: over by itself or by our BYE.

    A called side that answers while the call is being taken back is acknowledged and told BYE at once: that is one CDR
    of a call without answer.
    """
    for side, peer in (("caller", caller), ("callee", called)):
        counted = books.by_call_id(side)
        if side == "callee":
            crossed = {call_id for call_id in peer.told if not counted[call_id]}
            taken_back = books.by_call_id(side, answered=False)
            counted.update({call_id: taken_back[call_id] for call_id in crossed})
        wrong = {call_id: counted[call_id] for call_id in peer.answered if counted[call_id] != 1}
        assert not wrong, f"{side}: {len(wrong)} answered calls without exactly one CDR: {list(wrong.items())[:5]}"
        left = peer.answered - peer.over - peer.told
        assert not left, f"{side}: {len(left)} calls were never ended: {list(left)[:5]}"


def check_journal(books: Books, said: Journal) -> None:
    """Every call that began has one end, every end one record (but a hidden one, which moved no money) and its rows."""
    never = (said.started | said.answered | said.carried) - said.ends.keys()
    assert not never, f"{len(never)} calls without an end: {sorted(never)[:5]}"
    twice = {flowno: len(ends) for flowno, ends in said.ends.items() if len(ends) > 1}
    assert not twice, f"calls with several ends: {twice}"
    rows = {row["flowno"]: row for row in books.cdrs}
    for flowno, (end,) in said.ends.items():
        _check_end(end, rows.get(flowno), books.charged.get(flowno, {}))
    unknown = (rows.keys() | books.charged.keys()) - said.ends.keys()
    assert not unknown, f"{len(unknown)} calls that the journal does not know: {sorted(unknown)[:5]}"


def _check_end(end: dict[str, Any], row: dict[str, Any] | None, charged: dict[str, int]) -> None:
    named: dict[str, int] = defaultdict(int)
    for charge in end["charges"]:
        named[charge["account"]] += charge["amount"]
    told = f"call {end['flowno']}"
    moved = {number: amount for number, amount in charged.items() if amount}
    assert {number: amount for number, amount in named.items() if amount} == moved, f"{told}: {named} {moved}"
    if end["hidden"]:
        assert row is None, told
        assert not any(named.values()), f"{told}: hidden, and it moved money"
        return
    assert row is not None, f"{told} has no record"
    kept = [row[name] for name in ("fee", "cost", "answertime", "stoptime", "holdtimems")]
    assert kept == [end[name] for name in ("fee", "cost", "answer", "stop", "hold_time_ms")], told


def same_story(
    url: str,
    callers: Seen,
    called: Seen,
    kept: Iterable[KeptJournal] = (),
    seconds: float = 15.0,
) -> tuple[Books, Journal]:
    """Wait until every record is in the database; then all stories have to agree.

    :param callers: what all callers saw together; *called* what the vendors saw.
    """
    said = Journal()
    for each in kept:
        each.read(said)
    shown = {flowno for flowno, ends in said.ends.items() if not ends[0]["hidden"]}

    def arrived(books: Books) -> bool:
        here = {row["flowno"] for row in books.cdrs}
        return callers.answered <= books.by_call_id("caller").keys() and shown <= here

    books = balanced(url, arrived, seconds)
    check_books(books)
    check_calls(books, callers, called)
    if said.ends:
        check_journal(books, said)
    return books, said
