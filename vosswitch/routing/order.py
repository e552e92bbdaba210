"""The order of gateways: which criteria decide for a call, one after the other, made ready to sort by.

First the strategies that the mapping gateway names, then its own order or the default one.  The default order is
`DEFAULT_ORDER` with ASR and price where the parameters say (SS_GATEWAY_ASR_CALCULATE, SS_GATEWAY_ASR_ROUTE_SORT_CONFIG,
SS_GATEWAY_FEE_RATE_ROUTE_SORT_CONFIG, SS_GATEWAY_FEE_RATE_ROUTE_BEFORE_ASR); VS_RATE_MARGIN makes near-equal prices
equal.  Criteria that are functions of the candidate alone are sorted by together, as one key.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from vosswitch.routing.strategies import BUILT_IN, DEFAULT_ORDER, NEED_PRICE, Criterion, LowestRate, Weight

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vosswitch.model.call import CallAttempt, Candidate

_OWN: Mapping[str, Any] = {strategy.name: strategy for strategy in BUILT_IN}
_DEAREST = 1 << 80
"""Above every price: who has none comes last."""
_LATE = "Before gateway ID"
_ONLY = "priority_only"
_MOST = 4096
"""Orders that are kept ready."""


def default_order(parameters: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The names of the default order under the parameters in force; None = none are known."""
    if parameters is None:
        return DEFAULT_ORDER
    late_rate = parameters["SS_GATEWAY_FEE_RATE_ROUTE_SORT_CONFIG"] == _LATE
    late_asr = parameters["SS_GATEWAY_ASR_ROUTE_SORT_CONFIG"] == _LATE
    both = [("asr", late_asr)] if parameters["SS_GATEWAY_ASR_CALCULATE"] else []
    both.insert(0 if parameters["SS_GATEWAY_FEE_RATE_ROUTE_BEFORE_ASR"] else len(both), ("lowest_rate", late_rate))
    early = [name for name, late in both if not late]
    late = [name for name, late in both if late]
    usual = [name for name in DEFAULT_ORDER if name != "lowest_rate"]
    at = usual.index("line_usage")
    return (*usual[:at], *early, *usual[at:-1], *late, usual[-1])


class Order:
    """The criteria of one kind of call.

    :ivar names: by which the order is made, first to last; *missing* are those that are not loaded.
    :ivar priced: whether anything may look at the price.
    :param steps: the strategies, in order.
    """

    __slots__ = ("_runs", "_steps", "_whole", "missing", "names", "priced")

    def __init__(self, steps: Mapping[str, Any], missing: tuple[str, ...]) -> None:
        self.names = tuple(steps)
        self.missing = missing
        self.priced = any(name in NEED_PRICE or name not in _OWN for name in steps)
        self._steps = steps
        self._runs = _runs(list(steps.values()))
        self._whole = _whole(self.names, steps)

    def sorted(self, candidates: list[Candidate], request: CallAttempt) -> list[Candidate]:
        """The candidates in order."""
        if len(candidates) < 2:
            return candidates
        if self._whole is not None:
            first = candidates[0].weight
            for one in candidates:
                if one.weight != first:
                    break
            else:
                return sorted(candidates, key=self._whole)
        return _sorted(candidates, self._runs, request)

    def values(self, candidate: Candidate, request: CallAttempt) -> dict[str, Any]:
        """By criterion what it looked at, JSON-able; None = it has no figure of its own (chance, place in a ring)."""
        return {name: _value(name, step, candidate, request) for name, step in self._steps.items()}


class Orders:
    """Every order that is in use, each made once.

    :param strategies: everything that is loaded, by name: `IRoutingStrategy`, mostly in its guard.
    """

    __slots__ = ("_made", "_parameters", "_strategies", "_usual")

    def __init__(self, strategies: Mapping[str, Any]) -> None:
        self._strategies = strategies
        self._parameters: Any = None
        self._usual: tuple[str, ...] = DEFAULT_ORDER
        self._made: dict[tuple[tuple[str, ...], tuple[str, ...]], Order] = {}

    def of(self, chosen: tuple[str, ...], own: tuple[str, ...], parameters: Mapping[str, Any] | None) -> Order:
        """The order of a call.

        :param chosen: the strategies of the caller's mapping gateway; *own*: its own order, none = the default one.
        """
        if parameters is not self._parameters or len(self._made) > _MOST:
            self._parameters = parameters
            self._usual = default_order(parameters)
            self._made = {}
        found = self._made.get((chosen, own))
        if found is None:
            found = self._made[chosen, own] = self._make(_names(chosen, own or self._usual))
        return found

    def _make(self, names: Sequence[str]) -> Order:
        steps = {name: self._step(name) for name in names}
        usable = {name: step for name, step in steps.items() if step is not None}
        return Order(usable, tuple([name for name in steps if name not in usable]))

    def _step(self, name: str) -> Any:
        """A strategy by name; ours go without their guard."""
        own, loaded = _OWN.get(name), self._strategies.get(name)
        if loaded is not None and getattr(loaded, "strategy", loaded) is not own:
            return loaded
        margin = self._parameters["VS_RATE_MARGIN"] if name == "lowest_rate" and self._parameters is not None else "0"
        return LowestRate(Decimal(margin)) if Decimal(margin) else own


