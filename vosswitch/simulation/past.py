"""A finished call, as the simulation takes it from its record: who called what, and what became of each attempt."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from vosswitch.model.causes import recorded
from vosswitch.routing.decision import NOT_REGISTERED, TRUNK_DOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vosswitch.model.causes import Cause
    from vosswitch.store.pastcalls import PastRow

ANSWERED = "answered"
OF_THE_MOMENT = frozenset(
    {
        *("line_limit", "cps_limit", "overload", "degraded", "insufficient_balance", "fraud_blocked"),
        *("loop_detected", "authentication_failed", "not_registered", "switch_restart", "operator_release"),
    }
)
"""Why a call was refused that no configuration explains: lines, money and load of that moment."""

_MOMENTARY = (NOT_REGISTERED, TRUNK_DOWN, "away:", "held:", "disabled")
"""How reasons begin for which a gateway was left out at that moment."""
_POOR = ("excluded: ", "demoted: ")
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError, IndexError)
_LIVE = ("lines", "calls_today", "asr", "acd")


class Tried(NamedTuple):
    """One attempt of the call.

    :ivar reason: the end reason's name, ``answered`` for the one that connected.
    :ivar followed: another attempt came after it.
    :ivar prefix: of the gateway, that matched; *pdd_ms*: None = it had none.
    """

    reason: str
    status: int
    followed: bool
    prefix: str = ""
    pdd_ms: int | None = None

    @property
    def rang(self) -> bool:
        """The called side rang, sent progress or answered."""
        return self.pdd_ms is not None

    @property
    def cause(self) -> Cause:
        """Why it ended, as the failover asks for it."""
        return recorded(self.reason, self.status)


class Live(NamedTuple):
    """What was known of a candidate when the call was decided."""

    lines: int
    calls_today: int
    asr: float | None
    acd: float | None


class Past:
    """One finished call.

    :ivar row: what is stored of it.
    :ivar tried: its attempts by gateway (or ``phone:NUMBER``), in their order.
    :ivar live: values of candidates at that moment, by name, as far as the record kept them.
    :ivar out: gateways that were left out for a reason of that moment, and the reason.
    :ivar poor: gateways whose quality kept them out or put them behind the others.
    :ivar full: gateways that were passed over when their turn came.
    :ivar lrn: what was found out about the called number then, "" = not ported, None = it was not asked.
    :ivar damaged: attempts or decision cannot be read; what could be read before is there.
    :ivar held_off: a dynamic blacklist refused it.
    :ivar stopped: gateways were left when it ended: the failover stopped, or the caller gave up.
    """

    __slots__ = ("damaged", "full", "held_off", "live", "lrn", "out", "poor", "row", "stopped", "tried")

    def __init__(self, row: PastRow) -> None:
        self.row = row
        self.damaged = self.held_off = False
        self.tried: dict[str, list[Tried]] = {}
        self.live: dict[str, Live] = {}
        self.out: dict[str, str] = {}
        self.full: frozenset[str] = frozenset()
        self.poor: frozenset[str] = frozenset()
        self.lrn: str | None = None
        self.stopped = row.end_reason == "caller_abandoned"
        try:
            self._recall_attempts(row)
            if row.decision:
                self._recall(row.decision, row.decision.get("plan") or {})
        except _DAMAGED:  # a call as far as its row can be read
            self.damaged = True

    def _recall_attempts(self, row: PastRow) -> None:
        attempts = orjson.loads(row.attempts or "[]")
        for at, one in enumerate(attempts, 1):
            followed, prefix = at < len(attempts), one.get("prefix") or ""
            tried = Tried(one["reason"], one["status"], followed, prefix, one.get("pdd_ms"))
            self.tried.setdefault(one["gateway"], []).append(tried)
        self.stopped = self.stopped or (bool(attempts) and row.end_direction == 0)

    @property
    def answered(self) -> bool:
        """It was spoken."""
        return self.row.answer is not None

    @property
    def momentary(self) -> bool:
        """It was refused for a reason of that moment, which no configuration explains."""
        return self.refused and (self.held_off or self.row.end_reason in OF_THE_MOMENT)

    @property
    def refused(self) -> bool:
        """The switch ended it before any attempt."""
        return not self.tried and self.row.answer is None and self.row.end_direction == 2

    def _recall(self, decision: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
        """What the kept decision knows of that moment (see `vosswitch.routing.packed`)."""
        self.lrn = (decision.get("ported") or (None,))[0]
        names, equal = plan.get("v", ()), plan.get("e", {})
        lines, today, asr, acd = [_picker(name, names, equal) for name in _LIVE]
        self.live = {row[0]: Live(lines(row) or 0, today(row) or 0, asr(row), acd(row)) for row in plan.get("g", ())}
        poor = [name for name, why in plan.get("b", {}).items() if why.startswith(_POOR)]
        for why, (_, *gateways) in plan.get("d", {}).items():
            if why.startswith(_MOMENTARY):
                self.out.update(dict.fromkeys(gateways, why))
            elif why.startswith(_POOR):
                poor += gateways
        if poor:
            self.poor = frozenset(poor)
        notes, taken = decision.get("notes"), plan.get("k")
        if notes:
            self.held_off = any(what == "dynamic" for what, _ in notes)
            self.full = frozenset(what for what, why in notes if what in self.live and why.startswith("full: "))
        if taken:  # what they share with others was full; one that was tried all the same was free by then
            self.full |= taken.keys() - self.tried.keys()
        if self.tried and not self.answered and len(self.live.keys() - self.tried.keys() - self.full):
            self.stopped = True


def _picker(name: str, names: Sequence[str], equal: Mapping[str, Any]) -> Callable[[Sequence[Any]], Any]:
    """Takes one value out of a packed row."""
    if name in names:
        return itemgetter(names.index(name) + 2)
    value = equal.get(name)
    return lambda _row: value
