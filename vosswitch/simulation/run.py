"""One simulation: the calls of a period, streamed through a replay into a report."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vosswitch.simulation.past import Past
from vosswitch.simulation.replay import recorded
from vosswitch.store.pastcalls import past_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.simulation.replay import Replay, Result
    from vosswitch.simulation.report import Report
    from vosswitch.store.database import Database

BETWEEN = 500
"""Calls between two words about the progress."""


@dataclass(frozen=True, slots=True)
class Period:
    """Which calls: from *since* on and before *until* (epoch ms).

    :ivar account: only calls that it paid for.
    """

    since: int
    until: int
    account: str | None = None


def simulate(
    database: Database,
    period: Period,
    replay: Replay,
    report: Report,
    on_changed: Callable[[Past, Result, Result], object] = lambda _past, _old, _new: None,
    progress: Callable[[int], object] = lambda _done: None,
) -> float:
    """Replay the calls of a period.

    :param on_changed: told every call that something would change for.
    :param progress: told now and then how many are done.
    :returns: seconds.
    """
    begun = time.perf_counter()
    done = 0
    for done, row in enumerate(past_calls(database, period.since, period.until, period.account), 1):
        past = Past(row)
        old, new = recorded(past, replay.own), replay.call(past)
        if report.add(old, new):
            on_changed(past, old, new)
        if done % BETWEEN == 0:
            progress(done)
    progress(done)
    return time.perf_counter() - begun