def _names(chosen: tuple[str, ...], rest: tuple[str, ...]) -> list[str]:
    """Each name once; after ``priority_only`` the rest ends with the priority, and the name is always the last."""
    if _ONLY in (*chosen, *rest) and "priority" in rest:
        rest = rest[: rest.index("priority") + 1]
    return list(dict.fromkeys((*chosen, *rest, "gateway_id")))


def _usual(one: Candidate) -> tuple[Any, ...]:
    """The key of the default order among equal weights."""
    gateway, prefix, priority, _, price, _, _, lines, limit, today, own = one
    share = lines / limit if limit else 0.0
    return (-len(prefix), own, priority, _DEAREST if price is None else price, share, lines, today, gateway)


def _whole(names: tuple[str, ...], steps: Mapping[str, Any]) -> Callable[[Candidate], Any] | None:
    """One key for everything, where weights are the only criterion that looks at rivals; None = there are others."""
    plain = [step for step in steps.values() if not isinstance(step, Weight)]
    if not all(isinstance(step, Criterion) for step in plain):
        return None
    if names == DEFAULT_ORDER:
        return _usual
    functions = tuple([step.of for step in plain])
    return lambda one: tuple([of(one) for of in functions])


def _runs(steps: Sequence[Any]) -> list[Any]:
    """The strategies as functions from a list of equals to a key for each; functions of the candidate go together."""
    runs: list[Any] = []
    alone: list[Callable[[Candidate], Any]] = []
    for step in steps:
        if isinstance(step, Criterion):
            alone.append(step.of)
            continue
        if alone:
            runs.append(_together(alone))
            alone = []
        runs.append(step.keys if hasattr(step, "keys") else _each(step))
    return [*runs, _together(alone)] if alone else runs


def _together(functions: Sequence[Callable[[Candidate], Any]]) -> Any:
    functions = tuple(functions)
    return lambda candidates, _request: [tuple([of(one) for of in functions]) for one in candidates]


def _each(step: Any) -> Any:
    return lambda candidates, request: [step.key(one, request) for one in candidates]


def _sorted(candidates: list[Candidate], runs: list[Any], request: CallAttempt) -> list[Candidate]:
    """Sort by the first run; what it leaves equal by the next one, and so on."""
    if len(candidates) < 2 or not runs:
        return candidates
    keys = runs[0](candidates, request)
    rest = runs[1:]
    first = keys[0]
    if keys.count(first) == len(keys):
        return _sorted(candidates, rest, request)
    order = sorted(range(len(keys)), key=keys.__getitem__)
    out: list[Candidate] = []
    group: list[Candidate] = []
    last = keys[order[0]]
    for place in order:
        key = keys[place]
        if key != last:
            out += _sorted(group, rest, request) if len(group) > 1 else group
            group, last = [], key
        group.append(candidates[place])
    return out + (_sorted(group, rest, request) if len(group) > 1 else group)


_SHOWN: Mapping[str, Callable[[Candidate], Any]] = {
    "prefix": lambda one: one.prefix,
    "lowest_rate": lambda one: one.price,
    "asr": lambda one: one.asr,
    "acd": lambda one: one.acd,
    "weight": lambda one: one.weight,
    "percentage": lambda one: one.weight,
    "line_usage": lambda one: f"{one.lines}/{one.line_limit}" if one.line_limit else str(one.lines),
    "round_robin": lambda _one: None,
    "none": lambda _one: None,
    "priority_only": lambda _one: None,
}


def _value(name: str, step: Any, candidate: Candidate, request: CallAttempt) -> Any:
    shown = _SHOWN.get(name)
    if shown is not None:
        return shown(candidate)
    if isinstance(step, Criterion):
        return step.of(candidate)
    try:
        return str(step.key(candidate, request))
    except Exception:  # noqa: BLE001 - a plugin may raise anything; there is nothing to show then
        return None
