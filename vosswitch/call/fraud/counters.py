"""What accounts do at the destinations of fraud rules, counted while their calls are up."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from vosswitch.call.fraud.rolling import Rolling
from vosswitch.call.fraud.rules import MEASURES, TALK, UNITS_OF
from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vosswitch.call.fraud.rules import Bound, FraudRule

_SEGMENTS = 60
_IDLE = 3600.0
_QUIET = 60.0
"""Seconds between two warnings of one measure of one counter."""

Key = tuple[str, str, str]
"""Rule, account, destination."""


class FraudEvent(NamedTuple):
    """A level was passed: what the log tells, and an alarm may.

    :ivar level: ``warn`` or ``block``.
    :ivar value: calls, ms of talk or units of money, likewise *bound*; *text* says it to people.
    """

    level: str
    rule: str
    account: str
    destination: str
    measure: str
    value: int
    bound: int
    text: str


class Counter:
    """One account at one destination of one rule; times are monotonic seconds.

    :ivar running: calls that are up or being set up.
    :ivar calls: of the last minute; *talk* in ms of the window, *money* in units of the last hour.
    """

    __slots__ = (
        "_last", "_quiet", "_run", "_run_prefix", "account", "calls", "destination", "money", "rule", "running", "talk",
    )  # fmt: skip

    def __init__(self, rule: FraudRule, account: str, destination: str) -> None:
        self.rule = rule
        self.account = account
        self.destination = destination
        self.running = 0
        self.calls = Rolling(60, _SEGMENTS)
        self.talk = Rolling(rule.window, _SEGMENTS)
        self.money = Rolling(3600, _SEGMENTS)
        self._run, self._run_prefix = 0, ""
        self._last = 0.0
        self._quiet: dict[tuple[str, str], float] = {}

    @property
    def key(self) -> Key:
        """Names it."""
        return (self.rule.name, self.account, self.destination)

    def follow(self, rule: FraudRule) -> None:
        """Go on with the rule as it is now; what was counted in a window of another length is forgotten."""
        if rule.window != self.rule.window:
            self.talk = Rolling(rule.window, _SEGMENTS)
        self.rule = rule

    # Values.

    def values(self, now: float) -> dict[str, int]:
        """What every measure is at."""
        return {name: self.value(name, now) for name in MEASURES}

    def value(self, measure: str, now: float) -> int:
        """What one measure is at."""
        match measure:
            case "calls_per_minute":
                return self.calls.total(now)
            case "concurrent":
                return self.running
            case "sequential":
                return self._run if now - self._last <= self.rule.window else 0
            case "minutes":
                return max(self.talk.total(now), 0)
        return max(self.money.total(now), 0)

    def with_call(self, measure: str, callee: str, now: float) -> int:
        """What it would be with one more call."""
        if measure in TALK:
            return self.value(measure, now)
        if measure == "sequential":
            return self.value(measure, now) + 1 if callee[: self.rule.digits] == self._run_prefix else 1
        return self.value(measure, now) + 1

    def too_much(self, callee: str, now: float) -> tuple[str, int, int] | None:
        """What a call more would pass: the measure, its value with this call, the block level."""
        for measure, bound in self.rule.bounds:
            if bound.block is not None:
                value = self.with_call(measure, callee, now)
                if value >= bound.block + (measure not in TALK):
                    return measure, value, bound.block
        return None

    def words(self, measure: str, value: int, bound: int | None, callee: str = "") -> str:
        """A value beside its level, in the words of the operator."""
        prefix = (callee[: self.rule.digits] or self._run_prefix) + "*"
        unit = UNITS_OF[measure].format(prefix=prefix, window=self.rule.window)
        of = "" if bound is None else f" of {self.text(measure, bound)}"
        return f"{self.text(measure, value)}{of} {unit}"

    @staticmethod
    def text(measure: str, value: int | None) -> str | None:
        """A value as people write it."""
        if value is None:
            return None
        if measure == "money_per_hour":
            return money_text(value)
        return f"{value / 60_000:.1f}".removesuffix(".0") if measure == "minutes" else str(value)

    @property
    def whose(self) -> str:
        """Account and destination, for people."""
        return f"account {self.account}" + (f" to {self.destination}" if self.destination else "")

    # What happens.

    def offered(self, callee: str, now: float) -> None:
        """A call came in."""
        self.calls.add(now)
        prefix = callee[: self.rule.digits]
        alike = prefix == self._run_prefix and now - self._last <= self.rule.window
        self._run = self._run + 1 if alike else 1
        self._run_prefix, self._last = prefix, now

    def spoken(self, now: float, ms: int, units: int) -> None:
        """Its calls have talked so much longer, and cost so much more."""
        self.talk.add(now, ms)
        self.money.add(now, units)

    def passed(self, now: float, *, talk: bool) -> Iterator[FraudEvent]:
        """The levels that are passed now; a warning is told once a minute.

        :param talk: of minutes and money; else of the others, whose block level is for the next call.
        """
        for measure, bound in self.rule.bounds:
            if (measure in TALK) is not talk:
                continue
            value = self.value(measure, now)
            if talk and bound.block is not None and value >= bound.block:
                yield self.event("block", measure, value, bound.block)
            elif bound.warn is not None and value >= bound.warn + (not talk) and self.may_tell("warn", measure, now):
                yield self.event("warn", measure, value, bound.warn)

    def event(self, level: str, measure: str, value: int, bound: int, callee: str = "") -> FraudEvent:
        """A level of a measure is passed."""
        return FraudEvent(level, *self.key, measure, value, bound, self.words(measure, value, bound, callee))

    def may_tell(self, level: str, measure: str, now: float) -> bool:
        """Whether a level is to be told again."""
        quiet = self._quiet.get((level, measure))
        if quiet is not None and now < quiet:
            return False
        self._quiet[level, measure] = now + _QUIET
        return True

    def clear(self) -> None:
        """Begin anew; running calls stay counted."""
        for rolling in (self.calls, self.talk, self.money):
            rolling.clear()
        self._run = 0

    def idle(self, now: float) -> bool:
        """Whether nothing is known of it any more."""
        recent = now - self._last <= max(self.rule.window, _IDLE)
        return not (self.running or recent or self.talk.total(now) or self.money.total(now))


class Counters:
    """All of a node.  Their number is that of accounts and destinations of rules; idle ones go when new ones come."""

    __slots__ = ("_rows", "spare")

    def __init__(self, spare: int = 1000) -> None:
        self.spare = spare
        self._rows: OrderedDict[Key, Counter] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: Key) -> Counter | None:
        """The counter of that key, when anything is known."""
        return self._rows.get(key)

    def of(self, rule: FraudRule, account: str, destination: str, now: float) -> Counter:
        """The counter to count with."""
        key = (rule.name, account, destination)
        found = self._rows.get(key)
        if found is None:
            if len(self._rows) >= self.spare:
                self._shed(now)
            found = self._rows[key] = Counter(rule, account, destination)
        elif found.rule is not rule:
            found.follow(rule)
        return found

    def _shed(self, now: float) -> None:
        for _ in range(min(4, len(self._rows))):
            key, row = self._rows.popitem(last=False)
            if not row.idle(now):
                self._rows[key] = row

    def all(self) -> list[Counter]:
        """Every counter."""
        return list(self._rows.values())


def bound_of(rule: FraudRule, measure: str) -> Bound | None:
    """The levels of a measure in a rule."""
    return dict(rule.bounds).get(measure)
