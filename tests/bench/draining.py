"""How fast the journal goes into a database: whole records, all columns, and the ledger rows of two accounts each."""

from __future__ import annotations

import gc
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from tests.support.mariadb import MariaDb
from vosswitch.cdr.files import JournalWriter
from vosswitch.cdr.record import Attempt, Cdr, Charge
from vosswitch.recorder.drain import Drain
from vosswitch.recorder.worker import GC_THRESHOLDS
from vosswitch.store.cdrs import day_table
from vosswitch.store.database import Database, open_database
from vosswitch.store.migrations import migrate
from vosswitch.store.schema import account, ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNTS = 100
DAY = "20261231"
NOON = 1_798_718_400_000
_BATCH = 1000
"""Default of SS_CDR_WRITE_BATCH."""


def measure(count: int) -> dict[str, object]:
    """*count* calls into SQLite and into a MariaDB of our own; calls a second, with everything that a call leaves."""
    found: dict[str, object] = {"calls": count}
    with tempfile.TemporaryDirectory(prefix="vosswitch-bench-") as name:
        folder = Path(name)
        began = time.process_time()
        _write(folder / "spool", count)
        found["journal_us_a_record"] = round((time.process_time() - began) / count * 1e6, 1)
        shutil.copytree(folder / "spool", folder / "again")  # the drain removes what is written
        found |= _drain("sqlite", f"sqlite:///{folder}/db.sqlite", folder / "spool", count)
        (folder / "mariadb").mkdir()
        server = MariaDb(folder / "mariadb")
        try:
            before = server.cpu_seconds()
            found |= _drain("mariadb", server.new_url(), folder / "again", count)
            found["mariadb_server_us_of_cpu"] = round((server.cpu_seconds() - before) / count * 1e6, 1)
        finally:
            server.stop()
    return found


def _drain(what: str, url: str, spool: Path, count: int) -> dict[str, object]:
    migrate(url)
    database = open_database(url)
    try:
        _open_accounts(database)
        drain = Drain(database, spool, (7, "seven"), ZoneInfo("UTC"), lambda: NOON, _complain)
        drain.begin()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)  # as the process of the recorder has them
        began, cpu = time.monotonic(), time.process_time()
        while drain.step(_BATCH) is not None:
            pass
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        drain.close()
        _check(database, count)
        return {
            f"{what}_a_second": round(count / seconds),
            f"{what}_us_of_cpu": round(cpu / count * 1e6, 1),
        }
    finally:
        database.close()


def _complain(text: str) -> None:
    raise AssertionError(text)


def _check(database: Database, count: int) -> None:
    """What was measured was done."""
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(day_table(DAY))) == count
        assert connection.scalar(select(func.count()).select_from(ledger)) == 2 * count


def _open_accounts(database: Database) -> None:
    with database.write() as connection:
        for number in [*(f"c{one}" for one in range(ACCOUNTS)), *(f"v{one}" for one in range(ACCOUNTS))]:
            row: dict[str, Any] = {"number": number, "name": number, "kind": "ordinary", "balance": 10**12}
            more = {"overdraft_limit": 0, "granted": 0, "anti_overdraft": False, "locked": False}
            connection.execute(account.insert().values(**row, **more, lock_reason="", created=0))


def _write(spool: Path, count: int) -> None:
    writer = JournalWriter(str(spool))
    for cdr in _calls(count):
        writer.append("start", {"flowno": cdr.flowno, "day": cdr.day, "start": cdr.start, "caller": cdr.caller})
        writer.append("answer", {"flowno": cdr.flowno, "answer": cdr.answer, "charges_terms": [], "legs": []})
        writer.append("end", cdr)
    writer.close()


def _calls(count: int) -> Iterator[Cdr]:
    """Calls as a node with media writes them: two attempts, a decision record of some 400 bytes."""
    stream = {"packets": 3012, "octets": 518_064, "lost": 2, "address": "198.51.100.7:30002"}
    for serial in range(1, count + 1):
        customer, vendor = f"c{serial % ACCOUNTS}", f"v{serial * 7 % ACCOUNTS}"
        callee = f"43660{serial:07}"
        yield Cdr(
            flowno=(NOON << 20) + serial, day=DAY, start=NOON + serial, stop=NOON + serial + 64_250,
            caller="431234567", callee=callee, caller_in="01234567", callee_in=f"00{callee}",
            caller_out="+431234567", callee_out=f"9{callee}", mapping_gateway="customer-gateway",
            routing_gateway="vendor-gateway", account=customer, account_name="Customer", clearing_account=vendor,
            answer=NOON + serial + 4000, pdd_ms=1203, hold_time_ms=60_250, hold_time=61, billed_seconds=66,
            rate_group="retail", rate_prefix="43660", cost_prefix="4366", level=3, fee=1_234_567, tax=205_761,
            cost=987_654, end_direction=0, sip_status=200, caller_sip_call_id=f"{serial:032x}@198.51.100.7",
            callee_sip_call_id=f"{serial:032x}", caller_ip="198.51.100.7:5060", callee_ip="203.0.113.9:5060",
            caller_rtp="198.51.100.7:30002", callee_rtp="203.0.113.9:41000", caller_user_agent="Customer SBC 7.1",
            callee_user_agent="Vendor", caller_codec="PCMA", callee_codec="PCMA", media_proxied=True, billing_mode=1,
            attempts=[
                Attempt("other-gateway", "+431234567", callee, 503, "service_unavailable", 120, prefix="43"),
                Attempt("vendor-gateway", "+431234567", f"9{callee}", 200, "answered", 4000, 1203, [], "43", "4366"),
            ],
            charges=[Charge(customer, 1_234_567, "call"), Charge(vendor, 987_654, "cost")],
            media={"caller": stream, "callee": stream},
            decision={"account": customer, "rate": ["retail", "43660", "1.1223"], "dropped": {"x": "lines"},
                      "candidates": [["other-gateway", 1, "0.9", 3], ["vendor-gateway", 2, "0.95", 1]],
                      "steps": ["callee 0043660 -> 43660", "caller 01234567 -> 431234567"] * 3},
        )  # fmt: skip
