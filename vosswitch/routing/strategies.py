"""The built-in criteria for the order of routing gateways.

A strategy gives one key per candidate, the smallest goes first.  One whose keys depend on the rivals has ``keys`` for
a whole list of equals; its ``key`` is the answer for a candidate alone.
"""

from __future__ import annotations

from decimal import Decimal
from hashlib import blake2b
from math import log
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from vosswitch.hooks.interfaces import IRoutingStrategy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vosswitch.model.call import CallAttempt, Candidate

DEFAULT_ORDER = (
    "prefix",
    "prefix_priority",
    "priority",
    "weight",
    "lowest_rate",
    "line_usage",
    "calls_today",
    "gateway_id",
)
"""What decides after the strategies that a mapping gateway names, while the parameters say nothing else."""

NEED_PRICE = frozenset({"lowest_rate"})
"""Built-in strategies that look at the price; those of plugins may."""


@implementer(IRoutingStrategy)
class Criterion:
    """A strategy that is one function of the candidate.

    :ivar of: the function.
    """

    __slots__ = ("name", "of")

    def __init__(self, name: str, of: Callable[[Candidate], Any]) -> None:
        self.name = name
        self.of = of

    def key(self, candidate: Candidate, request: CallAttempt) -> Any:
        """The function's value."""
        return self.of(candidate)


@implementer(IRoutingStrategy)
class Quality:
    """The highest value of a quality figure first; who has none stands where the mean of its rivals would."""

    __slots__ = ("_of", "name")

    def __init__(self, name: str, of: Callable[[Candidate], float | None]) -> None:
        self.name = name
        self._of = of

    def key(self, candidate: Candidate, request: CallAttempt) -> float:
        """The negated figure, 0 when there is none."""
        return -(self._of(candidate) or 0.0)

    def keys(self, candidates: Sequence[Candidate], request: CallAttempt) -> list[float]:
        """One per candidate."""
        figures = [self._of(candidate) for candidate in candidates]
        known = [figure for figure in figures if figure is not None]
        mean = sum(known) / len(known) if known else 0.0
        return [-(mean if figure is None else figure) for figure in figures]


@implementer(IRoutingStrategy)
class LowestRate:
    """The lowest price first, an unknown one last; near-equal prices are one level.

    A level begins with its cheapest price and takes what is not dearer by more than the margin, so it does not depend
    on the order in which gateways stand; the next level begins with the cheapest of the rest.

    :param margin: percent, may have a fraction; 0 = only equal prices are equal.
    """

    __slots__ = ("_factor",)
    name = "lowest_rate"

    def __init__(self, margin: Decimal = Decimal(0)) -> None:
        self._factor = int((100 + margin) * 1000)

    def key(self, candidate: Candidate, request: CallAttempt) -> tuple[bool, int]:
        """The price itself."""
        return candidate.price is None, candidate.price or 0

    def keys(self, candidates: Sequence[Candidate], request: CallAttempt) -> list[int]:
        """The level of each."""
        levels: dict[int | None, int] = {}
        level, most = -1, -1
        for price in sorted({one.price for one in candidates if one.price is not None}):
            if price > most:
                level, most = level + 1, max(price, price * self._factor // 100_000)
            levels[price] = level
        levels[None] = level + 1
        return [levels[one.price] for one in candidates]


@implementer(IRoutingStrategy)
class Weight:
    """Shares the calls among equals in proportion to their weights, failover included.

    Each candidate draws a number from the call id; the draws of many calls put it first as often as its weight says.
    Equal weights decide nothing.  Without a call id (an explanation) the heaviest goes first.
    """

    __slots__ = ("name",)

    def __init__(self, name: str = "weight") -> None:
        self.name = name

    def key(self, candidate: Candidate, request: CallAttempt) -> float:
        """An exponentially distributed draw with the weight as its rate; weight 0 comes last."""
        if candidate.weight <= 0:
            return float("inf")
        if not request.call_id:
            return 1 / candidate.weight
        return -log(_draw(request.call_id, candidate.gateway)) / candidate.weight

    def keys(self, candidates: Sequence[Candidate], request: CallAttempt) -> list[float]:
        """One per candidate."""
        first = candidates[0].weight
        for candidate in candidates:
            if candidate.weight != first:
                return [self.key(one, request) for one in candidates]
        return [0.0] * len(candidates)


@implementer(IRoutingStrategy)
class RoundRobin:
    """A ring of equals in the order of their names; every call enters it at a place of its own, all equally often."""

    __slots__ = ()
    name = "round_robin"

    def key(self, candidate: Candidate, request: CallAttempt) -> float:
        """A candidate alone: its draw."""
        return _draw(request.call_id, candidate.gateway)

    def keys(self, candidates: Sequence[Candidate], request: CallAttempt) -> list[int]:
        """Places counted from where the call enters."""
        names = sorted(candidate.gateway for candidate in candidates)
        size = len(names)
        enters = int(_draw(request.call_id, "") * size) if request.call_id else 0
        return [(names.index(candidate.gateway) - enters) % size for candidate in candidates]


def _draw(call_id: str, name: str) -> float:
    """A number in (0, 1), the same for the same call and name, evenly spread over calls and names."""
    digest = blake2b(f"{call_id}/{name}".encode(), digest_size=6).digest()
    return (int.from_bytes(digest, "big") + 1) / ((1 << 48) + 2)


def _prefix(candidate: Candidate) -> int:
    return -len(candidate.prefix)


def _priority(candidate: Candidate) -> int:
    return candidate.priority


def _prefix_priority(candidate: Candidate) -> int:
    return candidate.prefix_priority


def _nothing(_candidate: Candidate) -> int:
    return 0


def _lowest_rate(candidate: Candidate) -> tuple[bool, int]:
    return candidate.price is None, candidate.price or 0


def _asr(candidate: Candidate) -> float | None:
    return candidate.asr


def _acd(candidate: Candidate) -> float | None:
    return candidate.acd


def _line_usage(candidate: Candidate) -> tuple[float, int]:
    """The share of its lines in use; without a limit the share is 0, and the lines themselves decide."""
    limit = candidate.line_limit
    return (candidate.lines / limit if limit else 0.0), candidate.lines


def _calls_today(candidate: Candidate) -> int:
    return candidate.calls_today


def _gateway_id(candidate: Candidate) -> str:
    return candidate.gateway


BUILT_IN = (
    Criterion("none", _nothing),
    Criterion("priority_only", _nothing),
    Criterion("prefix", _prefix),
    Criterion("prefix_priority", _prefix_priority),
    Criterion("priority", _priority),
    Criterion("lowest_rate", _lowest_rate),
    Quality("asr", _asr),
    Quality("acd", _acd),
    Weight(),
    Weight("percentage"),
    RoundRobin(),
    Criterion("line_usage", _line_usage),
    Criterion("calls_today", _calls_today),
    Criterion("gateway_id", _gateway_id),
)
"""What the switch itself registers. ``none`` decides nothing; after ``priority_only`` nothing decides beyond the
priority but the gateway's name (`vosswitch.routing.order`).
"""
