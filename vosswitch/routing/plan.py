"""The routing plan of one call: which gateways are tried, in which order, and why."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from vosswitch.accounts.periods import as_now
from vosswitch.model.call import Candidate
from vosswitch.routing.decision import LOCKED, NO_MATCH, Behind, Look, rows
from vosswitch.routing.eligibility import Check, Enquiry, checks_of_call, hindrance
from vosswitch.routing.looks import look_of, over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from vosswitch.model.call import CallAttempt
    from vosswitch.routing.availability import Aside
    from vosswitch.routing.gateways import RoutingGateway
    from vosswitch.routing.gauges import Figures
    from vosswitch.routing.index import Entry, GatewayIndex, Match
    from vosswitch.routing.order import Order, Orders


_tuple = tuple.__new__


class RouteView(Protocol):
    """What is known of gateways at the moment of the call; nothing in it waits."""

    def figures(self, gateway: RoutingGateway, prefix: str, /) -> tuple[float | None, float | None, int, int]:
        """ASR in percent and ACD in seconds, None when there is no value; calls on it now, attempts of today."""

    def quality(self, gateway: RoutingGateway, prefix: str, callee: str, /) -> tuple[Figures, str]:
        """The figures that its thresholds are compared with, and the destination that they are of, "" = all."""

    def aside(self, gateway: RoutingGateway, /) -> Aside | None:
        """Why it is put aside at the moment; None = it is not."""

    @property
    def quick(self) -> bool:
        """Whether `candidates` says what `figures` and `price` would say one by one."""

    def candidates(self, matches: Iterable[Match], at_price: bool, /) -> list[Candidate]:
        """The candidates of gateways of which nothing has to be asked; *at_price* = with the vendors' prices."""

    @property
    def shares(self) -> bool:
        """Whether a gateway may be full for more than its own lines."""

    def full(self, gateway: RoutingGateway, /) -> str:
        """What else is full for it, in the words of the operator; "" when nothing is."""

    def short(self, gateway: RoutingGateway, /) -> str:
        """Why its vendor's account has too little left, in the words of the operator; "" when it has enough."""

    def away(self, gateway: RoutingGateway, /) -> str:
        """Why it cannot be tried now, in the words of the operator; "" when it can."""

    def price(self, gateway: RoutingGateway, callee: str, /) -> int | None:
        """What the vendor asks, units of 10^-7 per minute; None when there is no rate."""


class Plan:
    """The outcome.

    :ivar candidates: what to try, in order. Those that only help when all others have failed (`RoutingGateway.protect`)
        stand behind the others, and behind all of them those whose lines are full: one may be free by their turn.
    :ivar free: how many of the candidates have a line free.
    :ivar dropped: the gateways that were looked at and are no candidates.
    :ivar last: candidates that are put aside, with the reason: they are tried because nothing else is there.
    :ivar sell: the selling price, units of 10^-7 per minute, for margins; None = not known.
    :ivar strategies: names by which the order was made; *missing* are those that are not loaded.
    :ivar behind: candidates that stand behind the others, with the reason.
    :ivar taken: what is full for candidates with lines of their own free.
    :ivar passed: candidates that could not be used when their turn came, with the reason; None = none.
    :param values: gives of a candidate what each criterion of the order sees.
    """

    __slots__ = (
        "_values", "behind", "candidates", "dropped", "free", "last",
        "missing", "passed", "sell", "strategies", "taken",
    )  # fmt: skip

    def __init__(
        self,
        candidates: Sequence[Candidate],
        free: int,
        dropped: Sequence[Look],
        strategies: tuple[str, ...],
        missing: tuple[str, ...],
        sell: int | None,
        last: Mapping[str, str] | None = None,
        values: Callable[[Candidate], dict[str, Any]] | None = None,
        behind: Mapping[str, str] | None = None,
        taken: Mapping[str, str] | None = None,
    ) -> None:
        self.last = last or {}
        self.taken = taken or {}
        self.behind = behind or {}
        self.candidates = candidates
        self.free = free
        self.dropped = dropped
        self.strategies = strategies
        self.missing = missing
        self.sell = sell
        self._values = values
        self.passed: dict[str, str] | None = None

    def pass_over(self, gateway: str, why: str) -> None:
        """A candidate cannot be used with the numbers that it would be sent."""
        if self.passed is None:
            self.passed = {}
        self.passed[gateway] = why

    @property
    def looks(self) -> tuple[Look, ...]:
        """Every gateway that was looked at: the candidates in order, then the dropped ones."""
        free, last, behind = self.free, self.last, self.behind
        kept = [
            look_of(one, last=last.get(one.gateway), behind=behind.get(one.gateway)) for one in self.candidates[:free]
        ]
        full = [look_of(one, full=True, taken=self.taken.get(one.gateway)) for one in self.candidates[free:]]
        return (*over((*kept, *full), self.passed or {}), *self.dropped)

    @property
    def values(self) -> list[dict[str, Any]]:
        """For each of `looks` what each criterion of the order saw, by its name; nothing for the dropped ones."""
        values = self._values
        found = [values(one) if values is not None else {} for one in self.candidates]
        return found + [{} for _ in self.dropped]

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
    orders: Orders,
    chosen: tuple[str, ...] = (),
    *,
    own: tuple[str, ...] = (),
    mapping_gateway: Any = None,
    snapshot: Any = None,
    sell: int | None = None,
    explain: bool = False,
    blacklists: Mapping[str, Any] | None = None,
    billed: str = "",
) -> Plan:
    """Find and order the gateways for one call; takes and changes nothing.

    :param chosen: the strategies of the caller's mapping gateway; what they leave open is decided by its *own* order,
        without one by the default order (`vosswitch.routing.order`).
    :param mapping_gateway: the caller's, None = a phone calls; *snapshot*: the configuration; for the checks.
    :param sell: what the caller pays, units of 10^-7 per minute.
    :param explain: list the gateways that do not match too, with every price; the call is not placed.
    :param blacklists: those of plugins, by name; None = lists of gateways are not asked.
    :param billed: the called number as billed, where the attempt has another one; its area's time is meant.
    """
    request = attempt._replace(call_id="") if explain else attempt
    order = orders.of(chosen, own, snapshot.parameters if snapshot is not None else None)
    of_call = checks_of_call(mapping_gateway, snapshot)
    matches = gateways.matches(attempt.callee, attempt.wall_ms, snapshot, billed).values()
    if view.quick and not of_call and not explain and _plain(matches):
        return _quickly(view.candidates(matches, order.priced), order, request, sell)
    enquiry = Enquiry(request, view, mapping_gateway, snapshot, blacklists, billed)
    found = _sorted_out(enquiry, matches, of_call, priced=explain or order.priced)
    if explain:
        found.dropped += _others(gateways, enquiry)
    candidates, free = found.in_order(order, request)
    values = partial(order.values, request=request) if explain else None
    reasons = found.last, values, found.behind, found.taken
    return Plan(candidates, free, found.dropped, order.names, order.missing, sell, *reasons)


