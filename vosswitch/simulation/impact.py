"""What another price list would have made of the calls of a period: decided twice, by what is in force and by it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vosswitch.simulation.past import Past
from vosswitch.simulation.run import BETWEEN
from vosswitch.store.pastcalls import past_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.simulation.replay import Replay
    from vosswitch.simulation.report import Report
    from vosswitch.simulation.run import Period
    from vosswitch.store.database import Database


def impact(
    database: Database,
    period: Period,
    before: Replay,
    after: Replay,
    report: Report,
    progress: Callable[[int], object] = lambda _done: None,
) -> float:
    """Replay the calls of a period on both configurations, so that nothing but what they differ in shows.

    :param progress: told now and then how many calls are done.
    :returns: seconds.
    """
    begun = time.perf_counter()
    done = 0
    for done, row in enumerate(past_calls(database, period.since, period.until, period.account), 1):
        report.add(before.call(Past(row)), after.call(Past(row)))
        if done % BETWEEN == 0:
            progress(done)
    progress(done)
    return time.perf_counter() - begun
