"""Fraud rules: how much an account may do at a destination before it is warned of, and before it is blocked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.numbers.prefixes import PrefixIndex

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.call.snapshot import Snapshot

MEASURES = ("calls_per_minute", "concurrent", "sequential", "minutes", "money_per_hour")
"""What is measured; `Counter.values` gives the values in this order."""
TALK = ("minutes", "money_per_hour")
"""Those that grow while calls are up: reaching the block level blocks.  Of the others the level itself is allowed."""
BLOCKS = ("destination", "account", "call")
UNITS_OF = {
    "calls_per_minute": "calls a minute",
    "concurrent": "calls at once",
    "sequential": "calls one after the other to {prefix}",
    "minutes": "minutes within {window} s",
    "money_per_hour": "within an hour",
}
"""In the words of the operator."""


class Bound(NamedTuple):
    """The levels of one measure; None = none.  Minutes are in ms, money in units of 10^-7."""

    warn: int | None = None
    block: int | None = None


@dataclass(frozen=True, slots=True)
class FraudRule:
    """One rule.

    :ivar accounts: whose calls it watches, none = all.
    :ivar prefixes: of the called numbers, each a destination of its own; *group* = a number group that is one
        destination; neither = all calls are one.
    :ivar bounds: by measure, those that are set.
    :ivar window: seconds over which minutes are summed, and after which a sequence is forgotten.
    :ivar digits: by which numbers of a sequence are alike.
    :ivar block_for: seconds; *block_what*: destination, account or call.
    :ivar cut: running calls are released too; *lock*: the account is locked.
    """

    name: str
    accounts: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    group: str = ""
    bounds: tuple[tuple[str, Bound], ...] = ()
    window: int = 3600
    digits: int = 7
    block_for: int = 3600
    block_what: str = "destination"
    cut: bool = False
    lock: bool = False
    calendar: str = ""
    when: str = "working"
    talk: bool = field(init=False, default=False)
    _prefixes: PrefixIndex[None] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "talk", any(name in TALK for name, _ in self.bounds))
        object.__setattr__(self, "_prefixes", PrefixIndex(dict.fromkeys(self.prefixes)))

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> FraudRule:
        """Read a configuration body with every key present."""
        bounds = []
        for name in MEASURES:
            levels = body[name]
            if levels:
                scale = 60_000 if name == "minutes" else 1
                warn, block = levels.get("warn"), levels.get("block")
                bound = Bound(warn if warn is None else warn * scale, block if block is None else block * scale)
                bounds.append((name, bound))
        return cls(
            name=body["name"],
            accounts=frozenset(body["accounts"]),
            prefixes=tuple(body["prefixes"]),
            group=body["number_group"],
            bounds=tuple(bounds),
            window=body["window"],
            digits=body["sequential_digits"],
            block_for=body["block_for"],
            block_what=body["block_what"],
            cut=body["cut"],
            lock=body["lock_account"],
            calendar=body["calendar"],
            when=body["when"],
        )

    def destination(self, callee: str, wall_ms: int, snapshot: Snapshot) -> str | None:
        """Which of its destinations a call is for; "" = all calls, None = it does not watch this call."""
        if self.calendar:
            calendar = snapshot.calendars.get(self.calendar)
            if calendar is None or not calendar.admits(wall_ms, self.when):
                return None
        if self.prefixes:
            found = self._prefixes.longest(callee)
            if found is not None:
                return found[0]
        if self.group:
            group = snapshot.number_groups.get(self.group)
            return self.group if group is not None and group.match(callee) is not None else None
        return None if self.prefixes else ""


class FraudRules:
    """All rules, by account; immutable, false when there are none."""

    __slots__ = ("_all", "_by_account", "by_name")

    def __init__(self, rules: Mapping[str, FraudRule]) -> None:
        self.by_name = rules
        ordered = [rule for _, rule in sorted(rules.items()) if rule.bounds]
        self._all = tuple([rule for rule in ordered if not rule.accounts])
        named = {account for rule in ordered for account in rule.accounts}
        self._by_account = {
            account: tuple([rule for rule in ordered if not rule.accounts or account in rule.accounts])
            for account in named
        }

    def __bool__(self) -> bool:
        return bool(self.by_name)

    def of(self, account: str) -> tuple[FraudRule, ...]:
        """The rules that watch the calls of an account."""
        return self._by_account.get(account, self._all)


NO_RULES = FraudRules({})