class _Sorted:
    """Matching gateways: with a line *free*, kept back with one (*spare*), *full*, put *aside*, *dropped* altogether.

    :ivar protect: names of those that are kept back until all others have failed or are full.
    :ivar last: why those are aside that are tried all the same, since nothing else is free.
    :ivar behind: why those stand behind the others that do.
    :ivar ends: prefix and name of the gateway behind which no shorter prefix is tried; None = there is none.
    :ivar taken: what is full for those with lines of their own free.
    :ivar of_call: the checks of every gateway.
    """

    __slots__ = ("aside", "behind", "dropped", "ends", "free", "full", "last", "of_call", "protect", "spare", "taken")

    def __init__(self) -> None:
        self.free: list[Candidate] = []
        self.spare: list[Candidate] = []
        self.full: list[Candidate] = []
        self.aside: list[tuple[Candidate, str]] = []
        self.protect: set[str] = set()
        self.dropped: list[Look] = []
        self.last: dict[str, str] = {}
        self.behind: dict[str, str] = {}
        self.ends: tuple[str, str] | None = None
        self.taken: dict[str, str] = {}
        self.of_call: tuple[Check, ...] = ()

    def put(self, candidate: Candidate) -> None:
        """Sort one in."""
        limit = candidate.line_limit
        if (limit is not None and candidate.lines >= limit) or (self.taken and candidate.gateway in self.taken):
            self.full.append(candidate)
        elif self.protect and candidate.gateway in self.protect:
            self.spare.append(candidate)
        else:
            self.free.append(candidate)

    def examined(self, entry: Entry, prefix: str, enquiry: Enquiry) -> str:
        """Why a gateway may not be tried; "" = it may."""
        gateway, checks = entry.gateway, entry.checks
        if self.of_call:
            checks = self.of_call + checks
        if gateway.locked:
            return LOCKED
        why = hindrance(gateway, prefix, checks, enquiry) if checks else ""
        if why and type(why) is Behind:
            self.behind[entry.name] = why
            why = ""
        if why or self.ends is None or len(prefix) == len(self.ends[0]):
            return why
        return f"prefix {self.ends[0]} of {self.ends[1]} is terminal"

    def heeded(self, gateway: RoutingGateway, prefix: str, enquiry: Enquiry) -> RoutingGateway:
        """Take note of what a gateway that may be tried means for the others; gives it as it is now."""
        if gateway.terminal and self.ends is None:
            self.ends = prefix, gateway.name
        if gateway.protect:
            self.protect.add(gateway.name)
        if not gateway.periods:
            return gateway
        attempt = enquiry.attempt
        now: RoutingGateway = as_now(gateway, enquiry.snapshot, attempt.wall_ms, enquiry.billed or attempt.callee)
        return now

    def in_order(self, order: Order, request: CallAttempt) -> tuple[list[Candidate], int]:
        """The candidates in order, and how many of them have a line free."""
        made = order.sorted
        found = self._parted(made(self.free, request))
        if self.spare:
            found = found + self._parted(made(self.spare, request))
        free = len(found)
        if self.full:
            found = found + made([one for one in self.full if one.gateway not in self.protect], request)
            found += made([one for one in self.full if one.gateway in self.protect], request)
        return found, free

    def _parted(self, ordered: list[Candidate]) -> list[Candidate]:
        """Those that stand behind the others put there."""
        return sorted(ordered, key=lambda one: one.gateway in self.behind) if self.behind else ordered

    def settle(self) -> None:
        """The last way is never put aside: without a free gateway those that are aside are tried."""
        if self.free or self.spare or not any(_has_line(candidate) for candidate, _ in self.aside):
            self.dropped += [look_of(candidate)._replace(kept=False, why=why) for candidate, why in self.aside]
            return
        for candidate, why in self.aside:
            self.last[candidate.gateway] = why
            self.put(candidate)


