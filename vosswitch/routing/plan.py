"""The routing plan of one call: which gateways are tried, in which order, and why."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any, Protocol

from vosswitch.model.call import Candidate
from vosswitch.model.peer import PLAIN
from vosswitch.routing.decision import LINES_FULL, LOCKED, NO_MATCH, Look, record, rows
from vosswitch.routing.strategies import BUILT_IN, DEFAULT_ORDER, NEED_PRICE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vosswitch.model.call import CallAttempt
    from vosswitch.routing.gateways import GatewayIndex, RoutingGateway


class RouteView(Protocol):
    """What is known of gateways at the moment of the call; nothing in it waits."""

    def lines(self, gateway: str, /) -> int:
        """Calls now on it."""

    def calls_today(self, gateway: str, /) -> int:
        """Attempts on it on the server's current day."""

    def asr(self, gateway: str, /) -> float | None:
        """Percent, None when there is no value."""

    def acd(self, gateway: str, /) -> float | None:
        """Seconds, None when there is no value."""

    def away(self, gateway: RoutingGateway, /) -> str:
        """Why it cannot be tried now, in the words of the operator; "" when it can."""

    def price(self, gateway: RoutingGateway, callee: str, /) -> int | None:
        """What the vendor asks, units of 10^-7 per minute; None when there is no rate."""


class Plan:
    """The outcome.

    :ivar candidates: what to try, in order. Gateways whose lines are full stand last: one may be free by their turn.
    :ivar strategies: names by which the order was made; *missing* are those that are not loaded.
    :ivar sell: the selling price, units of 10^-7 per minute, for margins; None = not known.
    :param free: how many of the candidates have a line free.
    :param dropped: the gateways that were looked at and are no candidates.
    """

    __slots__ = ("_dropped", "_free", "candidates", "missing", "sell", "strategies")

    def __init__(
        self,
        candidates: tuple[Candidate, ...],
        free: int,
        dropped: tuple[Look, ...],
        strategies: tuple[str, ...],
        missing: tuple[str, ...],
        sell: int | None,
    ) -> None:
        self.candidates = candidates
        self._free = free
        self._dropped = dropped
        self.strategies = strategies
        self.missing = missing
        self.sell = sell

    @property
    def looks(self) -> tuple[Look, ...]:
        """Every gateway that was looked at: the candidates in order, then the dropped ones."""
        free = self._free
        return (*map(_kept, self.candidates[:free]), *map(_full, self.candidates[free:]), *self._dropped)

    @property
    def refusal(self) -> str | None:
        """The end reason when no gateway can be tried now: ``no_route`` or ``all_gateways_busy``; else None."""
        if not self.candidates:
            return "no_route"
        return None if self._free else "all_gateways_busy"

    @property
    def looked_at(self) -> list[dict[str, Any]]:
        """The looks as dicts (see `vosswitch.routing.decision.rows`)."""
        return rows(self.looks, self.sell)

    @property
    def record(self) -> dict[str, Any]:
        """The decision record, JSON-able (see `vosswitch.routing.decision.record`)."""
        return record(self.strategies, self.missing, self.looks, self.sell)


def plan(
    attempt: CallAttempt,
    gateways: GatewayIndex,
    view: RouteView,
    strategies: Mapping[str, Any],
    chosen: Sequence[str] = (),
    *,
    sell: int | None = None,
    explain: bool = False,
) -> Plan:
    """Find and order the gateways for one call; takes and changes nothing.

    :param strategies: everything that is loaded, by name: `IRoutingStrategy`, mostly in its guard.
    :param chosen: the strategies of the caller's mapping gateway; `DEFAULT_ORDER` decides what they leave open.
    :param sell: what the caller pays, units of 10^-7 per minute.
    :param explain: list the gateways that do not match too, with every price; the call is not placed.
    """
    names = (*chosen, *DEFAULT_ORDER) if chosen else DEFAULT_ORDER
    steps = {name: strategies[name] if name in strategies else _OWN.get(name) for name in names}
    usable = {name: step for name, step in steps.items() if step is not None}
    missing = tuple([name for name in steps if name not in usable])
    priced = explain or any(name in NEED_PRICE or name not in _OWN for name in chosen)
    free, full, dropped = _sorted_out(attempt.callee, gateways, view, priced=priced)
    request = dataclasses.replace(attempt, call_id="") if explain else attempt
    order = list(usable.values())
    candidates = (*_ordered(free, order, request), *_ordered(full, order, request))
    if explain:
        dropped += _others(gateways, callee=attempt.callee)
    return Plan(candidates, len(free), tuple(dropped), tuple(usable), missing, sell)


_OWN: Mapping[str, Any] = {strategy.name: strategy for strategy in BUILT_IN}


def _sorted_out(
    callee: str, gateways: GatewayIndex, view: RouteView, *, priced: bool
) -> tuple[list[Candidate], list[Candidate], list[Look]]:
    """Matching gateways with a line free, those without one, and those that are out."""
    free: list[Candidate] = []
    full: list[Candidate] = []
    dropped: list[Look] = []
    for name, (gateway, prefix) in gateways.matches(callee).items():
        why = LOCKED if gateway.locked else "" if gateway.profile is PLAIN else view.away(gateway)
        if why:
            dropped.append(Look(name, prefix, kept=False, why=why, priority=gateway.priority, weight=gateway.weight))
            continue
        lines = view.lines(name)
        candidate = Candidate(
            name,
            prefix,
            gateway.priority,
            gateway.weight,
            view.price(gateway, callee) if priced else None,
            view.asr(name),
            view.acd(name),
            lines,
            gateway.lines,
            view.calls_today(name),
        )
        (free if gateway.lines is None or lines < gateway.lines else full).append(candidate)
    return free, full, dropped


def _ordered(candidates: list[Candidate], steps: Sequence[Any], request: CallAttempt) -> list[Candidate]:
    """Sort by the first step; what it leaves equal by the next one, and so on."""
    if len(candidates) < 2 or not steps:
        return candidates
    step, rest = steps[0], steps[1:]
    keys = getattr(step, "keys", None)
    values = [step.key(one, request) for one in candidates] if keys is None else keys(candidates, request)
    first = values[0]
    if all(value == first for value in values):
        return _ordered(candidates, rest, request)
    order = sorted(range(len(values)), key=values.__getitem__)
    out: list[Candidate] = []
    group = [candidates[order[0]]]
    for before, place in itertools.pairwise(order):
        if values[place] != values[before]:
            out += _ordered(group, rest, request)
            group = []
        group.append(candidates[place])
    return out + _ordered(group, rest, request)


def _kept(candidate: Candidate) -> Look:
    why = f"prefix {candidate.prefix} matches" if candidate.prefix else "takes every number"
    return Look(
        candidate.gateway,
        candidate.prefix,
        kept=True,
        why=why,
        priority=candidate.priority,
        weight=candidate.weight,
        price=candidate.price,
    )


def _full(candidate: Candidate) -> Look:
    return _kept(candidate)._replace(kept=False, why=f"{LINES_FULL}: {candidate.lines} of {candidate.line_limit}")


def _others(gateways: GatewayIndex, callee: str) -> list[Look]:
    """The gateways that do not take the number at all, by name."""
    matching = gateways.matches(callee)
    return [
        Look(name, None, kept=False, why=NO_MATCH, priority=gateway.priority, weight=gateway.weight)
        for name, gateway in sorted(gateways.gateways.items())
        if name not in matching
    ]
