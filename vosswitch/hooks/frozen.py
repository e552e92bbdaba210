"""Hot callers of plugins: built once from the plugin relay, then called for every call.

pluggy costs about ten times as much per call and gives up at the first exception; here a failing plugin is isolated,
counted and reported, and the others still run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.call import Reject
from vosswitch.model.causes import cause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vosswitch.model.call import CallAttempt, Candidate

    Implementation = tuple[str, Callable[[Any], Any]]
    OnFailure = Callable[[str, str, Exception], None]

REFUSED_BY_FAILURE = "degraded"
"""The end reason of a call that a failing fail-closed plugin refuses."""


class Failures:
    """Counts the failures of plugins and passes each on.

    :ivar counts: failures by (plugin, hook or object).
    :param report: called as ``report(plugin, what, exception)``; for the log and the alarm.
    """

    __slots__ = ("_report", "counts")

    def __init__(self, report: OnFailure | None = None) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self._report = report

    def __call__(self, plugin: str, what: str, error: Exception) -> None:
        """Count one failure."""
        self.counts[plugin, what] = self.counts.get((plugin, what), 0) + 1
        if self._report is not None:
            self._report(plugin, what, error)

    def of(self, plugin: str) -> int:
        """All failures of one plugin."""
        return sum(count for (name, _), count in self.counts.items() if name == plugin)


def usable(answer: object) -> Reject:
    """Check what a plugin gave to refuse a call.

    :raises TypeError: it is no `Reject`.
    :raises ValueError: its reason is no end reason of our own.
    """
    if not isinstance(answer, Reject):
        raise TypeError(f"expected a Reject or None, got {type(answer).__name__}")
    try:
        cause(answer.reason)
    except KeyError:
        raise ValueError(f"Reject: {answer.reason!r} is no end reason of the switch's own") from None
    return answer


class FrozenChain:
    """The implementations of a deciding per-call hook; the first `Reject` wins.

    :param fail: ``"open"``: a failing implementation counts as no answer; ``"closed"``: it refuses the call.
    """

    __slots__ = ("_closed", "_implementations", "_on_failure", "name")

    def __init__(self, name: str, implementations: Sequence[Implementation], fail: str, on_failure: OnFailure) -> None:
        if fail not in ("open", "closed"):
            raise ValueError(f"fail: expected open or closed, got {fail!r}")
        self.name = name
        self._implementations = tuple(implementations)
        self._closed = fail == "closed"
        self._on_failure = on_failure

    def __bool__(self) -> bool:
        return bool(self._implementations)

    def __call__(self, argument: Any) -> Reject | None:
        """Ask the implementations in turn; never raises."""
        for plugin, function in self._implementations:
            try:
                answer = function(argument)
                if answer is not None:
                    return usable(answer)
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything and must not end the call
                self._on_failure(plugin, self.name, error)
                if self._closed:
                    return Reject(REFUSED_BY_FAILURE, f"plugin {plugin} failed")
        return None


class FrozenNotice:
    """The implementations of a per-call notification; all are called."""

    __slots__ = ("_implementations", "_on_failure", "name")

    def __init__(self, name: str, implementations: Sequence[Implementation], on_failure: OnFailure) -> None:
        self.name = name
        self._implementations = tuple(implementations)
        self._on_failure = on_failure

    def __bool__(self) -> bool:
        return bool(self._implementations)

    def __call__(self, argument: Any) -> None:
        """Tell every implementation; never raises."""
        for plugin, function in self._implementations:
            try:
                function(argument)
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything and must not end the call
                self._on_failure(plugin, self.name, error)


class GuardedBlacklist:
    """An `IBlacklist` that never raises: a failure lets the call pass."""

    __slots__ = ("_on_failure", "_plugin", "_screen", "name")

    def __init__(self, blacklist: Any, plugin: str, on_failure: OnFailure) -> None:
        self.name: str = blacklist.name
        self._screen = blacklist.screen
        self._plugin = plugin
        self._on_failure = on_failure

    def screen(self, attempt: CallAttempt) -> Reject | None:
        """A refusal, or None to let the call pass."""
        try:
            answer = self._screen(attempt)
            return None if answer is None else usable(answer)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything and must not end the call
            self._on_failure(self._plugin, f"blacklist {self.name}", error)
            return None


class GuardedStanding:
    """An `IStandingBlacklist` that never raises: a failure lets the call pass or refuses it, by its `fails`."""

    __slots__ = ("_closed", "_examine", "_on_failure", "_plugin", "name")

    def __init__(self, blacklist: Any, plugin: str, on_failure: OnFailure) -> None:
        self.name: str = blacklist.name
        self._examine = blacklist.examine
        self._closed = blacklist.fails == "closed"
        self._plugin = plugin
        self._on_failure = on_failure

    def examine(self, attempt: CallAttempt, settings: Any) -> Reject | None:
        """A refusal, or None to let the call pass."""
        try:
            answer = self._examine(attempt, settings)
            return None if answer is None else usable(answer)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything and must not end the call
            self._on_failure(self._plugin, f"blacklist {self.name}", error)
            return Reject(REFUSED_BY_FAILURE, f"blacklist {self.name} failed") if self._closed else None


class GuardedTransform:
    """An `INumberTransform` that never raises: a failure leaves the numbers alone."""

    __slots__ = ("_on_failure", "_plugin", "_transform", "name")

    def __init__(self, transform: Any, plugin: str, on_failure: OnFailure) -> None:
        self.name: str = transform.name
        self._transform = transform.transform
        self._plugin = plugin
        self._on_failure = on_failure

    def transform(self, caller: str, callee: str, attempt: CallAttempt) -> tuple[str, str]:
        """The pair (caller, callee) to go on with."""
        try:
            answer = self._transform(caller, callee, attempt)
            if type(answer) is tuple:  # a text of two characters would unpack as well
                new_caller, new_callee = answer
                if type(new_caller) is str and type(new_callee) is str:
                    return new_caller, new_callee
            raise TypeError("expected a pair of texts (caller, callee)")
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything and must not end the call
            self._on_failure(self._plugin, f"number transform {self.name}", error)
            return caller, callee


class GuardedMode:
    """An `IBillingMode` that never raises: where it fails, *instead* says what the call costs.

    :param instead: the built-in mode that charges by the rate's own increments.
    """

    __slots__ = ("_instead", "_mode", "_on_failure", "_plugin", "name")

    def __init__(self, mode: Any, plugin: str, instead: Any, on_failure: OnFailure) -> None:
        self.name: str = mode.name
        self._mode = mode
        self._plugin = plugin
        self._instead = instead
        self._on_failure = on_failure

    def billed_seconds(self, ms: int, terms: Any) -> int:
        """See `IBillingMode`."""
        found: int = self._ask("billed_seconds", ms, terms)
        return found

    def fee(self, ms: int, terms: Any) -> Any:
        """See `IBillingMode`."""
        return self._ask("fee", ms, terms)

    def funded_until(self, money: int, terms: Any) -> int | None:
        """See `IBillingMode`."""
        found: int | None = self._ask("funded_until", money, terms)
        return found

    def _ask(self, what: str, *arguments: Any) -> Any:
        try:
            return getattr(self._mode, what)(*arguments)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything and must not cost a call's record
            self._on_failure(self._plugin, f"billing mode {self.name}", error)
            return getattr(self._instead, what)(*arguments)


class GuardedStrategy:
    """An `IRoutingStrategy` whose failure leaves the order to the next strategy.

    Use `keys` for a whole list: keys of a strategy that fails for one candidate cannot be compared with the rest.

    :ivar strategy: what is guarded.
    """

    __slots__ = ("_key", "_keys", "_on_failure", "_plugin", "name", "strategy")

    def __init__(self, strategy: Any, plugin: str, on_failure: OnFailure) -> None:
        self.name: str = strategy.name
        self.strategy = strategy
        self._key = strategy.key
        self._keys = getattr(strategy, "keys", None)
        self._plugin = plugin
        self._on_failure = on_failure

    def key(self, candidate: Candidate, request: CallAttempt) -> Any:
        """The strategy's own answer; raises what it raises."""
        return self._key(candidate, request)

    def keys(self, candidates: Iterable[Candidate], request: CallAttempt) -> list[Any]:
        """One key per candidate, comparable with each other; all 0 when the strategy fails for any of them."""
        candidates = list(candidates)
        key = self._key
        try:
            if self._keys is None:
                found = [key(candidate, request) for candidate in candidates]
            else:
                found = list(self._keys(candidates, request))
                if len(found) != len(candidates):
                    raise TypeError(f"expected {len(candidates)} keys, got {len(found)}")
            sorted(found)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything and must not end the call
            self._on_failure(self._plugin, f"routing strategy {self.name}", error)
            return [0] * len(candidates)
        return found
