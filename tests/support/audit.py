"""Compares the stories of a run: what sipp peers saw, the CDRs, the ledger and the balances, read from the database."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from tests.support.switch import until
from vosswitch.store.database import Database, open_database

if TYPE_CHECKING:
    from tests.support.sipp import Sipp

_TRACED = re.compile(
    rb"^-{20,} .*\n(?:UDP|TCP) message (?:(sent) \(\d+ bytes\)|received \[\d+\] bytes ?):\n\n([^\r\n]+)\r?\n"
    rb"((?:[^\r\n]+\r?\n)*)",
    re.MULTILINE,
)
_CALL_ID = re.compile(rb"^call-id:[ \t]*([^\r\n]+)", re.MULTILINE | re.IGNORECASE)
_CSEQ = re.compile(rb"^cseq:[ \t]*\d+[ \t]+(\w+)", re.MULTILINE | re.IGNORECASE)


@dataclass(slots=True)
class Seen:
    """What a peer saw, as sets of its Call-IDs.

    :ivar answered: calls that were answered for it: the caller got the 200, the called side got the ACK of its own.
    :ivar over: calls whose BYE, from either side, was answered with 200.
    :ivar told: calls that the switch sent a BYE for.
    """

    invited: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)

    def add(self, other: Seen) -> None:
        """Take another peer's story in."""
        for name in ("invited", "answered", "over", "told"):
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
    elif method == "BYE" and status == 200:
        found.over.add(call_id)


@dataclass(slots=True)
class Books:
    """What the database says, money in units of 10^-7.

    :ivar cdrs: rows of all day tables as dicts.
    """

    cdrs: list[dict]
    balances: dict[str, int]
    granted: dict[str, int]
    limits: dict[str, int | None]
    grants: dict[str, int]
    ledger: dict[str, int]
    paid: dict[str, int]

    def by_call_id(self, side: str, *, answered: bool = True) -> Counter[str]:
        """How many (answered) CDRs there are by the peer's Call-ID; *side* is ``caller`` or ``callee``."""
        column = f"{side}callid"
        return Counter(row[column] for row in self.cdrs if row["answertime"] is not None or not answered)


_CDR = "flowno, callercallid, calleecallid, customeraccount, fee, incomefee, starttime, answertime, endreasonname"


def read_books(database: Database) -> Books:
    """Read everything in one transaction."""
    with database.read() as connection:
        scale = 1 if database.is_sqlite else 10**7
        query = lambda sql: connection.execute(text(sql)).all()  # noqa: E731
        money = lambda sql: defaultdict(int, {row[0]: int((row[1] or 0) * scale) for row in query(sql)})  # noqa: E731
        days = [row[0] for row in query("SELECT day FROM cdr_table ORDER BY day")]
        rows = [row._asdict() for day in days for row in query(f"SELECT {_CDR} FROM e_cdr_{day}")]
        for row in rows:
            row["fee"], row["cost"] = int(row["fee"] * scale), int(row["incomefee"] * scale)
        accounts = query("SELECT number, balance, granted, overdraft_limit FROM account")
        whole = lambda value: None if value is None else int(value * scale)  # noqa: E731
        return Books(
            rows,
            {row[0]: int(row[1] * scale) for row in accounts},
            {row[0]: int(row[2] * scale) for row in accounts},
            {row[0]: whole(row[3]) for row in accounts},
            money("SELECT account, sum(amount) FROM account_grant GROUP BY account"),
            money("SELECT account, sum(amount) FROM ledger GROUP BY account"),
            money("SELECT account, sum(amount) FROM ledger WHERE kind IN ('opening', 'payment') GROUP BY account"),
        )


def check_books(books: Books, clearing: str) -> None:
    """Balance == payments - fees == sum of the ledger, grants add up, nobody is below the limit, no flowno twice."""
    doubled = [flowno for flowno, count in Counter(row["flowno"] for row in books.cdrs).items() if count > 1]
    assert not doubled, doubled
    fees: dict[str, int] = defaultdict(int)
    for row in books.cdrs:
        fees[row["customeraccount"]] += row["fee"]
        fees[clearing] += row["cost"]
    for number, balance in books.balances.items():
        told = f"{number}: balance {balance}, paid {books.paid[number]}, fees {fees[number]}"
        assert balance == books.ledger[number], f"{told}, ledger {books.ledger[number]}"
        assert balance == books.paid[number] - fees[number], told
        assert books.granted[number] == books.grants[number], number
        limit = books.limits[number]
        assert limit is None or balance >= -limit, told


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


def balanced(url: str, condition, seconds: float = 15.0) -> Books:
    """The books, once *condition* of them is true."""
    database = open_database(url)
    try:
        return until(lambda: (books := read_books(database)) and condition(books) and books, seconds, "the books")
    finally:
        database.close()


# Processes.


def family(root: int) -> dict[int, str]:
    """Process id -> command line of *root* and its descendants."""
    parents: dict[int, int] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdecimal() and (found := _stat(int(path.name))):
            parents[int(path.name)] = found[1]
    inside = {root}
    while more := {pid for pid, parent in parents.items() if parent in inside} - inside:
        inside |= more
    return {pid: command_line(pid) for pid in inside if pid in parents}


def _stat(pid: int) -> tuple[str, int] | None:
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return state, int(parent)


def command_line(pid: int) -> str:
    """How it was started; "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def running(pid: int) -> bool:
    """Whether it still works (a zombie does not)."""
    found = _stat(pid)
    return found is not None and found[0] != "Z"


def child(root: int, module: str) -> int:
    """The process id of the child of *root* that runs *module*."""
    found = [pid for pid, line in family(root).items() if f"-m {module}" in line]
    assert len(found) == 1, family(root)
    return found[0]


def own(pid: int, signal_number: int) -> None:
    """Send a signal to a process of a switch that the test has started."""
    os.kill(pid, signal_number)
