"""Live calls with three CDR sinks, one of which is away for a while: each has every call in the end."""

from __future__ import annotations

import signal

from tests.integration.test_delivery_sinks import WebServer
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import until

TARGETS = """
[[cdr_targets]]
name = "away"
url = "http://127.0.0.1:{away}/cdrs"
timeout = 2
[[cdr_targets]]
name = "there"
url = "http://127.0.0.1:{there}/cdrs"
"""


def sinks(switch):
    return {row["name"]: row for row in switch.json("sinks", "list")}


def lines(switch):
    files = sorted((switch.folder / "cdr").glob("*.txt"))
    return [line.split("|") for path in files for line in path.read_text().splitlines()]


def test_all_records_arrive_once_the_sink_is_back(alone):
    away, there = WebServer(), WebServer().open()
    try:
        more = TARGETS.format(away=away.port, there=there.port)
        alone.begin(more=more, SS_CDR_RECORD_TO_FILE="On")
        alone.vendor("first", ANSWER, calls=5)
        for number in range(3):
            alone.call(CALL, name=f"caller{number}").succeeds()
        until(lambda: len(there.calls) == 3, what="the sink that is there")
        until(lambda: "sinks: away: " in (alone.switch.json("node", "status")[0]["trouble"] or ""), what="an alarm")
        assert (sinks(alone.switch)["away"]["state"], sinks(alone.switch)["away"]["waiting"]) == ("failing", 3)
        assert alone.switch.stop(signal.SIGKILL) == -signal.SIGKILL
        alone.switch.start()
        for number in range(3, 5):
            alone.call(CALL, name=f"caller{number}").succeeds()
        known = sorted(int(row["call_id"]) for row in alone.cdrs(5))
        away.open()
        until(lambda: len(set(away.calls)) == 5, 40, "all calls")
        until(lambda: len(set(there.calls)) == 5, what="all calls")
        assert list(dict.fromkeys(away.calls)) == list(dict.fromkeys(there.calls)) == known
        until(lambda: len(lines(alone.switch)) == 5, what="lines")
        assert [int(line[17]) for line in lines(alone.switch)] == known
        first = lines(alone.switch)[0]
        assert len(first) == 18
        assert (first[1], first[7], first[8]) == (alone.number, f"customer{alone.n}", f"first{alone.n}")
        until(lambda: "sinks:" not in (alone.switch.json("node", "status")[0]["trouble"] or ""), what="all is well")
        assert {row["state"] for row in sinks(alone.switch).values()} == {"well"}
        begun = len(there.calls)
        alone.switch.cli("sinks", "replay", "there", "--since", "2026-01-01")
        until(lambda: len(there.calls) == begun + 5, what="the replay")
        assert (
            "no sink nobody"
            in alone.switch.cli("sinks", "replay", "nobody", "--since", "2026-01-01", check=False).stderr
        )
    finally:
        away.close()
        there.close()
