"""Calls that a crash ended: their length by the clock that nobody sets, their fee within what was set aside."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from vosswitch.cdr.files import JournalReader, JournalWriter, scan_open_calls
from vosswitch.cdr.journal import MAX_PAYLOAD, Position
from vosswitch.cdr.record import Cdr
from vosswitch.cdr.recovery import ended
from vosswitch.cdr.service import JournalService

START = 1_795_000_000_000
HOUR = 3_600_000


def price(mode, terms, ms):
    return ms, ms // 10, ms // 1000


def answer(**more):
    charges = [{"account": a, "kind": k, "terms": {}, "mode": "m"} for a, k in (("a", "call"), ("v", "cost"))]
    known = {"flowno": 1, "answer": START, "funded_until_ms": None, "charges_terms": charges, "legs": [], "cdr": {}}
    return known | more


def crashed(spool, records):
    writer = JournalWriter(str(spool), 64 << 10)
    writer.append("start", {"flowno": 1, "day": "20261120", "start": START})
    for kind, payload in records:
        writer.append(kind, payload)
    writer.close()
    ((call,), _) = scan_open_calls(str(spool))
    return ended(call.start, call.answer, call.last_tick, price)


@pytest.mark.parametrize("step", [-HOUR, 0, HOUR])
def test_a_clock_that_is_set_during_a_call_changes_neither_length_nor_fee(tmp_path, step):
    tick = {"at": START + 20_000 + step, "up": 70_000}
    cdr = crashed(tmp_path, [("answer", answer(up=50_000)), ("tick", tick)])
    assert (cdr.answer, cdr.stop, cdr.hold_time_ms, cdr.fee) == (START, START + 20_000, 20_000, 20_000)


def test_records_without_the_monotonic_clock_go_by_the_wall_clock(tmp_path):
    cdr = crashed(tmp_path, [("answer", answer()), ("tick", {"at": START + 5000})])
    assert cdr.hold_time_ms == 5000


@pytest.mark.parametrize("extended", [False, True])
def test_the_fee_stays_within_what_was_set_aside_when_the_mode_is_not_what_it_was(tmp_path, extended):
    records = [("answer", answer(reserved=4000, funded_until_ms=START + 9000))]
    if extended:
        records.append(("extend", {"flowno": 1, "funded_until_ms": START + 30_000, "reserved": 8000}))
    cdr = crashed(tmp_path, [*records, ("tick", {"at": START + 60_000})])
    most = 8000 if extended else 4000
    assert (cdr.fee, cdr.tax) == (most, most // 10)
    assert [(item.kind, item.amount) for item in cdr.charges] == [("call", most), ("cost", cdr.hold_time_ms)]


def test_a_decision_that_is_too_long_for_the_journal_does_not_cost_the_bill(tmp_path):
    writer = JournalWriter(str(tmp_path), 64 << 10)
    service = JournalService(Clock(), writer, pytest.fail, lambda: START, pytest.fail)
    told = []
    service.on_end = lambda position, cdr: told.append(cdr.flowno)
    cdr = Cdr(1, "20261120", START, START + 1000, fee=7, decision={"notes": ["x" * MAX_PAYLOAD]})
    service.end(cdr)
    reader = JournalReader(str(tmp_path), Position(0, 0), pytest.fail)
    (record,) = [item.value() for item in reader.read(10)]
    assert (record["fee"], record["decision"], told) == (7, {"left_out": "too long"}, [1])
    reader.close()
    writer.close()
