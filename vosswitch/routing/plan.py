"""The routing plan of one call: which gateways are tried, in which order, and why."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any, Protocol

from vosswitch.model.call import Candidate
from vosswitch.routing.decision import LOCKED, NO_MATCH, Look, rows
from vosswitch.routing.eligibility import Enquiry, hindrance
from vosswitch.routing.looks import look_of
from vosswitch.routing.strategies import BUILT_IN, DEFAULT_ORDER, NEED_PRICE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vosswitch.model.call import CallAttempt
    from vosswitch.routing.availability import Aside
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

    def aside(self, gateway: RoutingGateway, /) -> Aside | None:
        """Why it is put aside at the moment; None = it is not."""

    def away(self, gateway: RoutingGateway, /) -> str:
        """Why it cannot be tried now, in the words of the operator; "" when it can."""

    def price(self, gateway: RoutingGateway, callee: str, /) -> int | None:
        """What the vendor asks, units of 10^-7 per minute; None when there is no rate."""


class Plan:
    """The outcome.

    :ivar candidates: what to try, in order. Gateways whose lines are full stand last: one may be free by their turn.
    :ivar strategies: names by which the order was made; *missing* are those that are not loaded.
    :ivar sell: the selling price, units of 10^-7 per minute, for margins; None = not known.
    :ivar free: how many of the candidates have a line free.
    :ivar dropped: the gateways that were looked at and are no candidates.
    :ivar last: candidates that are put aside, with the reason: they are tried because nothing else is there.
    """

    __slots__ = ("candidates", "dropped", "free", "last", "missing", "sell", "strategies")

    def __init__(
        self,
        candidates: tuple[Candidate, ...],
        free: int,
        dropped: tuple[Look, ...],
        strategies: tuple[str, ...],
        missing: tuple[str, ...],
        sell: int | None,
        last: Mapping[str, str] | None = None,
    ) -> None:
        self.last = last or {}
        self.candidates = candidates
        self.free = free
        self.dropped = dropped
        self.strategies = strategies
        self.missing = missing
        self.sell = sell

    @property
    def looks(self) -> tuple[Look, ...]:
        """Every gateway that was looked at: the candidates in order, then the dropped ones."""
        free, last = self.free, self.last
        kept = [look_of(one, last=last.get(one.gateway)) for one in self.candidates[:free]]
        return (*kept, *[look_of(one, full=True) for one in self.candidates[free:]], *self.dropped)

    @property
    def refusal(self) -> str | None:
        """The end reason when no gateway can be tried now: ``no_route`` or ``all_gateways_busy``; else None."""
        if not self.candidates:
            return "no_route"
        return None if self.free else "all_gateways_busy"

    @property
    def looked_at(self) -> list[dict[str, Any]]:
        """The looks as dicts (see `vosswitch.routing.decision.rows`)."""
        return rows(self.looks, self.sell)


def plan(
    attempt: CallAttempt,
    gateways: GatewayIndex,
    view: RouteView,
    strategies: Mapping[str, Any],
    chosen: Sequence[str] = (),
    *,
    mapping_gateway: Any = None,
    snapshot: Any = None,
    sell: int | None = None,
    explain: bool = False,
) -> Plan:
    """Find and order the gateways for one call; takes and changes nothing.

    :param strategies: everything that is loaded, by name: `IRoutingStrategy`, mostly in its guard.
    :param chosen: the strategies of the caller's mapping gateway; `DEFAULT_ORDER` decides what they leave open.
    :param mapping_gateway: the caller's, None = a phone calls; *snapshot*: the configuration; for the checks.
    :param sell: what the caller pays, units of 10^-7 per minute.
    :param explain: list the gateways that do not match too, with every price; the call is not placed.
    """
    names = (*chosen, *DEFAULT_ORDER) if chosen else DEFAULT_ORDER
    steps = {name: strategies[name] if name in strategies else _OWN.get(name) for name in names}
    usable = {name: step for name, step in steps.items() if step is not None}
    missing = tuple([name for name in steps if name not in usable])
    priced = explain or any(name in NEED_PRICE or name not in _OWN for name in chosen)
    found = _sorted_out(Enquiry(attempt, view, mapping_gateway, snapshot), gateways, priced=priced)
    request = dataclasses.replace(attempt, call_id="") if explain else attempt
    order = list(usable.values())
    candidates = (*_ordered(found.free, order, request), *_ordered(found.full, order, request))
    if explain:
        found.dropped += _others(gateways, callee=attempt.callee)
    return Plan(candidates, len(found.free), tuple(found.dropped), tuple(usable), missing, sell, found.last)


_OWN: Mapping[str, Any] = {strategy.name: strategy for strategy in BUILT_IN}


class _Sorted:
    """Matching gateways: with a line *free*, *full*, put *aside*, and *dropped* altogether.

    :ivar last: why those are aside that are tried all the same, since nothing else is free.
    """

    __slots__ = ("aside", "dropped", "free", "full", "last")

    def __init__(self) -> None:
        self.free: list[Candidate] = []
        self.full: list[Candidate] = []
        self.aside: list[tuple[Candidate, str]] = []
        self.dropped: list[Look] = []
        self.last: dict[str, str] = {}

    def settle(self) -> None:
        """The last way is never put aside: without a free gateway those that are aside are tried."""
        for candidate, why in self.aside:
            has_line = candidate.line_limit is None or candidate.lines < candidate.line_limit
            if self.last or (has_line and not self.free):
                self.last[candidate.gateway] = why
        if not self.last:
            self.dropped += [look_of(candidate)._replace(kept=False, why=why) for candidate, why in self.aside]
            return
        for candidate, _ in self.aside:
            has_line = candidate.line_limit is None or candidate.lines < candidate.line_limit
            (self.free if has_line else self.full).append(candidate)


def _sorted_out(enquiry: Enquiry, gateways: GatewayIndex, *, priced: bool) -> _Sorted:
    found = _Sorted()
    view, callee = enquiry.view, enquiry.attempt.callee
    for name, (gateway, prefix) in gateways.matches(callee).items():
        checks = gateways.checks[name]
        why = LOCKED if gateway.locked else hindrance(gateway, prefix, checks, enquiry) if checks else ""
        aside = None if why else view.aside(gateway)
        if aside is not None and aside.absolute:
            why = aside.why
        if why:
            look = Look(name, prefix, kept=False, why=why, priority=gateway.priority, weight=gateway.weight)
            found.dropped.append(look)
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
        if aside is not None:
            found.aside.append((candidate, aside.why))
        else:
            (found.free if gateway.lines is None or lines < gateway.lines else found.full).append(candidate)
    if found.aside:
        found.settle()
    return found


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


def _others(gateways: GatewayIndex, callee: str) -> list[Look]:
    """The gateways that do not take the number at all, by name."""
    matching = gateways.matches(callee)
    return [
        Look(name, None, kept=False, why=NO_MATCH, priority=gateway.priority, weight=gateway.weight)
        for name, gateway in sorted(gateways.gateways.items())
        if name not in matching
    ]