def _has_line(candidate: Candidate) -> bool:
    return candidate.line_limit is None or candidate.lines < candidate.line_limit


def _plain(matches: Iterable[Match]) -> bool:
    """Whether of no gateway anything has to be asked."""
    for match in matches:  # noqa: SIM110 - a generator costs as much as all of it
        if not match[0][3]:
            return False
    return True


def _quickly(candidates: list[Candidate], order: Order, request: CallAttempt, sell: int | None) -> Plan:
    """The plan of plain gateways: all that matters is which of them have a line free."""
    free: list[Candidate] = []
    full: list[Candidate] = []
    for candidate in candidates:
        limit = candidate[8]
        (free if limit is None or candidate[7] < limit else full).append(candidate)
    found = order.sorted(free, request)
    return Plan(found + order.sorted(full, request) if full else found, len(free), (), order.names, order.missing, sell)


def _sorted_out(enquiry: Enquiry, matches: Iterable[Match], of_call: tuple[Check, ...], *, priced: bool) -> _Sorted:
    found = _Sorted()
    found.of_call = of_call
    for match in matches:
        _looked_at(found, match, enquiry, priced=priced)
    if found.aside:
        found.settle()
    return found


def _looked_at(found: _Sorted, match: Match, enquiry: Enquiry, *, priced: bool) -> None:
    """Sort in a gateway of which, or of whose rivals, something has to be asked."""
    (name, gateway, _, plain, *_), prefix, own = match
    view = enquiry.view
    why = "" if plain and found.ends is None and not found.of_call else found.examined(match[0], prefix, enquiry)
    aside = None if why else view.aside(gateway)
    if aside is not None and aside.absolute:
        why = aside.why
    if why:
        look = Look(name, prefix, kept=False, why=why, priority=gateway.priority, weight=gateway.weight)
        found.dropped.append(look)
        return
    price = view.price(gateway, enquiry.attempt.callee) if priced else None
    if not plain:
        gateway = found.heeded(gateway, prefix, enquiry)
    candidate = _candidate(gateway, prefix, own, price, view)
    if view.shares and (taken := view.full(gateway)):
        found.taken[name] = taken
    if aside is None:
        found.put(candidate)
    else:
        found.aside.append((candidate, aside.why))


def _candidate(
    gateway: RoutingGateway, prefix: str, prefix_priority: int, price: int | None, view: RouteView
) -> Candidate:
    asr, acd, lines, today = view.figures(gateway, prefix)
    name, priority, weight, limit = gateway.name, gateway.priority, gateway.weight, gateway.lines
    return _tuple(  # what the class does itself takes twice as long
        Candidate, (name, prefix, priority, weight, price, asr, acd, lines, limit, today, prefix_priority)
    )


def _others(gateways: GatewayIndex, enquiry: Enquiry) -> list[Look]:
    """The gateways that do not take the number at all, or not at this time, by name."""
    attempt = enquiry.attempt
    now = gateways.matches(attempt.callee, attempt.wall_ms, enquiry.snapshot, enquiry.billed)
    ever = gateways.matches(attempt.callee)
    return [
        Look(
            name,
            None,
            kept=False,
            why=f"prefix {ever[name][1]} is not in force" if name in ever else NO_MATCH,
            priority=gateway.priority,
            weight=gateway.weight,
        )
        for name, gateway in sorted(gateways.gateways.items())
        if name not in now
    ]
