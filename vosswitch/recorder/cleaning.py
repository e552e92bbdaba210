"""Removes what is too old, a short step at a time, between everything else that the recorder does."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vosswitch.delivery import files
from vosswitch.delivery.textfiles import HourFiles
from vosswitch.store.cleaning import Ages, Cleaning, Doomed, cutoff

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

    from vosswitch.params.boot import Boot
    from vosswitch.store.database import Database


CLEANED = ("VS_CLEAN_CDR_DAYS", "VS_CLEAN_DECISION_DAYS", "VS_CLEAN_CHANGES_DAYS", "VS_CLEAN_CDR_FILES_DAYS")
"""The parameters; where all are 0, nothing is ever looked for."""


def ages(parameters: Mapping[str, Any]) -> Ages:
    """For how long each kind is kept, by the parameters in force."""
    return Ages(
        int(parameters["VS_CLEAN_CDR_DAYS"]),
        int(parameters["VS_CLEAN_DECISION_DAYS"]),
        int(parameters["VS_CLEAN_CHANGES_DAYS"]),
    )


def needed_day(spool: str, zone: ZoneInfo) -> str:
    """The first day of the day tables that a sink of this node still has to get; "" = none."""
    moments = [since for state in files.states(spool) for since, *_ in state.ranges]
    moments += [since for state in files.states(spool) for _, (since, _) in files.asked(spool, state.name)]
    lowest = min((state.segment for state in files.states(spool)), default=None)
    if lowest is not None:
        moments += [since for since, *_ in files.let_go(spool, lowest, 1 << 62)]
    if not moments:
        return ""
    oldest = datetime.fromtimestamp(max(0, min(moments)) / 1000, zone)
    if oldest.year < 1971:
        return "00000000"
    return f"{oldest - timedelta(days=2):%Y%m%d}"


def old_text_files(boot: Boot, days: int, now_ms: int, zone: ZoneInfo) -> list[Path]:
    """The text files of hours before the oldest day that stays; never the one that is being written."""
    if not days:
        return []
    before = f"{cutoff(now_ms, days, zone):%Y%m%d%H}"
    state = files.read_state(boot.spool_directory, HourFiles.name)
    now_open = "" if state is None else state.keep.get("file", "")
    found = sorted(Path(boot.cdr_directory).glob(f"{'[0-9]' * 10}.txt"))
    return [path for path in found if path.stem < before and path.name != now_open]


def removing(
    boot: Boot, database: Database, parameters: Mapping[str, Any], now_ms: int, zone: ZoneInfo, *, everywhere: bool
) -> Iterator[Doomed]:
    """Remove everything that is too old; one short step at each ``next``."""
    kept = Cleaning(database, ages(parameters), now_ms, zone, needed_day(boot.spool_directory, zone))
    yield from kept.steps(everywhere=everywhere)
    for path in old_text_files(boot, int(parameters["VS_CLEAN_CDR_FILES_DAYS"]), now_ms, zone):
        path.unlink(missing_ok=True)
        yield Doomed("text files", path.name, 1)


def doomed(boot: Boot, database: Database, parameters: Mapping[str, Any], now_ms: int, zone: ZoneInfo) -> list[Doomed]:
    """Everything that would go."""
    kept = Cleaning(database, ages(parameters), now_ms, zone, needed_day(boot.spool_directory, zone))
    days = int(parameters["VS_CLEAN_CDR_FILES_DAYS"])
    return kept.doomed() + [Doomed("text files", path.name, 1) for path in old_text_files(boot, days, now_ms, zone)]
