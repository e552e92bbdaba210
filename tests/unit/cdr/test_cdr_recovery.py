"""What becomes of calls that the switch did not live to end."""

from __future__ import annotations

from dataclasses import asdict

import orjson
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.cdr.files import JournalWriter, last_flowno
from vosswitch.cdr.record import Attempt, Cdr
from vosswitch.cdr.recovery import ended

START = 1_795_000_000_000
PER_SECOND = 1000

moments = st.integers(min_value=START, max_value=START + 10_000_000)


def price(mode, terms, ms):
    assert mode == "increment"
    seconds = -(-ms // 1000)
    return seconds * terms["rate"] * 2, seconds * terms["rate"], seconds


def start_of(flowno=5):
    return {"flowno": flowno, "day": "20261120", "start": START, "caller": "1", "account": "a", "reserved": 7}


def answer_of(at, until=None):
    cdr = Cdr(5, "20261120", START, 0, caller="1", callee="2", account="a", attempts=[Attempt("v", "1", "2")])
    return {
        "flowno": 5,
        "answer": at,
        "funded_until_ms": until,
        "charges_terms": [
            {"account": "a", "kind": "call", "terms": {"rate": PER_SECOND}, "mode": "increment"},
            {"account": "v", "kind": "cost", "terms": {"rate": 10}, "mode": "increment"},
        ],
        "legs": [{}, {}],
        "cdr": orjson.loads(orjson.dumps(cdr)),
    }


@given(moments, st.none() | moments, moments)
def test_an_answered_call_ends_between_its_answer_and_every_bound(answer, until, tick):
    cdr = ended(start_of(), answer_of(answer, until), tick, price)
    assert cdr.start <= cdr.answer <= cdr.stop
    assert cdr.stop <= max(answer, tick)
    if until is not None:
        assert cdr.stop <= max(answer, until)
    assert cdr.hold_time_ms == cdr.stop - cdr.answer
    assert cdr.fee == price("increment", {"rate": PER_SECOND}, cdr.hold_time_ms)[0]
    assert sum(item.amount for item in cdr.charges) == cdr.fee + cdr.cost


@given(st.integers(min_value=0, max_value=START + 10_000_000))
def test_a_call_that_was_not_answered_costs_nothing(tick):
    cdr = ended(start_of(), None, tick, price)
    assert (cdr.fee, cdr.charges, cdr.answer, cdr.hold_time_ms) == (0, [], None, 0)
    assert cdr.stop >= cdr.start


def test_the_record_says_why_and_keeps_what_was_known():
    cdr = ended(start_of(), answer_of(START + 100), START + 5100, price)
    assert (cdr.end_reason, cdr.code, cdr.end_direction) == ("switch_restart", -32, 2)
    assert (cdr.caller, cdr.callee, cdr.account, cdr.day) == ("1", "2", "a", "20261120")
    assert cdr.attempts == [Attempt("v", "1", "2")]
    assert (cdr.billed_seconds, cdr.tax, cdr.cost, cdr.cost_tax) == (5, 5000, 100, 50)
    assert [(item.account, item.amount, item.kind) for item in cdr.charges] == [
        ("a", 10_000, "call"),
        ("v", 100, "cost"),
    ]
    assert orjson.loads(orjson.dumps(cdr)) == asdict(cdr)


def test_an_answer_whose_start_was_lost_is_billed_all_the_same():
    cdr = ended({}, answer_of(START + 100), START + 5100, price)
    assert (cdr.flowno, cdr.fee) == (5, 10_000)
    bare = answer_of(START + 100)
    bare["cdr"] = {}
    cdr = ended({}, bare, START + 5100, price)
    assert (cdr.flowno, cdr.fee, cdr.day) == (5, 10_000, "")


def test_the_highest_call_id_of_the_spool_is_known(tmp_path):
    assert last_flowno(str(tmp_path)) == 0
    writer = JournalWriter(str(tmp_path), 1 << 16)
    writer.append("start", {"flowno": 5000})
    writer.append("start", {"flowno": 7000})
    writer.append("end", {"flowno": 5000})
    writer.append("tick", {"at": 1})
    writer.close()
    assert last_flowno(str(tmp_path)) == 7000
    JournalWriter(str(tmp_path), 1 << 16).close()
    assert last_flowno(str(tmp_path)) == 7000
