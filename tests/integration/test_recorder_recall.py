"""What the last run has seen of its gateways, from records of real databases."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from vosswitch.call.tallies import Tallies
from vosswitch.cdr.record import Attempt, Cdr
from vosswitch.params.system import Parameters
from vosswitch.recorder.recall import SLICE, recalled, tallied, wanted
from vosswitch.store import cdrs
from vosswitch.store.outcomes import recent_outcomes

DAY = "20261231"
NOW = 1_798_700_000_000


def stored(database, *calls, node="here"):
    cdrs.ensure_days(database, {DAY})
    with database.write() as connection:
        cdrs.insert_cdrs(connection, DAY, [asdict(call) for call in calls], node)


def call(flowno, begun, lasted, *attempts, answer=None, callee="43123456"):
    """A call that began so many seconds ago and lasted so many."""
    start = NOW - 1000 * begun
    made = Cdr(flowno, DAY, start, start + int(1000 * lasted), callee=callee, attempts=list(attempts))
    if answer is not None:
        made.answer = start + int(1000 * answer)
        made.hold_time_ms = made.stop - made.answer
    return made


def tried(gateway, status, reason, seconds, pdd_ms=None, prefix="43"):
    return Attempt(
        gateway, "1", "2", status=status, reason=reason, duration_ms=int(1000 * seconds), pdd_ms=pdd_ms, prefix=prefix
    )


def told(database, **parameters):
    """(seconds ago, gateway, destination, counts...), oldest first; the time is that of some seconds together."""
    pages = recalled(database, "here", Parameters(parameters), NOW)
    rows = [row for page in pages for message in page for row in message["rows"]]
    return sorted([round((NOW - row[0]) / 1000, 1), *row[1:]] for row in rows)[::-1]


def test_each_attempt_at_its_time_and_the_talk_at_the_end(database):
    failed, rang = tried("a", 503, "service_unavailable", 4), tried("b", 200, "answered", 20, pdd_ms=3000)
    stored(database, call(1, 100, 60, failed, rang, answer=24))
    assert told(database) == [
        [97.5, "a", "43", 0, 1, 0, 0, 0, 0, 0],
        [77.5, "b", "43", 1, 1, 1, 3000, 1, 0, 0],
        [37.5, "b", "43", 0, 0, 0, 0, 0, 36000, 1],
    ]


def test_outcomes_of_the_same_time_go_together(database):
    busy, given_up = tried("a", 486, "busy", 1, pdd_ms=500), tried("a", 487, "caller_abandoned", 1)
    stored(database, call(1, 100, 1, busy), call(2, 99, 1, busy), call(3, 98.5, 1, given_up))
    assert told(database) == [[97.5, "a", "43", 0, 3, 2, 1000, 2, 0, 0]]


def test_what_says_nothing_of_a_gateway_is_left_out(database):
    """What we ended ourselves, calls that nobody was tried for, other nodes, calls of this run, what is too old."""
    ours = tried("a", 0, "operator_release", 1)
    stored(database, call(1, 100, 1, ours), call(2, 90, 1), call(3, -1, 1, tried("a", 503, "service_unavailable", 1)))
    stored(database, call(4, 900, 1, tried("a", 503, "service_unavailable", 1)))
    stored(database, call(5, 100, 1, tried("a", 503, "service_unavailable", 1)), node="there")
    assert told(database) == []


def test_a_long_call_counts_when_it_ends(database):
    stored(database, call(1, 3000, 2900, tried("a", 200, "answered", 2, pdd_ms=100), answer=2))
    assert told(database) == [[97.5, "a", "43", 0, 0, 0, 0, 0, 2_898_000, 1]]


@pytest.mark.parametrize("name", ["SERVER_BILLING_RECORD_ZERO_HOLD_TIME", "SERVER_BILLING_RECORD_SERVER_HANG_UP"])
def test_without_records_of_failed_calls_no_gateway_seems_to_be_good(database, name):
    stored(database, call(1, 100, 60, tried("a", 200, "answered", 20, pdd_ms=3000), answer=20))
    assert [row[3:] for row in told(database, **{name: "Off"})] == [[0] * 7, [0, 0, 0, 0, 0, 40000, 1]]


def test_destinations_have_as_many_digits_as_are_wanted(database):
    stored(database, call(1, 100, 1, tried("a", 404, "not_found", 1, prefix="")))
    assert told(database, VS_GATEWAY_QUALITY_DIGITS="5")[0][2] == "43123"


@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_pages_have_every_call_once(database, page):
    stored(database, *[call(number, 100 - number // 3, 1) for number in range(1, 10)])
    pages = recent_outcomes(database, "here", 0, NOW, 0, page)
    found = [row.start for some in pages for row in some]
    assert found == sorted(found)
    assert len(found) == 9


def test_a_message_has_a_bound(database):
    attempts = [tried(f"g{number}", 503, "service_unavailable", 0.001) for number in range(SLICE + 5)]
    stored(database, call(1, 100, 1, *attempts))
    ((first, second),) = recalled(database, "here", Parameters({}), NOW)
    assert [len(first["rows"]), len(second["rows"])] == [SLICE, 5]
    assert first["more"] is second["more"] is True


def test_attempts_of_the_day(database):
    """Whatever became of them; of this node, this day, and calls that this run has not counted itself."""
    both = (tried("a", 503, "service_unavailable", 1), tried("b", 0, "operator_release", 1))
    stored(database, call(1, 40_000, 2, *both), call(2, 90, 1, both[0]), call(3, 80, 1), call(4, -1, 1, *both))
    stored(database, call(5, 90, 1, *both), node="there")
    (page,) = tallied(database, "here", DAY, NOW)
    assert [(message["day"], dict(message["attempts"])) for message in page] == [(DAY, {"a": 2, "b": 1})]
    assert list(tallied(database, "here", "20270101", NOW)) == []


def test_counts_of_the_day_go_on_until_the_next_one():
    tallies = Tallies()
    tallies.recall("20261231", {"a": 2})
    tallies.day("20261231")
    tallies.attempted("a")
    tallies.recall("20261231", {"a": 3, "b": 1})
    assert (tallies.today("a"), tallies.today("b")) == (6, 1)
    tallies.day("20270101")
    tallies.recall("20261231", {"a": 3})
    assert tallies.today("a") == 0


def test_records_are_read_only_when_somebody_wants_figures():
    plain = {"name": "g"}
    assert not wanted(Parameters({}), [plain])
    assert wanted(Parameters({"SS_GATEWAY_ACD_CALCULATE": "On"}), [plain])
    assert wanted(Parameters({}), [plain, {"acd_calculate": "on"}])
    assert not wanted(Parameters({}), [{"asr_calculate": "off"}])
