"""What the switch's last run has seen of its gateways, out of the records.

Its quality windows go on with it, and its counts of attempts of the day.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson

from vosswitch.model.causes import recorded
from vosswitch.routing.conduct import Conduct
from vosswitch.routing.gauges import counts, destination, effective
from vosswitch.store.outcomes import outcomes_of_day, recent_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vosswitch.store.database import Database
    from vosswitch.store.outcomes import Outcome

MOST_MS = 3_600_000
"""How far back outcomes are looked for."""
_EARLIER_MS = 3_600_000
"""How long before that a call may have begun that ended within."""
_BUCKET_MS = 5_000
"""Outcomes of so long a time go together; the shortest segment is 12.5 s."""
SLICE = 1000
"""Rows of a message."""

_SHORT = 7
_ALL_RECORDS = ("SERVER_BILLING_RECORD_ZERO_HOLD_TIME", "SERVER_BILLING_RECORD_SERVER_HANG_UP")
"""Parameters that keep failed calls out of the day tables when one is off: attempts would seem to be good then."""
_SPANS = ("SS_GATEWAY_ASR_RESERVE_TIME", "SS_GATEWAY_ACD_RESERVE_TIME")

_Rows = dict[tuple[int, str, str], list[int]]


def wanted(parameters: Mapping[str, Any] | Any, gateways: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the quality of any gateway is kept at all."""
    if parameters["SS_GATEWAY_ASR_CALCULATE"] or parameters["SS_GATEWAY_ACD_CALCULATE"]:
        return True
    found = map(Conduct.from_body, gateways)
    return any(one.asr or one.acd or one.thresholds is not None for one in found)


def recalled(
    database: Database, node: str, parameters: Mapping[str, Any] | Any, until: int
) -> Iterator[list[dict[str, Any]]]:
    """For each page of records the messages to the switch, ``op`` = ``outcomes``.

    A row is: when, epoch ms; gateway; destination; then the counts (`vosswitch.routing.gauges.Gauge.recall`).

    :param until: calls that begin later are counted by the switch itself, epoch ms.
    """
    since = until - min(MOST_MS, 1000 * max(parameters[name] for name in _SPANS))
    complete = all(parameters[name] for name in _ALL_RECORDS)
    digits = parameters["VS_GATEWAY_QUALITY_DIGITS"]
    for page in recent_outcomes(database, node, since - _EARLIER_MS, until, since):
        found: _Rows = {}
        for call in page:
            _count(found, call, digits, since)
        rows = [[*key, *(row if complete else (0, 0, 0, 0, 0, *row[5:]))] for key, row in found.items()]
        yield [{"op": "outcomes", "more": True, "rows": rows[at : at + SLICE]} for at in range(0, len(rows), SLICE)]


def tallied(database: Database, node: str, day: str, until: int) -> Iterator[list[dict[str, Any]]]:
    """For each page of a day's records the message to the switch, ``op`` = ``tallies``: attempts by gateway.

    :param until: as for `recalled`.
    """
    for page in outcomes_of_day(database, node, day, until):
        found = Counter(tried["gateway"] for call in page for tried in orjson.loads(call.attempts or "[]"))
        yield [{"op": "tallies", "more": True, "day": day, "attempts": found}]


def _count(found: _Rows, call: Outcome, digits: int, since: int) -> None:
    at = call.start
    for tried in orjson.loads(call.attempts or "[]"):
        at += tried.get("duration_ms") or 0
        answered = tried["reason"] == "answered"
        if answered and call.answer is not None:
            at = call.answer
        reached = None if answered else recorded(tried["reason"], tried["status"])
        to = destination(tried.get("prefix") or "", call.callee, digits)
        if at >= since and (reached is None or counts(reached)):
            pdd_ms = tried.get("pdd_ms")
            good = reached is None or effective(reached, pdd_ms is not None)
            _add(found, at, tried["gateway"], to, (answered, 1, good, pdd_ms or 0, pdd_ms is not None, 0, 0))
        if answered:
            _add(found, call.stop, tried["gateway"], to, (0, 0, 0, 0, 0, call.hold_ms, 1))


def _add(found: _Rows, at: int, gateway: str, to: str, counted: tuple[int, ...]) -> None:
    row = found.setdefault((at // _BUCKET_MS * _BUCKET_MS + _BUCKET_MS // 2, gateway, to), [0] * _SHORT)
    for place, count in enumerate(counted):
        row[place] += count
