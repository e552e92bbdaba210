"""End reasons keep their names, codes and mappings."""

import csv
from pathlib import Path

import pytest

from vosswitch.model.causes import END_REASONS, cause, from_sip, switches

_TABLE = Path(__file__).parents[2] / "data" / "end_reasons.csv"
ROWS = list(csv.DictReader(_TABLE.read_text().splitlines()))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["end_reason"])
def test_the_table_is_the_published_one(row):
    reason = END_REASONS[row["end_reason"]]
    if row["code"].lstrip("-").isdecimal():
        assert reason.code == int(row["code"])
    else:
        assert reason.code is None
    assert reason.q850 == int(row["q850"])
    first = row["to_caller"].split(" ")[0].split("/")[0].rstrip(",")
    if first == "(BYE)":
        assert reason.sip == 0
    elif first.isdecimal() and row["end_reason"] not in ("rejected", "authentication_failed"):
        assert reason.sip == int(first)


def test_nothing_but_the_published_reasons():
    assert list(END_REASONS) == [row["end_reason"] for row in ROWS]


def test_codes_are_unique():
    codes = [reason.code for reason in END_REASONS.values() if reason.code is not None]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    ("status", "reason", "shown", "goes_on"),
    [
        (400, "client_error", 400, False),
        (401, "client_error", 403, False),
        (403, "rejected", 403, False),
        (404, "not_found", 404, False),
        (407, "client_error", 403, False),
        (408, "client_error", 408, True),
        (410, "not_found", 404, False),
        (420, "client_error", 500, True),
        (421, "client_error", 500, True),
        (422, "client_error", 500, True),
        (480, "client_error", 480, False),
        (486, "busy", 486, False),
        (488, "codec_mismatch", 488, True),
        (500, "server_failure", 500, True),
        (503, "service_unavailable", 503, True),
        (600, "busy", 486, False),
        (603, "rejected", 603, True),
        (604, "rejected", 604, True),
        (606, "rejected", 606, True),
    ],
)
def test_a_peers_status_becomes_a_cause(status, reason, shown, goes_on):
    reached = from_sip(status)
    assert (reached.reason, reached.code, reached.status) == (reason, status, shown)
    assert switches(reached) is goes_on


@pytest.mark.parametrize(
    ("reason", "goes_on"),
    [("connection_timeout", True), ("response_timeout", True), ("no_answer", False), ("protocol_error", True)],
)
def test_own_reasons_switch_by_the_table(reason, goes_on):
    assert switches(cause(reason)) is goes_on


@pytest.mark.parametrize("name", [name for name, row in END_REASONS.items() if row.code is not None])
def test_every_own_cause_can_be_answered_before_the_answer(name):
    assert 400 <= cause(name).answerable <= 699
