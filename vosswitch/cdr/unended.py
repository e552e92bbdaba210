"""The calls of former runs that have no end: what the journal's records, one after the other, tell of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from vosswitch.cdr.journal import Record

_PLACES = {"start": 0, "answer": 1, "extend": 2}
"""Kind of record -> where `Found.open` has its payload; a ``carry`` has several of them."""


@dataclass(slots=True)
class OpenCall:
    """A call of a former run that has no end record.

    :ivar start: the payload of its start record; likewise *answer*, None when it was not answered.
    :ivar last_tick: the last proof of life of that run, epoch milliseconds as the call counts them; 0 when there is
        none.
    """

    flowno: int
    start: dict[str, Any]
    answer: dict[str, Any] | None
    last_tick: int


@dataclass(slots=True)
class Found:
    """What `scan_open_calls` saw.

    :ivar open: payloads of calls without an end: flowno -> [start, answer, extension, life].
    :ivar ticks: life -> payload of its last tick: ``at`` epoch milliseconds, ``up`` monotonic ones.
    :ivar problems: one line for each gap or tail.
    """

    open: dict[int, list[Any]]
    ticks: dict[int, dict[str, int]]
    problems: list[str]

    def note(self, record: Record, life: int) -> None:
        """One record of the run that began with segment *life*, in the order of the journal."""
        kind, flowno = record.kind, record.flowno
        if kind == "tick":
            self.ticks[life] = record.value()
        elif kind == "end":
            self.open.pop(flowno, None)
        elif kind == "carry":
            row = self.open.setdefault(flowno, [None, None, None, life])
            for part, value in record.value().items():
                if part in _PLACES:
                    row[_PLACES[part]] = orjson.dumps(value)
        else:
            self.open.setdefault(flowno, [None, None, None, life])[_PLACES[kind]] = record.payload

    def calls(self) -> list[OpenCall]:
        """Those without an end, in the order they began."""
        return [_open_call(flowno, row, self.ticks) for flowno, row in self.open.items()]


def _open_call(flowno: int, row: list[Any], ticks: dict[int, dict[str, int]]) -> OpenCall:
    start, answer, extension, life = row
    answered = answer and orjson.loads(answer)
    if answered and extension:
        answered |= orjson.loads(extension)
    last = _last_seen(answered, ticks.get(life, {"at": 0}))
    return OpenCall(flowno, orjson.loads(start) if start else {}, answered, last)


def _last_seen(answered: dict[str, Any] | None, tick: dict[str, int]) -> int:
    """The last proof of life on the call's own line of time: a clock that was set meanwhile makes no call longer."""
    if answered and "up" in answered and "up" in tick:
        return int(answered["answer"] + tick["up"] - answered["up"])
    return tick["at"]
