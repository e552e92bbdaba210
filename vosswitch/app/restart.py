"""After a crash: every call that was up gets its end record and its bill at once, and a BYE on both legs.

The BYEs can only be sent when the listeners are open, so what has to be ended waits in a file of the spool from before
the end records are written until the BYEs are out: a crash in between loses neither.
"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from vosswitch.cdr.files import scan_open_calls, sync_directory
from vosswitch.cdr.recovery import ended, pricer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vosswitch.cdr.files import JournalWriter
    from vosswitch.cdr.unended import OpenCall

_WAITING = "orphans.json"
_AT_ONCE, _PAUSE = 50, 0.02
"""Legs told in one go, and the seconds between: a peer's buffer holds some hundred datagrams."""


class Orphans:
    """The legs of a former life that still have to be told.

    :ivar legs: what `ILeg.resume_data` gave, one dict per leg.
    :ivar problem: one line when the file of a former start cannot be read, else "".
    """

    __slots__ = ("_path", "_unsettled", "legs", "problem")

    def __init__(self, spool: str) -> None:
        self._path = Path(spool) / _WAITING
        self.legs: list[dict[str, Any]] = []
        self.problem = ""
        self._unsettled = 0
        try:
            if self._path.exists():
                self.legs = [leg for leg in orjson.loads(self._path.read_bytes()) if isinstance(leg, dict)]
        except (ValueError, TypeError) as error:
            self.problem = f"{self._path}: cannot be read, calls of an earlier run may get no BYE: {error}"

    def take(self, calls: list[OpenCall]) -> None:
        """Remember the legs of answered calls, on disk too; those of an earlier start may be there already."""
        known = {orjson.dumps(leg) for leg in self.legs}
        for call in calls:
            if call.answer is not None:
                self.legs += [leg for leg in call.answer.get("legs", ()) if leg and orjson.dumps(leg) not in known]
        if self.legs:
            self._write()

    def _write(self) -> None:
        partial = self._path.with_suffix(".tmp")
        partial.unlink(missing_ok=True)
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(orjson.dumps(self.legs))
            file.flush()
            os.fsync(fd)
        partial.rename(self._path)
        sync_directory(self._path.parent)

    def tell(self, end: Callable[[dict[str, Any], Callable[[], None]], object], later: Callable[..., object]) -> None:
        """Have every leg ended, some at a time so that no peer is overrun.

        The file stays until all have answered or are given up: a crash before that lets all be told again.

        :param end: ends a leg, and calls its second argument when that is settled (`ILegFactory.end_orphan`).
        :param later: the reactor's ``callLater``.
        """
        self._unsettled = len(self.legs)
        if self.legs:
            self._tell_some(iter(self.legs), end, later)
        else:
            self.told()

    def _tell_some(
        self, legs: Iterator[dict[str, Any]], end: Callable[..., object], later: Callable[..., object]
    ) -> None:
        some = list(islice(legs, _AT_ONCE))
        for leg in some:
            end(leg, self._settled)
        if len(some) == _AT_ONCE:
            later(_PAUSE, self._tell_some, legs, end, later)

    def _settled(self) -> None:
        self._unsettled -= 1
        if not self._unsettled:
            self.told()

    def told(self) -> None:
        """All of them know."""
        self.legs = []
        self._path.unlink(missing_ok=True)


def settle(spool: str, writer: JournalWriter, modes: Mapping[str, Any]) -> tuple[Orphans, list[str]]:
    """Write the end of every call that the last run left open.

    :returns: the legs to end once the network is there, and one line per damage found in the spool.
    """
    calls, problems = scan_open_calls(spool)
    orphans = Orphans(spool)
    if orphans.problem:
        problems.append(orphans.problem)
    orphans.take(calls)
    price = pricer(modes)
    for call in calls:
        writer.append("end", ended(call.start, call.answer, call.last_tick, price))
    if calls:
        problems.append(f"{len(calls)} calls of the last run were ended and billed as switch_restart")
    return orphans, problems
